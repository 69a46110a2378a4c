// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "cli/config.h"
#include "cli/loopback.h"
#include "cli/testing/fake_portal.h"
#include "cli/testing/run.h"
#include "kube/base64.h"

namespace dlws::cli {
namespace {

using testing::Answer;
using testing::Call;
using testing::ContractExample;
using testing::FakePortal;
using testing::Program;

// A browser that asks once; what it is answered.
std::string Browse(unsigned short port, const std::string& request) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::string answer;
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
        char piece[1024];
        for (ssize_t got = 0; (got = ::recv(fd, piece, sizeof piece, 0)) > 0;)
            answer.append(piece, static_cast<std::size_t>(got));
    }
    ::close(fd);
    return answer;
}

std::string Header(unsigned short port, const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n\r\n";
}

constexpr const char* kCode = "q3Y0m0W7v5b2kq1c9nVtq0b2m7dQ0h3l1s8Jw2x4y5Z";

std::string Parameter(const std::string& url, const std::string& name) {
    const std::size_t at = url.find(name + "=") + name.size() + 1;
    return url.substr(at, url.find('&', at) - at);
}

TEST(Login, ByTheBrowser) {
    std::string challenge;
    FakePortal portal([&](const Call& call) -> Answer {
        if (call.target == "/auth/session") return {.body = ContractExample("GetSession")};
        if (call.target != "/auth/cli/token") return {.status = 404};
        // Only who has the verifier gets the token.
        const std::string verifier(boost::json::parse(call.body).at("verifier").as_string());
        unsigned char hash[SHA256_DIGEST_LENGTH];
        SHA256(reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size(), hash);
        std::string expected =
            kube::EncodeBase64({reinterpret_cast<const char*>(hash), sizeof hash});
        std::ranges::replace(expected, '+', '-');
        std::ranges::replace(expected, '/', '_');
        std::erase(expected, '=');
        EXPECT_EQ(expected, challenge);
        EXPECT_GE(verifier.size(), 43u);
        EXPECT_EQ(boost::json::parse(call.body).at("code").as_string(), kCode);
        EXPECT_EQ(call.Field("authorization"), "");
        return {.body = ContractExample("RedeemCliCode")};
    });
    Program dlws;
    std::thread browser;
    dlws.world.open_browser = [&](const std::string& url) {
        EXPECT_TRUE(url.starts_with(portal.url() + "/auth/login?cliPort=")) << url;
        challenge = Parameter(url, "cliChallenge");
        const auto port = static_cast<unsigned short>(std::stoi(Parameter(url, "cliPort")));
        browser = std::thread([port] {
            EXPECT_NE(Browse(port, Header(port, "/favicon.ico")).find("404"), std::string::npos);
            EXPECT_NE(Browse(port, Header(port, std::string("/?code=") + kCode))
                          .find("You are logged in"),
                      std::string::npos);
        });
    };
    EXPECT_EQ(dlws.Run({"login", "--server", portal.url(), "-n", "vision"}), 0) << dlws.err;
    browser.join();
    EXPECT_EQ(dlws.out,
              "you are alice@example.org at " + portal.url() + ", until 2026-12-29T10:00:00Z\n");
    const std::string folder = dlws.world.ConfigFolder();
    EXPECT_EQ(ReadLogin(folder, portal.url())->token.substr(0, 6), "dlws1.");
    EXPECT_EQ(ReadConfig(folder).server, portal.url());
    EXPECT_EQ(ReadConfig(folder).ns, "vision");
    EXPECT_EQ((dlws.out + dlws.err + dlws.Read(".config/dlws/config.yaml")).find("dlws1."),
              std::string::npos)
        << "a token is in its own file alone";
}

TEST(Login, WhoSaysNoInTheBrowserIsNotLoggedIn) {
    FakePortal portal([&](const Call& call) -> Answer {
        EXPECT_EQ(call.target, "/auth/session") << "there is nothing to ask for";
        return {.body = ContractExample("GetSession")};
    });
    Program dlws;
    std::thread browser;
    dlws.world.open_browser = [&](const std::string& url) {
        const auto port = static_cast<unsigned short>(std::stoi(Parameter(url, "cliPort")));
        browser = std::thread([port] {
            EXPECT_NE(Browse(port, Header(port, "/?error=access_denied")).find("You said no"),
                      std::string::npos);
        });
    };
    EXPECT_EQ(dlws.Run({"login", "--server", portal.url()}), 3);
    browser.join();
    EXPECT_NE(dlws.err.find("you said no in the browser"), std::string::npos) << dlws.err;
    EXPECT_EQ(dlws.Read(".config/dlws/tokens.yaml"), "");
}

TEST(Login, NobodyCame) {
    FakePortal portal(
        [&](const Call&) -> Answer { return {.body = ContractExample("GetSession")}; });
    Program dlws;
    EXPECT_EQ(dlws.Run({"login", "--server", portal.url(), "--timeout", "1s"}), 3);
    EXPECT_EQ(dlws.Read(".config/dlws/tokens.yaml"), "");
}

TEST(Login, WhereThereIsNoLoginPage) {
    FakePortal portal([&](const Call&) -> Answer {
        return {
            .body =
                R"({"loggedIn":false,"methods":["token"],"tokenCommand":"kubectl create token X","version":"1"})"};
    });
    Program dlws;
    EXPECT_EQ(dlws.Run({"login", "--server", portal.url()}), 1);
    EXPECT_NE(dlws.err.find("  kubectl create token X | dlws login --token-file -\n"),
              std::string::npos)
        << dlws.err;
}

