#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The contract in crds/ against a real API server: the CRDs are accepted, every example applies as it is, every
# refused example is refused with the words in its first line, and a DLJob can be changed only where it
# says so.
#
#   test/e2e/crds_test.sh        needs a running cluster (script/cluster up)
#
# DLWS_KUBECTL: the kubectl to use (default: script/cluster kubectl).
# Last line: `N passed, N failed, N skipped`.
set -uo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.." || exit 1
case "${1:-}" in -h | --help) sed -n '3,11s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
read -ra kubectl <<<"${DLWS_KUBECTL:-script/cluster kubectl}"
passed=0 failed=0
namespace=crds-test-$$
scratch=$(mktemp -d)
trap '"${kubectl[@]}" delete namespace "$namespace" --ignore-not-found --wait=false >/dev/null 2>&1; rm -rf "$scratch"' EXIT

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); printf 'FAILED %s\n' "$1"; printf '%s\n' "${2:-}" | sed 's/^/    /' | head -20; }

# accepted NAME ARGS…: kubectl ARGS succeeds
accepted() {
    local name=$1 out; shift
    if out=$("${kubectl[@]}" "$@" 2>&1); then pass; else fail "$name" "$out"; fi
}

# refused NAME TEXT ARGS…: kubectl ARGS fails and says TEXT
refused() {
    local name=$1 text=$2 out; shift 2
    if out=$("${kubectl[@]}" "$@" 2>&1); then fail "$name: accepted" "$out"
    elif [[ "$out" == *"$text"* ]]; then pass
    else fail "$name: refused with other words than: $text" "$out"; fi
}

# shows NAME TEXT ARGS…: kubectl ARGS succeeds and its output holds TEXT
shows() {
    local name=$1 text=$2 out; shift 2
    if ! out=$("${kubectl[@]}" "$@" 2>&1); then fail "$name" "$out"
    elif [[ "$(tr -s ' \n' ' ' <<<"$out")" == *"$text"* ]]; then pass
    else fail "$name: does not say: $text" "$out"; fi
}

summary() { printf '%d passed, %d failed, 0 skipped\n' "$passed" "$failed"; [ "$failed" = 0 ]; }

for crd in dljob dlcluster dluser dljobtemplate; do
    accepted "crds/$crd.yaml" apply --server-side --force-conflicts --field-manager=crds-test -f "crds/$crd.yaml"
    accepted "$crd established" wait --for=condition=Established --timeout=30s "crd/${crd}s.dlworkspace.io"
done
[ "$failed" = 0 ] || { summary; exit 1; }

