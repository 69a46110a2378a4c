// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/page.h"

#include <fmt/format.h>

#include <stdexcept>

#include "portal/server/logs/json.h"

namespace dlws::portal {

Awaitable<LogPageText> ReadLogPage(std::vector<RankReader> readers, std::vector<RankPosition> from,
                                   LogPageSettings settings) {
    MergedReader lines(std::move(readers));
    LogPageText page;
    page.json = R"({"lines":[)";
    bool at_end = false;
    for (std::size_t n = 0; n < settings.limit && page.json.size() < settings.bytes;) {
        const auto line = co_await lines.Next();
        if (lines.Denied() != 0) {
            page.denied = lines.Denied();
            co_return page;
        }
        at_end = !line;
        if (!line) break;
        // Those that are later as well are before it in no rank's order.
        if (settings.until && line->line.time >= *settings.until) {
            at_end = true;
            break;
        }
        RankPosition& position = from[line->reader];
        if (position.attempt != line->attempt) {
            position.attempt = line->attempt;
            position.at = LogPosition();
        }
        if (n++ > 0) page.json.push_back(',');
        AppendLineJson(position.rank, line->attempt, line->line, page.json);
        position.at.Advance(line->line);
    }
    page.json.append(R"(],"sources":[)");
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (i > 0) page.json.push_back(',');
        AppendStateJson(from[i].rank, from[i].attempt, lines.StateOf(i), lines.WhyOf(i), page.json);
    }
    fmt::format_to(std::back_inserter(page.json), R"(],"nextCursor":"{}","atEnd":{}}})",
                   EncodeLogCursor(from, settings.about), at_end);
    co_return page;
}

void LogTextBody::Append(const MergedReader::Line& line, std::string& out) {
    if (line.line.begins) {
        // The line before was cut off where its source ended.
        if (in_line_) out.push_back('\n');
        if (settings_.timestamps) {
            const auto time = model::FormatLogTime(line.line.time);
            out.append(time.data(), time.size()).push_back(' ');
            const std::string& name = settings_.names[line.reader];
            if (!name.empty()) out.append(fmt::format("{}{} ", name, line.attempt));
        }
    }
    out.append(line.line.text);
    if (line.line.ends) out.push_back('\n');
    in_line_ = !line.line.ends;
}

Awaitable<std::string> LogTextBody::Next() {
    constexpr std::size_t kPiece = 128 << 10;
    std::string out;
    while (!ended_ && out.size() < kPiece) {
        const auto line = co_await lines_.Next();
        // Not its proper end, by which a file that is not whole would look whole.
        if (lines_.Denied() != 0) throw std::runtime_error("the caller may not read on");
        if (stopped_) throw std::runtime_error("stopping");
        if (!line || (settings_.until && line->line.time >= *settings_.until)) {
            ended_ = true;
            break;
        }
        Append(*line, out);
    }
    co_return out;
}

}  // namespace dlws::portal
