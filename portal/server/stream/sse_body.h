// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/http_body.h"
#include "kube/wait_list.h"
#include "portal/server/call.h"
#include "portal/server/limits.h"
#include "portal/server/stream/feed.h"

namespace dlws::portal {

/// A stream of StreamUpdates: server-sent events
/// (https://html.spec.whatwg.org/multipage/server-sent-events.html) of its topics, the newest state
/// of each object, written as fast as it is read. Confined to the server's executor.
class SseBody final : public kube::HttpBody {
  public:
    using Clock = std::chrono::steady_clock;
    using Time = std::chrono::system_clock::time_point;
    struct Settings {
        std::string version;  ///< of the portal
        std::chrono::milliseconds keep_alive{15'000};
        /// What verdicts remember is soon enough forgotten: a lost right counts after a minute.
        std::chrono::milliseconds ask_again{5'000};
        std::chrono::milliseconds life{3'600'000};
        std::function<std::optional<Time>()> stale = [] { return std::nullopt; };
    };

    /// `settings` and `hub` outlive it.
    SseBody(boost::asio::any_io_executor executor, const Settings& settings, Hub& hub,
            Caller caller, Limits::Ticket ticket);
    struct Denied {
        std::string topic;
        Problem problem;
    };
    /// Takes feeds that were asked, and begins: tells what changed since `id`, if it is one that
    /// these feeds can go on with. `denied`: what nothing comes of.
    void Begin(std::vector<std::unique_ptr<Feed>> feeds, const std::vector<Denied>& denied,
               std::optional<StreamId> id);

    kube::Awaitable<std::string> Next() override;
    void Stop() override;
    /// The session has been ended: so is the stream.
    void LogOut();

  private:
    kube::Awaitable<void> AskAgain();
    kube::Awaitable<std::vector<std::string>> Take();
    std::optional<std::string> StaleEvent();
    std::string Hello() const;
    std::uint64_t About() const;
    void End(std::string reason);

    const Settings& settings_;
    Hub& hub_;
    Caller caller_;
    const Limits::Ticket ticket_;
    kube::WaitList waiters_;
    std::vector<std::unique_ptr<Feed>> feeds_;
    std::vector<std::string> first_;  ///< events to begin with
    std::string first_id_;            ///< of the last of them; empty: none
    std::optional<Time> stale_;
    std::string end_;  ///< reason; empty: it goes on
    bool ended_ = false;
    Clock::time_point written_, asked_, began_;
};

}  // namespace dlws::portal
