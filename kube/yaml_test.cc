// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <boost/json.hpp>

namespace dlws::kube {
namespace {

namespace json = boost::json;

TEST(Yaml, IsAsPeopleWriteIt) {
    EXPECT_EQ(ToYaml(json::parse(R"({"kind":"DLJob","spec":{"image":"a/b:1","roles":[{"name":"w",
        "replicas":2}],"env":[],"suspend":false,"queue":null,"files":[{"content":"import os\nprint(1)\n"}]}})")),
              "kind: DLJob\n"
              "spec:\n"
              "  image: \"a/b:1\"\n"
              "  roles:\n"
              "    - name: w\n"
              "      replicas: 2\n"
              "  env: []\n"
              "  suspend: false\n"
              "  queue: null\n"
              "  files:\n"
              "    - content: |\n"
              "        import os\n"
              "        print(1)\n");
}

TEST(Yaml, StringsStayWhatTheyAre) {
    for (const std::string text :
         {"",           "true",  "No",      "null",       "12",          "1e3",      "0x1f",
          "~",          "a: b",  "- a",     "# x",        " a",          "a ",       "a\n",
          "a\n\n",      "\na\n", " a\nb\n", "a\n  b\n",   "tab\there\n", "line\r\n", "\x01",
          "\xc3\xa4\n", "{a}",   "*a",      "&a",         "!a",          "'",        "\"",
          "a#b",        "a\nb",  "@x",      "2026-01-02", "---\n",       "...\n",    "key: |\n"}) {
        const YAML::Node read = YAML::Load(ToYaml(json::value{{"text", text}}));
        EXPECT_EQ(read["text"].as<std::string>(), text);
        // Quoted or plain: a reader that guesses types must guess a string.
        const bool quoted = read["text"].Tag() == "!";
        EXPECT_TRUE(quoted || text.empty() || std::isalpha((unsigned char)text[0])) << text;
    }
}

}  // namespace
}  // namespace dlws::kube
