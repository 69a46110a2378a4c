# SPDX-License-Identifier: Apache-2.0
# Shared by the benchmarks in this folder: source it and call `run_bench NAME_bench ARGS…`.
# shellcheck shell=bash
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../script/lib/common.sh"
source "$repo_dir/script/lib/go_tools.sh"
case "${1:-}" in -h|--help) usage_from_header; exit 0;; esac

source "$repo_dir/test/cluster/settings.sh"
kubectl=("$repo_dir/script/cluster" kubectl)
namespace=dlws-system
account=dlworkspace-operator

# run_bench PROGRAM ARGS…: a cluster with simulated nodes, PROGRAM compiled, and the operator under test as a
# process of ours with the chart's own rights while those in the cluster pause. What is left of an earlier
# benchmark that was killed goes first, what this one leaves goes at the end.
run_bench() {
    local program="$1" replicas work token rc=0
    shift
    "$repo_dir/script/cluster" up --nodes 20
    "$repo_dir/script/build" release
    nice -n 0 cmake --build "$repo_dir/build/release" --target "$program" >&2

    say "installing the chart's rights and definitions, without its pods"
    replicas="$("${kubectl[@]}" -n "$namespace" get deployment "$account" -o 'jsonpath={.spec.replicas}' 2>/dev/null || true)"
    if [ -z "$replicas" ]; then
        "${kubectl[@]}" create namespace "$namespace" --dry-run=client -o yaml | "${kubectl[@]}" apply -f - >/dev/null
        "$helm_bin/helm" upgrade --install dlworkspace "$repo_dir/charts/dlworkspace" --namespace "$namespace" \
            --kubeconfig "$admin_kubeconfig" >/dev/null
        replicas=0
    fi
    work="$(mktemp -d)"
    # shellcheck disable=SC2064  # their values of now
    trap "restore '$replicas' '$work'" EXIT
    "${kubectl[@]}" -n "$namespace" scale deployment "$account" --replicas=0 >/dev/null
    "${kubectl[@]}" -n "$namespace" wait --for=delete pod --all --timeout=60s >/dev/null
    remove_bench_namespaces

    # A kubeconfig of the operator's ServiceAccount.
    token="$("${kubectl[@]}" -n "$namespace" create token "$account" --duration=4h)"
    umask 077
    "${kubectl[@]}" config view --raw --minify -o json |
        jq --arg token "$token" '.users[0].user = {token: $token}' >"$work/account.kubeconfig"

    "$repo_dir/build/release/test/$program" "$@" \
        --admin "$admin_kubeconfig" --account "$work/account.kubeconfig" \
        --user "system:serviceaccount:$namespace:$account" \
        --operator "$repo_dir/build/release/operator/dlws-operator" \
        --audit "$state/audit.log" --kubectl "${kubectl[*]}" --etcd "$state/run/etcd:0" || rc=$?
    return "$rc"
}

remove_bench_namespaces() {
    local left
    left="$("${kubectl[@]}" get namespaces --output name | grep '^namespace/bench-' || true)"
    [ -n "$left" ] || return 0
    say "removing what is left of a benchmark: $(tr '\n' ' ' <<<"$left")"
    # shellcheck disable=SC2086
    "${kubectl[@]}" delete $left --timeout=300s >/dev/null
}

restore() {
    remove_bench_namespaces || true
    "${kubectl[@]}" -n "$namespace" scale deployment "$account" --replicas="$1" >/dev/null || true
    rm -rf "$2"
}
