// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kube/http_body.h"
#include "portal/server/logs/rank_reader.h"

namespace dlws::portal {

/// What StreamJobLogs answers: server-sent events of all ranks as they come. Each rank is read by a
/// coroutine of its own that waits while its lines are not taken, so that a slow reader holds up
/// nothing but its memory of one page a rank.
///
/// Confined to `executor`. Its coroutines end with it.
class LogStreamBody : public kube::HttpBody {
  public:
    struct Settings {
        std::string about;                       ///< of the cursors: DecodeLogCursor()
        std::chrono::milliseconds beat{15'000};  ///< a comment when nothing comes
        std::chrono::milliseconds longest{3'600'000};
        /// What verdicts remember makes it cheap; a lost right counts when they have forgotten it.
        std::chrono::milliseconds ask_again{5'000};
        /// Asked each `ask_again`: why it has to end (a reason of StreamEnd); empty: it goes on.
        std::function<Awaitable<std::string>()> may_go_on;
        /// Why it ended when all ranks have: JobFinished or JobDeleted.
        std::function<std::string()> how_ended;
        /// Keeps what the readers read from, and a ticket of the limits.
        std::shared_ptr<void> keep;
    };
    /// `from`: where each reader begins.
    LogStreamBody(boost::asio::any_io_executor executor, std::vector<RankReader> readers,
                  std::vector<RankPosition> from, Settings settings);
    ~LogStreamBody() override;

    Awaitable<std::string> Next() override;
    void Stop() override;
    /// The caller has logged out: nothing more is told.
    void LogOut();

  private:
    struct State;
    static Awaitable<void> Read(std::shared_ptr<State> state, std::size_t rank);
    static Awaitable<void> Watch(std::shared_ptr<State> state);
    void Start();
    void End(std::string reason);

    std::shared_ptr<State> state_;
};

}  // namespace dlws::portal
