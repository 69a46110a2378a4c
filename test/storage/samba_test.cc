// SPDX-License-Identifier: Apache-2.0
// The Samba server of the chart, as Windows machines would use it: Samba's own client, through the
// Service.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>

#include "test/storage/fixture.h"

namespace dlws::e2e {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

// What the tests of both modes have in common; each installs the server its own way, and the last
// takes it away.
class Samba : public Storage {
  protected:
    static void Install(const std::string& arguments) {
        Cluster::Get();  // the operator, before we change it
        MustShell("script/cluster load $(script/image samba)", seconds(600));
        MustShell("DLWS_HELM_ARGS=" +
                      Quoted("--set samba.enabled=true --set samba.image.tag=dev " + arguments) +
                      " test/cluster/install.sh",
                  seconds(600));
    }
    static void Uninstall() {
        MustShell("test/cluster/install.sh && " + kKubectl +
                      " delete namespace dlws-samba --ignore-not-found",
                  seconds(300));
    }
    static std::string Pod() {
        return MustShell(kKubectl +
                         " -n dlws-system get pods -l app.kubernetes.io/component=samba -o "
                         "jsonpath='{.items[0].metadata.name} {.items[0].status."
                         "containerStatuses[0].restartCount}'");
    }
    void SetUp() override {
        Storage::SetUp();
        if (HasFatalFailure()) return;
        address_ = MustShell(kKubectl +
                             " -n dlws-system get service dlworkspace-samba -o "
                             "jsonpath='{.spec.clusterIP}'");
    }
    /// What Samba's client prints for `commands`, with its exit code.
    Output Smb(const std::string& who, const std::string& share, const std::string& commands,
               const std::string& options = "") {
        return Shell(fmt::format("smbclient //{}/{} -U {} {} -c {}", address_, share, Quoted(who),
                                 options, Quoted(commands)));
    }
    /// Waits until they can, or cannot any more; for how long.
    double UntilLogin(const std::string& who, bool can = true, const std::string& share = "home") {
        const auto began = steady_clock::now();
        EXPECT_TRUE(
            Eventually(seconds(30), [&] { return (Smb(who, share, "ls").code == 0) == can; }))
            << who << ": " << Smb(who, share, "ls").text;
        return std::chrono::duration<double>(steady_clock::now() - began).count();
    }
    static struct stat StatOf(const std::string& file) {
        struct stat found{};
        EXPECT_EQ(lstat(file.c_str(), &found), 0) << file;
        return found;
    }

    std::string address_;  // of the Service
};

class SambaAlone : public Samba {
  protected:
    static void SetUpTestSuite() { Install(""); }

