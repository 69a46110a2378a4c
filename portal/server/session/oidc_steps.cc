// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/oidc_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include "kube/base64.h"
#include "portal/server/access/jwt.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;

namespace {

using Parameters = std::vector<std::pair<std::string_view, std::string>>;

std::string Encoded(std::string_view text) {
    return boost::urls::encode(text, boost::urls::unreserved_chars);
}

std::string Form(const Parameters& parameters) {
    std::string form;
    for (const auto& [name, value] : parameters) {
        if (!form.empty()) form += '&';
        form += fmt::format("{}={}", name, Encoded(value));
    }
    return form;
}

// Endpoints may have a query of their own (RFC 6749, 3.1).
std::string WithQuery(const std::string& url, const Parameters& parameters) {
    return url + (url.find('?') == std::string::npos ? '?' : '&') + Form(parameters);
}

std::string Text(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

bool Lists(const json::object& object, std::string_view name, std::string_view wanted) {
    const json::value* list = object.if_contains(name);
    if (!list || !list->is_array()) return false;
    return std::any_of(list->as_array().begin(), list->as_array().end(),
                       [wanted](const json::value& each) {
                           return each.is_string() && each.as_string() == wanted;
                       });
}

bool IsHttps(std::string_view url) {
    const auto parsed = boost::urls::parse_uri(url);
    return parsed && parsed->scheme() == "https" && !parsed->host().empty() &&
           !parsed->has_userinfo() && !parsed->has_fragment();
}

// What somebody else wrote, cut and without control characters, for a sentence of ours.
std::string Quoted(std::string_view text) {
    std::string quoted(text.substr(0, 200));
    for (char& character : quoted)
        if (static_cast<unsigned char>(character) < ' ' || character == 0x7f) character = ' ';
    return quoted;
}

TokenRequest WithClient(const Discovery& discovery, const OidcClient& client,
                        Parameters parameters) {
    TokenRequest request;
    const std::string& secret = client.client_secret.Reveal();
    if (secret.empty() || !discovery.takes_basic)
        parameters.emplace_back("client_id", client.client_id);
    if (!secret.empty() && !discovery.takes_basic) parameters.emplace_back("client_secret", secret);
    if (!secret.empty() && discovery.takes_basic)  // RFC 6749, 2.3.1: encoded, then joined
        request.fields.emplace_back(
            "Authorization",
            "Basic " + kube::EncodeBase64(Encoded(client.client_id) + ":" + Encoded(secret)));
    request.form = Form(parameters);
    return request;
}

std::string WhyNotForUs(const json::object& claims, const Expected& expected) {
    const json::value* audience = claims.if_contains("aud");
    const bool single =
        audience && audience->is_string() && audience->as_string() == expected.client_id;
    if (!single && !Lists(claims, "aud", expected.client_id))
        return fmt::format("the ID token is not for this portal: aud lacks the client \"{}\"",
                           expected.client_id);
    const bool many = audience->is_array() && audience->as_array().size() > 1;
    const bool named = claims.contains("azp");
    if ((many || named) && Text(claims, "azp") != expected.client_id)
        return "the ID token was made for another client (azp)";
    return "";
}

std::string WhyWrongTime(const Claims& claims, const Expected& expected) {
    if (claims.ends + kClockSkew <= expected.now)
        return "the ID token has ended (exp); compare the clocks of portal and provider";
    if (claims.issued > expected.now + kClockSkew)
        return "the ID token is from the future (iat); compare the clocks of portal and provider";
    if (!expected.nonce.empty() && claims.issued + kMaxTokenAge + kClockSkew < expected.now)
        return "the ID token is older than this login (iat); compare the clocks of portal and "
               "provider";
    return "";
}

}  // namespace

std::string DiscoveryUrl(std::string_view issuer) {
    if (issuer.ends_with('/')) issuer.remove_suffix(1);
    return std::string(issuer) + "/.well-known/openid-configuration";
}

Checked<Discovery> ParseDiscovery(std::string_view text, std::string_view issuer) {
    json::error_code error;
    const json::value document =
        text.size() > kMaxDiscovery ? json::value() : json::parse(text, error);
    if (error || !document.is_object())
        return std::unexpected(fmt::format("{} is no JSON object of at most {} bytes",
                                           DiscoveryUrl(issuer), kMaxDiscovery));
    const json::object& object = document.as_object();
    Discovery found;
    found.issuer = Text(object, "issuer");
    if (found.issuer != issuer)
        return std::unexpected(
            fmt::format("the provider calls itself \"{}\", and the portal has \"{}\": write the "
                        "issuer exactly so",
                        Quoted(found.issuer), issuer));
    found.authorization_endpoint = Text(object, "authorization_endpoint");
    found.token_endpoint = Text(object, "token_endpoint");
    found.jwks_uri = Text(object, "jwks_uri");
    found.end_session_endpoint = Text(object, "end_session_endpoint");
    const std::pair<std::string_view, std::string_view> endpoints[] = {
        {"authorization_endpoint", found.authorization_endpoint},
        {"token_endpoint", found.token_endpoint},
        {"jwks_uri", found.jwks_uri}};
    for (const auto& [name, url] : endpoints)
        if (!IsHttps(url))
            return std::unexpected(fmt::format(
                "the provider's {} is \"{}\", which is no https address", name, Quoted(url)));
    if (!found.end_session_endpoint.empty() && !IsHttps(found.end_session_endpoint))
        return std::unexpected("the provider's end_session_endpoint is no https address");
    // What is not there says nothing: plain OAuth servers need not tell.
    if (object.contains("code_challenge_methods_supported") &&
        !Lists(object, "code_challenge_methods_supported", "S256"))
        return std::unexpected("the provider does not take PKCE with S256, which the portal needs");
    found.offers_offline = Lists(object, "scopes_supported", "offline_access");
    const json::value* names = object.if_contains("authorization_response_iss_parameter_supported");
    found.names_itself = names && names->is_bool() && names->as_bool();
    found.takes_basic =
        !object.contains("token_endpoint_auth_methods_supported") ||
        Lists(object, "token_endpoint_auth_methods_supported", "client_secret_basic");
    return found;
}

std::string AuthorizationUrl(const Discovery& discovery, const OidcClient& client,
                             const LoginAttempt& attempt) {
    std::string scopes = "openid";
    for (const std::string& scope : client.scopes)
        if (scope != "openid" && scope != "offline_access") scopes += " " + scope;
    Parameters parameters{{"response_type", "code"},
                          {"client_id", client.client_id},
                          {"redirect_uri", client.redirect_uri},
                          {"state", attempt.state},
                          {"nonce", attempt.nonce},
                          {"code_challenge", kube::EncodeBase64Url(Sha256(attempt.verifier))},
                          {"code_challenge_method", "S256"}};
    if (discovery.offers_offline) {
        scopes += " offline_access";
        // Without it providers ignore offline_access (OpenID Connect Core 1.0, 11).
        parameters.emplace_back("prompt", "consent");
    }
    parameters.emplace_back("scope", scopes);
    return WithQuery(discovery.authorization_endpoint, parameters);
}

Checked<std::string> CheckCallback(const Callback& callback, const LoginAttempt& attempt,
                                   const Discovery& discovery) {
    // Before anything of it is believed, its error too.
    if (!SameBytes(callback.state, attempt.state))
        return std::unexpected(
            "this is not the answer to the login that this browser began last; log in again");
    if ((discovery.names_itself || !callback.iss.empty()) && callback.iss != discovery.issuer)
        return std::unexpected("another provider than the portal's has answered (iss)");
    if (callback.error == "access_denied")
        return std::unexpected("the login was refused or broken off at the provider");
    if (!callback.error.empty())
        return std::unexpected(fmt::format("the provider refused the login: {} ({})",
                                           Quoted(callback.error),
                                           Quoted(callback.error_description)));
    if (callback.code.empty()) return std::unexpected("the provider's answer has no code");
    return callback.code;
}

TokenRequest CodeRequest(const Discovery& discovery, const OidcClient& client,
                         std::string_view code, std::string_view verifier) {
    return WithClient(discovery, client,
                      {{"grant_type", "authorization_code"},
                       {"code", std::string(code)},
                       {"redirect_uri", client.redirect_uri},
                       {"code_verifier", std::string(verifier)}});
}

TokenRequest RefreshRequest(const Discovery& discovery, const OidcClient& client,
                            const Secret& refresh_token) {
    return WithClient(discovery, client,
                      {{"grant_type", "refresh_token"}, {"refresh_token", refresh_token.Reveal()}});
}

std::expected<Tokens, TokenRefusal> ParseTokens(int status, std::string_view body) {
    json::error_code error;
    const json::value document = json::parse(body, error);
    const bool readable = !error && document.is_object();
    if (status != 200) {
        const std::string word = readable ? Text(document.as_object(), "error") : "";
        TokenRefusal refusal;
        // RFC 6749, 5.2: a 400 (or 401) says that the request is wrong, whenever it is sent.
        refusal.final = (status == 400 || status == 401) && !word.empty();
        refusal.message = word == "invalid_grant"
                              ? "the provider has ended this login"
                              : fmt::format("the provider answered {} to a request for a token{}{}",
                                            status, word.empty() ? "" : ": ", Quoted(word));
        return std::unexpected(std::move(refusal));
    }
    if (!readable) return std::unexpected(TokenRefusal{"the provider's tokens are no JSON", false});
    const json::object& object = document.as_object();
    Tokens tokens{Secret(Text(object, "id_token")), Secret(Text(object, "refresh_token"))};
    if (tokens.id_token.Empty())
        return std::unexpected(
            TokenRefusal{"the provider gave no ID token: the client needs the scope openid", true});
    return tokens;
}

Checked<Claims> CheckIdToken(std::string_view payload, const Expected& expected) {
    json::error_code error;
    const json::value document = json::parse(payload, error);
    if (error || !document.is_object()) return std::unexpected("the ID token holds no JSON object");
    const json::object& object = document.as_object();
    if (Text(object, "iss") != expected.issuer)
        return std::unexpected(
            fmt::format("the ID token is of another issuer, \"{}\" and not \"{}\"",
                        Quoted(Text(object, "iss")), expected.issuer));
    if (std::string why = WhyNotForUs(object, expected); !why.empty())
        return std::unexpected(std::move(why));
    const auto ends = TimeClaim(object, "exp"), issued = TimeClaim(object, "iat");
    if (!ends || !issued) return std::unexpected("the ID token lacks exp or iat");
    Claims claims{Text(object, "sub"), *issued, *ends};
    if (std::string why = WhyWrongTime(claims, expected); !why.empty())
        return std::unexpected(std::move(why));
    if (!expected.nonce.empty() && !SameBytes(Text(object, "nonce"), expected.nonce))
        return std::unexpected("the ID token is of another login (nonce); log in again");
    if (claims.subject.empty()) return std::unexpected("the ID token lacks sub");
    if (!expected.subject.empty() && claims.subject != expected.subject)
        return std::unexpected("the renewed ID token is of somebody else (sub)");
    return claims;
}

std::string EndSessionUrl(const Discovery& discovery, const OidcClient& client,
                          std::string_view return_to) {
    if (discovery.end_session_endpoint.empty()) return "";
    return WithQuery(
        discovery.end_session_endpoint,
        {{"client_id", client.client_id}, {"post_logout_redirect_uri", std::string(return_to)}});
}

}  // namespace dlws::portal
