// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/access/verdicts.h"
#include "portal/server/call.h"
#include "portal/server/credential.h"
#include "portal/server/router.h"
#include "portal/server/session/cli_login.h"
#include "portal/server/session/provider.h"
#include "portal/server/session/renewal.h"
#include "portal/server/session/store.h"
#include "portal/server/session/tries.h"
#include "portal/server/trusted_proxies.h"

namespace dlws::portal {

/// The operations under /auth (those of `dlws login` by CliLogin), and who a session's cookie or
/// token stands for.
///
///     Login login({store, renewal, verdicts, &provider}, {.origin = "https://dlws.example.org"});
///     Callers callers(verdicts, [&](auto c, auto& r, bool b) { return login.Open(c, r, b); });
///     AddLogin(router, login);
///     co_await login.Run();   // sweeps; until cancelled
///
/// Confined to the server's executor; all it is given outlives it.
class Login {
  public:
    struct Parts {
        SessionStore& store;
        Renewal& renewal;
        Verdicts& verdicts;
        Provider* provider = nullptr;  ///< null: nobody logs in by OpenID Connect
    };
    struct Settings {
        std::string origin;  ///< of portal.url, as OriginOf gives it
        bool tokens = true;  ///< pasted ones are taken
        std::string version = {};
        std::vector<std::string> features = {};
        TrustedProxies proxies = {};
        int most_exchanges = 16;  ///< of codes, at a time
        std::function<Seconds()> now = {};
    };

    Login(Parts parts, Settings settings)
        : parts_(parts),
          settings_(std::move(settings)),
          tries_(10, 10'000),
          cli_(parts_.store, CliSettings()),
          exchanges_(std::make_shared<int>(0)) {}

    /// For Callers. A write with a cookie must be our own page's (csrf.h). `request` lives until it
    /// is answered.
    kube::Awaitable<std::expected<Caller, Problem>> Open(std::string credential,
                                                         const kube::HttpRequest& request,
                                                         bool browser);

    kube::Awaitable<Outcome> GetSession(Call call);
    kube::Awaitable<Outcome> StartLogin(Call call);
    kube::Awaitable<Outcome> FinishLogin(Call call);
    kube::Awaitable<Outcome> LoginWithToken(Call call);
    kube::Awaitable<Outcome> Logout(Call call);
    CliLogin& Cli() { return cli_; }

    /// Sweeps what has ended, each ten minutes or so, until cancelled; then waits for renewals that
    /// are under way.
    kube::Awaitable<void> Run(std::uint64_t seed);

  private:
    kube::Awaitable<std::expected<std::string, Problem>> CurrentToken(SessionKey key);
    /// Before a code is exchanged: 429 or 503. What it gives is held until that is done.
    std::expected<std::shared_ptr<void>, Problem> MayExchange(const std::string& address);
    /// The session of a login by code, or a word for the login page.
    kube::Awaitable<std::expected<SessionKey, std::string>> Redeemed(Callback callback,
                                                                     LoginAttempt attempt);
    /// Whose sessions all end by a logout with that credential.
    struct Leaving {
        std::string username;
        std::optional<SessionKey> key;  ///< absent: a token of the API server's
        bool by_provider = false;       ///< logged in there
        std::string token;
    };
    kube::Awaitable<std::expected<Leaving, Problem>> WhoLeaves(Credential credential,
                                                               const kube::HttpRequest& request,
                                                               bool everywhere);
    /// Shows the token to the API server; only what it takes becomes a session.
    kube::Awaitable<std::expected<SessionKey, Problem>> Begin(Record record);
    kube::HttpAnswer SessionAnswer(const SessionKey& key, const Record& record) const;
    boost::json::object Common() const;
    CliLogin::Settings CliSettings() const {
        return {settings_.origin, settings_.proxies, settings_.now};
    }
    void SayRefused();

    Parts parts_;
    Settings settings_;
    Tries tries_;
    CliLogin cli_;
    std::shared_ptr<int> exchanges_;  ///< under way
    Seconds said_{};
};

/// `login` outlives the router.
void AddLogin(Router& router, Login& login);

}  // namespace dlws::portal