    void SetUp() override {
        Samba::SetUp();
        if (HasFatalFailure()) return;
        SetPassword("alice", "pw-alice");
        SetPassword("bob", "pw-of-bob");
        UntilLogin("alice%pw-alice");
        UntilLogin("bob%pw-of-bob");
    }
    void SetPassword(const std::string& user, const std::string& password) {
        MustShell(
            fmt::format("{0} -n dlws-samba create secret generic {1} "
                        "--from-literal=password={2} --dry-run=client -o yaml | {0} apply -f -",
                        kKubectl, user, Quoted(password)));
    }
};

TEST_F(SambaAlone, HomeIsWhatJobsSeeWithTheSameOwner) {
    Run(LogIn("alice"), "writes", "echo from a job > /work/from-job",
        "[{name: work, mountPath: /work}]");
    EXPECT_EQ(StatOf(Work("alice") + "/from-job").st_uid, 5001U);
    EXPECT_THAT(Smb("alice%pw-alice", "home", "get from-job -").text, HasSubstr("from a job"));
    EXPECT_THAT(MustShell("smbcacls //" + address_ + "/home from-job -U alice%pw-alice"),
                HasSubstr("OWNER:DLWORKSPACE\\alice\n"));
    // The other way round.
    const std::string file = cluster().state() + "/from-windows";
    std::ofstream(file) << "from Windows\n";
    EXPECT_EQ(Smb("alice%pw-alice", "home", "put " + file + " from-windows; mkdir folder").code, 0);
    for (const char* made : {"/from-windows", "/folder"}) {
        EXPECT_EQ(StatOf(Work("alice") + made).st_uid, 5001U) << made;
        EXPECT_EQ(StatOf(Work("alice") + made).st_gid, 5001U) << made;
    }
    EXPECT_THAT(Run(LogIn("alice"), "reads", "cat /work/from-windows; rm /work/from-windows",
                    "[{name: work, mountPath: /work}]"),
                HasSubstr("from Windows\n"));
    // Everybody's folder is a share, too, and all of it goes encrypted.
    EXPECT_THAT(MustShell("smbclient -L " + address_ + " -U alice%pw-alice"),
                AllOf(HasSubstr("data "), HasSubstr("home "), HasSubstr("jobs ")));
}

TEST_F(SambaAlone, NobodyGetsAtAnothersFilesOrOutOfAShare) {
    const std::string secret = Work("bob") + "/secret";
    std::ofstream(secret) << "BOBS-SECRET\n";
    ASSERT_EQ(chown(secret.c_str(), 5002, 5002), 0);
    ASSERT_EQ(chmod(secret.c_str(), 0644), 0);  // his folder alone keeps others out
    const std::string shared = cluster().shared();
    for (const auto& [name, target] :
         std::map<std::string, std::string>{{"relative", "../bob"},
                                            {"absolute", Work("bob")},
                                            {"etc", "/etc"},
                                            {"top", "/"},
                                            {"file", "../bob/secret"},
                                            {"run", "/run/dlws-samba"}})
        ASSERT_EQ(symlink(target.c_str(), (Work("alice") + "/" + name).c_str()), 0);
    int tried = 0;
    for (const std::string path :
         {"relative/secret", "absolute/secret", "etc/passwd", "top/etc/passwd", "file",
          "run/smb.conf", "../bob/secret", "..\\bob\\secret", "../../work/bob/secret",
          "/../bob/secret", "folder/../../bob/secret"}) {
        const Output said = Smb("alice%pw-alice", "home", "get " + Quoted(path) + " -");
        EXPECT_THAT(said.text, HasSubstr("NT_STATUS_")) << path;
        EXPECT_THAT(said.text, Not(AnyOf(HasSubstr("BOBS-SECRET"), HasSubstr("root:"))));
        ++tried;
    }
    // Nor does writing, renaming or linking get out.
    for (const std::string command :
         {"put /etc/hostname relative/planted", "mkdir etc/planted", "rename file ../bob/mine",
          "rm ../bob/secret", "symlink /etc linked", "chown 5002 5002 relative"}) {
        Smb("alice%pw-alice", "home", command);
        ++tried;
    }
    EXPECT_EQ(StatOf(secret).st_uid, 5002U);
    EXPECT_THAT(MustShell("ls " + Work("bob")), "secret\n");
    // Who is nobody, or says they are somebody else.
    for (const std::string who :
         {"bob%pw-alice", "root%pw-alice", "nobody%", "default%", "carol%pw-alice", "%"}) {
        EXPECT_NE(Smb(who, "home", "ls").code, 0) << who;
        ++tried;
    }
    for (const std::string options : {"-m SMB2", "-m NT1", "-N", "-m SMB3_02"}) {
        EXPECT_NE(Smb("alice%pw-alice", "home", "ls", options).code, 0) << options;
        ++tried;
    }
    // Passwords are in Secrets: a client sets none.
    EXPECT_NE(Shell("printf 'pw-alice\\nalices-own\\nalices-own\\n' | smbpasswd -s -r " + address_ +
                    " -U alice")
                  .code,
              0);
    ++tried;
    EXPECT_NE(Smb("alice%alices-own", "home", "ls").code, 0);
    PrintFigure("samba_attacks_tried", tried, "attacks", ">= 15");
    EXPECT_THAT(MustShell("ls -A " + shared + "/storage " + shared + "/work"),
                Not(HasSubstr("planted")));
}

// A client that stays connected and reads a command from time to time.
class Session {
  public:
    explicit Session(const std::string& command) : pipe_(popen(command.c_str(), "w")) {
        (void)std::signal(SIGPIPE, SIG_IGN);  // the server may have ended it
    }
    Session(const Session&) = delete;
    ~Session() {
        if (pipe_) pclose(pipe_);
    }
    void Say(const std::string& line) {
        fputs((line + "\n").c_str(), pipe_);
        fflush(pipe_);
    }

