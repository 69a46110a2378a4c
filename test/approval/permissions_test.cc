// SPDX-License-Identifier: Apache-2.0
// The way that special permissions are meant to go: asked for, approved by somebody else, used in a
// real container; and denied, ended, taken back, asked for anew.
#include <fmt/format.h>

#include <thread>

#include "test/approval/fixture.h"

namespace dlws::e2e {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

class PermissionsTest : public Admission {
  protected:
    void SetUp() override {
        Admission::SetUp();
        if (HasFatalFailure()) return;
        MustShell(kKubectl + " -n " + ns_ +
                  " create rolebinding approvers --clusterrole dlworkspace-approver "
                  "--user carol --user dave");
        SetRules();
        // A node tells of an image that was loaded some time later.
        ASSERT_TRUE(Eventually(seconds(90), [&] {
            const std::string image = Shell(
                                          "script/cluster kubectl get nodes -o json | grep -o "
                                          "'dlworkspace.io/tools@sha256:[0-9a-f]*' | head -n 1")
                                          .text;
            image_ = image.substr(0, image.find('\n'));
            return !image_.empty();
        })) << "the node knows the image by its digest";
        // The operator and the webhook hear of the rules a moment later.
        ASSERT_TRUE(Eventually(seconds(30), [&] {
            return Create(alice_, "probe", Asking("privileged: true"), true).ok();
        }));
    }
    void TearDown() override {
        MustShell(kKubectl +
                  R"( patch dlcluster cluster --type merge -p '{"spec":{"permissions":null}}')");
        Admission::TearDown();
    }

    std::string Asking(const std::string& permissions, const std::string& more = "") const {
        return fmt::format("image: {}\npermissions: {{{}}}\n{}", image_, permissions,
                           more.empty() ? "command: [sleep, '600']" : more);
    }
    static void SetRules() {
        MustShell(kKubectl + R"( patch dlcluster cluster --type merge -p ')" + kRules + "'");
    }
    Json Awaiting(const std::string& name) {
        Json job = WaitForPhase(name, "AwaitingApproval");
        EXPECT_EQ(Text(job, "status/pending/class"), "Ask");
        EXPECT_EQ(Pods(name).size(), 0U);
        return job;
    }
    // As the job itself says, `change`d, by somebody.
    Reply Decide(const Api& as, const std::string& job, const std::string& change = "{}") {
        Json manifest = Json::parse(Text(api().Get(JobPath(job)).body, "status/approval/manifest"));
        const Json changes = FromYaml(change);
        for (const auto& [key, value] : changes.as_object())
            manifest["spec"][key] = value;
        return as.Post(ApprovalPath(), manifest);
    }
    std::string ApprovalPath(const std::string& name = "") const {
        return "/apis/dlworkspace.io/v1/namespaces/" + ns_ + "/dljobapprovals" +
               (name.empty() ? "" : "/" + name);
    }
    // The webhook's or the operator's lines of audit about a job.
    static std::string Audit(const std::string& component, const std::string& job) {
        return MustShell(
            fmt::format("{} -n dlws-system logs --tail=-1 -l "
                        "app.kubernetes.io/component={} | grep '\"audit\"' | grep "
                        "'/{}\"' || true",
                        kKubectl, component, job));
    }

