// SPDX-License-Identifier: Apache-2.0
// What belongs to a job is the operator's alone; and who says which namespaces have jobs.
#include "test/approval/policies_fixture.h"

namespace dlws::e2e {
namespace {

const char* const kKinds[] = {"Pod", "ConfigMap", "Secret", "Service", "ControllerRevision"};

class Objects : public Policies {
  protected:
    static Json Plain(const std::string& kind, const std::string& name,
                      const std::string& change = "{}") {
        return kind == "Pod"       ? RestrictedPod(name, "{}", change)
               : kind == "Service" ? Service(name, change)
                                   : Named(kind, name, change);
    }
    /// One of each kind as the operator makes it, and one of bob's, named own.
    void KeepAll() {
        Keep("operator", RestrictedPod("digits-worker-0-0", "{}", Marks()));
        Keep("operator", Merged(Named("ConfigMap", "digits-files", "{data: {train.py: 'ok()'}}"),
                                FromYaml(Marks())));
        Keep("operator", Merged(Named("Secret", "digits-ssh-" + uid_, "{data: {id: b2s=}}"),
                                FromYaml(Marks())));
        Keep("operator", Merged(Service("digits"), FromYaml(Marks())));
        Keep("operator", Merged(Named("ControllerRevision", "digits-kept", "{data: {a: b}}"),
                                FromYaml(Marks())));
        // Who runs a namespace may do this.
        Allow("bob",
              Rule("apps", "controllerrevisions", "get, list, create, update, patch, delete"));
        for (const char* kind : kKinds)
            Keep("bob", Plain(kind, "own"));
    }
    std::string OursOf(const std::string& kind) const {
        return kind == "Pod"         ? "digits-worker-0-0"
               : kind == "ConfigMap" ? "digits-files"
               : kind == "Secret"    ? "digits-ssh-" + uid_
               : kind == "Service"   ? "digits"
                                     : "digits-kept";
    }
};

// The operator itself, scheduler and node go on as if there were no rules.
TEST_F(Objects, AJobRuns) {
    const Reply made = Create(As("alice"), "runs",
                              "command: [bash, /job/a.sh]\nfiles: [{name: a.sh, content: 'true'}]\n"
                              "roles: [{name: worker, replicas: 2}]");
    ASSERT_TRUE(made.ok()) << made.text;
    WaitForPhase("runs", "Succeeded");
    ASSERT_TRUE(As("alice").Delete(JobPath("runs")).ok());
    EXPECT_TRUE(WaitUntil("all of it is gone", [&] {
        return Pods("runs").empty() && api().Get(ListPath("ConfigMap") + "/runs-files").code == 404;
    }));
}

TEST_F(Objects, NobodyElseMakesWhatLooksLikeAJobs) {
    Allow("bob", Rule("apps", "controllerrevisions", "create"));
    std::vector<Row> rows;
    for (const std::string kind : kKinds) {
        auto row = [&](const std::string& who, const std::string& forged, const std::string& says,
                       const std::string& legal) {
            rows.push_back({who + " " + kind + " " + forged,
                            [=, this] { return Make(who, Plain(kind, "own", forged)); },
                            "own-objects", says,
                            [=, this] { return Make(who, Plain(kind, "own", legal)); }});
        };
        for (const char* who : {"bob", "admin"})
            row(who, "{metadata: {labels: {dlworkspace.io/job-uid: " + uid_ + "}}}",
                "labels that begin with dlworkspace.io/", "{metadata: {labels: {job-uid: x}}}");
        for (const char* label : {"job", "role", "index", "attempt"})
            row("bob", fmt::format("{{metadata: {{labels: {{dlworkspace.io/{}: '0'}}}}}}", label),
                "labels that begin with dlworkspace.io/",
                fmt::format("{{metadata: {{labels: {{example.org/{}: '0'}}}}}}", label));
        row("bob", "{metadata: {annotations: {dlworkspace.io/approval: a}}}",
            "annotations that begin with dlworkspace.io/",
            "{metadata: {annotations: {example.org/approval: a}}}");
        row("bob", "{metadata: {" + Owner() + "}}", "ownerReferences",
            "{metadata: {ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: c, uid: u}]}}");
    }
    Try(rows);
    for (const char* kind : kKinds)
        EXPECT_TRUE(Make("operator", Merged(Plain(kind, "own"), FromYaml(Marks()))).ok()) << kind;
}

TEST_F(Objects, NamesThatPodsRelyOnCannotBeTaken) {
    auto row = [&](const std::string& kind, const std::string& name, const std::string& policy,
                   const std::string& legal) {
        return Row{kind + " " + name, [=, this] { return Make("bob", Plain(kind, name)); }, policy,
                   "choose another", [=, this] { return Make("bob", Plain(kind, legal)); }};
    };
    Try({row("Service", "digits", "own-names", "digits-2"),
         row("Secret", "digits-ssh-" + uid_, "own-objects", "digits-ssh-key"),
         // The job that it is meant for need not be there yet.
         row("Secret", "other-ssh-0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e", "own-objects", "other")});
}

TEST_F(Objects, NobodyElseChangesWhatIsAJobs) {
    KeepAll();
    std::vector<Row> rows;
    auto row = [&](const std::string& who, const std::string& kind, const std::string& change,
                   const std::string& says, const std::string& name, const std::string& legal) {
        rows.push_back({who + " " + kind + " " + change,
                        [=, this] { return Change(who, kind, OursOf(kind), change); },
                        "own-objects", says, [=, this] { return Change(who, kind, name, legal); }});
    };
    for (const std::string kind : kKinds) {
        const std::string other = "{metadata: {labels: {team: lab}, annotations: {note: a}}}";
        for (const char* label : {"dlworkspace.io/job-uid: null", "dlworkspace.io/job: other",
                                  "app.kubernetes.io/managed-by: other"})
            row("bob", kind, fmt::format("{{metadata: {{labels: {{{}}}}}}}", label), "labels",
                OursOf(kind), other);
        row("alice", kind == "ControllerRevision" ? "Pod" : kind,
            "{metadata: {annotations: {dlworkspace.io/template-hash: x}}}", "annotations",
            OursOf(kind == "ControllerRevision" ? "Pod" : kind), other);
        row("bob", kind, "{metadata: {ownerReferences: null}}", "ownerReferences", OursOf(kind),
            other);
        row("bob", kind, "{metadata: {labels: {dlworkspace.io/index: '1'}}}", "labels", "own",
            other);
        // A second owner would keep it when the job goes; what is one's own may have any.
        const std::string owner = "{apiVersion: v1, kind: ConfigMap, name: own, uid: u}";
        row("bob", kind, "{metadata: {" + Owner(", " + owner) + "}}", "ownerReferences", "own",
            "{metadata: {ownerReferences: [" + owner + "]}}");
    }
    const std::string stays = "stays as the operator made it";
    row("bob", "ConfigMap", "{data: {train.py: 'steal()'}}", stays, "own", "{data: {a: b}}");
    row("admin", "ConfigMap", "{data: {train.py: null}}", stays, "own", "{data: {a: null}}");
    row("bob", "ConfigMap", "{binaryData: {more.py: b2s=}}", stays, "own",
        "{binaryData: {a: b2s=}}");
    row("bob", "ConfigMap", "{immutable: true}", stays, "own", "{immutable: true}");
    row("bob", "Secret", "{data: {id: bm8=}}", stays, "own", "{data: {id: bm8=}}");
    row("bob", "Service", "{spec: {selector: {app: evil}}}", stays, "own",
        "{spec: {selector: {app: other}}}");
    row("bob", "ControllerRevision", "{revision: 2}", stays, "own", "{revision: 2}");
    // Another image in a pod that runs, and what may be changed of it.
    const std::string rest =
        RestrictedPod("x").at("spec").at("containers").at(0).serialize().substr(1);
    const std::string swapped = "{spec: {containers: [{" +
                                std::string(rest).replace(rest.find("dlworkspace.io/tools:1"), 22,
                                                          "registry.example/evil:1") +
                                "]}}";
    row("bob", "Pod", swapped, stays, "own", swapped);
    row("alice", "Pod", swapped, stays, OursOf("Pod"), "{spec: {activeDeadlineSeconds: 60}}");
    row("bob", "Pod", swapped, stays, OursOf("Pod"),
        R"({spec: {tolerations: [
          {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
          {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 300},
          {key: mine, operator: Exists}]}})");
    Try(rows);

