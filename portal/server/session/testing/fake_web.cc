// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/testing/fake_web.h"

#include <algorithm>
#include <boost/json.hpp>

namespace dlws::portal::testing {

namespace json = boost::json;

namespace {

std::string Url(const std::string& path) {
    return kFakeIssuer + path;
}

}  // namespace

kube::Awaitable<kube::Result<Web::Answer>> FakeWeb::Send(Request request) {
    co_await kube::SleepFor(std::chrono::milliseconds(1));
    requests.push_back(request);
    const auto found = answers.find(request.url);
    if (found != answers.end()) co_return found->second;
    kube::Error error;
    error.message = "GET " + request.url + ": no answer";
    co_return std::unexpected(std::move(error));
}

std::size_t FakeWeb::Asked(const std::string& url) const {
    return static_cast<std::size_t>(std::count_if(
        requests.begin(), requests.end(), [&](const Request& each) { return each.url == url; }));
}

void FakeWeb::Serve(const Signer& signer) {
    const json::object document{{"issuer", kFakeIssuer},
                                {"authorization_endpoint", Url("/auth")},
                                {"token_endpoint", Url("/token")},
                                {"jwks_uri", Url("/jwks")},
                                {"end_session_endpoint", Url("/end")},
                                {"scopes_supported", {"openid", "offline_access"}}};
    answers[Url("/.well-known/openid-configuration")] = {200, json::serialize(document)};
    answers[Url("/jwks")] = {200, R"({"keys":[)" + signer.Jwk() + "]}"};
}

void FakeWeb::GiveTokens(const std::string& id_token, const std::string& refresh_token) {
    json::object tokens{{"id_token", id_token}, {"access_token", "opaque"}};
    if (!refresh_token.empty()) tokens["refresh_token"] = refresh_token;
    answers[Url("/token")] = {200, json::serialize(tokens)};
}

void FakeWeb::RefuseTokens(const std::string& error) {
    answers[Url("/token")] = {400, json::serialize(json::object{{"error", error}})};
}

std::string ClaimsOf(const std::string& subject, Seconds now, const std::string& nonce) {
    const std::int64_t seconds = now.time_since_epoch().count();
    json::object claims{{"iss", kFakeIssuer},
                        {"aud", "portal"},
                        {"sub", subject},
                        {"exp", seconds + 300},
                        {"iat", seconds}};
    if (!nonce.empty()) claims["nonce"] = nonce;
    return json::serialize(claims);
}

}  // namespace dlws::portal::testing
