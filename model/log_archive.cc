// SPDX-License-Identifier: Apache-2.0
#include "model/log_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "model/names.h"

namespace dlws::model {

namespace {

constexpr LogMicros kMicrosPerSecond = 1'000'000;

/// A whole number as we write it: digits only, none too many.
template <typename Number>
bool TakeNumber(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() &&
           fmt::format_int(number).str() == text;
}

}  // namespace

std::size_t Archiver::Feed(std::string_view in, std::string& out, std::size_t limit) {
    std::size_t at = 0;
    while (at < in.size() && out.size() < limit) {
        if (!in_text_) {
            const LogHeadVerdict verdict = ParseLogRecordHead(in.substr(at, kMaxLogRecordHead));
            if (verdict.kind == LogHeadVerdict::kNeedsMore) break;
            in_text_ = true;
            if (verdict.kind == LogHeadVerdict::kNoRecord) {
                StartLine(Open::kOther, out);
                ends_line_ = true;
            } else {
                const LogRecordHead& head = verdict.head;
                time_ = head.time;
                const Open stream =
                    head.stream == LogStream::kStdout ? Open::kStdout : Open::kStderr;
                if (open_ != stream) StartLine(stream, out);
                ends_line_ = head.ends_line;
                at += head.size;
            }
        }
        const std::string_view left = in.substr(at);
        const auto* end = static_cast<const char*>(std::memchr(left.data(), '\n', left.size()));
        if (end == nullptr) {
            out.append(left);
            return in.size();
        }
        const auto text = std::size_t(end - left.data());
        out.append(left.data(), text + (ends_line_ ? 1 : 0));
        if (ends_line_) open_ = Open::kNone;
        in_text_ = false;
        at += text + 1;
    }
    return at;
}

void Archiver::StartLine(Open open, std::string& out) {
    CloseLine(out);
    open_ = open;
    LogMicros fraction = time_ % kMicrosPerSecond;
    if (fraction < 0) fraction += kMicrosPerSecond;
    if (time_ - fraction != formatted_second_) {
        formatted_second_ = time_ - fraction;
        formatted_ = FormatLogTime(formatted_second_);
    }
    for (std::size_t digit = kLogTimeSize - 2; digit >= kLogTimeSize - 7; --digit) {
        formatted_[digit] = char('0' + fraction % 10);
        fraction /= 10;
    }
    out.append(formatted_.data(), formatted_.size());
    out.push_back(' ');
}

void Archiver::EndFile(std::string_view rest, std::string& out) {
    if (!rest.empty()) {
        StartLine(Open::kOther, out);
        out.append(rest);
    }
    if (in_text_ || !rest.empty()) CloseLine(out);
    in_text_ = false;
}

void Archiver::CloseLine(std::string& out) {
    if (open_ != Open::kNone) out.push_back('\n');
    open_ = Open::kNone;
}

void Archiver::Note(std::string_view text, std::string& out) {
    const Open before = open_;
    StartLine(Open::kOther, out);
    out.append("dlws: ").append(text);
    CloseLine(out);
    // The note may have come in the middle of a record, whose rest is a line then.
    if (in_text_) StartLine(before, out);
}

std::string Archiver::Save() const {
    return fmt::format("{}{}{}{}", char(open_), in_text_ ? 't' : '-', ends_line_ ? 'F' : 'P',
                       time_);
}

std::optional<Archiver> Archiver::Load(std::string_view saved) {
    if (saved.size() < 4) return std::nullopt;
    if (std::string_view("-oex").find(saved[0]) == std::string_view::npos ||
        std::string_view("t-").find(saved[1]) == std::string_view::npos ||
        std::string_view("FP").find(saved[2]) == std::string_view::npos)
        return std::nullopt;
    Archiver archiver;
    archiver.open_ = Open(saved[0]);
    archiver.in_text_ = saved[1] == 't';
    archiver.ends_line_ = saved[2] == 'F';
    constexpr LogMicros kMost = LogMicros(1) << 60;  // far beyond what a head can say
    if (!TakeNumber(saved.substr(3), archiver.time_) || archiver.time_ > kMost ||
        archiver.time_ < -kMost)
        return std::nullopt;
    return archiver;
}

std::string ArchiveFileName(const ArchiveName& name) {
    return fmt::format("{}-{}.{}.log", name.role, name.index, name.attempt);
}

std::optional<ArchiveName> ParseArchiveFileName(std::string_view file) {
    constexpr std::string_view kEnd = ".log";
    if (!file.ends_with(kEnd)) return std::nullopt;
    file.remove_suffix(kEnd.size());
    const std::size_t dash = file.find('-');
    const std::size_t dot = file.find('.');
    if (dash == std::string_view::npos || dot == std::string_view::npos || dot < dash)
        return std::nullopt;
    ArchiveName name;
    name.role = file.substr(0, dash);
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    if (name.role.empty() || int(name.role.size()) > kMaxRoleName || !is_letter(name.role[0]) ||
        !std::ranges::all_of(name.role,
                             [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); }) ||
        !TakeNumber(file.substr(dash + 1, dot - dash - 1), name.index) || name.index < 0 ||
        !TakeNumber(file.substr(dot + 1), name.attempt) || name.attempt < 0)
        return std::nullopt;
    return name;
}

}  // namespace dlws::model
