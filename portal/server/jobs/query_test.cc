// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/query.h"

#include <gtest/gtest.h>

#include <set>

#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using testing::Parameters;
using testing::ParseFilter;
using testing::ParseQuery;

std::string ErrorOf(const Parameters& parameters) {
    const auto query = ParseQuery(parameters);
    return query ? "(none)" : query.error().name + ": " + query.error().message;
}

TEST(ParseQuery, HasDefaults) {
    const auto query = ParseQuery({});
    ASSERT_TRUE(query);
    EXPECT_EQ(query->filter, Filter());
    EXPECT_EQ(query->sort, (Sort{SortKey::Created, true}));
    EXPECT_EQ(query->limit, 50);
    EXPECT_FALSE(query->after);
}

TEST(ParseQuery, ReadsEveryParameter) {
    const auto query = ParseQuery({{"namespace", "vision"},
                                   {"namespace", "audio"},
                                   {"mine", "true"},
                                   {"owner", "bob"},
                                   {"owner", "alice"},
                                   {"phase", "None"},
                                   {"phase", "Failed"},
                                   {"pending", "Ask"},
                                   {"gpuType", "A100"},
                                   {"createdAfter", "2026-11-29T10:00:00Z"},
                                   {"createdBefore", "2026-11-29T12:00:00+02:00"},
                                   {"q", "  Digits aLice\tdigits "},
                                   {"sort", "name"},
                                   {"limit", "500"}});
    ASSERT_TRUE(query) << query.error().message;
    const Filter& f = query->filter;
    EXPECT_EQ(f.namespaces, (std::vector<std::string>{"audio", "vision"}));
    EXPECT_TRUE(f.mine);
    EXPECT_EQ(f.owners, (std::vector<std::string>{"alice", "bob"}));
    EXPECT_EQ(f.phases.count(), 2U);
    EXPECT_TRUE(f.phases[std::size_t(model::Phase::None)]);
    EXPECT_TRUE(f.phases[std::size_t(model::Phase::Failed)]);
    EXPECT_EQ(f.pending.to_string(), "010");
    EXPECT_EQ(f.gpu_type, "A100");
    EXPECT_EQ(f.created_after, f.created_before);
    EXPECT_EQ(f.words, (std::vector<std::string>{"digits", "alice"}));
    EXPECT_EQ(query->sort, (Sort{SortKey::Name, false}));
    EXPECT_EQ(query->limit, 500);
}

TEST(ParseQuery, SaysWhatToWriteInstead) {
    EXPECT_EQ(
        ErrorOf({{"phase", "running"}}),
        "phase: must be one of None, AwaitingApproval, Queued, Starting, Running, Restarting, "
        "Suspended, Stopping, Succeeded, Failed, Stopped");
    EXPECT_EQ(ErrorOf({{"pending", "wait"}}), "pending: must be one of Wait, Ask, Change");
    EXPECT_EQ(ErrorOf({{"limit", "501"}}), "limit: must be a whole number from 1 to 500");
    for (const char* bad : {"", "0", "-1", "1.0", "+1", " 1", "0x1", "99999999999999"})
        EXPECT_EQ(ErrorOf({{"limit", bad}}), "limit: must be a whole number from 1 to 500");
    EXPECT_EQ(ErrorOf({{"mine", "1"}}), "mine: must be true or false");
    for (const char* bad : {"", "Vision", "-a", "a-", "a.b", "a/b"})
        EXPECT_EQ(
            ErrorOf({{"namespace", bad}}),
            "namespace: must be a namespace's name: small letters, digits and dashes, at most "
            "63");
    EXPECT_EQ(ErrorOf({{"sort", "age"}}),
              "sort: must be created, changed, name, owner, phase or gpus, or one of them after a "
              "'-', which begins with the greatest");
    EXPECT_EQ(ErrorOf({{"sort", "--name"}}).substr(0, 5), "sort:");
    EXPECT_EQ(ErrorOf({{"createdAfter", "yesterday"}}),
              "createdAfter: must be a time such as 2026-11-29T10:00:00Z (write + of an offset as "
              "%2B)");
    EXPECT_EQ(ErrorOf({{"q", ""}}), "q: must have 1 to 256 characters");
    EXPECT_EQ(ErrorOf({{"q", std::string(257, 'x')}}), "q: must have 1 to 256 characters");
    EXPECT_EQ(ErrorOf({{"gpuType", "A 100"}}).substr(0, 8), "gpuType:");
    EXPECT_EQ(ErrorOf({{"owner", ""}}), "owner: must have 1 to 512 characters");
    EXPECT_EQ(ErrorOf({{"phase", "Failed"}, {"phase", "Failed"}}),
              "phase: must not name anything twice");
    EXPECT_EQ(ErrorOf({{"cursor", "eyJhIjoiMSJ9"}}),
              "cursor: must be nextCursor of the page before");
    Parameters owners;
    for (int i = 0; i < 17; ++i)
        owners.emplace_back("owner", std::to_string(i));
    EXPECT_EQ(ErrorOf(owners), "owner: must be given at most 16 times");
    std::string characters;
    for (int i = 0; i < 256; ++i)
        characters += "\xc3\xa4";
    EXPECT_EQ(ErrorOf({{"q", characters}}), "(none)");
}

