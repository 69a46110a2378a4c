// SPDX-License-Identifier: Apache-2.0
#include "kube/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

namespace dlws::kube {
namespace {

using ::testing::MatchesRegex;

TEST(LogTest, LinesAreJsonThatNobodyCanForge) {
    ::testing::internal::CaptureStderr();
    LogWarning("client", "name {}", "a\"\\\n{\"level\":\"error\"}\x1b[2J");
    const std::string line = ::testing::internal::GetCapturedStderr();
    EXPECT_THAT(line, MatchesRegex(R"(\{"ts":"[0-9-]+T[0-9:]+\.[0-9][0-9][0-9]Z",)"
                                   R"("level":"warning","logger":"client","msg":"name .*"\})"
                                   "\n"));
    EXPECT_TRUE(line.ends_with(R"("msg":"name a\"\\\u000a{\"level\":\"error\"}\u001b[2J"})"
                               "\n"))
        << line;
}

TEST(LogTest, LevelsBelowTheChosenOneAreSilent) {
    ::testing::internal::CaptureStderr();
    LogDebug("x", "not seen");
    SetLogLevel(LogLevel::kError);
    LogWarning("x", "not seen");
    SetLogLevel(LogLevel::kDebug);
    LogDebug("x", "seen");
    SetLogLevel(LogLevel::kInfo);
    const std::string lines = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 1);
    EXPECT_NE(lines.find(R"("level":"debug")"), std::string::npos);
}

TEST(LogTest, LinesOfThreadsDoNotMix) {
    ::testing::internal::CaptureStderr();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([t] {
            for (int i = 0; i < 200; ++i)
                LogInfo("t", "{}", std::string(500, 'a' + t));
        });
    }
    for (auto& thread : threads)
        thread.join();
    const std::string lines = ::testing::internal::GetCapturedStderr();
    std::size_t begin = 0;
    int count = 0;
    while (begin < lines.size()) {
        const std::size_t end = lines.find('\n', begin);
        const std::string line = lines.substr(begin, end - begin);
        const char letter = line[line.size() - 3];
        EXPECT_EQ(line.substr(line.size() - 502), std::string(500, letter) + "\"}");
        begin = end + 1;
        ++count;
    }
    EXPECT_EQ(count, 800);
}

}  // namespace
}  // namespace dlws::kube
