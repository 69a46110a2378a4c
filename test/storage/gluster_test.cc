// SPDX-License-Identifier: Apache-2.0
// A real GlusterFS volume, mounted on the node: jobs use it, and it is lost in the ways it can be.
#include <fmt/format.h>
#include <sys/stat.h>

#include "test/storage/fixture.h"

namespace dlws::e2e {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

class Gluster : public Storage {
  protected:
    void SetUp() override {
        Storage::SetUp();
        if (HasFatalFailure()) return;
        Volume("up");
        Volume("mount");
        // As an administrator prepares it.
        OnNode(fmt::format("cd {}/volume && mkdir users jobs && mkdir -m 1777 team",
                           cluster().state()));
        PutStorages(StorageOf("home", "users", "perUser") + "," +
                    StorageOf("team", "team", "shared") + "," +
                    // Instead of the shared folder's: where logs go.
                    StorageOf("jobfiles", "jobs", "perJob"));
        WaitForLabel("home", "Healthy");
        WaitForLabel("team", "Healthy");
        // Another node has no such volume; until it says so, a pod may be put there.
        ASSERT_TRUE(WaitUntil("node 2 says that it has no volume, or is not there",
                              [&] { return Label("jobfiles", "dlws-node-2") != "Healthy"; }));
    }
    void TearDown() override {
        ForgetStorages("team");
        Volume("down");
        Storage::TearDown();
    }

    std::string StorageOf(const std::string& name, const std::string& path,
                          const std::string& layout) {
        return fmt::format(R"({{"name":"{}","hostPath":"{}/volume","path":"{}","layout":"{}",)"
                           R"("fileSystem":"fuse.glusterfs","sentinel":".dlws"}})",
                           name, cluster().state(), path, layout);
    }
    // See test/storage/gluster.sh.
    static void Volume(const std::string& verb) { MustShell("test/storage/gluster.sh " + verb); }
    // Where the server keeps the files, as it sees them.
    std::string Brick() { return cluster().state() + "/gluster/root/brick"; }

