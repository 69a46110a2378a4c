// SPDX-License-Identifier: Apache-2.0
#include "portal/server/cluster/handlers.h"

#include <fmt/format.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <memory>

#include "model/node_facts.h"
#include "model/pod.h"
#include "portal/server/fixture.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using kube::testing::Stream;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Node(const std::string& name, int gpus, const std::string& spec = "{}",
                 const std::string& type = "A100") {
    return fmt::format(R"({{"metadata":{{"name":"{0}","uid":"{0}","resourceVersion":"1","labels":)"
                       R"({{"dlworkspace.io/gpu-type":"{3}"}}}},"spec":{2},"status":{{"capacity":)"
                       R"({{"nvidia.com/gpu":"{1}"}},"allocatable":{{"nvidia.com/gpu":"{1}"}},)"
                       R"("conditions":[{{"type":"Ready","status":"True"}}]}}}})",
                       name, gpus, spec, type);
}

std::string Pod(const std::string& ns, const std::string& job, const std::string& node, int gpus) {
    return fmt::format(
        R"({{"metadata":{{"name":"{1}-worker-0-0","namespace":"{0}","uid":"{0}{1}",)"
        R"("resourceVersion":"2","labels":{{"dlworkspace.io/job":"{1}"}},"ownerReferences":)"
        R"([{{"kind":"DLJob","name":"{1}","uid":"j","controller":true}}]}},"spec":)"
        R"({{"nodeName":"{2}","containers":[{{"name":"main","resources":)"
        R"({{"requests":{{"nvidia.com/gpu":"{3}"}}}}}}]}},"status":{{"phase":"Running"}}}})",
        ns, job, node, gpus);
}

