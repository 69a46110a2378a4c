// SPDX-License-Identifier: Apache-2.0
#include "model/log_record.h"

#include <gtest/gtest.h>

#include <string>

namespace dlws::model {
namespace {

using Kind = LogHeadVerdict::Kind;

LogMicros Time(std::string_view text) {
    return ParseLogTime(text).value();
}

TEST(LogRecord, ReadsWhatContainerdWrites) {
    const std::string_view head = "2026-11-29T08:46:22.123456789Z stdout F ";
    const auto verdict = ParseLogRecordHead(std::string(head) + "text\n");
    ASSERT_EQ(verdict.kind, Kind::kHead);
    EXPECT_EQ(verdict.head, (LogRecordHead{Time("2026-11-29T08:46:22.123456Z"), LogStream::kStdout,
                                           true, head.size()}));
    const auto piece = ParseLogRecordHead("2026-11-29T08:46:22.5Z stderr P:x ");
    ASSERT_EQ(piece.kind, Kind::kHead);
    EXPECT_EQ(piece.head,
              (LogRecordHead{Time("2026-11-29T08:46:22.500000Z"), LogStream::kStderr, false, 34}));
}

TEST(LogRecord, KnowsOffsetsAndShortFractions) {
    const LogMicros time = Time("2026-02-28T23:30:00.000000Z");
    for (const char* text :
         {"2026-02-28T23:30:00Z", "2026-03-01T00:30:00+01:00", "2026-02-28T18:00:00.0-05:30"}) {
        const auto verdict = ParseLogRecordHead(std::string(text) + " stdout F x");
        ASSERT_EQ(verdict.kind, Kind::kHead) << text;
        EXPECT_EQ(verdict.head.time, time) << text;
    }
}

TEST(LogRecord, RefusesEverythingElse) {
    for (const char* text : {
             "\n",
             "hello\n",
             "2026-13-01T00:00:00Z stdout F x",
             "2026-02-30T00:00:00Z stdout F x",
             "0000-01-01T00:00:00Z stdout F x",
             "2026-01-01T24:00:00Z stdout F x",
             "2026-01-01 00:00:00Z stdout F x",
             "2026-01-01T00:00:00.Z stdout F x",
             "2026-01-01T00:00:00.1234567890Z stdout F x",
             "2026-01-01T00:00:00Z stdlog F x",
             "2026-01-01T00:00:00Z stdout X x",
             "2026-01-01T00:00:00Z stdout F\n",
             "2026-01-01T00:00:00Z stdout F:0123456789abcdef0123456789 x",
             "2026-01-01T00:00:00Z\n",
         })
        EXPECT_EQ(ParseLogRecordHead(text).kind, Kind::kNoRecord) << text;
    EXPECT_EQ(ParseLogRecordHead(std::string(kMaxLogRecordHead, '\0')).kind, Kind::kNoRecord);
}

// Otherwise the same file would read differently when its chunks fall differently.
TEST(LogRecord, AVerdictNeverChanges) {
    for (std::string text : {"2026-11-29T08:46:22.123456789+01:30 stderr P:0123456789abcde x",
                             "2026-11-29T08:46:22Z x", "2026-11-39T08", "2026-11-29T08:46:22.1 ",
                             "2026-11-29T08:46:22Z stdout F:a\n"}) {
        ASSERT_LE(text.size(), kMaxLogRecordHead);
        const auto whole = ParseLogRecordHead(text);
        EXPECT_NE(whole.kind, Kind::kNeedsMore);
        bool decided = false;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            const auto part = ParseLogRecordHead(text.substr(0, size));
            EXPECT_TRUE(!decided || part.kind != Kind::kNeedsMore) << text.substr(0, size);
            decided = part.kind != Kind::kNeedsMore;
            if (!decided) continue;
            EXPECT_EQ(part.kind, whole.kind);
            EXPECT_EQ(part.head, whole.head);
        }
    }
}

TEST(LogRecord, TimesSurviveTheArchive) {
    for (const char* text : {"2026-11-29T08:46:22.000001Z", "0001-01-01T00:00:00.000000Z",
                             "9998-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"}) {
        const auto back = FormatLogTime(Time(text));
        EXPECT_EQ(std::string_view(back.data(), back.size()), text);
    }
    EXPECT_FALSE(ParseLogTime("2026-11-29T08:46:22.00001Z "));
    EXPECT_FALSE(ParseLogTime("2026-11-29T08:46:22Z"));
    EXPECT_FALSE(ParseLogTime("2026-11-29T08:46:22.000001"));
    const auto least = FormatLogTime(INT64_MIN / 2);
    EXPECT_EQ(std::string_view(least.data(), 4), "0001");
}

}  // namespace
}  // namespace dlws::model
