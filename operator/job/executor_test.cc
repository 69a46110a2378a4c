// SPDX-License-Identifier: Apache-2.0
#include "operator/job/executor.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kube/testing/imposter.h"
#include "kube/testing/run.h"
#include "model/reason.h"
#include "operator/job/testing.h"

namespace dlws::job {
namespace {

using namespace testing;
using kube::testing::Imposter;
using ::testing::HasSubstr;

const std::string kPodsPath = "/api/v1/namespaces/vision/pods";
const std::string kConfigMapsPath = "/api/v1/namespaces/vision/configmaps";
const std::string kFencePath = kConfigMapsPath + "/digits-attempt-0";
const std::string kSecretsPath = "/api/v1/namespaces/vision/secrets";
const std::string kServicesPath = "/api/v1/namespaces/vision/services";
const std::string kStatusPath = "/apis/dlworkspace.io/v1/namespaces/vision/dljobs/digits/status";

std::string Stored(const std::string& name, const std::string& owner, int version,
                   const std::string& owner_name = "digits") {
    return fmt::format(
        R"({{"metadata":{{"name":"{}","namespace":"vision","uid":"u","resourceVersion":"{}",)"
        R"("ownerReferences":[{{"kind":"DLJob","name":"{}","uid":"{}","controller":true}}]}}}})",
        name, version, owner_name, owner);
}

std::string Status(int code, const std::string& reason, const std::string& message) {
    return fmt::format(
        R"({{"kind":"Status","apiVersion":"v1","status":"Failure","code":{},"reason":"{}",)"
        R"("message":"{}"}})",
        code, reason, message);
}

class ExecutorTest : public ::testing::Test {
  protected:
    void SetUp() override {
        server_.When("POST", kConfigMapsPath).Reply(201, Stored("fence", "job-uid", 3));
    }
    using Done = std::expected<void, Executor::Failed>;
    Done Perform(const World& world) { return Perform(world, Decide(world)); }
    Done Perform(const World& world, const Decision& decision) {
        return kube::testing::Run(io_, executor_.Perform(world, decision, written_));
    }

    Imposter server_;
    boost::asio::io_context io_{1};
    kube::Client client_{io_.get_executor(), server_.ClientConfig()};
    kube::EventRecorder events_{client_, "test", "test-0"};
    Executor executor_{client_, events_, 4};
    WrittenVersions written_;
};

TEST_F(ExecutorTest, CreatesTheGangThenPublishes) {
    server_.When("POST", kServicesPath).Reply(201, Stored("digits", "job-uid", 7));
    server_.When("POST", kPodsPath).Reply(201, Stored("p", "job-uid", 11));
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 15));
    auto done = Perform(WorldOf(Job(6)));
    ASSERT_TRUE(done) << done.error().log;
    EXPECT_EQ(server_.Count("POST", kPodsPath), 6u);
    EXPECT_EQ(written_.services, 7u);
    EXPECT_EQ(written_.pods, 11u);
    EXPECT_EQ(written_.job, 15u);
    auto last = server_.Requests().back();
    EXPECT_EQ(last.method, "PATCH");
    EXPECT_THAT(last.body, HasSubstr(R"("uid":"job-uid")"));
    EXPECT_THAT(last.body, HasSubstr(R"("resourceVersion":"1")"));
    EXPECT_THAT(last.body, HasSubstr(R"("launchedAttempt":0)"));
}

TEST_F(ExecutorTest, ANameThatIsOursAlreadyIsDone) {
    World world = WorldOf(Job(1));
    server_.When("POST", kPodsPath).Reply(409, Status(409, "AlreadyExists", "exists"));
    server_.When("GET", kPodsPath + "/digits-worker-0-0").Reply(200, Stored("p", "job-uid", 21));
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 22));
    ASSERT_TRUE(Perform(world));
    EXPECT_EQ(written_.pods, 21u);
}

TEST_F(ExecutorTest, ANameOfSomebodyElseIsAProblemForTheUser) {
    World world = WorldOf(Job(1));
    server_.When("POST", kPodsPath).Reply(409, Status(409, "AlreadyExists", "exists"));
    server_.When("GET", kPodsPath + "/digits-worker-0-0")
        .Reply(200, Stored("p", "other", 21, "letters"));
    auto done = Perform(world);
    ASSERT_FALSE(done);
    ASSERT_TRUE(done.error().problem);
    EXPECT_EQ(done.error().problem->reason, model::reason::kNameTaken.name);
    EXPECT_EQ(server_.Count("PATCH", kStatusPath), 0u) << "nothing after the failed write";
}

