// SPDX-License-Identifier: Apache-2.0
// Why a job does not run yet, and that it goes on by itself once the reason is gone.
#include <fmt/format.h>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Pair;

class Waiting : public E2e {};

TEST_F(Waiting, QuotaThatIsExceeded) {
    Submit(
        "{apiVersion: v1, kind: ResourceQuota, metadata: {name: few}, spec: {hard: {pods: '1'}}}");
    WaitUntil("the quota counts", [&] {
        return Text(api().Get(CorePath("resourcequotas", "few")).body, "status/hard/pods") == "1";
    });
    Submit(Job("big", "command: [sleep, '3']\nroles: [{name: worker, replicas: 3}]"));
    Json job = WaitForPending("big", "QuotaExceeded");
    EXPECT_EQ(Text(job, "status/pending/class"), "Ask");
    EXPECT_THAT(Text(job, "status/pending/message"), HasSubstr("exceeded quota: few"));
    EXPECT_THAT(Text(job, "status/pending/message"), HasSubstr("big-worker-"));

    ASSERT_TRUE(api().Delete(CorePath("resourcequotas", "few")).ok());
    WaitForPhase("big", "Succeeded", 90);
    EXPECT_THAT(cluster().PodCreates(audit_, ns_), Each(Pair(HasSubstr("big-worker-"), 1)));
}

TEST_F(Waiting, NamespaceThatNobodyMarked) {
    const std::string path = "/api/v1/namespaces/" + ns_;
    ASSERT_TRUE(
        api().Patch(path, FromYaml("{metadata: {labels: {dlworkspace.io/managed: null}}}")).ok());
    Submit(Job("early", "command: ['true']"));
    Json job = WaitForPending("early", "NamespaceNotManaged");
    EXPECT_EQ(Text(job, "status/pending/class"), "Ask");
    EXPECT_TRUE(Pods("early").empty());
    // As the message says.
    MustShell("script/cluster kubectl label namespace " + ns_ + " dlworkspace.io/managed=true");
    WaitForPhase("early", "Succeeded");
}

TEST_F(Waiting, NameThatAForeignServiceHas) {
    Submit(
        "{apiVersion: v1, kind: Service, metadata: {name: taken}, spec: {clusterIP: None, "
        "selector: {a: b}}}");
    Submit(Job("taken", "command: ['true']\nroles: [{name: worker, replicas: 2}]"));
    Json job = WaitForPending("taken", "NameTaken");
    EXPECT_EQ(Text(job, "status/pending/class"), "Change");
    EXPECT_THAT(Text(job, "status/pending/message"),
                HasSubstr("Service taken exists and is not this job's"));
    EXPECT_TRUE(Pods("taken").empty()) << "a gang that cannot find each other must not start";
    Reply foreign = api().Get(CorePath("services", "taken"));
    EXPECT_EQ(Text(foreign.body, "spec/selector"), R"({"a":"b"})") << "it is not ours to touch";

    ASSERT_TRUE(api().Delete(CorePath("services", "taken")).ok());
    WaitForPhase("taken", "Succeeded", 90);
}

TEST_F(Waiting, SecretThatIsMissing) {
    Submit(Job("nosecret", R"(
command: ['true']
env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: late, key: token}}}])"));
    Json job = WaitForPending("nosecret", "ContainerConfig");
    EXPECT_EQ(Text(job, "status/pending/class"), "Change");
    EXPECT_THAT(Text(job, "status/pending/message"), HasSubstr("secret \"late\" not found"));
    Submit("{apiVersion: v1, kind: Secret, metadata: {name: late}, stringData: {token: x}}");
    WaitForPhase("nosecret", "Succeeded", 90);
}

}  // namespace
}  // namespace dlws::e2e
