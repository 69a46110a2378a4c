// SPDX-License-Identifier: Apache-2.0
#include "portal/server/front.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/core/string.hpp>
#include <exception>
#include <random>

#include "kube/http_encoding.h"
#include "kube/log.h"
#include "model/time.h"

namespace dlws::portal {
namespace {

constexpr std::string_view kLog = "portal";
using Clock = std::chrono::steady_clock;

std::string NewId() {
    static thread_local std::mt19937_64 engine{std::random_device{}()};
    return fmt::format("{:016x}", engine());
}

bool IsOurs(std::string_view path) {
    return path.starts_with("/api/") || path.starts_with("/auth/");
}

// A browser comes to these from elsewhere: from a link, and from the provider.
bool MayComeFromElsewhere(std::string_view id) {
    return id == "StartLogin" || id == "FinishLogin";
}

// A secret beside what an attacker chooses would be told by its length (BREACH).
bool MayBeCompressed(std::string_view path) {
    return path.starts_with("/api/");
}

std::optional<Problem> WrongBody(const Operation& operation, const kube::HttpRequest& request) {
    if (operation.media.empty()) {
        if (request.body.empty()) return std::nullopt;
        return BadRequest("body", "must be empty here");
    }
    if (request.body.empty()) return BadRequest("body", "is missing");
    if (std::ranges::find(operation.media, MediaType(request)) != operation.media.end())
        return std::nullopt;
    return Problem(415, "MediaType", "The body is of a type that is not taken here",
                   fmt::format("Content-Type must be {}.", fmt::join(operation.media, " or ")));
}

// The parts of a query whose names an operation knows.
std::string OnlyKnown(std::string_view query, const std::vector<kube::HttpParameter>& known) {
    std::string kept;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(query.size(), part.size() + 1));
        if (std::ranges::find(known, part.substr(0, part.find('=')), &kube::HttpParameter::name) ==
            known.end())
            continue;
        if (!kept.empty()) kept += '&';
        kept += part;
    }
    return kept;
}

// A handler that was told to stop throws too; what of that is said, is the server's to say.
kube::Awaitable<kube::HttpAnswer> Failed(std::exception_ptr thrown, std::string operation,
                                         std::string id) {
    const auto state = co_await boost::asio::this_coro::cancellation_state;
    if (state.cancelled() != boost::asio::cancellation_type::none) std::rethrow_exception(thrown);
    std::string what = "something that is no exception";
    try {
        std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
        what = error.what();
    } catch (...) {
    }
    kube::LogError(kLog, "{} failed: {}, request {}", operation, what, id);
    co_return ToAnswer(Internal(), id);
}

}  // namespace

bool IsCrossSite(const kube::HttpFields& fields) {
    // All of them: a second one must not hide behind the first. What future browsers may say counts
    // too: it would be something that we did not think of.
    return std::ranges::any_of(fields, [](const auto& field) {
        return boost::beast::iequals(field.first, "Sec-Fetch-Site") &&
               field.second != "same-origin" && field.second != "none";
    });
}

std::set<int> FrontAnswers(const Operation& operation) {
    std::set<int> statuses{400, 411, 413, 431, 500, 503};
    if (!MayComeFromElsewhere(operation.id)) statuses.insert(403);
    if (operation.who == Operation::kLoggedIn) statuses.insert({401, 403, 429});
    if (!operation.media.empty()) statuses.insert(415);
    return statuses;
}

void DressRefusal(kube::HttpAnswer& refusal, bool hsts) {
    struct Words {
        int status;
        const char* reason;
        const char* title;
    };
    static constexpr Words kWords[] = {
        {400, "BadRequest", "The request cannot be read"},
        {411, "LengthRequired", "The length of the body is not told"},
        {413, "TooLarge", "The body is too long"},
        {429, "TooManyRequests", "Too many requests"},
        {431, "HeaderTooLong", "The header is too long"},
        {500, "Internal", "The portal made a mistake"},
        {503, "Busy", "The portal has too much to do"}};
    const auto words = std::ranges::find(kWords, refusal.status, &Words::status);
    std::string detail(refusal.Body());
    while (detail.ends_with('\n'))
        detail.pop_back();
    Problem problem = words == std::end(kWords)
                          ? Problem(refusal.status, "Refused", "The request is refused")
                          : Problem(refusal.status, words->reason, words->title);
    if (refusal.status < 500 || refusal.status == 503) problem.detail = detail + ".";
    kube::HttpAnswer answer = ToAnswer(problem, NewId());
    answer.close = refusal.close;
    answer.fields.insert(answer.fields.end(), refusal.fields.begin(), refusal.fields.end());
    AddSecurityHeaders(answer, hsts);
    refusal = std::move(answer);
}

