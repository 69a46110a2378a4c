// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml_reader.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dlws_source_dir.h"
#include "kube/yaml.h"

namespace dlws::kube {
namespace {

using ::testing::HasSubstr;

/// The JSON, or "LINE: MESSAGE".
std::string Read(std::string_view text) {
    const auto read = ReadYaml(text);
    return read ? boost::json::serialize(read->value)
                : fmt::format("{}: {}", read.error().line, read.error().message);
}
/// What a plain scalar becomes.
std::string Scalar(const std::string& text) {
    return Read("[" + text + "]");
}

TEST(YamlReaderTest, ReadsWhatPeopleWrite) {
    EXPECT_EQ(Read(R"yaml(# a job
apiVersion: dlworkspace.io/v1
spec:
  command: [python3, -c, "print('hi')"]
  files:
    train.py: |
      import torch
      print(1)
  roles:
  - name: worker
    gpus: 2
  - {name: other, gpus: 0}
  empty:
)yaml"),
              R"json({"apiVersion":"dlworkspace.io/v1","spec":{"command":["python3","-c",)json"
              R"json("print('hi')"],"files":{"train.py":"import torch\nprint(1)\n"},)json"
              R"("roles":[{"name":"worker","gpus":2},{"name":"other","gpus":0}],"empty":null}})");
    EXPECT_EQ(Read("---\na: 1\n...\n"), R"({"a":1})");
    EXPECT_EQ(Read("\xEF\xBB\xBF%YAML 1.2\n---\na: \xC3\xA9\r\nb: 2\r\n"),
              "{\"a\":\"\xC3\xA9\",\"b\":2}");
    EXPECT_EQ(Read(R"({"a": [true, null, "x\u00e9", 1.5]})"),
              "{\"a\":[true,null,\"x\xC3\xA9\",1.5E0]}");
}

TEST(YamlReaderTest, TypesAreThoseOfTheCoreSchema) {
    for (const char* text :
         {"yes",   "no",    "on",       "off",    "y",     "N",   "tRUE", "1:30",
          "12e",   "1_000", "0x",       "0xg",    "0b1",   "0o8", "-0x1", "2026-11-29",
          "1.2.3", ".",     "-a",       "1e",     "+",     "..5", "16Gi", "500m",
          "nULL",  "'12'",  "\"true\"", "'null'", "\"~\"", "inf", "nan"}) {
        std::string bare = text;
        std::erase_if(bare, [](char c) { return c == '\'' || c == '"'; });
        EXPECT_EQ(Scalar(std::string(text) + " "), "[\"" + bare + "\"]") << text;
    }
    for (const char* text : {"~", "null", "Null", "NULL"})
        EXPECT_EQ(Scalar(text), "[null]") << text;
    for (const char* text : {"true", "True", "TRUE"})
        EXPECT_EQ(Scalar(text), "[true]") << text;
    for (const char* text : {"false", "False", "FALSE"})
        EXPECT_EQ(Scalar(text), "[false]") << text;
    const std::pair<const char*, const char*> numbers[] = {
        {"0", "0"},
        {"-0", "0"},
        {"+12", "12"},
        {"-7", "-7"},
        {"0x1F", "31"},
        {"0o644", "420"},
        {"0644", "420"},
        {"-007", "-7"},
        {"00", "0"},
        {"8.0", "8"},
        {"1e3", "1000"},
        {"-1.5", "-1.5E0"},
        {".5", "5E-1"},
        {"5.", "5"},
        {"+2.5e-1", "2.5E-1"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"18446744073709551615", "18446744073709551615"}};
    for (const auto& [text, json] : numbers)
        EXPECT_EQ(Scalar(text), std::string("[") + json + "]") << text;
    EXPECT_EQ(Read("a: |\n  12\n"), R"({"a":"12\n"})") << "a block is text";
    EXPECT_EQ(Read("a: >-\n  true\n"), R"({"a":"true"})");
    EXPECT_EQ(Read("12: x\ntrue: y\n'null': z"), R"({"12":"x","true":"y","null":"z"})")
        << "names are text";
}

TEST(YamlReaderTest, NumbersThatWouldBecomeOthersAreRefused) {
    EXPECT_THAT(Read("a: 1\nb: 0689"), HasSubstr("2: '0689' begins as an octal number"));
    EXPECT_THAT(Scalar("-08"), HasSubstr("octal"));
    for (const char* text :
         {"18446744073709551616", "-9223372036854775809", "1e999", "0x10000000000000000"})
        EXPECT_THAT(Scalar(text), HasSubstr("too large")) << text;
    for (const char* text : {".inf", "-.INF", "+.Inf", ".nan", ".NaN"})
        EXPECT_THAT(Scalar(text), HasSubstr("no such number in JSON")) << text;
}

TEST(YamlReaderTest, KnowsTheLineOfEachPath) {
    const auto good = ReadYaml(R"(metadata:
  labels:
    dlworkspace.io/job: a
    a.b: x
    a: y
spec:
  roles:
  - name: worker
    gpus: 2
  -
    name: other
    env:
      FOO: x
  files: {train.py: "x",
          other.py: "y"}
  text: >
    one
    two
)");
    ASSERT_TRUE(good) << good.error().message;
    const auto line = [&](std::string_view path) { return good->lines.LineOf(path); };
    EXPECT_EQ(line(""), 1);
    EXPECT_EQ(line("metadata"), 1);
    EXPECT_EQ(line("metadata.labels"), 2);
    EXPECT_EQ(line("metadata.labels[dlworkspace.io/job]"), 3);
    EXPECT_EQ(line("metadata.labels.dlworkspace.io/job"), 3);
    EXPECT_EQ(line("metadata.labels.a.b"), 4) << "the longest name that fits";
    EXPECT_EQ(line("metadata.labels[a.b]"), 4);
    EXPECT_EQ(line("metadata.labels.a"), 5);
    EXPECT_EQ(line("spec.roles"), 7);
    EXPECT_EQ(line("spec.roles[0]"), 8);
    EXPECT_EQ(line("spec.roles[0].gpus"), 9);
    EXPECT_EQ(line("spec.roles[1].name"), 11);
    EXPECT_EQ(line("spec.roles[1].env[FOO]"), 13);
    EXPECT_EQ(line("spec.files.train.py"), 14);
    EXPECT_EQ(line("spec.files.other.py"), 15);
    EXPECT_EQ(line("spec.text"), 16);
    // Of what is not there: what is around it.
    EXPECT_EQ(line("spec.roles[0].replicas"), 8);
    EXPECT_EQ(line("spec.roles[7].gpus"), 7);
    EXPECT_EQ(line("spec.roles[x]"), 7);
    EXPECT_EQ(line("spec.rolesX"), 6);
    EXPECT_EQ(line("spec.roles[0].gpus.more[0]"), 9);
    EXPECT_EQ(line("status"), 1);
    EXPECT_EQ(line("[0]"), 1);
    EXPECT_EQ(line("spec.roles["), 7);
    EXPECT_EQ(line("..."), 1);
}

TEST(YamlReaderTest, SaysInWhichLineAndWhatToWrite) {
    EXPECT_EQ(Read("a: 1\nb: 2\na: 3\n"),
              "3: the key 'a' is there twice, first in line 1; write it once");
    EXPECT_EQ(Read("x:\n- a: 1\n  'a': 3\n"),
              "3: the key 'a' is there twice, first in line 2; write it once");
    EXPECT_THAT(Read("a: &b 1\n"), HasSubstr("1: anchors (&name) are not read"));
    EXPECT_THAT(Read("a: &b [1]\n"), HasSubstr("1: anchors (&name) are not read"));
    EXPECT_THAT(Read("a: &b\n"), HasSubstr("1: anchors (&name) are not read"));
    EXPECT_THAT(Read("&b a: 1\n"), HasSubstr("anchors"));
    EXPECT_THAT(Read("a: 1\nb: *a\n"), HasSubstr("2: "));
    EXPECT_THAT(Read("a: 1\nb: !!str 2\n"), HasSubstr("2: tags (as in !!str) are not read"));
    EXPECT_THAT(Read("!mine {a: 1}"), HasSubstr("1: tags"));
    EXPECT_THAT(Read("a:\n  <<: {b: 1}\n"), HasSubstr("2: merge keys"));
    EXPECT_EQ(Read("'<<': 1"), R"({"<<":1})");
    EXPECT_THAT(Read("a: 1\n[b]: 1\n"), HasSubstr("2: a key must be text"));
    EXPECT_THAT(Read("? {a: 1}\n: 2\n"), HasSubstr("1: a key must be text"));
    EXPECT_THAT(Read("a: 1\n? \n: 2\n"), HasSubstr("a key "));
    EXPECT_THAT(Read("null: 1"), HasSubstr("1: a key is missing or null; quote it"));
    EXPECT_THAT(Read("a: 1\n---\nb: 2\n"), HasSubstr("2: a second document begins here"));
    EXPECT_THAT(Read("a: 1\n---\n"), HasSubstr("a second document begins here"));
    for (const char* nothing : {"", "\n# only words\n", "---\n", "null", "~\n"})
        EXPECT_EQ(Read(nothing), "1: the document is empty") << nothing;
    EXPECT_THAT(Read("a: 1\nb: [1, 2\n"), HasSubstr("not YAML: "));
    EXPECT_THAT(Read("a: {b: 1,\n  c: |-\n  x\n}"), HasSubstr("not YAML: "));
    EXPECT_THAT(Read("a:\n  b: 1\n\tc: 2\n"), HasSubstr("3: not YAML: "));
    EXPECT_THAT(Read("a:\n  b: 1\n\tc: 2\n"), HasSubstr("; indent with spaces, not tabs"));
    EXPECT_THAT(Read("a: 1\nb: \"\\q\"\n"), HasSubstr("2: not YAML: "));
    EXPECT_THAT(Read("a: 1\nb: \"\\N\"\n"), HasSubstr("2: the escapes \\N and \\_ cannot be read"));
    EXPECT_THAT(Read("\"\\_\": 1\n"), HasSubstr("1: the escapes \\N and \\_ cannot be read"));
    EXPECT_THAT(Read("a: 1\nb: \x01\n"), HasSubstr("2: a control character (byte 0x01)"));
    EXPECT_THAT(Read(std::string_view("a: 1\nb: \0\n", 10)), HasSubstr("2: a control character"));
    EXPECT_THAT(Read("a: 1\n\nb: \xFF\n"), HasSubstr("3: the text is not UTF-8"));
    EXPECT_THAT(Read("\xFE\xFF\x00"
                     "a"),
                HasSubstr("1: "));
    EXPECT_THAT(Read(std::string(200, 'k') + ": 1\n" + std::string(200, 'k') + ": 1\n"),
                HasSubstr("2: the key (a long text) is there twice"));
}

TEST(YamlReaderTest, IsBounded) {
    const auto nested = [](std::size_t levels) {
        return std::string(levels, '[') + std::string(levels, ']');
    };
    EXPECT_EQ(Read(nested(kMaxYamlDepth)), nested(kMaxYamlDepth));
    EXPECT_THAT(Read(nested(kMaxYamlDepth + 1)), HasSubstr("over 64 levels"));
    EXPECT_FALSE(ReadYaml(std::string(500'000, '[')));
    EXPECT_THAT(Read("a: " + nested(kMaxYamlDepth)), HasSubstr("1: over 64 levels"));
    std::string deep;
    for (int i = 0; i < 70; ++i)
        deep += std::string(std::size_t(i), ' ') + "a:\n";
    EXPECT_THAT(Read(deep), HasSubstr("65: over 64 levels"));

    std::string many = "- 0\n";
    for (std::size_t i = 2; i < kMaxYamlNodes; ++i)
        many += "- 0\n";
    EXPECT_TRUE(ReadYaml(many)) << "the list counts too";
    EXPECT_THAT(Read(many + "- 0\n"), HasSubstr("20000: the document has over 20000"));

    std::string large = "a: " + std::string(kMaxYamlBytes - 3, 'x');
    EXPECT_TRUE(ReadYaml(large));
    EXPECT_THAT(Read(large + "x"), HasSubstr("1: the document has 1048577 bytes"));
}

TEST(YamlReaderTest, OurExamplesAreReadAndWrittenTheSame) {
    int read_ones = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(DLWS_SOURCE_DIR "/crds/examples")) {
        if (entry.path().extension() != ".yaml") continue;
        std::ifstream file(entry.path());
        const std::string text((std::istreambuf_iterator<char>(file)), {});
        const auto once = ReadYaml(text);
        ASSERT_TRUE(once) << entry.path() << ":" << once.error().line << once.error().message;
        EXPECT_EQ(Read(ToYaml(once->value)), boost::json::serialize(once->value)) << entry.path();
        ++read_ones;
    }
    EXPECT_GT(read_ones, 3);
}

}  // namespace
}  // namespace dlws::kube
