// SPDX-License-Identifier: Apache-2.0
// How the pods of each framework find each other, as documents. That the frameworks read it so is
// shown by jobs that run (test/e2e/mpi_test.cc, examples/).
#include <gmock/gmock.h>

#include "model/names.h"
#include "model/render.h"
#include "model/ssh.h"
#include "model/testing.h"

namespace dlws::model {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

DLCluster Cluster() {
    DLCluster c;
    c.storages = SharedFolder("/mnt/s");
    c.defaultUser = {5000, 6000};
    return c;
}

DLJob Job(Framework framework, std::vector<Role> roles) {
    DLJob job;
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "u1";
    job.spec.image = "img:1";
    job.spec.command = {"mpirun", "./train"};
    job.spec.framework = framework;
    job.spec.roles = std::move(roles);
    return job;
}

DLJob MpiJob() {
    DLJob job = Job(Framework::MPI,
                    {Role{.name = "launcher"}, Role{.name = "worker", .replicas = 2, .gpus = 4},
                     Role{.name = "fat", .resources = {.cpu = "15500m"}}});
    job.spec.success.role = "launcher";
    return job;
}

Rendered Must(const DLJob& job) {
    auto r = Render(job, Cluster());
    EXPECT_TRUE(r) << r.error().message;
    return r.value_or(Rendered{});
}

json::value Pod(const DLJob& job, std::size_t role = 0, int index = 0, int attempt = 0) {
    return json::parse(MakePod(Must(job), role, index, attempt));
}

std::string Refusal(const DLJob& job) {
    auto r = Render(job, Cluster());
    if (r) return "";
    EXPECT_EQ(r.error().cls, ReasonClass::Change);
    EXPECT_EQ(r.error().reason, "SpecInvalid");
    return r.error().message;
}

// The names of this framework's that the first container has, in the order of `names`.
std::vector<std::string> Values(const json::value& pod, std::vector<std::string_view> names) {
    std::vector<std::string> values;
    for (std::string_view name : names)
        values.push_back(Env(pod, name));
    return values;
}

TEST(Framework, TorchElastic) {
    DLJob job = Job(Framework::Torch,
                    {Role{.name = "server"}, Role{.name = "worker", .replicas = 3, .gpus = 2}});
    job.spec.elastic = Elastic{"worker", 3, 2, 8};
    const std::vector<std::string_view> names = {"PET_NNODES",
                                                 "PET_NPROC_PER_NODE",
                                                 "PET_RDZV_BACKEND",
                                                 "PET_RDZV_ENDPOINT",
                                                 "PET_RDZV_ID",
                                                 "PET_RDZV_CONF",
                                                 "RANK",
                                                 "WORLD_SIZE",
                                                 "LOCAL_RANK",
                                                 "MASTER_ADDR",
                                                 "PET_NODE_RANK",
                                                 "PET_MASTER_ADDR"};
    const auto none = "(none)";
    EXPECT_EQ(Values(Pod(job, 1, 2, 1), names),
              (std::vector<std::string>{"3:9", "2", "c10d", "server-0.digits:29400", "u1",
                                        "is_host=false", none, none, none, none, none, none}));
    EXPECT_EQ(Env(Pod(job, 0), "PET_RDZV_CONF"), "is_host=true");
}

TEST(Framework, TorchElasticIsTheSameAfterAScale) {
    DLJob small = Job(Framework::Torch, {Role{.name = "worker", .replicas = 1}});
    small.spec.elastic = Elastic{"worker", 1, 1, 4};
    DLJob large = small;
    large.spec.roles[0].replicas = large.spec.elastic->replicas = 4;
    EXPECT_EQ(MakePod(Must(small), 0, 0, 0), MakePod(Must(large), 0, 0, 0));
    EXPECT_TRUE(Must(small).service) << "its pod has a name before the second one comes";
    EXPECT_EQ(At(Pod(small), "/spec/subdomain"), R"("digits")");
}

TEST(Framework, Jax) {
    const DLJob job = Job(Framework::JAX, {Role{.name = "host", .replicas = 2}, Role{.name = "b"}});
    const std::vector<std::string_view> names = {"JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES",
                                                 "JAX_PROCESS_ID", "RANK"};
    EXPECT_EQ(Values(Pod(job, 0, 1), names),
              (std::vector<std::string>{"host-0.digits:29500", "3", "1", "(none)"}));
    EXPECT_EQ(Values(Pod(job, 1, 0), names),
              (std::vector<std::string>{"host-0.digits:29500", "3", "2", "(none)"}));
    const DLJob one = Job(Framework::JAX, {Role{.name = "host"}});
    EXPECT_EQ(Env(Pod(one), "JAX_COORDINATOR_ADDRESS"), "127.0.0.1:29500");
}

TEST(Framework, TensorFlow) {
    const DLJob job =
        Job(Framework::TensorFlow, {Role{.name = "chief"}, Role{.name = "worker", .replicas = 2},
                                    Role{.name = "ps"}, Role{.name = "evaluator"}});
    const std::string cluster =
        R"({"cluster":{"chief":["chief-0.digits:2222"],)"
        R"("worker":["worker-0.digits:2222","worker-1.digits:2222"],"ps":["ps-0.digits:2222"]},)";
    EXPECT_EQ(Env(Pod(job, 1, 1), "TF_CONFIG"),
              cluster + R"("task":{"type":"worker","index":$(DLWS_INDEX)}})");
    // The kubelet replaces only what stands before.
    const std::string env = At(Pod(job, 1, 1), "/spec/containers/0/env");
    EXPECT_LT(env.find("\"DLWS_INDEX\""), env.find("$(DLWS_INDEX)"));
    // Beside the cluster, not in it: the others would wait for it.
    EXPECT_EQ(Env(Pod(job, 3), "TF_CONFIG"),
              cluster + R"("task":{"type":"evaluator","index":$(DLWS_INDEX)}})");
    EXPECT_EQ(Env(Pod(Job(Framework::TensorFlow, {Role{.name = "worker"}})), "TF_CONFIG"),
              R"({"cluster":{"worker":["127.0.0.1:2222"]},)"
              R"("task":{"type":"worker","index":$(DLWS_INDEX)}})");
    DLJob huge = job;
    huge.spec.roles[1].replicas = 9000;
    EXPECT_THAT(Refusal(huge), HasSubstr("TF_CONFIG of role chief has"));
    EXPECT_THAT(Refusal(huge), HasSubstr("ask for fewer pods"));
}

TEST(Framework, MpiHostfile) {
    const Rendered r = Must(MpiJob());
    ASSERT_TRUE(r.files);
    EXPECT_EQ(At(*r.files, "/data/hostfile"),
              R"("worker-0.digits slots=4\nworker-1.digits slots=4\nfat-0.digits slots=15\n")");
    const json::value pod = Pod(MpiJob());
    EXPECT_EQ(
        Values(pod, {"OMPI_MCA_orte_default_hostfile", "OMPI_MCA_orte_keep_fqdn_hostnames",
                     "OMPI_MCA_plm_rsh_args", "OMPI_MCA_hwloc_base_binding_policy"}),
        (std::vector<std::string>{"/job/hostfile", "true", "-F /job/.dlws/ssh_config", "none"}));
    EXPECT_THAT(Item(pod, "/spec/volumes", "name", "dlws-files"),
                HasSubstr(R"({"key":"hostfile","path":"hostfile","mode":292})"));
}

TEST(Framework, MpiWorkersRunAServerAndTheLauncherItsCommand) {
    DLJob job = MpiJob();
    job.spec.args = {"--all"};
    job.spec.roles[2].command = {{"own-server"}};
    const json::value launcher = Pod(job, 0), worker = Pod(job, 1), own = Pod(job, 2);
    EXPECT_EQ(At(launcher, "/spec/containers/0/command"), R"(["mpirun","./train"])");
    EXPECT_EQ(At(launcher, "/spec/containers/0/args"), R"(["--all"])");
    EXPECT_EQ(At(worker, "/spec/containers/0/command"), R"(["/bin/sh","/job/.dlws/worker"])");
    EXPECT_EQ(At(worker, "/spec/containers/0/args"), "(none)");
    EXPECT_EQ(At(own, "/spec/containers/0/command"), R"(["own-server"])");
    EXPECT_EQ(At(worker, "/spec/initContainers"), "(none)");
}

TEST(Framework, MpiLauncherWaitsWithNoMoreRightsThanItsCommand) {
    DLJob job = MpiJob();
    job.spec.roles[0].gpus = 1;
    job.spec.roles[0].resources.memory = "1Gi";
    const json::value pod = Pod(job, 0);
    const std::string wait = "/spec/initContainers/0";
    EXPECT_EQ(At(pod, wait + "/command"), R"(["/bin/sh","/job/.dlws/wait"])");
    EXPECT_EQ(At(pod, wait + "/image"), R"("img:1")");
    EXPECT_EQ(At(pod, wait + "/resources"),
              R"({"requests":{"cpu":"100m","memory":"1Gi"},"limits":{"memory":"1Gi"}})");
    EXPECT_EQ(At(pod, wait + "/securityContext"),
              R"({"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}})");
    EXPECT_EQ(At(pod, wait + "/volumeMounts"), At(pod, "/spec/containers/0/volumeMounts"));
}