    inline static const std::string kRules =
        R"({"spec":{"permissions":[{"class":"privileged","policy":"RequireApproval"},)"
        R"({"class":"hostNetwork","policy":"RequireApproval"},)"
        R"({"class":"capabilities","policy":"Allow","names":["NET_BIND_SERVICE"]}]}})";
    std::string image_;
    Api alice_ = LogIn("alice"), carol_ = LogIn("carol"), dave_ = LogIn("dave");
};

TEST_F(PermissionsTest, ApprovedItRunsPrivileged) {
    // What the kernel says of the container's capabilities: all of them.
    const Reply made = Create(alice_, "deep", Asking("privileged: true", R"(
command: [sh, -c, 'while read -r a b; do [ "$a" != CapBnd: ] || echo "$a $b"; done </proc/self/status; sleep 600'])"));
    ASSERT_TRUE(made.ok()) << made.text;
    const Json asked = Awaiting("deep");
    EXPECT_EQ(Condition(asked, "Approved"), "False");
    EXPECT_THAT(Text(asked, "status/approval/diff"),
                HasSubstr("+ spec.containers[main].securityContext.privileged: true"));
    EXPECT_THAT(Text(asked, "status/message"), HasSubstr("| kubectl create -f -"));

    const Reply herself = Decide(alice_, "deep");
    EXPECT_EQ(herself.code, 403) << herself.text;
    // Exactly as the message says.
    MustShell(
        fmt::format("{0} -n {1} get dljob deep -o jsonpath='{{.status.approval.manifest}}' | "
                    "{0} --kubeconfig=\"$(script/cluster user carol 2>/dev/null)\" create -f -",
                    kKubectl, ns_));
    const Json job = WaitForPhase("deep", "Running");
    EXPECT_EQ(Condition(job, "Approved"), "True");
    EXPECT_EQ(Text(job, "status/approval/approver/username"), "carol");
    EXPECT_THAT(Log("deep-worker-0-0"), HasSubstr("CapBnd: 000001"));
    const Json pod = Pod("deep-worker-0-0");
    EXPECT_EQ(Text(pod, "spec/containers/0/securityContext/privileged"), "true");
    EXPECT_EQ(At(pod, "metadata/annotations").at("dlworkspace.io/template-hash").as_string(),
              Text(job, "status/approval/templateHash"));
    EXPECT_THAT(Audit("webhook", "deep"),
                AllOf(HasSubstr(R"("audit":"request","user":"alice")"),
                      HasSubstr(R"("audit":"approve","user":"carol","uid":"uid-of-carol")")));

    // Taken back: it ends, and says why.
    const std::string approval = Text(job, "status/approval/approval");
    ASSERT_TRUE(carol_.Delete(ApprovalPath(approval)).ok());
    const Json failed = WaitForPhase("deep", "Failed");
    EXPECT_EQ(Text(failed, "status/failure/reason"), "ApprovalRevoked");
    EXPECT_THAT(Audit("webhook", "deep"), HasSubstr(R"("audit":"revoke","user":"carol")"));
    EXPECT_THAT(Audit("operator", "deep"), HasSubstr(R"("audit":"revoke")"));
}

TEST_F(PermissionsTest, DeniedItFailsWithTheReason) {
    ASSERT_TRUE(Create(alice_, "no", Asking("hostNetwork: true")).ok());
    Awaiting("no");
    const Reply without = Decide(carol_, "no", "{decision: Deny}");
    EXPECT_EQ(without.code, 422) << "a denial needs a reason: " << without.text;
    const Reply denied = Decide(carol_, "no", "{decision: Deny, reason: use the other cluster}");
    ASSERT_TRUE(denied.ok()) << denied.text;
    const Json failed = WaitForPhase("no", "Failed");
    EXPECT_EQ(Text(failed, "status/failure/reason"), "ApprovalDenied");
    EXPECT_THAT(Text(failed, "status/failure/message"),
                HasSubstr("carol denied what the job asks for: use the other cluster"));
    EXPECT_EQ(Text(failed, "status/approval/approver/username"), "carol");
    EXPECT_EQ(Text(failed, "status/approval/reason"), "use the other cluster");
    EXPECT_EQ(Pods("no").size(), 0U);
}

TEST_F(PermissionsTest, AnApprovalEnds) {
    ASSERT_TRUE(Create(alice_, "short", Asking("hostNetwork: true")).ok());
    Awaiting("short");
    const std::string until =
        MustShell("date -u -d '+12 seconds' +%Y-%m-%dT%H:%M:%SZ | tr -d '\\n'");
    const Reply approved = Decide(carol_, "short", "{expiresAt: '" + until + "'}");
    ASSERT_TRUE(approved.ok()) << approved.text;
    WaitForPhase("short", "Running");
    const Json failed = WaitForPhase("short", "Failed");
    EXPECT_EQ(Text(failed, "status/failure/reason"), "ApprovalExpired");
}

TEST_F(PermissionsTest, ANewAttemptAndANewOperatorGoOnWithIt) {
    ASSERT_TRUE(Create(alice_, "again", Asking("hostNetwork: true", R"(
retry: {limit: 1}
command: [sh, -c, 'if [ "$DLWS_ATTEMPT" = 0 ]; then sleep 8; exit 3; fi; sleep 600'])"))
                    .ok());
    Awaiting("again");
    ASSERT_TRUE(Decide(carol_, "again").ok());
    WaitForPhase("again", "Running");
    // A later edit neither voids the approval nor changes what runs.
    MustShell(kKubectl +
              R"( patch dlcluster cluster --type merge -p '{"spec":{"permissions":null}}')");
    MustShell(kKubectl + " -n dlws-system rollout restart deployment dlworkspace-operator");
    const Json second = WaitForJob(
        "again", "the second attempt runs",
        [](const Json& job) {
            return Number(job, "status/attempt") == 1 && Text(job, "status/phase") == "Running";
        },
        120);
    EXPECT_EQ(Text(Pod("again-worker-0-1"), "spec/hostNetwork"), "true");
    EXPECT_EQ(Text(second, "status/approval/approver/username"), "carol");
    MustShell(kKubectl + " -n dlws-system rollout status deployment dlworkspace-operator");
}

// More of what was approved, by who made the job; not another image, nor for who may not.
TEST_F(PermissionsTest, AnElasticJobGrowsByWhatWasApproved) {
    ASSERT_TRUE(Create(alice_, "rubber", Asking("hostNetwork: true", R"(
command: [sleep, '600']
roles: [{name: worker}]
elastic: {role: worker, replicas: 1, minReplicas: 1, maxReplicas: 2})"))
                    .ok());
    const Json asked = Awaiting("rubber");
    ASSERT_TRUE(Decide(carol_, "rubber").ok());
    WaitForPhase("rubber", "Running");
    const auto scale = [&](const Api& as, int replicas) {
        return as.Patch(JobPath("rubber") + "/scale",
                        FromYaml(fmt::format("{{spec: {{replicas: {}}}}}", replicas)));
    };
    EXPECT_EQ(scale(LogIn("mallory"), 2).code, 403);
    EXPECT_EQ(scale(alice_, 3).code, 422) << "more than it says at most";
    const Reply image = alice_.Patch(
        JobPath("rubber"),
        FromYaml("{spec: {image: 'dlworkspace.io/tools@sha256:" + std::string(64, '0') + "'}}"));
    EXPECT_EQ(image.code, 422) << image.text;
    ASSERT_TRUE(scale(alice_, 2).ok());
    const Json two = WaitForJob("rubber", "running with two pods", [](const Json& job) {
        return Text(job, "status/elastic/replicas") == "2" && Text(job, "status/ready") == "2/2";
    });
    for (const char* pod : {"rubber-worker-0-0", "rubber-worker-1-0"})
        EXPECT_EQ(
            At(Pod(pod), "metadata/annotations").at("dlworkspace.io/template-hash").as_string(),
            Text(asked, "status/approval/templateHash"))
            << pod;
    // Who takes the approval back ends all of it.
    ASSERT_TRUE(carol_.Delete(ApprovalPath(Text(two, "status/approval/approval"))).ok());
    WaitForPhase("rubber", "Failed");
}

// Against the controller alone: nothing in the API server keeps carol's name from being forged. It
// counts neither now nor once the policies are back.
TEST_F(PermissionsTest, WithoutPoliciesNothingReachesANode) {
    ASSERT_TRUE(Create(alice_, "alone", Asking("hostNetwork: true")).ok());
    const Json asked = Awaiting("alone");
    MustShell(kKubectl + " -n " + ns_ +
              " create rolebinding herself --clusterrole dlworkspace-approver --user alice");
    DeleteConfigurations();
    MustShell(kKubectl +
              " delete validatingadmissionpolicybindings -l "
              "app.kubernetes.io/instance=dlworkspace");
    Reply forged;
    ASSERT_TRUE(Eventually(seconds(20), [&] {
        forged = Decide(alice_, "alone", "{approver: {username: carol, uid: uid-of-carol}}");
        return forged.ok();
    })) << forged.text;
    WaitForPending("alone", "AdmissionNotEnforced");
    std::this_thread::sleep_for(seconds(3));
    EXPECT_EQ(Pods("alone").size(), 0U);
    Restore();
    SetRules();  // the release writes its own
    WaitForPending("alone", "AwaitingApproval");
    EXPECT_EQ(Pods("alone").size(), 0U) << "it was made while nobody vouched for its maker";
    ASSERT_TRUE(Decide(carol_, "alone").ok());
    WaitForPhase("alone", "Running");
}

// What the API server has under the names of ours is what would run with the job's permissions.
TEST_F(PermissionsTest, WhatIsKeptIsNotReplaced) {
    ASSERT_TRUE(Create(alice_, "kept", Asking("hostNetwork: true")).ok());
    const Json asked = Awaiting("kept");
    const std::string path = "/apis/apps/v1/namespaces/" + ns_ + "/controllerrevisions/" +
                             Text(asked, "status/approval/revision");
    Json other = api().Get(path).body;
    // An administrator may delete it; in the operator's own name another one is put there.
    ASSERT_TRUE(api().Delete(path).ok());
    std::string bytes = Text(other, "data/canonical");
    bytes.replace(bytes.find("sleep"), 5, "touch");
    other["data"]["canonical"] = Json::string(bytes);
    for (const char* field : {"uid", "resourceVersion", "creationTimestamp"})
        other["metadata"].erase(field);
    const Api as_operator(cluster().state() + "/kubeconfig",
                          "system:serviceaccount:dlws-system:dlworkspace-operator");
    const Reply put = as_operator.Post(path.substr(0, path.rfind('/')), other);
    ASSERT_TRUE(put.ok()) << put.text;
    ASSERT_TRUE(Decide(carol_, "kept").ok());
    WaitForPending("kept", "NameTaken");
    EXPECT_EQ(Pods("kept").size(), 0U);
}

// A key that stands twice: what admission judges must be what the API server keeps, whichever of
// the two that is. (The webhook itself refuses a review in which a key stands twice.)
TEST_F(PermissionsTest, AKeyThatStandsTwiceIsJudgedAsItIsKept) {
    const auto post = [&](const std::string& spec, const std::string& query) {
        const Output out = Shell(fmt::format(
            "echo {} | {} --kubeconfig=\"$(script/cluster user alice 2>/dev/null)\" create --raw "
            "'{}?dryRun=All{}' -f - 2>&1",
            Quoted(
                R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{"name":"twice"},)"
                R"("spec":{"image":")" +
                image_ + R"(",)" + spec + "}}"),
            kKubectl, JobPath(""), query));
        return out.text;
    };
    const std::string denied = R"("permissions":{"hostPID":true})";
    const std::string asked = R"("permissions":{"privileged":true})";
    for (const auto& [spec, kept] :
         {std::pair{denied + "," + asked, asked}, std::pair{asked + "," + denied, denied}}) {
        const std::string answer = post(spec, "");
        const bool refused = answer.find("does not allow hostPID") != std::string::npos;
        const bool stored = answer.find(asked) != std::string::npos;
        EXPECT_NE(refused, stored) << answer;
        EXPECT_EQ(refused, kept == denied) << "the last one counts: " << answer;
        EXPECT_THAT(post(spec, "&fieldValidation=Strict"), HasSubstr("duplicate field"));
    }
    const std::string stamps =
        R"("submittedBy":{"username":"alice"},"submittedBy":{"username":"bob"})";
    EXPECT_THAT(post(stamps, ""),
                HasSubstr(R"("submittedBy":{"uid":"uid-of-alice","username":"alice"})"));
}

