// SPDX-License-Identifier: Apache-2.0
#include "model/log_record.h"

#include <algorithm>
#include <chrono>

namespace dlws::model {

namespace {

using namespace std::chrono;

constexpr int kFirstYear = 1, kLastYear = 9998;
constexpr std::size_t kMaxTags = 16;
constexpr LogMicros kMicrosPerSecond = 1'000'000;

/// Reads from the front, byte by byte, and remembers why it could not go on. Each check looks only
/// at bytes already read: that is what makes a verdict final.
class Cursor {
  public:
    explicit Cursor(std::string_view text) : text_(text) {}

    std::size_t at() const { return at_; }
    LogHeadVerdict::Kind verdict() const { return verdict_; }

    bool Fail() {
        verdict_ = LogHeadVerdict::kNoRecord;
        return false;
    }
    /// The next byte without taking it; 0 at the end, which no head contains.
    char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool AtEnd() const { return at_ == text_.size(); }
    bool Take(char wanted) {
        if (AtEnd()) return false;
        if (text_[at_] != wanted) return Fail();
        ++at_;
        return true;
    }
    bool Take(std::string_view wanted) {
        for (char c : wanted)
            if (!Take(c)) return false;
        return true;
    }
    bool TakeDigit(int& digit) {
        if (AtEnd()) return false;
        if (text_[at_] < '0' || text_[at_] > '9') return Fail();
        digit = text_[at_++] - '0';
        return true;
    }
    bool TakeNumber(int digits, int least, int most, int& number) {
        number = 0;
        for (int i = 0; i < digits; ++i) {
            int digit = 0;
            if (!TakeDigit(digit)) return false;
            number = number * 10 + digit;
        }
        return number >= least && number <= most ? true : Fail();
    }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    LogHeadVerdict::Kind verdict_ = LogHeadVerdict::kNeedsMore;
};

bool TakeSeconds(Cursor& cursor, LogMicros& out) {
    int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
    if (!cursor.TakeNumber(4, kFirstYear, kLastYear, y) || !cursor.Take('-') ||
        !cursor.TakeNumber(2, 1, 12, mo) || !cursor.Take('-') || !cursor.TakeNumber(2, 1, 31, d) ||
        !cursor.Take('T') || !cursor.TakeNumber(2, 0, 23, h) || !cursor.Take(':') ||
        !cursor.TakeNumber(2, 0, 59, mi) || !cursor.Take(':') || !cursor.TakeNumber(2, 0, 60, s)) {
        return false;
    }
    const year_month_day date{year(y), month(unsigned(mo)), day(unsigned(d))};
    if (!date.ok()) return cursor.Fail();
    const seconds since = sys_days(date).time_since_epoch() + hours(h) + minutes(mi) + seconds(s);
    out = since.count() * kMicrosPerSecond;
    return true;
}

/// ".123456789", or nothing.
bool TakeFraction(Cursor& cursor, LogMicros& time) {
    if (cursor.AtEnd()) return false;
    if (cursor.Peek() != '.') return true;
    cursor.Take('.');
    int digit = 0;
    LogMicros unit = kMicrosPerSecond / 10;
    for (int i = 0; i < 9; ++i) {
        if (i > 0 && !cursor.AtEnd() && (cursor.Peek() < '0' || cursor.Peek() > '9')) return true;
        if (!cursor.TakeDigit(digit)) return false;
        time += digit * unit;
        unit /= 10;
    }
    return true;
}

bool TakeOffset(Cursor& cursor, LogMicros& time) {
    if (cursor.AtEnd()) return false;
    const char sign = cursor.Peek();
    if (sign != '+' && sign != '-') return cursor.Take('Z');
    cursor.Take(sign);
    int h = 0, m = 0;
    if (!cursor.TakeNumber(2, 0, 23, h) || !cursor.Take(':') || !cursor.TakeNumber(2, 0, 59, m))
        return false;
    const LogMicros offset = (h * 60 + m) * 60 * kMicrosPerSecond;
    time += sign == '+' ? -offset : offset;
    return true;
}

bool TakeStream(Cursor& cursor, LogStream& stream) {
    if (!cursor.Take("std")) return false;
    if (cursor.AtEnd()) return false;
    stream = cursor.Peek() == 'o' ? LogStream::kStdout : LogStream::kStderr;
    return cursor.Take(stream == LogStream::kStdout ? "out" : "err");
}

/// "F" or "P", and further tags after colons, which mean nothing yet; then a space.
bool TakeTags(Cursor& cursor, bool& ends_line) {
    if (cursor.AtEnd()) return false;
    ends_line = cursor.Peek() != 'P';
    if (!cursor.Take(ends_line ? 'F' : 'P')) return false;
    if (cursor.AtEnd()) return false;
    if (cursor.Peek() == ':') {
        for (std::size_t i = 0; i < kMaxTags && cursor.Peek() > ' ' && cursor.Peek() < 127; ++i)
            cursor.Take(cursor.Peek());
    }
    return cursor.Take(' ');
}

void PutNumber(char* at, int digits, int number) {
    for (int i = digits - 1; i >= 0; --i, number /= 10)
        at[i] = char('0' + number % 10);
}

}  // namespace

LogHeadVerdict ParseLogRecordHead(std::string_view bytes) {
    Cursor cursor(bytes);
    LogRecordHead head;
    if (TakeSeconds(cursor, head.time) && TakeFraction(cursor, head.time) &&
        TakeOffset(cursor, head.time) && cursor.Take(' ') && TakeStream(cursor, head.stream) &&
        cursor.Take(' ') && TakeTags(cursor, head.ends_line)) {
        head.size = cursor.at();
        return {.kind = LogHeadVerdict::kHead, .head = head};
    }
    return {.kind = cursor.verdict()};
}

std::array<char, kLogTimeSize> FormatLogTime(LogMicros time) {
    constexpr auto kFirst = sys_days(year(kFirstYear) / 1 / 1);
    constexpr auto kEnd = sys_days(year(kLastYear + 1) / 1 / 1);
    const sys_time<microseconds> exact =
        std::clamp(sys_time<microseconds>(microseconds(time)), sys_time<microseconds>(kFirst),
                   sys_time<microseconds>(kEnd) - microseconds(1));
    const auto midnight = floor<days>(exact);
    const year_month_day date(midnight);
    const hh_mm_ss clock(exact - midnight);
    std::array<char, kLogTimeSize> text;
    std::ranges::copy(std::string_view("0000-00-00T00:00:00.000000Z"), text.begin());
    PutNumber(text.data(), 4, int(date.year()));
    PutNumber(text.data() + 5, 2, int(unsigned(date.month())));
    PutNumber(text.data() + 8, 2, int(unsigned(date.day())));
    PutNumber(text.data() + 11, 2, int(clock.hours().count()));
    PutNumber(text.data() + 14, 2, int(clock.minutes().count()));
    PutNumber(text.data() + 17, 2, int(clock.seconds().count()));
    PutNumber(text.data() + 20, 6, int(clock.subseconds().count()));
    return text;
}

std::optional<LogMicros> ParseLogTime(std::string_view text) {
    if (text.size() < kLogTimeSize || text[19] != '.' || text[26] != 'Z') return std::nullopt;
    Cursor cursor(text.substr(0, kLogTimeSize));
    LogMicros time = 0;
    if (!TakeSeconds(cursor, time) || !TakeFraction(cursor, time) || !TakeOffset(cursor, time))
        return std::nullopt;
    return time;
}

}  // namespace dlws::model
