// SPDX-License-Identifier: Apache-2.0
// Reads every file of the corpora once: what a fuzzer has found stays found, under every sanitizer.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "dlws_source_dir.h"
#include "test/fuzz/targets.h"

namespace dlws::fuzz {
namespace {

const std::filesystem::path kCorpus = DLWS_SOURCE_DIR "/test/fuzz/corpus";

class CorpusTest : public ::testing::TestWithParam<Target> {};

TEST_P(CorpusTest, EveryFileIsRead) {
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(kCorpus / GetParam().name)) {
        SCOPED_TRACE(entry.path());
        std::ifstream file(entry.path(), std::ios::binary);
        const std::string bytes((std::istreambuf_iterator<char>(file)), {});
        GetParam().run(bytes);
        ++files;
    }
    EXPECT_GT(files, 0);
}

auto NameOf = [](const auto& info) {
    std::string name(info.param.name);
    std::erase(name, '-');
    return name;
};
INSTANTIATE_TEST_SUITE_P(Kube, CorpusTest, ::testing::ValuesIn(KubeTargets()), NameOf);
INSTANTIATE_TEST_SUITE_P(Model, CorpusTest, ::testing::ValuesIn(ModelTargets()), NameOf);
INSTANTIATE_TEST_SUITE_P(Portal, CorpusTest, ::testing::ValuesIn(PortalTargets()), NameOf);
INSTANTIATE_TEST_SUITE_P(Webhook, CorpusTest, ::testing::ValuesIn(WebhookTargets()), NameOf);

TEST(Corpus, HasNoFolderWithoutTarget) {
    for (const auto& entry : std::filesystem::directory_iterator(kCorpus))
        EXPECT_NE(FindTarget(entry.path().filename().string()), nullptr) << entry.path();
}

}  // namespace
}  // namespace dlws::fuzz
