// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "portal/server/call.h"
#include "portal/server/router.h"
#include "portal/server/session/store.h"
#include "portal/server/session/tries.h"
#include "portal/server/trusted_proxies.h"

/// @file
/// The login of `dlws login`, by a browser of its machine (RFC 8252) and with a proof that who
/// takes the token is who began (RFC 7636). It is a login of its own: the browser's session, if
/// there is one, is neither asked nor changed.
///
///     dlws       /auth/login?cliPort=P&cliChallenge=C, in the browser
///     provider   logs in; FinishLogin stores a record of kind kCliCode, whose key the browser
///                gets in a cookie of its own. It opens no session, and is no bearer
///     page       GetSession says `cliWaits`; "May the command line … act as you?"
///     ConfirmCli the same key is a code for a minute, and goes to http://127.0.0.1:P
///     dlws       RedeemCliCode: code and verifier for a token `dlws1.…`, which has another key
///
/// All state is in the store, so each step may be another replica's.

namespace dlws::portal {

/// Who waits for the code, as StartLogin is told.
struct CliWanted {
    CliWanted() {}
    std::uint16_t port = 0;  ///< of 127.0.0.1; 0: it is no login for a command line
    std::string challenge;   ///< base64url of SHA-256 of the verifier
};
/// 400 for a port that is none from 1024 on, and for one of the two without the other.
std::expected<CliWanted, Problem> ReadCliWanted(const kube::HttpParameters& query);

/// ConfirmCli and RedeemCliCode. Confined to the store's executor; the store outlives it.
class CliLogin {
  public:
    struct Settings {
        std::string origin;
        TrustedProxies proxies = {};
        std::function<Seconds()> now = {};
    };
    CliLogin(SessionStore& store, Settings settings)
        : store_(store), settings_(std::move(settings)), tries_(10, 10'000) {}

    /// The login that waits for this browser's answer.
    struct Waiting {
        SessionKey key;
        SessionPtr session;  ///< null: there is none
    };
    kube::Awaitable<std::expected<Waiting, Problem>> WaitingOf(const kube::HttpFields& fields);

    kube::Awaitable<Outcome> Confirm(Call call);
    kube::Awaitable<Outcome> Redeem(Call call);

  private:
    kube::Awaitable<std::expected<SessionPtr, Problem>> Taken(std::string code,
                                                              std::string verifier);

    SessionStore& store_;
    Settings settings_;
    Tries tries_;  ///< of codes that are none
};

/// `login` outlives the router.
void AddCliLogin(Router& router, CliLogin& login);

}  // namespace dlws::portal
