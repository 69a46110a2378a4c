// SPDX-License-Identifier: Apache-2.0
#include "operator/node/metrics.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "kube/client_request.h"
#include "kube/testing/manager_fixture.h"

namespace dlws::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ManagerFixture, TheLeaderPublishesOnceAllHasBeenRead) {
    std::vector<std::unique_ptr<kube::Informer>> caches;
    std::vector<Stream> streams;
    for (const kube::Resource& resource :
         {kube::kNodes, kube::kPods, kube::kServices, kube::kConfigMaps}) {
        streams.push_back(Watch(kube::internal::CollectionPath(resource, "").value()));
        caches.push_back(std::make_unique<kube::Informer>(
            client_, kube::Informer::Settings{.resource = resource}, random_));
    }
    caches::Gpus gpus({*caches[0], *caches[1], *caches[2], *caches[3]});
    bool leading = true;
    PublishGpus(metrics_, gpus, [&] { return leading; });
    streams[0].SendEvent(
        "ADDED",
        R"({"metadata":{"name":"node-1","uid":"n","resourceVersion":"1"},"status":{"capacity":)"
        R"({"nvidia.com/gpu":"8"},"allocatable":{"nvidia.com/gpu":"8"},)"
        R"("conditions":[{"type":"Ready","status":"True"}]}})");
    for (const auto& cache : caches)
        Spawn(cache->Run());
    for (std::size_t i = 0; i + 1 < streams.size(); ++i)
        SendEnd(streams[i]);
    EXPECT_TRUE(Until([&] { return caches[0]->HasSynced(); }));
    EXPECT_THAT(metrics_.Text(), Not(HasSubstr("dlws_gpus")));
    SendEnd(streams.back());
    EXPECT_TRUE(Until([&] { return gpus.HasSynced(); }));
    EXPECT_THAT(metrics_.Text(), HasSubstr("dlws_gpus{type=\"unknown\",state=\"free\"} 8\n"));
    EXPECT_THAT(metrics_.Text(), HasSubstr("dlws_nodes{state=\"ready\"} 1\n"));
    leading = false;
    EXPECT_THAT(metrics_.Text(), Not(HasSubstr("dlws_gpus")));
    StopAll();
}

TEST(NodeSamples, AreBoundedAndAddUp) {
    model::NodeSummary summary;
    for (int i = 0; i < 1'200; ++i) {
        const std::string name = fmt::format("n{:04}", i);
        summary.PutNode(
            {.name = name, .gpuType = fmt::format("t{:03}", i % 100), .gpus = 1, .allocatable = 1});
        summary.PutPod(name, {name, "j", name, 1, false});
    }
    summary.PutPod("other", {"notebooks", "", "n0000", 9, false});
    std::string out;
    std::set<std::string, std::less<>> taken;
    kube::Samples samples(out, taken);
    WriteSamples(summary, samples);
    EXPECT_THAT(out, HasSubstr("dlws_gpus_used{namespace=\"(other)\",user=\"(other)\"} 201\n"));
    EXPECT_THAT(out, HasSubstr("dlws_gpus_used{namespace=\"notebooks\",user=\"(none)\"} 9\n"));
    EXPECT_THAT(out, HasSubstr("dlws_gpus{type=\"(other)\",state=\"used\"} 816\n"));
    EXPECT_EQ(std::ranges::count(out, '\n'), 6 + 33 * 4 + 1'001 + 3);
}

}  // namespace
}  // namespace dlws::node