TEST(ParseQuery, TakesACursorOfTheSameQuestionOnly) {
    const auto asked = ParseQuery({{"owner", "a"}, {"owner", "b"}, {"sort", "-gpus"}});
    ASSERT_TRUE(asked);
    const std::string cursor = EncodeCursor({QuestionOf(asked->filter, asked->sort), 8, "", "u1"});
    EXPECT_EQ(ErrorOf({{"cursor", cursor},
                       {"owner", "b"},
                       {"sort", "-gpus"},
                       {"owner", "a"},
                       {"limit", "7"}}),
              "(none)");
    const std::string refused =
        "cursor: is of another question: all parameters but limit must be as they were";
    EXPECT_EQ(ErrorOf({{"cursor", cursor}, {"owner", "a"}, {"sort", "-gpus"}}), refused);
    EXPECT_EQ(ErrorOf({{"cursor", cursor}, {"owner", "a"}, {"owner", "b"}, {"sort", "gpus"}}),
              refused);
    const std::string forged =
        EncodeCursor({QuestionOf(asked->filter, asked->sort), 8, "text", "u1"});
    EXPECT_EQ(ErrorOf({{"cursor", forged}, {"owner", "a"}, {"owner", "b"}, {"sort", "-gpus"}}),
              refused);
}

TEST(QuestionOf, DiffersForAllThatDiffers) {
    const std::vector<Parameters> questions = {{},
                                               {{"sort", "created"}},
                                               {{"sort", "name"}},
                                               {{"mine", "true"}},
                                               {{"owner", "a"}},
                                               {{"q", "a"}},
                                               {{"namespace", "a"}},
                                               {{"phase", "None"}},
                                               {{"phase", "Queued"}},
                                               {{"pending", "Wait"}},
                                               {{"gpuType", "a"}},
                                               {{"createdAfter", "2026-11-29T10:00:00Z"}},
                                               {{"createdBefore", "2026-11-29T10:00:00Z"}},
                                               {{"q", "a b"}},
                                               {{"owner", "a b"}},
                                               {{"owner", "a"}, {"q", "b"}},
                                               {{"owner", "a"}, {"owner", "b"}}};
    std::set<std::uint64_t> hashes;
    for (const Parameters& parameters : questions) {
        const auto query = ParseQuery(parameters);
        ASSERT_TRUE(query);
        hashes.insert(QuestionOf(query->filter, query->sort));
    }
    EXPECT_EQ(hashes.size(), questions.size());
}

TEST(ParseFilter, LeavesOrderAndPageOut) {
    const auto filter =
        ParseFilter({{"mine", "true"}, {"sort", "name"}, {"limit", "3"}, {"cursor", "x"}});
    ASSERT_TRUE(filter);
    EXPECT_TRUE(filter->mine);
    EXPECT_FALSE(ParseFilter({{"mine", "maybe"}}));
}

TEST(Fits, LooksAtEachCondition) {
    testing::JobText job;
    job.spec =
        R"("image":"registry.example/Digits:1","roles":[{"name":"w","gpus":2,"gpuType":"A100"}])";
    job.status = R"("phase":"Queued","pending":{"class":"Ask","reason":"QuotaExceeded"})";
    const RowPtr row = MakeRow(*job.Object());
    const auto fits = [&](const Parameters& p) {
        return Fits(*row, ParseFilter(p).value(), "alice");
    };
    EXPECT_TRUE(fits({}));
    EXPECT_TRUE(fits({{"mine", "true"}}));
    EXPECT_FALSE(Fits(*row, ParseFilter({{"mine", "true"}}).value(), "bob"));
    EXPECT_TRUE(fits({{"owner", "bob"}, {"owner", "alice"}}));
    EXPECT_FALSE(fits({{"owner", "bob"}}));
    EXPECT_TRUE(fits({{"phase", "Queued"}, {"phase", "Failed"}}));
    EXPECT_FALSE(fits({{"phase", "Failed"}}));
    EXPECT_TRUE(fits({{"pending", "Ask"}}));
    EXPECT_FALSE(fits({{"pending", "Wait"}}));
    EXPECT_TRUE(fits({{"gpuType", "A100"}}));
    EXPECT_FALSE(fits({{"gpuType", "A10"}}));
    EXPECT_TRUE(fits({{"createdAfter", "2026-11-29T10:00:00Z"}}));
    EXPECT_FALSE(fits({{"createdAfter", "2026-11-29T10:00:01Z"}}));
    EXPECT_TRUE(fits({{"createdBefore", "2026-11-29T10:00:01Z"}}));
    EXPECT_FALSE(fits({{"createdBefore", "2026-11-29T10:00:00Z"}}));
    EXPECT_TRUE(fits({{"q", "DIGITS:1 vision ALICE"}}));
    EXPECT_FALSE(fits({{"q", "digits bob"}}));

    // Nobody is the owner of a job without one, whoever asks.
    job.owner = "";
    EXPECT_FALSE(Fits(*MakeRow(*job.Object()), ParseFilter({{"mine", "true"}}).value(), ""));
}

}  // namespace
}  // namespace dlws::portal
