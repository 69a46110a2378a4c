// SPDX-License-Identifier: Apache-2.0
#include "kube/exec_plugin.h"

#include <fstream>

#include "kube/client_test_fixture.h"
#include "kube/rfc3339.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using internal::ExecCredential;
using internal::ParseExecCredential;
using internal::RunExecPlugin;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr const char* kV1 = "client.authentication.k8s.io/v1";

ExecPlugin Shell(const std::string& script) {
    ExecPlugin plugin;
    plugin.api_version = kV1;
    plugin.command = "sh";
    plugin.args = {"-c", script};
    return plugin;
}

std::string Print(const std::string& status) {
    return R"(printf '%s' '{"apiVersion":"client.authentication.k8s.io/v1",)"
           R"("kind":"ExecCredential","status":)" +
           status + "}'";
}

class ExecTest : public ::testing::Test {
  public:
    Result<ExecCredential> Try(ExecPlugin plugin, std::chrono::milliseconds patience = 20s) {
        Config config;
        config.host = "::1";
        config.port = "6443";
        config.ca_pem = "CA";
        config.exec = std::move(plugin);
        return testing::Run(io, RunExecPlugin(io.get_executor(), config, patience));
    }
    boost::asio::io_context io;
};

TEST_F(ExecTest, GivesWhatThePluginPrints) {
    const auto credential =
        Try(Shell(Print(R"({"token":"t","clientCertificateData":"c","clientKeyData":"k",)"
                        R"("expirationTimestamp":"2026-01-31T08:00:00Z"})")));
    ASSERT_TRUE(credential) << credential.error().message;
    EXPECT_EQ(credential->token, "t");
    EXPECT_EQ(credential->certificate_pem, "c");
    EXPECT_EQ(credential->key_pem, "k");
    EXPECT_EQ(credential->expiration, internal::ParseRfc3339("2026-01-31T08:00:00Z"));
}

TEST_F(ExecTest, TellsThePluginWhatItIsFor) {
    ExecPlugin plugin = Shell(
        "test \"$A\" = 'x y' && test \"$HOME\" = /from-us && test -z \"$(cat)\" && "
        "t=$(printf '%s' \"$KUBERNETES_EXEC_INFO\" | tr -d '\"') && " +
        Print(R"({"token":"'"$t"'"})"));
    plugin.env = {{"A", "x y"}, {"HOME", "/from-us"}};
    auto credential = Try(plugin);
    ASSERT_TRUE(credential) << credential.error().message;
    EXPECT_EQ(credential->token,
              "{apiVersion:client.authentication.k8s.io/v1,kind:ExecCredential,"
              "spec:{interactive:false}}");
    plugin.provide_cluster_info = true;
    credential = Try(plugin);
    ASSERT_TRUE(credential) << credential.error().message;
    EXPECT_THAT(credential->token, HasSubstr("cluster:{server:https://[::1]:6443,"
                                             "certificate-authority-data:Q0E=}"));
}

TEST_F(ExecTest, SaysWhyItFailed) {
    ExecPlugin missing;
    missing.api_version = kV1;
    missing.command = "/no/such/plugin";
    missing.install_hint = "Get it from the shelf.";
    auto credential = Try(missing);
    ASSERT_FALSE(credential);
    EXPECT_EQ(credential.error().kind, ErrorKind::kInvalidArgument);
    EXPECT_THAT(credential.error().message, HasSubstr("/no/such/plugin"));
    EXPECT_THAT(credential.error().message, HasSubstr("Get it from the shelf."));
    credential = Try(Shell("echo not logged in >&2; exit 3"));
    ASSERT_FALSE(credential);
    EXPECT_THAT(credential.error().message, HasSubstr("'sh' exited with 3: not logged in"));
    credential = Try(Shell("kill -9 $$"));
    ASSERT_FALSE(credential);
    EXPECT_THAT(credential.error().message, HasSubstr("killed by signal 9"));
}

TEST_F(ExecTest, IsNotFloodedAndDoesNotHang) {
    auto credential = Try(Shell("head -c 3000000 /dev/zero"));
    ASSERT_FALSE(credential);
    EXPECT_THAT(credential.error().message, HasSubstr("more than 1 MiB"));
    credential = Try(Shell("head -c 3000000 /dev/zero >&2;" + Print(R"({"token":"t"})")));
    EXPECT_TRUE(credential) << credential.error().message;
}

