// SPDX-License-Identifier: Apache-2.0
// Pods of a namespace in which jobs run: those that are not jobs' are held to what is restricted,
// by whatever way they come, and nobody gets into a job's but who made it.
#include <set>

#include "test/approval/policies_fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

struct Wrong {
    std::string says;
    std::string container, pod;              // laid over a restricted pod: refused
    std::string legal_container, legal_pod;  // the nearest that is not
};

const Wrong kWrong[] = {
    {"without privileges", "{securityContext: {privileged: true, allowPrivilegeEscalation: null}}",
     "{}", "{securityContext: {privileged: false}}", "{}"},
    {"no part of the node", "{}", "{spec: {hostNetwork: true}}", "{}",
     "{spec: {hostNetwork: false}}"},
    {"no part of the node", "{}", "{spec: {hostPID: true}}", "{}", "{spec: {hostPID: false}}"},
    {"no part of the node", "{}", "{spec: {hostIPC: true}}", "{}", "{spec: {hostIPC: false}}"},
    {"volumes here are", "{}", "{spec: {volumes: [{name: v, hostPath: {path: /}}]}}", "{}",
     "{spec: {volumes: [{name: v, emptyDir: {}}]}}"},
    {"volumes here are", "{}",
     "{spec: {volumes: [{name: v, nfs: {server: storage.example, path: /}}]}}", "{}",
     "{spec: {volumes: [{name: v, secret: {secretName: s}}, {name: w, configMap: {name: c}}]}}"},
    {"claims named dlws-", "{}",
     "{spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: dlws-data}}]}}", "{}",
     "{spec: {volumes: [{name: v, persistentVolumeClaim: {claimName: data}}]}}"},
    {"leave out hostPort", "{ports: [{containerPort: 8080, hostPort: 8080}]}", "{}",
     "{ports: [{containerPort: 8080}]}", "{}"},
    {"leave out hostPort", "{livenessProbe: {tcpSocket: {port: 80, host: 169.254.169.254}}}", "{}",
     "{livenessProbe: {tcpSocket: {port: 80}}}", "{}"},
    {"leave out hostPort", "{lifecycle: {preStop: {httpGet: {port: 80, host: 169.254.169.254}}}}",
     "{}", "{lifecycle: {preStop: {httpGet: {port: 80}}}}", "{}"},
    {"capabilities", "{securityContext: {capabilities: null}}", "{}",
     "{securityContext: {capabilities: {drop: [ALL, NET_RAW]}}}", "{}"},
    {"capabilities", "{securityContext: {capabilities: {add: [NET_RAW]}}}", "{}",
     "{securityContext: {capabilities: {add: [NET_BIND_SERVICE]}}}", "{}"},
    {"allowPrivilegeEscalation", "{securityContext: {allowPrivilegeEscalation: null}}", "{}",
     "{securityContext: {allowPrivilegeEscalation: false}}", "{}"},
    {"runAsNonRoot", "{}", "{spec: {securityContext: {runAsNonRoot: null}}}",
     "{securityContext: {runAsNonRoot: true}}", "{spec: {securityContext: {runAsNonRoot: null}}}"},
    {"runAsNonRoot", "{securityContext: {runAsNonRoot: false}}", "{}",
     "{securityContext: {runAsNonRoot: true}}", "{}"},
    {"runAsNonRoot", "{securityContext: {runAsUser: 0}}", "{}", "{securityContext: {runAsUser: 1}}",
     "{}"},
    // The standard lets these be root.
    {"runAsNonRoot", "{}", "{spec: {hostUsers: false, securityContext: {runAsNonRoot: false}}}",
     "{}", "{spec: {hostUsers: false}}"},
    {"seccompProfile", "{}", "{spec: {securityContext: {seccompProfile: null}}}",
     "{securityContext: {seccompProfile: {type: RuntimeDefault}}}",
     "{spec: {securityContext: {seccompProfile: null}}}"},
    {"seccompProfile", "{securityContext: {seccompProfile: {type: Unconfined}}}", "{}",
     "{securityContext: {seccompProfile: {type: Localhost, localhostProfile: a.json}}}", "{}"},
    {"AppArmor", "{securityContext: {appArmorProfile: {type: Unconfined}}}", "{}",
     "{securityContext: {appArmorProfile: {type: RuntimeDefault}}}", "{}"},
    {"AppArmor", "{}",
     "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/main: "
     "unconfined}}}",
     "{}",
     "{metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/main: "
     "runtime/default}}}"},
    {"SELinux", "{securityContext: {seLinuxOptions: {type: spc_t}}}", "{}",
     "{securityContext: {seLinuxOptions: {type: container_t, level: 's0:c1'}}}", "{}"},
    {"SELinux", "{}", "{spec: {securityContext: {seLinuxOptions: {user: system_u}}}}", "{}",
     "{spec: {securityContext: {seLinuxOptions: {level: 's0:c1'}}}}"},
    {"procMount", "{securityContext: {procMount: Unmasked}}", "{spec: {hostUsers: false}}",
     "{securityContext: {procMount: Default}}", "{spec: {hostUsers: false}}"},
    {"sysctls", "{}",
     "{spec: {securityContext: {sysctls: [{name: kernel.msgmax, value: '65536'}]}}}", "{}",
     "{spec: {securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}}}"},
    {"nodeName", "{}", "{spec: {nodeName: dlws-node-1}}", "{}",
     "{spec: {nodeSelector: {kubernetes.io/hostname: dlws-node-1}}}"},
};