// Anybody may name a job as the owner of something; the label is kept to the operator.
TEST_F(ExecutorTest, WhereItReachesNodesAnOwnerAloneIsNoMark) {
    World world = WorldOf(Job(1));
    const Decision decision = Decide(world);
    world.job.spec.permissions.hostNetwork = true;
    server_.When("POST", kPodsPath).Reply(409, Status(409, "AlreadyExists", "exists"));
    server_.When("GET", kPodsPath + "/digits-worker-0-0").Reply(200, Stored("p", "job-uid", 21));
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 22));
    EXPECT_FALSE(Perform(world, decision));
    EXPECT_EQ(written_.pods, 0u);
    std::string marked = Stored("p", "job-uid", 21);
    marked.insert(marked.find("\"uid\""), R"("labels":{"dlworkspace.io/job-uid":"job-uid"},)");
    server_.When("GET", kPodsPath + "/digits-worker-0-0").Reply(200, marked);
    EXPECT_TRUE(Perform(world, decision));
    EXPECT_EQ(written_.pods, 21u);
}

TEST_F(ExecutorTest, AnEarlierJobOfTheSameNameIsWaitedFor) {
    World world = WorldOf(Job(1));
    server_.When("POST", kPodsPath).Reply(409, Status(409, "AlreadyExists", "exists"));
    server_.When("GET", kPodsPath + "/digits-worker-0-0").Reply(200, Stored("p", "its-uid", 21));
    auto done = Perform(world);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().problem->cls, model::ReasonClass::Wait);
    EXPECT_EQ(done.error().problem->reason, model::reason::kTerminatingPods.name);
}

TEST_F(ExecutorTest, QuotaIsToldAndNothingMoreIsCreated) {
    World world = WorldOf(Job(64));
    world.service_exists = true;
    server_.When("POST", kPodsPath)
        .Reply(403, Status(403, "Forbidden", "pods p is forbidden: exceeded quota: gpus"));
    auto done = Perform(world);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().problem->reason, model::reason::kQuotaExceeded.name);
    EXPECT_EQ(done.error().problem->cls, model::ReasonClass::Ask);
    EXPECT_LE(server_.Count("POST", kPodsPath), 4u) << "only those in flight";
}

TEST_F(ExecutorTest, DeletesCarryTheUidAndAGonePodIsFine) {
    World world = WorldOf(Job(2));
    world.service_exists = true;
    world.job.status = Published(world, Decide(world));
    world.job.spec.stop = true;
    world.pods = {Pod("worker", 0, 0, model::PodPhase::Running),
                  Pod("worker", 1, 0, model::PodPhase::Running)};
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 5));
    server_.When("DELETE", kPodsPath + "/digits-worker-0-0")
        .Reply(404, Status(404, "NotFound", "gone"));
    server_.When("DELETE", kPodsPath + "/digits-worker-1-0")
        .Reply(409, Status(409, "Conflict", "the UID in the precondition does not match"));
    ASSERT_TRUE(Perform(world));
    auto requests = server_.Requests();
    ASSERT_EQ(requests.size(), 3u);
    EXPECT_EQ(requests[0].method, "PATCH") << "record first";
    EXPECT_THAT(requests[1].body + requests[2].body,
                ::testing::AllOf(HasSubstr("uid-of-digits-worker-0-0"),
                                 HasSubstr("uid-of-digits-worker-1-0")));
}

TEST_F(ExecutorTest, AStatusConflictIsNoProblemOfTheUser) {
    World world = WorldOf(Job(1));
    server_.When("POST", kPodsPath).Reply(201, Stored("p", "job-uid", 2));
    server_.When("PATCH", kStatusPath).Reply(409, Status(409, "Conflict", "modified"));
    auto done = Perform(world);
    ASSERT_FALSE(done);
    EXPECT_TRUE(done.error().conflict);
    EXPECT_FALSE(done.error().problem);
}

TEST_F(ExecutorTest, AFenceIsClosedBeforeThePodsAreListed) {
    server_.When("GET", kFencePath).Reply(200, Stored("digits-attempt-0", "job-uid", 5));
    server_.When("PATCH", kFencePath).Reply(200, Stored("digits-attempt-0", "job-uid", 6));
    server_.When("GET", kPodsPath)
        .Reply(200, R"({"metadata":{"resourceVersion":"9"},"items":[)" +
                        Stored("ours", "job-uid", 7) + "," + Stored("theirs", "another", 8) + "]}");
    World world = WorldOf(Job(1));
    const std::vector<std::string> fences{"digits-attempt-0"};
    auto pods = kube::testing::Run(io_, executor_.CloseFences(world, fences));
    ASSERT_TRUE(pods) << pods.error().log;
    ASSERT_EQ(pods->size(), 1u) << "a pod of another job with our label";
    EXPECT_EQ(pods->front().name, "ours");
    auto requests = server_.Requests();
    EXPECT_EQ(requests[1].body, R"({"data":{"job-uid":null}})");
    EXPECT_THAT(requests.back().target, HasSubstr("job-uid%3Djob-uid"));
}