TEST_F(ExecTest, IsKilledWithItsChildrenAtTheDeadline) {
    const std::string file = ::testing::TempDir() + "exec-" + std::to_string(getpid());
    const auto begin = Clock::now();
    const auto credential =
        Try(Shell("(sleep 60; echo late) & echo $! > " + file + "; sleep 60"), 300ms);
    ASSERT_FALSE(credential);
    EXPECT_EQ(credential.error().kind, ErrorKind::kTimeout);
    EXPECT_LT(Clock::now() - begin, 5s);
    int child = 0;
    std::ifstream(file) >> child;
    ASSERT_GT(child, 0);
    // Gone, or a zombie that waits for whoever reaps orphans here.
    const auto dead = [&] {
        std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
        std::string text;
        std::getline(stat, text);
        return !stat || text.find(") Z") != std::string::npos;
    };
    EXPECT_TRUE(Eventually(io, dead, 5s));
    std::remove(file.c_str());
}

TEST_F(ExecTest, DoesNotBlockTheExecutor) {
    Config config;
    config.exec = Shell("sleep 0.5;" + Print(R"({"token":"t"})"));
    Background<Result<ExecCredential>> plugin(io, RunExecPlugin(io.get_executor(), config, 20s));
    int ticks = 0;
    while (!plugin.Done() && ticks < 1000) {
        testing::RunFor(io, 10ms);
        ++ticks;
    }
    EXPECT_GE(ticks, 20);
    ASSERT_TRUE(plugin.Value());
    EXPECT_TRUE(*plugin.Value());
}

TEST(ExecCredentialTest, RefusesNonsense) {
    const auto refused = [](const std::string& text, const char* why) {
        const auto credential = ParseExecCredential(text, kV1);
        ASSERT_FALSE(credential) << text;
        EXPECT_THAT(credential.error().message, HasSubstr(why)) << text;
    };
    const std::string head =
        R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1")";
    refused("", "not a JSON object");
    refused("[]", "not a JSON object");
    refused(R"({"kind":"Pod"})", "kind");
    refused(R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1"})",
            "v1beta1");
    refused(head + "}", "no status");
    refused(head + R"(,"status":{}})", "neither");
    refused(head + R"(,"status":{"token":7}})", "neither");
    refused(head + R"(,"status":{"clientKeyData":"k"}})", "together");
    refused(head + R"(,"status":{"token":"t","expirationTimestamp":"tomorrow"}})", "RFC 3339");
    EXPECT_TRUE(ParseExecCredential(head + R"(,"status":{"token":"t"}})", kV1));
}

TEST(Rfc3339Test, ReadsWhatKubernetesWrites) {
    using internal::ParseRfc3339;
    const auto epoch = std::chrono::system_clock::time_point();
    EXPECT_EQ(ParseRfc3339("1970-01-01T00:00:00Z"), epoch);
    EXPECT_EQ(ParseRfc3339("1970-01-01T01:30:00+01:30"), epoch);
    EXPECT_EQ(ParseRfc3339("1969-12-31T23:00:00-01:00"), epoch);
    EXPECT_EQ(ParseRfc3339("1970-01-02T00:00:01.250000Z"), epoch + 24h + 1250ms);
    for (const char* text :
         {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z",
          "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:00.Z",
          "1970-01-01T00:00:00Zx", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00+25:00"}) {
        EXPECT_FALSE(ParseRfc3339(text)) << text;
    }
}

/// The plugin as the client uses it.
class ExecClientTest : public ClientTest {
  public:
    ExecClientTest() : file(::testing::TempDir() + "runs-" + std::to_string(getpid())) {
        std::remove(file.c_str());
    }
    ~ExecClientTest() override { std::remove(file.c_str()); }
    /// Prints a token that counts its runs.
    Config Counting(const std::string& expiration) {
        Config config = server.ClientConfig();
        const std::string status =
            R"({"token":"run-'"$n"'")" +
            (expiration.empty() ? "" : R"(,"expirationTimestamp":")" + expiration + "\"") + "}";
        config.exec = Shell("echo x >> " + file + "; n=$(wc -l < " + file + ");" + Print(status));
        return config;
    }
    int Runs() const {
        std::ifstream in(file);
        return static_cast<int>(
            std::count(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>(), '\n'));
    }
    std::string LastToken() const { return server.Requests().back().Header("authorization"); }
    const std::string file;
};

