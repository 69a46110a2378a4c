// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/provider.h"

#include <fmt/format.h>

#include "kube/log.h"
#include "portal/server/session/jws.h"

namespace dlws::portal {

using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "login";
constexpr std::chrono::hours kReread{1};
constexpr std::chrono::seconds kAfterFailure{5};
constexpr std::chrono::seconds kKeysPause{60};
constexpr std::chrono::seconds kKeysDeadline{3};

std::string Unreadable(const kube::Result<Web::Answer>& answer, const std::string& url) {
    if (!answer) return answer.error().message;
    return fmt::format("GET {} was answered with {}", url, answer->status);
}

std::unexpected<TokenRefusal> Refuse(std::string message) {
    return std::unexpected(TokenRefusal{std::move(message), false});
}

}  // namespace

Provider::Provider(boost::asio::any_io_executor executor, Web& web, OidcClient client,
                   std::function<Seconds()> now)
    : web_(web),
      client_(std::move(client)),
      now_(std::move(now)),
      reading_(std::make_shared<Reading>(executor)) {}

Awaitable<Checked<Discovery>> Provider::Known() {
    const bool due = now_() >= read_at_ + kReread && now_() >= tried_ + kAfterFailure;
    if (reading_->now) {
        co_await reading_->done.Wait(kube::WaitList::Clock::now() + std::chrono::seconds(12));
    } else if (due) {
        reading_->now = true;
        // By itself: the frame of a process that ends may outlive us.
        const std::shared_ptr<void> done(nullptr, [reading = reading_](void*) {
            reading->now = false;
            reading->done.NotifyAll();
        });
        tried_ = now_();
        auto found = co_await ReadDiscovery();
        if (found) {
            discovery_ = std::move(*found);
            read_at_ = now_();
        } else {
            why_not_ = found.error();
            kube::LogWarning(kLog, "{}", why_not_);
        }
    }
    if (discovery_.issuer.empty()) co_return std::unexpected(why_not_);
    co_return discovery_;
}

Awaitable<Checked<Discovery>> Provider::ReadDiscovery() {
    Web::Request request;
    request.url = DiscoveryUrl(client_.issuer);
    const std::string url = request.url;
    auto answer = co_await web_.Send(std::move(request));
    if (!answer || answer->status != 200) co_return std::unexpected(Unreadable(answer, url));
    auto found = ParseDiscovery(answer->body, client_.issuer);
    if (!found) co_return found;
    const std::string before = std::exchange(discovery_.jwks_uri, found->jwks_uri);
    auto keys = co_await ReadKeys();
    // Old keys go on where the new ones cannot be had now.
    if (!keys && (keys_.empty() || before != found->jwks_uri))
        co_return std::unexpected(keys.error());
    co_return found;
}

Awaitable<Checked<void>> Provider::ReadKeys() {
    keys_at_ = now_();
    Web::Request request;
    request.deadline = kKeysDeadline;
    request.url = discovery_.jwks_uri;
    const std::string url = request.url;
    auto answer = co_await web_.Send(std::move(request));
    if (!answer || answer->status != 200) co_return std::unexpected(Unreadable(answer, url));
    auto keys = ParseJwks(answer->body);
    if (!keys) co_return std::unexpected(keys.error());
    keys_ = std::move(*keys);
    co_return Checked<void>();
}

Awaitable<Checked<std::string>> Provider::Verified(std::string token) {
    auto payload = VerifyJws(token, keys_);
    if (!payload && payload.error().unknown_key && now_() >= keys_at_ + kKeysPause) {
        auto read = co_await ReadKeys();
        if (!read) co_return std::unexpected(read.error());
        payload = VerifyJws(token, keys_);
    }
    if (!payload) co_return std::unexpected(payload.error().message);
    co_return std::move(*payload);
}

Awaitable<Renewed> Provider::Ask(std::string url, TokenRequest asked, Expected expected) {
    Web::Request request;
    request.url = std::move(url);
    request.form = std::move(asked.form);
    request.fields = std::move(asked.fields);
    request.deadline = kSourceDeadline - kKeysDeadline;
    request.max_bytes = 4 * kMaxRecord;
    auto answer = co_await web_.Send(std::move(request));
    if (!answer) co_return Refuse(answer.error().message);
    auto tokens = ParseTokens(answer->status, answer->body);
    if (!tokens) co_return std::unexpected(tokens.error());
    std::string id_token = tokens->id_token.Reveal();
    auto payload = co_await Verified(std::move(id_token));
    if (!payload) co_return Refuse(payload.error());
    expected.now = now_();
    auto claims = CheckIdToken(*payload, expected);
    // The same question would be answered with a token like this one.
    if (!claims) co_return std::unexpected(TokenRefusal{std::move(claims.error()), true});
    co_return RenewedTokens{std::move(*tokens), std::move(*claims)};
}

Awaitable<Renewed> Provider::Redeem(std::string code, LoginAttempt attempt) {
    auto known = co_await Known();
    if (!known) co_return Refuse(known.error());
    Expected expected{client_.issuer, client_.client_id, attempt.nonce, "", {}};
    TokenRequest request = CodeRequest(*known, client_, code, attempt.verifier);
    std::string url = known->token_endpoint;
    co_return co_await Ask(std::move(url), std::move(request), std::move(expected));
}

Awaitable<bool> Provider::Prepare() {
    if (!discovery_.issuer.empty()) co_return true;
    auto known = co_await Known();
    co_return known.has_value();
}

Awaitable<Renewed> Provider::Renew(Secret refresh_token, std::string subject) {
    Expected expected{client_.issuer, client_.client_id, "", std::move(subject), {}};
    TokenRequest request = RefreshRequest(discovery_, client_, refresh_token);
    std::string url = discovery_.token_endpoint;
    co_return co_await Ask(std::move(url), std::move(request), std::move(expected));
}

}  // namespace dlws::portal
