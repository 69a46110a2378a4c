#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metrics of operator and agents, read by a real Prometheus while jobs run, wait, fail and go.

  test/metrics/metrics_test.py [unittest arguments]
  test/metrics/metrics_test.py --write-docs     writes the table in docs/reference/metrics.md

Every query of the dashboard must have an answer, every alert must be one that Prometheus evaluates, every
metric must be documented. Installs the operator on the test cluster when it is not there
(test/cluster/install.sh). The last line is `N passed, N failed, N skipped`.
"""
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/chart"))
from chart_test import only, render  # noqa: E402: what the chart renders is told there

DOCS = ROOT / "docs/reference/metrics.md"
INSTANCE = os.environ.get("DLWS_INSTANCE", "0")
STATE = os.environ.get("DLWS_STATE", "/var/lib/dlws-cluster" + ("" if INSTANCE == "0" else "-" + INSTANCE))
ADDRESS = f"127.86.{INSTANCE}.1:9090"   # loopback, as in test/cluster/settings.sh
NAMESPACE = f"metrics-{int(time.time()) & 0xffffff:x}"
NO_QUOTA = NAMESPACE + "-full"
# Queries that may have no answer while this test runs, each with the reason.
MAY_BE_EMPTY = {}

# A job of each fate. The image is the small one of the end-to-end tests.
JOBS = {
    "succeeds": "command: [sleep, '3']",
    "fails": "command: [bash, -c, 'exit 3']\nretry: {limit: 1}",
    "unlucky": "command: [bash, -c, 'exit 40']\nretry: {infrastructureLimit: 1}\n"
               "roles: [{name: worker, exitCodes: [{codes: '40', action: Retry}]}]",
    "runs": "command: [sleep, '600']\nroles: [{name: worker, replicas: 2, gpus: 1}]",
    "too-big": "command: ['true']\nroles: [{name: worker, replicas: 4, gpus: 8}]",
    "sleeps": "command: ['true']\nsuspend: true",
}


def run(*command, text=None, timeout=60):
    result = subprocess.run([str(c) for c in command], input=text, capture_output=True, text=True, timeout=timeout,
                            check=False, cwd=ROOT)
    if result.returncode != 0:
        raise AssertionError(f"exit {result.returncode} of {command}:\n{result.stdout}{result.stderr}")
    return result.stdout


def kubectl(*arguments, text=None):
    return run("script/cluster", "kubectl", *arguments, text=text)


def wait_until(what, done, seconds=60):
    end = time.monotonic() + seconds
    while not (value := done()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.25)
    return value


def read(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def api(path, **arguments):
    """Prometheus' HTTP API; an error it reports is a failure."""
    try:
        document = json.loads(read(f"http://{ADDRESS}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"))
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{path} {arguments}: {error.read().decode()}") from error
    assert document["status"] == "success", document
    return document["data"]


def query(expression):
    """[(labels, value)]"""
    data = api("query", query=expression)
    assert data["resultType"] == "vector", expression
    return [(sample["metric"], float(sample["value"][1])) for sample in data["result"]]


def families(text):
    """{name: (type, help, labels)} of a text in Prometheus' format."""
    found = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            found[name] = ["", help_text, set()]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            found[name][0] = kind
        elif line:
            series = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*", line).group()
            name = series if series in found else re.sub(r"_(bucket|sum|count)$", "", series)
            found[name][2] |= set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', line)) - {"le"}
    return found


