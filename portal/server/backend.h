// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/client.h"
#include "kube/metrics.h"
#include "portal/server/access/visible.h"
#include "portal/server/limits.h"

namespace dlws::portal {

/// What operations work with. All of it outlives them, and is confined to the server's executor.
struct Backend {
    /// A client without an identity of its own: a call that forgets its caller's token is nobody's.
    kube::Client& users;
    Verdicts& verdicts;
    Visibility& visibility;
    Limits& limits;
    kube::Metrics& metrics;
};

/// Options of a call in somebody's name. The deadline leaves time to answer within 30 s.
template <typename Options = kube::CallOptions>
Options AsCaller(const Caller& caller, Options options = Options()) {
    options.bearer = caller.token;
    options.deadline = std::chrono::seconds(15);
    return options;
}

}  // namespace dlws::portal
