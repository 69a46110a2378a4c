// SPDX-License-Identifier: Apache-2.0
// Whom jobs run as, whose their files are, and that nobody gets at another's.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "test/storage/fixture.h"

namespace dlws::e2e {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class Users : public Storage {
  protected:
    static std::string Read(const fs::path& file) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        return text.str();
    }
    static unsigned OwnerOf(const fs::path& file) {
        struct stat found{};
        return lstat(file.c_str(), &found) == 0 ? found.st_uid : ~0U;
    }
    // Alice's secret, as she would write it.
    void WriteSecret() {
        const std::string file = Work("alice") + "/secret";
        std::ofstream(file) << "ALICES-SECRET\n";
        ASSERT_EQ(chown(file.c_str(), 5001, 5001), 0);
        ASSERT_EQ(chmod(file.c_str(), 0600), 0);
    }

    const Api alice_ = LogIn("alice"), bob_ = LogIn("bob"), carol_ = LogIn("carol");
};

TEST_F(Users, AJobIsItsSubmitter) {
    const std::string log =
        Run(alice_, "who",
            "id; whoami; echo ~; echo $USER; getent passwd 5001; touch /work/mine; "
            "sed -n 's/^NoNewPrivs:\\t/nnp /p; s/^CapEff:\\t/caps /p; s/^Seccomp:\\t/seccomp /p' "
            "/proc/self/status; ls /var/run/secrets/kubernetes.io 2>&1",
            "[{name: work, mountPath: /work}]");
    EXPECT_THAT(log, HasSubstr("uid=5001(alice) gid=5001(alice) "
                               "groups=5001(alice),6001(group6001)\nalice\n/work\nalice\n"));
    EXPECT_THAT(log, HasSubstr("alice:x:5001:5001:alice:/work:/bin/sh\n"));
    EXPECT_THAT(log, HasSubstr("nnp 1\n"));
    EXPECT_THAT(log, HasSubstr("caps 0000000000000000\n"));
    EXPECT_THAT(log, HasSubstr("seccomp 2\n"));
    EXPECT_THAT(log, HasSubstr("No such file or directory")) << "no token of the API server";
    EXPECT_EQ(OwnerOf(Work("alice") + "/mine"), 5001U);
}

TEST_F(Users, MissingFoldersAreTheUsers) {
    Run(alice_, "runs", "touch /out/x", "[{name: work, path: runs/2026/7, mountPath: /out}]");
    for (const char* folder : {"/runs", "/runs/2026", "/runs/2026/7", "/runs/2026/7/x"})
        EXPECT_EQ(OwnerOf(Work("alice") + folder), 5001U) << folder;
    // What a job only reads must be there, and the job says so.
    ASSERT_EQ(Create(alice_, "reads",
                     "command: ['true']\nretry: {maxRetries: 0}\nstorage: [{name: work, path: "
                     "no/such, mountPath: /in, readOnly: true}]")
                  .code,
              201);
    const Json job = WaitForPhase("reads", "Failed");
    EXPECT_THAT(Text(job, "status/message"),
                HasSubstr("storage work has no folder no/such, and the job only reads it"));
    EXPECT_FALSE(fs::exists(Work("alice") + "/no"));
}

TEST_F(Users, EveryJobHasAFolderOfItsOwn) {
    const fs::path files = cluster().shared() + "/jobfiles/alice";
    MustShell("install -d -m 700 -o 5001 -g 5001 " + files.string());
    Run(alice_, "own", "echo result > /own/result.txt", "[{name: jobfiles, mountPath: /own}]");
    const Json job = api().Get(JobPath("own")).body;
    const fs::path folder = files / Text(job, "metadata/creationTimestamp").substr(0, 7) /
                            ("own-" + Text(job, "metadata/uid").substr(0, 8));
    EXPECT_EQ(Read(folder / "result.txt"), "result\n");
    EXPECT_EQ(OwnerOf(folder), 5001U);
    fs::remove_all(files);
}

TEST_F(Users, WhoHasNoDLUserWaitsWhereTheClusterSaysSo) {
    EXPECT_THAT(Run(carol_, "shared", "id -u; id -un", "[]"), HasSubstr("1000\ndefault\n"));
    MustShell(kKubectl +
              R"( patch dlcluster cluster --type merge -p '{"spec":{"unknownUsers":"Refuse"}}')");
    ASSERT_EQ(Create(carol_, "refused", "command: ['true']").code, 201);
    const Json job = WaitForPending("refused", "UserUnknown");
    EXPECT_EQ(Text(job, "status/pending/class"), "Ask");
    EXPECT_THAT(Text(job, "status/message"), HasSubstr("There is no DLUser for carol"));
    MustShell(kKubectl +
              R"( patch dlcluster cluster --type merge -p '{"spec":{"unknownUsers":"Default"}}')");
    WaitForPhase("refused", "Succeeded");
}

