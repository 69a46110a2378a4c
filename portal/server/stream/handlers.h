// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "portal/server/jobs/handlers.h"
#include "portal/server/router.h"
#include "portal/server/session_ends.h"
#include "portal/server/stream/sse_body.h"

namespace dlws::portal {

/// StreamUpdates. All that is referred to outlives the router, and the streams.
struct Streams {
    boost::asio::any_io_executor executor;
    Backend& backend;
    const Jobs& jobs;
    Hub& hub;
    SseBody::Settings settings;
    /// How long a stream waits for this replica to see what another one has told.
    std::chrono::milliseconds patience{2'000};
    /// Of the topics `cluster` and `approvals`; null: they are not served.
    std::function<std::unique_ptr<Feed>(const Topic&, const Caller&)> other;
    SessionEnds* session_ends = nullptr;
};

void AddStreams(Router& router, const Streams& streams);

}  // namespace dlws::portal
