// SPDX-License-Identifier: Apache-2.0
// What kube::HttpClient does is shown by its own tests; here, that it is asked as it has to be.
#include "portal/server/session/http_web.h"

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

using ::testing::HasSubstr;

class HttpWebTest : public ::testing::Test {
  protected:
    HttpWebTest() { std::ofstream(ca_file_) << server_.CaPem(); }
    ~HttpWebTest() override { std::filesystem::remove(ca_file_); }
    kube::Result<Web::Answer> Send(const std::string& path, const std::string& form = "") {
        Web::Request request;
        request.url = fmt::format("https://127.0.0.1:{}{}", server_.Port(), path);
        request.form = form;
        request.fields = {{"Authorization", "Basic abc"}};
        request.deadline = std::chrono::milliseconds(500);
        return kube::testing::Run(io_, web_.Send(std::move(request)));
    }

    kube::testing::Imposter server_{{.tls = true}};
    boost::asio::io_context io_;
    const std::string ca_file_ = fmt::format("/tmp/dlws-http-web-test-{}.pem", getpid());
    HttpWeb web_{io_.get_executor(), ca_file_};
};

TEST_F(HttpWebTest, GetsAndPostsForms) {
    server_.When("GET", "/a").Reply(200, "here");
    EXPECT_EQ(Send("/a?b=c")->body, "here");
    EXPECT_EQ(server_.Requests().back().target, "/a?b=c");
    EXPECT_EQ(server_.Requests().back().Header("authorization"), "Basic abc");
    server_.When("POST", "/token").Reply(400, "no");
    const auto answer = Send("/token", "grant_type=x");
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 400);
    EXPECT_EQ(answer->body, "no");
    const auto sent = server_.Requests().back();
    EXPECT_EQ(sent.body, "grant_type=x");
    EXPECT_EQ(sent.Header("content-type"), "application/x-www-form-urlencoded");
    EXPECT_EQ(sent.Header("authorization"), "Basic abc");
}

TEST_F(HttpWebTest, IsBoundedAndHttpsOnly) {
    Web::Request plain;
    plain.url = fmt::format("http://127.0.0.1:{}/a", server_.Port());
    EXPECT_THAT(kube::testing::Run(io_, web_.Send(plain)).error().message, HasSubstr("https://"));
    EXPECT_EQ(server_.Connections(), 0);
    server_.When("GET", "/silent").Misbehave(kube::testing::Fault::kNeverAnswer);
    EXPECT_EQ(Send("/silent").error().kind, kube::ErrorKind::kTimeout);
    server_.When("GET", "/big").Reply(200, std::string(kMaxJwks + 1, 'x'));
    EXPECT_EQ(Send("/big").error().kind, kube::ErrorKind::kProtocol);
}

}  // namespace
}  // namespace dlws::portal
