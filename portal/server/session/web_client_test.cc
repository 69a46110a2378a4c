// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/web_client.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"

namespace dlws::portal {
namespace {

using kube::testing::Imposter;
using ::testing::HasSubstr;
using ::testing::Not;

class WebClientTest : public ::testing::Test {
  protected:
    WebClientTest() { std::ofstream(ca_file_) << server_.CaPem(); }
    ~WebClientTest() override { std::filesystem::remove(ca_file_); }
    std::string Url(const std::string& path) const {
        return fmt::format("https://127.0.0.1:{}{}", server_.Port(), path);
    }
    kube::Result<Web::Answer> Send(Web::Request request) {
        request.deadline = std::chrono::milliseconds(500);
        return kube::testing::Run(io_, client_.Send(std::move(request)));
    }
    kube::Result<Web::Answer> Get(const std::string& url) {
        Web::Request request;
        request.url = url;
        return Send(request);
    }

    Imposter server_{{.tls = true}};
    boost::asio::io_context io_;
    const std::string ca_file_ = fmt::format("/tmp/dlws-web-client-test-{}.pem", getpid());
    WebClient client_{io_.get_executor(), ca_file_};
};

TEST_F(WebClientTest, GetsAndPostsForms) {
    server_.When("GET", "/a").Reply(200, "here");
    EXPECT_EQ(Get(Url("/a?b=c"))->body, "here");
    EXPECT_EQ(server_.Requests().back().target, "/a?b=c");
    server_.When("POST", "/token").Reply(400, "no");
    Web::Request request;
    request.url = Url("/token");
    request.form = "grant_type=x";
    request.fields = {{"Authorization", "Basic abc"}};
    const auto answer = Send(request);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->body, "no");
    const auto sent = server_.Requests().back();
    EXPECT_EQ(sent.body, "grant_type=x");
    EXPECT_EQ(sent.Header("content-type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(sent.Header("authorization"), "Basic abc");
    EXPECT_EQ(sent.Header("host"), fmt::format("127.0.0.1:{}", server_.Port()));
}

TEST_F(WebClientTest, FollowsNoRedirect) {
    server_.When("GET", "/a").Reply(302, "", {{"Location", Url("/b")}});
    EXPECT_EQ(Get(Url("/a"))->status, 302);
    EXPECT_EQ(server_.Requests().size(), 1U);
}

TEST_F(WebClientTest, TakesHttpsOnly) {
    for (const std::string& wrong :
         {fmt::format("http://127.0.0.1:{}/a", server_.Port()), std::string("file:///etc/passwd"),
          std::string("https://"), std::string("a"), "https://me@" + Url("/a").substr(8)})
        EXPECT_FALSE(Get(wrong)) << wrong;
    EXPECT_EQ(server_.Connections(), 0);
}

TEST_F(WebClientTest, TrustsItsAuthoritiesAlone) {
    const Imposter other{{.tls = true}};
    EXPECT_FALSE(Get(fmt::format("https://127.0.0.1:{}/a", other.Port())));
    EXPECT_TRUE(other.Requests().empty());
    // Those in the file now.
    std::ofstream(ca_file_) << other.CaPem();
    EXPECT_TRUE(Get(fmt::format("https://127.0.0.1:{}/a", other.Port())));
    EXPECT_FALSE(Get(Url("/a")));
    std::filesystem::remove(ca_file_);
    EXPECT_THAT(Get(Url("/a")).error().message, HasSubstr(ca_file_));
}

TEST_F(WebClientTest, GivesUpInTimeAndBeforeTooMuch) {
    server_.When("GET", "/silent").Misbehave(kube::testing::Fault::kNeverAnswer);
    const auto before = std::chrono::steady_clock::now();
    const auto silent = Get(Url("/silent?secret=1"));
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().kind, kube::ErrorKind::kTimeout);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
    EXPECT_THAT(silent.error().message, Not(HasSubstr("secret")));
    server_.When("GET", "/big").Reply(200, std::string(kMaxJwks + 1, 'x'));
    EXPECT_FALSE(Get(Url("/big")));
}

}  // namespace
}  // namespace dlws::portal