void AddSecurityHeaders(kube::HttpAnswer& answer, bool secure) {
    answer.fields.insert(
        answer.fields.end(),
        {{"Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
          "font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
          "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
          "require-trusted-types-for 'script'; trusted-types dlws-worker"},
         {"X-Frame-Options", "DENY"},
         {"Referrer-Policy", "same-origin"},
         {"Cross-Origin-Opener-Policy", "same-origin"},
         {"Cross-Origin-Resource-Policy", "same-origin"},
         {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"}});
    if (secure) answer.fields.emplace_back("Strict-Transport-Security", "max-age=31536000");
}

kube::Awaitable<kube::HttpAnswer> Front::Answer(kube::HttpRequest request) {
    const Clock::time_point began = Clock::now();
    std::string id = NewId();
    std::string operation = "Page";
    kube::HttpAnswer answer;
    std::exception_ptr thrown;
    try {
        if (IsOurs(request.path))
            answer = co_await AnswerOperation(std::move(request), id, operation);
        else
            answer = parts_.page(request);
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) answer = co_await Failed(std::move(thrown), operation, id);
    AddSecurityHeaders(answer, parts_.hsts);
    const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
    parts_.metrics.Count("dlws_portal_requests_total",
                         {{"operation", operation}, {"code", std::to_string(answer.status)}});
    parts_.metrics.Observe("dlws_portal_request_duration_seconds", {{"operation", operation}},
                           seconds);
    // Whatever people do, and while the API server is away, must not fill the log.
    if (answer.status == 500)
        kube::LogWarning(kLog, "{} {} {:.3f} s, request {}", operation, answer.status, seconds, id);
    else
        kube::LogDebug(kLog, "{} {} {:.3f} s, request {}", operation, answer.status, seconds, id);
    co_return answer;
}

kube::Awaitable<kube::HttpAnswer> Front::AnswerOperation(kube::HttpRequest request, std::string id,
                                                         std::string& operation) {
    auto match = parts_.router.Find(request.method, request.path);
    operation = match ? match->operation->id : "None";
    if (!match) co_return ToAnswer(match.error(), id);
    const bool read = request.method == "GET" || request.method == "HEAD";
    const bool compress = MayBeCompressed(request.path);
    kube::HttpRequest asked;  // what is looked at once the request itself is the operation's
    asked.method = request.method;
    for (const auto& field : request.fields)
        if (boost::beast::iequals(field.first, "If-None-Match") ||
            boost::beast::iequals(field.first, "Accept-Encoding"))
            asked.fields.push_back(field);
    Limits::Ticket ticket;
    Outcome outcome = co_await Call(*match, std::move(request), id, ticket);
    kube::HttpAnswer answer = outcome ? std::move(*outcome) : ToAnswer(outcome.error(), id);
    answer.held = std::move(ticket);
    kube::ApplyIfNoneMatch(asked, answer);
    if (compress) kube::Compress(asked, answer);
    if (auto since = parts_.stale(); since && read)
        answer.fields.emplace_back(
            "Dlws-Stale", model::FormatTime(std::chrono::floor<std::chrono::seconds>(*since)));
    co_return answer;
}

kube::Awaitable<Outcome> Front::Call(const Router::Match& match, kube::HttpRequest request,
                                     std::string id, Limits::Ticket& ticket) {
    const Operation& operation = *match.operation;
    const bool write = operation.method != "GET";
    if (IsCrossSite(request.fields) && !MayComeFromElsewhere(operation.id))
        co_return std::unexpected(Problem(403, "CrossSite", "The request comes from another site",
                                          "Open the portal itself."));
    if (std::string lacks = parts_.lacks(); !lacks.empty()) {
        Problem starting(503, "Starting", "The portal has just started", std::move(lacks));
        starting.retry_after = std::chrono::seconds(1);
        co_return std::unexpected(std::move(starting));
    }
    const std::string known =
        operation.lenient ? OnlyKnown(request.query, operation.query) : request.query;
    std::string parameter;
    auto query = kube::ParseHttpQuery(known, operation.query, &parameter);
    if (!query) {
        Problem wrong =
            BadRequest(parameter.empty() ? "query" : "query." + parameter, query.error());
        wrong.detail = query.error() + ".";  // it names the parameter already
        co_return std::unexpected(std::move(wrong));
    }
    if (auto wrong = WrongBody(operation, request)) co_return std::unexpected(std::move(*wrong));
    portal::Call call;
    call.request_id = std::move(id);
    call.path = match.path;
    call.query = std::move(*query);
    if (operation.who == Operation::kLoggedIn) {
        auto caller = co_await parts_.callers.Of(request);
        if (!caller) co_return std::unexpected(caller.error());
        call.caller = std::move(*caller);
        if (!operation.stream) {
            auto taken = parts_.limits.Take(call.caller.username, Limits::kRequest);
            if (!taken) co_return std::unexpected(taken.error());
            ticket = std::move(*taken);
        }
        if (write)
            if (auto may = parts_.limits.Write(call.caller.username); !may)
                co_return std::unexpected(may.error());
    }
    call.request = std::move(request);
    const std::string key = call.caller.key;
    const auto ns = call.path.find("namespace");
    const std::string where = ns == call.path.end() ? "" : ns->second;
    Outcome outcome = co_await operation.handler(std::move(call));
    if (!outcome && outcome.error().by_api_server) {
        if (outcome.error().status == 401) parts_.verdicts.Forget(key);
        if (outcome.error().status == 403) parts_.verdicts.ForgetNamespace(key, where);
    }
    co_return outcome;
}

}  // namespace dlws::portal
