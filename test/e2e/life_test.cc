// SPDX-License-Identifier: Apache-2.0
// The life of a job, from the outside: kubectl apply, get, wait, suspend, stop, delete.
#include <fmt/format.h>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

class Life : public E2e {};

std::vector<std::string> NamesOf(const std::vector<Json>& objects) {
    std::vector<std::string> names;
    for (const Json& object : objects)
        names.push_back(Text(object, "metadata/name"));
    return names;
}

TEST_F(Life, MinimalJobSucceeds) {
    Submit(Job("hello", "command: [echo, hello from the job]"));
    Json job = WaitForPhase("hello", "Succeeded");
    EXPECT_EQ(Condition(job, "Finished"), "True");
    EXPECT_EQ(Text(job, "status/ready"), "1/1");
    EXPECT_EQ(Text(job, "status/message"), "Every pod ended with exit code 0.");
    EXPECT_NE(Text(job, "status/finishTime"), "");
    EXPECT_EQ(Log("hello-worker-0-0"), "hello from the job\n");
    EXPECT_EQ(api().Get(CorePath("services", "hello")).code, 404) << "one pod needs no Service";
    EXPECT_THAT(cluster().PodCreates(audit_, ns_), ElementsAre(Pair("hello-worker-0-0", 1)));
}

TEST_F(Life, KubectlShowsPhaseReadyGpusAge) {
    Submit(Job("shown", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2, gpus: 1}]"));
    WaitForPhase("shown", "Running");
    std::string table = MustShell("script/cluster kubectl get dljob -A");
    EXPECT_THAT(table, ContainsRegex("NAMESPACE +NAME +PHASE +READY +GPUS +AGE\n"));
    EXPECT_THAT(table, ContainsRegex(ns_ + " +shown +Running +2/2 +2 +[0-9]+s\n"));
}

TEST_F(Life, KubectlWaitReturnsWhenTheJobIsFinished) {
    Submit(Job("waited", "command: [sleep, '2']"));
    EXPECT_THAT(MustShell("script/cluster kubectl -n " + ns_ +
                          " wait --for=condition=Finished --timeout=60s dljob/waited"),
                HasSubstr("dljob.dlworkspace.io/waited condition met"));
    Json job = WaitForPhase("waited", "Succeeded", 1);
    EXPECT_EQ(Condition(job, "Running"), "False");
}

TEST_F(Life, DeletionRemovesPodsServiceAndFiles) {
    Submit(Job("gone", R"(
command: [sleep, '600']
roles: [{name: worker, replicas: 2}]
files: [{name: note.txt, content: keep me}])"));
    WaitForPhase("gone", "Running");
    ASSERT_TRUE(api().Get(CorePath("services", "gone")).ok());
    ASSERT_TRUE(api().Get(CorePath("configmaps", "gone-files")).ok());

    ASSERT_TRUE(api().Delete(JobPath("gone")).ok());
    WaitUntil("nothing of the job is left", [&] {
        return api().Get(JobPath("gone")).code == 404 && Pods("gone").empty() &&
               api().Get(CorePath("services", "gone")).code == 404 &&
               api().Get(CorePath("configmaps", "gone-files")).code == 404;
    });
    for (const Audited& w : cluster().Writes(audit_, ns_))
        EXPECT_LT(w.code, 300) << "a write for a job that is gone: " << w.ToString();
}

TEST_F(Life, ADeletedJobCanBeSubmittedAgainAtOnce) {
    Submit(Job("twice", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2}]"));
    WaitForPhase("twice", "Running");
    ASSERT_TRUE(api().Delete(JobPath("twice")).ok());
    WaitUntil("the job is gone", [&] { return api().Get(JobPath("twice")).code == 404; });
    // Its pods still end, and hold the names that the new job needs.
    Submit(Job("twice", "command: ['true']\nroles: [{name: worker, replicas: 2}]"));
    WaitForPhase("twice", "Succeeded");
}

TEST_F(Life, SuspendEndsThePodsAndResumeStartsAnew) {
    Submit(Job("paused", R"(
command: [bash, -c, 'echo attempt $DLWS_ATTEMPT; [ $DLWS_ATTEMPT = 1 ] || exec sleep 600']
roles: [{name: worker, replicas: 2}])"));
    WaitForPhase("paused", "Running");
    PatchSpec("paused", "{suspend: true}");
    Json job = WaitForPhase("paused", "Suspended");
    EXPECT_EQ(Condition(job, "Suspended"), "True");
    EXPECT_EQ(Condition(job, "Finished"), "False");
    EXPECT_THAT(NamesOf(Pods("paused")), ElementsAre());

    PatchSpec("paused", "{suspend: false}");
    job = WaitForPhase("paused", "Succeeded");
    EXPECT_EQ(Text(job, "status/attempt"), "1");
    EXPECT_EQ(Condition(job, "Suspended"), "False");
    EXPECT_EQ(Log("paused-worker-1-1"), "attempt 1\n");
    EXPECT_THAT(cluster().PodCreates(audit_, ns_),
                UnorderedElementsAre(Pair("paused-worker-0-0", 1), Pair("paused-worker-1-0", 1),
                                     Pair("paused-worker-0-1", 1), Pair("paused-worker-1-1", 1)));
}

TEST_F(Life, AJobSubmittedSuspendedMakesNoPodUntilItIsResumed) {
    Submit(Job("later", "command: ['true']\nsuspend: true"));
    WaitForPhase("later", "Suspended");
    EXPECT_THAT(NamesOf(Pods("later")), ElementsAre());
    PatchSpec("later", "{suspend: false}");
    WaitForPhase("later", "Succeeded");
}

TEST_F(Life, StopEndsTheJobForGoodAndKeepsItsRecord) {
    Submit(Job("stopped", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2}]"));
    WaitForPhase("stopped", "Running");
    PatchSpec("stopped", "{stop: true}");
    Json job = WaitForPhase("stopped", "Stopped");
    EXPECT_EQ(Condition(job, "Finished"), "True");
    for (const Json& pod : Pods("stopped"))
        EXPECT_NE(Text(pod, "status/phase"), "Running") << Text(pod, "metadata/name");
    Reply back = api().Patch(JobPath("stopped"), FromYaml("{spec: {stop: false}}"));
    EXPECT_EQ(back.code, 422) << "stop is one way";
}

}  // namespace
}  // namespace dlws::e2e
