// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/cookie.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;

namespace {

constexpr std::size_t kIdDigits = 32, kKeyBytes = 32, kMaxReturn = 2048;

// A string member, empty when it is not there.
std::string Member(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

// Goes with no request that another site begins.
std::string Strict(std::string_view name, const std::string& value, std::chrono::seconds lifetime) {
    return fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Strict", name, value,
                       lifetime.count());
}

bool IsToken43(std::string_view text) {
    const auto bytes = kube::DecodeBase64Url(text);
    return bytes && bytes->size() == 32;
}

}  // namespace

SessionKey NewSessionKey(SessionKind kind) {
    return {HexOf(RandomBytes(kIdDigits / 2)), Secret(RandomBytes(kKeyBytes)), kind};
}

std::string Format(const SessionKey& key) {
    return key.id + "." + kube::EncodeBase64Url(key.key.Reveal());
}

std::optional<SessionKey> ParseSessionKey(std::string_view text, SessionKind kind) {
    if (text.size() <= kIdDigits || text[kIdDigits] != '.') return std::nullopt;
    const std::string_view id = text.substr(0, kIdDigits);
    if (id.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
    auto key = kube::DecodeBase64Url(text.substr(kIdDigits + 1));
    if (!key || key->size() != kKeyBytes) return std::nullopt;
    return SessionKey{std::string(id), Secret(std::move(*key)), kind};
}

std::string SetSessionCookie(const SessionKey& key, std::chrono::seconds lifetime) {
    return Strict(kSessionCookie, Format(key), lifetime);
}

std::string ClearSessionCookie() {
    return Strict(kSessionCookie, "", {});
}

std::string SetCliCookie(const SessionKey& key) {
    return Strict(kCliCookie, Format(key), kLoginLifetime);
}

std::string ClearCliCookie() {
    return Strict(kCliCookie, "", {});
}

LoginAttempt NewLoginAttempt(std::string return_to) {
    LoginAttempt attempt;
    attempt.state = kube::EncodeBase64Url(RandomBytes(32));
    attempt.nonce = kube::EncodeBase64Url(RandomBytes(32));
    attempt.verifier = kube::EncodeBase64Url(RandomBytes(32));
    attempt.return_to = std::move(return_to);
    return attempt;
}

std::string SetLoginCookie(const LoginAttempt& attempt) {
    const json::object content{
        {"state", attempt.state},       {"nonce", attempt.nonce},
        {"verifier", attempt.verifier}, {"return", attempt.return_to},
        {"cliPort", attempt.cli_port},  {"cliChallenge", attempt.cli_challenge}};
    // Lax: the provider's answer is a navigation that another site begins.
    return fmt::format("{}={}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", kLoginCookie,
                       kube::EncodeBase64Url(json::serialize(content)),
                       std::chrono::seconds(kLoginLifetime).count());
}

std::string ClearLoginCookie() {
    return fmt::format("{}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax", kLoginCookie);
}

std::optional<LoginAttempt> ParseLoginAttempt(std::string_view cookie) {
    const auto text = kube::DecodeBase64Url(cookie);
    if (!text) return std::nullopt;
    json::error_code error;
    const json::value document = json::parse(*text, error);
    if (error || !document.is_object()) return std::nullopt;
    const json::object& content = document.as_object();
    LoginAttempt attempt;
    attempt.state = Member(content, "state");
    attempt.nonce = Member(content, "nonce");
    attempt.verifier = Member(content, "verifier");
    attempt.return_to = SafeReturn(Member(content, "return"));
    attempt.cli_challenge = Member(content, "cliChallenge");
    const json::value* port = content.if_contains("cliPort");
    json::error_code no_port;
    if (port) attempt.cli_port = port->to_number<std::uint16_t>(no_port);
    if (!IsToken43(attempt.state) || !IsToken43(attempt.nonce) || !IsToken43(attempt.verifier))
        return std::nullopt;
    if (no_port || (attempt.cli_port != 0) != IsToken43(attempt.cli_challenge)) return std::nullopt;
    return attempt;
}

std::string SafeReturn(std::string_view wanted) {
    const bool fine = !wanted.empty() && wanted.size() <= kMaxReturn && wanted.front() == '/' &&
                      (wanted.size() == 1 || wanted[1] != '/') &&
                      std::all_of(wanted.begin(), wanted.end(), [](unsigned char character) {
                          return character > ' ' && character < 0x7f && character != '\\';
                      });
    return fine ? std::string(wanted) : "/";
}

}  // namespace dlws::portal
