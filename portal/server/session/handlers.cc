// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

#include "kube/log.h"
#include "kube/random.h"
#include "model/time.h"
#include "portal/server/access/jwt.h"
#include "portal/server/front.h"
#include "portal/server/session/crypto.h"
#include "portal/server/session/csrf.h"
#include "portal/server/session/problems.h"

namespace dlws::portal {

namespace json = boost::json;
using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "login";
constexpr std::string_view kTokenCommand =
    "kubectl -n NAMESPACE create token SERVICEACCOUNT --duration=8h";
constexpr std::size_t kMinToken = 8, kMaxPasted = 8192;

Problem FromLoss(const Renewal::Loss& loss) {
    if (loss.kind == Renewal::Loss::kOver) return Over(loss.why);
    return LoginAway("The API server or the login provider does not answer. Try again.");
}

// Where somebody's key is found says what it is of.
SessionKind KindOf(bool browser) {
    return browser ? SessionKind::kBrowser : SessionKind::kCli;
}

// The token of {"token": …}; empty: it is something else.
std::string PastedToken(const std::string& body) {
    json::error_code error;
    const json::value document = json::parse(body, error);
    if (error || !document.is_object() || document.as_object().size() != 1) return "";
    const json::value* token = document.as_object().if_contains("token");
    if (!token || !token->is_string()) return "";
    const std::string text(token->as_string());
    const bool fine =
        text.size() >= kMinToken && text.size() <= kMaxPasted &&
        std::all_of(text.begin(), text.end(), [](unsigned char c) {
            return std::isalnum(c) || std::string_view("-._~+/=").find(c) != std::string_view::npos;
        });
    return fine ? text : "";
}

kube::HttpAnswer Redirect(std::string where) {
    kube::HttpAnswer answer;
    answer.status = 303;
    answer.fields.emplace_back("Location", std::move(where));
    return answer;
}

std::string Given(const Call& call, std::string_view name) {
    const std::string* value = call.query.Find(name);
    return value ? *value : "";
}

}  // namespace

Awaitable<std::expected<Caller, Problem>> Login::Open(std::string credential,
                                                      const kube::HttpRequest& request,
                                                      bool browser) {
    auto key = ParseSessionKey(credential, KindOf(browser));
    if (!key) co_return std::unexpected(Over(""));
    const bool write = request.method != "GET" && request.method != "HEAD";
    if (browser && write)
        if (std::string why = WhyForged(request.fields, settings_.origin, *key); !why.empty())
            co_return std::unexpected(CrossSite(why));
    auto session = co_await parts_.renewal.Fresh(*key);
    if (!session) co_return std::unexpected(FromLoss(session.error()));
    Caller caller;
    caller.token = session.value()->record.token.Reveal();
    caller.session = key->id;
    caller.current_token = [this, key = *key] { return CurrentToken(key); };
    co_return caller;
}

Awaitable<std::expected<std::string, Problem>> Login::CurrentToken(SessionKey key) {
    auto session = co_await parts_.renewal.Fresh(std::move(key));
    if (!session) co_return std::unexpected(FromLoss(session.error()));
    co_return session.value()->record.token.Reveal();
}

json::object Login::Common() const {
    json::array methods;
    if (parts_.provider) methods.emplace_back("oidc");
    if (settings_.tokens) methods.emplace_back("token");
    json::object session{{"loggedIn", false},
                         {"methods", std::move(methods)},
                         {"version", settings_.version},
                         {"features", json::value_from(settings_.features)}};
    if (settings_.tokens) session["tokenCommand"] = kTokenCommand;
    return session;
}

kube::HttpAnswer Login::SessionAnswer(const SessionKey& key, const Record& record) const {
    json::object session = Common();
    session["loggedIn"] = true;
    session["csrfToken"] = CsrfToken(key);
    session["username"] = record.username;
    session["expiresAt"] = model::FormatTime(EndOf(record));
    if (record.kind == SessionKind::kCliCode) session["cliWaits"] = true;
    return JsonAnswer(json::serialize(session));
}

Awaitable<Outcome> Login::GetSession(Call call) {
    // Before the browser's own session: the question is whom the command line may act as.
    auto waiting = co_await cli_.WaitingOf(call.request.fields);
    if (!waiting) co_return std::unexpected(waiting.error());
    if (waiting->session) co_return SessionAnswer(waiting->key, waiting->session->record);
    const auto cookie = FindCookie(call.request.fields, kSessionCookie);
    auto key = cookie ? ParseSessionKey(*cookie, SessionKind::kBrowser) : std::nullopt;
    json::object nobody = Common();
    if (key) {
        auto session = co_await parts_.store.Read(*key);
        if (!session && session.error().kind != StoreError::kGone)
            co_return std::unexpected(FromStore(session.error()));
        const std::string why =
            session ? WhyOver(session.value()->record, settings_.now()) : "it has ended";
        if (why.empty()) co_return SessionAnswer(*key, session.value()->record);
        nobody["why"] = why;
    }
    co_return JsonAnswer(json::serialize(nobody));
}

