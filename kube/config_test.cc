// SPDX-License-Identifier: Apache-2.0
#include "kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kube/base64.h"
#include "kube/config_files.h"
#include "kube/kubeconfig.h"

namespace dlws::kube {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kGood = R"(apiVersion: v1
kind: Config
current-context: main
clusters:
- name: lab
  cluster:
    server: https://10.0.0.1:6443
    certificate-authority: pki/ca.crt
- name: other
  cluster: {server: "http://localhost/prefix/", tls-server-name: api}
users:
- name: admin
  user:
    client-certificate: pki/admin.crt
    client-key: /etc/admin.key
- name: robot
  user: {token: " abc\n", tokenFile: robot.token}
contexts:
- name: main
  context: {cluster: lab, user: admin, namespace: vision}
- name: second
  context: {cluster: other, user: robot}
- name: nobody
  context: {cluster: lab}
)";

/// A folder of our own, and environment variables that are put back.
class ConfigTest : public ::testing::Test {
  public:
    void SetUp() override {
        folder_ = ::testing::TempDir() + "config-" + std::to_string(getpid());
        std::filesystem::create_directories(folder_);
        for (const char* name :
             {"KUBECONFIG", "HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"}) {
            const char* value = std::getenv(name);
            if (value != nullptr) saved_[name] = value;
            unsetenv(name);
            names_.push_back(name);
        }
    }
    void TearDown() override {
        for (const auto& name : names_)
            unsetenv(name.c_str());
        for (const auto& [name, value] : saved_)
            setenv(name.c_str(), value.c_str(), 1);
        std::filesystem::remove_all(folder_);
    }
    std::string Write(const std::string& name, const std::string& text) const {
        const std::string path = folder_ + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << text;
        return path;
    }
    /// Loads kGood with one text replaced and expects a refusal.
    void Refused(const std::string& from, const std::string& to, const std::string& why,
                 const std::string& context = "") {
        std::string text = kGood;
        const auto at = text.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        text.replace(at, from.size(), to);
        const auto file = Write("bad", text);
        const auto config = LoadKubeconfig(file, context);
        ASSERT_FALSE(config) << to;
        EXPECT_EQ(config.error().kind, ErrorKind::kInvalidArgument);
        EXPECT_THAT(config.error().message, AllOf(HasSubstr(file), HasSubstr(why))) << to;
    }

    std::string folder_;
    std::vector<std::string> names_;
    std::map<std::string, std::string> saved_;
};

TEST_F(ConfigTest, ReadsAContext) {
    const auto file = Write("kubeconfig", kGood);
    auto config = LoadKubeconfig(file);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host, "10.0.0.1");
    EXPECT_EQ(config->port, "6443");
    EXPECT_EQ(config->base_path, "");
    EXPECT_TRUE(config->tls);
    EXPECT_EQ(config->ca_file, folder_ + "/pki/ca.crt");
    EXPECT_EQ(config->client_cert_file, folder_ + "/pki/admin.crt");
    EXPECT_EQ(config->client_key_file, "/etc/admin.key");
    EXPECT_EQ(config->default_namespace, "vision");

    config = LoadKubeconfig(file, "second");
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host, "localhost");
    EXPECT_EQ(config->port, "80");
    EXPECT_EQ(config->base_path, "/prefix");
    EXPECT_FALSE(config->tls);
    EXPECT_EQ(config->tls_server_name, "api");
    EXPECT_EQ(config->token, "abc");
    EXPECT_EQ(config->token_file, folder_ + "/robot.token");
    EXPECT_EQ(config->default_namespace, "default");

    EXPECT_TRUE(LoadKubeconfig(file, "nobody"));
}

