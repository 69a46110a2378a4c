// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <gtest/gtest.h>

#include "cli/table.h"

namespace dlws::cli {
namespace {

TEST(Clean, LeavesWordsOfAllPeopleAlone) {
    for (const char* text : {"plain", "Grüße", "日本語", "שלום", "🚀 ok", "naïve e\u0301"})
        EXPECT_EQ(Clean(text), text);
}

TEST(Clean, ShowsWhatWouldControlATerminal) {
    EXPECT_EQ(Clean("\x1b]0;owned\x07"), "^[]0;owned^G");
    EXPECT_EQ(Clean("\x1b[2J"), "^[[2J");
    EXPECT_EQ(Clean("a\nb\rc\td"), "a b c d");
    EXPECT_EQ(Clean(std::string_view("a\0b", 3)), "a^@b");
    EXPECT_EQ(Clean("\x7f"), "^?");
    EXPECT_EQ(Clean("\xc2\x9b"
                    "31m"),
              "\uFFFD31m");                                      // CSI of C1
    EXPECT_EQ(Clean("safe\u202Egpj.exe"), "safe\uFFFDgpj.exe");  // right to left
    EXPECT_EQ(Clean("a\u200Bb"),
              "a\uFFFD"
              "b");
}

TEST(Clean, ReplacesWhatIsNoUtf8) {
    EXPECT_EQ(Clean("\xff"), "\uFFFD");
    EXPECT_EQ(Clean("\xc0\x80"), "\uFFFD\uFFFD");            // overlong
    EXPECT_EQ(Clean("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD");  // a surrogate
    EXPECT_EQ(Clean("\xe6\x97"), "\uFFFD\uFFFD");            // cut off
    EXPECT_EQ(Clean("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
    EXPECT_TRUE(IsUtf8("日本"));
    EXPECT_FALSE(IsUtf8("\xe6\x97"));
}

TEST(CleanLog, KeepsColoursTabsAndProgressBarsAndNothingElse) {
    EXPECT_EQ(CleanLog("\x1b[31mred\x1b[0m"), "\x1b[31mred\x1b[0m\x1b[0m");
    EXPECT_EQ(CleanLog("10%\r20%\tx"), "10%\r20%\tx");
    EXPECT_EQ(CleanLog("\x1b[2J\x1b[1;1H"), "^[[2J^[[1;1H");
    EXPECT_EQ(CleanLog("\x1b]52;c;aGk=\x07"), "^[]52;c;aGk=^G");
    EXPECT_EQ(CleanLog("\x1b["), "^[[");
    EXPECT_EQ(CleanLog("\x1b[" + std::string(100, '1') + "m").substr(0, 3), "^[[");
}

TEST(Width, CountsColumns) {
    EXPECT_EQ(Width("abc"), 3u);
    EXPECT_EQ(Width("日本"), 4u);
    EXPECT_EQ(Width("e\u0301"), 1u);
    EXPECT_EQ(Width("🚀"), 2u);
    EXPECT_EQ(Width("ﾊﾝ"), 2u);  // halfwidth
    EXPECT_EQ(Width("한국"), 4u);
}

TEST(Cut, StaysWithinItsColumns) {
    EXPECT_EQ(Cut("abcdef", 6), "abcdef");
    EXPECT_EQ(Cut("abcdef", 4), "abc…");
    EXPECT_EQ(Cut("日本語", 4), "日…");  // 本 would be the fifth column
    EXPECT_EQ(Cut("abc", 0), "");
}

TEST(Duration, IsAsKubectlWritesIt) {
    const std::pair<long long, const char*> cases[] = {{-5, "<invalid>"},
                                                       {-1, "0s"},
                                                       {0, "0s"},
                                                       {119, "119s"},
                                                       {120, "2m"},
                                                       {200, "3m20s"},
                                                       {600, "10m"},
                                                       {10799, "179m"},
                                                       {10800, "3h"},
                                                       {8100 + 3600, "3h15m"},
                                                       {28800, "8h"},
                                                       {172799, "47h"},
                                                       {172800, "2d"},
                                                       {176400 + 3600, "2d2h"},
                                                       {8 * 86400, "8d"},
                                                       {729 * 86400, "729d"},
                                                       {730 * 86400, "2y"},
                                                       {800 * 86400, "2y70d"},
                                                       {8 * 365 * 86400, "8y"}};
    for (const auto& [seconds, text] : cases)
        EXPECT_EQ(Duration(seconds), text) << seconds;
}

TEST(Age, ReadsTimes) {
    const auto now = *model::ParseTime("2026-11-29T10:05:00Z");
    EXPECT_EQ(Age("2026-11-29T10:00:00Z", now), "5m");
    EXPECT_EQ(Age("2026-11-29T12:04:30+02:00", now), "30s");
    EXPECT_EQ(Age("", now), "");
    EXPECT_EQ(Age("soon", now), "<unknown>");
}

TEST(Table, AlignsWideAndHostileText) {
    Table table({"NAME", "OWNER", "WHY"});
    table.Add({"a", "日本", "x"});
    table.Add({"long-name", "\x1b[31m", "y"});
    EXPECT_EQ(table.ToText({}),
              "NAME        OWNER    WHY\n"
              "a           日本     x\n"
              "long-name   ^[[31m   y\n");
}

TEST(Table, EndsLinesWithoutSpaces) {
    Table table({"A", "B", "C"});
    table.Add({"1", "", ""});
    table.Add({"1", "", "3"});
    EXPECT_EQ(table.ToText({}), "A   B   C\n1\n1       3\n");
}

TEST(Table, CutsTheLastColumnOnATerminalOnly) {
    Table table({"NAME", "WHY"});
    table.Add({"digits", std::string(100, 'x')});
    Screen screen;
    EXPECT_NE(table.ToText(screen).find(std::string(100, 'x')), std::string::npos);
    screen.terminal = true;
    screen.width = 60;
    const std::string text = table.ToText(screen);
    EXPECT_EQ(text, "NAME     WHY\ndigits   " + std::string(50, 'x') + "…\n");
}

TEST(Table, ColoursChangeNoWidth) {
    Table table({"PHASE", "AGE"});
    table.Add({{"Failed", Colour::kBad}, "3s"});
    Screen screen;
    screen.colour = true;
    EXPECT_EQ(table.ToText(screen), "PHASE    AGE\n\x1b[31mFailed\x1b[0m   3s\n");
}

}  // namespace
}  // namespace dlws::cli
