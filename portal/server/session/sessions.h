// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/client.h"
#include "kube/informer.h"
#include "kube/random.h"
#include "portal/server/session/handlers.h"
#include "portal/server/session/http_web.h"
#include "portal/server/trusted_proxies.h"

namespace dlws::portal {

/// All of login and sessions, put together for the process.
///
///     Sessions sessions(own_client, verdicts, random, {.url = "https://dlws.example.org", …});
///     AddLogin(router, sessions.Handlers());
///     co_await sessions.Cache().Run();   // and Run(), side by side
///
/// Confined to the client's executor; all it is given outlives it.
class Sessions {
  public:
    struct Settings {
        std::string url;  ///< https; empty: nobody can log in, and Cache() need not run
        std::string ns = "dlws-sessions";
        std::optional<OidcClient> oidc = {};  ///< its redirect_uri is made of `url`
        std::string ca_file = {};             ///< of the provider
        bool tokens = true;
        std::string version = {};
        std::vector<std::string> features = {};
        TrustedProxies proxies = {};
    };

    Sessions(kube::Client& own, Verdicts& verdicts, kube::Random& random, Settings settings);

    bool Wanted() const { return !settings_.url.empty(); }
    Login& Handlers() { return *login_; }
    kube::Informer& Cache() { return cache_; }
    SessionStore& Store() { return store_; }
    kube::Awaitable<void> Run() { return login_->Run(seed_); }

  private:
    Settings settings_;
    std::uint64_t seed_;
    SessionStore store_;
    kube::Informer cache_;
    HttpWeb web_;
    std::optional<Provider> provider_;
    std::optional<Renewal> renewal_;
    std::optional<Login> login_;
};

}  // namespace dlws::portal
