// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "portal/server/access/verdicts.h"
#include "portal/server/call.h"

namespace dlws::portal {

/// Finds out who calls: a bearer token, which goes to the API server as it is, or a session. Never
/// both. Whose token it is, the API server says (Verdicts::Who).
class Callers {
  public:
    /// `credential` is ID.KEY of a session. `browser`: it came in a cookie, so a write needs what a
    /// page of another site cannot send. Gives a Caller with token and session.
    using OpenSession = std::function<kube::Awaitable<std::expected<Caller, Problem>>(
        std::string credential, const kube::HttpRequest& request, bool browser)>;

    /// `open_session` may be empty: there are no sessions.
    Callers(Verdicts& verdicts, OpenSession open_session)
        : verdicts_(verdicts), open_session_(std::move(open_session)) {}

    /// 401 LoginRequired, LoginExpired; 400 for two credentials or one that is none.
    kube::Awaitable<std::expected<Caller, Problem>> Of(const kube::HttpRequest& request) const;

  private:
    Verdicts& verdicts_;
    OpenSession open_session_;
};

}  // namespace dlws::portal
