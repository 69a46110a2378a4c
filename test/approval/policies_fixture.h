// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <algorithm>
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

/// How the webhook is while something is tried.
enum class AdmissionIs { Up, Down, Deleted };
inline const std::vector<AdmissionIs> kColumns{AdmissionIs::Up, AdmissionIs::Down,
                                               AdmissionIs::Deleted};
inline const std::vector<AdmissionIs> kNotUp{AdmissionIs::Down, AdmissionIs::Deleted};

/// What all rows came to in one column.
struct Tally {
    int tried = 0, refused = 0, audited = 0;
};
inline std::map<AdmissionIs, Tally>& Tallies() {
    static std::map<AdmissionIs, Tally> tallies;
    return tallies;
}

// After the last test: rows that were tried, refused, and found in the audit log, by column.
class TallyFigures : public ::testing::Environment {
    void TearDown() override {
        for (const auto& [column, tally] : Tallies()) {
            const std::string name = column == AdmissionIs::Up     ? "webhook_up"
                                     : column == AdmissionIs::Down ? "webhook_down"
                                                                   : "webhook_deleted";
            PrintFigure("attacks_tried_" + name, tally.tried, "rows");
            PrintFigure("attacks_refused_" + name, tally.refused, "rows",
                        fmt::format(">= {}", tally.tried));
            PrintFigure("attacks_audited_" + name, tally.audited, "rows",
                        fmt::format(">= {}", tally.tried));
        }
    }
};
inline const auto* const tally_figures = ::testing::AddGlobalTestEnvironment(new TallyFigures);

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
        ASSERT_TRUE(Eventually(std::chrono::seconds(30),
                               [&] { return Make("bob", Service("digits")).code == 403; }));
    }
    void TearDown() override {
        Switch(AdmissionIs::Up);
        for (const std::string& name : cluster_wide_)
            Shell(kKubectl + " delete --ignore-not-found " + name);
        Admission::TearDown();
    }

    /// Somebody with a certificate; "admin" and "operator" are what they say, and whom
    /// the API server names system:… is impersonated.
    const Api& As(const std::string& who, const std::string& uid_and_groups = "") {
        auto& person = people_[who + " " + uid_and_groups];
        if (!person && (who == "operator" || who.starts_with("system:")))
            person = std::make_unique<Api>(
                cluster().state() + "/kubeconfig",
                who == "operator" ? "system:serviceaccount:dlws-system:dlworkspace-operator" : who);
        else if (!person && who == "admin")
            person = std::make_unique<Api>(cluster().state() + "/kubeconfig");
        else if (!person)
            person = std::unique_ptr<Api>(new Api(LogIn(who, uid_and_groups)));
        return *person;
    }

    /// A role of the cluster, for these users in this namespace.
    void Bind(const std::string& cluster_role, const std::vector<std::string>& users) {
        Give("ClusterRole", cluster_role, users, "namespaces/" + ns_ + "/rolebindings");
    }
    /// One rule of a role: "dlworkspace.io", "dljobs, dljobs/status", "get, list".
    static std::string Rule(const std::string& group, const std::string& resources,
                            const std::string& verbs, const std::string& names = "") {
        return fmt::format("{{apiGroups: ['{}'], resources: [{}], verbs: [{}]{}}}", group,
                           resources, verbs,
                           names.empty() ? "" : ", resourceNames: [" + names + "]");
    }
    /// All that it takes to approve any job.
    static std::string May() {
        return Rule("dlworkspace.io", "dljobapprovals, dljobs, permissionclasses",
                    "create, approve");
    }
    /// For one user in this namespace.
    void Allow(const std::string& user, const std::string& rule) {
        const std::string role = MakeRole("Role", rule, "namespaces/" + ns_ + "/roles");
        Give("Role", role, {user}, "namespaces/" + ns_ + "/rolebindings");
        AwaitAllowed(user, rule, ns_);
    }
    /// The same in the whole cluster, until the test ends.
    void AllowEverywhere(const std::string& user, const std::string& rule) {
        const std::string role = MakeRole("ClusterRole", rule, "clusterroles");
        Give("ClusterRole", role, {user}, "clusterrolebindings");
        cluster_wide_.push_back("clusterrole/" + role);
        cluster_wide_.push_back("clusterrolebinding/" + role);
        AwaitAllowed(user, rule, "");
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
        return As(who).Delete(ListPath(kind) + "/" + name, FromYaml("{dryRun: [All]}"));
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
        Json made = FromYaml(
            "{apiVersion: " + std::string(kind == "ControllerRevision" ? "apps/v1" : "v1") +
            ", kind: " + kind + ", metadata: {name: " + name + "}}");
        if (kind == "ControllerRevision")
            made = Merged(made, FromYaml("{revision: 1, data: {a: b}}"));
        return Merged(made, FromYaml(change));
    }
    static Json Service(const std::string& name, const std::string& change = "{}") {
        return Merged(Named("Service", name, "{spec: {clusterIP: None, selector: {app: mine}}}"),
                      FromYaml(change));
    }
    /// What the operator puts on everything that it makes for digits.
    std::string Labels() const {
        return fmt::format(
            "labels: {{dlworkspace.io/job: digits, dlworkspace.io/job-uid: {}, "
            "app.kubernetes.io/managed-by: dlworkspace}}",
            uid_);
    }
    std::string Owner(const std::string& others = "") const {
        return fmt::format(
            "ownerReferences: [{{apiVersion: dlworkspace.io/v1, kind: DLJob, "
            "name: digits, uid: {}, controller: true}}{}]",
            uid_, others);
    }
    std::string Marks() const { return "{metadata: {" + Labels() + ", " + Owner() + "}}"; }

    static void ExpectRefused(const Reply& reply, const std::string& policy,
                              const std::string& says) {
        EXPECT_EQ(reply.code, 403) << reply.text;
        EXPECT_THAT(Text(reply.body, "message"),
                    ::testing::AllOf(::testing::HasSubstr("'dlworkspace-" + policy + "'"),
                                     ::testing::HasSubstr(says)));
    }
    /// Each row with the webhook up, with nobody who answers for it, and with its configurations
    /// deleted. What concerns our own kinds is refused as a whole while nobody answers, legal or
    /// not. Each refusal must be in the API server's audit log.
    void Try(const std::vector<Row>& rows, const std::vector<AdmissionIs>& columns = kColumns) {
        const AdmissionIs before = admission_;
        for (AdmissionIs column : columns) {
            Switch(column);
            const std::int64_t from = cluster().AuditEnd();
            Tally& tally = Tallies()[column];
            int refused = 0;
            for (const Row& row : rows) {
                SCOPED_TRACE(row.attack + (column == AdmissionIs::Up     ? ""
                                           : column == AdmissionIs::Down ? ", webhook down"
                                                                         : ", webhook deleted"));
                ++tally.tried;
                const Reply attack = row.refused();
                refused += attack.code >= 400;
                if (column == AdmissionIs::Down && FailsClosed(attack)) {
                    EXPECT_TRUE(FailsClosed(row.legal())) << "and so is the nearest that is legal";
                    continue;
                }
                ExpectRefused(attack, row.policy, row.says);
                const Reply legal = row.legal();
                EXPECT_TRUE(legal.ok()) << "the nearest that is legal: " << legal.text;
            }
            tally.refused += refused;
            int audited = 0;
            EXPECT_TRUE(Eventually(std::chrono::seconds(10),
                                   [&] {
                                       audited = cluster().Refusals(from);
                                       return audited >= refused;
                                   }))
                << audited << " of " << refused << " refusals are in the audit log";
            tally.audited += std::min(audited, refused);
        }
        Switch(before);
    }

    /// The configurations' port is one at which nobody answers; or they are gone, and come back as
    /// they were.
    void Switch(AdmissionIs to) {
        if (to == admission_) return;
        for (const char* kind :
             {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}) {
            const std::string list = std::string("/apis/admissionregistration.k8s.io/v1/") + kind;
            const std::string path = list + "/dlworkspace-webhook";
            const Reply now = api().Get(path);
            if (admission_ == AdmissionIs::Up) whole_[kind] = now.body;
            Json wanted = whole_.at(kind);
            for (const char* field : {"uid", "resourceVersion", "creationTimestamp", "generation"})
                wanted["metadata"].erase(field);
            if (now.ok()) {
                EXPECT_TRUE(api().Delete(path).ok());
            }
            if (to == AdmissionIs::Deleted) continue;
            if (to == AdmissionIs::Down)
                for (auto& hook : wanted["webhooks"].as_array())
                    hook["clientConfig"]["service"]["port"] = 444;
            const Reply made = api().Post(list, wanted);
            EXPECT_TRUE(made.ok()) << made.text;
        }
        admission_ = to;
        // The API server hears of it a moment later.
        EXPECT_TRUE(Eventually(std::chrono::seconds(20), [&] {
            const Reply probe = Create(As("alice"), "probe", "command: ['true']", true);
            const bool stamped = !Text(probe.body, "spec/submittedBy/username").empty();
            return to == AdmissionIs::Down ? FailsClosed(probe)
                                           : probe.ok() && stamped == (to == AdmissionIs::Up);
        }));
    }

    std::string uid_;  ///< of the job digits

  private:
    static bool FailsClosed(const Reply& reply) {
        return reply.code == 500 && reply.text.find("failed calling webhook") != std::string::npos;
    }
    AdmissionIs admission_ = AdmissionIs::Up;
    std::map<std::string, Json> whole_;

    // Their own documents: kubectl makes no role for a resource that does not exist.
    static constexpr const char* kRbac = "/apis/rbac.authorization.k8s.io/v1/";
    std::string MakeRole(const std::string& kind, const std::string& rule,
                         const std::string& list) {
        const std::string name = fmt::format("{}-{}", ns_, ++names_);
        Reply made = api().Post(
            kRbac + list, FromYaml("{apiVersion: rbac.authorization.k8s.io/v1, kind: " + kind +
                                   ", metadata: {name: " + name + "}, rules: [" + rule + "]}"));
        EXPECT_TRUE(made.ok()) << made.text;
        return name;
    }
    void Give(const std::string& kind, const std::string& role,
              const std::vector<std::string>& users, const std::string& list) {
        const bool everywhere = list == "clusterrolebindings";
        Json binding = FromYaml(fmt::format(
            "{{apiVersion: rbac.authorization.k8s.io/v1, kind: {}, metadata: {{name: {}}}, "
            "roleRef: "
            "{{apiGroup: rbac.authorization.k8s.io, kind: {}, name: {}}}, subjects: []}}",
            everywhere ? "ClusterRoleBinding" : "RoleBinding", role, kind, role));
        for (const std::string& user : users)
            binding["subjects"][binding.at("subjects").size()] =
                FromYaml("{apiGroup: rbac.authorization.k8s.io, kind: User, name: '" + user + "'}");
        Reply made = api().Post(kRbac + list, binding);
        EXPECT_TRUE(made.ok()) << made.text;
    }

    // The API server's authorizer hears of a role and of its binding a moment after they are kept,
    // and until then refuses as no policy does.
    void AwaitAllowed(const std::string& user, const std::string& rule, const std::string& ns) {
        const Json wanted = FromYaml(rule);
        const auto first = [&](const char* list) {
            return wanted.has_field(list) ? wanted.at(list).at(0).as_string() : std::string();
        };
        const std::string resource = first("resources");
        const std::size_t slash = std::min(resource.find('/'), resource.size());
        const Json review = FromYaml(fmt::format(
            "{{apiVersion: authorization.k8s.io/v1, kind: SubjectAccessReview, spec: {{user: '{}', "
            "resourceAttributes: {{namespace: '{}', group: '{}', resource: '{}', subresource: "
            "'{}', verb: '{}', name: '{}'}}}}}}",
            user, ns, first("apiGroups"), resource.substr(0, slash),
            resource.substr(std::min(slash + 1, resource.size())), first("verbs"),
            first("resourceNames")));
        EXPECT_TRUE(Eventually(std::chrono::seconds(10),
                               [&] {
                                   const Reply reply = api().Post(
                                       "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                       review);
                                   return reply.body.at("status").at("allowed").as_bool();
                               }))
            << user << " may not do as " << rule << " says";
    }

    std::map<std::string, std::unique_ptr<Api>> people_;
    std::vector<std::string> cluster_wide_;
    int names_ = 0;
};

}  // namespace dlws::e2e