TEST_F(ExecutorTest, AFenceThatWasNeverMadeIsMadeClosed) {
    server_.When("GET", kFencePath).Reply(404, Status(404, "NotFound", "not found"));
    server_.When("PATCH", kFencePath).Reply(200, Stored("digits-attempt-0", "job-uid", 6));
    server_.When("GET", kPodsPath).Reply(200, R"({"metadata":{},"items":[]})");
    World world = WorldOf(Job(1));
    const std::vector<std::string> fences{"digits-attempt-0"};
    ASSERT_TRUE(kube::testing::Run(io_, executor_.CloseFences(world, fences)));
    auto made = server_.Requests()[1];
    EXPECT_EQ(made.method, "POST");
    EXPECT_THAT(made.body, HasSubstr(R"("data":{})"));
}

World MpiWorld() {
    World world = WorldOf(Job(1));
    world.job.spec.framework = model::Framework::MPI;
    world.job.spec.roles.insert(world.job.spec.roles.begin(), {.name = "launcher"});
    world.service_exists = true;
    return world;
}

TEST_F(ExecutorTest, TheKeysOfAJobAreMadeBeforeItsPods) {
    server_.When("POST", kSecretsPath).Reply(201, Stored("digits-ssh-job-uid", "job-uid", 4));
    server_.When("POST", kPodsPath).Reply(201, Stored("p", "job-uid", 11));
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 15));
    auto done = Perform(MpiWorld());
    ASSERT_TRUE(done) << done.error().log;
    auto requests = server_.Requests();
    EXPECT_THAT(requests[0].body, HasSubstr(R"("hostfile":"worker-0.digits slots=1\n")"));
    EXPECT_EQ(requests[1].method, "POST");
    EXPECT_THAT(requests[1].target, HasSubstr(kSecretsPath));
    EXPECT_THAT(requests[1].body, HasSubstr(R"("name":"digits-ssh-job-uid")"));
    EXPECT_THAT(requests[1].body, HasSubstr("-----BEGIN OPENSSH PRIVATE KEY-----\\n"));
    EXPECT_THAT(requests[1].body, HasSubstr(R"("known_hosts":"dlws ssh-ed25519 AAAA)"));
}

TEST_F(ExecutorTest, KeysThatAreThereAlreadyAreKeptAndNotRead) {
    server_.When("POST", kSecretsPath).Reply(409, Status(409, "AlreadyExists", "exists"));
    server_.When("POST", kPodsPath).Reply(201, Stored("p", "job-uid", 11));
    server_.When("PATCH", kStatusPath).Reply(200, Stored("digits", "", 15));
    auto done = Perform(MpiWorld());
    ASSERT_TRUE(done) << done.error().log;
    EXPECT_EQ(server_.Count("GET", kSecretsPath + "/digits-ssh-job-uid"), 0u);
    EXPECT_EQ(server_.Count("POST", kPodsPath), 2u);
}

TEST_F(ExecutorTest, RefusedKeysAreToldWithoutTheKeys) {
    server_.When("POST", kSecretsPath)
        .Reply(403, Status(403, "Forbidden", "exceeded quota: secrets"));
    auto done = Perform(MpiWorld());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().problem->reason, model::reason::kQuotaExceeded.name);
    for (const std::string& told : {done.error().problem->message, done.error().log}) {
        EXPECT_THAT(told, HasSubstr("Secret digits-ssh-job-uid"));
        EXPECT_THAT(told, HasSubstr("exceeded quota"));
        EXPECT_THAT(told, ::testing::Not(HasSubstr("PRIVATE KEY")));
        EXPECT_LT(told.size(), 200u);
    }
    EXPECT_EQ(server_.Count("POST", kPodsPath), 0u);
}

TEST(ExplainRefusal, TellsOnlyWhatAUserCanUse) {
    auto with = [](kube::ErrorKind kind, int code) {
        return kube::Error{.kind = kind, .code = code, .message = "m"};
    };
    EXPECT_FALSE(ExplainRefusal(with(kube::ErrorKind::kNetwork, 0), "Pod p"));
    EXPECT_EQ(ExplainRefusal(with(kube::ErrorKind::kStatus, 422), "Pod p")->reason,
              model::reason::kSpecInvalid.name);
    EXPECT_EQ(ExplainRefusal(with(kube::ErrorKind::kStatus, 403), "Pod p")->reason,
              model::reason::kPodRefused.name);
    EXPECT_EQ(ExplainRefusal(with(kube::ErrorKind::kStatus, 503), "Pod p")->cls,
              model::ReasonClass::Wait);
    EXPECT_EQ(ExplainRefusal(with(kube::ErrorKind::kStatus, 403), "Pod p")->message,
              "Pod p was refused: m");
}

}  // namespace
}  // namespace dlws::job
