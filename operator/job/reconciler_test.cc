// SPDX-License-Identifier: Apache-2.0
#include "operator/job/reconciler.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using kube::testing::Imposter;
using ::testing::HasSubstr;

const std::string kJobPath = "/apis/dlworkspace.io/v1/namespaces/vision/dljobs/digits";
const std::string kPodsPath = "/api/v1/namespaces/vision/pods";

std::string JobOf(const std::string& uid, int version) {
    return fmt::format(R"({{"metadata":{{"name":"digits","namespace":"vision","uid":"{}",)"
                       R"("resourceVersion":"{}"}}}})",
                       uid, version);
}

kube::ObjectPtr Orphan(const std::string& name, const std::string& job_uid) {
    return kube::ParseObject(
               fmt::format(R"({{"metadata":{{"name":"{}","namespace":"vision","uid":"uid-of-{}",)"
                           R"("resourceVersion":"7","labels":{{"dlworkspace.io/job":"digits",)"
                           R"("dlworkspace.io/job-uid":"{}"}}}}}})",
                           name, name, job_uid))
        .value();
}

class ReconcilerTest : public ::testing::Test {
  protected:
    Round Reconcile(const World& world, Memory memory = {}) {
        return kube::testing::Run(io_, reconciler_.Run(world, std::move(memory), {}));
    }
    std::string Sweep(const std::string& cached_uid, std::vector<kube::ObjectPtr> orphans) {
        return kube::testing::Run(
            io_, reconciler_.Sweep({"vision", "digits"}, cached_uid, std::move(orphans)));
    }

    Imposter server_;
    boost::asio::io_context io_{1};
    kube::Client client_{io_.get_executor(), server_.ClientConfig()};
    kube::EventRecorder events_{client_, "test", "test-0"};
    Reconciler reconciler_{client_, events_, {}};
};

TEST_F(ReconcilerTest, ACacheThatIsBehindWritesNothing) {
    for (const std::string& current : {JobOf("job-uid", 2), JobOf("another-uid", 1)}) {
        server_.When("GET", kJobPath).Reply(200, current);
        Round round = Reconcile(WorldOf(Job(1)));
        EXPECT_FALSE(round.memory.verified);
        EXPECT_FALSE(round.retry);
        EXPECT_TRUE(round.again) << "it must look again";
    }
    for (const auto& request : server_.Requests())
        EXPECT_EQ(request.method, "GET");
}

TEST_F(ReconcilerTest, AJobIsVerifiedOnceAProcess) {
    server_.When("GET", kJobPath).Reply(200, JobOf("job-uid", 1));
    Round round = Reconcile(WorldOf(Job(1)));
    EXPECT_TRUE(round.memory.verified);
    EXPECT_EQ(server_.Count("GET", kJobPath), 1u);
    Reconcile(WorldOf(Job(1)), round.memory);
    EXPECT_EQ(server_.Count("GET", kJobPath), 1u);
}

TEST_F(ReconcilerTest, APodOfALaterAttemptMakesItAskAgain) {
    server_.When("GET", kJobPath).Reply(200, JobOf("job-uid", 9));
    World world = WorldOf(Job(1));
    world.pods = {Pod("worker", 0, 3)};
    Round round = Reconcile(world, {.verified = true});
    EXPECT_FALSE(round.memory.verified);
    EXPECT_EQ(server_.Requests().size(), 1u);
}