TEST_F(Policies, EveryRuleOfRestrictedPodsHolds) {
    std::vector<Row> rows;
    for (const Wrong& rule : kWrong)
        rows.push_back({rule.container + " " + rule.pod,
                        [&] { return Make("bob", RestrictedPod("own", rule.container, rule.pod)); },
                        "restricted-pods", rule.says,
                        [&] {
                            return Make("bob",
                                        RestrictedPod("own", rule.legal_container, rule.legal_pod));
                        }});
    // A second container counts as much as the first.
    auto init = [](const std::string& change) {
        Json pod = RestrictedPod("own");
        pod["spec"]["initContainers"][0] =
            RestrictedPod("own", Merged(FromYaml("{name: first}"), FromYaml(change)).serialize())
                .at("spec")
                .at("containers")
                .at(0);
        return pod;
    };
    rows.push_back({"in an init container",
                    [&] { return Make("bob", init("{securityContext: {runAsUser: 0}}")); },
                    "restricted-pods", "runAsNonRoot", [&] { return Make("bob", init("{}")); }});
    rows.push_back({"as the cluster's administrator",
                    [&] { return Make("admin", RestrictedPod("own", "{}", kWrong[1].pod)); },
                    "restricted-pods", "no part of the node",
                    [&] { return Make("admin", RestrictedPod("own")); }});
    Try(rows);
    // The operator's pods are others: they are held to what was approved.
    const Reply job = Make("operator", RestrictedPod("digits-worker-0-0", "{}", kWrong[1].pod));
    EXPECT_TRUE(job.ok()) << job.text;
}

TEST_F(Policies, ElsewhereNothingChanges) {
    MustShell(kKubectl + " label namespace " + ns_ + " dlworkspace.io/managed-");
    EXPECT_TRUE(Eventually(std::chrono::seconds(10), [&] {
        return Make("bob", RestrictedPod("own", "{}", kWrong[1].pod)).ok();
    }));
    for (const char* ns : {"kube-system", "dlws-system", "default"}) {
        Json pod = RestrictedPod("own", "{}", "{spec: {hostNetwork: true, nodeName: dlws-node-1}}");
        const Reply made =
            As("admin").Post(fmt::format("/api/v1/namespaces/{}/pods?dryRun=All", ns), pod);
        EXPECT_TRUE(made.ok()) << ns << ": " << made.text;
    }
}

