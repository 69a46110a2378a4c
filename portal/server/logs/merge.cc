// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/merge.h"

#include <utility>

#include "kube/together.h"

namespace dlws::portal {

MergedReader::MergedReader(std::vector<RankReader> readers) {
    for (RankReader& reader : readers) {
        Rank rank;
        rank.reader = std::make_unique<RankReader>(std::move(reader));
        ranks_.push_back(std::move(rank));
    }
}

Awaitable<void> MergedReader::Fill(std::size_t at) {
    Rank& rank = ranks_[at];
    while (rank.lines.empty() && !rank.ended) {
        RankReader::Told told = co_await rank.reader->Next();
        if (told.denied != 0) denied_ = told.denied;
        if (told.state) {
            rank.state = *told.state;
            rank.why = std::move(told.why);
        }
        for (LogLine& line : told.lines) {
            Line one;
            one.reader = at;
            one.attempt = told.attempt;
            one.line = std::move(line);
            rank.lines.push_back(std::move(one));
        }
        rank.ended = told.end;
    }
}

Awaitable<std::optional<MergedReader::Line>> MergedReader::Next() {
    std::vector<Awaitable<void>> fills;
    for (std::size_t i = 0; i < ranks_.size(); ++i)
        if (ranks_[i].lines.empty() && !ranks_[i].ended) fills.push_back(Fill(i));
    co_await kube::Together(std::move(fills));
    if (denied_ != 0) co_return std::nullopt;
    std::optional<std::size_t> next;
    if (open_ && !ranks_[*open_].lines.empty() && !ranks_[*open_].lines.front().line.begins) {
        next = open_;
    } else {
        for (std::size_t i = 0; i < ranks_.size(); ++i)
            if (!ranks_[i].lines.empty() && (!next || ranks_[i].lines.front().line.time <
                                                          ranks_[*next].lines.front().line.time))
                next = i;
    }
    if (!next) co_return std::nullopt;
    Line line = std::move(ranks_[*next].lines.front());
    ranks_[*next].lines.pop_front();
    open_ = line.line.ends ? std::nullopt : next;
    co_return line;
}

}  // namespace dlws::portal
