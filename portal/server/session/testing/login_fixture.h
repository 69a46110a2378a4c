// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "kube/base64.h"
#include "kube/together.h"
#include "portal/server/fixture.h"
#include "portal/server/session/csrf.h"
#include "portal/server/session/handlers.h"
#include "portal/server/session/testing/fake_secrets.h"
#include "portal/server/session/testing/fake_web.h"

/// @file
/// Login with a store of Secrets, a provider and an API server that are played, and a clock of its
/// own. For tests of handlers.

namespace dlws::portal {

namespace json = boost::json;

inline constexpr const char* kOrigin = "https://portal.example";

class LoginTest : public PortalTest {
  protected:
    LoginTest() {
        web.Serve(signer);
        secrets.Watch([this](const kube::Change& change) { store.Observe(change); });
    }
    SessionStore::Settings StoreSettings() {
        SessionStore::Settings settings;
        settings.now = [this] { return time; };
        return settings;
    }
    Renewal::Settings RenewalSettings() {
        Renewal::Settings settings;
        settings.self = "a";
        settings.now = [this] { return time; };
        settings.patience = std::chrono::milliseconds(300);
        settings.poll = std::chrono::milliseconds(10);
        return settings;
    }
    Login::Settings LoginSettings() {
        Login::Settings settings;
        settings.origin = kOrigin;
        settings.version = "1.2.3";
        settings.features = {"archive"};
        settings.now = [this] { return time; };
        return settings;
    }
    static OidcClient Client() {
        OidcClient client;
        client.issuer = testing::kFakeIssuer;
        client.client_id = "portal";
        client.redirect_uri = std::string(kOrigin) + "/auth/callback";
        return client;
    }

    static Call With(kube::HttpFields fields, const std::string& query = "",
                     std::vector<kube::HttpParameter> known = {}) {
        Call call;
        call.request.method = "GET";
        call.request.fields = std::move(fields);
        call.request.peer = "192.0.2.1";
        call.query = kube::ParseHttpQuery(query, known).value();
        return call;
    }
    static std::string Text(const Outcome& outcome, const char* name) {
        const json::value body = json::parse(std::string(outcome->Body()));
        const json::value* value = body.as_object().if_contains(name);
        if (!value) return "";
        return value->is_string() ? std::string(value->as_string()) : json::serialize(*value);
    }
    // "303 /", "401 LoginExpired".
    static std::string Word(const Outcome& outcome) {
        if (!outcome) return std::to_string(outcome.error().status) + " " + outcome.error().reason;
        return std::to_string(outcome->status) + " " + std::string(outcome->Field("Location"));
    }
    // The value of a cookie that an answer sets.
    static std::string Cookie(const Outcome& outcome, std::string_view name) {
        for (const auto& [field, value] : outcome->fields)
            if (field == "Set-Cookie" && value.starts_with(std::string(name) + "="))
                return value.substr(name.size() + 1, value.find(';') - name.size() - 1);
        return "";
    }

    Outcome Start(const std::string& query = "return=/jobs") {
        return kube::testing::Run(
            io, login.StartLogin(With({}, query, {{"return"}, {"cliPort"}, {"cliChallenge"}})));
    }
    Outcome Finish(const std::string& cookie, const std::string& query) {
        return kube::testing::Run(
            io, login.FinishLogin(
                    With({{"Cookie", std::string(kLoginCookie) + "=" + cookie}}, query,
                         {{"code"}, {"state"}, {"iss"}, {"error"}, {"error_description"}})));
    }
    // What the reviews of this API server know is NAME-token; an ID token with this at its end.
    std::string IdToken(const std::string& who, const std::string& nonce) {
        return signer.Sign(testing::ClaimsOf(who, time, nonce));
    }
    Outcome Paste(const std::string& token, const std::string& peer = "192.0.2.1") {
        Call call = With({{"Origin", kOrigin}});
        call.request.method = "POST";
        call.request.peer = peer;
        call.request.body = json::serialize(json::object{{"token", token}});
        return kube::testing::Run(io, login.LoginWithToken(std::move(call)));
    }
    Outcome SessionOf(const std::string& cookie) {
        return kube::testing::Run(
            io, login.GetSession(With({{"Cookie", std::string(kSessionCookie) + "=" + cookie}})));
    }
    std::expected<Caller, Problem> Open(const std::string& cookie,
                                        const std::string& method = "GET",
                                        kube::HttpFields fields = {}, bool browser = true) {
        kube::HttpRequest request;
        request.method = method;
        request.fields = std::move(fields);
        return kube::testing::Run(io, login.Open(cookie, request, browser));
    }
    // The API server of the fixture takes a token by its text: this makes it take any.
    void TakeIdTokens() {
        server.When("POST", kWho).Call([](const kube::testing::Request& request) {
            kube::testing::Answer answer;
            answer.status = 201;
            const std::string token = request.Header("authorization").substr(7);
            const std::size_t from = token.find('.') + 1;
            const auto claims = kube::DecodeBase64Url(token.substr(from, token.rfind('.') - from));
            const std::string who(json::parse(claims.value()).at("sub").as_string());
            answer.body = json::serialize(
                json::object{{"status", {{"userInfo", {{"username", who + "@example.org"}}}}}});
            return answer;
        });
    }
    std::string LogIn(const std::string& who) {
        auto started = Start();
        const auto attempt = ParseLoginAttempt(Cookie(started, kLoginCookie));
        web.GiveTokens(IdToken(who, attempt->nonce), "refresh");
        auto finished = Finish(Cookie(started, kLoginCookie), "code=c&state=" + attempt->state);
        secrets.Tell();
        EXPECT_EQ(Word(finished), "303 /jobs");
        return Cookie(finished, kSessionCookie);
    }
    // As our page asks it.
    Outcome Logout(const std::string& cookie, const std::string& query = "") {
        const auto key = ParseSessionKey(cookie, SessionKind::kBrowser);
        return LogoutWith({{"Cookie", std::string(kSessionCookie) + "=" + cookie},
                           {"Origin", kOrigin},
                           {"X-CSRF-Token", key ? CsrfToken(*key) : ""}},
                          query);
    }
    Outcome LogoutWith(kube::HttpFields fields, const std::string& query = "") {
        Call call = With(std::move(fields), query, {{"everywhere"}});
        call.request.method = "POST";
        return kube::testing::Run(io, login.Logout(std::move(call)));
    }
    static kube::Awaitable<void> FinishInto(Login& login, Call call, std::vector<Outcome>& all) {
        all.push_back(co_await login.FinishLogin(std::move(call)));
    }
    static kube::Awaitable<void> FinishTogether(Login& login, Call call, int times,
                                                std::vector<Outcome>& all) {
        std::vector<kube::Awaitable<void>> tasks;
        for (int i = 0; i < times; ++i)
            tasks.push_back(FinishInto(login, call, all));
        co_await kube::Together(std::move(tasks));
    }
    static bool ClearsTheLogin(const Outcome& outcome) {
        return outcome && std::ranges::any_of(outcome->fields, [](const auto& field) {
                   return field.first == "Set-Cookie" && field.second == ClearLoginCookie();
               });
    }

    Seconds time{std::chrono::seconds(1'800'000'000)};
    testing::FakeSecrets secrets{io.get_executor()};
    testing::FakeWeb web;
    testing::Signer signer{"ES256"};
    Provider provider{io.get_executor(), web, Client(), [this] { return time; }};
    SessionStore store{secrets, StoreSettings()};
    Renewal renewal{store, &provider, RenewalSettings()};
    Login login{{store, renewal, verdicts, &provider}, LoginSettings()};
};

}  // namespace dlws::portal