TEST_F(ReconcilerTest, AnEndWithPodsUnknownToTheCacheAsksTheApiServer) {
    const std::string fence = "/api/v1/namespaces/vision/configmaps/digits-attempt-0";
    const std::string ours =
        R"({"metadata":{"name":"digits-attempt-0","namespace":"vision","uid":"f","ownerReferences":)"
        R"([{"kind":"DLJob","name":"digits","uid":"job-uid","controller":true}]}})";
    server_.When("GET", fence).Reply(200, ours);
    server_.When("PATCH", fence).Reply(200, ours);
    server_.When("GET", kPodsPath)
        .Reply(
            200,
            R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"digits-worker-0-0",)"
            R"("namespace":"vision","uid":"p","resourceVersion":"8","labels":{"dlworkspace.io/role":)"
            R"("worker","dlworkspace.io/index":"0","dlworkspace.io/attempt":"0"},"ownerReferences":)"
            R"([{"kind":"DLJob","name":"digits","uid":"job-uid","controller":true}]},)"
            R"("spec":{"nodeName":"n"},"status":{"phase":"Running"}}]})");
    server_.When("GET", kJobPath).Reply(200, JobOf("job-uid", 1));
    server_.When("PATCH", kJobPath + "/status").Reply(200, JobOf("job-uid", 2));
    server_.When("DELETE", kPodsPath + "/digits-worker-0-0").Reply(200, "{}");
    World world = WorldOf(Job(1));
    world.job.spec.stop = true;
    world.job.status.phase = model::Phase::Running;
    world.pods_listed = false;
    Reconcile(world, {.verified = true});
    auto requests = server_.Requests();
    ASSERT_EQ(requests.size(), 6u);
    EXPECT_THAT(requests[4].body, HasSubstr("Stopping")) << "not Finished: a pod runs";
    EXPECT_EQ(requests[5].method, "DELETE");
    EXPECT_THAT(requests[5].body, HasSubstr(R"("resourceVersion":"8")"));
}

TEST_F(ReconcilerTest, OrphansOfAJobThatIsGoneAreDeleted) {
    server_.When("GET", kJobPath).Reply(404, R"({"kind":"Status","code":404,"reason":"NotFound"})");
    server_.When("DELETE", kPodsPath + "/a").Reply(200, "{}");
    EXPECT_EQ(Sweep("", {Orphan("a", "gone")}), "");
    auto last = server_.Requests().back();
    EXPECT_EQ(last.method, "DELETE");
    EXPECT_THAT(last.body, HasSubstr("uid-of-a"));
}

TEST_F(ReconcilerTest, OrphansOfAnEarlierJobOfTheNameGoAndThoseOfThisOneStay) {
    server_.When("GET", kJobPath).Reply(200, JobOf("new", 5));
    server_.When("DELETE", kPodsPath + "/a").Reply(200, "{}");
    EXPECT_EQ(Sweep("", {Orphan("a", "old"), Orphan("b", "new")}), "");
    EXPECT_EQ(server_.Count("DELETE", kPodsPath + "/a"), 1u);
    EXPECT_EQ(server_.Requests().size(), 2u);
    EXPECT_EQ(Sweep("new", {Orphan("b", "new")}), "");
    EXPECT_EQ(server_.Requests().size(), 2u) << "nothing to ask for";
}

// A finalizer of somebody's may keep such a job for long.
TEST_F(ReconcilerTest, OrphansOfAJobThatIsBeingDeletedGo) {
    std::string deleting = JobOf("new", 5);
    deleting.insert(deleting.find("\"uid\""), R"("deletionTimestamp":"2026-01-01T00:00:00Z",)");
    server_.When("GET", kJobPath).Reply(200, deleting);
    server_.When("DELETE", kPodsPath + "/a").Reply(200, "{}");
    EXPECT_EQ(Sweep("", {Orphan("a", "new")}), "");
    EXPECT_EQ(server_.Count("DELETE", kPodsPath + "/a"), 1u);
}

TEST_F(ReconcilerTest, AnApiServerThatDoesNotAnswerSweepsNothing) {
    server_.When("GET", kJobPath)
        .Reply(403, R"({"kind":"Status","code":403,"reason":"Forbidden"})");
    EXPECT_NE(Sweep("", {Orphan("a", "gone")}), "");
    EXPECT_EQ(server_.Requests().size(), 1u);
}

}  // namespace
}  // namespace dlws::job
