// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/sessions.h"

#include "portal/server/session/crypto.h"
#include "portal/server/session/csrf.h"

namespace dlws::portal {

namespace {

Seconds Now() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

SessionStore::Settings StoreSettings(const std::string& ns) {
    SessionStore::Settings settings;
    settings.ns = ns;
    settings.now = &Now;
    return settings;
}

}  // namespace

Sessions::Sessions(kube::Client& own, Verdicts& verdicts, kube::Random& random, Settings settings)
    : settings_(std::move(settings)),
      seed_(static_cast<std::uint64_t>(random.Uniform() * 1e18)),
      store_(own, StoreSettings(settings_.ns)),
      cache_(own, SessionStore::Watched(settings_.ns), random),
      web_(own.Executor(), settings_.ca_file) {
    const std::string origin = OriginOf(settings_.url).value_or("");
    if (settings_.oidc && Wanted()) {
        settings_.oidc->redirect_uri = origin + "/auth/callback";
        provider_.emplace(own.Executor(), web_, *settings_.oidc, &Now);
    }
    Provider* provider = provider_ ? &*provider_ : nullptr;
    Renewal::Settings renewal;
    renewal.self = HexOf(RandomBytes(8));
    renewal.now = &Now;
    renewal_.emplace(store_, provider, std::move(renewal));
    Login::Settings login;
    login.origin = origin;
    login.tokens = settings_.tokens && Wanted();
    login.version = settings_.version;
    login.features = settings_.features;
    login.proxies = settings_.proxies;
    login.now = &Now;
    login_.emplace(Login::Parts{store_, *renewal_, verdicts, provider}, std::move(login));
    cache_.OnChange([this](const kube::Change& change) { store_.Observe(change); });
}

}  // namespace dlws::portal