Awaitable<Outcome> Login::StartLogin(Call call) {
    if (!parts_.provider) co_return std::unexpected(NotFound("login provider"));
    const auto cli = ReadCliWanted(call.query);
    if (!cli) co_return std::unexpected(cli.error());
    // Who has started `dlws login` opens the address itself. Another site could have the person
    // asked for a program of its own that listens on this machine.
    if (cli->port != 0 && IsCrossSite(call.request.fields))
        co_return std::unexpected(CrossSite(
            "a login for a command line was begun by another site; start `dlws login`, and open "
            "the address that it prints"));
    auto known = co_await parts_.provider->Known();
    if (!known) co_return Redirect("/login?error=LoginAway");
    LoginAttempt attempt = NewLoginAttempt(SafeReturn(Given(call, "return")));
    attempt.cli_port = cli->port;
    attempt.cli_challenge = cli->challenge;
    kube::HttpAnswer answer =
        Redirect(AuthorizationUrl(*known, parts_.provider->Client(), attempt));
    answer.fields.emplace_back("Set-Cookie", SetLoginCookie(attempt));
    co_return answer;
}

std::expected<std::shared_ptr<void>, Problem> Login::MayExchange(const std::string& address) {
    if (!tries_.Left(address, settings_.now())) return std::unexpected(TooManyTries());
    if (*exchanges_ >= settings_.most_exchanges) {
        Problem problem(503, "LoginAway", "Logins cannot be looked at now",
                        "Too many people are logging in at this moment. Load this page again.");
        problem.retry_after = std::chrono::seconds(2);
        return std::unexpected(std::move(problem));
    }
    ++*exchanges_;
    return std::shared_ptr<void>(nullptr, [all = exchanges_](void*) { --*all; });
}

Awaitable<Outcome> Login::FinishLogin(Call call) {
    if (!parts_.provider) co_return std::unexpected(NotFound("login provider"));
    const auto cookie = FindCookie(call.request.fields, kLoginCookie);
    auto attempt = cookie ? ParseLoginAttempt(*cookie) : std::nullopt;
    Callback callback{Given(call, "code"), Given(call, "state"), Given(call, "iss"),
                      Given(call, "error"), Given(call, "error_description")};
    // Somebody else's answer, of a link for example: it ends no login that is under way.
    if (!attempt || !SameBytes(callback.state, attempt->state))
        co_return Redirect("/login?error=state");
    const std::string address = settings_.proxies.AddressOf(call.request);
    const auto may = MayExchange(address);
    if (!may) co_return std::unexpected(may.error());
    const std::string back = attempt->return_to;
    auto key = co_await Redeemed(std::move(callback), std::move(*attempt));
    if (!key && (key.error() == "LoginFailed" || key.error() == "TokenRefused"))
        tries_.Take(address, settings_.now());
    kube::HttpAnswer answer = Redirect(key ? back : "/login?error=" + key.error());
    // Used up: a second answer with this state is another's, or the same once more.
    answer.fields.emplace_back("Set-Cookie", ClearLoginCookie());
    if (key)
        answer.fields.emplace_back("Set-Cookie", key->kind == SessionKind::kCliCode
                                                     ? SetCliCookie(*key)
                                                     : SetSessionCookie(*key, kWebLifetime));
    co_return answer;
}

Awaitable<std::expected<SessionKey, std::string>> Login::Redeemed(Callback callback,
                                                                  LoginAttempt attempt) {
    auto known = co_await parts_.provider->Known();
    if (!known) co_return std::unexpected("LoginAway");
    auto code = CheckCallback(callback, attempt, *known);
    if (!code) {
        kube::LogDebug(kLog, "{}", code.error());
        co_return std::unexpected(callback.error == "access_denied" ? "access_denied"
                                                                    : "LoginFailed");
    }
    Record record;
    record.cli_port = attempt.cli_port;
    record.cli_challenge = attempt.cli_challenge;
    if (attempt.cli_port != 0) record.kind = SessionKind::kCliCode;
    auto redeemed = co_await parts_.provider->Redeem(std::move(*code), std::move(attempt));
    if (!redeemed) {
        kube::LogDebug(kLog, "{}", redeemed.error().message);
        co_return std::unexpected(redeemed.error().final ? "LoginFailed" : "LoginAway");
    }
    record.subject = redeemed->claims.subject;
    record.token = std::move(redeemed->tokens.id_token);
    record.refresh_token = std::move(redeemed->tokens.refresh_token);
    record.token_issued = redeemed->claims.issued;
    record.token_ends = redeemed->claims.ends;
    auto key = co_await Begin(std::move(record));
    if (!key && key.error().reason == "TokenRefused") SayRefused();
    if (!key) co_return std::unexpected(key.error().reason);
    co_return std::move(*key);
}

