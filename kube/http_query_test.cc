// SPDX-License-Identifier: Apache-2.0
#include "kube/http_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dlws::kube {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr HttpParameter kKnown[] = {{"q"}, {"limit"}, {"phase", true}};

std::string ErrorOf(std::string_view query) {
    const auto parsed = ParseHttpQuery(query, kKnown);
    return parsed ? "none" : parsed.error();
}
std::string Q(std::string_view query) {
    const auto parsed = ParseHttpQuery(query, kKnown);
    if (!parsed) return parsed.error();
    const std::string* value = parsed->Find("q");
    return value ? *value : "not given";
}

TEST(HttpQueryTest, DecodesNamesAndValues) {
    EXPECT_EQ(Q(""), "not given");
    EXPECT_EQ(Q("q"), "");
    EXPECT_EQ(Q("q="), "");
    EXPECT_EQ(Q("q=a+b%2Bc%26d%3D=e"), "a b+c&d==e");
    EXPECT_EQ(Q("%71=%C3%A9"), "\xC3\xA9");
    EXPECT_EQ(Q("&&limit=5&q=x&"), "x");
    EXPECT_EQ(Q("q=%2525"), "%25") << "decoded once";
}

TEST(HttpQueryTest, AListIsInItsOrder) {
    const auto parsed = ParseHttpQuery("phase=b&limit=1&phase=a&phase=", kKnown);
    ASSERT_TRUE(parsed);
    EXPECT_THAT(parsed->All("phase"), ElementsAre("b", "a", ""));
    EXPECT_EQ(*parsed->Find("phase"), "b");
    EXPECT_THAT(parsed->All("q"), ElementsAre());
    EXPECT_EQ(parsed->Find("q"), nullptr);
}

TEST(HttpQueryTest, SaysWhichParameterAndWhatToWrite) {
    EXPECT_EQ(ErrorOf("limt=1"), "the parameter 'limt' is not known; there are: q, limit, phase");
    EXPECT_EQ(ParseHttpQuery("x", {}).error(),
              "the parameter 'x' is not known; there are none here");
    EXPECT_EQ(ErrorOf("Q=1").substr(0, 32), "the parameter 'Q' is not known; ");
    EXPECT_EQ(ErrorOf("limit=1&limit=1"), "the parameter 'limit' is given twice; give it once");
    EXPECT_EQ(ErrorOf("q=1&%71=2"), "the parameter '%71' is given twice; give it once");
    for (const char* bad : {"q=%", "q=%1", "q=%g0", "q=100%"})
        EXPECT_THAT(ErrorOf(bad), AllOf(HasSubstr("'q'"), HasSubstr("%25"))) << bad;
    for (const char* bad : {"q=%FF", "q=\xFF", "q=%C0%80", "q=%ED%A0%80", "phase=%C3"})
        EXPECT_THAT(ErrorOf(bad), HasSubstr("is not UTF-8")) << bad;
    EXPECT_THAT(ErrorOf("q=a%00b"), AllOf(HasSubstr("'q'"), HasSubstr("NUL")));
    EXPECT_THAT(ErrorOf("%zz=1"), HasSubstr("the name of the parameter '%zz' has a '%'"));
    // Nothing that somebody sent can make a message long or unreadable.
    EXPECT_THAT(ErrorOf(std::string(5000, 'x')), HasSubstr("the parameter of 5000 bytes"));
    EXPECT_THAT(ErrorOf("a\x1b[31m=1"), HasSubstr("the parameter of 6 bytes"));
}

TEST(HttpQueryTest, NamesTheParameterThatIsWrong) {
    const auto wrong = [](std::string_view query) {
        std::string name = "before";
        const bool read = ParseHttpQuery(query, kKnown, &name).has_value();
        return (read ? "read " : "wrong ") + name;
    };
    EXPECT_EQ(wrong("limit=1"), "read ");
    EXPECT_EQ(wrong("limit=1&limt=1"), "wrong limt");
    EXPECT_EQ(wrong("limit=1&q=a&%71=b"), "wrong q");
    EXPECT_EQ(wrong("limit=1&q=%FF"), "wrong q");
    EXPECT_EQ(wrong("limit=1&%zz=1"), "wrong ");
    EXPECT_EQ(wrong("a\x1b[31m=1"), "wrong ");
    EXPECT_EQ(wrong("limit=1&q=" + std::string(kMaxHttpQuery, 'x')), "wrong ");
}

TEST(HttpQueryTest, IsBounded) {
    EXPECT_EQ(ErrorOf("q=" + std::string(kMaxHttpQuery - 2, 'x')), "none");
    EXPECT_THAT(ErrorOf("q=" + std::string(kMaxHttpQuery - 1, 'x')), HasSubstr("at most 8192"));
    std::string many;
    for (std::size_t i = 0; i < kMaxHttpParameters; ++i)
        many += "phase=x&";
    EXPECT_EQ(ErrorOf(many), "none");
    EXPECT_THAT(ErrorOf(many + "phase=x"), HasSubstr("over 128 parameters"));
}

TEST(HttpPathTest, IsSplitBeforeItIsDecoded) {
    EXPECT_THAT(*SplitHttpPath("/api/v1/x%2Fy/a+b%20c"), ElementsAre("api", "v1", "x/y", "a+b c"));
    EXPECT_THAT(*SplitHttpPath("/"), ElementsAre(""));
    EXPECT_THAT(*SplitHttpPath("//a/"), ElementsAre("", "a", ""));
}

TEST(HttpPathTest, RefusesWhatStandsForAnotherPath) {
    for (const char* bad : {"", "a", "*", "/a/../b", "/a/%2e%2E/b", "/.", "/a/%2e"})
        EXPECT_FALSE(SplitHttpPath(bad)) << bad;
    EXPECT_THAT(*SplitHttpPath("/a/..%2Fb"), ElementsAre("a", "../b")) << "one strange name";
    EXPECT_THAT(SplitHttpPath("/a%").error(), HasSubstr("the part of the path 'a%'"));
    EXPECT_THAT(SplitHttpPath("/a%00").error(), HasSubstr("NUL"));
    EXPECT_THAT(DecodeHttpSegment("%ff").error(), HasSubstr("is not UTF-8"));
}

}  // namespace
}  // namespace dlws::kube
