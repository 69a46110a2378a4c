// SPDX-License-Identifier: Apache-2.0
#include "model/dljob.h"

#include <gtest/gtest.h>

#include "model/dlcluster.h"

namespace dlws::model {
namespace {

constexpr std::string_view kMeta =
    R"("metadata":{"name":"digits","namespace":"vision","uid":"u1"})";

std::string With(std::string_view spec) {
    return "{" + std::string(kMeta) + ",\"spec\":" + std::string(spec) + "}";
}

std::string ErrorOf(std::string_view json) {
    const auto job = ParseDLJob(json);
    return job ? "(none)" : job.error();
}

TEST(ParseDLJob, GivesDefaultsToTheSmallest) {
    const auto job = ParseDLJob(With(R"({"image":"debian:12"})"));
    ASSERT_TRUE(job) << job.error();
    EXPECT_EQ(job->meta.name, "digits");
    EXPECT_EQ(job->meta.ns, "vision");
    EXPECT_FALSE(job->meta.Deleting());
    EXPECT_EQ(job->spec.image, "debian:12");
    EXPECT_EQ(job->spec.framework, Framework::None);
    ASSERT_EQ(job->spec.roles.size(), 1U);
    EXPECT_EQ(job->spec.roles[0], (Role{.name = "worker"}));
    EXPECT_EQ(job->spec.roles[0].resources.cpu, "100m");
    EXPECT_EQ(job->status, JobStatus{});
    EXPECT_EQ(TotalPods(job->spec), 1);
    EXPECT_EQ(TotalGpus(job->spec), 0);
}

TEST(ParseDLJob, ReadsEveryField) {
    const auto job = ParseDLJob(R"({
      "apiVersion":"dlworkspace.io/v1","kind":"DLJob",
      "metadata":{"name":"digits","namespace":"vision","uid":"u1","resourceVersion":"77",
        "generation":3,"creationTimestamp":"2026-01-02T03:04:05Z",
        "deletionTimestamp":"2026-01-02T03:05:05Z","labels":{"a":"b"},"annotations":{"c":"d"},
        "finalizers":["f"],"managedFields":[{"manager":"x"}]},
      "spec":{"image":"i","command":["c","d"],"args":["a"],"workingDir":"/w","framework":"Torch",
        "roles":[
          {"name":"worker","replicas":2,"gpus":8,"gpuType":"A100",
           "resources":{"cpu":4,"memory":"64Gi","shm":"16Gi"}},
          {"name":"server","image":"j","command":[],"args":["x"],
           "env":[{"name":"R","value":"1"}]}],
        "storage":[{"name":"data","path":"p","mountPath":"/data","readOnly":true}],
        "env":[{"name":"A","value":"b"},
               {"name":"S","valueFrom":{"secretKeyRef":{"name":"n","key":"k"}}}],
        "imagePullSecrets":[{"name":"reg"}],
        "files":[{"name":"t.py","content":"pass\n","mode":365},{"name":"u","content":""}],
        "suspend":true,"stop":true,
        "podOverrides":{"nodeSelector":{"zone":"b"},
          "tolerations":[{"key":"d","value":"t","effect":"NoExecute","tolerationSeconds":60}],
          "labels":{"l":"m"},"annotations":{"n":"o"},"terminationGracePeriodSeconds":120},
        "somethingLater":{"x":[1,2]}},
      "status":{"phase":"Running","ready":"1/3"}})");
    ASSERT_TRUE(job) << job.error();
    EXPECT_EQ(job->meta.resourceVersion, "77");
    EXPECT_EQ(job->meta.generation, 3);
    EXPECT_TRUE(job->meta.Deleting());
    EXPECT_EQ(FormatTime(*job->meta.creationTimestamp), "2026-01-02T03:04:05Z");
    EXPECT_EQ(job->meta.labels.at("a"), "b");
    EXPECT_EQ(job->meta.annotations.at("c"), "d");
    EXPECT_EQ(job->meta.finalizers, std::vector<std::string>{"f"});
    const DLJobSpec& s = job->spec;
    EXPECT_EQ(s.command, (std::vector<std::string>{"c", "d"}));
    EXPECT_EQ(s.args, std::vector<std::string>{"a"});
    EXPECT_EQ(s.workingDir, "/w");
    EXPECT_EQ(s.framework, Framework::Torch);
    EXPECT_EQ(s.roles[0].replicas, 2);
    EXPECT_EQ(s.roles[0].gpus, 8);
    EXPECT_EQ(s.roles[0].gpuType, "A100");
    EXPECT_EQ(s.roles[0].resources, (Resources{"4", "64Gi", "16Gi"}));
    EXPECT_FALSE(s.roles[0].command);
    EXPECT_EQ(s.roles[1].image, "j");
    ASSERT_TRUE(s.roles[1].command);
    EXPECT_TRUE(s.roles[1].command->empty());
    EXPECT_EQ(s.roles[1].env[0].value, "1");
    EXPECT_EQ(s.storage[0], (StorageMount{"data", "p", "/data", true}));
    EXPECT_EQ(s.env[0], (EnvVar{"A", "b", std::nullopt}));
    EXPECT_EQ(s.env[1], (EnvVar{"S", "", SecretKeyRef{"n", "k"}}));
    EXPECT_EQ(s.imagePullSecrets, std::vector<std::string>{"reg"});
    EXPECT_EQ(s.files[0], (File{"t.py", "pass\n", 0555}));
    EXPECT_EQ(s.files[1].mode, 0444);
    EXPECT_TRUE(s.suspend);
    EXPECT_TRUE(s.stop);
    EXPECT_EQ(s.podOverrides.tolerations[0], (Toleration{"d", "Equal", "t", "NoExecute", 60}));
    EXPECT_EQ(s.podOverrides.nodeSelector.at("zone"), "b");
    EXPECT_EQ(s.podOverrides.terminationGracePeriodSeconds, 120);
    EXPECT_EQ(job->status.phase, Phase::Running);
    EXPECT_EQ(TotalPods(s), 3);
    EXPECT_EQ(TotalGpus(s), 16);
}

TEST(ParseDLJob, NullIsAbsent) {
    const auto job = ParseDLJob(
        R"({"metadata":{"name":"n","uid":"u","creationTimestamp":null},"spec":{"image":"i","env":null,"roles":null},"status":null})");
    ASSERT_TRUE(job) << job.error();
    EXPECT_EQ(job->spec.roles.size(), 1U);
}

TEST(ParseDLJob, SaysWhereItIsWrong) {
    EXPECT_EQ(ErrorOf(With(R"({"image":7})")), "spec.image must be text");
    EXPECT_EQ(ErrorOf(With(R"({"roles":[{"name":"a"},{"name":"b","gpus":"2"}]})")),
              "spec.roles[1].gpus must be a whole number");
    EXPECT_EQ(ErrorOf(With(R"({"roles":[{"name":"b","replicas":4294967296}]})")),
              "spec.roles[0].replicas must be a whole number of 32 bits");
    EXPECT_EQ(ErrorOf(With(R"({"roles":[{"name":"b","gpus":-1}]})")),
              "spec.roles[0].gpus must be 0 or more");
    EXPECT_EQ(
        ErrorOf(With(
            R"({"roles":[{"name":"b","replicas":2000000000},{"name":"c","replicas":2000000000}]})")),
        "spec.roles: more than 10000 pods");
    EXPECT_EQ(ErrorOf(With(R"({"roles":{"a":1}})")), "spec.roles must be a list");
    EXPECT_EQ(ErrorOf(With(R"({"podOverrides":[]})")), "spec.podOverrides must be an object");
    EXPECT_EQ(ErrorOf(With(R"({"podOverrides":{"labels":{"a":1}}})")),
              "spec.podOverrides.labels.a must be text");
    EXPECT_EQ(ErrorOf(With(R"({"framework":"Caffe"})")),
              "spec.framework: this version does not know the framework Caffe");
    EXPECT_EQ(ErrorOf(R"({"metadata":{"name":"a"},"spec":{}})"), "metadata.uid is missing");
    EXPECT_EQ(ErrorOf("[]"), "not a JSON object");
    EXPECT_TRUE(ErrorOf("{").starts_with("not a JSON document: "));
    EXPECT_TRUE(ErrorOf("").starts_with("not a JSON document: "));
}

TEST(ParseDLJob, SurvivesEveryTruncation) {
    const std::string whole = With(R"({"image":"debian:12","roles":[{"name":"w","gpus":1}]})");
    for (std::size_t n = 0; n < whole.size(); ++n)
        EXPECT_FALSE(ParseDLJob(std::string_view(whole).substr(0, n))) << n;
}

TEST(ParseDLCluster, GivesDefaults) {
    const auto c = ParseDLCluster(R"({"metadata":{"name":"cluster","uid":"u"},"spec":{}})");
    ASSERT_TRUE(c) << c.error();
    EXPECT_EQ(c->podTemplate, "");
    EXPECT_TRUE(c->storages.empty());
    EXPECT_EQ(c->gpu, GpuSettings{});
    EXPECT_EQ(c->logs, LogSettings{});
    EXPECT_EQ(c->defaultUser, (PodUser{1000, 1000}));
}

TEST(ParseDLCluster, ReadsEveryField) {
    const auto c = ParseDLCluster(R"({"metadata":{"name":"cluster","uid":"u","resourceVersion":"9"},
      "spec":{"podTemplate":{"spec": {"x": 1}},"sharedFolder":{"hostPath":"/mnt/s"},
      "gpu":{"driver":{"mode":"HostPath","hostPath":"/opt/d"},"typeLabel":"t"},
      "defaultUser":{"uid":5,"gid":6},"logs":{"keepDays":90,"keepPerUser":"1.5Ki"}}})");
    ASSERT_TRUE(c) << c.error();
    EXPECT_EQ(c->logs, (LogSettings{90, 1536}));
    EXPECT_EQ(c->podTemplate, R"({"spec":{"x":1}})");
    EXPECT_EQ(c->storages, SharedFolder("/mnt/s"));
    EXPECT_EQ(c->gpu, (GpuSettings{DriverMode::HostPath, "/opt/d", "t"}));
    EXPECT_EQ(c->defaultUser, (PodUser{5, 6}));
    EXPECT_EQ(c->meta.resourceVersion, "9");
    const auto bad =
        ParseDLCluster(R"({"metadata":{"uid":"u"},"spec":{"gpu":{"driver":{"mode":"Magic"}}}})");
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error(), "spec.gpu.driver.mode: this version does not know the mode Magic");
    const auto much =
        ParseDLCluster(R"({"metadata":{"uid":"u"},"spec":{"logs":{"keepPerUser":"much"}}})");
    ASSERT_FALSE(much);
    EXPECT_EQ(much.error().substr(0, 23), "spec.logs.keepPerUser: ");
}

}  // namespace
}  // namespace dlws::model