class World:
    """The operator, Prometheus that reads it, and jobs."""

    def __init__(self):
        run("test/cluster/install.sh", timeout=2400)
        self.documents = render({"metrics": {"serviceMonitor": {"enabled": True, "interval": "1s"},
                                             "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}})
        self.dashboard = json.loads(only(self.documents, "ConfigMap", "dlworkspace-operator-dashboard")["data"]["dlworkspace.json"])
        self.rules = only(self.documents, "PrometheusRule")["spec"]
        pods = json.loads(kubectl("-n", "dlws-system", "get", "pods", "-o", "json",
                                  "-l", "app.kubernetes.io/component=operator"))["items"]
        self.replicas = {pod["metadata"]["name"]: f"{pod['status']['podIP']}:8080" for pod in pods
                         if not pod["metadata"].get("deletionTimestamp")}
        # Of the real nodes: simulated ones have agents that do nothing.
        pods = json.loads(kubectl("-n", "dlws-system", "get", "pods", "-o", "json",
                                  "-l", "app.kubernetes.io/component=agent"))["items"]
        self.nodes = {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in pods
                      if re.fullmatch(r"dlws-node-[0-9]", pod["spec"]["nodeName"]) and not pod["metadata"].get("deletionTimestamp")}
        self.agents = {pod["metadata"]["name"]: f"{pod['status']['podIP']}:8082" for pod in pods
                       if pod["metadata"]["name"] in self.nodes}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="dlws-metrics-"))
        self.prometheus = None

    def scrapes(self, name, pods):
        """What the Prometheus operator makes of a monitor, with the addresses filled in."""
        (endpoint,) = only(self.documents, "ServiceMonitor", name)["spec"]["endpoints"]
        service = only(self.documents, "Service", name + "-metrics")["metadata"]["name"]
        node = {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"} in endpoint.get("relabelings", [])
        return {"job_name": service, "honor_labels": endpoint.get("honorLabels", False), "metrics_path": endpoint["path"],
                "scrape_interval": endpoint["interval"],
                "static_configs": [{"targets": [address],
                                    "labels": {"namespace": "dlws-system", "pod": pod, "service": service,
                                               "endpoint": endpoint["port"], "container": name.split("-")[-1],
                                               **({"node": self.nodes[pod]} if node else {})}}
                                   for pod, address in pods.items()]}

    def start_prometheus(self):
        config = {
            "global": {"evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [self.scrapes("dlworkspace-operator", self.replicas), self.scrapes("dlworkspace-agent", self.agents)],
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (self.folder / "rules.yaml").write_text(yaml.safe_dump(self.rules))
        run("promtool", "check", "config", self.folder / "prometheus.yml")
        with open(self.folder / "prometheus.log", "w", encoding="utf-8") as log:
            self.prometheus = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address={ADDRESS}"], stdout=log, stderr=subprocess.STDOUT)

        def ready():
            if self.prometheus.poll() is not None:
                raise AssertionError("Prometheus ended:\n" + (self.folder / "prometheus.log").read_text())
            try:
                return read(f"http://{ADDRESS}/-/ready")
            except OSError:
                return None
        wait_until("Prometheus is ready", ready, 30)
        # It begins to read some seconds later.
        wait_until("it has read every replica twice",
                   lambda: len(query("count_over_time(up[1m]) > 1 and up == 1")) == len(self.replicas | self.agents), 30)

    def submit(self, name, spec, namespace=NAMESPACE):
        lines = f"image: dlworkspace.io/tools:1\npodOverrides: {{terminationGracePeriodSeconds: 1}}\n{spec}".splitlines()
        kubectl("create", "-f", "-", text="\n".join(
            ["apiVersion: dlworkspace.io/v1", "kind: DLJob", f"metadata: {{name: {name}, namespace: {namespace}}}", "spec:",
             *("  " + line for line in lines)]))

    def start_jobs(self):
        for namespace in (NAMESPACE, NO_QUOTA):
            kubectl("create", "namespace", namespace)
            kubectl("label", "namespace", namespace, "dlworkspace.io/managed=true")
            wait_until("the namespace has its ServiceAccount", lambda ns=namespace: kubectl(
                "-n", ns, "get", "serviceaccounts", "-o", "name"))
        kubectl("-n", NO_QUOTA, "create", "quota", "none", "--hard=pods=0")
        for name, spec in JOBS.items():
            self.submit(name, spec)
        wait_until("the quota counts", lambda: kubectl("-n", NO_QUOTA, "get", "quota", "none", "-o", "jsonpath={.status.hard.pods}"))
        self.submit("asks", "command: ['true']", NO_QUOTA)
        want = {"succeeds": "Succeeded", "fails": "Failed", "unlucky": "Failed", "runs": "Running", "sleeps": "Suspended"}

        def settled():
            jobs = self.jobs()
            return (all(jobs[name]["status"].get("phase") == phase for name, phase in want.items())
                    and jobs["too-big"]["status"].get("pending", {}).get("reason") == "Unschedulable"
                    and jobs["asks"]["status"].get("pending", {}).get("reason") == "QuotaExceeded")
        wait_until("every job has met its fate", settled, 60)
        time.sleep(4)   # counts are told with a delay of 2 s, and Prometheus reads each second

    @staticmethod
    def jobs():
        items = json.loads(kubectl("get", "dljobs", "-A", "-o", "json"))["items"]
        return {job["metadata"]["name"]: {"status": {}, **job} for job in items
                if job["metadata"]["namespace"] in (NAMESPACE, NO_QUOTA)}

    def text(self, pod):
        return read(f"http://{(self.replicas | self.agents)[pod]}/metrics")

    def leader(self):
        ((labels, _),) = query('leader_election_master_status{name="dlworkspace-operator"} == 1')
        return labels["pod"]

    def end(self):
        kubectl("delete", "namespace", NAMESPACE, NO_QUOTA, "--wait=false", "--ignore-not-found")
        if self.prometheus:
            self.prometheus.terminate()
            self.prometheus.wait(20)
        shutil.rmtree(self.folder)


def setUpModule():
    global world
    world = World()
    unittest.addModuleCleanup(world.end)
    world.start_prometheus()
    world.start_jobs()


def targets():
    """(panel, expression) of every query of the dashboard."""
    return [(panel["title"], target["expr"]) for panel in world.dashboard["panels"] for target in panel.get("targets", [])]


def filled_in(expression, namespace=".*"):
    """Grafana's variables; the interval is as long as this test."""
    return (expression.replace("$__rate_interval", "2m").replace("$namespace", namespace).replace("$operator", "dlworkspace-operator-metrics"))


class Dashboard(unittest.TestCase):
    def test_every_query_has_an_answer(self):
        for title, expression in targets():
            with self.subTest(panel=title, query=expression):
                self.assertNotRegex(filled_in(expression), r"\$")
                answer = query(filled_in(expression))
                if not answer:
                    self.assertIn(expression, MAY_BE_EMPTY)
                # A quantile is not a number for a verb, say, that nobody has used of late.
                else:
                    self.assertTrue(any(math.isfinite(value) for _, value in answer), answer)
        print(f"figure dashboard_queries {len(targets())} queries")

    def test_what_may_be_empty_is_still_asked(self):
        self.assertLessEqual(set(MAY_BE_EMPTY), {expression for _, expression in targets()})

    def test_every_legend_names_labels_that_are_there(self):
        for panel in world.dashboard["panels"]:
            for target in panel.get("targets", []):
                labels = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
                for have, _ in query(filled_in(target["expr"])):
                    self.assertLessEqual(labels, set(have), panel["title"])

    def test_variables_have_values(self):
        for variable in world.dashboard["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
                values = {labels[label] for labels, _ in query(f"group by ({label}) ({metric})")}
                self.assertTrue(values, variable["name"])
                if variable["name"] == "namespace":
                    self.assertLessEqual({NAMESPACE, NO_QUOTA}, values)

    def panel(self, title, namespace, *labels):
        expression = next(e for t, e in targets() if t == title)
        return {tuple(have[label] for label in labels): value for have, value in query(filled_in(expression, namespace))}

    def test_jobs_are_in_the_phase_that_kubernetes_says(self):
        want = {}
        for job in world.jobs().values():
            if job["metadata"]["namespace"] == NAMESPACE:
                phase = job["status"].get("phase", "Unknown")
                want[(phase,)] = want.get((phase,), 0) + 1
        self.assertEqual(self.panel("Jobs by phase", NAMESPACE, "phase"), want)
        self.assertEqual(sum(want.values()), len(JOBS))

    def test_gpus_held(self):
        self.assertEqual(self.panel("GPUs held by namespace", NAMESPACE, "namespace"), {(NAMESPACE,): 2}, "those of `runs` alone")

    def test_gpus_are_those_that_nodes_have(self):
        nodes = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
        gpus = sum(int(node["status"]["capacity"].get("nvidia.com/gpu", 0)) for node in nodes)
        self.assertEqual(sum(self.panel("GPUs by state", ".*", "state").values()), gpus)
        self.assertEqual(sum(self.panel("Nodes by state", ".*", "state").values()), len(nodes))
        ((user, held),) = ((user, held) for (namespace, user), held in
                           self.panel("Who holds most GPUs", NAMESPACE, "namespace", "user").items())
        self.assertEqual((user, held), ("admin", 2), "those of `runs` alone, whose user is kubectl's")

    def test_pending_by_class_and_reason(self):
        self.assertEqual(self.panel("Jobs that wait, by reason", NAMESPACE, "class", "reason"), {("Wait", "Unschedulable"): 1})
        self.assertEqual(self.panel("Jobs that wait for somebody", NO_QUOTA, "class", "reason"), {("Ask", "QuotaExceeded"): 1})

    def test_failed_attempts_by_cause(self):
        jobs = world.jobs().values()
        for cause, field in (("User", "user"), ("Infrastructure", "infrastructure")):
            want = sum(job["status"].get("restarts", {}).get(field, 0) for job in jobs)
            self.assertGreaterEqual(want, 1)
            self.assertEqual(self.panel("Failed attempts by cause", NAMESPACE, "cause")[(cause,)], want)

    def test_how_jobs_ended_is_counted(self):
        counts = self.panel("Jobs finished in the last hour", ".*", "outcome", "reason")
        self.assertIn(("Succeeded", "Succeeded"), counts)
        self.assertIn(("Failed", "ExitCode"), counts)

    def test_storages_are_healthy_where_agents_look(self):
        nodes = self.panel("Nodes by state of each storage", ".*", "storage", "state")
        for storage in ("data", "work", "jobfiles"):
            self.assertGreaterEqual(nodes[(storage, "Healthy")], len(world.agents))

    def test_logs_are_counted_where_they_are(self):
        self.assertEqual({node for (node,) in self.panel("Logs that wait for the storage", ".*", "node")}, set(world.nodes.values()))
        self.assertEqual(self.panel("Archived logs deleted in the last hour", ".*", "reason"), {("Age",): 0, ("Size",): 0})

    def test_another_namespace_is_empty(self):
        self.assertEqual(self.panel("Jobs by phase", "no-such-namespace", "phase"), {})

    def test_one_leads(self):
        self.assertEqual(sorted(self.panel("Leader", ".*", "instance").values()), [0] * (len(world.replicas) - 1) + [1])


class Alerts(unittest.TestCase):
    def test_prometheus_evaluates_every_alert(self):
        rules = [rule for group in api("rules")["groups"] for rule in group["rules"]]
        self.assertEqual(sorted(r["name"] for r in rules), sorted(r["alert"] for g in world.rules["groups"] for r in g["rules"]))
        for rule in rules:
            with self.subTest(rule["name"]):
                self.assertEqual((rule["health"], rule.get("lastError", "")), ("ok", ""))
                query(rule["query"])

    def test_only_the_job_that_needs_somebody_is_on_its_way(self):
        state = {rule["name"]: rule["state"] for group in api("rules")["groups"] for rule in group["rules"]}
        self.assertEqual(state.pop("DLWorkspaceJobNeedsSomebody"), "pending")
        state.pop("DLWorkspaceStorageNotHealthy")   # of simulated nodes, where there are some, no agent tells anything
        state.pop("DLWorkspaceReconcileErrors")   # a refused pod is an error, and this cluster does little else
        self.assertEqual(set(state.values()), {"inactive"})

    def test_when_they_fire(self):
        rules = json.loads(json.dumps(world.rules))
        for group in rules["groups"]:
            for rule in group["rules"]:
                del rule["annotations"]["description"]
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "rules.yaml").write_text(yaml.safe_dump(rules))
            cases = ROOT / "test/metrics/alerts_test.yaml"
            shutil.copy(cases, folder)
            run("promtool", "check", "rules", folder + "/rules.yaml")
            run("promtool", "test", "rules", folder + "/alerts_test.yaml")
            tests = yaml.safe_load(cases.read_text())["tests"]
        checked = [c for test in tests for c in test["alert_rule_test"]]
        for rule in (r["alert"] for g in rules["groups"] for r in g["rules"]):
            fires = {bool(c["exp_alerts"]) for c in checked if c["alertname"] == rule}
            self.assertEqual(fires, {True, False}, f"{rule}: a case in which it fires, and one in which it does not")


class Text(unittest.TestCase):
    def test_promtool_finds_nothing_to_say(self):
        for pod in world.replicas | world.agents:
            result = subprocess.run(["promtool", "check", "metrics"], input=world.text(pod), capture_output=True, text=True,
                                    check=False)
            self.assertEqual((result.returncode, result.stdout + result.stderr), (0, ""), pod)

    def test_only_the_leader_has_series_of_jobs(self):
        leader = world.leader()
        for pod in world.replicas:
            self.assertEqual("\nkube_dlws_" in world.text(pod), pod == leader)

    def test_the_namespace_is_the_jobs_own(self):
        for labels, _ in query("kube_dlws_dljob_created"):
            self.assertNotIn("exported_namespace", labels)
            self.assertNotEqual(labels["namespace"], "dlws-system")

    def test_a_deleted_job_takes_its_series_with_it(self):
        def series():
            return query(f'kube_dlws_dljob_created{{namespace="{NAMESPACE}",dljob="gone"}}')
        world.submit("gone", "command: ['true']\nsuspend: true")
        wait_until("it has series", series, 10)
        kubectl("-n", NAMESPACE, "delete", "dljob", "gone")
        wait_until("they go", lambda: not series(), 10)
        self.assertNotIn('dljob="gone"', world.text(world.leader()))

    def test_a_scrape_is_fast_and_small(self):
        (_, seconds) = max(query("scrape_duration_seconds"), key=lambda sample: sample[1])
        size = len(world.text(world.leader()))
        print(f"figure metrics_scrape_ms {seconds * 1000:.1f} ms goal <= 500")
        print(f"figure metrics_scrape_bytes {size} bytes")
        self.assertLessEqual(seconds, 0.5)


class Documentation(unittest.TestCase):
    @staticmethod
    def served():
        """{name: (type, help, labels, whose)}"""
        merged = {}
        for whose, pods in (("agent", world.agents), ("operator", world.replicas)):
            for pod in pods:
                for name, (kind, help_text, labels) in families(world.text(pod)).items():
                    row = merged.setdefault(name, (kind, help_text, set(), set()))
                    row[2].update(labels)
                    row[3].add(whose)
        return merged

    @classmethod
    def table(cls):
        rows = ["| metric | type | labels | served by | what it says |", "|---|---|---|---|---|"]
        for name, (kind, help_text, labels, whose) in sorted(cls.served().items()):
            shown = ", ".join(f"`{label}`" for label in sorted(labels))
            rows.append(f"| `{name}` | {kind} | {shown} | {', '.join(sorted(whose))} | {help_text} |")
        return "\n".join(rows)

    def test_what_is_served_is_what_is_documented(self):
        documented = re.search(r"^\| metric .*?(?=\n\n|\Z)", DOCS.read_text(), re.M | re.S).group().rstrip()
        self.maxDiff = None
        self.assertEqual(documented.splitlines(), self.table().splitlines(),
                         "the table in docs/reference/metrics.md is out of date: test/metrics/metrics_test.py --write-docs")

    def test_nothing_has_its_own_name_as_help(self):
        for name, (_, help_text, _, _) in self.served().items():
            self.assertNotEqual(name, help_text)


def write_docs():
    setUpModule()
    try:
        text = re.sub(r"^\| metric .*?(?=\n\n|\Z)", lambda _: Documentation.table(), DOCS.read_text().rstrip(), flags=re.M | re.S)
        DOCS.write_text(text + "\n")
    finally:
        world.end()


if __name__ == "__main__":
    if sys.argv[1:] == ["--write-docs"]:
        write_docs()
        sys.exit()
    program = unittest.main(exit=False, verbosity=2)
    result = program.result
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
