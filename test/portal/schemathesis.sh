#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Schemathesis against the portal that is installed on the test cluster (test/cluster/install.sh): reads the description that
# the portal serves, and tries what it allows and what it forbids, as an editor. An answer that the description does not
# have is a failure, and so is a 5xx. The last line is `N passed, N failed, N skipped`, by operations.
#
# Usage: test/portal/schemathesis.sh [OPTION of schemathesis run…]    (--include-operation-id ListJobs, for example)
# Environment: DLWS_SEED, which examples; DLWS_FULL=1: ten times as many examples
# (the suite `api` when it is named).
here="$(dirname "$(readlink -f "$0")")"
source "$here/../../script/lib/common.sh"
source "$repo_dir/script/lib/go_tools.sh"
source "$repo_dir/script/lib/schemathesis.sh"
source "$repo_dir/test/cluster/settings.sh"
namespace=portal-schemathesis
host=dlworkspace-portal.dlws-system.svc
work="$(mktemp -d)"
trap 'kubectl delete namespace "$namespace" --wait=false >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
kubectl() { "$repo_dir/script/cluster" kubectl "$@"; }

# Somebody who may do what editors may, in a namespace with one job.
kubectl apply -f - >/dev/null <<END
{apiVersion: v1, kind: Namespace, metadata: {name: $namespace, labels: {dlworkspace.io/managed: "true"}}}
---
{apiVersion: v1, kind: ServiceAccount, metadata: {name: editor, namespace: $namespace}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editor, namespace: $namespace}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: dlworkspace-editor}
subjects: [{kind: ServiceAccount, name: editor, namespace: $namespace}]
---
apiVersion: dlworkspace.io/v1
kind: DLJob
metadata: {name: digits, namespace: $namespace}
spec: {image: "dlworkspace.io/tools:1", command: ["true"], suspend: true}
END
starts() { kubectl -n dlws-system get pods -l app.kubernetes.io/component=portal -o jsonpath='{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\n"}{end}'; }
started="$(starts)"
token="$(kubectl -n "$namespace" create token editor --duration=2h)"
address="$(kubectl -n dlws-system get pods -l app.kubernetes.io/component=portal --field-selector status.phase=Running -o jsonpath='{.items[0].status.podIP}')"
kubectl -n dlws-system get secret dlworkspace-portal-certificate -o jsonpath='{.data.tls\.crt}' | base64 -d >"$work/ca.crt"

# The description with the names that exist, so that not every answer is 403 or 404.
curl --silent --show-error --fail --max-time 30 --cacert "$work/ca.crt" --resolve "$host:8443:$address" "https://$host:8443/api/v1/openapi.json" |
    /usr/bin/python3 "$here/schemathesis/narrow.py" "$namespace" digits >"$work/openapi.json"

examples=50
[ -z "${DLWS_FULL:-}" ] || examples=500
# Not positive_data_acceptance: a cursor is good for one list alone, and that a cursor excludes `since`, no schema can say.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,ignored_auth
status=0
# The streams have no end to wait for; test/portal and the unit tests have them. Their refusals are tried as all others are.
cd "$work"   # where it leaves a cache
DLWS_HOST="$host" DLWS_ADDRESS="$address" PYTHONPATH="$here/schemathesis" SCHEMATHESIS_HOOKS=hooks \
    timeout --kill-after=20 1500 "$schemathesis_dir/bin/schemathesis" --config-file "$here/schemathesis/schemathesis.toml" run "$work/openapi.json" --url "https://$host:8443" --tls-verify "$work/ca.crt" \
    --header "Authorization: Bearer $token" --exclude-operation-id-regex '^(StreamUpdates|StreamJobLogs)$' --exclude-tag login \
    --seed "${DLWS_SEED:-1}" --max-examples "$examples" --request-timeout 30 --request-retries 2 --workers 1 --checks "$checks" --phases examples,coverage,fuzzing \
    --no-color --output-sanitize true --report json --report-json-path "$work/report.json" "$@" || status=$?
# A connection that breaks is tried again; a portal that broke is no such thing.
if [ "$(starts)" != "$started" ]; then
    echo "FAIL: the portal has restarted meanwhile, or has been replaced"
    status=1
fi
/usr/bin/python3 "$here/schemathesis/summary.py" "$work/report.json" "$status"