TEST_F(Users, TwoOfOneUidBothWaitUntilOneHasAnother) {
    PutUser("carol", 5002);
    ASSERT_EQ(Create(bob_, "bobs", "command: ['true']").code, 201);
    const Json job = WaitForPending("bobs", "UserConflict");
    EXPECT_THAT(Text(job, "status/message"),
                HasSubstr("DLUsers bob and carol have both the uid 5002"));
    api().Delete("/apis/dlworkspace.io/v1/dlusers/carol");
    WaitForPhase("bobs", "Succeeded");
    fs::remove_all(Work("carol"));
}

// What bob tries at alice's folder from his own jobs, and through links that he plants.
TEST_F(Users, NobodyGetsAtAnothersFiles) {
    WriteSecret();
    int tried = 0;
    const auto refused = [&](const std::string& name, const std::string& storage,
                             const std::string& says) {
        ++tried;
        const Reply made = Create(bob_, name, "command: ['true']\nstorage: " + storage);
        EXPECT_EQ(made.code, 422) << name << made.text;
        EXPECT_THAT(made.text, HasSubstr(says)) << name;
    };
    // Refused at kubectl apply.
    int n = 0;
    for (const char* path : {"../alice", "x/../../alice", "a/..", "..", "x/../../../work/alice"})
        refused(fmt::format("up-{}", n++),
                fmt::format("[{{name: work, path: {}, mountPath: /in}}]", path),
                "path must not contain '..'");
    for (const char* path : {"/", "/etc", "/work/alice"})
        refused(fmt::format("abs-{}", n++),
                fmt::format("[{{name: work, path: {}, mountPath: /in}}]", path),
                "path is relative to the storage's top");
    for (const char* at : {"/proc", "/etc", "/work/../etc", "work"})
        refused(fmt::format("at-{}", n++), fmt::format("[{{name: work, mountPath: {}}}]", at),
                "mountPath must");

    // A link of bob's is never followed out of his folder: neither by the node when it mounts...
    const auto plant = [&](const std::string& link, const std::string& target) {
        const std::string at = Work("bob") + "/" + link;
        ASSERT_EQ(symlink(target.c_str(), at.c_str()), 0) << at;
        ASSERT_EQ(lchown(at.c_str(), 5002, 5002), 0);
    };
    plant("up", "../alice");
    plant("abs", Work("alice"));
    plant("etc", "/etc");
    plant("root", "/");
    plant("chain", "up");
    ASSERT_EQ(mkdir((Work("bob") + "/deep").c_str(), 0755), 0);
    ASSERT_EQ(chown((Work("bob") + "/deep").c_str(), 5002, 5002), 0);
    plant("deep/up", "../../alice");
    for (const char* path :
         {"up", "abs", "etc", "root", "chain", "deep/up", "up/sub", "abs/secret"}) {
        ++tried;
        const std::string name = fmt::format("link-{}", n++);
        ASSERT_EQ(Create(bob_, name,
                         fmt::format("command: [bash, -c, 'cat /in/secret /in/passwd /in/shadow "
                                     "/in; ls -R /in; touch /in/planted']\nretry: {{maxRetries: "
                                     "0}}\nactiveDeadlineSeconds: 15\nstorage: [{{name: work, "
                                     "path: {}, mountPath: /in}}]",
                                     path))
                      .code,
                  201);
        const Json job = WaitForPhase(name, "Failed");
        const std::string log =
            Shell(kKubectl + " -n " + ns_ + " logs " + name + "-worker-0-0 --all-containers").text;
        EXPECT_THAT(log, Not(HasSubstr("ALICES-SECRET"))) << path;
        EXPECT_THAT(log, Not(HasSubstr("root:"))) << path;
    }
    EXPECT_FALSE(fs::exists(Work("alice") + "/planted"));
    EXPECT_FALSE(fs::exists(Work("alice") + "/sub"));
    EXPECT_FALSE(fs::exists("/etc/planted"));
    // ... nor does it lead anywhere from inside.
    ++tried;
    const std::string inside =
        Run(bob_, "inside",
            "cat /work/up/secret /work/abs/secret /work/../alice/secret; ls /work/root/home; "
            "ls -la /work; exit 0",
            "[{name: work, mountPath: /work}]");
    EXPECT_THAT(inside, Not(HasSubstr("ALICES-SECRET")));
    // Bob takes alice's name.
    ++tried;
    Json forged = FromYaml(Job("forged", "command: ['true']"));
    forged["spec"]["submittedBy"]["username"] = Json::string("alice");
    const Reply as_alice = bob_.Post(JobPath(""), forged);
    EXPECT_TRUE(!as_alice.ok() || Text(as_alice.body, "spec/submittedBy/username") == "bob")
        << as_alice.text;
    PrintFigure("storage_attacks_tried", tried, "attacks", ">= 15");
    EXPECT_EQ(Read(Work("alice") + "/secret"), "ALICES-SECRET\n");
}

}  // namespace
}  // namespace dlws::e2e
