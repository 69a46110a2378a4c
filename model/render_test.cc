// SPDX-License-Identifier: Apache-2.0
#include "model/render.h"

#include <gmock/gmock.h>

#include "model/names.h"
#include "model/testing.h"

namespace dlws::model {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

DLCluster Cluster() {
    DLCluster c;
    c.storages = SharedFolder("/mnt/s");
    c.defaultUser = {5000, 6000};
    return c;
}

DLJob Job() {
    DLJob job;
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "u1";
    job.spec.image = "img:1";
    job.spec.command = {"python3", "train.py"};
    job.spec.roles = {Role{.name = "worker", .replicas = 2, .gpus = 1}};
    return job;
}

Rendered Must(const DLJob& job, const DLCluster& cluster) {
    auto r = Render(job, cluster);
    EXPECT_TRUE(r) << r.error().message;
    return r.value_or(Rendered{});
}

json::value Pod(const DLJob& job, const DLCluster& cluster, std::size_t role = 0, int index = 0,
                int attempt = 0) {
    return json::parse(MakePod(Must(job, cluster), role, index, attempt));
}

TEST(Render, ThePodIsTheJobs) {
    const json::value pod = Pod(Job(), Cluster(), 0, 1, 3);
    EXPECT_EQ(At(pod, "/apiVersion"), R"("v1")");
    EXPECT_EQ(At(pod, "/kind"), R"("Pod")");
    EXPECT_EQ(At(pod, "/metadata/name"), R"("digits-worker-1-3")");
    EXPECT_EQ(At(pod, "/metadata/namespace"), R"("vision")");
    EXPECT_EQ(At(pod, "/metadata/labels"),
              R"({"dlworkspace.io/job":"digits","dlworkspace.io/job-uid":"u1",)"
              R"("app.kubernetes.io/managed-by":"dlworkspace","dlworkspace.io/role":"worker",)"
              R"("dlworkspace.io/index":"1","dlworkspace.io/attempt":"3"})");
    EXPECT_EQ(At(pod, "/metadata/ownerReferences"),
              R"([{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","name":"digits","uid":"u1",)"
              R"("controller":true,"blockOwnerDeletion":false}])");
    EXPECT_EQ(At(pod, "/spec/hostname"), R"("worker-1")");
    EXPECT_EQ(At(pod, "/spec/subdomain"), R"("digits")");
    EXPECT_EQ(At(pod, "/spec/containers/0/name"), R"("main")");
    EXPECT_EQ(At(pod, "/spec/containers/0/image"), R"("img:1")");
    EXPECT_EQ(At(pod, "/spec/containers/0/command"), R"(["python3","train.py"])");
    EXPECT_EQ(At(pod, "/spec/containers/0/args"), "(none)");
    EXPECT_EQ(At(pod, "/spec/containers/0/workingDir"), "(none)");
    EXPECT_EQ(pod.at_pointer("/spec/volumes").as_array().size(), 1U) << "who the user is";
    EXPECT_EQ(At(pod, "/spec/affinity"), "(none)");
}

TEST(Render, ThePodIsHarmless) {
    const json::value pod = Pod(Job(), Cluster());
    EXPECT_EQ(At(pod, "/spec/restartPolicy"), R"("Never")");
    EXPECT_EQ(At(pod, "/spec/automountServiceAccountToken"), "false");
    EXPECT_EQ(At(pod, "/spec/enableServiceLinks"), "false");
    EXPECT_EQ(At(pod, "/spec/securityContext"),
              R"({"runAsNonRoot":true,"runAsUser":5000,"runAsGroup":6000,)"
              R"("seccompProfile":{"type":"RuntimeDefault"}})");
    EXPECT_EQ(At(pod, "/spec/containers/0/securityContext"),
              R"({"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}})");
    DLCluster root = Cluster();
    root.defaultUser.uid = 0;
    const auto refused = Render(Job(), root);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().cls, ReasonClass::Ask);
    EXPECT_EQ(refused.error().reason, "ClusterInvalid");
}

