// SPDX-License-Identifier: Apache-2.0
#include "portal/server/pulse.h"

#include "kube/wait_list.h"

namespace dlws::portal {

kube::Awaitable<void> Pulse::Run() {
    bool goes_on = true;
    while (goes_on) {
        const Clock::time_point asked = Clock::now();
        kube::CallOptions options;
        options.deadline = settings_.deadline;
        const auto answer = co_await client_.GetRaw("/livez", std::move(options));
        if (!answer && answer.error().kind == kube::ErrorKind::kCancelled) co_return;
        // Any answer is one: 403 where nobody but administrators may ask for its health.
        const bool here = answer || answer.error().kind == kube::ErrorKind::kStatus;
        if (here)
            away_since_.reset();
        else if (!away_since_)
            away_since_ = asked;
        goes_on = co_await kube::SleepFor(settings_.every);
    }
}

}  // namespace dlws::portal