// No pod comes up, and whoever looks at the workload reads why.
TEST_F(Policies, WorkloadsBringNoOtherPods) {
    auto workload = [&](const std::string& api, const std::string& kind, const std::string& name,
                        const std::string& spec, const std::string& pod) {
        Json object = FromYaml("{apiVersion: " + api + ", kind: " + kind +
                               ", metadata: {name: " + name + "}, spec: " + spec + "}");
        Json made = Merged(RestrictedPod(name), FromYaml(pod));
        Json tmpl = Json::object();
        tmpl["metadata"] = Merged(made.at("metadata"), FromYaml("{name: null, labels: {app: a}}"));
        tmpl["spec"] = made.at("spec");
        Json* at = &object["spec"];
        if (kind == "CronJob") at = &(*at)["jobTemplate"]["spec"];
        if (kind.ends_with("Job")) tmpl["spec"]["restartPolicy"] = Json::string("Never");
        (*at)["template"] = tmpl;
        std::string path = kind;
        std::transform(path.begin(), path.end(), path.begin(), ::tolower);
        const Reply reply =
            As("bob").Post(fmt::format("/apis/{}/namespaces/{}/{}s", api, ns_, path), object);
        EXPECT_TRUE(reply.ok()) << reply.text;
    };
    const std::string selector = "{selector: {matchLabels: {app: a}}}";
    const std::string sets = "{serviceName: a, selector: {matchLabels: {app: a}}}";
    const std::string each_minute = "{schedule: '* * * * *'}";
    const std::string forged = "{metadata: {labels: {dlworkspace.io/job: digits}}}";
    const std::string root = "{spec: {volumes: [{name: v, hostPath: {path: /}}]}}";
    workload("apps/v1", "Deployment", "deployment", selector, root);
    workload("apps/v1", "ReplicaSet", "replicaset", selector, "{spec: {hostPID: true}}");
    workload("apps/v1", "StatefulSet", "statefulset", sets, "{spec: {hostNetwork: true}}");
    workload("apps/v1", "DaemonSet", "daemonset", selector, "{spec: {hostIPC: true}}");
    workload("batch/v1", "Job", "job", "{}", root);
    workload("batch/v1", "CronJob", "cronjob", each_minute, root);
    workload("apps/v1", "Deployment", "forged", selector, forged);
    workload("apps/v1", "Deployment", "legal", selector, "{}");
    workload("batch/v1", "CronJob", "legalcron", each_minute, "{}");

    std::set<std::string> open = {"deployment", "replicaset", "statefulset", "daemonset",
                                  "job",        "cronjob",    "forged"};
    EXPECT_TRUE(Eventually(std::chrono::seconds(100),
                           [&] {
                               for (const Json& event : Events()) {
                                   const std::string message = Text(event, "message");
                                   const std::string of = Text(event, "involvedObject/name");
                                   std::erase_if(open, [&](const std::string& name) {
                                       return of.starts_with(name) &&
                                              message.find(name == "forged"
                                                               ? "'dlworkspace-own-objects'"
                                                               : "'dlworkspace-restricted-pods'") !=
                                                  std::string::npos;
                                   });
                               }
                               return open.empty();
                           }))
        << "no event names the policy: " << ::testing::PrintToString(open);
    const Reply pods = api().Get(CorePath("pods"));
    std::set<std::string> up;
    for (const Json& pod : List(pods.body, "items"))
        up.insert(Text(pod, "metadata/name").substr(0, 6));
    EXPECT_EQ(up, (std::set<std::string>{"legal-", "legalc"})) << "of those that may be, and only";
}

class Inside : public Policies {
  protected:
    void SetUp() override {
        Policies::SetUp();
        if (HasFatalFailure()) return;
        Keep("operator", RestrictedPod("digits-worker-0-0",
                                       "{securityContext: {privileged: true, capabilities: null, "
                                       "allowPrivilegeEscalation: null}}",
                                       Marks()));
        Keep("bob", RestrictedPod("own"));
        for (const char* name : {"digits-worker-0-0", "own"})
            ASSERT_TRUE(WaitUntil(std::string(name) + " runs",
                                  [&] { return Text(Pod(name), "status/phase") == "Running"; }));
    }
    /// Who may, is asked to upgrade the connection, or reaches a pod where nothing listens.
    static bool GetsIn(const Reply& reply) {
        return reply.code != 0 &&
               reply.text.find("ValidatingAdmissionPolicy") == std::string::npos &&
               reply.code != 403;
    }
};

