// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/json.h"

#include <fmt/format.h>

#include <iterator>

namespace dlws::portal {
namespace {

constexpr std::size_t kMaxWhy = 512;

std::string_view Word(RankReader::State state) {
    switch (state) {
        case RankReader::State::kLive:
            return "Live";
        case RankReader::State::kArchive:
            return "Archive";
        case RankReader::State::kEnded:
            return "Ended";
        case RankReader::State::kUnavailable:
            return "Unavailable";
        case RankReader::State::kWaiting:
        case RankReader::State::kNone:
            break;
    }
    return "Waiting";
}

void AppendTime(std::string_view name, model::LogMicros time, std::string& out) {
    const auto text = model::FormatLogTime(time);
    fmt::format_to(std::back_inserter(out), R"("{}":"{}")", name,
                   std::string_view(text.data(), text.size()));
}

}  // namespace

void AppendLineJson(int rank, int attempt, const LogLine& line, std::string& out) {
    out.push_back('{');
    AppendTime("at", line.time, out);
    fmt::format_to(std::back_inserter(out), R"(,"rank":{},"attempt":{},"text":")", rank, attempt);
    AppendJsonText(line.text, out);
    out.append(line.cut ? R"(","cut":true})" : R"("})");
}

void AppendStateJson(int rank, int attempt, RankReader::State state, std::string_view why,
                     std::string& out) {
    fmt::format_to(std::back_inserter(out), R"({{"rank":{},"attempt":{},"state":"{}")", rank,
                   attempt, Word(state));
    if (!why.empty()) {
        out.append(R"(,"why":")");
        AppendJsonText(why.substr(0, CutAt(why, kMaxWhy)), out);
        out.push_back('"');
    }
    out.push_back('}');
}

void AppendGapJson(int rank, int attempt, const RankReader::Gap& gap, std::string& out) {
    fmt::format_to(std::back_inserter(out), R"({{"rank":{},"attempt":{},)", rank, attempt);
    AppendTime("from", gap.from, out);
    out.push_back(',');
    AppendTime("to", gap.to, out);
    out.append(
        R"(,"why":"The node has rotated away what was printed here, and the archive does not have it."})");
}

}  // namespace dlws::portal