TEST(Framework, MpiKeysAreASecretThatIsNamedAndNotRendered) {
    const Rendered r = Must(MpiJob());
    EXPECT_TRUE(r.sshKeys);
    EXPECT_FALSE(Must(Job(Framework::Torch, {Role{.name = "worker"}})).sshKeys);
    const json::value pod = Pod(MpiJob(), 1);
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-ssh"),
              R"({"name":"dlws-ssh","secret":{"secretName":"digits-ssh-u1","defaultMode":292}})");
    EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "mountPath", "/run/secrets/dlws-ssh"),
              R"({"name":"dlws-ssh","mountPath":"/run/secrets/dlws-ssh","readOnly":true})");
    EXPECT_THAT(At(*r.files, "/data/dlws-ssh_config"), HasSubstr("Host *.digits\\n"));
    const json::value secret =
        json::parse(MakeSshSecret(MpiJob().meta, "PRIVATE", "ssh-ed25519 A"));
    EXPECT_EQ(At(secret, "/metadata/name"), R"("digits-ssh-u1")");
    EXPECT_EQ(At(secret, "/metadata/ownerReferences/0/uid"), R"("u1")");
    EXPECT_EQ(At(secret, "/immutable"), "true");
    EXPECT_EQ(At(secret, "/stringData"),
              R"({"id_ed25519":"PRIVATE","authorized_keys":"ssh-ed25519 A\n",)"
              R"("known_hosts":"dlws ssh-ed25519 A\n"})");
}