TEST_F(ConfigTest, ReadsServers) {
    const auto server = [&](const std::string& url) {
        std::string text = kGood;
        text.replace(text.find("https://10.0.0.1:6443"), 21, "\"" + url + "\"");
        return LoadKubeconfig(Write("server", text));
    };
    EXPECT_EQ(server("https://[2001:db8::1]:6443")->host, "2001:db8::1");
    EXPECT_EQ(server("https://[2001:db8::1]:6443")->port, "6443");
    EXPECT_EQ(server("https://[::1]")->port, "443");
    EXPECT_EQ(server("https://api.example")->host, "api.example");
    EXPECT_EQ(server("https://api.example/a/b/")->base_path, "/a/b");
    for (const char* bad :
         {"", "api.example", "ftp://x", "https://", "https://:443", "https://x:", "https://x:0",
          "https://x:65536", "https://x:6443x", "https://x:123456", "https://2001:db8::1",
          "https://[::1", "https://[::1]6443", "https://u@x", "https://x?y", "https://x/#y"}) {
        const auto config = server(bad);
        ASSERT_FALSE(config) << bad;
        EXPECT_THAT(config.error().message, HasSubstr("https://10.0.0.1:6443")) << bad;
        EXPECT_THAT(config.error().message,
                    HasSubstr("/server: line 7: clusters[0].cluster.server is"))
            << bad;
    }
}

TEST_F(ConfigTest, DataWinsOverFiles) {
    std::string text = kGood;
    text.replace(text.find("certificate-authority:"), 22,
                 "certificate-authority-data: \"Q0\n      E=\"\n    certificate-authority:");
    const auto config = LoadKubeconfig(Write("data", text));
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->ca_pem, "CA");
    EXPECT_EQ(config->ca_file, "");
}

TEST_F(ConfigTest, SaysWhatIsWrongAndWhere) {
    Refused("current-context: main", "", "current-context is not set");
    Refused("current-context: main", "current-context: nowhere",
            "context 'nowhere' does not exist; there is: main, nobody, second");
    Refused("{cluster: lab, user: admin,", "{cluster: gone, user: admin,",
            "cluster 'gone' (wanted by context 'main') does not exist; there is: lab, other");
    Refused("{cluster: lab, user: admin,", "{cluster: lab, user: gone,", "user 'gone'");
    Refused("{cluster: lab, user: admin,", "{user: admin,", "cluster is missing");
    Refused("server: https", "servre: https", "server is missing: write the URL");
    Refused("client-key: /etc/admin.key", "", "client-key is missing");
    Refused("client-certificate: pki/admin.crt", "", "client-certificate is missing");
    Refused("server: https", "proxy-url: socks5://x\n    server: https",
            "proxy-url is not supported");
    Refused("client-key: /", "as: root\n    client-key: /", "impersonation");
    Refused("client-key: /", "auth-provider: {name: gcp}\n    client-key: /", "use an exec plugin");
    Refused("server: https", "insecure-skip-tls-verify: yes\n    server: https",
            "line 7: clusters[0].cluster.insecure-skip-tls-verify is 'yes': write true or "
            "false");
    Refused("server: https", "insecure-skip-tls-verify: true\n    server: https", "remove one");
    Refused("server: https", "certificate-authority-data: '!'\n    server: https", "not base64");
    Refused("server: https", "server: https://a\n    server: https",
            "line 8: the key 'server' is there twice");
    Refused("- name: other", "- name: lab", "'lab' is there twice");
    Refused("- name: other", "- title: other", "clusters[1].name is missing");
    Refused("kind: Config", "kind: Pod", "no kubeconfig");
    Refused("clusters:\n", "clusters: {}\nclosters:\n", "clusters must be a list");
    Refused("kind: Config", "kind: [", "not YAML");
    Refused("    server: https://10.0.0.1:6443", "\tserver: x", "line 7: not YAML");
    Refused("kind: Config", "kind: {}", "must be a string");
}

