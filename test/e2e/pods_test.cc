// SPDX-License-Identifier: Apache-2.0
// What a job's pods find: each other, files, secrets, storage, the GPU driver, and no rights.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class PodsOfAJob : public E2e {};

// Says who it is, then waits until every pod of the job has a name in DNS.
constexpr const char* kGreeter = R"sh(
set -eu
echo "env $DLWS_JOB $DLWS_ROLE $DLWS_INDEX $DLWS_ATTEMPT on $(hostname)"
echo "torch $RANK/$WORLD_SIZE local $LOCAL_RANK at $MASTER_ADDR:$MASTER_PORT"
echo "pet $PET_NODE_RANK/$PET_NNODES x $PET_NPROC_PER_NODE at $PET_MASTER_ADDR:$PET_MASTER_PORT"
for peer in chief-0 worker-0 worker-1; do
    until found=$(getent hosts $peer.$DLWS_JOB); do sleep 0.2; done
    echo "$peer is" $found
done
exec sleep 600
)sh";

TEST_F(PodsOfAJob, TwoRolesFindEachOtherAndKnowTheirRanks) {
    Json file = Json::string(kGreeter);
    Submit(Job("ring", fmt::format(R"(
framework: Torch
command: [bash, /job/greet.sh]
roles: [{{name: chief}}, {{name: worker, replicas: 2, gpus: 2}}]
files: [{{name: greet.sh, content: {}}}])",
                                   file.serialize())));
    Json job = WaitForPhase("ring", "Running");
    if (HasFailure()) return;
    EXPECT_EQ(Text(job, "status/ready"), "3/3");
    EXPECT_EQ(Text(job, "status/gpus"), "4");
    Reply service = api().Get(CorePath("services", "ring"));
    EXPECT_EQ(Text(service.body, "spec/clusterIP"), "None");

    struct Expected {
        const char *role, *index, *rank, *processes;
    };
    for (const auto& e : {Expected{"chief", "0", "0", "1"}, Expected{"worker", "0", "1", "2"},
                          Expected{"worker", "1", "2", "2"}}) {
        std::string pod = fmt::format("ring-{}-{}-0", e.role, e.index);
        WaitUntil(pod + " has found all its peers",
                  [&] { return Log(pod).find("worker-1 is") != std::string::npos; });
        std::string log = Log(pod);
        EXPECT_THAT(log,
                    HasSubstr(fmt::format("env ring {0} {1} 0 on {0}-{1}\n", e.role, e.index)));
        EXPECT_THAT(log,
                    HasSubstr(fmt::format("torch {}/3 local 0 at chief-0.ring:29500\n", e.rank)));
        EXPECT_THAT(log, HasSubstr(fmt::format("pet {}/3 x {} at chief-0.ring:29500\n", e.rank,
                                               e.processes)));
        for (const char* peer : {"chief-0", "worker-0", "worker-1"}) {
            std::string address = Text(Pod(fmt::format("ring-{}-0", peer)), "status/podIP");
            EXPECT_THAT(log, HasSubstr(fmt::format("{} is {} ", peer, address)));
        }
    }
}

