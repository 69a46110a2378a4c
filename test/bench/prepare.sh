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
operator_pods=app.kubernetes.io/component=operator
# Of what is installed: how many operators, and the release's revision where that is to come back.
replicas="" revision="" work=""

# run_bench PROGRAM ARGS…: a cluster with simulated nodes, PROGRAM compiled, and the operator under test as a
# process of ours with the chart's own rights while those in the cluster pause. What is left of an earlier
# benchmark that was killed goes first, what this one leaves goes at the end.
run_bench() {
    "$repo_dir/script/cluster" up --nodes 20
    compile "$1"
    install_without_pods
    pause_operator
    call "$@"
}

compile() {
    "$repo_dir/script/build" release
    nice -n 0 cmake --build "$repo_dir/build/release" --target "$1" >&2
}

helm() { "$helm_bin/helm" --kubeconfig "$admin_kubeconfig" --namespace "$namespace" "$@"; }

# install_without_pods: and without admission, which fails closed while nobody answers. An installation that is
# there is put back afterwards, as $revision says.
install_without_pods() {
    say "installing the chart's rights and definitions, without its pods"
    replicas="$("${kubectl[@]}" -n "$namespace" get deployment "$account" -o 'jsonpath={.spec.replicas}' 2>/dev/null || echo 0)"
    if "${kubectl[@]}" get validatingwebhookconfiguration dlworkspace-webhook >/dev/null 2>&1; then
        revision="$(helm status dlworkspace --output json | jq .version)"
    elif helm status dlworkspace >/dev/null 2>&1; then
        return
    fi
    helm upgrade --install dlworkspace "$repo_dir/charts/dlworkspace" --create-namespace --take-ownership \
        --reset-then-reuse-values --set webhook.enabled=false >/dev/null
}

# pause_operator: until this script ends.
pause_operator() {
    replicas="${replicas:-$("${kubectl[@]}" -n "$namespace" get deployment "$account" -o 'jsonpath={.spec.replicas}')}"
    work="$(mktemp -d)"
    trap restore EXIT
    "${kubectl[@]}" -n "$namespace" scale deployment "$account" --replicas=0 >/dev/null
    "${kubectl[@]}" -n "$namespace" wait --for=delete pod --selector "$operator_pods" --timeout=60s >/dev/null
    remove_bench_namespaces
}

# call PROGRAM ARGS…
call() {
    local program="$1" token
    shift
    # A kubeconfig of the operator's ServiceAccount.
    token="$("${kubectl[@]}" -n "$namespace" create token "$account" --duration=4h)"
    (
        umask 077
        "${kubectl[@]}" config view --raw --minify -o json |
            jq --arg token "$token" '.users[0].user = {token: $token}' >"$work/account.kubeconfig"
    )
    "$repo_dir/build/release/test/$program" "$@" \
        --admin "$admin_kubeconfig" --account "$work/account.kubeconfig" \
        --user "system:serviceaccount:$namespace:$account" \
        --operator "$repo_dir/build/release/operator/dlws-operator" \
        --webhook "$repo_dir/build/release/webhook/dlws-webhook" \
        --portal "$repo_dir/build/release/portal/server/dlws-portal" \
        --audit "$state/audit.log" --kubectl "${kubectl[*]}" --etcd "$state/run/etcd:0"
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
    if [ -n "$revision" ]; then helm rollback dlworkspace "$revision" --wait --timeout 3m >/dev/null || true; fi
    "${kubectl[@]}" -n "$namespace" scale deployment "$account" --replicas="$replicas" >/dev/null || true
    rm -rf "$work"
}