// Once in a while: each try of each user would say it.
void Login::SayRefused() {
    if (settings_.now() < said_ + std::chrono::minutes(1)) return;
    said_ = settings_.now();
    const OidcClient& client = parts_.provider->Client();
    kube::LogWarning(kLog,
                     "the API server does not take the provider's ID tokens: compare its "
                     "AuthenticationConfiguration (or --oidc flags) with the issuer \"{}\" and the "
                     "audience \"{}\", and look which claim it takes for the username",
                     client.issuer, client.client_id);
}

Awaitable<std::expected<SessionKey, Problem>> Login::Begin(Record record) {
    std::string token = record.token.Reveal(), hash = KeyOf(token);
    auto who = co_await parts_.verdicts.Who(std::move(token), std::move(hash));
    if (!who && who.error().IsUnauthorized())
        co_return std::unexpected(Problem(
            401, "TokenRefused", "The API server does not take this token",
            "Make a new one, and paste all of it. A token of another cluster does not do."));
    if (!who) co_return std::unexpected(FromError(who.error()));
    record.username = who->username;
    record.logged_in = record.renewed = settings_.now();
    auto key = co_await parts_.store.Create(std::move(record));
    if (!key) co_return std::unexpected(FromStore(key.error()));
    co_return std::move(*key);
}

Awaitable<Outcome> Login::LoginWithToken(Call call) {
    if (!settings_.tokens) co_return std::unexpected(NotFound("login with a token"));
    if (std::string why = WhyNotOwnOrigin(call.request.fields, settings_.origin); !why.empty())
        co_return std::unexpected(CrossSite(why));
    if (!tries_.Take(settings_.proxies.AddressOf(call.request), settings_.now()))
        co_return std::unexpected(TooManyTries());
    std::string token = PastedToken(call.request.body);
    if (token.empty())
        co_return std::unexpected(BadRequest(
            "token", fmt::format("must be the body's only field, a token of {} to {} characters as "
                                 "kubectl prints it",
                                 kMinToken, kMaxPasted)));
    Record record;
    record.token_issued = settings_.now();
    record.token_ends = EndOfJwt(token).value_or(settings_.now() + kUnrenewedLifetime);
    record.token = Secret(std::move(token));
    auto key = co_await Begin(std::move(record));
    if (!key) co_return std::unexpected(key.error());
    auto session = co_await parts_.store.Read(*key);
    if (!session) co_return std::unexpected(FromStore(session.error()));
    kube::HttpAnswer answer = SessionAnswer(*key, session.value()->record);
    answer.fields.emplace_back("Set-Cookie", SetSessionCookie(*key, kWebLifetime));
    co_return answer;
}

// Not by Renewal::Fresh: a session ends also when its token has, or the provider is away. Who has
// its key is the one that it was made for.
Awaitable<std::expected<Login::Leaving, Problem>> Login::WhoLeaves(Credential credential,
                                                                   const kube::HttpRequest& request,
                                                                   bool everywhere) {
    Leaving leaving;
    if (credential.kind == Credential::kNone)
        co_return std::unexpected(
            Problem(401, "LoginRequired", "You are not logged in", "There is no session to end."));
    if (credential.kind == Credential::kToken) {
        if (!everywhere)
            co_return std::unexpected(
                BadRequest("header.Authorization",
                           "is a token of the API server's, which nobody can end; send a session"));
        leaving.token = credential.text;
        auto who = co_await parts_.verdicts.Who(credential.text, KeyOf(credential.text));
        if (!who) co_return std::unexpected(FromError(who.error()));
        leaving.username = std::move(who->username);
        co_return leaving;
    }
    leaving.key = ParseSessionKey(credential.text, KindOf(credential.browser));
    if (leaving.key && credential.browser)
        if (std::string why = WhyForged(request.fields, settings_.origin, *leaving.key);
            !why.empty())
            co_return std::unexpected(CrossSite(why));
    // Who has no session any more wants what is already so; but whose all the others are, nobody
    // can say.
    if (!leaving.key && everywhere) co_return std::unexpected(Over(""));
    if (!leaving.key) co_return leaving;
    auto session = co_await parts_.store.Read(*leaving.key);
    const bool gone = !session && session.error().kind == StoreError::kGone;
    if (gone && everywhere) co_return std::unexpected(Over(""));
    if (gone) leaving.key.reset();
    if (gone) co_return leaving;
    if (!session) co_return std::unexpected(FromStore(session.error()));
    const Record& record = session.value()->record;
    leaving.username = record.username;
    leaving.by_provider = !record.subject.empty();
    leaving.token = record.token.Reveal();
    co_return leaving;
}

