// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/approval/fixture.h"

/// @file
/// Tests of the API server's own rules (charts/dlworkspace/templates/policies). The operator has no
/// part in them: its requests are made in its name, and the job says that it is another's.

namespace dlws::e2e {

/// `to` with a merge patch (RFC 7386) over it.
inline Json Merged(Json to, const Json& patch) {
    if (!patch.is_object()) return patch;
    if (!to.is_object()) to = Json::object();
    for (const auto& [key, value] : patch.as_object())
        if (value.is_null())
            to.erase(key);
        else
            to[key] = Merged(to.has_field(key) ? to.at(key) : Json(), value);
    return to;
}

/// One thing that must not be, the policy that says so, and the nearest that may be.
struct Row {
    std::string attack;
    std::function<Reply()> refused;
    std::string policy;  ///< without the release's name
    std::string says;    ///< part of what it says
    std::function<Reply()> legal;
};

class Policies : public Admission {
  protected:
    /// A managed namespace. alice, bob and carol may edit it, carol may approve; the job digits is
    /// alice's.
    void SetUp() override {
        Admission::SetUp();
        if (HasFatalFailure()) return;
        MustShell(kKubectl + " label namespace " + ns_ + " dlworkspace.io/managed=true");
        Bind("edit", {"alice", "bob", "carol"});
        Bind("dlworkspace-approver", {"carol"});
        uid_ = MakeJob("alice", "digits");
        // The API server hears of the label and of the job a moment later.
        ASSERT_TRUE(Eventually(std::chrono::seconds(30), [&] {
            return Make("bob", Service("digits")).code == 403;
        }));
    }
    void TearDown() override {
        for (const std::string& name : cluster_wide_)
            Shell(kKubectl + " delete --ignore-not-found " + name);
        Admission::TearDown();
    }

    /// Somebody with a certificate; "admin" and "operator" are what they say, a ServiceAccount is
    /// named as the API server names it.
    const Api& As(const std::string& who, const std::string& uid_and_groups = "") {
        auto& person = people_[who + " " + uid_and_groups];
        if (!person && (who == "operator" || who.starts_with("system:serviceaccount:")))
            person = std::make_unique<Api>(
                cluster().state() + "/kubeconfig",
                who == "operator" ? "system:serviceaccount:dlws-system:dlworkspace-operator" : who);
        else if (!person && who == "admin")
            person = std::make_unique<Api>(cluster().state() + "/kubeconfig");
        else if (!person)
            person = std::unique_ptr<Api>(new Api(LogIn(who, uid_and_groups)));
        return *person;
    }

    void Bind(const std::string& cluster_role, const std::vector<std::string>& users) {
        std::string line = fmt::format("{} -n {} create rolebinding b{} --clusterrole {}", kKubectl,
                                       ns_, ++names_, cluster_role);
        for (const std::string& user : users)
            line += " --user " + user;
        MustShell(line);
    }
    /// A role of this namespace for one user; `rules` as kubectl create role takes them.
    void Allow(const std::string& user, const std::string& rules) {
        MustShell(
            fmt::format("{0} -n {1} create role r{2} {3} && "
                        "{0} -n {1} create rolebinding r{2} --role r{2} --user {4}",
                        kKubectl, ns_, ++names_, rules, user));
    }
    /// The same in the whole cluster, until the test ends.
    void AllowEverywhere(const std::string& user, const std::string& rules) {
        const std::string name = fmt::format("{}-{}", ns_, ++names_);
        cluster_wide_.push_back("clusterrole/" + name);
        cluster_wide_.push_back("clusterrolebinding/" + name);
        MustShell(
            fmt::format("{0} create clusterrole {1} {2} && "
                        "{0} create clusterrolebinding {1} --clusterrole {1} --user {3}",
                        kKubectl, name, rules, user));
    }

    /// Of somebody, and left alone by the operator; returns its UID.
    std::string MakeJob(const std::string& who, const std::string& name,
                        const std::string& spec = "managedBy: example.org/test") {
        Reply made = Create(As(who), name,
                            spec + "\ncommand: ['true']\nsubmittedBy: {username: " + who +
                                ", uid: uid-of-" + who + "}");
        EXPECT_TRUE(made.ok()) << made.text;
        return Text(made.body, "metadata/uid");
    }