    // What the subresources of a pod let through.
    auto sub = [&](const std::string& pod, const std::string& name, const std::string& patch) {
        return As("admin").Patch(CorePath("pods", pod) + "/" + name + "?dryRun=All",
                                 FromYaml(patch));
    };
    const std::string more =
        "{spec: {containers: [{name: main, resources: {requests: {cpu: 2m}}}]}}";
    Try({{"labels through the status",
          [&] {
              return sub(OursOf("Pod"), "status",
                         "{metadata: {labels: {dlworkspace.io/job: other}}}");
          },
          "own-objects", "labels",
          [&] { return sub(OursOf("Pod"), "status", "{status: {message: a}}"); }},
         {"other resources", [&] { return sub(OursOf("Pod"), "resize", more); }, "own-objects",
          stays, [&] { return sub("own", "resize", more); }},
         {"labels by binding to a node",
          [&] {
              return As("admin").Post(
                  CorePath("pods", "own") + "/binding?dryRun=All",
                  Named("Binding", "own",
                        "{metadata: {annotations: {dlworkspace.io/approval: a}}, "
                        "target: {kind: Node, name: dlws-node-1}}"));
          },
          "own-objects", "annotations", [&] { return Change("bob", "Pod", "own", "{}"); }}});
}

TEST_F(Objects, WhatAJobNeedsGoesWithTheJob) {
    KeepAll();
    std::vector<Row> rows;
    for (const char* kind : {"ConfigMap", "Secret", "ControllerRevision"})
        rows.push_back({std::string("delete ") + kind,
                        [=, this] { return Remove("bob", kind, OursOf(kind)); }, "own-deletions",
                        "delete the DLJob instead",
                        [=, this] { return Remove("bob", kind, "own"); }});
    rows.push_back(
        {"all at once",
         [&] {
             return As("bob").Delete(CorePath("configmaps") +
                                     "?labelSelector=dlworkspace.io%2Fjob");
         },
         "own-deletions", "delete the DLJob instead",
         [&] { return As("bob").Delete(CorePath("configmaps") + "?labelSelector=app%3Dnone"); }});
    Try(rows);
    // These come back, or their end is seen; and administrators clean up.
    EXPECT_TRUE(Remove("bob", "Pod", OursOf("Pod")).ok());
    EXPECT_TRUE(Remove("bob", "Service", "digits").ok());
    for (const char* kind : {"ConfigMap", "Secret", "ControllerRevision"})
        EXPECT_TRUE(Remove("admin", kind, OursOf(kind)).ok()) << kind;

    ASSERT_TRUE(As("bob").Delete(JobPath("digits")).ok());
    for (const char* kind : kKinds)
        EXPECT_TRUE(WaitUntil(std::string("the garbage collector takes the ") + kind, [&] {
            return api().Get(ListPath(kind) + "/" + OursOf(kind)).code == 404;
        }));
}