TEST(Framework, DeepSpeedIsMpiWithItsOwnNames) {
    DLJob job = MpiJob();
    job.spec.framework = Framework::DeepSpeed;
    const json::value pod = Pod(job);
    EXPECT_EQ(Values(pod, {"DLTS_HOSTFILE", "PDSH_SSH_ARGS_APPEND", "OMPI_MCA_plm_rsh_args"}),
              (std::vector<std::string>{"/job/hostfile", "-F /job/.dlws/ssh_config",
                                        "-F /job/.dlws/ssh_config"}));
    EXPECT_EQ(At(*Must(job).files, "/data/hostfile"),
              R"("worker-0.digits slots=4\nworker-1.digits slots=4\nfat-0.digits slots=1\n")");
}

TEST(Framework, UsersFilesAreBesideOurs) {
    DLJob job = MpiJob();
    job.spec.files = {{"train.py", "print(1)\n"}};
    const Rendered r = Must(job);
    EXPECT_EQ(At(*r.files, "/data/train.py"), R"("print(1)\n")");
    EXPECT_THAT(At(*r.files, "/data/dlws-worker"), StartsWith("\"#!/bin/sh"));
    job.spec.roles[1].replicas = 9997;
    EXPECT_EQ(Refusal(job), "") << "the most pods a job may have";
    job.spec.files[0].content = std::string(800'000, 'x');
    EXPECT_THAT(Refusal(job), HasSubstr("ask for fewer pods, or put the files on shared storage"));
}

TEST(Framework, MpiWithoutALauncherIsRefusedAgain) {
    DLJob job = MpiJob();
    job.spec.roles[0].replicas = 2;
    EXPECT_EQ(Refusal(job), "Framework MPI needs a role launcher with one pod, and one more role.");
    job.spec.roles = {Role{.name = "launcher"}};
    EXPECT_NE(Refusal(job), "");
    job.spec.roles = {Role{.name = "a"}, Role{.name = "b"}};
    EXPECT_NE(Refusal(job), "");
}

TEST(StartAfter, ACircleIsNamed) {
    const auto after = [](std::string name, std::vector<std::string> others) {
        Role role{.name = std::move(name)};
        for (std::string& other : others)
            role.startAfter.push_back({std::move(other)});
        return role;
    };
    const auto refusal = [&](std::vector<Role> roles) {
        return Refusal(Job(Framework::None, std::move(roles)));
    };
    EXPECT_EQ(refusal({after("a", {}), after("b", {"a"}), after("c", {"a", "b"})}), "");
    EXPECT_EQ(refusal({after("a", {"c"}), after("first", {}), after("b", {"a", "first"}),
                       after("c", {"b"}), after("behind", {"c"})}),
              "Roles a, b, c wait for one another in a circle (startAfter), so none can start; "
              "remove startAfter from one of them.");
    EXPECT_THAT(refusal({after("a", {"a"})}), StartsWith("Roles a wait for one another"));
    EXPECT_EQ(refusal({after("a", {"b"})}),
              "Role a starts after b, which is no role of the job; write the name of one of "
              "spec.roles.");
}

TEST(LongNames, FitIntoHostNamesOrAreRefused) {
    DLJob job = Job(Framework::MPI, {Role{.name = "launcher"}, Role{.name = std::string(15, 'r')}});
    job.meta.name = std::string(40, 'j');
    const json::value pod = json::parse(MakePod(Must(job), 1, 9999, 1'000'000));
    EXPECT_LE(pod.at_pointer("/spec/hostname").as_string().size(), 63U);
    EXPECT_LE(pod.at_pointer("/spec/subdomain").as_string().size(), 63U);
    EXPECT_LE(pod.at_pointer("/metadata/name").as_string().size(), 253U);
    for (const auto& [key, value] : pod.at_pointer("/metadata/labels").as_object())
        EXPECT_LE(value.as_string().size(), 63U) << key;
    job.spec.roles[1].name += 'r';
    EXPECT_EQ(Refusal(job),
              "A job's name has at most 40 characters and a role's at most 15: host names are made "
              "of them.");
    job.spec.roles[1].name.pop_back();
    job.meta.name += 'j';
    EXPECT_NE(Refusal(job), "");
}

TEST(Parse, FrameworksAndWhoMakesThemSucceed) {
    const auto parse = [](std::string spec) {
        auto job = ParseDLJob(R"({"metadata":{"name":"j","uid":"u"},"spec":{)" + spec + "}}");
        EXPECT_TRUE(job) << job.error();
        return job.value_or(DLJob{}).spec;
    };
    for (Framework f : {Framework::None, Framework::Torch, Framework::MPI, Framework::JAX,
                        Framework::TensorFlow, Framework::DeepSpeed})
        EXPECT_EQ(parse(R"("framework":")" + std::string(ToString(f)) + '"').framework, f);
    EXPECT_EQ(parse(R"("framework":"MPI")").success.role, "launcher");
    EXPECT_EQ(parse(R"("framework":"DeepSpeed")").success.role, "launcher");
    EXPECT_EQ(parse(R"("framework":"MPI","success":{"role":"worker"})").success.role, "worker");
    EXPECT_EQ(parse(R"("framework":"JAX")").success.role, "");
}

}  // namespace
}  // namespace dlws::model