    /// The list of objects of that kind in this namespace.
    std::string ListPath(const std::string& kind) const {
        static const std::map<std::string, std::string> lists = {
            {"ControllerRevision", "/apis/apps/v1/namespaces/{}/controllerrevisions"},
            {"DLJobApproval", "/apis/dlworkspace.io/v1/namespaces/{}/dljobapprovals"},
            {"Pod", "/api/v1/namespaces/{}/pods"},
            {"ConfigMap", "/api/v1/namespaces/{}/configmaps"},
            {"Secret", "/api/v1/namespaces/{}/secrets"},
            {"Service", "/api/v1/namespaces/{}/services"},
            {"Binding", "/api/v1/namespaces/{}/bindings"}};
        return fmt::format(fmt::runtime(lists.at(kind)), ns_);
    }
    /// Nothing of it stays, but admission says what it would.
    Reply Make(const std::string& who, const Json& object) {
        return As(who).Post(ListPath(Text(object, "kind")) + "?dryRun=All", object);
    }
    Reply Change(const std::string& who, const std::string& kind, const std::string& name,
                 const std::string& patch) {
        return As(who).Patch(ListPath(kind) + "/" + name + "?dryRun=All", FromYaml(patch));
    }
    Reply Remove(const std::string& who, const std::string& kind, const std::string& name) {
        return As(who).Delete(ListPath(kind) + "/" + name + "?dryRun=All");
    }
    /// Really, and it must be taken.
    void Keep(const std::string& who, const Json& object) {
        Reply made = As(who).Post(ListPath(Text(object, "kind")), object);
        ASSERT_TRUE(made.ok()) << made.text;
    }

    /// A pod that a restricted namespace takes; `changes` are laid over its container and over it.
    static Json RestrictedPod(const std::string& name, const std::string& container = "{}",
                              const std::string& pod = "{}") {
        Json made = FromYaml("{apiVersion: v1, kind: Pod, metadata: {name: " + name + R"(},
  spec: {automountServiceAccountToken: false, terminationGracePeriodSeconds: 0,
    securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}}})");
        Json main = FromYaml(R"({name: main, image: "dlworkspace.io/tools:1",
  command: [sleep, infinity], resources: {requests: {cpu: 1m}},
  securityContext: {runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}})");
        made["spec"]["containers"][0] = Merged(main, FromYaml(container));
        return Merged(made, FromYaml(pod));
    }
    static Json Named(const std::string& kind, const std::string& name,
                      const std::string& change = "{}") {
        Json made = FromYaml("{apiVersion: " +
                             std::string(kind == "ControllerRevision" ? "apps/v1" : "v1") +
                             ", kind: " + kind + ", metadata: {name: " + name + "}}");
        if (kind == "ControllerRevision") made = Merged(made, FromYaml("{revision: 1}"));
        return Merged(made, FromYaml(change));
    }
    static Json Service(const std::string& name, const std::string& change = "{}") {
        return Merged(Named("Service", name, "{spec: {clusterIP: None, selector: {app: mine}}}"),
                      FromYaml(change));
    }
    /// What the operator puts on everything that it makes for digits.
    std::string Labels() const {
        return fmt::format("labels: {{dlworkspace.io/job: digits, dlworkspace.io/job-uid: {}, "
                           "app.kubernetes.io/managed-by: dlworkspace}}",
                           uid_);
    }
    std::string Owner() const {
        return fmt::format("ownerReferences: [{{apiVersion: dlworkspace.io/v1, kind: DLJob, "
                           "name: digits, uid: {}, controller: true}}]",
                           uid_);
    }
    std::string Marks() const { return "{metadata: {" + Labels() + ", " + Owner() + "}}"; }

    static void ExpectRefused(const Reply& reply, const std::string& policy,
                              const std::string& says) {
        EXPECT_EQ(reply.code, 403) << reply.text;
        EXPECT_THAT(Text(reply.body, "message"),
                    ::testing::AllOf(::testing::HasSubstr("'dlworkspace-" + policy + "'"),
                                     ::testing::HasSubstr(says)));
    }
    static void Try(const std::vector<Row>& rows) {
        for (const Row& row : rows) {
            SCOPED_TRACE(row.attack);
            ExpectRefused(row.refused(), row.policy, row.says);
            const Reply legal = row.legal();
            EXPECT_TRUE(legal.ok()) << "the nearest that is legal: " << legal.text;
        }
    }

    std::string uid_;  ///< of the job digits

  private:
    std::map<std::string, std::unique_ptr<Api>> people_;
    std::vector<std::string> cluster_wide_;
    int names_ = 0;
};

}  // namespace dlws::e2e
