// SPDX-License-Identifier: Apache-2.0
// Calls that bring an identity of their own.
#include <fstream>

#include "kube/client_test_fixture.h"
#include "kube/log.h"

namespace dlws::kube {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::With;

const std::string kUser = "header.alice.signature";

/// Over plain TCP and over TLS, whose client shows no certificate.
class BearerTest : public ::testing::TestWithParam<bool> {
  public:
    BearerTest() : server({.tls = GetParam()}) {}
    ~BearerTest() override { std::remove(file_.c_str()); }

    /// The server, and our own token in a file that may be read again.
    Config Ours() {
        Config config = server.ClientConfig();
        config.token_file = file_;
        std::ofstream(file_) << "ours";
        return config;
    }
    static CallOptions AsUser() {
        return With<CallOptions>([](auto& o) { o.bearer = kUser; });
    }
    std::string LastAuthorization() const {
        return server.Requests().back().Header("authorization");
    }

    testing::Imposter server;
    boost::asio::io_context io;

  private:
    const std::string file_ =
        ::testing::TempDir() + "bearer-" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
};

INSTANTIATE_TEST_SUITE_P(Transport, BearerTest, ::testing::Bool(), TransportName);

TEST_P(BearerTest, EveryCallIsTheCallers) {
    Client client(io.get_executor(), Ours());
    server.When("", "*").Reply(200, kPodJson);
    server.When("GET", kPodsPath).Reply(200, R"({"metadata":{"resourceVersion":"7"},"items":[]})");
    const auto watch = server.When("GET", kPodsPath, {{"watch", "true"}}).OpenStream();
    const auto as_user = [&](auto options) {
        options.bearer = kUser;
        return options;
    };
    ListOptions list;
    list.ns = "default";
    WatchOptions watching;
    watching.ns = "default";
    WriteOptions apply;
    apply.field_manager = "me";
    const auto expect_user = [&](const char* what, bool good) {
        EXPECT_TRUE(good) << what;
        EXPECT_EQ(LastAuthorization(), "Bearer " + kUser) << what;
    };
    const auto run = [&](auto work) { return testing::Run(io, std::move(work)).has_value(); };
    expect_user("get", run(client.Get(kPods, kPodKey, AsUser())));
    expect_user("list", run(client.List(kPods, as_user(list))));
    expect_user("watch", run(client.Watch(kPods, as_user(watching))));
    expect_user("create", run(client.Create(kPods, "default", "{}", as_user(WriteOptions()))));
    expect_user("update", run(client.Update(kPods, kPodKey, R"({"resourceVersion":"1"})",
                                            as_user(WriteOptions()))));
    expect_user("patch",
                run(client.Patch(kPods, kPodKey, PatchType::kApply, "{}", as_user(apply))));
    expect_user("ask", run(client.Ask(kSelfSubjectAccessReviews, "{}", AsUser())));
    expect_user("delete", run(client.Delete(kPods, kPodKey, as_user(DeleteOptions()))));
    expect_user("raw", run(client.GetRaw("/version", AsUser())));
    EXPECT_EQ(server.Requests().size(), 9U);
    ASSERT_TRUE(run(client.GetRaw("/version")));
    EXPECT_EQ(LastAuthorization(), "Bearer ours") << "the identity was that call's alone";
}

TEST_P(BearerTest, ReviewsHaveTheirPaths) {
    Client client(io.get_executor(), WithoutIdentity(Ours()));
    server.When("", "*").Reply(201, "{}");
    ASSERT_TRUE(testing::Run(io, client.Ask(kSelfSubjectAccessReviews, "{}", AsUser())));
    ASSERT_TRUE(testing::Run(io, client.Ask(kSelfSubjectReviews, "{}", AsUser())));
    const auto requests = server.Requests();
    EXPECT_EQ(requests[0].target, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews");
    EXPECT_EQ(requests[1].target, "/apis/authentication.k8s.io/v1/selfsubjectreviews");
}

TEST_P(BearerTest, A401IsFinalAndNothingIsReadAgain) {
    Client client(io.get_executor(), Ours());
    server.When("GET", kPodPath).Reply(401, R"({"kind":"Status","message":"Unauthorized"})");
    const auto pod = testing::Run(io, client.Get(kPods, kPodKey, AsUser()));
    ASSERT_FALSE(pod);
    EXPECT_TRUE(pod.error().IsUnauthorized());
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST_P(BearerTest, WithoutIdentityACallThatNamesNobodyIsNobodys) {
    Client client(io.get_executor(), WithoutIdentity(Ours()));
    server.When("GET", kPodPath).Reply(200, kPodJson);
    ASSERT_TRUE(testing::Run(io, client.Get(kPods, kPodKey)));
    EXPECT_EQ(LastAuthorization(), "");
    ASSERT_TRUE(testing::Run(io, client.Get(kPods, kPodKey, AsUser())));
    EXPECT_EQ(LastAuthorization(), "Bearer " + kUser);
    ASSERT_TRUE(testing::Run(io, client.Get(kPods, kPodKey)));
    EXPECT_EQ(LastAuthorization(), "") << "on the same connection";
    EXPECT_EQ(server.Connections(), 1);
}

TEST_P(BearerTest, ATokenCannotSmuggleHeadersNorIsItRepeated) {
    Client client(io.get_executor(), WithoutIdentity(Ours()));
    server.When("GET", kPodPath).Reply(200, kPodJson);
    for (const char* bad : {"secret\r\nX-Evil: yes", "secret ", "secr\xC3\xA9t", "secret\n"}) {
        CallOptions options;
        options.bearer = bad;
        const auto pod = testing::Run(io, client.Get(kPods, kPodKey, options));
        ASSERT_FALSE(pod) << bad;
        EXPECT_EQ(pod.error().kind, ErrorKind::kInvalidArgument);
        EXPECT_THAT(pod.error().message, Not(HasSubstr("secr")));
    }
    EXPECT_TRUE(server.Requests().empty());
}

TEST_P(BearerTest, IsInNoLogAndInNoError) {
    SetLogLevel(LogLevel::kDebug);
    ::testing::internal::CaptureStderr();
    std::string errors;
    {
        Client client(io.get_executor(), WithoutIdentity(Ours()));
        using testing::Fault;
        for (const Fault fault : {Fault::kGarbage, Fault::kReset, Fault::kCloseMidBody}) {
            server.When("GET", kPodPath).Misbehave(fault, kPodJson);
            errors += testing::Run(io, client.Get(kPods, kPodKey, AsUser())).error().message;
        }
        server.When("GET", kPodPath)
            .Reply(403, R"({"kind":"Status","message":"no"})", {{"Warning", "299 - \"w\""}});
        errors += testing::Run(io, client.Get(kPods, kPodKey, AsUser())).error().message;
    }
    SetLogLevel(LogLevel::kInfo);
    EXPECT_THAT(::testing::internal::GetCapturedStderr() + errors, Not(HasSubstr("alice")));
}

TEST(BearerCertificateTest, AClientWithACertificateOfItsOwnRefuses) {
    testing::Imposter server({.tls = true});
    server.When("GET", kPodPath).Reply(200, kPodJson);
    boost::asio::io_context io;
    CallOptions options;
    options.bearer = kUser;
    Config with_bytes = server.ClientConfig(), with_files = with_bytes, with_plugin = with_bytes;
    with_bytes.client_cert_pem = server.ClientCertificatePem();
    with_bytes.client_key_pem = server.ClientKeyPem();
    with_files.client_cert_file = with_files.client_key_file = "/nowhere";
    with_plugin.exec.emplace().command = "/bin/false";
    for (const Config& config : {with_bytes, with_files, with_plugin}) {
        Client client(io.get_executor(), config);
        const auto pod = testing::Run(io, client.Get(kPods, kPodKey, options));
        ASSERT_FALSE(pod);
        EXPECT_EQ(pod.error().kind, ErrorKind::kInvalidArgument);
        EXPECT_THAT(pod.error().message, HasSubstr("WithoutIdentity"));
        Client nobody(io.get_executor(), WithoutIdentity(config));
        EXPECT_TRUE(testing::Run(io, nobody.Get(kPods, kPodKey, options)));
        EXPECT_EQ(server.Requests().back().client_name, "");
    }
    EXPECT_EQ(server.Requests().size(), 3U);
}

}  // namespace
}  // namespace dlws::kube
