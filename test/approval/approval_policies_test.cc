// SPDX-License-Identifier: Apache-2.0
// Who approves: whoever asks, who may, and never who made the job. All of it with the webhook's
// configurations deleted, so that nobody but the API server itself refuses.
#include "test/approval/policies_fixture.h"

namespace dlws::e2e {
namespace {

constexpr const char* kGroup = "dlworkspace.io";
const char* const kClasses[] = {"privileged", "hostNetwork",      "hostIPC",   "hostPID",
                                "hostPaths",  "capabilities",     "runAsRoot", "devices",
                                "hostPorts",  "unconfinedSeccomp"};

class Approvals : public Policies {
  protected:
    void SetUp() override {
        Policies::SetUp();
        if (HasFatalFailure()) return;
        Switch(AdmissionIs::Deleted);
    }
    // With the webhook up it is the webhook that says no, or puts the right name there.
    void Try(const std::vector<Row>& rows) { Policies::Try(rows, kNotUp); }
    /// Of digits, by that user as the API server knows them; `change` is laid over its spec.
    Json Approval(const std::string& who, const std::string& change = "{}") {
        Json made = FromYaml(
            "{apiVersion: dlworkspace.io/v1, kind: DLJobApproval, metadata: {name: a}, spec: "
            "{jobName: digits, decision: Approve, classes: [hostNetwork], approver: {username: '" +
            who + "', uid: 'uid-of-" + who + "', groups: ['system:authenticated']}}}");
        made["spec"]["jobUID"] = Json::string(uid_);
        made["spec"]["templateHash"] = Json::string(std::string(64, '0'));
        return Merged(made, FromYaml("{spec: " + change + "}"));
    }
    Json Generated(const std::string& spec) const {
        return Merged(FromYaml(Job("x", "command: ['true']\n" + spec)),
                      FromYaml("{metadata: {name: null, generateName: x-}}"));
    }
    Row Refused(const std::string& attack, const std::string& who, const std::string& change,
                const std::string& policy, const std::string& says, const std::string& legal = "{}",
                const std::string& by = "carol") {
        return {attack, [=, this] { return Make(who, Approval(who, change)); }, policy, says,
                [=, this] { return Make(by, Approval(by, legal)); }};
    }
};

TEST_F(Approvals, TheApproverIsWhoAsks) {
    const std::string says = "spec.approver is not who asks";
    Try({
        Refused("another's name", "carol", "{approver: {username: dan}}", "approvals", says),
        Refused("another uid", "carol", "{approver: {uid: uid-of-dan}}", "approvals", says),
        Refused("no uid", "carol", "{approver: {uid: null}}", "approvals", says),
        Refused("a group more", "carol",
                "{approver: {groups: ['system:authenticated', 'system:masters']}}", "approvals",
                says, "{approver: {groups: ['system:authenticated', 'system:authenticated']}}"),
        Refused("a group less", "carol", "{approver: {groups: null}}", "approvals", says),
        Refused("nobody", "carol", "{approver: null}", "approvals", says),
    });
    // Without a uid of their own there is none to name, and groups are named in any order.
    const Json plain =
        Merged(Approval("carol"),
               FromYaml("{spec: {approver: {uid: null, groups: ['system:authenticated', lab]}}}"));
    const std::string list = ListPath("DLJobApproval") + "?dryRun=All";
    const Reply taken = As("carol", "- lab").Post(list, plain);
    EXPECT_TRUE(taken.ok()) << taken.text;
    ExpectRefused(As("carol", "- lab").Post(list, Approval("carol")), "approvals", says);
}

TEST_F(Approvals, TheApproverHasTheRight) {
    Allow("bob", Rule(kGroup, "dljobapprovals", "create"));
    Allow("dan", Rule(kGroup, "dljobapprovals", "create"));
    Allow("dan", Rule(kGroup, "dljobs", "approve"));
    Allow("dan", Rule(kGroup, "permissionclasses", "approve", "hostNetwork"));
    Allow("fay", Rule(kGroup, "dljobapprovals", "create"));
    Allow("fay", Rule(kGroup, "dljobs", "approve", "digits"));
    Allow("fay", Rule(kGroup, "permissionclasses", "approve"));
    const std::string other = MakeJob("alice", "other");
    std::vector<Row> rows = {
        Refused("no right at all", "bob", "{}", "approvals", "no right to approve jobs here"),
        Refused("a denial is one too", "bob", "{decision: Deny, reason: no}", "approvals",
                "no right to approve jobs here", "{decision: Deny, reason: no}"),
        Refused("the right for another job", "fay", "{jobName: other, jobUID: " + other + "}",
                "approvals", "no right to approve jobs here", "{}", "fay"),
        Refused("one job's name and another's UID", "fay", "{jobUID: " + other + "}", "four-eyes",
                "are of two jobs", "{}", "fay")};
    for (const std::string name : kClasses)
        if (name != "hostNetwork")
            rows.push_back(Refused("class " + name, "dan", "{classes: [hostNetwork, " + name + "]}",
                                   "approvals", "approve the class " + name,
                                   "{classes: [hostNetwork]}", "dan"));
    Try(rows);
    Allow("gus", May());
    Allow("hal", Rule(kGroup, "dljobapprovals", "create"));
    Allow("hal", Rule(kGroup, "dljobs", "approve"));
    Try({Refused("class hostNetwork", "hal", "{}", "approvals", "approve the class hostNetwork",
                 "{}", "gus")});
    // All of them in one, for who may.
    std::string all = "{classes: [";
    for (const std::string name : kClasses)
        all += name + ", ";
    const Reply taken = Make("carol", Approval("carol", all + "]}"));
    EXPECT_TRUE(taken.ok()) << taken.text;
}

// Definitions may be newer than the rules: a class nobody asks about is nobody's to approve.
TEST_F(Approvals, AClassThatTheRulesDoNotKnowIsRefused) {
    const std::string patch =
        kKubectl +
        " patch crd dljobapprovals.dlworkspace.io --type json -p '[{\"op\": \"{}\", "
        "\"path\": \"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/"
        "classes/items/enum/{}\", \"value\": \"clock\"}]'";
    auto edit = [&](const std::string& op, const std::string& at) {
        std::string line = patch;
        line.replace(line.find("{}"), 2, op);
        line.replace(line.find("{}"), 2, at);
        MustShell(line);
    };
    edit("add", "-");
    EXPECT_TRUE(Eventually(std::chrono::seconds(20), [&] {
        return Make("carol", Approval("carol", "{classes: [hostIPC, clock]}")).code == 403;
    }));
    Try({Refused("a class more", "carol", "{classes: [hostIPC, clock]}", "approvals",
                 "does not know", "{classes: [hostIPC]}")});
    edit("remove", "10");
}

TEST_F(Approvals, ProgramsApproveNothing) {
    const std::string robot = "system:serviceaccount:" + ns_ + ":robot";
    const std::string node = "system:node:evil";
    MustShell(kKubectl + " -n " + ns_ + " create serviceaccount robot");
    for (const std::string& who : {robot, node, std::string("system:anonymous")})
        Allow(who, May());
    auto is = [](const std::string& groups) {
        return "{approver: {uid: null, groups: [" + groups + "]}}";
    };
    Try({Refused("the namespace's own account", robot,
                 is("'system:serviceaccounts', 'system:serviceaccounts:" + ns_ +
                    "', 'system:authenticated'"),
                 "approvals", "a ServiceAccount approves only from another namespace"),
         Refused("a node", node, is("'system:authenticated'"), "approvals",
                 "nodes and whoever did not log in"),
         Refused("nobody", "system:anonymous", is("'system:unauthenticated'"), "approvals",
                 "nodes and whoever did not log in")});
}

TEST_F(Approvals, NobodyApprovesTheirOwnJob) {
    for (const char* who : {"alice", "alice2"})
        Allow(who, May());
    const std::string bobs = MakeJob("bob", "bobs");
    const std::string of_bob = "{jobName: bobs, jobUID: " + bobs + "}";
    const std::string says = "who made a job does not approve it";
    Try({Refused("oneself", "alice", "{}", "four-eyes", says),
         Refused("oneself, and another's", "alice", "{}", "four-eyes", says, of_bob, "alice")});
    const std::string list = ListPath("DLJobApproval") + "?dryRun=All";
    // Another name with the same uid, and the same name without one.
    ExpectRefused(As("alice2", "uid-of-alice")
                      .Post(list, Approval("alice2", "{approver: {uid: uid-of-alice}}")),
                  "four-eyes", says);
    EXPECT_TRUE(Make("alice2", Approval("alice2")).ok());
    ExpectRefused(As("alice", "-").Post(list, Approval("alice", "{approver: {uid: null}}")),
                  "four-eyes", says);

    // By a name that the API server chooses.
    const Json named =
        Merged(Approval("alice"), FromYaml("{metadata: {name: null, generateName: a-}}"));
    ExpectRefused(As("alice").Post(list, named), "four-eyes", says);

    // Whoever makes pods in the namespace can act as its ServiceAccounts.
    const std::string robot = "system:serviceaccount:" + ns_ + ":robot";
    Allow(robot, Rule(kGroup, "dljobs", "create"));
    const Reply robots = Create(
        As(robot), "robots",
        "managedBy: example.org/test\ncommand: ['true']\nsubmittedBy: {username: '" + robot + "'}");
    ASSERT_TRUE(robots.ok()) << robots.text;
    const std::string of_robot =
        "{jobName: robots, jobUID: " + Text(robots.body, "metadata/uid") + "}";
    EXPECT_TRUE(Eventually(std::chrono::seconds(10),
                           [&] { return Make("carol", Approval("carol", of_robot)).code == 403; }));
    Try({Refused("a job of the namespace's own account", "carol", of_robot, "four-eyes",
                 "submit the job as a person")});

    // A job that was made while nothing stamped it is nobody's, so anybody could be its maker.
    const Reply made = Create(As("alice"), "unstamped", "command: ['true']\nsuspend: true");
    ASSERT_TRUE(made.ok()) << made.text;
    const std::string unstamped =
        "{jobName: unstamped, jobUID: " + Text(made.body, "metadata/uid") + "}";
    EXPECT_TRUE(Eventually(std::chrono::seconds(10), [&] {
        return Make("carol", Approval("carol", unstamped)).code == 403;
    }));
    Try({Refused("an unstamped job", "carol", unstamped, "four-eyes", "nobody knows who made")});
}

TEST_F(Approvals, StampAndStatusAreNotForged) {
    Allow("sam", Rule(kGroup, "dljobs/status", "get, patch, update"));
    ASSERT_TRUE(Create(As("alice"), "mine", "command: ['true']\nsuspend: true").ok());
    auto write = [&](const std::string& who, const std::string& job) {
        return As(who).Patch(JobPath(job) + "/status?dryRun=All",
                             FromYaml("{status: {message: approved}}"));
    };
    Try({{"status by who was given the right", [&] { return write("sam", "mine"); }, "status",
          "only the operator writes", [&] { return write("operator", "mine"); }},
         {"by the administrator", [&] { return write("admin", "mine"); }, "status",
          "only the operator writes", [&] { return write("admin", "digits"); }},
         {"a job in another's name",
          [&] {
              return Create(As("alice"), "forged",
                            "command: ['true']\nsubmittedBy: {username: bob, uid: uid-of-bob}",
                            true);
          },
          "submitted-by", "leave it out",
          [&] { return Create(As("alice"), "plain", "command: ['true']", true); }},
         {"the same by a name that the API server chooses",
          [&] {
              return As("alice").Post(JobPath("") + "?dryRun=All",
                                      Generated("submittedBy: {username: bob}"));
          },
          "submitted-by", "leave it out",
          [&] { return As("alice").Post(JobPath("") + "?dryRun=All", Generated("")); }}});
}

}  // namespace
}  // namespace dlws::e2e
