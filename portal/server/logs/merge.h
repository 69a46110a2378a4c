// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "portal/server/logs/rank_reader.h"

namespace dlws::portal {

/// Lines of several ranks by time, each rank's in its own order, also where its times go back; of
/// equal times the lower rank's first. The pieces of a line come together.
///
///     MergedReader lines(std::move(readers));          // not following
///     while (auto line = co_await lines.Next()) …
///
/// Holds one page of each: nothing can be said before each rank has a line, or has ended. Confined
/// to the executor of its readers.
class MergedReader {
  public:
    struct Line {
        std::size_t reader = 0;
        int attempt = 0;
        LogLine line;
    };
    explicit MergedReader(std::vector<RankReader> readers);

    /// Nothing: there is no more, or somebody may not (Denied()).
    Awaitable<std::optional<Line>> Next();
    /// 401 or 403, of who asked; 0: no.
    int Denied() const { return denied_; }
    /// What each rank's last word was, and why.
    RankReader::State StateOf(std::size_t reader) const { return ranks_[reader].state; }
    const std::string& WhyOf(std::size_t reader) const { return ranks_[reader].why; }

  private:
    struct Rank {
        std::unique_ptr<RankReader> reader;
        std::deque<Line> lines;
        RankReader::State state = RankReader::State::kNone;
        std::string why;
        bool ended = false;
    };
    Awaitable<void> Fill(std::size_t reader);

    std::vector<Rank> ranks_;
    std::optional<std::size_t> open_;  // whose line goes on
    int denied_ = 0;
};

}  // namespace dlws::portal
