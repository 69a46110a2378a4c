#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The chart, without a cluster: what it renders, what it refuses, and that nothing is written twice.

  test/chart/chart_test.py [unittest arguments]

HELM names the helm program (default: the one script/setup built, else the one on the PATH). The last
line is `N passed, N failed, N skipped`.
"""
import copy
import glob
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/dlworkspace"
CRDS = sorted((ROOT / "crds").glob("*.yaml"))
DIGITS = ROOT / "examples/digits"


def find_helm():
    cache = os.environ.get("DLWS_CACHE", os.path.expanduser("~/.cache/dlworkspace"))
    built = sorted(glob.glob(f"{cache}/helm-*/bin/helm"))
    found = os.environ.get("HELM") or (built[-1] if built else shutil.which("helm"))
    if not found:
        sys.exit("no helm: run script/setup, or name one in HELM")
    return found


HELM = find_helm()


def helm(*arguments):
    return subprocess.run([HELM, *map(str, arguments)], capture_output=True, text=True, check=False)


def template(values=None, *arguments, chart=CHART):
    """Runs `helm template` with `values`; returns the process."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        return helm("template", "dlworkspace", chart, "-n", "dlws-system", "--kube-version", "1.35.4", "-f", file.name,
                    *arguments)


def render(values=None, *arguments, chart=CHART):
    result = template(values, *arguments, chart=chart)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return [document for document in yaml.safe_load_all(result.stdout) if document]


