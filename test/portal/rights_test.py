#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of rights: each operation that the portal serves, by each kind of person, on their own job, another's and one
that does not exist, and on a template that is there and one that is not, on a real cluster (script/cluster up --oidc, test/cluster/install.sh). Editor and approver are people
whom the OpenID provider knows: ServiceAccounts may not approve, nor what one of their namespace has made.

What must come out is not taken from the portal: x-asks and x-writes of its description say which rights an operation
needs, and the API server's authorizer, asked as an administrator, says who has them. The last line is
`N passed, N failed, N skipped`; a cell that is not as it must be is a failure, and so is an operation without a row.
"""
import base64
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

REPO = pathlib.Path(__file__).resolve().parents[2]
NS = "portal-rights"
PERSONS = {"editor": "alice", "approver": "carol"}  # at the OpenID provider
SERVER_NAME = "dlworkspace-portal.dlws-system.svc"
ROLES = {"viewer": "dlworkspace-viewer", "editor": "dlworkspace-editor", "approver": "dlworkspace-approver",
         "admin": "dlworkspace-admin", "stranger": None}
PEOPLE = [*ROLES, "nobody"]  # who has no token
JOB = {"apiVersion": "dlworkspace.io/v1", "kind": "DLJob",
       "spec": {"image": "dlworkspace.io/tools:1", "command": ["true"], "suspend": True}}
ASKING = {**JOB, "spec": {"image": "dlworkspace.io/tools@sha256:" + "0" * 64, "command": ["true"], "permissions": {"hostNetwork": True}}}
DECISIONS = ("ApproveJob", "DenyJob")
TEMPLATE = {"title": "A test", "job": {"spec": {"image": "dlworkspace.io/tools:1", "command": ["true"]}}}
OF_TEMPLATES = {("GetTemplate", "there"): 200, ("GetTemplate", "absent"): 404, ("SaveTemplate", "there"): 200, ("SaveTemplate", "absent"): 201,
                ("DeleteTemplate", "there"): 204, ("DeleteTemplate", "absent"): 404}


def kubectl(*arguments, text=""):
    done = subprocess.run([REPO / "script/cluster", "kubectl", *arguments], input=text, capture_output=True, text=True, errors="replace",
                          timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr}")
    return done.stdout


class Server:
    """One HTTPS server; a call is (status, JSON or text)."""

    def __init__(self, address, port, context, name=None):
        self.address, self.port, self.context, self.name = address, port, context, name or address

    def call(self, method, path, token=None, body=None, media="application/json", read=True, more=None):
        connection = http.client.HTTPSConnection(self.address, self.port, timeout=40, context=self.context)
        if self.name != self.address:  # its certificate is for the Service's name
            connection.connect = lambda: _connect(connection, self.context, self.name)
        headers = {"Host": self.name, **({"Authorization": "Bearer " + token} if token else {}), **(more or {})}
        if body is not None:
            headers["Content-Type"] = media
            body = body if isinstance(body, str) else json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read() if read else b""
            kind = answer.headers.get("Content-Type", "")
            return answer.status, json.loads(text) if "json" in kind and text else text.decode(errors="replace")
        finally:
            connection.close()


def _connect(connection, context, name):
    http.client.HTTPConnection.connect(connection)
    connection.sock = context.wrap_socket(connection.sock, server_hostname=name)


def api_server():
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for key in ("client-certificate-data", "client-key-data"):
            files.append(pathlib.Path(folder) / key)
            files[-1].write_bytes(base64.b64decode(user[key]))
        context.load_cert_chain(*files)
    url = urllib.parse.urlsplit(cluster["server"])
    return Server(url.hostname, url.port, context)


def portal():
    pods = json.loads(kubectl("-n", "dlws-system", "get", "pods", "-l", "app.kubernetes.io/component=portal", "-o", "json"))
    address = next(p["status"]["podIP"] for p in pods["items"]
                   if "deletionTimestamp" not in p["metadata"] and all(c["ready"] for c in p["status"]["containerStatuses"]))
    secret = json.loads(kubectl("-n", "dlws-system", "get", "secret", "dlworkspace-portal-certificate", "-o", "json"))
    context = ssl.create_default_context(cadata=base64.b64decode(secret["data"]["tls.crt"]).decode())
    return Server(address, 8443, context, SERVER_NAME)


class Table:
    def __init__(self):
        self.api, self.portal = api_server(), portal()
        self.jobs = f"/apis/dlworkspace.io/v1/namespaces/{NS}/dljobs"
        self.templates = f"/apis/dlworkspace.io/v1/namespaces/{NS}/dljobtemplates"
        self.passed, self.failures = 0, []
        self.tokens, self.users = {"nobody": None}, {}
        self.settings = json.loads(kubectl("get", "dlcluster", "cluster", "-o", "json"))["spec"].get("permissions", [])
        self.prepare()

    def set_permissions(self, rules):
        kubectl("patch", "dlcluster", "cluster", "--type=merge", "-p", json.dumps({"spec": {"permissions": rules}}))

    def log_in(self, who):
        """Makes its token, and what the API server makes of it: username and groups."""
        if who in PERSONS:
            self.tokens[who] = subprocess.run([REPO / "script/cluster", "token", PERSONS[who]], capture_output=True, text=True,
                                              timeout=60, check=True).stdout.strip()
        else:
            kubectl("apply", "-f", "-", text=json.dumps(
                {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": who, "namespace": NS}}))
            self.tokens[who] = kubectl("-n", NS, "create", "token", who, "--duration=1h").strip()
        status, review = self.api_as(self.tokens[who], "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews",
                                     {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})
        if status != 201:
            raise RuntimeError(f"who is {who}? {status} {review}")
        self.users[who] = review["status"]["userInfo"]

    def prepare(self):
        self.set_permissions([*self.settings, {"class": "hostNetwork", "policy": "RequireApproval"}])
        kubectl("apply", "-f", "-", text=json.dumps(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NS, "labels": {"dlworkspace.io/managed": "true"}}}))
        for who, role in ROLES.items():
            self.log_in(who)
            if role:
                kubectl("apply", "-f", "-", text=json.dumps(
                    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": who, "namespace": NS},
                     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                     "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": self.users[who]["username"]}]}))
        deadline = time.monotonic() + 30
        while self.portal.call("GET", f"/api/v1/jobs?namespace={NS}", self.tokens["viewer"])[0] != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("after 30 s the viewer may not list jobs")
            time.sleep(0.5)

    def may(self, who, rule, name):
        """What the API server's authorizer says of somebody; of several verbs all must be allowed."""
        attributes = {"group": rule["group"], "resource": rule["resource"]}
        if rule["group"] not in ("authentication.k8s.io", "authorization.k8s.io") and rule["resource"] not in ("clusterstatuses", "dlusers"):
            attributes["namespace"] = NS
        if "subresource" in rule:
            attributes["subresource"] = rule["subresource"]
        if name and (rule.get("name") or rule["verb"] in ("get", "patch", "delete")) and rule["resource"] == "dljobs":
            attributes["name"] = name
        for verb in rule["verb"].split(", "):
            spec = {"user": self.users[who]["username"], "groups": self.users[who]["groups"],
                    "resourceAttributes": {**attributes, "verb": verb}}
            status, review = self.api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews",
                                           body={"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
            if status != 201:
                raise RuntimeError(f"SubjectAccessReview: {status} {review}")
            if not review["status"].get("allowed"):
                return False
        return True

    def job_of(self, operation, who, whose):
        """The name of a job that is there, or is not; none: there can be no such job."""
        if whose == "absent":
            return "absent"
        if whose == "own" and who not in ("editor", "admin"):
            return None
        body = ASKING if operation in DECISIONS else JOB
        name = f"{whose}-{who}-{operation}".lower()[:30].rstrip("-")
        maker = self.tokens[who] if whose == "own" else self.tokens["editor" if who != "editor" else "admin"]
        status, job = self.api_as(maker, "POST", self.jobs, {**body, "metadata": {"name": name}})
        if status not in (201, 409):
            raise RuntimeError(f"job {name}: {status} {job}")
        return name

    def template_of(self, operation, who, whose):
        """The name of a template that is there, or is not, of this operation by that person alone."""
        name = f"{whose}-{who}-{operation}".lower()
        if whose == "there":
            status, made = self.api.call("POST", self.templates, body={
                "apiVersion": "dlworkspace.io/v1", "kind": "DLJobTemplate", "metadata": {"name": name}, "spec": TEMPLATE})
            if status not in (201, 409):
                raise RuntimeError(f"template {name}: {status} {made}")
        return name

    def api_as(self, token, method, path, body):
        bare = ssl.create_default_context()
        bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE  # with no certificate of the administrator's
        return Server(self.api.address, self.api.port, bare).call(method, path, token, body)

    def question(self, name):
        """What is decided about the job: what it asks is told a moment after it is made."""
        deadline = time.monotonic() + 30
        while name != "absent":
            _, job = self.api.call("GET", f"{self.jobs}/{name}")
            asked = job.get("status", {}).get("approval", {}).get("templateHash")
            if asked:
                return {"uid": job["metadata"]["uid"], "templateHash": asked}
            if time.monotonic() > deadline:
                raise RuntimeError(f"after 30 s the job {name} awaits no approval: {job}")
            time.sleep(0.2)
        return {"uid": "0b2cf9a1-3f55-4a5c-8d4f-8f6a3c1f7e0e", "templateHash": "a" * 64}

    def request(self, operation, path, name, who):
        values = {"namespace": NS, "job": name, "approval": "absent", "user": "absent", "template": name}
        path = path.format(**values)
        body, media, headers = None, "application/json", {}
        if operation == "SubmitJob":
            body, media = json.dumps({**JOB, "metadata": {"name": f"made-{who}"}}), "application/json"
            path += "?dryRun=All"
        elif operation in DECISIONS:
            body = {**self.question(name), "classes": ["hostNetwork"], "reason": "a test"}
        elif operation == "SaveTemplate":
            body = TEMPLATE
            status, old = self.api.call("GET", f"{self.templates}/{name}")
            if status == 200:
                headers["If-Match"] = f'"{old["metadata"]["resourceVersion"]}"'
        elif operation == "GetJobMetrics":
            path += "?metric=cpu"
        elif operation == "StreamUpdates":
            path += "?topic=jobs"
        return path, body, media, headers

    def cell(self, operation, method, path, details, who, whose):
        """What came, and whether it must be so."""
        name = self.job_of(operation, who, whose) if "{job}" in path else None
        if "{job}" in path and name is None:
            return "-"
        if "{template}" in path:
            name = self.template_of(operation, who, whose)
        rules = [r for r in details.get("x-asks", []) if not r.get("visible")]
        writes = details.get("x-writes")
        if writes and not writes.get("optional"):
            rules.append(writes)
        allowed = who != "nobody" and all(self.may(who, rule, name) for rule in rules)
        target, body, media, headers = self.request(operation, path, name, who)
        endless = operation in ("StreamUpdates", "StreamJobLogs")
        status, answer = self.portal.call(method, target, self.tokens[who], body, media, read=not endless, more=headers)
        reason = answer.get("reason", "") if isinstance(answer, dict) else ""
        if who == "nobody":
            right = status == 401
        elif not allowed:
            right = status == 403
        else:
            # What the rights allow may still be wrong in itself, by the object or by an admission policy.
            right = status < 300 or status in (404, 409, 422) or (status == 403 and "ValidatingAdmissionPolicy" in answer["detail"])
            if operation in DECISIONS and whose == "other":
                right = status == 201
            if (operation, whose) in OF_TEMPLATES:
                right = status == OF_TEMPLATES[operation, whose]
            elif whose == "absent" and method == "GET" and not endless:
                right = right and status == 404
        self.check(right, f"{operation} by {who} on {whose or 'it'}: {status} {reason}, though the API server says "
                          f"{'yes' if allowed else 'no'}: {json.dumps(answer)[:800]}")
        return str(status) if right else f"{status}!"

    def check(self, right, text):
        if right:
            self.passed += 1
        else:
            self.failures.append(text)

    def run(self):
        _, document = self.portal.call("GET", "/api/v1/openapi.json")
        print(f"{'':18}" + "".join(f"{who:16}" for who in PEOPLE))
        print(f"{'':18}" + f"{'own/other/absent':16}" * len(PEOPLE))  # of templates: there/absent
        count = 0
        for path, item in document["paths"].items():
            for method, details in item.items():
                if not isinstance(details, dict) or "operationId" not in details or "login" in details.get("tags", []):
                    continue
                operation = details["operationId"]
                if details.get("security") == [{}]:
                    continue
                count += 1
                self.check("x-asks" in details or "x-writes" in details, f"{operation} has no row: neither x-asks nor x-writes")
                whose = ("own", "other", "absent") if "{job}" in path else ("there", "absent") if "{template}" in path else ("",)
                cells = []
                for who in PEOPLE:
                    cells.append("/".join(self.cell(operation, method.upper(), path, details, who, each) for each in whose))
                print(f"{operation:18}" + "".join(f"{cell:16}" for cell in cells), flush=True)
        self.look_for_tokens()
        print(f"figure api_rights_operations {count} operations")
        print(f"figure api_rights_cells {self.passed + len(self.failures)} cells")

    def look_for_tokens(self):
        """In what our processes have printed there is none of the tokens that were used, nor the part that makes one valid."""
        printed = {}
        for pod in json.loads(kubectl("-n", "dlws-system", "get", "pods", "-o", "json"))["items"]:
            for container in pod["status"].get("containerStatuses", []):
                name = f"{pod['metadata']['name']} {container['name']}"
                try:
                    printed[name] = kubectl("-n", "dlws-system", "logs", pod["metadata"]["name"], "-c", container["name"])
                except RuntimeError as error:  # it has been replaced, has not begun, or is on a simulated node
                    print(f"{name}: no log: {error}")
        for program in ("portal", "operator", "webhook"):
            self.check(any(name.startswith(f"dlworkspace-{program}-") for name in printed), f"no log of the {program} was read")
        self.check(sum(map(len, printed.values())) > 1000, "no process has printed anything: are these their logs?")
        for name, text in printed.items():
            for who, token in self.tokens.items():
                found = token and (token in text or token.rsplit(".", 1)[1] in text)
                self.check(not found, f"{name} has printed the token of {who}")


def main():
    table = Table()
    try:
        table.run()
    finally:
        kubectl("delete", "namespace", NS, "--wait=false")
        table.set_permissions(table.settings)
    for failure in table.failures:
        print("FAIL:", failure)
    print(f"{table.passed} passed, {len(table.failures)} failed, 0 skipped")
    return 1 if table.failures else 0


if __name__ == "__main__":
    os.chdir(REPO)
    sys.exit(main())