TEST(Render, PodsAreTheirUsers) {
    DLJob job = Job();
    job.spec.storage = {{"work", "", "/work", false}};
    DLCluster cluster = Cluster();
    cluster.podTemplate = R"({"spec":{"securityContext":{"supplementalGroups":[44]}}})";
    const auto rendered = Render(job, cluster, {5001, 5002, "alice", {6001, 6002}});
    ASSERT_TRUE(rendered) << rendered.error().message;
    const json::value pod = json::parse(MakePod(*rendered, 0, 0, 0));
    EXPECT_EQ(At(pod, "/spec/securityContext/runAsUser"), "5001");
    EXPECT_EQ(At(pod, "/spec/securityContext/runAsGroup"), "5002");
    EXPECT_EQ(At(pod, "/spec/securityContext/supplementalGroups"), "[44,6001,6002]");
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-storage-work"),
              R"({"name":"dlws-storage-work","hostPath":)"
              R"({"path":"/mnt/s/work/alice","type":"Directory"}})");
    EXPECT_EQ(Env(pod, "USER"), "alice");
    EXPECT_FALSE(Render(job, cluster, {0, 5002, "alice", {}})) << "never root";
}

// Images know none of the cluster's users; getpwuid(3) must find them all the same.
TEST(Render, ThePodKnowsItsUser) {
    DLJob job = Job();
    job.spec.storage = {{"work", "", "/work", false}};
    const PodUser alice{5001, 5002, "alice", {6001}, "/bin/zsh"};
    const auto rendered = Render(job, Cluster(), alice);
    ASSERT_TRUE(rendered) << rendered.error().message;
    const json::value pod = json::parse(MakePod(*rendered, 0, 0, 0));
    const auto annotation = [](const json::value& in, std::string_view key) {
        return std::string(in.at("metadata").at("annotations").at(key).as_string());
    };
    EXPECT_EQ(annotation(pod, kPasswdAnnotation),
              "root:x:0:0:root:/root:/bin/sh\n"
              "alice:x:5001:5002:alice:/work:/bin/zsh\n"
              "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n");
    EXPECT_EQ(annotation(pod, kGroupAnnotation),
              "root:x:0:\nalice:x:5002:\nnogroup:x:65534:\ngroup6001:x:6001:alice\n");
    for (std::string file : {"passwd", "group"})
        EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/etc/" + file),
                  R"({"name":"dlws-accounts","mountPath":"/etc/)" + file + R"(","subPath":")" +
                      file + R"(","readOnly":true})");
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-accounts"),
              R"({"name":"dlws-accounts","downwardAPI":{"items":[{"path":"passwd","fieldRef":)"
              R"({"fieldPath":"metadata.annotations['dlworkspace.io/passwd']"}},{"path":"group",)"
              R"("fieldRef":{"fieldPath":"metadata.annotations['dlworkspace.io/group']"}}]}})");
    // Keys only where there are some.
    PodUser with_keys = alice;
    with_keys.sshPublicKeys = {"ssh-ed25519 AAAA a", "ssh-ed25519 BBBB b"};
    const auto keyed = Render(job, Cluster(), with_keys);
    ASSERT_TRUE(keyed) << keyed.error().message;
    const json::value keyed_pod = json::parse(MakePod(*keyed, 0, 0, 0));
    EXPECT_EQ(annotation(keyed_pod, kSshKeysAnnotation),
              "ssh-ed25519 AAAA a\nssh-ed25519 BBBB b\n");
    EXPECT_EQ(
        Item(keyed_pod, "/spec/containers/0/volumeMounts", "mountPath", "/etc/ssh/authorized_keys"),
        R"({"name":"dlws-accounts","mountPath":"/etc/ssh/authorized_keys","subPath":)"
        R"("authorized_keys","readOnly":true})");
    // Sessions of sshd need a shell that the image has.
    job.spec.framework = Framework::MPI;
    job.spec.roles.insert(job.spec.roles.begin(), Role{.name = "launcher"});
    const auto mpi = Render(job, Cluster(), alice);
    ASSERT_TRUE(mpi) << mpi.error().message;
    EXPECT_NE(annotation(json::parse(MakePod(*mpi, 0, 0, 0)), kPasswdAnnotation)
                  .find("alice:/work:/bin/sh\n"),
              std::string::npos);
}