def only(documents, kind, name=None):
    found = [d for d in documents if d["kind"] == kind and name in (None, d["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects of kind {kind} {name or ''}")
    return found[0]


def operator(documents):
    (found,) = [d for d in documents if d["kind"] == "Deployment"
                and d["metadata"]["labels"]["app.kubernetes.io/component"] == "operator"]
    return found


def kinds(documents):
    return sorted({d["kind"] for d in documents})


def unknown_fields(value, schema, path=""):
    """Paths in `value` that a structural schema has no place for."""
    if schema.get("x-kubernetes-preserve-unknown-fields") or schema.get("x-kubernetes-embedded-resource"):
        return []
    if isinstance(value, list):
        return [f for v in value for f in unknown_fields(v, schema.get("items", {}), path + "[]")]
    if not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        below = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        found += [f"{path}.{key}"] if not below else unknown_fields(inner, below, f"{path}.{key}")
    return found


def spec_schema(kind):
    for path in CRDS:
        crd = yaml.safe_load(path.read_text())
        if crd["spec"]["names"]["kind"] == kind:
            return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    raise AssertionError(f"no definition of {kind} in crds/")


VALUE_SETS = {
    "defaults": {},
    "everything": {
        "fullnameOverride": "dl",
        "image": {"repository": "registry.example/operator", "digest": "sha256:" + "a" * 64, "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "pull"}],
        "replicas": 3,
        "operator": {"logLevel": "debug", "healthPort": 9090, "watchNamespace": "vision"},
        "crds": {"keep": False},
        "cluster": {
            "sharedFolder": {"hostPath": "/mnt/shared"}, "unknownUsers": "Refuse",
            "storages": [{"name": "data", "hostPath": "/mnt/gluster/data", "path": "sets", "readOnly": True, "fileSystem": "nfs4"}],
            "systemFolders": {"root": "/srv/dlws", "storage": "data", "work": "work", "jobfiles": "jobfiles"},
            "logs": {"keepDays": 90, "keepPerUser": "200Gi"},
            "gpu": {"typeLabel": "example.org/gpu", "driver": {"mode": "HostPath", "hostPath": "/opt/driver"}},
            "defaultUser": {"uid": 2000000000, "gid": 100},
            "permissions": [{"class": "hostPaths", "policy": "RequireApproval", "paths": [{"prefix": "/data"}],
                             "namespaces": ["vision"], "maxDurationSeconds": 60}],
            "onRevoke": "Continue", "devices": [{"name": "infiniband", "resource": "rdma/hca"}],
            "podTemplate": {"metadata": {"labels": {"team": "lab"}},
                            "spec": {"tolerations": [{"key": "gpu", "operator": "Exists"}]}},
        },
        "serviceAccount": {"name": "op", "annotations": {"a": "b"}},
        "networkPolicy": {"enabled": True, "metricsFrom": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]},
        "metrics": {"serviceMonitor": {"enabled": True, "interval": "1m", "labels": {"release": "prometheus"}},
                    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
                    "dashboard": {"enabled": True, "labels": {"grafana_dashboard": "1", "team": "lab"}}},
        "podLabels": {"team": "lab"}, "podAnnotations": {"note": "a b"}, "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "system-cluster-critical",
    },
    "admission": {
        "webhook": {"enabled": True, "replicas": 3, "certificateSeconds": 3600, "timeoutSeconds": 3},
        "podLabels": {"team": "lab"}, "imagePullSecrets": [{"name": "pull"}], "nodeSelector": {"pool": "system"},
        "policies": {"execByApprovers": True, "approverServiceAccounts": ["system:serviceaccount:robots:approver"]},
    },
    "samba": {"samba": {"enabled": True}, "cluster": {"sharedFolder": {"hostPath": "/mnt/shared"}}, "networkPolicy": {"enabled": True}},
    "domain": {"samba": {"enabled": True, "activeDirectory": {
        "realm": "LAB.EXAMPLE", "workgroup": "LAB", "joinSecret": "join", "nameServers": ["192.0.2.1"]}}},
    "portal": {"portal": {"enabled": True, "url": "https://dlws.example.org"}, "networkPolicy": {"enabled": True}},
    "portal-metrics": {"portal": {"enabled": True, "prometheus": {
        "url": "https://thanos.example.org/a", "labels": {"region": "eu west", "cluster": "a"}, "scrapeSeconds": 60,
        "ca": {"configMapName": "authorities"}, "token": {"secretName": "metrics"}}}, "networkPolicy": {"enabled": True}},
    "portal-behind-tls": {"portal": {"enabled": True, "replicas": 1, "tls": {"plain": True},
                                     "service": {"type": "NodePort", "nodePort": 30080}}},
    "cert-manager": {"webhook": {"certManager": {"enabled": True}}},
    "least": {
        "replicas": 1, "crds": {"enabled": False}, "cluster": {"create": False}, "rbac": {"aggregate": False},
        "serviceAccount": {"create": False, "name": "there"}, "podDisruptionBudget": {"enabled": False},
        "metrics": {"service": {"enabled": False}}, "policies": {"enabled": False}, "webhook": {"enabled": False},
        "agent": {"enabled": False},
    },
}


class Lint(unittest.TestCase):
    def test_strict_lint_is_clean(self):
        for name, values in VALUE_SETS.items():
            with self.subTest(name), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                yaml.safe_dump(values, file)
                file.flush()
                result = helm("lint", "--strict", CHART, "-f", file.name)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
                self.assertNotIn("[WARNING]", result.stdout)


class Definitions(unittest.TestCase):
    def test_they_are_those_of_the_source_tree(self):
        rendered = {d["metadata"]["name"]: d for d in render() if d["kind"] == "CustomResourceDefinition"}
        self.assertEqual(len(rendered), len(CRDS))
        for path in CRDS:
            want = yaml.safe_load(path.read_text())
            have = copy.deepcopy(rendered[want["metadata"]["name"]])
            self.assertEqual(have["metadata"]["annotations"].pop("helm.sh/resource-policy"), "keep")
            self.assertEqual(have["metadata"]["labels"]["app.kubernetes.io/managed-by"], "Helm")
            self.assertEqual(have["spec"], want["spec"], path.name)

    def test_keep_can_be_switched_off(self):
        for crd in (d for d in render({"crds": {"keep": False}}) if d["kind"] == "CustomResourceDefinition"):
            self.assertNotIn("helm.sh/resource-policy", crd["metadata"].get("annotations", {}))

    def test_they_can_be_left_out(self):
        self.assertNotIn("CustomResourceDefinition", kinds(render({"crds": {"enabled": False}})))

    def test_a_packaged_chart_holds_them(self):
        with tempfile.TemporaryDirectory() as folder:
            result = helm("package", CHART, "-d", folder)
            self.assertEqual(result.returncode, 0, result.stderr)
            (package,) = glob.glob(folder + "/*.tgz")
            self.assertEqual(render(chart=package), render())
            names = subprocess.run(["tar", "tzf", package], capture_output=True, text=True, check=True).stdout.split()
            self.assertFalse([n for n in names if "examples" in n], "only definitions belong into the chart")


class Operator(unittest.TestCase):
    def setUp(self):
        self.all = render()
        self.deployment = operator(self.all)
        self.pod = self.deployment["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]

    def test_two_replicas_that_prefer_two_nodes(self):
        self.assertEqual(self.deployment["spec"]["replicas"], 2)
        (term,) = self.pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        self.assertEqual(term["podAffinityTerm"]["labelSelector"], self.deployment["spec"]["selector"])
        self.assertEqual(only(self.all, "PodDisruptionBudget", "dlworkspace-operator")["spec"]["selector"], self.deployment["spec"]["selector"])

    def test_restricted_pod_security(self):
        security = self.pod["securityContext"]
        self.assertTrue(security["runAsNonRoot"])
        self.assertEqual(security["runAsUser"], 65532)
        self.assertEqual(security["seccompProfile"], {"type": "RuntimeDefault"})
        self.assertEqual(self.container["securityContext"], {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
        self.assertFalse({"hostNetwork", "hostPID", "hostIPC"} & set(self.pod))
        self.assertEqual(self.pod["volumes"], [{"name": "policies", "configMap": {"name": "dlworkspace-operator-policies"}}])

    def test_the_command_line(self):
        self.assertEqual(self.container["args"], [
            "--namespace=$(POD_NAMESPACE)", "--identity=$(POD_NAME)", "--lease=dlworkspace-operator",
            "--health-port=8080", "--log-level=info", "--policies=/etc/dlworkspace/policies.json",
            "--webhook-configuration=dlworkspace-webhook"])
        self.assertEqual([e["name"] for e in self.container["env"]], ["POD_NAME", "POD_NAMESPACE"])

    def test_probes_ask_the_health_port(self):
        for probe, path in (("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
            self.assertEqual(self.container[probe]["httpGet"], {"path": path, "port": "health"})
        self.assertEqual(self.container["ports"], [{"name": "health", "containerPort": 8080}])

    def test_a_digest_wins_over_the_tag(self):
        image = {"repository": "r.example/o", "tag": "1", "digest": "sha256:" + "b" * 64}
        container = operator(render({"image": image}))["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], "r.example/o@sha256:" + "b" * 64)

    def test_everything_is_in_the_namespace_of_the_release(self):
        cluster_wide = {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "DLCluster",
                        "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration",
                        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
        for document in render(VALUE_SETS["everything"]) + render(VALUE_SETS["admission"]):
            if document["kind"] not in cluster_wide:
                self.assertEqual(document["metadata"].get("namespace"), "dlws-system", document["kind"])

    def test_what_is_switched_off_is_not_there(self):
        self.assertEqual(kinds(render(VALUE_SETS["least"])),
                         ["ClusterRole", "ClusterRoleBinding", "Deployment", "Role", "RoleBinding"])

    def test_what_is_switched_on_is_there(self):
        documents = render(VALUE_SETS["everything"])
        for name, workload, port in (("dl-operator", operator(documents), 9090), ("dl-agent", only(documents, "DaemonSet"), 8082)):
            monitor = only(documents, "ServiceMonitor", name)
            self.assertEqual(monitor["metadata"]["labels"]["release"], "prometheus")
            policy = only(documents, "NetworkPolicy", name)["spec"]
            self.assertEqual(policy["policyTypes"], ["Ingress", "Egress"])
            self.assertEqual(policy["ingress"], [{"ports": [{"port": port, "protocol": "TCP"}],
                                                  "from": VALUE_SETS["everything"]["networkPolicy"]["metricsFrom"]}])
            self.assertEqual([[p["port"] for p in rule["ports"]] for rule in policy["egress"]], [[53, 53], [443, 6443]])
            # Every selector finds the pods, and the port is theirs.
            template_ = workload["spec"]["template"]
            service = only(documents, "Service", name + "-metrics")
            for selector in (policy["podSelector"]["matchLabels"], service["spec"]["selector"]):
                self.assertLessEqual(selector.items(), template_["metadata"]["labels"].items())
            self.assertEqual(service["spec"]["ports"][0]["port"], template_["spec"]["containers"][0]["ports"][0]["containerPort"])
            self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertLessEqual(only(documents, "PodDisruptionBudget", "dl-operator")["spec"]["selector"]["matchLabels"].items(),
                             operator(documents)["spec"]["template"]["metadata"]["labels"].items())


class Monitoring(unittest.TestCase):
    """How the queries and alerts do on a real Prometheus: test/metrics."""

    def test_what_needs_the_service_is_refused_without_it(self):
        for part in ("serviceMonitor", "prometheusRule"):
            result = template({"metrics": {"service": {"enabled": False}, part: {"enabled": True}}})
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(f"metrics.{part}.enabled needs metrics.service.enabled", result.stderr)

    def test_nothing_of_it_by_default(self):
        self.assertFalse({"ServiceMonitor", "PrometheusRule"} & set(kinds(render())))
        self.assertNotIn("dlworkspace-operator-dashboard", [d["metadata"]["name"] for d in render()])

    def test_a_jobs_namespace_stays_its_own(self):
        (endpoint,) = only(render(VALUE_SETS["everything"]), "ServiceMonitor", "dl-operator")["spec"]["endpoints"]
        self.assertEqual(endpoint, {"port": "metrics", "path": "/metrics", "interval": "1m", "honorLabels": True})

    def test_prometheus_finds_each_replica_of_the_portal(self):
        documents = render({**VALUE_SETS["portal"], "metrics": {"serviceMonitor": {"enabled": True}}})
        service = only(documents, "Service", "dlworkspace-portal-metrics")
        pod = only(documents, "Deployment", "dlworkspace-portal")["spec"]["template"]
        self.assertLessEqual(service["spec"]["selector"].items(), pod["metadata"]["labels"].items())
        self.assertIn({"name": service["spec"]["ports"][0]["targetPort"], "containerPort": 8080}, pod["spec"]["containers"][0]["ports"])
        monitor = only(documents, "ServiceMonitor", "dlworkspace-portal")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertEqual(monitor["endpoints"][0]["port"], service["spec"]["ports"][0]["name"])

    def test_alerts_are_about_this_release(self):
        rule = only(render(VALUE_SETS["everything"]), "PrometheusRule")
        self.assertEqual(rule["metadata"]["labels"]["release"], "prometheus")
        lease = next(a.split("=", 1)[1] for a in operator(render(VALUE_SETS["everything"]))["spec"]["template"]["spec"]
                     ["containers"][0]["args"] if a.startswith("--lease="))
        alerts = {r["alert"]: r for group in rule["spec"]["groups"] for r in group["rules"]}
        for name in ("DLWorkspaceOperatorDown", "DLWorkspaceNoLeader"):
            self.assertIn(f'leader_election_master_status{{name="{lease}"}}', alerts[name]["expr"])
        for name, alert in alerts.items():
            self.assertIn(alert["labels"]["severity"], ("info", "warning", "critical"), name)
            self.assertRegex(alert["for"], "^[0-9]+m$", name)
            self.assertEqual(set(alert["annotations"]), {"summary", "description"}, name)
            self.assertNotIn("`", "".join(alert["annotations"].values()), name)

    def dashboard(self):
        return json.loads((CHART / "dashboards/dlworkspace.json").read_text())

    def test_the_dashboard_arrives_whole(self):
        config = only(render({"metrics": {"dashboard": {"enabled": True}}}), "ConfigMap", "dlworkspace-operator-dashboard")
        self.assertEqual(config["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(json.loads(config["data"]["dlworkspace.json"]), self.dashboard())
        config = only(render(VALUE_SETS["everything"]), "ConfigMap", "dl-operator-dashboard")
        self.assertEqual(config["metadata"]["labels"]["team"], "lab")

    def test_every_panel_can_be_read(self):
        panels = self.dashboard()["panels"]
        self.assertEqual([p["title"] for p in panels if p["type"] == "row"], ["Jobs", "GPUs and nodes", "Operator", "Storages and logs"])
        self.assertEqual(len({p["id"] for p in panels}), len(panels))
        self.assertEqual(len({p["title"] for p in panels}), len(panels))
        for panel in (p for p in panels if p["type"] != "row"):
            with self.subTest(panel["title"]):
                self.assertTrue(panel["description"].endswith("."))
                self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
                self.assertTrue(panel["targets"])
                for target in panel["targets"]:
                    self.assertEqual(target["datasource"], {"type": "prometheus", "uid": "${datasource}"})
                    self.assertTrue(target["legendFormat"] or panel["type"] == "table")

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in self.dashboard()["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            self.assertLessEqual(at["x"] + at["w"], 24)
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_every_variable_is_used(self):
        dashboard = self.dashboard()
        text = json.dumps(dashboard["panels"])
        for variable in dashboard["templating"]["list"]:
            self.assertTrue(f"${variable['name']}" in text or f"${{{variable['name']}}}" in text, variable["name"])


class Webhook(unittest.TestCase):
    def setUp(self):
        self.all = render({"webhook": {"enabled": True}})

    def test_off_nothing_of_it_is_there(self):
        self.assertFalse([d for d in render({"webhook": {"enabled": False}}) if d["metadata"]["name"] == "dlworkspace-webhook"])

    def test_it_fails_closed_for_our_own_kinds_only(self):
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            hook = only(self.all, kind, "dlworkspace-webhook")["webhooks"][0]
            self.assertEqual(hook["failurePolicy"], "Fail")
            self.assertEqual(hook["sideEffects"], "NoneOnDryRun")
            (rule,) = hook["rules"]
            self.assertEqual((rule["apiGroups"], rule["resources"]), (["dlworkspace.io"], ["dljobs", "dljobapprovals"]))
            self.assertEqual(set(rule["operations"]), {"CREATE", "UPDATE"}, "a deletion never waits for us")
            (selector,) = hook["namespaceSelector"]["matchExpressions"]
            self.assertEqual((selector["operator"], selector["values"]), ("NotIn", ["kube-system", "dlws-system"]))
            self.assertNotIn("caBundle", hook["clientConfig"], "the webhook writes it")

    def test_what_only_tells_of_deletions_keeps_none_from_happening(self):
        _, audit = only(self.all, "ValidatingWebhookConfiguration", "dlworkspace-webhook")["webhooks"]
        self.assertEqual(audit["failurePolicy"], "Ignore")
        self.assertEqual([(r["resources"], r["operations"]) for r in audit["rules"]], [(["dljobapprovals"], ["DELETE"])])

    def test_the_api_server_finds_its_pods(self):
        service = only(self.all, "Service", "dlworkspace-webhook")
        pod = only(self.all, "Deployment", "dlworkspace-webhook")["spec"]["template"]
        self.assertLessEqual(service["spec"]["selector"].items(), pod["metadata"]["labels"].items())
        self.assertNotEqual(only(self.all, "Deployment", "dlworkspace-operator")["spec"]["selector"]["matchLabels"],
                            service["spec"]["selector"])
        ports = {p["name"]: p["containerPort"] for p in pod["spec"]["containers"][0]["ports"]}
        self.assertEqual(ports, {"admission": 9443, "health": 8080})
        self.assertEqual(service["spec"]["ports"][0]["targetPort"], "admission")
        self.assertIn("--service=dlworkspace-webhook", pod["spec"]["containers"][0]["args"])

    def test_one_always_serves(self):
        deployment = only(self.all, "Deployment", "dlworkspace-webhook")["spec"]
        self.assertEqual(deployment["replicas"], 2)
        self.assertEqual(deployment["strategy"]["rollingUpdate"]["maxUnavailable"], 0)
        self.assertEqual(only(self.all, "PodDisruptionBudget", "dlworkspace-webhook")["spec"]["maxUnavailable"], 1)
        self.assertFalse([d for d in render({"webhook": {"enabled": True, "replicas": 1}})
                          if d["kind"] == "PodDisruptionBudget" and d["metadata"]["name"] == "dlworkspace-webhook"])

    def test_it_is_locked_down(self):
        pod = only(self.all, "Deployment", "dlworkspace-webhook")["spec"]["template"]["spec"]
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        context = pod["containers"][0]["securityContext"]
        self.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"],
                          context["capabilities"]), (False, True, {"drop": ["ALL"]}))

    def test_it_reads_no_secret_but_its_own(self):
        rules = lambda kind: [r for r in only(self.all, kind, "dlworkspace-webhook")["rules"]]
        self.assertEqual(rules("Role"), [{"apiGroups": [""], "resources": ["secrets"],
                                          "resourceNames": ["dlworkspace-webhook"], "verbs": ["get", "patch"]}])
        for rule in rules("ClusterRole"):
            self.assertNotIn("secrets", rule["resources"])
            asks = rule["resources"] == ["subjectaccessreviews"]
            if set(rule["verbs"]) - {"get", "list", "watch"} and not asks:
                self.assertEqual(rule["resourceNames"], ["dlworkspace-webhook"])
        self.assertNotIn("data", only(self.all, "Secret", "dlworkspace-webhook"))

    def test_with_cert_manager_it_may_write_nothing(self):
        every = render({"webhook": {"certManager": {"enabled": True}}})
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
            self.assertEqual(only(every, kind, "dlworkspace-webhook")["metadata"]["annotations"],
                             {"cert-manager.io/inject-ca-from": "dlws-system/dlworkspace-webhook"})
        mine = [d for d in every if d["metadata"]["name"] == "dlworkspace-webhook"]
        self.assertFalse({"Secret", "Role", "RoleBinding"} & set(kinds(mine)))
        self.assertEqual([r["resources"] for r in only(every, "ClusterRole", "dlworkspace-webhook")["rules"]
                          if set(r["verbs"]) - {"get", "list", "watch"}], [["subjectaccessreviews"]])
        certificate = only(every, "Certificate", "dlworkspace-webhook")["spec"]
        self.assertEqual(certificate["dnsNames"], ["dlworkspace-webhook.dlws-system.svc"])
        self.assertEqual((certificate["duration"], certificate["renewBefore"]), ("7776000s", "2592000s"))
        pod = only(every, "Deployment", "dlworkspace-webhook")["spec"]["template"]["spec"]
        self.assertEqual([v["secret"]["secretName"] for v in pod["volumes"]], [certificate["secretName"]])
        (container,) = pod["containers"]
        self.assertEqual([m["mountPath"] for m in container["volumeMounts"]], ["/certificates"])
        self.assertIn("--certificate-folder=/certificates", container["args"])
        # A renewal changes nothing about who is trusted.
        issuer = only(every, "Issuer", certificate["issuerRef"]["name"])["spec"]
        authority = only(every, "Certificate", issuer["ca"]["secretName"])["spec"]
        self.assertTrue(authority["isCA"])
        self.assertEqual(authority["privateKey"]["rotationPolicy"], "Never")
        self.assertEqual(only(every, "Issuer", authority["issuerRef"]["name"])["spec"], {"selfSigned": {}})

    def test_another_issuer_can_be_named(self):
        theirs = {"name": "lab", "kind": "ClusterIssuer", "group": "cert-manager.io"}
        every = render({"webhook": {"certManager": {"enabled": True, "issuerRef": theirs}}})
        self.assertNotIn("Issuer", kinds(every))
        self.assertEqual(only(every, "Certificate", "dlworkspace-webhook")["spec"]["issuerRef"], theirs)

    def test_cert_manager_has_no_short_certificates(self):
        result = template({"webhook": {"certManager": {"enabled": True}, "certificateSeconds": 60}})
        self.assertIn("write 3600 or more", result.stderr)

    def test_the_operator_looks_after_it(self):
        (operator,) = only(self.all, "Deployment", "dlworkspace-operator")["spec"]["template"]["spec"]["containers"]
        self.assertIn("--webhook-configuration=dlworkspace-webhook", operator["args"])


class Agent(unittest.TestCase):
    def setUp(self):
        self.all = render(VALUE_SETS["everything"])
        self.pod = only(self.all, "DaemonSet")["spec"]["template"]["spec"]

    def test_off_nothing_of_it_is_there(self):
        documents = render({"agent": {"enabled": False}, "networkPolicy": {"enabled": True},
                            "metrics": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}}})
        self.assertFalse([d for d in documents if d["metadata"]["name"].startswith("dlworkspace-agent")])
        self.assertNotIn("dlws_agent_", json.dumps(only(documents, "PrometheusRule")))
        self.assertIs(only(documents, "DLCluster")["spec"]["checkStorages"], False)

    def test_it_has_no_more_than_it_needs(self):
        context = self.pod["containers"][0]["securityContext"]
        self.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"], context["capabilities"]),
                         (False, True, {"drop": ["ALL"], "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]}))
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            self.assertNotIn(field, self.pod)

    def test_what_dies_is_started_again_by_its_own_first_process(self):
        self.assertEqual(self.pod["containers"][0]["command"] + self.pod["containers"][0]["args"][:2], ["/dlws-agent", "supervise", "run"])

    def test_it_sees_the_folders_that_hold_mount_points(self):
        paths = {v["hostPath"]["path"] for v in self.pod["volumes"]}
        self.assertEqual(paths, {"/srv/dlws", "/var/log", "/mnt", "/mnt/gluster"})
        for mount in self.pod["containers"][0]["volumeMounts"]:
            if mount["mountPath"].startswith("/mnt"):
                self.assertEqual(mount["mountPropagation"], "HostToContainer")
        refused = template({"cluster": {"sharedFolder": {"hostPath": "/data"}}})
        self.assertIn("below a folder of its own", refused.stderr)

    def test_its_token_changes_little(self):
        rules = only(self.all, "ClusterRole", "dl-agent")["rules"]
        writes = {(r["resources"][0], v) for r in rules for v in r["verbs"] if v not in ("get", "list", "watch")}
        self.assertEqual(writes, {("dlnodes", "create"), ("dlnodes/status", "patch")})


class Portal(unittest.TestCase):
    """How it serves: test/portal/."""

    def deployment(self, values):
        (found,) = [d for d in render(values) if d["kind"] == "Deployment" and d["metadata"]["name"] == "dlworkspace-portal"]
        return found["spec"]["template"]["spec"]

    def test_off_nothing_of_it_is_there(self):
        self.assertFalse([d for d in render() if "portal" in d["metadata"]["name"]])

    def test_it_has_no_more_than_it_needs(self):
        pod = self.deployment(VALUE_SETS["portal"])
        context = pod["containers"][0]["securityContext"]
        self.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"], context["capabilities"]),
                         (False, True, {"drop": ["ALL"]}))
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            self.assertNotIn(field, pod)

    def test_one_certificate(self):
        documents = render(VALUE_SETS["portal"])
        secret = only(documents, "Secret", "dlworkspace-portal-certificate")
        self.assertEqual(set(secret["data"]), {"tls.crt", "tls.key"})
        self.assertEqual(self.deployment(VALUE_SETS["portal"])["volumes"][0]["secret"]["secretName"], secret["metadata"]["name"])
        own = {"portal": {"enabled": True, "tls": {"secretName": "mine"}}}
        self.assertFalse([d for d in render(own) if d["kind"] == "Secret" and "portal" in d["metadata"]["name"]])
        self.assertEqual(self.deployment(own)["volumes"][0]["secret"]["secretName"], "mine")
        plain = VALUE_SETS["portal-behind-tls"]
        self.assertIn("--plain=true", self.deployment(plain)["containers"][0]["args"])
        self.assertEqual([volume["name"] for volume in self.deployment(plain)["volumes"]], ["token"])
        for wrong in ({"tls": {"plain": True, "secretName": "mine"}}, {"url": "http://a"}, {"url": "https://a/portal"}):
            self.assertNotEqual(template({"portal": {"enabled": True, **wrong}}).returncode, 0, wrong)

    def test_login(self):
        oidc = {"issuer": "https://login.example.org", "clientId": "dlws", "clientSecret": {"secretName": "client"},
                "ca": {"configMapName": "authorities"}}
        values = {"portal": {"enabled": True, "url": "https://dlws.example.org", "oidc": oidc, "tokens": False}}
        pod = self.deployment(values)
        for argument in ("--url=https://dlws.example.org", "--token-login=false", "--oidc-issuer=https://login.example.org",
                         "--oidc-client-id=dlws", "--oidc-client-secret-file=/oidc-client/client-secret",
                         "--oidc-ca-file=/oidc-ca/ca.crt", "--oidc-scopes=profile,email,groups"):
            self.assertIn(argument, pod["containers"][0]["args"])
        self.assertEqual({v["name"] for v in pod["volumes"]}, {"certificate", "token", "oidc-client", "oidc-ca"})
        self.assertEqual({v["name"] for v in pod["containers"][0]["volumeMounts"]}, {"certificate", "token", "oidc-client", "oidc-ca"})
        for wrong in ({"url": ""}, {"oidc": {**oidc, "clientId": ""}}, {"oidc": {**oidc, "issuer": "http://login.example.org"}}):
            self.assertNotEqual(template({"portal": {**values["portal"], **wrong}}).returncode, 0, wrong)

    def test_prometheus(self):
        pod = self.deployment(VALUE_SETS["portal"])
        self.assertFalse([a for a in pod["containers"][0]["args"] if "prometheus" in a])
        pod = self.deployment(VALUE_SETS["portal-metrics"])
        self.assertEqual([a for a in pod["containers"][0]["args"] if "prometheus" in a],
                         ["--prometheus-url=https://thanos.example.org/a", "--prometheus-scrape-seconds=60",
                          "--prometheus-labels=cluster=a,region=eu west", "--prometheus-ca-file=/prometheus-ca/ca.crt",
                          "--prometheus-token-file=/prometheus-token/token"])
        mounts = {m["name"]: m for m in pod["containers"][0]["volumeMounts"]}
        volumes = {v["name"]: v for v in pod["volumes"]}
        self.assertEqual(volumes["prometheus-token"]["secret"]["secretName"], "metrics")
        self.assertEqual(volumes["prometheus-ca"]["configMap"]["name"], "authorities")
        for name in ("prometheus-ca", "prometheus-token"):
            self.assertEqual((mounts[name]["mountPath"], mounts[name]["readOnly"]), ("/" + name, True))
        http = {"url": "http://prometheus:9090"}
        self.assertEqual([v["name"] for v in self.deployment({"portal": {"enabled": True, "prometheus": http}})["volumes"]], ["certificate", "token"])
        for wrong in ({**http, "token": {"secretName": "a"}}, {"url": "prometheus:9090"}, {"url": "http://a/?query=up"}, {"url": "http://a:b@c"},
                      {**http, "labels": {"a b": "c"}}, {**http, "labels": {"a": 'c"'}}, {**http, "labels": {"a": "b,c"}},
                      {**http, "scrapeSeconds": 0}, {**http, "podPort": 70000}):
            self.assertNotEqual(template({"portal": {"enabled": True, "prometheus": wrong}}).returncode, 0, wrong)

    def test_prometheus_is_reached_where_policies_rule(self):
        def ports(**prometheus):
            policy = only(render({"portal": {"enabled": True, "prometheus": prometheus}, "networkPolicy": {"enabled": True}}),
                          "NetworkPolicy", "dlworkspace-portal")
            return [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["egress"]][2:]

        self.assertEqual(ports(), [])
        self.assertEqual(ports(url="http://prometheus:9090/a"), [[9090]])
        self.assertEqual(ports(url="https://[fd00::1]:9091"), [[9091]])
        self.assertEqual(ports(url="https://[fd00::1]/"), [[443]])
        self.assertEqual(ports(url="http://prometheus"), [[80]])
        self.assertEqual(ports(url="http://prometheus", podPort=9090), [[9090]])

    def test_the_way_to_the_provider_is_open(self):
        def ports(issuer, **policy):
            oidc = {"issuer": issuer, "clientId": "dlws"} if issuer else {}
            values = {"portal": {"enabled": True, "url": "https://dlws.example.org", "oidc": oidc},
                      "networkPolicy": {"enabled": True, "apiServerPorts": [6443], **policy}}
            egress = only(render(values), "NetworkPolicy", "dlworkspace-portal")["spec"]["egress"]
            return [[p["port"] for p in rule["ports"]] for rule in egress]

        self.assertEqual(ports(""), [[53, 53], [6443]])
        for issuer, port in (("https://login.example.org", 443), ("https://login.example.org:8443/realms/one:2", 8443),
                             ("https://192.0.2.1/", 443), ("https://[2001:db8::1]", 443), ("https://[2001:db8::1]:5556", 5556)):
            self.assertEqual(ports(issuer), [[53, 53], [6443], [port]], issuer)
        self.assertEqual(ports("https://login.example.org", oidcPorts=[443, 8443]), [[53, 53], [6443], [443, 8443]])

    def test_proxies_that_are_believed(self):
        def arguments(*proxies):
            values = {"portal": {"enabled": True, "trustedProxies": list(proxies)}}
            return [a for a in self.deployment(values)["containers"][0]["args"] if a.startswith("--trusted-proxies")]

        self.assertEqual(arguments(), [])
        self.assertEqual(arguments("10.244.0.0/16", "fd00::/8", "192.0.2.1"), ["--trusted-proxies=10.244.0.0/16,fd00::/8,192.0.2.1"])
        for wrong in ("10.0.0.0/8,192.0.2.1", "ingress", "", "10.0.0.0/8 "):
            self.assertNotEqual(template({"portal": {"enabled": True, "trustedProxies": [wrong]}}).returncode, 0, wrong)

    def test_sessions_are_all_that_it_writes(self):
        documents = render(VALUE_SETS["portal"])
        role = only(documents, "Role", "dlworkspace-portal-sessions")
        self.assertEqual(role["metadata"]["namespace"], "dlws-sessions")
        self.assertEqual(role["rules"], [{"apiGroups": [""], "resources": ["secrets"],
                                          "verbs": ["get", "list", "watch", "create", "update", "delete"]}])
        roles = [d for d in documents if d["kind"] in ("Role", "ClusterRole") and "portal" in d["metadata"]["name"]]
        self.assertEqual(len(roles), 2)
        self.assertFalse([d for d in render({"portal": {"enabled": True}}) if d["kind"] == "Role" and "portal" in d["metadata"]["name"]])


    def test_who_reads_archives_has_two_capabilities_and_no_token(self):
        self.assertEqual([c["name"] for c in self.deployment({"portal": {"enabled": True}})["containers"]], ["portal"])
        pod = self.deployment({**VALUE_SETS["portal"], "cluster": {"sharedFolder": {"hostPath": "/mnt/shared"}}})
        self.assertFalse(pod["automountServiceAccountToken"])
        portal, archive = pod["containers"]
        self.assertIn("--archive-port=8084", portal["args"])
        self.assertIn("--root=/mnt/shared/jobfiles", archive["args"])
        context = archive["securityContext"]
        self.assertEqual(context["capabilities"], {"drop": ["ALL"], "add": ["SETGID", "SETUID"]})
        self.assertEqual((context["runAsUser"], context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]), (0, True, False))
        mounts = {mount["name"]: mount for mount in archive["volumeMounts"]}
        self.assertEqual(set(mounts), {"kube-ca", "job-folders"})
        self.assertTrue(all(mount["readOnly"] for mount in mounts.values()))
        self.assertEqual((mounts["job-folders"]["mountPath"], mounts["job-folders"]["mountPropagation"]), ("/mnt", "HostToContainer"))
        self.assertFalse([m for m in portal["volumeMounts"] if m["name"] == "job-folders"])

    def test_where_job_folders_are(self):
        def root(cluster=None, archive=None):
            values = {"portal": {"enabled": True, "archive": archive or {}}, "cluster": cluster or {}}
            return [arg for c in self.deployment(values)["containers"] for arg in c["args"] if arg.startswith("--root=")]

        storages = [{"name": "work", "hostPath": "/mnt/a", "layout": "perUser"},
                    {"name": "old", "hostPath": "/mnt/a", "path": "old", "layout": "perJob", "readOnly": True},
                    {"name": "jobs", "hostPath": "/mnt/b", "path": "all/jobs", "layout": "perJob"}]
        self.assertEqual(root({"storages": storages}), ["--root=/mnt/b/all/jobs"])
        self.assertEqual(root({"storages": storages[:2]}), [])
        self.assertEqual(root({"storages": storages}, {"hostPath": "/mnt/c"}), ["--root=/mnt/c"])
        self.assertEqual(root({"storages": storages}, {"enabled": False}), [])
        for around, error in {"/": "below a folder of its own", "/var/lib": "below a folder of its own", "/etc": "folder of the system",
                              "/mnt/../usr/share": "folder of the system", "/var/lib/kubelet": "folder of the system"}.items():
            bad = {"portal": {"enabled": True, "archive": {"hostPath": f"{around.rstrip('/')}/data"}}}
            self.assertIn(error, template(bad).stderr)
        self.assertEqual(root({}, {"hostPath": "/var/mnt/data", "path": "jobs"}), ["--root=/var/mnt/data/jobs"])


class Samba(unittest.TestCase):
    """How it serves: test/storage/samba_test.cc."""

    def setUp(self):
        self.all = render(VALUE_SETS["samba"])
        (self.deployment,) = [d for d in self.all if d["kind"] == "Deployment" and d["metadata"]["name"] == "dlworkspace-samba"]
        self.pod = self.deployment["spec"]["template"]["spec"]

    def test_off_nothing_of_it_is_there(self):
        documents = render()
        self.assertFalse([d for d in documents if "samba" in d["metadata"]["name"]])
        self.assertNotIn("samba", " ".join(operator(documents)["spec"]["template"]["spec"]["containers"][0]["args"]))

    def test_it_has_no_more_than_it_needs(self):
        context = self.pod["containers"][0]["securityContext"]
        self.assertEqual((context["allowPrivilegeEscalation"], context["readOnlyRootFilesystem"], context["capabilities"]),
                         (False, True, {"drop": ["ALL"], "add": ["DAC_READ_SEARCH", "SETGID", "SETUID"]}))
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            self.assertNotIn(field, self.pod)
        roles = {d["metadata"]["namespace"]: d["rules"] for d in self.all
                 if d["kind"] == "Role" and d["metadata"]["name"] == "dlworkspace-samba"}
        self.assertEqual(roles, {
            "dlws-samba": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"]}],
            "dlws-system": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["dlworkspace-samba"],
                             "verbs": ["get", "list", "watch"]}]})

    def test_operator_and_server_speak_of_one_config_map(self):
        arguments = operator(self.all)["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertIn("--samba-config-map=dlworkspace-samba", arguments)
        self.assertIn("--config-map=dlworkspace-samba", self.pod["containers"][0]["args"])
        self.assertNotIn("data", only(self.all, "ConfigMap", "dlworkspace-samba"))

    def test_passwords_stay_and_are_elsewhere(self):
        self.assertEqual(only(self.all, "Namespace")["metadata"]["annotations"], {"helm.sh/resource-policy": "keep"})
        refused = template({"samba": {"enabled": True, "passwords": {"namespace": "dlws-system"}}})
        self.assertIn("must be another namespace than the release's", refused.stderr)

    def test_it_sees_what_it_shows(self):
        documents = render({"samba": {"enabled": True}, "cluster": {"storages": [
            {"name": "a", "hostPath": "/srv/a", "share": "a"}, {"name": "b", "hostPath": "/mnt/b"}]}})
        (deployment,) = [d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == "dlworkspace-samba"]
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        self.assertEqual([v["hostPath"]["path"] for v in volumes if "hostPath" in v], ["/srv"])

    def test_a_domain_is_joined(self):
        def pod_annotation(deployment):
            return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/server"]

        documents = render(VALUE_SETS["domain"])
        (deployment,) = [d for d in documents if d["kind"] == "Deployment" and d["metadata"]["name"] == "dlworkspace-samba"]
        pod = deployment["spec"]["template"]["spec"]
        self.assertIn("--join=/join", pod["containers"][0]["args"])
        self.assertEqual((pod["dnsPolicy"], pod["dnsConfig"]), ("None", {"nameservers": ["192.0.2.1"], "searches": ["lab.example"]}))
        arguments = operator(documents)["spec"]["template"]["spec"]["containers"][0]["args"]
        for flag in ("--samba-realm=LAB.EXAMPLE", "--samba-workgroup=LAB", "--samba-computer=DLWORKSPACE"):
            self.assertIn(flag, arguments)
        # It knows no passwords, so it may read none; and another domain is another server.
        self.assertNotIn("dlws-samba", [d["metadata"].get("namespace") for d in documents])
        self.assertNotEqual(pod_annotation(deployment), pod_annotation(self.deployment))
        refused = template({"samba": {"enabled": True, "activeDirectory": {"realm": "LAB.EXAMPLE"}}})
        self.assertIn("needs workgroup, the domain's short name, and joinSecret", refused.stderr)


class Policies(unittest.TestCase):
    """How the rules do on a real API server: test/approval."""

    def setUp(self):
        self.all = render()
        self.policies = {d["metadata"]["name"].removeprefix("dlworkspace-"): d["spec"] for d in self.all
                         if d["kind"] == "ValidatingAdmissionPolicy"}

    def both(self, documents):
        return sorted((d for d in documents if d["kind"].startswith("ValidatingAdmissionPolicy")),
                      key=lambda d: (d["kind"], d["metadata"]["name"]))

    def test_the_operator_knows_what_there_should_be(self):
        for name, values in VALUE_SETS.items():
            with self.subTest(name):
                documents = render(values)
                configs = [d for d in documents if d["kind"] == "ConfigMap" and d["metadata"]["name"].endswith("-policies")]
                deployment = next(d for d in documents if d["kind"] == "Deployment"
                                  and d["metadata"]["labels"]["app.kubernetes.io/component"] == "operator")
                pod = deployment["spec"]["template"]
                (container,) = pod["spec"]["containers"]
                if name == "least":
                    self.assertEqual((configs, self.both(documents)), ([], []))
                    self.assertNotIn("volumes", pod["spec"])
                    self.assertNotIn("checksum/policies", pod["metadata"]["annotations"])
                    self.assertFalse([a for a in container["args"] if a.startswith("--policies")])
                    continue
                (config,) = configs
                self.assertEqual(self.both(json.loads(config["data"]["policies.json"])), self.both(documents))
                self.assertEqual(pod["spec"]["volumes"], [{"name": "policies", "configMap": {"name": config["metadata"]["name"]}}])
                (mount,) = container["volumeMounts"]
                self.assertEqual(mount, {"name": "policies", "mountPath": "/etc/dlworkspace", "readOnly": True})
                self.assertIn(f"--policies={mount['mountPath']}/policies.json", container["args"])

    def test_the_pods_roll_when_they_change(self):
        def sum_of(values):
            return operator(render(values))["spec"]["template"]["metadata"]["annotations"]["checksum/policies"]
        self.assertEqual(sum_of({}), sum_of({"replicas": 3}))
        self.assertNotEqual(sum_of({}), sum_of({"policies": {"execByApprovers": True}}))

    def test_they_do_not_need_the_webhook(self):
        self.assertEqual(self.both(self.all), self.both(render({"webhook": {"enabled": True}})))

    def test_each_fails_closed_and_is_bound(self):
        bindings = {d["spec"]["policyName"].removeprefix("dlworkspace-"): d["spec"] for d in self.all
                    if d["kind"] == "ValidatingAdmissionPolicyBinding"}
        self.assertEqual(set(self.policies), set(bindings))
        self.assertEqual(set(self.policies), {
            "submitted-by", "approvals", "four-eyes", "status", "restricted-pods", "own-objects", "own-deletions", "own-names",
            "exec", "exec-host", "ephemeral-containers", "managed-label", "node-facts", "node-labels"})
        for name, spec in self.policies.items():
            with self.subTest(name):
                binding = {"policyName": f"dlworkspace-{name}", "validationActions": ["Deny"]}
                if "paramKind" in spec:
                    by_pod = name == "exec-host"
                    self.assertEqual(spec["paramKind"], {"apiVersion": "v1", "kind": "Pod"} if by_pod else
                                     {"apiVersion": "dlworkspace.io/v1", "kind": "DLJob"})
                    selector = {"matchLabels": {"dlworkspace.io/reaches-host": "true"}} if by_pod else {}
                    binding["paramRef"] = {"selector": selector, "parameterNotFoundAction": "Allow"}
                self.assertEqual(bindings[name], binding)
                self.assertEqual(spec["failurePolicy"], "Fail")
                # What the API server would fill in is written out.
                self.assertEqual(spec["matchConstraints"]["matchPolicy"], "Equivalent")
                self.assertLessEqual({"namespaceSelector", "objectSelector"}, set(spec["matchConstraints"]))
                for rule in spec["matchConstraints"]["resourceRules"]:
                    self.assertIn(rule["scope"], ("Namespaced", "Cluster"))
                for validation in spec["validations"]:
                    self.assertEqual(validation["reason"], "Forbidden")
                    self.assertGreater(len(validation["message"]), 40)
                    self.assertNotIn("\n", validation["message"])

    def test_those_about_pods_leave_the_rest_of_the_cluster_alone(self):
        managed = {"matchLabels": {"dlworkspace.io/managed": "true"}, "matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "dlws-system"]}]}
        for name, spec in self.policies.items():
            groups = {g for r in spec["matchConstraints"]["resourceRules"] for g in r["apiGroups"]}
            selector = spec["matchConstraints"]["namespaceSelector"]
            if name in ("managed-label", "node-labels", "ephemeral-containers") or groups == {"dlworkspace.io"}:
                self.assertEqual(selector, {}, name)
            else:
                self.assertEqual(selector, managed, name)
        # What only the operator can make is left out before the jobs are gone through.
        self.assertEqual(self.policies["own-names"]["matchConstraints"]["objectSelector"],
                         {"matchExpressions": [{"key": "dlworkspace.io/job-uid", "operator": "DoesNotExist"}]})
        self.assertEqual(self.policies["ephemeral-containers"]["matchConstraints"]["objectSelector"],
                         {"matchExpressions": [{"key": "dlworkspace.io/job-uid", "operator": "Exists"}]})

    def test_each_class_of_the_definition_has_its_own_question(self):
        crd = next(yaml.safe_load(p.read_text()) for p in CRDS if p.name == "dljobapproval.yaml")
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
        classes = spec["classes"]["items"]["enum"]
        asked = [v["expression"] for v in self.policies["approvals"]["validations"] if "permissionclasses" in v["expression"]]
        self.assertEqual(len(asked), len(classes))
        for name, expression in zip(classes, asked):
            self.assertEqual(expression.count(f"'{name}'"), 2)
            self.assertEqual(expression.count("authorizer"), 1)
        (closed,) = [v["expression"] for v in self.policies["approvals"]["validations"] if ".all(c, c in " in v["expression"]]
        self.assertEqual(json.loads(closed[closed.index("c in ") + 5:-1]), classes)

    def test_the_operators_name_is_that_of_its_account(self):
        for values, user in (({}, "system:serviceaccount:dlws-system:dlworkspace-operator"),
                             ({"serviceAccount": {"create": False, "name": "there"}}, "system:serviceaccount:dlws-system:there")):
            for policy, compared in (("own-objects", "!="), ("node-labels", "==")):
                (condition,) = only(render(values), "ValidatingAdmissionPolicy", "dlworkspace-" + policy)["spec"]["matchConditions"]
                self.assertEqual(condition["expression"], f"request.userInfo.username {compared} '{user}'")

    def test_the_switches(self):
        def expressions(values, name):
            return json.dumps(only(render(values), "ValidatingAdmissionPolicy", "dlworkspace-" + name)["spec"]["validations"])
        self.assertNotIn("authorizer", expressions({}, "exec"))
        self.assertIn("check('approve')", expressions(VALUE_SETS["admission"], "exec"))
        self.assertIn("username in []", expressions({}, "approvals"))
        self.assertIn('username in [\\"system:serviceaccount:robots:approver\\"]', expressions(VALUE_SETS["admission"], "approvals"))


class Rights(unittest.TestCase):
    def rules(self, kind, name, documents=None):
        found = set()
        for rule in only(documents or render(), kind, name)["rules"]:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    names = ",".join(rule.get("resourceNames", []))
                    found |= {(f"{group}/{resource}" + (f"[{names}]" if names else ""), verb) for verb in rule["verbs"]}
        return found

    def test_the_operator_may_do_this_and_nothing_else(self):
        want = {
            "dlworkspace.io/dljobs": "get list watch delete", "dlworkspace.io/dlclusters": "get list watch", "dlworkspace.io/dlusers": "get list watch",
            "dlworkspace.io/dljobapprovals": "get list watch", "dlworkspace.io/dlnodes": "get list watch",
            "dlworkspace.io/dlclusters/status": "patch", "dlworkspace.io/dlusers/status": "patch", "/nodes": "get list watch patch",
            "dlworkspace.io/dljobs/status": "patch", "/pods": "get list watch create delete",
            "/services": "get list watch create", "/configmaps": "get create patch",
            "/secrets": "create", "apps/controllerrevisions": "get create", "/namespaces": "get list watch",
            "authorization.k8s.io/subjectaccessreviews": "create",
            **{f"admissionregistration.k8s.io/{resource}": "get list watch" for resource in (
                "validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingwebhookconfigurations",
                "validatingwebhookconfigurations")},
            "events.k8s.io/events": "create patch",
        }
        self.assertEqual(self.rules("ClusterRole", "dlworkspace-operator"),
                         {(resource, verb) for resource, verbs in want.items() for verb in verbs.split()})
        lease = "coordination.k8s.io/leases"
        self.assertEqual(self.rules("Role", "dlworkspace-operator"),
                         {(lease, "create")} | {(lease + "[dlworkspace-operator]", v) for v in ("get", "update", "patch")})

    def test_people_never_write_status(self):
        for who, verbs, scale in (
                ("viewer", "get list watch", "get"),
                ("editor", "get list watch create update patch delete", "get update patch"),
                ("approver", "get list watch approve", "get"),
                ("admin", "get list watch create update patch delete deletecollection", "get update patch")):
            self.assertEqual(self.rules("ClusterRole", "dlworkspace-" + who),
                             {("dlworkspace.io/dljobs", v) for v in verbs.split()} |
                             {("dlworkspace.io/dljobs/scale", v) for v in scale.split()} |
                             {("dlworkspace.io/dljobtemplates", v) for v in verbs.split() if v != "approve"} |
                             {("dlworkspace.io/dljobs/status", "get")} |
                             {(resource, v) for resource in ("/pods", "/pods/log", "/events", "events.k8s.io/events")
                              for v in ("get", "list", "watch")} |
                             {("dlworkspace.io/dljobapprovals", v) for v in (
                                 "get", "list", "watch", *(("create", "delete") if who == "approver" else ()))} |
                             ({("dlworkspace.io/permissionclasses", "approve")} if who == "approver" else set()))

    def test_the_portal_fills_its_caches_and_nothing_else(self):
        documents = render({"portal": {"enabled": True}})
        rules = self.rules("ClusterRole", "dlworkspace-portal", documents)
        self.assertEqual({verb for _, verb in rules}, {"get", "list", "watch"})
        self.assertIn(("dlworkspace.io/dljobtemplates", "watch"), rules)
        self.assertFalse([resource for resource, _ in rules if "secrets" in resource or "impersonate" in resource])

    def test_all_see_the_clusters_numbers_unless_told_otherwise(self):
        name = "dlworkspace-cluster-viewer"
        documents = render({"portal": {"enabled": True}})
        self.assertEqual(self.rules("ClusterRole", name, documents), {("dlworkspace.io/clusterstatuses", "get")})
        self.assertEqual([s["name"] for s in only(documents, "ClusterRoleBinding", name)["subjects"]], ["system:authenticated"])
        documents = render({"portal": {"enabled": True, "clusterStatusForAll": False}})
        self.assertFalse([d for d in documents if d["kind"] == "ClusterRoleBinding" and d["metadata"]["name"] == name])
        only(documents, "ClusterRole", name)

    def test_nobody_approves_by_aggregation(self):
        labels = only(render(), "ClusterRole", "dlworkspace-approver")["metadata"]["labels"]
        self.assertFalse([label for label in labels if "aggregate" in label])

    def test_aggregation(self):
        for who, into in (("viewer", "view"), ("editor", "edit"), ("admin", "admin")):
            label = f"rbac.authorization.k8s.io/aggregate-to-{into}"
            self.assertEqual(only(render(), "ClusterRole", "dlworkspace-" + who)["metadata"]["labels"][label], "true")
            off = only(render({"rbac": {"aggregate": False}}), "ClusterRole", "dlworkspace-" + who)
            self.assertNotIn(label, off["metadata"]["labels"])

    def test_bindings_name_the_account(self):
        for values, account in (({}, "dlworkspace-operator"), (VALUE_SETS["least"], "there")):
            documents = render(values)
            self.assertEqual(operator(documents)["spec"]["template"]["spec"]["serviceAccountName"], account)
            for kind in ("ClusterRoleBinding", "RoleBinding"):
                self.assertEqual(only(documents, kind, "dlworkspace-operator")["subjects"],
                                 [{"kind": "ServiceAccount", "name": account, "namespace": "dlws-system"}])


class Cluster(unittest.TestCase):
    def test_a_hook_that_runs_whenever_the_release_changes(self):
        # As an ordinary object it could not be installed together with its definition.
        self.assertEqual(only(render(), "DLCluster")["metadata"]["annotations"], {
            "helm.sh/hook": "post-install,post-upgrade,post-rollback",
            "helm.sh/hook-delete-policy": "before-hook-creation"})

    def test_its_settings_come_from_the_values(self):
        values = VALUE_SETS["everything"]
        cluster = only(render(values), "DLCluster")
        want = {key: value for key, value in values["cluster"].items() if key != "create"}
        want |= {"checkStorages": True, "helperImage": operator(render(values))["spec"]["template"]["spec"]["containers"][0]["image"]}
        self.assertEqual(cluster["spec"], want)
        self.assertEqual(cluster["metadata"]["name"], "cluster")

    def test_every_field_is_in_the_definition(self):
        for values in ({}, VALUE_SETS["everything"]):
            self.assertEqual(unknown_fields(only(render(values), "DLCluster")["spec"], spec_schema("DLCluster")), [])

    def test_without_a_shared_folder_none_is_named(self):
        self.assertNotIn("sharedFolder", only(render(), "DLCluster")["spec"])

    def test_by_default_no_log_is_deleted(self):
        self.assertNotIn("logs", only(render(), "DLCluster")["spec"])


class Schema(unittest.TestCase):
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def test_a_mistyped_name_is_refused_at_every_level(self):
        def places(value, path=()):
            yield path
            for key, inner in value.items():
                if isinstance(inner, dict):
                    yield from places(inner, path + (key,))

        free = {("podLabels",), ("podAnnotations",), ("nodeSelector",), ("agent", "nodeSelector"), ("serviceAccount", "annotations"),
                ("samba", "nodeSelector"), ("samba", "service", "annotations"), ("portal", "service", "annotations"),
                ("portal", "prometheus", "labels"),
                *(("metrics", part, "labels") for part in ("serviceMonitor", "prometheusRule", "dashboard"))}
        tried = 0
        for path in places(self.values):
            if path in free:
                continue
            values = {"mistyped": "1"}
            for key in reversed(path):
                values = {key: values}
            with self.subTest(path=".".join(path)):
                result = template(values)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("mistyped", result.stderr)
            tried += 1
        self.assertGreater(tried, 15)

    def test_wrong_values_are_refused(self):
        for path, value in {
            "replicas": 0, "operator.logLevel": "loud", "operator.healthPort": 80, "operator.watchNamespace": "a/b", "image.repository": "",
            "image.tag": "a b", "image.digest": "sha256:12", "image.pullPolicy": "Sometimes",
            "cluster.sharedFolder.hostPath": "relative/path", "cluster.gpu.driver.mode": "Magic",
            "cluster.gpu.driver.hostPath": "", "cluster.defaultUser.uid": 0, "cluster.defaultUser.gid": 0,
            "crds.enabled": "yes", "fullnameOverride": "Upper", "networkPolicy.apiServerPorts": [],
            "resources.requests.cpu": "much", "metrics.serviceMonitor.interval": "30",
            "samba.activeDirectory.realm": "lab example", "samba.computerName": "A-NAME-OF-16-CHARS",
            "samba.service.type": "Magic", "samba.passwords.namespace": "Upper",
            "cluster.logs.keepDays": -1, "cluster.logs.keepPerUser": "200", "agent.sweepSeconds": 0,
            "portal.service.nodePort": 70000, "portal.staleVerdictSeconds": -1, "portal.replicas": 0,
            "policies.approverServiceAccounts": ["carol"], "policies.execByApprovers": "yes",
        }.items():
            values = value
            for key in reversed(path.split(".")):
                values = {key: values}
            with self.subTest(path=path):
                result = template(values)
                self.assertNotEqual(result.returncode, 0, f"{path}: {value} was taken")
                self.assertIn(path.split(".")[-1], result.stderr)

    def test_every_value_is_described_and_every_description_has_a_value(self):
        def walk(schema, values, path):
            self.assertIn("description", schema, path)
            if "properties" not in schema or path == ".cluster.podTemplate":
                return
            self.assertIs(schema["additionalProperties"], False, path)
            # Helm's own, and a limit that is better not set: a throttled operator renews no lease.
            names = set(schema["properties"]) - {"": {"global"}, ".resources.limits": {"cpu"}, ".webhook.resources.limits": {"cpu"},
                                                ".agent.resources.limits": {"cpu"}, ".samba.resources.limits": {"cpu"},
                                                ".portal.resources.limits": {"cpu"},
                                                ".portal.archive.resources.limits": {"cpu"}}.get(path, set())
            self.assertEqual(names, set(values), path)
            for name in names:
                walk(schema["properties"][name], values[name], f"{path}.{name}")

        walk(self.schema, self.values, "")


class Digits(unittest.TestCase):
    def test_the_manifests_hold_the_scripts_beside_them(self):
        result = subprocess.run([DIGITS / "embed.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stderr)
        for manifest, script in (("dljob.yaml", "train.py"), ("data.yaml", "prepare.py")):
            (file,) = yaml.safe_load((DIGITS / manifest).read_text())["spec"]["files"]
            self.assertEqual(file["content"], (DIGITS / script).read_text())

    def test_every_field_is_in_the_definition(self):
        for manifest in ("dljob.yaml", "data.yaml"):
            spec = yaml.safe_load((DIGITS / manifest).read_text())["spec"]
            self.assertEqual(unknown_fields(spec, spec_schema("DLJob")), [], manifest)


if __name__ == "__main__":
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