// Three nodes; alice may list jobs of vision, and nobody those of speech.
class ClusterTest : public PortalTest {
  protected:
    ClusterTest() {
        AddCluster(router_, cluster_);
        const Stream nodes = Watch("/api/v1/nodes");
        const Stream pods = Watch("/api/v1/pods");
        nodes.SendEvent("ADDED", Node("gpu-1", 8));
        nodes.SendEvent("ADDED", Node("gpu-2", 8, R"({"unschedulable":true})"));
        nodes.SendEvent("ADDED", Node("v100-1", 4, "{}", "V100"));
        pods.SendEvent("ADDED", Pod("vision", "digits", "gpu-1", 3));
        pods.SendEvent("ADDED", Pod("speech", "secret", "gpu-1", 2));
        for (const Stream& stream : {nodes, pods, Watch("/apis/x/v1/others"),
                                     Watch("/apis/x/v1/jobs"), Watch("/apis/x/v1/agents")})
            stream.SendEvent("BOOKMARK", R"({"metadata":{"resourceVersion":"5","annotations":)"
                                         R"({"k8s.io/initial-events-end":"true"}}})");
        for (kube::Informer* informer : {&nodes_, &pods_, &others_, &jobs_, &told_})
            boost::asio::co_spawn(
                io, informer->Run(),
                boost::asio::bind_cancellation_slot(
                    cancels_.emplace_back(std::make_unique<boost::asio::cancellation_signal>())
                        ->slot(),
                    [](std::exception_ptr) {}));
        for (int i = 0; i < 2'000 && !(gpus_.HasSynced() && told_.HasSynced()); ++i)
            kube::testing::RunFor(io, std::chrono::milliseconds(2));
        EXPECT_TRUE(gpus_.HasSynced());
        Allow("alice list dljobs vision");
        Allow("alice get clusterstatuses");
    }
    ~ClusterTest() override {
        for (auto& cancel : cancels_)
            cancel->emit(boost::asio::cancellation_type::terminal);
        kube::testing::RunFor(io, std::chrono::milliseconds(20));
    }
    Stream Watch(const std::string& path) {
        return server.When("GET", path, {{"watch", "true"}, {"sendInitialEvents", "true"}})
            .OpenStream();
    }
    static kube::Resource Of(const char* plural) { return {"x", "v1", plural, "X", false}; }

    Outcome Ask(const std::string& who, const std::string& path, const std::string& query = "") {
        auto match = router_.Find("GET", path);
        if (!match) return std::unexpected(match.error());
        Call call;
        call.caller = As(who);
        auto parsed = kube::ParseHttpQuery(query, match->operation->query);
        if (!parsed) return std::unexpected(BadRequest("query", parsed.error()));
        call.query = *parsed;
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    json::object Given(const std::string& path, const std::string& query = "") {
        const Outcome outcome = Ask("alice", path, query);
        if (!outcome) return {{"problem", outcome.error().reason}};
        return json::parse(outcome->Body()).as_object();
    }
    std::vector<std::string> NodesBy(const std::string& query) {
        std::vector<std::string> names;
        const json::object page = Given("/api/v1/cluster/nodes", query);
        if (!page.contains("items")) return {std::string(page.at("problem").as_string())};
        for (const json::value& node : page.at("items").as_array())
            names.emplace_back(node.at("name").as_string());
        return names;
    }

    std::vector<std::unique_ptr<boost::asio::cancellation_signal>> cancels_;
    kube::Random random_{1};
    kube::Informer nodes_{
        users,
        {.resource = kube::kNodes,
         .transform = [](kube::Object& node) { node.raw = model::NodeProjection(node.raw); }},
        random_};
    kube::Informer pods_{
        users,
        {.resource = kube::kPods,
         .transform = [](kube::Object& pod) { pod.raw = model::PodProjection(pod.raw); }},
        random_};
    kube::Informer others_{users, {.resource = {"x", "v1", "others", "X", false}}, random_};
    kube::Informer jobs_{users, {.resource = {"x", "v1", "jobs", "X", false}}, random_};
    kube::Informer told_{users, {.resource = {"x", "v1", "agents", "X", false}}, random_};
    caches::Gpus gpus_{{nodes_, pods_, others_, jobs_}};
    kube::Store dlusers_;
    JobTable table_;
    model::DLCluster settings_;
    model::ClusterStatus status_;
    Router router_;
    Cluster cluster_{.backend = backend,
                     .gpus = gpus_,
                     .nodes = told_.store(),
                     .users = dlusers_,
                     .jobs = table_,
                     .settings = settings_,
                     .status = status_,
                     .smb_host = {}};
};

TEST_F(ClusterTest, NumbersAreOfAllAndNamesOfWhatOneMaySee) {
    const json::object status = Given("/api/v1/cluster");
    EXPECT_EQ(json::serialize(status.at("gpus").as_array().at(0)),
              R"({"type":"A100","total":16,"allocatable":8,"used":5,"free":3,"nodes":2,)"
              R"("largestFree":3})");
    const std::string text = json::serialize(status);
    EXPECT_THAT(text, HasSubstr(R"({"name":"vision","gpus":3)"));
    EXPECT_THAT(text, HasSubstr(R"({"name":"others","gpus":2)"));
    EXPECT_THAT(text, Not(HasSubstr("speech")));
}

TEST_F(ClusterTest, OnlyForThoseWhoMaySeeIt) {
    for (const char* path :
         {"/api/v1/cluster", "/api/v1/cluster/nodes", "/api/v1/cluster/storages"}) {
        const Outcome refused = Ask("bob", path);
        ASSERT_FALSE(refused) << path;
        EXPECT_EQ(refused.error().status, 403) << path;
        EXPECT_TRUE(Ask("alice", path)) << path;
    }
    // Without any job of one's own: the numbers all the same.
    Allow("bob get clusterstatuses");
    now += std::chrono::minutes(2);
    const Outcome seen = Ask("bob", "/api/v1/cluster");
    ASSERT_TRUE(seen);
    EXPECT_THAT(std::string(seen->Body()), Not(HasSubstr("vision")));
}

TEST_F(ClusterTest, NodesAreFilteredSortedAndPaged) {
    EXPECT_THAT(NodesBy(""), ElementsAre("gpu-1", "gpu-2", "v100-1"));
    EXPECT_THAT(NodesBy("sort=-name"), ElementsAre("v100-1", "gpu-2", "gpu-1"));
    EXPECT_THAT(NodesBy("sort=-free"), ElementsAre("v100-1", "gpu-1", "gpu-2"));
    EXPECT_THAT(NodesBy("sort=free"), ElementsAre("gpu-2", "gpu-1", "v100-1"));
    EXPECT_THAT(NodesBy("sort=problems&limit=1"), ElementsAre("gpu-2"));
    EXPECT_THAT(NodesBy("gpuType=V100"), ElementsAre("v100-1"));
    EXPECT_THAT(NodesBy("q=gpu-"), ElementsAre("gpu-1", "gpu-2"));
    EXPECT_THAT(NodesBy("state=Cordoned&state=NotReady"), ElementsAre("gpu-2"));
    for (const char* bad :
         {"state=Fine", "state=Ready&state=Ready", "sort=gpus", "q=", "limit=0", "gpuType=-"})
        EXPECT_THAT(NodesBy(bad), ElementsAre("BadRequest")) << bad;
    const json::object page = Given("/api/v1/cluster/nodes", "sort=-free&limit=2");
    const std::string next(page.at("nextCursor").as_string());
    EXPECT_EQ(page.at("total").to_number<int>(), 3);
    EXPECT_THAT(NodesBy("sort=-free&limit=2&cursor=" + next), ElementsAre("gpu-2"));
    EXPECT_THAT(NodesBy("sort=free&cursor=" + next), ElementsAre("CursorInvalid"))
        << "of another order";
}

TEST_F(ClusterTest, AStreamTellsTheWholeDocumentWhenItIsAnother) {
    const auto feed = MakeClusterFeed(cluster_, {"cluster", ClusterTopic()});
    const Caller alice = As("alice");
    ASSERT_TRUE(kube::testing::Run(io, feed->AskAgain(alice)));
    EXPECT_TRUE(feed->Waits());
    const auto events = kube::testing::Run(io, feed->Take(alice));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_THAT(events[0], HasSubstr("event: cluster\ndata: {\"topic\":\"cluster\",\"cluster\":{"));
    EXPECT_FALSE(feed->Waits()) << "two seconds have not gone by";
    EXPECT_EQ(kube::testing::Run(io, feed->Take(alice)).size(), 0U) << "nothing has changed";
    table_.Apply(testing::Appeared({.name = "new", .uid = "u", .status = R"("phase":"Queued")"}));
    EXPECT_THAT(kube::testing::Run(io, feed->Take(alice)).at(0), HasSubstr(R"("Queued":1)"));
    EXPECT_FALSE(kube::testing::Run(io, feed->AskAgain(As("bob"))));
}

}  // namespace
}  // namespace dlws::portal