TEST(Render, ServiceOnlyForMoreThanOnePod) {
    const Rendered two = Must(Job(), Cluster());
    ASSERT_TRUE(two.service);
    EXPECT_EQ(At(*two.service, "/metadata/name"), R"("digits")");
    EXPECT_EQ(At(*two.service, "/metadata/namespace"), R"("vision")");
    EXPECT_EQ(At(*two.service, "/metadata/ownerReferences/0/uid"), R"("u1")");
    EXPECT_EQ(At(*two.service, "/spec"),
              R"({"clusterIP":"None","publishNotReadyAddresses":true,"selector":)"
              R"({"dlworkspace.io/job":"digits","dlworkspace.io/job-uid":"u1"}})");
    DLJob one = Job();
    one.spec.roles[0].replicas = 1;
    const Rendered single = Must(one, Cluster());
    EXPECT_FALSE(single.service);
    EXPECT_EQ(single.totalPods, 1);
    EXPECT_EQ(At(Pod(one, Cluster()), "/spec/subdomain"), "(none)");
}

TEST(Render, Resources) {
    DLJob job = Job();
    job.spec.roles[0].gpus = 8;
    job.spec.roles[0].resources = {"4", "64Gi", "16Gi"};
    const json::value pod = Pod(job, Cluster());
    EXPECT_EQ(At(pod, "/spec/containers/0/resources"),
              R"({"requests":{"cpu":"4","memory":"64Gi","nvidia.com/gpu":"8"},)"
              R"("limits":{"memory":"64Gi","nvidia.com/gpu":"8"}})");
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-shm"),
              R"({"name":"dlws-shm","emptyDir":{"medium":"Memory","sizeLimit":"16Gi"}})");
    EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/dev/shm"),
              R"({"name":"dlws-shm","mountPath":"/dev/shm"})");
    job.spec.roles[0].gpus = 0;
    job.spec.roles[0].resources = {};
    EXPECT_EQ(At(Pod(job, Cluster()), "/spec/containers/0/resources"),
              R"({"requests":{"cpu":"100m"}})");
    job.spec.roles[0].resources.memory = "many";
    const auto refused = Render(job, Cluster());
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("Resources of role worker: 'many' is not"));
}

TEST(Render, StorageIsMountedBelowWhatNobodyCanReplace) {
    DLJob job = Job();
    job.spec.storage = {{"data", "digits/v1", "/data", true},
                        {"data", "", "/all", false},
                        {"work", "", "/work", false}};
    const json::value pod = Pod(job, Cluster());
    EXPECT_EQ(
        Item(pod, "/spec/volumes", "name", "dlws-storage-data"),
        R"({"name":"dlws-storage-data","hostPath":{"path":"/mnt/s/storage","type":"Directory"}})");
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-storage-work"),
              R"({"name":"dlws-storage-work","hostPath":)"
              R"({"path":"/mnt/s/work/default","type":"Directory"}})");
    EXPECT_EQ(
        Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/data"),
        R"({"name":"dlws-storage-data","mountPath":"/data","subPath":"digits/v1","readOnly":true})");
    EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/all"),
              R"({"name":"dlws-storage-data","mountPath":"/all"})");
    EXPECT_EQ(Env(pod, "HOME"), "/work");
}

