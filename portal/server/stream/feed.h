// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "portal/server/jobs/handlers.h"
#include "portal/server/stream/hub.h"
#include "portal/server/stream/topic.h"

namespace dlws::portal {

/// One topic of one stream: what the caller may see of it, and what is still to be told.
class Feed {
  public:
    virtual ~Feed() = default;
    /// Asks the API server whether the caller may see it. Problem: no, or nobody can tell. One that
    /// was told that it no longer may must not be asked again.
    virtual kube::Awaitable<std::expected<void, Problem>> AskAgain(const Caller& caller) = 0;
    virtual bool Waits() const = 0;
    /// Events of all that waits (EventText of sse.h).
    virtual kube::Awaitable<std::vector<std::string>> Take(const Caller& caller) = 0;
    /// Hears of changes from now on, and of those since then; nothing: the stream is new.
    virtual void Begin(Hub& hub, std::optional<std::uint64_t> since,
                       std::function<void()> wake) = 0;
    /// Two feeds of which this is not equal cannot go on with one another's id.
    virtual std::uint64_t About() const = 0;
    virtual const std::string& topic() const = 0;
};

/// `jobs` and `job/NAMESPACE/NAME`; null: another kind. `jobs` outlives it.
std::unique_ptr<Feed> MakeJobFeed(const Jobs& jobs, const Topic& topic, const std::string& me);

}  // namespace dlws::portal
