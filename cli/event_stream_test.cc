// SPDX-License-Identifier: Apache-2.0
#include "cli/event_stream.h"

#include <gtest/gtest.h>

#include "cli/testing/fake_portal.h"

namespace dlws::cli {
namespace {

std::string Shown(const std::vector<StreamEvent>& events) {
    std::string text;
    for (const StreamEvent& event : events)
        text += event.name + "|" + event.id + "|" + event.data + ";";
    return text;
}

std::string Read(std::string_view bytes) {
    EventReader reader;
    return Shown(reader.Feed(bytes));
}

TEST(EventReader, ReadsTheContractsExample) {
    EXPECT_EQ(
        Read(testing::ContractExample("StreamJobLogs") + "\n"),
        R"(state||{"rank":0,"attempt":0,"state":"Live"};)"
        R"(lines|AbQ3_w0|{"lines":[{"at":"2026-11-29T10:00:08.123456Z","rank":0,"attempt":0,"text":"epoch 1"}]};)");
}

TEST(EventReader, IsAsTheStandardSays) {
    EXPECT_EQ(Read("data: a\ndata:b\ndata\n\n"), "message||a\nb\n;");
    EXPECT_EQ(Read(": comment\n\n\n"), "");
    EXPECT_EQ(Read("event: x\n\ndata: 1\n\n"), "message||1;") << "an event without data is none";
    EXPECT_EQ(Read("data: 1\r\n\r\ndata: 2\r\rdata: 3\n\n"), "message||1;message||2;message||3;");
    EXPECT_EQ(Read("\xEF\xBB\xBF"
                   "data: 1\n\n"),
              "message||1;");
    EXPECT_EQ(Read("id: 7\ndata: 1\n\ndata: 2\n\n"), "message|7|1;message|7|2;");
    EXPECT_EQ(Read(std::string_view("id: a\0b\ndata: 1\n\n", 17)), "message||1;");
    EXPECT_EQ(Read("data:  two spaces\nother: x\nretry: 5\n\n"), "message|| two spaces;");
    EXPECT_EQ(Read("data: no end"), "") << "what a broken connection leaves does not count";
}

TEST(EventReader, DoesNotCareHowBytesAreCut) {
    const std::string stream =
        "event: a\r\nid: 1\r\ndata: x\r\n\r\ndata: y\rdata: z\r\r\ndata: \n\n";
    const std::string whole = Read(stream);
    EXPECT_EQ(whole, "a|1|x;message|1|y\nz;message|1|;");
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        EventReader reader;
        const std::string before = Shown(reader.Feed(stream.substr(0, cut)));
        EXPECT_EQ(before + Shown(reader.Feed(stream.substr(cut))), whole) << cut;
    }
    EventReader reader;
    std::string bytewise;
    for (const char c : stream)
        bytewise += Shown(reader.Feed({&c, 1}));
    EXPECT_EQ(bytewise, whole);
}

TEST(EventReader, HasALimit) {
    EventReader reader;
    const std::string piece(1 << 20, 'x');
    reader.Feed("data: " + piece);
    EXPECT_THROW(reader.Feed(piece + piece), std::length_error);
}

}  // namespace
}  // namespace dlws::cli