    // A job that writes twice a second, into a new file and one that it holds open, and says
    // whether it could.
    void StartWriter(const std::string& name) {
        Submit(Job(name,
                   "command: [bash, -c, 'exec 3>>/team/held; while sleep 0.5; do if date "
                   ">/team/new && date >&3; then echo wrote; else echo could not write; fi; done "
                   "2>/dev/null']\nstorage: [{name: team, mountPath: /team}]"));
        WaitForPhase(name, "Running");
        WaitForWrites(name);
    }
    // It writes now.
    void WaitForWrites(const std::string& name) {
        const std::filesystem::path held = Brick() + "/team/held";
        std::error_code none;
        const auto before = std::filesystem::last_write_time(held, none);
        WaitUntil(name + " writes",
                  [&] { return std::filesystem::last_write_time(held, none) != before; });
    }
    void SubmitReader(const std::string& name) {
        Submit(Job(name,
                   "command: [bash, -c, 'ls /team']\nstorage: [{name: team, mountPath: /team}]"));
    }
};

TEST_F(Gluster, JobsWriteThereAsTheirUser) {
    const std::string log =
        Run(LogIn("alice"), "writes", "echo mine > /home/mine; echo \"$(</proc/mounts)\"",
            "[{name: home, path: runs/7, mountPath: /home}]");
    EXPECT_THAT(log, HasSubstr(":/files /home fuse.glusterfs rw,"));
    // The folder is the agent's work, those in it the job's; who owns them is seen on the server.
    for (const char* file : {"", "/runs", "/runs/7", "/runs/7/mine"}) {
        struct stat found{};
        const std::string path = Brick() + "/users/alice" + file;
        ASSERT_EQ(stat(path.c_str(), &found), 0) << path;
        EXPECT_EQ(found.st_uid, 5001U) << path;
    }
}

TEST_F(Gluster, StoppedItIsToldAndStartedItIsUsedAgain) {
    StartWriter("runs");
    const auto lost = steady_clock::now();
    Volume("volume stop");
    WaitForLoss("runs", "gluster_loss_told", lost);
    EXPECT_EQ(Label("team"), "Missing");
    SubmitReader("waits");
    WaitForRefusal("waits", "team", "Missing");
    EXPECT_THAT(MustShell(kKubectl + " get dlcluster cluster -o jsonpath='{.status.summary}'"),
                HasSubstr("team 0/"));
    // Others go on.
    EXPECT_THAT(Run(LogIn("alice"), "other", "echo fine", "[{name: work, mountPath: /work}]"),
                HasSubstr("fine"));

    const auto back = steady_clock::now();
    Volume("volume start");
    WaitForPhase("waits", "Succeeded");
    PrintSeconds("gluster_back_used", back);
    // The mount is the same one, and its FUSE process finds the server again: the job goes on.
    const Json job = WaitForJob("runs", "told that it is back", [](const Json& now) {
        return Condition(now, "StorageLost") == "False";
    });
    EXPECT_EQ(Number(job, "status/attempt"), 0);
    WaitForWrites("runs");
    EXPECT_EQ(Text(WaitForPhase("runs", "Running"), "status/restarts/infrastructure"), "");
    EXPECT_THAT(Log("runs-worker-0-0"), HasSubstr("could not write"));
}

TEST_F(Gluster, LogsWaitForItAndAreWholeThen) {
    const Reply made = Create(LogIn("alice"), "counts",
                              "command: [bash, -c, 'for ((i = 0; i < 150; ++i)); do echo line $i; "
                              "sleep 0.1; done']\n"
                              // So that it is on the node where the volume is mounted.
                              "storage: [{name: jobfiles, mountPath: /own}]");
    ASSERT_EQ(made.code, 201) << made.text;
    const auto archived = [&] {
        // Each line begins with its time and a space.
        return Shell("cut -d ' ' -f 2- " + Brick() + "/jobs/alice/*/counts-*/logs/worker-0.0.log")
            .text;
    };
    const auto has = [&](const char* line) { return archived().find(line) != std::string::npos; };
    WaitUntil("lines are archived", [&] { return has("line 20\n"); });
    Volume("volume stop");
    WaitForLabel("jobfiles", "Missing");
    WaitForPhase("counts", "Succeeded");
    EXPECT_FALSE(has("line 149\n"));
    Volume("volume start");
    WaitUntil("all lines are archived", [&] { return has("line 149\n"); });
    std::string all;
    for (int i = 0; i < 150; ++i)
        all += fmt::format("line {}\n", i);
    EXPECT_EQ(archived(), all);
}

TEST_F(Gluster, ItsFuseProcessDiesAndItIsMountedAnew) {
    StartWriter("runs");
    const auto lost = steady_clock::now();
    Volume("kill-mount");
    WaitForLoss("runs", "gluster_fuse_loss_told", lost);
    EXPECT_THAT(MustShell(kKubectl + " get dlnode dlws-node-1 -o jsonpath='{.status.storages}'"),
                HasSubstr("Transport endpoint is not connected"));
    SubmitReader("waits");
    WaitForRefusal("waits", "team", "Missing");

    const auto back = steady_clock::now();
    Volume("umount");
    Volume("mount");
    WaitForPhase("waits", "Succeeded");
    PrintSeconds("gluster_fuse_back_used", back);
    WaitForRemount("runs");
    WaitForWrites("runs");
}

TEST_F(Gluster, AJobFillsIt) {
    const std::string storage = "\nstorage: [{name: team, mountPath: /team}]";
    Submit(Job("fills",
               "command: [bash, -c, 'head -c 400M /dev/zero >/team/big; sleep 600']" + storage));
    // While it is being filled it may be too busy to answer the agent, which then says so first.
    WaitForJob("fills", "told that it is full", [](const Json& now) {
        return Condition(now, "StorageLost") == "True" &&
               now.serialize().find("Storage team is Full on node dlws-node-1") !=
                   std::string::npos;
    });
    SubmitReader("waits");
    WaitForRefusal("waits", "team", "Full");
    OnNode("rm " + cluster().state() + "/volume/team/big");
    WaitForPhase("waits", "Succeeded");
    const Json job = WaitForJob("fills", "told that there is room", [](const Json& now) {
        return Condition(now, "StorageLost") == "False";
    });
    EXPECT_EQ(Text(job, "status/phase"), "Running");
    EXPECT_EQ(Number(job, "status/attempt"), 0);
}

TEST_F(Gluster, ItsServerSaysNothing) {
    StartWriter("runs");
    const auto lost = steady_clock::now();
    Volume("freeze");
    WaitForLoss("runs", "gluster_hang_told", lost);
    EXPECT_EQ(Label("team"), "Hung");
    SubmitReader("waits");
    WaitForRefusal("waits", "team", "Hung");
    // What hangs is the storage alone: neither the kubelet nor the agent.
    EXPECT_THAT(Run(LogIn("alice"), "other", "echo fine", "[{name: work, mountPath: /work}]"),
                HasSubstr("fine"));

    const auto back = steady_clock::now();
    Volume("thaw");
    WaitForPhase("waits", "Succeeded");
    PrintSeconds("gluster_hang_back_used", back);
    WaitForWrites("runs");
    EXPECT_EQ(Number(WaitForPhase("runs", "Running"), "status/attempt"), 0);
}

}  // namespace
}  // namespace dlws::e2e
