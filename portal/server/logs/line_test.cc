// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/line.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "portal/server/logs/json.h"
#include "portal/server/logs/position.h"
#include "portal/server/sse.h"

namespace dlws::portal {
namespace {

const std::string kTime = "2026-11-29T10:00:08.123456Z ";

std::vector<LogLine> ReadAll(LineReader reader, std::string_view text, std::size_t step) {
    std::vector<LogLine> lines;
    for (std::size_t at = 0; at < text.size(); at += step)
        reader.Feed(text.substr(at, step), lines);
    reader.Finish(lines);
    return lines;
}

std::string JsonText(std::string_view text) {
    std::string out = "\"";
    AppendJsonText(text, out);
    out.push_back('"');
    return std::string(boost::json::parse(out).as_string());
}

TEST(LineReader, TheSameLinesHoweverTheBytesAreCut) {
    const std::string text = kTime + "one\n" + kTime + "\n" + kTime + "dlws: a note\nno time\n" +
                             kTime + std::string("a\rb\0\xff", 5) + "\n" + kTime + "not ended";
    for (const std::size_t step : {1u, 2u, 27u, 28u, 1000u}) {
        SCOPED_TRACE(step);
        const auto lines = ReadAll(LineReader(LineReader::kArchive), text, step);
        ASSERT_EQ(lines.size(), 6u);
        EXPECT_EQ(lines[0].text, "one");
        EXPECT_EQ(lines[1].text, "");
        EXPECT_FALSE(lines[2].counted);
        EXPECT_EQ(lines[3].text, "no time");
        EXPECT_FALSE(lines[3].counted);
        EXPECT_EQ(lines[3].time, lines[0].time);
        EXPECT_EQ(lines[4].text, std::string("a\rb\0\xff", 5));
        EXPECT_EQ(lines[5].text, "not ended");
        for (const std::size_t i : {0, 1, 4, 5})
            EXPECT_TRUE(lines[i].counted);
    }
}

TEST(LineReader, TheKubeletsTimesInAnyZone) {
    const auto lines = ReadAll(LineReader(LineReader::kLive),
                               "2026-11-29T10:00:08.123456789Z one\n"
                               "2026-11-29T12:00:08.123456789+02:00 two\n"
                               "2026-11-29T10:00:08.123456Z stdout F three\n"
                               "the rest of something\n",
                               1000);
    const auto time = *model::ParseLogTime(kTime);
    ASSERT_EQ(lines.size(), 4u);
    for (const auto& line : lines)
        EXPECT_EQ(line.time, time);
    EXPECT_EQ(lines[1].text, "two");
    EXPECT_EQ(lines[2].text, "stdout F three");
    EXPECT_FALSE(lines[3].counted);
}

TEST(LineReader, TenMegabytes) {
    std::string huge;
    for (int i = 0; huge.size() < 10'000'000; ++i)
        huge += std::to_string(i) + "é";
    const std::string text = kTime + huge + "\n" + kTime + "after\n";
    for (const std::size_t step : {std::size_t(1000), text.size()}) {
        const auto cut = ReadAll(LineReader(LineReader::kArchive), text, step);
        ASSERT_EQ(cut.size(), 2u);
        EXPECT_TRUE(cut[0].cut);
        EXPECT_LE(cut[0].text.size(), kMaxPiece);
        EXPECT_GT(cut[0].text.size(), kMaxPiece - 4);
        EXPECT_EQ(cut[0].text, huge.substr(0, cut[0].text.size()));
        // No half of a character at its end.
        EXPECT_EQ(JsonText(cut[0].text), cut[0].text);
        EXPECT_FALSE(cut[1].cut);

        const auto whole = ReadAll(LineReader(LineReader::kArchive, true), text, step);
        std::string all;
        for (std::size_t i = 0; i + 1 < whole.size(); ++i) {
            EXPECT_EQ(whole[i].begins, i == 0);
            EXPECT_EQ(whole[i].ends, i + 2 == whole.size());
            EXPECT_LE(whole[i].text.size(), kMaxPiece + 64);
            all += whole[i].text;
        }
        EXPECT_TRUE(all == huge);
        EXPECT_EQ(whole.back().text, "after");
    }
    // One that just fits is not cut.
    const std::string fits(kMaxPiece, 'x');
    const auto lines =
        ReadAll(LineReader(LineReader::kArchive), kTime + fits + "\n" + kTime + fits + "x\n", 4096);
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_FALSE(lines[0].cut);
    EXPECT_TRUE(lines[0].text == fits);
    EXPECT_TRUE(lines[1].cut);
}

TEST(AppendJsonText, WhatIsNoTextIsReplaced) {
    EXPECT_EQ(JsonText("a\r\t\"\\\x1b[31m"), "a\r\t\"\\\x1b[31m");
    EXPECT_EQ(JsonText(std::string("\0x", 2)), std::string("\0x", 2));
    EXPECT_EQ(JsonText("h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82"),
              "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x99\x82");
    const std::string bad = "\xef\xbf\xbd";
    // Unicode 15, table 3-8 and its neighbours.
    EXPECT_EQ(JsonText("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"),
              bad + bad + bad + bad + bad + bad + bad + bad + "A");
    EXPECT_EQ(JsonText("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"),
              bad + bad + bad + bad + bad + bad + bad + bad + "A");
    EXPECT_EQ(JsonText("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"),
              bad + bad + bad + bad + bad + "A" + bad + bad + "B");
    EXPECT_EQ(JsonText("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), bad + bad + bad + bad + "A");
    EXPECT_EQ(JsonText("\xe2\x82"), bad);
}

TEST(LogCursor, IsReadAsItWasWritten) {
    std::vector<RankPosition> ranks;
    for (int i = 0; i < 64; ++i) {
        RankPosition one;
        one.rank = i * 150;
        one.attempt = i % 3;
        one.at = LogPosition(1'796'000'000'000'000 - i * 600'000'000ll);
        one.at.count = std::uint32_t(i * i);
        one.at.extras = std::uint32_t(i % 5 == 0 ? i : 0);
        ranks.push_back(one);
    }
    ranks[7].at = LogPosition();
    const std::string cursor = EncodeLogCursor(ranks, "uid/main");
    EXPECT_LE(cursor.size(), kMaxLogCursor);
    EXPECT_EQ(cursor.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              cursor.npos);
    EXPECT_EQ(DecodeLogCursor(cursor, "uid/main"), ranks);
    EXPECT_FALSE(DecodeLogCursor(cursor, "other/main"));
    EXPECT_TRUE(DecodeLogCursor(EncodeLogCursor({}, "x"), "x"));
    // Any other text is refused, or is some cursor; it harms nothing.
    for (std::size_t i = 0; i < cursor.size(); ++i) {
        DecodeLogCursor(cursor.substr(0, i), "uid/main");
        std::string other = cursor;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        if (const auto read = DecodeLogCursor(other, "uid/main")) {
            EXPECT_LE(read->size(), kMaxLogRanks);
        }
    }
    for (const char* text : {"", "A", "AAAA", "!", "AQ==", "r48211"})
        EXPECT_FALSE(DecodeLogCursor(text, "uid/main")) << text;
}

TEST(Events, AreOneLineOfData) {
    LogLine line;
    line.time = *model::ParseLogTime(kTime);
    line.text = "a\r\nb";
    line.cut = true;
    std::string data, out;
    AppendLineJson(3, 1, line, data);
    EXPECT_EQ(
        data,
        R"({"at":"2026-11-29T10:00:08.123456Z","rank":3,"attempt":1,"text":"a\u000d\u000ab","cut":true})");
    AppendEvent("lines", "AbQ3_w0", data, out);
    EXPECT_EQ(out, "event: lines\ndata: " + data + "\nid: AbQ3_w0\n\n");
    data.clear();
    AppendStateJson(0, 2, RankReader::State::kUnavailable, "a \"link\"\n", data);
    EXPECT_EQ(data, R"({"rank":0,"attempt":2,"state":"Unavailable","why":"a \"link\"\u000a"})");
}

}  // namespace
}  // namespace dlws::portal
