// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/cli_login.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "kube/base64.h"
#include "model/time.h"
#include "portal/server/session/crypto.h"
#include "portal/server/session/csrf.h"
#include "portal/server/session/problems.h"

namespace dlws::portal {

namespace json = boost::json;
using kube::Awaitable;

namespace {

constexpr int kMinPort = 1024, kMaxPort = 65535;
constexpr std::size_t kMinCode = 16, kMaxCode = 256;
constexpr std::size_t kMinVerifier = 43, kMaxVerifier = 128;  // RFC 7636, 4.1

Problem NoneWaits(std::string reason) {
    return {401, std::move(reason), "You are not logged in",
            "No login of a command line waits for an answer here: it was answered, or has waited "
            "for ten minutes. Start `dlws login` again."};
}

// One answer for all that is wrong, so that it says nothing about codes to who has none.
Problem NoCode() {
    return {401, "LoginExpired", "You are not logged in",
            "The code is not good: it counts once, for a minute, and for the `dlws login` that "
            "has asked for it. Start `dlws login` again."};
}

bool IsOf(std::string_view text, std::size_t least, std::size_t most, std::string_view also) {
    return text.size() >= least && text.size() <= most &&
           std::ranges::all_of(text, [also](unsigned char c) {
               return std::isalnum(c) || also.find(static_cast<char>(c)) != std::string_view::npos;
           });
}

struct Exchange {
    std::string code, verifier;
};

// The body of RedeemCliCode.
std::expected<Exchange, Problem> ReadExchange(const std::string& body) {
    json::error_code error;
    const json::value document = json::parse(body, error);
    const json::object* object = document.if_object();
    if (error || !object || object->size() != 2)
        return std::unexpected(BadRequest("body", "must be an object with code and verifier"));
    const auto text = [object](std::string_view name) {
        const json::value* value = object->if_contains(name);
        return value && value->is_string() ? std::string(value->as_string()) : std::string();
    };
    Exchange exchange{text("code"), text("verifier")};
    if (!IsOf(exchange.code, kMinCode, kMaxCode, "._-"))
        return std::unexpected(BadRequest(
            "code", fmt::format("must be the code that the browser brought, {} to {} letters, "
                                "digits and ._-",
                                kMinCode, kMaxCode)));
    if (!IsOf(exchange.verifier, kMinVerifier, kMaxVerifier, "._~-"))
        return std::unexpected(
            BadRequest("verifier", fmt::format("must have {} to {} letters, digits and ._~-",
                                               kMinVerifier, kMaxVerifier)));
    return exchange;
}

bool IsItsVerifier(const Record& record, std::string_view verifier) {
    return SameBytes(kube::EncodeBase64Url(Sha256(verifier)), record.cli_challenge);
}

std::string AddressOf(const Record& record, std::string_view parameter) {
    return fmt::format("http://127.0.0.1:{}/?{}", record.cli_port, parameter);
}

}  // namespace

std::expected<CliWanted, Problem> ReadCliWanted(const kube::HttpParameters& query) {
    CliWanted wanted;
    const std::string *port = query.Find("cliPort"), *challenge = query.Find("cliChallenge");
    if (!port && !challenge) return wanted;
    if (!port) return std::unexpected(BadRequest("query.cliPort", "must come with cliChallenge"));
    const char* const end = port->data() + port->size();
    const auto [rest, wrong] = std::from_chars(port->data(), end, wanted.port);
    if (wrong != std::errc() || rest != end || wanted.port < kMinPort)
        return std::unexpected(BadRequest(
            "query.cliPort", fmt::format("must be a number from {} to {}", kMinPort, kMaxPort)));
    if (challenge) wanted.challenge = *challenge;
    const auto hash = kube::DecodeBase64Url(wanted.challenge);
    if (!hash || hash->size() != 32)
        return std::unexpected(
            BadRequest("query.cliChallenge",
                       "must be the base64url of the SHA-256 of a verifier, 43 characters"));
    return wanted;
}

Awaitable<std::expected<CliLogin::Waiting, Problem>> CliLogin::WaitingOf(
    const kube::HttpFields& fields) {
    Waiting none;
    const auto cookie = FindCookie(fields, kCliCookie);
    auto key = cookie ? ParseSessionKey(*cookie, SessionKind::kCliCode) : std::nullopt;
    if (!key) co_return none;
    auto session = co_await store_.Read(*key);
    if (!session && session.error().kind == StoreError::kGone) co_return none;
    if (!session) co_return std::unexpected(FromStore(session.error()));
    const Record& record = session.value()->record;
    if (record.confirmed != Seconds() || !WhyOver(record, settings_.now()).empty()) co_return none;
    Waiting waiting{std::move(*key), std::move(*session)};
    co_return waiting;
}

Awaitable<Outcome> CliLogin::Confirm(Call call) {
    const std::string* given = call.query.Find("deny");
    const std::string deny = given ? *given : "false";
    if (deny != "true" && deny != "false")
        co_return std::unexpected(BadRequest("query.deny", "must be true or false"));
    const auto cookie = FindCookie(call.request.fields, kCliCookie);
    const auto key = cookie ? ParseSessionKey(*cookie, SessionKind::kCliCode) : std::nullopt;
    if (!key) co_return std::unexpected(NoneWaits("LoginRequired"));
    if (std::string why = WhyForged(call.request.fields, settings_.origin, *key); !why.empty())
        co_return std::unexpected(CrossSite(why));
    auto waiting = co_await WaitingOf(call.request.fields);
    if (!waiting) co_return std::unexpected(waiting.error());
    if (!waiting->session) co_return std::unexpected(NoneWaits("LoginExpired"));
    std::string next;
    Stored<void> done;
    if (deny == "true") {
        next = AddressOf(waiting->session->record, "error=access_denied");
        done = co_await store_.Delete(key->id);
    } else {
        Session session = *waiting->session;
        session.record.confirmed = settings_.now();
        next = AddressOf(session.record, "code=" + Format(*key));
        auto written = co_await store_.Write(*key, std::move(session));
        if (!written) done = std::unexpected(written.error());
    }
    // Another answer was first, at another replica.
    if (!done &&
        (done.error().kind == StoreError::kConflict || done.error().kind == StoreError::kGone))
        co_return std::unexpected(NoneWaits("LoginExpired"));
    if (!done) co_return std::unexpected(FromStore(done.error()));
    const json::object body{{"next", next}};
    kube::HttpAnswer answer = JsonAnswer(json::serialize(body));
    answer.fields.emplace_back("Set-Cookie", ClearCliCookie());
    co_return answer;
}

// The record of the code, which is gone from the store: it is good once.
Awaitable<std::expected<SessionPtr, Problem>> CliLogin::Taken(std::string code,
                                                              std::string verifier) {
    auto key = ParseSessionKey(code, SessionKind::kCliCode);
    if (!key) co_return std::unexpected(NoCode());
    // Not out of memory: another replica may have confirmed it.
    auto session = co_await store_.Read(*key, true);
    if (!session && session.error().kind == StoreError::kGone) co_return std::unexpected(NoCode());
    if (!session) co_return std::unexpected(FromStore(session.error()));
    const Session& found = **session;
    if (found.record.confirmed == Seconds() || !WhyOver(found.record, settings_.now()).empty() ||
        !IsItsVerifier(found.record, verifier))
        co_return std::unexpected(NoCode());
    auto taken = co_await store_.Take(key->id, found.uid, found.version);
    if (!taken && taken.error().kind == StoreError::kAway)
        co_return std::unexpected(FromStore(taken.error()));
    if (!taken) co_return std::unexpected(NoCode());
    co_return std::move(*session);
}

Awaitable<Outcome> CliLogin::Redeem(Call call) {
    auto exchange = ReadExchange(call.request.body);
    if (!exchange) co_return std::unexpected(exchange.error());
    const std::string address = settings_.proxies.AddressOf(call.request);
    if (!tries_.Left(address, settings_.now())) co_return std::unexpected(TooManyTries());
    auto taken = co_await Taken(std::move(exchange->code), std::move(exchange->verifier));
    if (!taken && taken.error().status == 401) tries_.Take(address, settings_.now());
    if (!taken) co_return std::unexpected(taken.error());
    Record record = taken.value()->record;
    record.kind = SessionKind::kCli;
    record.cli_port = 0;
    record.cli_challenge.clear();
    record.confirmed = {};
    json::object body{{"expiresAt", model::FormatTime(EndOf(record))},
                      {"username", record.username}};
    auto key = co_await store_.Create(std::move(record));
    if (!key) co_return std::unexpected(FromStore(key.error()));
    body["token"] = std::string(kBearerPrefix) + Format(*key);
    co_return JsonAnswer(json::serialize(body));
}

void AddCliLogin(Router& router, CliLogin& login) {
    router.Add({.id = "ConfirmCli",
                .method = "POST",
                .path = "/auth/cli/confirm",
                .who = Operation::kAnybody,
                .query = {{"deny"}},
                .handler = [&login](Call call) { return login.Confirm(std::move(call)); }});
    router.Add({.id = "RedeemCliCode",
                .method = "POST",
                .path = "/auth/cli/token",
                .who = Operation::kAnybody,
                .media = {"application/json"},
                .handler = [&login](Call call) { return login.Redeem(std::move(call)); }});
}

}  // namespace dlws::portal