// A pod outlives its job for a moment: who may delete the one does not get into the other.
TEST_F(PermissionsTest, WhoDeletesAJobDoesNotGetIntoItsPods) {
    MustShell(kKubectl + " -n " + ns_ +
              " create rolebinding edit --clusterrole edit --user alice --user bob");
    ASSERT_TRUE(Create(alice_, "mine",
                       Asking("hostNetwork: true",
                              "command: [sh, -c, 'trap : TERM; while :; do "
                              "sleep 1; done']"))
                    .ok());
    Awaiting("mine");
    ASSERT_TRUE(Decide(carol_, "mine").ok());
    WaitForPhase("mine", "Running");
    const std::string exec = CorePath("pods", "mine-worker-0-0") + "/exec?command=id";
    EXPECT_EQ(alice_.Post(exec, Json::object()).code, 400) << "let in, and asked to upgrade";
    const Api bob = LogIn("bob");
    EXPECT_EQ(bob.Post(exec, Json::object()).code, 403);
    ASSERT_TRUE(bob.Delete(JobPath("mine")).ok());
    int refused = 0;
    for (Reply reply; (reply = bob.Post(exec, Json::object())).code != 404 && refused < 1000;) {
        ASSERT_EQ(reply.code, 403) << reply.text;
        ++refused;
    }
    EXPECT_GT(refused, 0) << "the pod was there for a while";
}

TEST_F(PermissionsTest, WhatIsAllowedNeedsNobodyAndWhatIsDeniedIsSaid) {
    ASSERT_TRUE(Create(alice_, "port", Asking("capabilities: [NET_BIND_SERVICE]")).ok());
    const Json job = WaitForPhase("port", "Running");
    EXPECT_EQ(Condition(job, "Approved"), "True");
    const Reply denied = Create(alice_, "denied", Asking("hostPID: true"));
    EXPECT_EQ(denied.code, 422) << denied.text;
    EXPECT_THAT(Text(denied.body, "message"), HasSubstr("does not allow hostPID in namespace"));
    const Reply tag = Create(alice_, "tag",
                             "image: dlworkspace.io/tools:1\npermissions: "
                             "{privileged: true}\ncommand: ['true']");
    EXPECT_EQ(tag.code, 422) << tag.text;
    EXPECT_THAT(Text(tag.body, "message"), HasSubstr("name it by digest"));
}

}  // namespace
}  // namespace dlws::e2e