TEST_F(Objects, OrphansAreLeftAndCanBeDeleted) {
    KeepAll();
    const std::string path = ListPath("ConfigMap") + "/digits-files";
    ASSERT_TRUE(As("bob").Delete(JobPath("digits"), FromYaml("{propagationPolicy: Orphan}")).ok());
    EXPECT_TRUE(
        WaitUntil("the job is gone", [&] { return api().Get(JobPath("digits")).code == 404; }));
    const Reply left = api().Get(path);
    ASSERT_TRUE(left.ok()) << left.text;
    EXPECT_EQ(Text(left.body, "metadata/ownerReferences"), "");
    EXPECT_TRUE(Remove("bob", "ConfigMap", "digits-files").ok());
    ExpectRefused(Change("bob", "ConfigMap", "digits-files", "{data: {train.py: b}}"),
                  "own-objects", "stays as the operator made it");
    ExpectRefused(Change("bob", "ConfigMap", "digits-files",
                         "{metadata: {ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: "
                         "c, uid: u}]}}"),
                  "own-objects", "ownerReferences");
}

TEST_F(Objects, ANamespaceCanBeDeleted) {
    KeepAll();
    ASSERT_TRUE(WaitUntil("the pod runs", [&] {
        return Text(Pod("digits-worker-0-0"), "status/phase") == "Running";
    }));
    ASSERT_TRUE(As("admin").Delete("/api/v1/namespaces/" + ns_).ok());
    EXPECT_TRUE(WaitUntil("it is gone",
                          [&] { return api().Get("/api/v1/namespaces/" + ns_).code == 404; }));
}