Awaitable<Outcome> Login::Logout(Call call) {
    const std::string everywhere = Given(call, "everywhere");
    if (everywhere != "" && everywhere != "true" && everywhere != "false")
        co_return std::unexpected(BadRequest("query.everywhere", "must be true or false"));
    auto credential = CredentialOf(call.request, true);
    if (!credential) co_return std::unexpected(credential.error());
    auto leaving = co_await WhoLeaves(std::move(*credential), call.request, everywhere == "true");
    if (!leaving) co_return std::unexpected(leaving.error());
    auto ended = everywhere == "true" ? co_await parts_.store.DeleteAllOf(leaving->username)
                                      : Stored<void>();
    if (ended && leaving->key) ended = co_await parts_.store.Delete(leaving->key->id);
    if (!ended) co_return std::unexpected(FromStore(ended.error()));
    if (!leaving->token.empty()) parts_.verdicts.Forget(KeyOf(leaving->token));
    json::object body;
    if (parts_.provider && leaving->by_provider) {
        // After ours has ended: this one may take its time, or not answer.
        auto known = co_await parts_.provider->Known();
        const std::string next =
            known ? EndSessionUrl(*known, parts_.provider->Client(), settings_.origin + "/") : "";
        if (!next.empty()) body["next"] = next;
    }
    kube::HttpAnswer answer = JsonAnswer(json::serialize(body));
    answer.fields.emplace_back("Set-Cookie", ClearSessionCookie());
    co_return answer;
}

Awaitable<void> Login::Run(std::uint64_t seed) {
    constexpr std::chrono::seconds kForget{10};
    kube::Random random(seed);
    // All replicas look, so that no leader is needed; not at the same moment.
    const auto next = [&] { return std::chrono::seconds(480 + int(240 * random.Uniform())); };
    Seconds sweep_at = settings_.now() + next();
    while (co_await kube::SleepFor(kForget)) {
        parts_.store.Forget();
        if (settings_.now() < sweep_at) continue;
        sweep_at = settings_.now() + next();
        const std::size_t swept = co_await parts_.store.Sweep();
        if (swept > 0) kube::LogInfo(kLog, "{} sessions have ended and were deleted", swept);
    }
    co_await boost::asio::this_coro::reset_cancellation_state();
    co_await parts_.renewal.WaitIdle(std::chrono::seconds(12));
}

void AddLogin(Router& router, Login& login) {
    router.Add({.id = "GetSession",
                .method = "GET",
                .path = "/auth/session",
                .who = Operation::kAnybody,
                .handler = [&login](Call call) { return login.GetSession(std::move(call)); }});
    router.Add({.id = "StartLogin",
                .method = "GET",
                .path = "/auth/login",
                .who = Operation::kAnybody,
                .query = {{"return"}, {"cliPort"}, {"cliChallenge"}},
                .handler = [&login](Call call) { return login.StartLogin(std::move(call)); }});
    router.Add({.id = "FinishLogin",
                .method = "GET",
                .path = "/auth/callback",
                .who = Operation::kAnybody,
                .query = {{"code"},
                          {"state"},
                          {"iss"},
                          {"session_state"},
                          {"scope"},
                          {"error"},
                          {"error_description"}},
                .handler = [&login](Call call) { return login.FinishLogin(std::move(call)); },
                .lenient = true});
    router.Add({.id = "LoginWithToken",
                .method = "POST",
                .path = "/auth/token",
                .who = Operation::kAnybody,
                .media = {"application/json"},
                .handler = [&login](Call call) { return login.LoginWithToken(std::move(call)); }});
    router.Add({.id = "Logout",
                .method = "POST",
                .path = "/auth/logout",
                .who = Operation::kAnybody,
                .query = {{"everywhere"}},
                .handler = [&login](Call call) { return login.Logout(std::move(call)); }});
    AddCliLogin(router, login.Cli());
}

}  // namespace dlws::portal