TEST(Render, StorageThatIsNotThere) {
    DLJob job = Job();
    job.spec.storage = {{"work", "", "/work", false}};
    DLCluster bare = Cluster();
    bare.storages.clear();
    auto refused = Render(job, bare);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().cls, ReasonClass::Ask);
    EXPECT_EQ(refused.error().reason, "NoSharedFolder");
    EXPECT_THAT(refused.error().message, HasSubstr("spec.sharedFolder"));
    job.spec.storage[0].name = "scratch";
    refused = Render(job, Cluster());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().cls, ReasonClass::Change);
    EXPECT_EQ(refused.error().reason, "UnknownStorage");
    EXPECT_THAT(refused.error().message, HasSubstr("'scratch'; write one of data, work, jobfiles"));
}

TEST(Render, PathsThatLeadOutAreRefusedAgain) {
    for (std::string_view path : {"..", "../x", "a/../../b", "a/..", "/etc"}) {
        DLJob job = Job();
        job.spec.storage = {{"work", std::string(path), "/work", false}};
        const auto refused = Render(job, Cluster());
        ASSERT_FALSE(refused) << path;
        EXPECT_EQ(refused.error().reason, "SpecInvalid");
    }
    DLJob job = Job();
    job.spec.storage = {{"work", "..a/b..", "/work", false}};
    EXPECT_TRUE(Render(job, Cluster()));
}

TEST(Render, Files) {
    DLJob job = Job();
    job.spec.files = {{"train.py", "print(1)\n", 0444}, {"run", "#!/bin/sh\n", 0555}};
    const Rendered r = Must(job, Cluster());
    ASSERT_TRUE(r.files);
    EXPECT_EQ(At(*r.files, "/metadata/name"), R"("digits-files")");
    EXPECT_EQ(At(*r.files, "/immutable"), "true");
    EXPECT_EQ(At(*r.files, "/data"), R"({"train.py":"print(1)\n","run":"#!/bin/sh\n"})");
    EXPECT_EQ(At(*r.files, "/metadata/ownerReferences/0/controller"), "true");
    const json::value pod = Pod(job, Cluster());
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-files"),
              R"({"name":"dlws-files","configMap":{"name":"digits-files","items":[)"
              R"({"key":"train.py","path":"train.py","mode":292},)"
              R"({"key":"run","path":"run","mode":365}]}})");
    EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/job"),
              R"({"name":"dlws-files","mountPath":"/job","readOnly":true})");
    EXPECT_FALSE(Must(Job(), Cluster()).files);
}

TEST(Render, DriverFolderOnlyForRolesWithGpus) {
    DLJob job = Job();
    job.spec.roles.push_back(Role{.name = "server"});
    DLCluster cluster = Cluster();
    cluster.gpu.driver = DriverMode::HostPath;
    const json::value gpu = Pod(job, cluster, 0), cpu = Pod(job, cluster, 1);
    EXPECT_EQ(
        Item(gpu, "/spec/volumes", "name", "dlws-driver"),
        R"({"name":"dlws-driver","hostPath":{"path":"/opt/nvidia-driver","type":"Directory"}})");
    EXPECT_EQ(Item(gpu, "/spec/containers/0/volumeMounts", "mountPath", "/usr/local/nvidia"),
              R"({"name":"dlws-driver","mountPath":"/usr/local/nvidia","readOnly":true})");
    EXPECT_EQ(Env(gpu, "LD_LIBRARY_PATH"), "/usr/local/nvidia/lib64:/usr/local/nvidia/lib");
    EXPECT_EQ(Env(gpu, "PATH"), "(none)");
    EXPECT_EQ(Item(cpu, "/spec/volumes", "name", "dlws-driver"), "(none)");
    EXPECT_EQ(Env(cpu, "LD_LIBRARY_PATH"), "(none)");
    job.spec.env = {{"LD_LIBRARY_PATH", "/opt/mine", {}}, {"PATH", "/opt/conda/bin:/bin", {}}};
    const json::value mine = Pod(job, cluster, 0);
    EXPECT_EQ(Env(mine, "LD_LIBRARY_PATH"),
              "/usr/local/nvidia/lib64:/usr/local/nvidia/lib:/opt/mine");
    EXPECT_EQ(Env(mine, "PATH"), "/usr/local/nvidia/bin:/opt/conda/bin:/bin");
    EXPECT_EQ(Env(Pod(job, cluster, 1), "PATH"), "/opt/conda/bin:/bin");
}