TEST_F(PodsOfAJob, FilesAreMountedReadOnlyWithTheirModes) {
    Submit(Job("files", R"(
command: [bash, -c, "cat /job/note.txt; /job/run.sh; { echo more >> /job/note.txt; } 2> /dev/null; echo refused $?"]
files:
- {name: note.txt, content: "a note\n"}
- {name: run.sh, mode: 365, content: "#!/bin/bash\necho it runs\n"})"));
    WaitForPhase("files", "Succeeded");
    std::string log = Log("files-worker-0-0");
    EXPECT_THAT(log, HasSubstr("a note\nit runs\nrefused 1\n"));
}

TEST_F(PodsOfAJob, EnvironmentComesFromValuesAndSecrets) {
    Submit("{apiVersion: v1, kind: Secret, metadata: {name: wandb}, stringData: {token: s3cret}}");
    Submit(Job("env", R"(
command: [bash, -c, 'echo "$COLOUR and $TOKEN"']
env:
- {name: COLOUR, value: red}
- name: TOKEN
  valueFrom: {secretKeyRef: {name: wandb, key: token}}
roles:
- name: plain
- {name: other, env: [{name: COLOUR, value: blue}]})"));
    WaitForPhase("env", "Succeeded");
    EXPECT_EQ(Log("env-plain-0-0"), "red and s3cret\n");
    EXPECT_EQ(Log("env-other-0-0"), "blue and s3cret\n");
}

TEST_F(PodsOfAJob, RunAsTheDefaultUserWithoutAnyRights) {
    Submit(Job("user", R"(
command: [bash, -c, "id; cat /proc/self/status; touch /etc/x; ls /var/run/secrets; true"])"));
    WaitForPhase("user", "Succeeded");
    std::string log = Log("user-worker-0-0");
    EXPECT_THAT(log, ContainsRegex("uid=1000[^ ]* gid=1000"));
    EXPECT_THAT(log, Not(HasSubstr("root")));
    EXPECT_THAT(log, HasSubstr("CapEff:\t0000000000000000"));
    EXPECT_THAT(log, HasSubstr("CapBnd:\t0000000000000000"));
    EXPECT_THAT(log, HasSubstr("NoNewPrivs:\t1"));
    EXPECT_THAT(log, HasSubstr("Seccomp:\t2"));
    EXPECT_THAT(log, HasSubstr("touch: cannot touch '/etc/x': Permission denied"));
    EXPECT_THAT(log, HasSubstr("'/var/run/secrets': No such file"));

    Json spec = At(Pod("user-worker-0-0"), "spec");
    EXPECT_EQ(Text(spec, "securityContext/runAsNonRoot"), "true");
    EXPECT_EQ(Text(spec, "securityContext/runAsUser"), "1000");
    EXPECT_EQ(Text(spec, "securityContext/runAsGroup"), "1000");
    EXPECT_EQ(Text(spec, "securityContext/seccompProfile/type"), "RuntimeDefault");
    EXPECT_EQ(Text(spec, "automountServiceAccountToken"), "false");
    for (const char* host : {"hostNetwork", "hostPID", "hostIPC"})
        EXPECT_EQ(Text(spec, host), "") << host;
    Json context = At(spec, "containers/0/securityContext");
    EXPECT_EQ(Text(context, "allowPrivilegeEscalation"), "false");
    EXPECT_EQ(Text(context, "capabilities/drop/0"), "ALL");
    EXPECT_EQ(Text(context, "privileged"), "");
    EXPECT_EQ(Text(context, "runAsUser"), "");
}

// A stand-in for the folder that an NVIDIA driver installer fills on a GPU node.
class GpuDriver : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        before_ = api().Get(kSettings).body;
        std::filesystem::create_directories(folder_ + "/lib64");
        std::filesystem::create_directories(folder_ + "/bin");
        std::ofstream(folder_ + "/lib64/libcuda.so.1") << "stand-in\n";
        Json patch =
            FromYaml("{spec: {gpu: {driver: {mode: HostPath, hostPath: " + folder_ + "}}}}");
        Reply reply = api().Patch(kSettings, patch);
        ASSERT_TRUE(reply.ok()) << reply.text;
    }
    void TearDown() override {
        Json patch = Json::object();
        patch["spec"]["gpu"]["driver"] = At(before_, "spec/gpu/driver");
        EXPECT_TRUE(api().Patch(kSettings, patch).ok());
        std::filesystem::remove_all(folder_);
        E2e::TearDown();
    }

    static constexpr const char* kSettings = "/apis/dlworkspace.io/v1/dlclusters/cluster";
    std::string folder_ = Cluster::Get().state() + "/e2e-driver";
    Json before_;
};

TEST_F(GpuDriver, IsMountedReadOnlyAndOnTheLibraryPath) {
    Submit(Job("gpu", R"(
command: [bash, -c, "echo path $LD_LIBRARY_PATH; cat /usr/local/nvidia/lib64/libcuda.so.1; touch /usr/local/nvidia/x; true"]
roles:
- {name: worker, gpus: 1}
- {name: plain, command: [bash, -c, "echo path $LD_LIBRARY_PATH; ls /usr/local/nvidia; true"]})"));
    WaitForPhase("gpu", "Succeeded");
    std::string log = Log("gpu-worker-0-0");
    EXPECT_THAT(log, HasSubstr("path /usr/local/nvidia/lib64:/usr/local/nvidia/lib\nstand-in\n"));
    EXPECT_THAT(log, HasSubstr("touch: cannot touch '/usr/local/nvidia/x': Read-only file system"));
    Json limits = At(Pod("gpu-worker-0-0"), "spec/containers/0/resources/limits");
    ASSERT_TRUE(limits.has_field("nvidia.com/gpu"));
    EXPECT_EQ(limits.at("nvidia.com/gpu").as_string(), "1");
    // A pod without a GPU gets nothing of the driver.
    std::string plain = Log("gpu-plain-0-0");
    EXPECT_THAT(plain, HasSubstr("path\n"));
    EXPECT_THAT(plain, HasSubstr("'/usr/local/nvidia': No such file"));
}

TEST_F(PodsOfAJob, StorageIsTheSharedFolder) {
    std::string shared = cluster().shared();
    std::filesystem::create_directories(shared + "/storage/e2e");
    std::string out = shared + "/work/default/" + ns_;
    std::filesystem::create_directories(out);
    ASSERT_EQ(chown(out.c_str(), 1000, 1000), 0);
    std::ofstream(shared + "/storage/e2e/data.txt") << "the data\n";
    Submit(Job("storage", fmt::format(R"(
command: [bash, -c, "cat /data/data.txt; touch /data/x; echo home $HOME; read line < /data/data.txt; echo ${{line^^}} > /work/out.txt"]
storage:
- {{name: data, path: e2e, mountPath: /data, readOnly: true}}
- {{name: work, path: {}, mountPath: /work}})",
                                      ns_)));
    WaitForPhase("storage", "Succeeded");
    std::string log = Log("storage-worker-0-0");
    EXPECT_THAT(log, HasSubstr("the data\n"));
    EXPECT_THAT(log, HasSubstr("touch: cannot touch '/data/x': Read-only file system"));
    EXPECT_THAT(log, HasSubstr("home /work\n"));
    std::ifstream result(out + "/out.txt");
    std::stringstream text;
    text << result.rdbuf();
    EXPECT_EQ(text.str(), "THE DATA\n");
    struct stat owner{};
    ASSERT_EQ(stat((out + "/out.txt").c_str(), &owner), 0);
    EXPECT_EQ(owner.st_uid, 1000u);
    std::filesystem::remove_all(out);
    std::filesystem::remove_all(shared + "/storage/e2e");
}

TEST_F(PodsOfAJob, GpuTypeThatNoNodeHasIsWaitedFor) {
    Submit(Job("rare", "command: ['true']\nroles: [{name: worker, gpus: 1, gpuType: A100}]"));
    Json job = WaitForPending("rare", "Unschedulable");
    EXPECT_EQ(Text(job, "status/pending/class"), "Wait");
    EXPECT_THAT(Text(job, "status/pending/message"),
                HasSubstr("Pod rare-worker-0-0 waits for a node: 0/"));
    EXPECT_EQ(Text(job, "status/phase"), "Starting");

    Submit(
        Job("common", "command: ['true']\nroles: [{name: worker, gpus: 1, gpuType: Simulated}]"));
    WaitForPhase("common", "Succeeded");
    EXPECT_THAT(Text(Pod("common-worker-0-0"), "spec/nodeName"), HasSubstr("dlws-node-"));
}

}  // namespace
}  // namespace dlws::e2e