  private:
    FILE* pipe_;
};

TEST_F(SambaAlone, ChangesCountAtOnceAndWithoutARestart) {
    const std::string pod = Pod();
    const std::string log = cluster().state() + "/session.log";
    {
        Session session("smbclient //" + address_ + "/home -U alice%pw-alice >" + log + " 2>&1");
        session.Say("ls");
        std::string sessions;
        ASSERT_TRUE(Eventually(seconds(10), [&] {
            sessions = MustShell(kKubectl +
                                 " -n dlws-system exec deploy/dlworkspace-samba -- smbstatus -s "
                                 "/run/dlws-samba/smb.conf --json --processes");
            return sessions.find("alice") != std::string::npos;
        }));
        EXPECT_THAT(sessions, AllOf(HasSubstr(R"("session_dialect": "SMB3_11")"),
                                    ContainsRegex(R"("encryption": .{0,40}"degree": "full")")));
        SetPassword("alice", "new password");
        PrintFigure("samba_password_seconds", UntilLogin("alice%new password"), "s", "<= 30");
        EXPECT_NE(Smb("alice%pw-alice", "home", "ls").code, 0);
        // The session began with what is not true any more.
        session.Say("mkdir too-late");
    }
    EXPECT_NE(access((Work("alice") + "/too-late").c_str(), F_OK), 0);
    // A share more, then one less; another storage that cannot be one breaks none.
    const std::string more = cluster().state() + "/more";
    MustShell("install -d -m 777 " + more);
    MustShell(kKubectl + " patch dlcluster cluster --type merge -p " +
              Quoted(R"({"spec":{"storages":[{"name":"more","hostPath":")" + more +
                     R"(","share":"More","readOnly":true}]}})"));
    PrintFigure("samba_share_seconds", UntilLogin("bob%pw-of-bob", true, "More"), "s", "<= 30");
    EXPECT_THAT(Smb("bob%pw-of-bob", "More", "mkdir x").text, HasSubstr("NT_STATUS_ACCESS_DENIED"));
    MustShell(kKubectl +
              R"( patch dlcluster cluster --type merge -p '{"spec":{"storages":null}}')");
    UntilLogin("bob%pw-of-bob", false, "More");
    // Who has no DLUser, or no password any more, is nobody.
    MustShell(kKubectl + " delete dluser bob");
    PrintFigure("samba_removal_seconds", UntilLogin("bob%pw-of-bob", false), "s", "<= 30");
    MustShell(kKubectl + " -n dlws-samba delete secret alice");
    UntilLogin("alice%new password", false);
    EXPECT_EQ(Pod(), pod);
    MustShell("rm -rf " + more);
}

class SambaInADomain : public Samba {
  protected:
    static void SetUpTestSuite() {
        Cluster::Get();
        const std::string address = MustShell("test/storage/domain.sh up", seconds(120));
        for (const char* user : {"alice", "carol"})
            MustShell(fmt::format("test/storage/domain.sh user {0} Pw-{0}-0001", user));
        MustShell(
            kKubectl +
            " -n dlws-system create secret generic join --from-literal=username=Administrator "
            "--from-literal=password=Adm1n-Passw0rd --dry-run=client -o yaml | " +
            kKubectl + " apply -f -");
        Install(
            "--set samba.activeDirectory.realm=LAB.TEST --set "
            "samba.activeDirectory.workgroup=LAB --set samba.activeDirectory.joinSecret=join "
            "--set samba.activeDirectory.nameServers[0]=" +
            address.substr(0, address.find('\n')));
    }
    static void TearDownTestSuite() {
        Uninstall();
        MustShell(kKubectl + " -n dlws-system delete secret join; test/storage/domain.sh down");
    }
};

TEST_F(SambaInADomain, ItsUsersAreTheDLUsersOfTheirName) {
    UntilLogin("LAB\\alice%Pw-alice-0001");
    const std::string file = cluster().state() + "/from-domain";
    std::ofstream(file) << "from the domain\n";
    EXPECT_EQ(Smb("LAB\\alice%Pw-alice-0001", "home", "put " + file + " from-domain").code, 0);
    EXPECT_EQ(StatOf(Work("alice") + "/from-domain").st_uid, 5001U);
    EXPECT_EQ(StatOf(Work("alice") + "/from-domain").st_gid, 5001U);
    EXPECT_THAT(
        Run(LogIn("alice"), "reads", "cat /work/from-domain", "[{name: work, mountPath: /work}]"),
        HasSubstr("from the domain\n"));
    // With a ticket instead of a password.
    const std::string krb5 = cluster().state() + "/krb5.conf";
    std::ofstream(krb5) << "[libdefaults]\ndefault_realm = LAB.TEST\nrdns = false\n"
                           "[realms]\nLAB.TEST = {\n kdc = "
                        << MustShell("test/storage/domain.sh up") << "}\n";
    EXPECT_THAT(
        MustShell("KRB5_CONFIG=" + krb5 + " smbclient //DLWORKSPACE.lab.test/home -I " + address_ +
                  " --use-kerberos=required -U 'alice@LAB.TEST%Pw-alice-0001' -c ls"),
        HasSubstr("from-domain"));
    // Carol is in the domain and no DLUser; Bob is a DLUser and not in the domain.
    for (const std::string who : {"LAB\\carol%Pw-carol-0001", "LAB\\bob%pw-of-bob", "bob%pw-of-bob",
                                  "LAB\\alice%Pw-carol-0001", "LAB\\Administrator%Adm1n-Passw0rd"})
        EXPECT_NE(Smb(who, "home", "ls").code, 0) << who;
}

}  // namespace
}  // namespace dlws::e2e