TEST(Login, ByATokenThatThePortalTakes) {
    FakePortal portal([&](const Call& call) -> Answer {
        if (call.Field("authorization") == "Bearer good-token.x")
            return {.body = ContractExample("GetMe")};
        return {.status = 401,
                .body = ContractExample("Unauthorized"),
                .type = "application/problem+json"};
    });
    Program dlws(portal.url());
    EXPECT_EQ(dlws.Run({"login", "--token", "another-token"}), 3);
    EXPECT_EQ(dlws.Read(".config/dlws/tokens.yaml"), "") << "what is refused is not kept";
    EXPECT_EQ(dlws.Run({"login", "--token-file", dlws.Write("token", "good-token.x\n")}), 0)
        << dlws.err;
    EXPECT_EQ(dlws.out, "you are alice@example.org at " + portal.url() + "\n");
    EXPECT_EQ(ReadLogin(dlws.world.ConfigFolder(), portal.url())->token, "good-token.x");
    for (const char* wrong : {"short", "with space in it", "{\"json\": \"token\"}"})
        EXPECT_EQ(dlws.Run({"login", "--token", wrong}), 2) << wrong;
    EXPECT_EQ(dlws.Run({"login", "--token", "good-token.x", "--from-kubeconfig"}), 2);
}

TEST(Login, OfTheKubeconfig) {
    FakePortal portal([&](const Call& call) -> Answer {
        EXPECT_EQ(call.Field("authorization"), "Bearer of-kubectl");
        return {.body = ContractExample("GetMe")};
    });
    Program dlws(portal.url());
    dlws.LogIn("of-kubectl");
    WriteLogin(dlws.world.ConfigFolder(), portal.url(), {"old-token", "bob", ""});
    EXPECT_EQ(dlws.Run({"login", "--from-kubeconfig"}), 0) << dlws.err;
    EXPECT_FALSE(ReadLogin(dlws.world.ConfigFolder(), portal.url()));
    EXPECT_EQ(ReadConfig(dlws.world.ConfigFolder()).server, portal.url());
}

TEST(Logout, EndsTheLoginOnThePortalToo) {
    int status = 503;
    FakePortal portal([&](const Call&) -> Answer {
        return {.status = status, .body = status == 200 ? "{}" : ContractExample("Unavailable")};
    });
    Program dlws(portal.url());
    WriteLogin(dlws.world.ConfigFolder(), portal.url(), {"dlws1.a.b", "alice", ""});
    EXPECT_EQ(dlws.Run({"logout"}), 5);
    EXPECT_TRUE(ReadLogin(dlws.world.ConfigFolder(), portal.url())) << "it could not be ended";
    status = 200;
    EXPECT_EQ(dlws.Run({"logout"}), 0) << dlws.err;
    EXPECT_EQ(portal.calls().back().Line(), "POST /auth/logout");
    EXPECT_EQ(portal.calls().back().Field("authorization"), "Bearer dlws1.a.b");
    EXPECT_FALSE(ReadLogin(dlws.world.ConfigFolder(), portal.url()));
    EXPECT_EQ(dlws.Run({"logout"}), 0);
}

TEST(CodeOf, TakesNothingButACodeForThisPort) {
    const std::string good = Header(7, std::string("/?code=") + kCode);
    EXPECT_EQ(CodeOf(good, 7), kCode);
    EXPECT_EQ(CodeOf(good, 8), "") << "a name that leads here (DNS rebinding) has another Host";
    EXPECT_EQ(CodeOf(Header(7, std::string("/x?code=") + kCode), 7), "");
    EXPECT_EQ(CodeOf(Header(7, "/?code=short"), 7), "");
    EXPECT_EQ(CodeOf(Header(7, "/?code=" + std::string(300, 'a')), 7), "");
    EXPECT_EQ(CodeOf(Header(7, "/?code=<script>aaaaaaaaaaaaaa"), 7), "");
    EXPECT_EQ(CodeOf("POST" + good.substr(3), 7), "");
    EXPECT_EQ(CodeOf("", 7), "");
}

TEST(SaysNo, IsThatOneCall) {
    EXPECT_TRUE(SaysNo(Header(7, "/?error=access_denied"), 7));
    EXPECT_FALSE(SaysNo(Header(7, "/?error=access_denied"), 8));
    for (const char* other : {"/", "/?error=server_error", "/x?error=access_denied", "/?code=x"})
        EXPECT_FALSE(SaysNo(Header(7, other), 7)) << other;
    EXPECT_FALSE(SaysNo("POST" + Header(7, "/?error=access_denied").substr(3), 7));
}

TEST(Loopback, ACallThatSaysNothingDoesNotBlockIt) {
    Loopback loopback;
    const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(loopback.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(silent, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    std::thread browser(
        [&] { Browse(loopback.port(), Header(loopback.port(), std::string("/?code=") + kCode)); });
    EXPECT_EQ(loopback.WaitForCode(std::chrono::seconds(10)), kCode);
    browser.join();
    ::close(silent);
}

}  // namespace
}  // namespace dlws::cli
