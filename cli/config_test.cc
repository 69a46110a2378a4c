// SPDX-License-Identifier: Apache-2.0
#include "cli/config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "cli/testing/run.h"

namespace dlws::cli {
namespace {

class ConfigTest : public ::testing::Test {
  protected:
    testing::Program files_;  // for its home folder
    std::string folder_ = files_.home + "/dlws";

    std::string Refusal(const std::function<void()>& what) {
        try {
            what();
            return "(taken)";
        } catch (Failure& failure) {
            EXPECT_EQ(failure.code, kCommandLine);
            const std::size_t at = failure.text.find(files_.home);
            return at == std::string::npos ? failure.text
                                           : failure.text.replace(at, files_.home.size(), "~");
        }
    }
    KubeIdentity Kube(const std::string& user, const std::string& context = "") {
        files_.Write("k",
                     "current-context: c\ncontexts:\n- {name: c, context: {user: u, namespace: "
                     "vision}}\n- {name: d, context: {user: nobody}}\nusers:\n- {name: u, user: " +
                         user + "}\n");
        return ReadKubeconfig(files_.home + "/k", context);
    }
};

TEST_F(ConfigTest, IsReadAsItWasWritten) {
    EXPECT_EQ(ReadConfig(folder_).server, "") << "there is none yet";
    WriteConfig(folder_, {"https://a.example", "/etc/ca.pem", "vision"});
    const Config config = ReadConfig(folder_);
    EXPECT_EQ(config.server, "https://a.example");
    EXPECT_EQ(config.ca_file, "/etc/ca.pem");
    EXPECT_EQ(config.ns, "vision");
    files_.Write("dlws/config.yaml", "caFile: ca.pem\n");
    EXPECT_EQ(ReadConfig(folder_).ca_file, folder_ + "/ca.pem") << "relative to its own folder";
}

TEST_F(ConfigTest, AMistakeNamesFileAndLine) {
    files_.Write("dlws/config.yaml", "server: https://a\nsrever: x\n");
    EXPECT_EQ(Refusal([&] { ReadConfig(folder_); }),
              "~/dlws/config.yaml: line 2: there is no setting srever; there are server, caFile, "
              "namespace");
    files_.Write("dlws/config.yaml", "server: [a\n");
    EXPECT_EQ(Refusal([&] { ReadConfig(folder_); }).substr(0, 36),
              "~/dlws/config.yaml: line 2: not YAML");
    files_.Write("dlws/config.yaml", "server: [a]\n");
    EXPECT_EQ(Refusal([&] { ReadConfig(folder_); }),
              "~/dlws/config.yaml: line 1: server must be text");
}

TEST_F(ConfigTest, TokensAreForTheirOwnerAlone) {
    WriteLogin(folder_, "https://a", {"dlws1.x", "alice", "2026-12-29T10:00:00Z"});
    WriteLogin(folder_, "https://b", {"other", "bob", ""});
    struct stat about{};
    ASSERT_EQ(::stat((folder_ + "/tokens.yaml").c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0600u);
    ASSERT_EQ(::stat(folder_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777, 0700u);
    EXPECT_EQ(ReadLogin(folder_, "https://a")->token, "dlws1.x");
    EXPECT_EQ(ReadLogin(folder_, "https://b")->username, "bob");
    EXPECT_FALSE(ReadLogin(folder_, "https://c"));

    ::chmod((folder_ + "/tokens.yaml").c_str(), 0640);
    EXPECT_EQ(
        Refusal([&] { ReadLogin(folder_, "https://a"); }),
        "~/dlws/tokens.yaml may be read by others than you; chmod 600 " + folder_ + "/tokens.yaml");
    ::chmod((folder_ + "/tokens.yaml").c_str(), 0600);

    EXPECT_TRUE(ForgetLogin(folder_, "https://a"));
    EXPECT_FALSE(ForgetLogin(folder_, "https://a"));
    EXPECT_EQ(ReadLogin(folder_, "https://b")->token, "other") << "another portal's stays";
}

TEST_F(ConfigTest, ATokenOfAKubeconfig) {
    EXPECT_EQ(Kube("{token: abc}").token, "abc");
    EXPECT_EQ(Kube("{token: abc}").ns, "vision");
    files_.Write("t", "from-file\n");
    EXPECT_EQ(Kube("{token: abc, tokenFile: t}").token, "from-file");
    EXPECT_EQ(Kube("{token: abc}", "d").token, "");
    EXPECT_EQ(Refusal([&] { Kube("{}", "e"); }), "~/k: there is no context e");
}

TEST_F(ConfigTest, WhatElseAKubeconfigHasIsNamed) {
    const auto why = [&](const std::string& user) { return Kube(user).why_not; };
    EXPECT_EQ(why("{exec: {command: x}}"),
              "the user u of the kubeconfig has an exec plugin, which dlws does not run");
    EXPECT_EQ(
        why("{client-certificate-data: x}"),
        "the user u of the kubeconfig has a client certificate, which the portal cannot pass on");
    EXPECT_EQ(why("{auth-provider: {name: gcp}}"),
              "the user u of the kubeconfig has an auth-provider, which dlws does not know");
    EXPECT_EQ(why("{username: u, password: p}"),
              "the user u of the kubeconfig has a password, which Kubernetes no longer takes");
    EXPECT_EQ(why("{}"), "the user u of the kubeconfig has no token");
    files_.Write("k", "current-context: gone\n");
    EXPECT_EQ(ReadKubeconfig(files_.home + "/k", "").why_not, "the kubeconfig has no context gone");
    EXPECT_EQ(ReadKubeconfig(files_.home + "/none", "").why_not,
              "there is no kubeconfig with a current context");
}

TEST_F(ConfigTest, SeveralKubeconfigsAreMergedAsKubectlDoes) {
    files_.Write("a", "contexts:\n- {name: c, context: {user: u, namespace: first}}\n");
    files_.Write("b",
                 "current-context: c\ncontexts:\n- {name: c, context: {user: v, namespace: "
                 "second}}\nusers:\n- {name: u, user: {token: abc}}\n");
    const std::string paths = files_.home + "/a:" + files_.home + "/none:" + files_.home + "/b";
    const KubeIdentity identity = ReadKubeconfig(paths, "");
    EXPECT_EQ(identity.ns, "first");
    EXPECT_EQ(identity.token, "abc");
}

}  // namespace
}  // namespace dlws::cli