INSTANTIATE_TEST_SUITE_P(Transport, ExecClientTest, ::testing::Bool(), TransportName);

TEST_P(ExecClientTest, RunsOnceForAllCallsUntilItExpires) {
    server.When("GET", kPodPath).Reply(200, kPodJson);
    Client client(io.get_executor(), Counting("2999-01-01T00:00:00Z"));
    std::vector<Background<Result<ObjectPtr>>> calls;
    for (int i = 0; i < 5; ++i)
        calls.emplace_back(io, client.Get(kPods, kPodKey));
    for (auto& call : calls) {
        ASSERT_TRUE(call.Wait());
        EXPECT_TRUE(*call.Value());
    }
    ASSERT_TRUE(GetPod(client));
    EXPECT_EQ(Runs(), 1);
    EXPECT_EQ(LastToken(), "Bearer run-1");
    Client expired(io.get_executor(), Counting("2020-01-01T00:00:00Z"));
    ASSERT_TRUE(GetPod(expired));
    ASSERT_TRUE(GetPod(expired));
    EXPECT_EQ(Runs(), 3);
    EXPECT_EQ(LastToken(), "Bearer run-3");
}

TEST_P(ExecClientTest, A401RunsItAgainOnce) {
    server.When("GET", kPodPath).Call([](const testing::Request& request) {
        testing::Answer answer;
        answer.status = request.Header("authorization") == "Bearer run-2" ? 200 : 401;
        answer.body = kPodJson;
        return answer;
    });
    Client client(io.get_executor(), Counting(""));
    const auto pod = GetPod(client);
    EXPECT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(Runs(), 2);
}

TEST_P(ExecClientTest, AFailureIsTheCallsError) {
    Config config = server.ClientConfig();
    config.exec = Shell("echo no >&2; exit 1");
    Client client(io.get_executor(), config);
    const auto pod = GetPod(client);
    ASSERT_FALSE(pod);
    EXPECT_THAT(pod.error().message, HasSubstr("exited with 1: no"));
    config.exec = Shell("sleep 60");
    Client slow(io.get_executor(), config, {.exec_patience = 200ms});
    const auto late = GetPod(slow);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
}

TEST_P(ExecClientTest, CancellingOneCallLeavesThePluginToTheOthers) {
    server.When("GET", kPodPath).Reply(200, kPodJson);
    Config config = server.ClientConfig();
    config.exec = Shell("sleep 0.3;" + Print(R"({"token":"t"})"));
    Client client(io.get_executor(), config);
    Background<Result<ObjectPtr>> first(io, client.Get(kPods, kPodKey));
    Background<Result<ObjectPtr>> second(io, client.Get(kPods, kPodKey));
    testing::RunFor(io, 50ms);
    first.Cancel();
    ASSERT_TRUE(first.Wait());
    ASSERT_TRUE(second.Wait());
    EXPECT_TRUE(*second.Value()) << second.Value()->error().message;
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST(ExecCertificateTest, AClientCertificateFromThePluginIsShown) {
    testing::Imposter server({.tls = true, .require_client_certificate = true});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    const auto [certificate, key] = server.IssueClientCertificate("from-plugin");
    const auto lines = [](std::string text) {
        for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at)) {
            text.replace(at, 1, "\\n");
        }
        return text;
    };
    Config config = server.ClientConfig();
    config.client_cert_pem = config.client_key_pem = "";
    config.exec = Shell(Print(R"({"clientCertificateData":")" + lines(certificate) +
                              R"(","clientKeyData":")" + lines(key) + "\"}"));
    boost::asio::io_context io;
    Client client(io.get_executor(), config);
    const auto pod = testing::Run(io, client.Get(kPods, kPodKey));
    ASSERT_TRUE(pod) << pod.error().message;
    EXPECT_EQ(server.Requests().back().client_name, "from-plugin");
}

}  // namespace
}  // namespace dlws::kube
