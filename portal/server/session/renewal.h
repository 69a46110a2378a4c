// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "portal/server/session/oidc_steps.h"
#include "portal/server/session/store.h"

namespace dlws::portal {

/// What to do with a session whose token somebody wants to use. Pure.
enum class RenewalStep {
    kUse,    ///< its token is good
    kRenew,  ///< it ends soon, and nobody renews it
    kWait,   ///< it has ended, and somebody renews it
    kOver,   ///< it is no session any more (WhyOver)
};
RenewalStep NextStep(const Session& session, Seconds now);

inline constexpr std::chrono::seconds kRenewalLease{15};
inline constexpr std::chrono::seconds kSourceDeadline{8};

/// New tokens for a refresh token.
struct RenewedTokens {
    Tokens tokens;
    Claims claims;
};
using Renewed = std::expected<RenewedTokens, TokenRefusal>;

/// Keeps the tokens of sessions fresh, on several replicas at once.
///
/// Refresh tokens may be good once only, and used twice they may end the whole login (RFC 9700,
/// 4.14.2). So whoever renews first takes the record: by resourceVersion one replica wins, and its
/// lease in an annotation keeps the others away for 15 s. They go on with the old token while it
/// holds, then wait for the watch. After a provider that did not answer the lease stays, which is
/// the pause before the next try. Who dies between the provider's answer and the write costs a
/// login: the next one's refresh token is used up, and the record says why the session ended.
///
/// Confined to the store's executor; all it is given outlives it.
class Renewal {
  public:
    /// The provider.
    class Source {
      public:
        virtual ~Source() = default;
        /// Whether it can be asked now; whatever takes long is done here.
        virtual kube::Awaitable<bool> Prepare() = 0;
        /// Gives up after kSourceDeadline.
        virtual kube::Awaitable<Renewed> Renew(Secret refresh_token, std::string subject) = 0;
    };
    struct Settings {
        std::string self;  ///< another for each process
        std::function<Seconds()> now;
        std::chrono::milliseconds patience{10'000};  ///< of Fresh, for others' renewals
        std::chrono::milliseconds poll{500};         ///< looks again, should the watch say nothing
    };
    /// Why there is no token.
    struct Loss {
        enum Kind {
            kOver,  ///< log in again; `why`, if anything is known
            kAway,  ///< store or provider do not answer: later
        };
        Kind kind = kOver;
        std::string why = {};
    };

    /// `source` null: nothing is ever renewed.
    Renewal(SessionStore& store, Source* source, Settings settings)
        : store_(store),
          source_(source),
          settings_(std::move(settings)),
          here_(std::make_shared<std::set<std::string>>()) {}

    /// The session, with a token that holds for some seconds at least.
    kube::Awaitable<std::expected<SessionPtr, Loss>> Fresh(SessionKey key);
    /// Returns when nothing is being renewed here, or when `patience` is over: before the process
    /// ends, since what the provider gives meanwhile would be lost.
    kube::Awaitable<void> WaitIdle(std::chrono::milliseconds patience);

  private:
    kube::Awaitable<void> Renew(SessionKey key, Session session);
    kube::Awaitable<void> Try(SessionKey key, Session session);
    kube::Awaitable<void> Keep(SessionKey key, Session session);

    SessionStore& store_;
    Source* source_;
    Settings settings_;
    std::shared_ptr<std::set<std::string>> here_;  ///< ids that this process renews
};

}  // namespace dlws::portal