for example in crds/examples/*.yaml; do
    accepted "$example" apply --dry-run=server -f "$example"
done

for example in crds/examples/refused/*.yaml; do
    expect=$(sed -n '1s/^# expect: //p' "$example")
    [ -n "$expect" ] || { fail "$example" "its first line must be '# expect: TEXT'"; continue; }
    refused "$example" "$expect" apply --dry-run=server -f "$example"
done

# Too large to keep as an example: 256 KiB and one byte of files, at the limit without the last one.
half=$(head -c 98304 /dev/zero | base64 -w0)
{
    printf 'apiVersion: dlworkspace.io/v1\nkind: DLJob\nmetadata: {name: large, namespace: default}\n'
    printf 'spec:\n  image: debian:12\n  files:\n'
    printf '  - {name: a, content: "%s"}\n  - {name: b, content: "%s"}\n' "$half" "$half"
} >"$scratch/files.yaml"
accepted "256 KiB of files" create --dry-run=server -f "$scratch/files.yaml"
printf '  - {name: c, content: x}\n' >>"$scratch/files.yaml"
refused "256 KiB and a byte of files" "files hold at most 256 KiB (262144 bytes) together" \
    create --dry-run=server -f "$scratch/files.yaml"
{
    printf 'apiVersion: dlworkspace.io/v1\nkind: DLJobTemplate\nmetadata: {name: large, namespace: default}\n'
    printf 'spec:\n  title: Large\n  job:\n'
    sed -n '/^spec:/,$s/^/    /p' "$scratch/files.yaml"
} >"$scratch/template.yaml"
refused "256 KiB and a byte of files in a template" "files hold at most 256 KiB (262144 bytes) together" \
    create --dry-run=server -f "$scratch/template.yaml"
sed -i '$d' "$scratch/template.yaml"
accepted "256 KiB of files in a template" create --dry-run=server -f "$scratch/template.yaml"

# What can be changed later. The job is suspended, so that no pod of it ever starts.
accepted "namespace" create namespace "$namespace"
cat >"$scratch/job.yaml" <<'END'
apiVersion: dlworkspace.io/v1
kind: DLJob
metadata: {name: fixed}
spec:
  image: debian:12
  command: [echo, hello]
  suspend: true
  roles: [{name: worker, replicas: 2}, {name: server}]
  storage: [{name: work, mountPath: /work}]
END
accepted "a job to change" -n "$namespace" create -f "$scratch/job.yaml"
change() { printf '%s' "-n $namespace patch dljob fixed --dry-run=server --type=$1"; }
fixed='cannot be changed once the job exists'
while IFS='|' read -r type verdict patch; do
    # shellcheck disable=SC2046 # the words of `change` are separate arguments
    case $verdict in
    yes) accepted "change $patch" $(change "$type") -p "$patch" ;;
    *) refused "change $patch" "$fixed" $(change "$type") -p "$patch" ;;
    esac
done <<'END'
merge|yes|{"spec":{"suspend":false}}
merge|yes|{"spec":{"stop":true}}
merge|no|{"spec":{"image":"debian:13"}}
merge|no|{"spec":{"command":["echo","other"]}}
merge|no|{"spec":{"command":null}}
merge|no|{"spec":{"args":["more"]}}
merge|no|{"spec":{"workingDir":"/tmp"}}
merge|no|{"spec":{"framework":"Torch"}}
json|no|[{"op":"replace","path":"/spec/roles/0/replicas","value":3}]
json|no|[{"op":"move","from":"/spec/roles/1","path":"/spec/roles/0"}]
json|no|[{"op":"add","path":"/spec/roles/-","value":{"name":"third"}}]
merge|no|{"spec":{"storage":null}}
merge|no|{"spec":{"storage":[{"name":"data","mountPath":"/work"}]}}
merge|no|{"spec":{"env":[{"name":"A","value":"b"}]}}
merge|no|{"spec":{"imagePullSecrets":[{"name":"registry"}]}}
merge|no|{"spec":{"files":[{"name":"a","content":"b"}]}}
merge|no|{"spec":{"podOverrides":{"labels":{"team":"vision"}}}}
END
accepted "stop" -n "$namespace" patch dljob fixed --type=merge -p '{"spec":{"stop":true}}'
refused "take stop back" "stop cannot be taken back" -n "$namespace" patch dljob fixed --type=merge -p '{"spec":{"stop":false}}'
refused "remove stop" "stop cannot be taken back" -n "$namespace" patch dljob fixed --type=merge -p '{"spec":{"stop":null}}'

shows "defaults" '100m 0 1' -n "$namespace" get dljob fixed \
    -o 'jsonpath={.spec.roles[1].resources.cpu} {.spec.roles[1].gpus} {.spec.roles[1].replicas}'
shows "columns" 'NAME PHASE READY GPUS AGE' -n "$namespace" get dlj
shows "a template keeps what is written" '["--lr"]' -n "$namespace" create -o 'jsonpath={.spec.job.spec.args}' -f - <<'END'
apiVersion: dlworkspace.io/v1
kind: DLJobTemplate
metadata: {name: kept}
spec: {title: Kept, job: {spec: {args: [--lr]}}}
END
shows "explain" 'GPUs for each pod of the role; whole devices, shared with nobody. Unit: GPUs a pod. Default: 0. Example: 8.' \
    explain dljob.spec.roles.gpus
summary
