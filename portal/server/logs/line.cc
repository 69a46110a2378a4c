// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <optional>

namespace dlws::portal {
namespace {

constexpr std::string_view kNote = "dlws: ";
/// Longest time with nine decimals and an offset.
constexpr std::size_t kMaxTime = 35;

/// The time at the start of a line and how many bytes it and the space take.
struct Stamp {
    model::LogMicros time = 0;
    std::size_t size = 0;
};

std::optional<Stamp> ReadStamp(std::string_view line, LineReader::Format format) {
    if (format == LineReader::kArchive) {
        if (line.size() <= model::kLogTimeSize || line[model::kLogTimeSize] != ' ')
            return std::nullopt;
        const auto time = model::ParseLogTime(line);
        if (!time) return std::nullopt;
        return Stamp{*time, model::kLogTimeSize + 1};
    }
    const std::size_t space = line.substr(0, kMaxTime + 1).find(' ');
    if (space == line.npos) return std::nullopt;
    // The kubelet writes the time as the container runtime did, and leaves out what follows it.
    const std::string record = fmt::format("{} stdout F ", line.substr(0, space));
    const auto verdict = model::ParseLogRecordHead(record);
    if (verdict.kind != model::LogHeadVerdict::kHead || verdict.head.size != record.size())
        return std::nullopt;
    return Stamp{verdict.head.time, space + 1};
}

/// Length of the character at the start of `text`; 0 and `bad` bytes that are none.
std::size_t Character(std::string_view text, std::size_t& bad) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    bad = 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    for (std::size_t i = 1; i < length; ++i) {
        unsigned low = 0x80, high = 0xbf;
        if (i == 1 && first == 0xe0) low = 0xa0;   // too long a form
        if (i == 1 && first == 0xed) high = 0x9f;  // halves of pairs
        if (i == 1 && first == 0xf0) low = 0x90;
        if (i == 1 && first == 0xf4) high = 0x8f;  // beyond U+10FFFF
        if (i == text.size() || byte(i) < low || byte(i) > high) return 0;
        bad = i + 1;
    }
    return length;
}

}  // namespace

std::size_t LineReader::Feed(std::string_view bytes, std::vector<LogLine>& out, std::size_t most) {
    const std::size_t size = bytes.size();
    for (std::size_t lines = 0; !bytes.empty() && lines < most; ++lines) {
        const auto* feed = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
        const std::size_t text = feed ? std::size_t(feed - bytes.data()) : bytes.size();
        in_line_ = true;
        Add(bytes.substr(0, text), out);
        if (!feed) return size;
        Emit(true, out);
        bytes.remove_prefix(text + 1);
    }
    return size - bytes.size();
}

void LineReader::Finish(std::vector<LogLine>& out) {
    if (in_line_) Emit(true, out);
}

void LineReader::Add(std::string_view text, std::vector<LogLine>& out) {
    while (!text.empty()) {
        // One byte more than a piece, so that a piece that is full ends no line that just fits.
        const std::size_t room = kMaxTime + 1 + kMaxPiece + 1 - buffer_.size();
        const std::size_t taken = std::min(room, text.size());
        buffer_.append(text.substr(0, taken));
        text.remove_prefix(taken);
        if (text.empty()) return;
        if (!whole_) {
            cut_ = true;
            return;
        }
        Emit(false, out);
    }
}

void LineReader::Emit(bool ends, std::vector<LogLine>& out) {
    std::string_view text = buffer_;
    LogLine line;
    line.begins = !begun_;
    if (line.begins) {
        const auto stamp = ReadStamp(text, format_);
        if (stamp) {
            time_ = stamp->time;
            text.remove_prefix(stamp->size);
        }
        head_.counted = stamp && !text.starts_with(kNote);
    }
    line.time = time_;
    line.counted = head_.counted;
    line.ends = ends;
    line.text = text;
    if (!whole_ && line.text.size() > kMaxPiece) {
        line.text.resize(CutAt(line.text, kMaxPiece));
        cut_ = true;
    }
    line.cut = cut_;
    out.push_back(std::move(line));
    buffer_.clear();
    begun_ = !ends;
    if (!ends) return;
    in_line_ = false;
    cut_ = false;
}

void AppendJsonText(std::string_view text, std::string& out) {
    while (!text.empty()) {
        std::size_t bad = 0;
        const std::size_t length = Character(text, bad);
        if (length == 0) {
            out.append("\xef\xbf\xbd");
            text.remove_prefix(bad);
            continue;
        }
        const unsigned char c = static_cast<unsigned char>(text[0]);
        if (c == '"' || c == '\\')
            out.append({'\\', char(c)});
        else if (c == '\t')
            out.append("\\t");
        else if (c < 0x20 || c == 0x7f)
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", unsigned(c));
        else
            out.append(text.substr(0, length));
        text.remove_prefix(length);
    }
}

std::size_t CutAt(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text.size();
    std::size_t at = most;
    // A character has at most four bytes; bytes that are none may be cut anywhere.
    while (at > 0 && most - at < 3 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
        --at;
    return at;
}

}  // namespace dlws::portal