TEST_F(Objects, TheLabelOfANamespaceIsTheAdministrators) {
    AllowEverywhere("dave", Rule("", "namespaces, namespaces/status, namespaces/finalize",
                                 "get, create, update, patch"));
    AllowEverywhere("erin", Rule("", "namespaces", "get, create, update, patch"));
    AllowEverywhere("erin", Rule("dlworkspace.io", "dlclusters", "update"));
    const std::string path = "/api/v1/namespaces/";
    const std::string says = "ask them to set the label";
    auto change = [&](const std::string& who, const std::string& ns, const std::string& labels) {
        return As(who).Patch(path + ns + "?dryRun=All",
                             FromYaml("{metadata: {labels: {" + labels + "}}}"));
    };
    auto make = [&](const std::string& who, const std::string& labels) {
        return As(who).Post("/api/v1/namespaces?dryRun=All",
                            FromYaml("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns_ +
                                     "-2, labels: {" + labels + "}}}"));
    };
    const std::string on = "dlworkspace.io/managed: 'true'";
    std::vector<Row> rows;
    for (const char* label : {"dlworkspace.io/managed: null", "dlworkspace.io/managed: 'false'",
                              "dlworkspace.io/managed: ''"})
        rows.push_back({label, [=, this] { return change("dave", ns_, label); }, "managed-label",
                        says, [=, this] { return change("erin", ns_, label); }});
    rows.push_back({"others beside it", [&] { return change("dave", "default", on); },
                    "managed-label", says, [&] { return change("dave", ns_, "team: lab"); }});
    rows.push_back({"set", [&] { return change("dave", "default", on); }, "managed-label", says,
                    [&] { return change("erin", "default", on); }});
    rows.push_back({"from the start", [&] { return make("dave", on); }, "managed-label", says,
                    [&] { return make("dave", "team: lab"); }});
    rows.push_back({"from the start", [&] { return make("dave", on); }, "managed-label", says,
                    [&] { return make("erin", on); }});
    for (const char* sub : {"status", "finalize"})
        rows.push_back({sub,
                        [=, this] {
                            Json ns = api().Get(path + ns_).body;
                            ns["metadata"]["labels"].erase("dlworkspace.io/managed");
                            return As("dave").Put(path + ns_ + "/" + sub + "?dryRun=All", ns);
                        },
                        "managed-label", says,
                        [=, this] {
                            return As("dave").Put(path + ns_ + "/" + sub + "?dryRun=All",
                                                  api().Get(path + ns_).body);
                        }});
    for (const char* ns : {"kube-system", "dlws-system"})
        rows.push_back({ns, [=] { return change("admin", ns, on); }, "managed-label",
                        "no jobs run in this namespace",
                        [=] { return change("admin", ns, "team: lab"); }});
    Try(rows);
}

// More than its role gives it: a policy that only repeats the role would be none.
TEST_F(Objects, TheOperatorLabelsNodesByTheirStoragesAndNoMore) {
    AllowEverywhere("system:serviceaccount:dlws-system:dlworkspace-operator",
                    Rule("", "nodes, nodes/status", "create, update, patch, delete"));
    const std::string all = "/api/v1/nodes", node = all + "/dlws-node-1";
    const std::string policy = "node-labels", nothing = "changes nothing but labels";
    const auto change = [&](const std::string& patch, const std::string& who = "operator") {
        return As(who).Patch(node + "?dryRun=All", FromYaml(patch));
    };
    const auto legal = [&] {
        return change("{metadata: {labels: {storage.dlworkspace.io/work: Hung}}}");
    };
    std::vector<Row> rows;
    for (const char* labels : {"team: lab", "kubernetes.io/hostname: null",
                               "kubernetes.io/hostname: x", "storage.dlworkspace.iox/work: Hung"})
        rows.push_back(
            {labels, [=] { return change(std::string("{metadata: {labels: {") + labels + "}}}"); },
             policy, "and no others", legal});
    for (const char* patch :
         {"{metadata: {annotations: {a: b}}}", "{metadata: {finalizers: [a.example/b]}}",
          "{metadata: {ownerReferences: [{apiVersion: v1, kind: Pod, name: a, uid: b}]}}",
          "{spec: {unschedulable: true}}", "{spec: {taints: [{key: a, effect: NoExecute}]}}"})
        rows.push_back({patch, [=] { return change(patch); }, policy, nothing,
                        [=] { return change(patch, "admin"); }});
    rows.push_back({"status",
                    [&] {
                        return As("operator")
                            .Patch(node + "/status?dryRun=All",
                                   FromYaml("{status: {capacity: {cpu: '1'}}}"));
                    },
                    policy, nothing, legal});
    rows.push_back({"deletes one",
                    [&] { return As("operator").Delete(node, FromYaml("{dryRun: [All]}")); },
                    policy, "neither makes nor deletes", legal});
    rows.push_back({"makes one",
                    [&] {
                        return As("operator")
                            .Post(all + "?dryRun=All",
                                  FromYaml("{apiVersion: v1, kind: Node, metadata: {name: x}}"));
                    },
                    policy, "neither makes nor deletes", legal});
    Try(rows);
}

}  // namespace
}  // namespace dlws::e2e
