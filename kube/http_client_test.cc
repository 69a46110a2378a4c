// SPDX-License-Identifier: Apache-2.0
#include "kube/http_client.h"

#include <cstdio>
#include <fstream>

#include "kube/client_test_fixture.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using testing::Fault;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// Once over plain TCP and once over TLS with an authority of its own.
class HttpClientTest : public ::testing::TestWithParam<bool> {
  public:
    HttpClientTest() : server({.tls = GetParam()}) {
        if (GetParam()) std::ofstream(ca_file) << server.CaPem();
    }
    ~HttpClientTest() override { std::remove(ca_file.c_str()); }

    std::string Url(const std::string& target) const {
        return (GetParam() ? "https://127.0.0.1:" : "http://127.0.0.1:") +
               std::to_string(server.Port()) + target;
    }
    Result<HttpReply> Get(const std::string& target) {
        return testing::Run(io, client.Get(HttpCall(Url(target))));
    }
    Error Failure(const HttpCall& call) {
        const auto reply = testing::Run(io, client.Get(call));
        return reply ? Error{.message = "none"} : reply.error();
    }

    testing::Imposter server;
    boost::asio::io_context io;
    const std::string ca_file =
        ::testing::TempDir() + "ca-" + std::to_string(reinterpret_cast<std::uintptr_t>(this));
    HttpClient client{io.get_executor(), {.ca_file = GetParam() ? ca_file : ""}};
};

INSTANTIATE_TEST_SUITE_P(Transport, HttpClientTest, ::testing::Bool(), TransportName);

TEST_P(HttpClientTest, AsksAndHandsOutWhateverIsAnswered) {
    server.When("GET", "/a/b").Reply(200, "text");
    HttpCall call(Url("/a/b?c=d%20e"));
    call.fields = {{"Authorization", "Bearer x"}};
    const auto reply = testing::Run(io, client.Get(call));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "text");
    const auto request = server.Requests().at(0);
    EXPECT_EQ(request.target, "/a/b?c=d%20e");
    EXPECT_EQ(request.Header("host"), "127.0.0.1:" + std::to_string(server.Port()));
    EXPECT_EQ(request.Header("authorization"), "Bearer x");
    EXPECT_THAT(request.Header("user-agent"), StartsWith("dlworkspace/"));
    server.When("GET", "/no").Reply(400, R"({"error":"invalid_grant"})");
    EXPECT_EQ(Get("/no")->status, 400);
    EXPECT_EQ(Get("/no")->body, R"({"error":"invalid_grant"})");
    server.When("GET", "/").Reply(200, "root");
    EXPECT_EQ(Get("")->body, "root");
}