TEST_F(Inside, NobodyButTheSubmitterGetsIn) {
    Keep("operator", Merged(Service("digits", "{spec: {ports: [{port: 80}]}}"), FromYaml(Marks())));
    Keep("bob", Service("mine", "{spec: {ports: [{port: 80}]}}"));
    const std::string ours = CorePath("pods", "digits-worker-0-0");
    const std::string own = CorePath("pods", "own");
    struct Way {
        std::string ours, own;
    };
    const Way ways[] = {
        {ours + "/exec?command=id", own + "/exec?command=id"},
        {ours + "/attach", own + "/attach"},
        {ours + "/portforward?ports=80", own + "/portforward?ports=80"},
        {ours + "/proxy", own + "/proxy"},
        {ours + ":8080/proxy", own + ":8080/proxy"},
        {CorePath("pods", "http:digits-worker-0-0:8080") + "/proxy/etc",
         CorePath("pods", "http:own:8080") + "/proxy/etc"},
        {CorePath("services", "digits:80") + "/proxy", CorePath("services", "mine:80") + "/proxy"},
        {CorePath("services", "http:digits:80") + "/proxy",
         CorePath("services", "http:mine:80") + "/proxy"},
    };
    for (const Way& way : ways) {
        SCOPED_TRACE(way.ours);
        for (const char* who : {"bob", "carol", "admin"})
            ExpectRefused(As(who).Post(way.ours, Json::object()), "exec",
                          "only who submitted a job gets into its pods");
        const Reply hers = As("alice").Post(way.ours, Json::object());
        EXPECT_TRUE(GetsIn(hers)) << hers.code << " " << hers.text;
        const Reply plain = As("bob").Post(way.own, Json::object());
        EXPECT_TRUE(GetsIn(plain)) << plain.code << " " << plain.text;
    }
    // Another person who has the name today.
    ExpectRefused(As("alice", "another").Post(ways[0].ours, Json::object()), "exec", "only who");
    EXPECT_TRUE(GetsIn(As("alice", "-").Post(ways[0].ours, Json::object())));
    EXPECT_THAT(MustShell("script/cluster kubectl --kubeconfig \"$(script/cluster user alice 2>"
                          "/dev/null)\" -n " +
                          ns_ + " exec digits-worker-0-0 -- echo hers"),
                HasSubstr("hers"));
}

TEST_F(Inside, NoContainerIsAddedToAJobsPod) {
    auto add = [&](const std::string& who, const std::string& pod, const std::string& change) {
        Json container = RestrictedPod(pod, change).at("spec").at("containers").at(0);
        Json patch = FromYaml("{spec: {ephemeralContainers: []}}");
        patch["spec"]["ephemeralContainers"][0] =
            Merged(container, FromYaml("{name: debug, resources: null}"));
        return As(who).Patch(CorePath("pods", pod) + "/ephemeralcontainers?dryRun=All", patch);
    };
    for (const char* who : {"alice", "bob"})
        Allow(who, Rule("", "pods/ephemeralcontainers", "patch"));
    std::vector<Row> rows;
    for (const char* who : {"alice", "bob", "admin"})
        rows.push_back({who, [=] { return add(who, "digits-worker-0-0", "{}"); },
                        "ephemeral-containers", "no container is added",
                        [=] { return add(who, "own", "{}"); }});
    rows.push_back({"one that is not restricted",
                    [&] { return add("bob", "own", "{securityContext: {runAsUser: 0}}"); },
                    "restricted-pods", "runAsNonRoot", [&] { return add("bob", "own", "{}"); }});
    Try(rows);
    AllowEverywhere("system:serviceaccount:dlws-system:dlworkspace-operator",
                    Rule("", "pods/ephemeralcontainers", "patch"));
    ExpectRefused(add("operator", "digits-worker-0-0", "{}"), "ephemeral-containers",
                  "no container");
}

// The switch of the chart, and what else it lets in.
TEST_F(Inside, ApproversGetInWhereASwitchSaysSo) {
    Allow("system:serviceaccount:default:robot", May());
    broken_ = true;
    MustShell(
        "DLWS_HELM_ARGS=\"$DLWS_HELM_ARGS --set policies.execByApprovers=true --set "
        "policies.approverServiceAccounts={system:serviceaccount:default:robot}\" "
        "test/cluster/install.sh",
        std::chrono::minutes(5));
    const std::string exec = CorePath("pods", "digits-worker-0-0") + "/exec?command=id";
    EXPECT_TRUE(Eventually(std::chrono::seconds(20),
                           [&] { return GetsIn(As("carol").Post(exec, Json::object())); }));
    ExpectRefused(As("bob").Post(exec, Json::object()), "exec", "or may approve it");
    Json approval = FromYaml(
        "{apiVersion: dlworkspace.io/v1, kind: DLJobApproval, metadata: {name: a}, spec: {jobName: "
        "digits, jobUID: other, decision: Approve, classes: [hostIPC], templateHash: '" +
        std::string(64, 'a') +
        "', approver: {username: 'system:serviceaccount:default:robot', "
        "groups: ['system:serviceaccounts', 'system:serviceaccounts:default', "
        "'system:authenticated']}}}");
    // It may approve by now, but not that. (Webhooks that go answer for a while yet.)
    EXPECT_TRUE(Eventually(std::chrono::seconds(30), [&] {
        return Text(Make("system:serviceaccount:default:robot", approval).body, "message")
                   .find("spec.jobUID is that of another job") != std::string::npos;
    }));
}

}  // namespace
}  // namespace dlws::e2e