TEST(Render, GpuTypeIsRequiredInEveryAlternative) {
    DLJob job = Job();
    job.spec.roles[0].gpuType = "A100";
    const std::string wanted =
        R"({"key":"dlworkspace.io/gpu-type","operator":"In","values":["A100"]})";
    constexpr std::string_view kTerms =
        "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/"
        "nodeSelectorTerms";
    EXPECT_EQ(At(Pod(job, Cluster()), kTerms), R"([{"matchExpressions":[)" + wanted + "]}]");
    DLCluster cluster = Cluster();
    cluster.podTemplate = R"({"spec":{"affinity":{"podAffinity":{},"nodeAffinity":{
      "requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
        {"matchExpressions":[{"key":"a","operator":"Exists"}]},{},
        {"matchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]}}}}})";
    const json::value pod = Pod(job, cluster);
    EXPECT_EQ(At(pod, std::string(kTerms) + "/0/matchExpressions"),
              R"([{"key":"a","operator":"Exists"},)" + wanted + "]");
    EXPECT_EQ(At(pod, std::string(kTerms) + "/1"), "{}");
    EXPECT_EQ(At(pod, std::string(kTerms) + "/2/matchExpressions"), "[" + wanted + "]");
    EXPECT_EQ(At(pod, "/spec/affinity/podAffinity"), "{}");
    cluster.gpu.typeLabel = "nvidia.com/gpu.product";
    EXPECT_THAT(At(Pod(job, cluster), kTerms), HasSubstr("nvidia.com/gpu.product"));
}

TEST(Render, TorchFindsItsPeers) {
    DLJob job = Job();
    job.spec.framework = Framework::Torch;
    job.spec.roles[0].gpus = 4;
    job.spec.roles.push_back(Role{.name = "late", .replicas = 3});
    const Rendered r = Must(job, Cluster());
    EXPECT_EQ(r.totalPods, 5);
    const json::value first = Pod(job, Cluster(), 0, 0), last = Pod(job, Cluster(), 1, 2, 7);
    for (const json::value& pod : {first, last}) {
        EXPECT_EQ(Env(pod, "MASTER_ADDR"), "worker-0.digits");
        EXPECT_EQ(Env(pod, "MASTER_PORT"), "29500");
        EXPECT_EQ(Env(pod, "WORLD_SIZE"), "5");
        EXPECT_EQ(Env(pod, "LOCAL_RANK"), "0");
        EXPECT_EQ(Env(pod, "PET_NNODES"), "5");
        EXPECT_EQ(Env(pod, "PET_MASTER_ADDR"), "worker-0.digits");
        EXPECT_EQ(Env(pod, "PET_MASTER_PORT"), "29500");
    }
    EXPECT_EQ(Env(first, "RANK"), "0");
    EXPECT_EQ(Env(first, "PET_NODE_RANK"), "0");
    EXPECT_EQ(Env(first, "PET_NPROC_PER_NODE"), "4");
    EXPECT_EQ(Env(last, "RANK"), "4");
    EXPECT_EQ(Env(last, "PET_NODE_RANK"), "4");
    EXPECT_EQ(Env(last, "PET_NPROC_PER_NODE"), "1");
    EXPECT_EQ(Env(last, "DLWS_JOB"), "digits");
    EXPECT_EQ(Env(last, "DLWS_ROLE"), "late");
    EXPECT_EQ(Env(last, "DLWS_INDEX"), "2");
    EXPECT_EQ(Env(last, "DLWS_ATTEMPT"), "7");
    job.spec.roles = {Role{.name = "worker"}};
    EXPECT_EQ(Env(Pod(job, Cluster()), "MASTER_ADDR"), "127.0.0.1");
    job.spec.framework = Framework::None;
    EXPECT_EQ(Env(Pod(job, Cluster()), "RANK"), "(none)");
    EXPECT_EQ(Env(Pod(job, Cluster()), "DLWS_INDEX"), "0");
}

TEST(Render, WhoMaySetAnEnvironmentName) {
    DLJob job = Job();
    job.spec.framework = Framework::Torch;
    job.spec.env = {{"HOME", "/h", {}},
                    {"RANK", "9", {}},
                    {"DLWS_JOB", "x", {}},
                    {"PYTHONUNBUFFERED", "", {}},
                    {"A", "job", {}},
                    {"B", "job", {}},
                    {"S", "", SecretKeyRef{"n", "k"}}};
    job.spec.roles[0].env = {{"B", "role", {}}, {"C", "$(A)", {}}};
    DLCluster cluster = Cluster();
    cluster.podTemplate = R"({"spec":{"containers":[{"name":"main","env":[
        {"name":"A","value":"admin"},{"name":"P","value":"proxy"},{"name":"WORLD_SIZE","value":"1"}]}]}})";
    const json::value pod = Pod(job, cluster);
    EXPECT_EQ(Env(pod, "HOME"), "/h");
    EXPECT_EQ(Env(pod, "USER"), "default");
    EXPECT_EQ(Env(pod, "PYTHONUNBUFFERED"), "");
    EXPECT_EQ(Env(pod, "RANK"), "0");
    EXPECT_EQ(Env(pod, "WORLD_SIZE"), "2");
    EXPECT_EQ(Env(pod, "DLWS_JOB"), "digits");
    EXPECT_EQ(Env(pod, "A"), "job");
    EXPECT_EQ(Env(pod, "P"), "proxy");
    EXPECT_EQ(Env(pod, "B"), "role");
    EXPECT_EQ(Env(pod, "C"), "$(A)");
    EXPECT_EQ(Item(pod, "/spec/containers/0/env", "name", "S"),
              R"({"name":"S","valueFrom":{"secretKeyRef":{"name":"n","key":"k"}}})");
    EXPECT_EQ(Env(Pod(Job(), Cluster()), "HOME"), "/tmp");
    EXPECT_EQ(Env(Pod(Job(), Cluster()), "PYTHONUNBUFFERED"), "1");
}

TEST(Render, ARoleMayHaveItsOwnProgram) {
    DLJob job = Job();
    job.spec.args = {"--all"};
    job.spec.roles.push_back(Role{.name = "server", .image = "other:2", .command = {{"serve"}}});
    job.spec.roles.push_back(Role{.name = "third", .args = {{"--own"}}});
    EXPECT_EQ(At(Pod(job, Cluster(), 0), "/spec/containers/0/args"), R"(["--all"])");
    const json::value server = Pod(job, Cluster(), 1), third = Pod(job, Cluster(), 2);
    EXPECT_EQ(At(server, "/spec/containers/0/image"), R"("other:2")");
    EXPECT_EQ(At(server, "/spec/containers/0/command"), R"(["serve"])");
    EXPECT_EQ(At(server, "/spec/containers/0/args"), "(none)");
    EXPECT_EQ(At(third, "/spec/containers/0/command"), R"(["python3","train.py"])");
    EXPECT_EQ(At(third, "/spec/containers/0/args"), R"(["--own"])");
    job.spec.image.clear();
    const auto refused = Render(job, Cluster());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "Role worker has no image: set spec.image.");
}

}  // namespace
}  // namespace dlws::model
