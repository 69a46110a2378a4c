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
            "id; id -un; echo ~; echo $USER; getent passwd 5001; touch /work/mine; "
            "while read key value; do case $key in NoNewPrivs:|CapEff:|Seccomp:) echo $key "
            "$value;; esac; done </proc/self/status; ls /var/run/secrets/kubernetes.io; exit 0",
            "[{name: work, mountPath: /work}]");
    EXPECT_THAT(log, HasSubstr("uid=5001(alice) gid=5001(alice) "
                               "groups=5001(alice),6001(group6001)\nalice\n/work\nalice\n"));
    EXPECT_THAT(log, HasSubstr("alice:x:5001:5001:alice:/work:/bin/sh\n"));
    EXPECT_THAT(log, HasSubstr("NoNewPrivs: 1\n"));
    EXPECT_THAT(log, HasSubstr("CapEff: 0000000000000000\n"));
    EXPECT_THAT(log, HasSubstr("Seccomp: 2\n"));
    EXPECT_THAT(log, HasSubstr("No such file or directory")) << "no token of the API server";
    EXPECT_EQ(OwnerOf(Work("alice") + "/mine"), 5001U);
}

TEST_F(Users, MissingFoldersAreTheUsers) {
    Run(alice_, "runs", "touch /out/x", "[{name: work, path: runs/2026/7, mountPath: /out}]");
    for (const char* folder : {"/runs", "/runs/2026", "/runs/2026/7", "/runs/2026/7/x"})
        EXPECT_EQ(OwnerOf(Work("alice") + folder), 5001U) << folder;
    // What a job only reads must be there, and the job says so.
    ASSERT_EQ(Create(alice_, "reads",
                     "command: ['true']\nretry: {limit: 0}\nstorage: [{name: work, path: "
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

// What bob tries at alice's folder.
class Attacks : public Users {
  protected:
    void SetUp() override {
        Users::SetUp();
        if (!HasFatalFailure()) WriteSecret();
    }
    void TearDown() override {
        EXPECT_EQ(Read(Work("alice") + "/secret"), "ALICES-SECRET\n");
        Users::TearDown();
    }
    static void TearDownTestSuite() {
        PrintFigure("storage_attacks_tried", tried_, "attacks", ">= 15");
    }
    void Refused(const std::string& mount, const std::string& says) {
        const std::string name = "refused-" + std::to_string(++tried_);
        const Reply made = Create(bob_, name, "command: ['true']\nstorage: [{" + mount + "}]");
        EXPECT_EQ(made.code, 422) << mount << made.text;
        EXPECT_THAT(made.text, HasSubstr(says)) << mount;
    }
    // A link of bob's in his folder.
    void Plant(const std::string& link, const std::string& target) {
        const std::string at = Work("bob") + "/" + link;
        ASSERT_EQ(symlink(target.c_str(), at.c_str()), 0) << at;
        ASSERT_EQ(lchown(at.c_str(), 5002, 5002), 0);
    }

    inline static int tried_ = 0;  // of all tests
};

TEST_F(Users, TheirStatusSaysWhetherTheirJobsRun) {
    const auto until = [](const std::string& user, const std::string& state) {
        std::string said;
        EXPECT_TRUE(Eventually(seconds(30), [&] {
            said = MustShell(kKubectl + " get dluser " + user +
                             " -o jsonpath='{.status.state}: {.status.message}'");
            return said.starts_with(state + ":");
        })) << said;
        return said;
    };
    until("alice", "Ready");
    PutUser("carol", 5001);
    EXPECT_THAT(until("alice", "Refused"), HasSubstr("have both the uid 5001"));
    until("carol", "Refused");
    MustShell(kKubectl + " delete dluser carol");
    until("alice", "Ready");
    // Something is where the folder should be. An agent looks when a DLUser changes.
    const std::string away = Work("bob") + ".away";
    fs::rename(Work("bob"), away);
    fs::create_directory_symlink("alice", Work("bob"));
    MustShell(kKubectl + " label dluser bob look=1");
    EXPECT_THAT(until("bob", "NoFolder"), HasSubstr("work/bob is a symbolic link"));
    fs::remove(Work("bob"));
    fs::rename(away, Work("bob"));
    MustShell(kKubectl + " label dluser bob look-");
    until("bob", "Ready");
    EXPECT_THAT(MustShell(kKubectl + " get events --field-selector involvedObject.name=bob"),
                AllOf(HasSubstr("NoFolder"), HasSubstr("Their jobs run again.")));
}

// The name of a DLUser is that of the folder: another name is another folder, of the same owner.
TEST_F(Users, WhoIsRenamedHasANewFolderAndKeepsTheOld) {
    std::ofstream(Work("bob") + "/mine") << "x";
    MustShell(kKubectl + " delete dluser bob");
    MustShell("echo " +
              Quoted("{apiVersion: dlworkspace.io/v1, kind: DLUser, metadata: {name: robert}, "
                     "spec: {username: bob, uid: 5002, gid: 5002, sshPublicKeys: [ssh-ed25519 "
                     "AAAAC3Nz robert@laptop]}}") +
              " | " + kKubectl + " apply -f -");
    EXPECT_TRUE(Eventually(seconds(30), [&] { return OwnerOf(Work("robert")) == 5002U; }));
    EXPECT_THAT(Run(bob_, "again", "id -un; cat /etc/ssh/authorized_keys; touch /work/new",
                    "[{name: work, mountPath: /work}]"),
                HasSubstr("robert\nssh-ed25519 AAAAC3Nz robert@laptop\n"));
    EXPECT_EQ(OwnerOf(Work("robert") + "/new"), 5002U);
    EXPECT_TRUE(fs::exists(Work("bob") + "/mine"));
    MustShell(kKubectl + " delete dluser robert");
    fs::remove_all(Work("robert"));
}

TEST_F(Attacks, PathsThatLeaveAreRefused) {
    for (const char* path : {"../alice", "x/../../alice", "a/..", "..", "x/../../../work/alice"})
        Refused(fmt::format("name: work, path: {}, mountPath: /in", path),
                "path must not contain '..'");
    for (const char* path : {"/", "/etc", "/work/alice"})
        Refused(fmt::format("name: work, path: {}, mountPath: /in", path),
                "path is relative to the storage's top");
    for (const char* at : {"/proc", "/etc", "/work/../etc", "work"})
        Refused(fmt::format("name: work, mountPath: {}", at), "mountPath must");
}

// The node resolves them when it mounts, and nothing that they lead to is in the pod.
TEST_F(Attacks, LinksLeadNowhere) {
    Plant("up", "../alice");
    Plant("abs", Work("alice"));
    Plant("etc", "/etc");
    Plant("root", "/");
    Plant("chain", "up");
    MustShell("install -d -m 755 -o 5002 -g 5002 " + Work("bob") + "/deep");
    Plant("deep/up", "../../alice");
    const std::vector<std::string> links{"up",    "abs",     "etc",    "root",
                                         "chain", "deep/up", "up/sub", "abs/secret"};
    for (std::size_t i = 0; i < links.size(); ++i) {
        ++tried_;
        const Reply made =
            Create(bob_, "link-" + std::to_string(i),
                   fmt::format("command: [bash, -c, 'cat /in/secret /in/passwd /in/shadow /in; ls "
                               "-R /in; touch /in/planted']\nretry: {{limit: 0}}\n"
                               "activeDeadlineSeconds: 15\n"
                               "storage: [{{name: work, path: {}, mountPath: /in}}]",
                               links[i]));
        ASSERT_EQ(made.code, 201) << made.text;
    }
    for (std::size_t i = 0; i < links.size(); ++i) {
        const std::string name = "link-" + std::to_string(i);
        WaitForPhase(name, "Failed");
        const std::string log =
            Shell(kKubectl + " -n " + ns_ + " logs " + name + "-worker-0-0 --all-containers").text;
        EXPECT_THAT(log, Not(HasSubstr("ALICES-SECRET"))) << links[i];
        EXPECT_THAT(log, Not(HasSubstr("root:"))) << links[i];
    }
    EXPECT_FALSE(fs::exists(Work("alice") + "/planted"));
    EXPECT_FALSE(fs::exists(Work("alice") + "/sub"));
    EXPECT_FALSE(fs::exists("/etc/planted"));
    ++tried_;
    const std::string inside =
        Run(bob_, "inside",
            "cat /work/up/secret /work/abs/secret /work/../alice/secret /work/root/etc/shadow; "
            "exit 0",
            "[{name: work, mountPath: /work}]");
    EXPECT_THAT(inside, Not(HasSubstr("ALICES-SECRET")));
    EXPECT_THAT(inside, Not(HasSubstr("root:")));
}

// The storage shared by all is no way to another's folder; nor is another's name.
TEST_F(Attacks, NobodyIsAnother) {
    ++tried_;
    Json forged = FromYaml(Job("forged", "command: ['true']"));
    forged["spec"]["submittedBy"]["username"] = Json::string("alice");
    const Reply reply = bob_.Post(JobPath(""), forged);
    EXPECT_TRUE(!reply.ok() || Text(reply.body, "spec/submittedBy/username") == "bob")
        << reply.text;
    // Bob may not say who alice is.
    ++tried_;
    const Reply user =
        bob_.Post("/apis/dlworkspace.io/v1/dlusers",
                  FromYaml("{apiVersion: dlworkspace.io/v1, kind: DLUser, metadata: {name: eve}, "
                           "spec: {username: bob, uid: 5001, gid: 5001}}"));
    EXPECT_EQ(user.code, 403) << user.text;
}

}  // namespace
}  // namespace dlws::e2e
