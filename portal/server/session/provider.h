// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/api.h"
#include "kube/wait_list.h"
#include "portal/server/session/jwks.h"
#include "portal/server/session/oidc_steps.h"
#include "portal/server/session/renewal.h"

namespace dlws::portal {

/// HTTP as the provider's client needs it.
class Web {
  public:
    struct Request {
        Request() {}
        std::string url;   ///< https
        std::string form;  ///< not empty: a POST of application/x-www-form-urlencoded
        kube::HttpFields fields;
        std::chrono::milliseconds deadline{5'000};
        std::size_t max_bytes = kMaxJwks;
    };
    struct Answer {
        int status = 0;
        std::string body;
    };
    virtual ~Web() = default;
    /// No redirects are followed. Error: no answer in time, too long a one, not the right server.
    virtual kube::Awaitable<kube::Result<Answer>> Send(Request request) = 0;
};

/// The OpenID provider: its description and keys, read when they are needed and again each hour;
/// the last good ones stay. A key that is not known has the keys read again, once a minute at most.
///
/// Confined to the executor; `web` outlives it. Errors are sentences for people.
class Provider : public Renewal::Source {
  public:
    Provider(boost::asio::any_io_executor executor, Web& web, OidcClient client,
             std::function<Seconds()> now);

    const OidcClient& Client() const { return client_; }
    /// Asks once for all that wait, and not again within five seconds of a failure.
    kube::Awaitable<Checked<Discovery>> Known();
    /// The tokens for a code. Their ID token is checked.
    kube::Awaitable<Renewed> Redeem(std::string code, LoginAttempt attempt);
    kube::Awaitable<bool> Prepare() override;
    kube::Awaitable<Renewed> Renew(Secret refresh_token, std::string subject) override;

  private:
    kube::Awaitable<Checked<Discovery>> ReadDiscovery();
    kube::Awaitable<Checked<void>> ReadKeys();
    kube::Awaitable<Renewed> Ask(std::string url, TokenRequest request, Expected expected);
    kube::Awaitable<Checked<std::string>> Verified(std::string token);

    Web& web_;
    OidcClient client_;
    std::function<Seconds()> now_;
    struct Reading {
        explicit Reading(boost::asio::any_io_executor executor) : done(executor) {}
        bool now = false;
        kube::WaitList done;
    };
    std::shared_ptr<Reading> reading_;
    Discovery discovery_;  ///< without an issuer: not read yet
    std::vector<Jwk> keys_;
    std::string why_not_ = "the provider has not answered yet";
    Seconds tried_{}, read_at_{}, keys_at_{};
};

}  // namespace dlws::portal