TEST_P(HttpClientTest, PostsAForm) {
    server.When("POST", "/token").Reply(200, "{}");
    HttpCall call(Url("/token"));
    call.content_type = "application/x-www-form-urlencoded";
    call.body = EncodeForm({{"code", "a b&c"}, {"redirect_uri", "https://x/?y"}});
    ASSERT_TRUE(testing::Run(io, client.Post(call)));
    const auto request = server.Requests().at(0);
    EXPECT_EQ(request.body, "code=a%20b%26c&redirect_uri=https%3A%2F%2Fx%2F%3Fy");
    EXPECT_EQ(request.Header("content-type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(testing::Run(io, client.Get(call)).error().kind, ErrorKind::kInvalidArgument);
    call.content_type = "";
    EXPECT_EQ(testing::Run(io, client.Post(call)).error().kind, ErrorKind::kInvalidArgument);
    call.content_type = "a\r\nb: c";
    EXPECT_EQ(testing::Run(io, client.Post(call)).error().kind, ErrorKind::kInvalidArgument);
    EXPECT_EQ(server.Requests().size(), 1U);
}

TEST_P(HttpClientTest, FollowsNoRedirectAndSendsNothingTwice) {
    server.When("GET", "/a").Reply(302, "", {{"Location", Url("/b")}});
    EXPECT_EQ(Get("/a")->status, 302);
    server.When("GET", "/c").Misbehave(Fault::kCloseBeforeReply);
    EXPECT_EQ(Get("/c").error().kind, ErrorKind::kNetwork);
    EXPECT_EQ(server.Requests().size(), 2U);
}

TEST_P(HttpClientTest, IsBoundedInTimeAndBytes) {
    server.When("GET", "/slow").Misbehave(Fault::kNeverAnswer);
    HttpCall slow(Url("/slow?token=secret"));
    slow.deadline = 100ms;
    const Error late = Failure(slow);
    EXPECT_EQ(late.kind, ErrorKind::kTimeout);
    EXPECT_THAT(late.message, StartsWith("GET 127.0.0.1:"));
    EXPECT_THAT(late.message, HasSubstr("/slow: "));
    EXPECT_THAT(late.message, Not(HasSubstr("secret")));
    server.When("GET", "/drip").Misbehave(Fault::kSlowDrip, std::string(1000, 'x'));
    HttpCall drip(Url("/drip"));
    drip.deadline = 300ms;
    EXPECT_EQ(Failure(drip).kind, ErrorKind::kTimeout);
    server.When("GET", "/large").Reply(200, std::string(5000, 'x'));
    HttpCall large(Url("/large"));
    large.max_bytes = 4999;
    EXPECT_EQ(Failure(large).kind, ErrorKind::kProtocol);
    large.max_bytes = 5000;
    EXPECT_EQ(Failure(large).message, "none");
}

TEST_P(HttpClientTest, SaysWhatIsWrongWithAUrl) {
    for (const char* bad : {"", "x", "127.0.0.1/a", "ftp://127.0.0.1/", "http://a:b@127.0.0.1/",
                            "http://127.0.0.1/#a", "http:///a", "http://127.0.0.1/a b",
                            "http://127.0.0.1/a\r\nX: y", "http://%31/"}) {
        const Error error = Failure(HttpCall(bad));
        EXPECT_EQ(error.kind, ErrorKind::kInvalidArgument) << bad;
        EXPECT_THAT(error.message, HasSubstr("the URL")) << bad;
    }
    HttpCall call(Url("/"));
    for (const HttpFields& fields :
         {HttpFields{{"A", "b\r\nC: d"}}, HttpFields{{"A: b\r\nC", "d"}}, HttpFields{{"", "d"}}}) {
        call.fields = fields;
        EXPECT_EQ(Failure(call).kind, ErrorKind::kInvalidArgument);
    }
    HttpClient strict(io.get_executor(), {.https_only = true});
    EXPECT_THAT(testing::Run(io, strict.Get(HttpCall("http://127.0.0.1/"))).error().message,
                HasSubstr("must begin with https://"));
    EXPECT_TRUE(server.Requests().empty());
}

TEST_P(HttpClientTest, ReadsAStream) {
    const auto log = server.When("GET", "/log").OpenStream();
    log.Send("one");
    auto stream = testing::Run(io, client.OpenStream(HttpCall(Url("/log")), 200ms));
    ASSERT_TRUE(stream) << stream.error().message;
    EXPECT_EQ(*testing::Run(io, (*stream)->Next()), "one");
    EXPECT_EQ(testing::Run(io, (*stream)->Next()).error().kind, ErrorKind::kTimeout);
    server.When("GET", "/log").Reply(403, std::string(1000, 'n'));
    const auto refused = testing::Run(io, client.OpenStream(HttpCall(Url("/log")), 200ms));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kStatus);
    EXPECT_EQ(refused.error().code, 403);
    EXPECT_THAT(refused.error().message, HasSubstr("the server answered 403: nnn"));
    EXPECT_LT(refused.error().message.size(), 400U);
}

TEST(HttpClientTlsTest, BelievesOnlyItsAuthorities) {
    testing::Imposter server({.tls = true}), other({.tls = true});
    server.When("GET", "/").Reply(200, "ok");
    const std::string url = "https://127.0.0.1:" + std::to_string(server.Port()) + "/";
    boost::asio::io_context io;
    const std::string file = ::testing::TempDir() + "http-client-ca";
    std::ofstream(file) << other.CaPem();
    HttpClient wrong(io.get_executor(), {.ca_file = file}), system(io.get_executor(), {});
    EXPECT_EQ(testing::Run(io, wrong.Get(HttpCall(url))).error().kind, ErrorKind::kNetwork);
    EXPECT_EQ(testing::Run(io, system.Get(HttpCall(url))).error().kind, ErrorKind::kNetwork);
    std::ofstream(file) << "";
    HttpClient empty(io.get_executor(), {.ca_file = file});
    EXPECT_THAT(testing::Run(io, empty.Get(HttpCall(url))).error().message, HasSubstr("is empty"));
    std::ofstream(file) << server.CaPem();
    EXPECT_TRUE(testing::Run(io, empty.Get(HttpCall(url)))) << "read again after it failed";
    std::remove(file.c_str());
    HttpClient absent(io.get_executor(), {.ca_file = file});
    EXPECT_THAT(testing::Run(io, absent.Get(HttpCall(url))).error().message, HasSubstr(file));
    EXPECT_EQ(server.Requests().size(), 1U);
}

}  // namespace
}  // namespace dlws::kube
