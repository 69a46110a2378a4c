// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/text_search.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace dlws::portal {
namespace {

std::string RandomText(std::mt19937& random, std::size_t most) {
    std::string text(random() % (most + 1), ' ');
    for (char& c : text)
        c = "abc\xc3\xa9"[random() % 5];
    return text;
}

TEST(Contains, SaysWhatFindSays) {
    std::mt19937 random(7);
    int found = 0;
    for (int i = 0; i < 200'000; ++i) {
        const std::string text = RandomText(random, 80);
        const std::string word = RandomText(random, 6);
        const bool expected = text.find(word) != std::string::npos;
        ASSERT_EQ(Contains(text, word), expected) << text << " / " << word;
        found += expected;
    }
    EXPECT_GT(found, 10'000);
    EXPECT_LT(found, 190'000);
}

TEST(PrefixOf, HasTheOrderOfTheTexts) {
    std::mt19937 random(8);
    for (int i = 0; i < 20'000; ++i) {
        const std::string a = RandomText(random, 10), b = RandomText(random, 10);
        ASSERT_EQ(PrefixOf(a) < PrefixOf(b), a.substr(0, 8) < b.substr(0, 8)) << a << " / " << b;
    }
}

}  // namespace
}  // namespace dlws::portal