TEST_F(ConfigTest, BoundsWhatItReads) {
    EXPECT_THAT(LoadKubeconfig(folder_ + "/none").error().message,
                AllOf(HasSubstr(folder_ + "/none"), HasSubstr("No such file")));
    EXPECT_THAT(LoadKubeconfig(folder_).error().message, HasSubstr("directory"));
    EXPECT_THAT(LoadKubeconfig(Write("empty", "")).error().message, HasSubstr("empty"));
    EXPECT_THAT(LoadKubeconfig(Write("list", "[1]")).error().message, HasSubstr("is a map"));
    EXPECT_THAT(LoadKubeconfig(Write("big", std::string((1u << 20) + 1, '#'))).error().message,
                HasSubstr("larger than 1048576 bytes"));
    EXPECT_THAT(LoadKubeconfig(Write("zero", std::string("a: b\0", 5))).error().message,
                HasSubstr("not text"));
    std::string deep;
    for (int i = 0; i < 100; ++i)
        deep += "{a: ";
    EXPECT_FALSE(LoadKubeconfig(Write("deep", deep + "1" + std::string(100, '}'))));
    EXPECT_FALSE(LoadKubeconfig(Write("abyss", std::string(100'000, '['))));
    // Each line twice the one before: 2^40 nodes if aliases were followed.
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 40; ++i) {
        const auto n = std::to_string(i);
        const auto before = std::to_string(i - 1);
        bomb += "a" + n + ": &a" + n + " [*a" + before + ", *a" + before + "]\n";
    }
    EXPECT_THAT(LoadKubeconfig(Write("bomb", bomb)).error().message, HasSubstr("more nodes"));
}

TEST_F(ConfigTest, ReadsExecPlugins) {
    std::string text = kGood;
    text.replace(text.find("  user: {token"), text.find("contexts:") - text.find("  user: {token"),
                 R"(  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: bin/login
      args: [get-token, "--x=1"]
      env: [{name: A, value: "1"}, {name: B, value: ""}]
      installHint: install it
      provideClusterInfo: true
      interactiveMode: IfAvailable
)");
    const auto config = LoadKubeconfig(Write("exec", text), "second");
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_TRUE(config->exec);
    EXPECT_EQ(config->exec->command, folder_ + "/bin/login");
    EXPECT_EQ(config->exec->args, (std::vector<std::string>{"get-token", "--x=1"}));
    EXPECT_EQ(config->exec->env, (std::map<std::string, std::string>{{"A", "1"}, {"B", ""}}));
    EXPECT_EQ(config->exec->install_hint, "install it");
    EXPECT_TRUE(config->exec->provide_cluster_info);
    const auto broken = [&](const std::string& from, const std::string& to) {
        std::string other = text;
        other.replace(other.find(from), from.size(), to);
        const auto result = LoadKubeconfig(Write("exec", other), "second");
        return result ? std::string() : result.error().message;
    };
    EXPECT_THAT(broken("k8s.io/v1", "k8s.io/v1alpha1"), HasSubstr("exec.apiVersion is"));
    EXPECT_THAT(broken("command: bin/login", ""), HasSubstr("exec.command is missing"));
    EXPECT_THAT(broken("IfAvailable", "Always"), HasSubstr("nobody at a terminal"));
    EXPECT_THAT(broken("name: A", "name: A=B"), HasSubstr("environment variable"));
    EXPECT_THAT(broken("[get-token", "{get-token"), HasSubstr("line "));
}

TEST_F(ConfigTest, MergesTheFilesOfTheVariable) {
    const auto first = Write("one/first", R"(current-context: shared
contexts: [{name: shared, context: {cluster: c, user: u}}]
users: [{name: u, user: {tokenFile: t}}]
)");
    const auto second = Write("two/second", R"(current-context: ignored
users: [{name: u, user: {token: ignored}}]
clusters: [{name: c, cluster: {server: "https://second", certificate-authority: ca}}]
)");
    setenv("KUBECONFIG", (folder_ + "/none:" + first + "::" + second).c_str(), 1);
    const auto config = LoadConfig();
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host, "second");
    EXPECT_EQ(config->token, "");
    EXPECT_EQ(config->token_file, folder_ + "/one/t");
    EXPECT_EQ(config->ca_file, folder_ + "/two/ca");
    // An argument is used alone.
    EXPECT_THAT(LoadConfig(first).error().message, HasSubstr("cluster 'c'"));
    setenv("KUBECONFIG", (folder_ + "/none").c_str(), 1);
    EXPECT_THAT(LoadConfig().error().message, HasSubstr("no such file exists"));
}

TEST_F(ConfigTest, FallsBackToClusterAndHome) {
    setenv("HOME", folder_.c_str(), 1);
    EXPECT_THAT(LoadConfig().error().message,
                AllOf(HasSubstr("no configuration found"), HasSubstr("--kubeconfig")));
    Write(".kube/config", kGood);
    EXPECT_EQ(LoadConfig()->host, "10.0.0.1");
    setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    EXPECT_THAT(LoadConfig().error().message, HasSubstr("serviceaccount"));
}

TEST_F(ConfigTest, InCluster) {
    EXPECT_THAT(LoadInClusterFrom(folder_).error().message, HasSubstr("KUBERNETES_SERVICE_HOST"));
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    EXPECT_THAT(LoadInClusterFrom(folder_).error().message, HasSubstr("KUBERNETES_SERVICE_PORT"));
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    EXPECT_THAT(LoadInClusterFrom(folder_).error().message, HasSubstr(folder_ + "/token"));
    Write("token", "t");
    EXPECT_THAT(LoadInClusterFrom(folder_).error().message, HasSubstr(folder_ + "/ca.crt"));
    Write("ca.crt", " \n");
    EXPECT_THAT(LoadInClusterFrom(folder_).error().message, HasSubstr("ca.crt is empty"));
    Write("ca.crt", "CA");
    EXPECT_EQ(LoadInClusterFrom(folder_)->default_namespace, "default");
    Write("namespace", "dlws-system");
    const auto config = LoadInClusterFrom(folder_);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->host, "fd00::1");
    EXPECT_EQ(config->port, "443");
    EXPECT_EQ(config->token_file, folder_ + "/token");
    EXPECT_EQ(config->ca_file, folder_ + "/ca.crt");
    EXPECT_EQ(config->default_namespace, "dlws-system");
    EXPECT_TRUE(config->tls);
}

TEST(WithoutIdentityTest, KeepsTheServerAndNothingElse) {
    Config config;
    config.host = "api.example";
    config.port = "6443";
    config.base_path = "/prefix";
    config.tls = false;
    config.tls_server_name = "name";
    config.insecure_skip_verify = true;
    config.ca_pem = "CA";
    config.ca_file = "/ca";
    config.client_cert_pem = config.client_key_pem = config.client_cert_file = "secret";
    config.client_key_file = config.token = config.token_file = "secret";
    config.username = config.password = "secret";
    config.exec.emplace().command = "secret";
    const Config nobody = WithoutIdentity(config);
    EXPECT_EQ(nobody.host, "api.example");
    EXPECT_EQ(nobody.port, "6443");
    EXPECT_EQ(nobody.base_path, "/prefix");
    EXPECT_FALSE(nobody.tls);
    EXPECT_EQ(nobody.tls_server_name, "name");
    EXPECT_TRUE(nobody.insecure_skip_verify);
    EXPECT_EQ(nobody.ca_pem, "CA");
    EXPECT_EQ(nobody.ca_file, "/ca");
    for (const std::string& empty : {nobody.client_cert_pem, nobody.client_key_pem,
                                     nobody.client_cert_file, nobody.client_key_file, nobody.token,
                                     nobody.token_file, nobody.username, nobody.password})
        EXPECT_EQ(empty, "");
    EXPECT_FALSE(nobody.exec);
}

TEST(ConfigFilesTest, Base64) {
    using kube::DecodeBase64;
    using kube::EncodeBase64;
    for (const std::string text : {"", "a", "ab", "abc", "abcd"}) {
        EXPECT_EQ(DecodeBase64(EncodeBase64(text)), text);
    }
    EXPECT_EQ(EncodeBase64("abcd"), "YWJjZA==");
    EXPECT_EQ(DecodeBase64(" YW\nJj\r\n"), "abc");
    EXPECT_FALSE(DecodeBase64("YWJ"));
    EXPECT_FALSE(DecodeBase64("Y*Jj"));
}

}  // namespace
}  // namespace dlws::kube
