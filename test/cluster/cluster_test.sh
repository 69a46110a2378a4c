#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of script/cluster itself, on a cluster of their own: it runs pods as a cluster should, heals after
# crashes, and leaves nothing behind. The last line is `N passed, N failed, N skipped`.
#
# Usage: test/cluster/cluster_test.sh [NAME…]     (the names of test functions; all without one)
here="$(dirname "$(readlink -f "$0")")"
export DLWS_INSTANCE="${DLWS_TEST_INSTANCE:-9}"
export DLWS_STATE="/var/lib/dlws-cluster-test-$DLWS_INSTANCE"
source "$here/../../script/lib/common.sh"
source "$repo_dir/script/lib/go_tools.sh"
for part in settings process node; do source "$here/$part.sh"; done
set +e

cluster() { "$repo_dir/script/cluster" "$@"; }
output="$(mktemp -d)"
passed=0 failed=0 skipped=0

# check TEXT COMMAND…: the test of the moment fails, with TEXT, when COMMAND does.
check() {
    local text="$1"
    shift
    "$@" >"$output/check" 2>&1 && return
    wrong+="  $text"$'\n'"$(tail -n 5 "$output/check" | sed 's/^/    /')"$'\n'
    return 1
}

run_test() {
    wrong=""
    local began="$EPOCHSECONDS"
    "$1"
    if [ -z "$wrong" ]; then
        passed=$((passed + 1))
        echo "ok      $1 ($(( EPOCHSECONDS - began )) s)"
    else
        failed=$((failed + 1))
        printf 'not ok  %s (%d s)\n%s' "$1" "$(( EPOCHSECONDS - began ))" "$wrong"
    fi
}

# machine_state: what a cluster could leave on the machine. Lines of other instances are left out, and
# what the machine's own software changes by itself (packet counters).
machine_state() {
    {
        iptables-save 2>/dev/null
        ip6tables-save 2>/dev/null
        echo "mounts:" && cut -d ' ' -f 1-3 /proc/mounts
        echo "links:" && ip -brief link
        echo "addresses:" && ip -brief address
        echo "routes:" && ip route show table all
        echo "rules:" && ip rule
        echo "namespaces:" && ls /run/netns 2>/dev/null
        echo "folders:" && ls -d /var/lib/kubelet /var/lib/cni /etc/cni /var/log/pods /var/log/containers \
            /run/containerd /etc/kubernetes "$HOME/.kube" 2>/dev/null
        echo "settings:" && sysctl -n vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
            kernel.keys.root_maxkeys kernel.keys.root_maxbytes net.ipv4.ip_forward
        echo "cgroups:" && cgroup_folders | xargs ls -d 2>/dev/null
        echo "state:" && ls -d "$state" 2>/dev/null
    } | grep -vE "^#|^:[A-Z]|dlws[0-$((instance - 1))]|198\.18\.[0-$((instance - 1))]\.|/buildah|dlws[^ ]*cluster.*lock"
}

# our_traces: processes that belong to this instance by any sign.
our_traces() {
    our_processes
    grep -lzs "${state%?}[${state: -1}]/" /proc/[0-9]*/cmdline   # the brackets keep grep from finding itself
    grep -ls "/$cgroup_root/" /proc/[0-9]*/cgroup
}

no_traces() {
    local traces pid
    traces="$(our_traces)"
    for pid in $(grep -oE '[0-9]+' <<<"$traces"); do ps -o pid,ppid,stat,lstart,args -p "$pid" | cut -c 1-150; done
    [ -z "$traces" ]
}

pod_is() { [ "$(kubectl get pod "$1" -o 'jsonpath={.status.phase}')" = "$2" ]; }

test_up_from_nothing() {
    local began="$EPOCHSECONDS"
    check "script/cluster up" cluster up || return
    echo "figure cluster_up_seconds $(( EPOCHSECONDS - began )) s goal <= 60"
    check "ready within 60 s" test "$(( EPOCHSECONDS - began ))" -le 60
    check "status says that it is whole" cluster status
    check "8 GPUs" gpus_are_there 1
    check "version" test "$(kubectl version -o json | jq -r .serverVersion.gitVersion)" = "v$k8s_version"
}

test_up_when_up_changes_nothing() {
    local before after began="${EPOCHREALTIME/[.,]/}"
    before="$(cat "$run_dir"/*.pid)"
    check "script/cluster up" cluster up
    check "within 3 s" test "$(( ${EPOCHREALTIME/[.,]/} - began ))" -le 3000000
    after="$(cat "$run_dir"/*.pid)"
    check "the same processes" test "$before" = "$after"
}

# pod_named NAME HOSTNAME [N]: a pod that says who it is and waits, as locked up as a job's pod; on node N.
pod_named() {
    cat <<END
---
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: pair}}
spec:
  hostname: $2${3:+
  nodeSelector: {kubernetes.io/hostname: $(node_name "$3")\}}
  subdomain: pair
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 1000, runAsNonRoot: true}
  containers:
  - name: main
    image: dlworkspace.io/tools:1
    imagePullPolicy: Never
    command: [/usr/bin/bash, -c, "echo I am \$(hostname); sleep 3600 & wait"]
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}
    resources: {limits: {nvidia.com/gpu: 1, cpu: 100m, memory: 64Mi}}
END
}

make_pods() {
    check "the tools image is loaded" cluster load "$("$repo_dir/script/image" tools)"
    {
        echo '{apiVersion: v1, kind: Service, metadata: {name: pair},'
        echo ' spec: {clusterIP: None, publishNotReadyAddresses: true, selector: {app: pair}}}'
        pod_named pair-0 worker-0
        pod_named pair-1 worker-1
    } | kubectl apply -f - >"$output/apply" 2>&1
    check "the pods run" kubectl wait --for=condition=Ready pod/pair-0 pod/pair-1 --timeout=60s ||
        wrong+="$(kubectl describe pods | grep -A20 ^Events)"$'\n'
}

test_pods_run_and_can_be_looked_into() {
    make_pods
    check "logs" test "$(kubectl logs pair-0)" = "I am worker-0"
    check "exec, as user 1000" test "$(kubectl exec pair-0 -- id -u)" = 1000
    check "the root is read-only" test "$(kubectl exec pair-0 -- bash -c 'touch /x 2>/dev/null || echo read-only')" = read-only
}

test_pods_find_each_other_by_name() {
    # The name follows the pod: its endpoint is written, and seen by the name server, a moment after the pod is ready.
    check "worker-1.pair has pair-1's address" retry 10 has_address_of pair-0 worker-1.pair pair-1
    # A port that nobody listens on refuses at once: packets go there and back.
    check "packets go there and back" test \
        "$(kubectl exec pair-0 -- bash -c 'echo >/dev/tcp/worker-1.pair/9' 2>&1 | grep -o 'Connection refused' | head -n 1)" = "Connection refused"
    check "the API server answers at its Service" kubectl exec pair-0 -- bash -c 'echo >/dev/tcp/kubernetes.default/443'
    local began="$EPOCHSECONDS"
    check "a name outside is unknown" test "$(kubectl exec pair-0 -- bash -c 'getent hosts example.org || echo unknown')" = unknown
    check "at once" test "$(( EPOCHSECONDS - began ))" -le 3
}

# has_address_of POD HOST OTHER: for POD, HOST is where the pod OTHER is.
has_address_of() {
    test "$(kubectl exec "$1" -- getent ahostsv4 "$2" | head -n 1 | cut -d ' ' -f 1)" = "$(kubectl get pod "$3" -o 'jsonpath={.status.podIP}')"
}

# refuses POD HOST: HOST answers POD that it listens on no such port, so packets go there and back.
refuses() { grep -q 'Connection refused' <<<"$(kubectl exec "$1" -- bash -c "echo >/dev/tcp/$2/9" 2>&1)"; }

test_a_second_real_node_joins() {
    local began="$EPOCHSECONDS"
    check "up --real-nodes 2" cluster up --real-nodes 2 || return
    echo "figure second_node_seconds $(( EPOCHSECONDS - began )) s goal <= 30"
    check "it is whole" node_is_whole 2
    pod_named pair-2 worker-2 2 | kubectl apply -f - >"$output/apply" 2>&1
    check "its pod runs" kubectl wait --for=condition=Ready pod/pair-2 --timeout=60s
    check "logs" test "$(kubectl logs pair-2)" = "I am worker-2"
    check "exec" test "$(kubectl exec pair-2 -- id -u)" = 1000
    check "pods reach it by its name" retry 10 refuses pair-0 worker-2.pair
    check "and it them" retry 10 refuses pair-2 worker-0.pair
    check "a Service is served there" kubectl exec pair-2 -- bash -c 'echo >/dev/tcp/kubernetes.default/443'
    in_node 1 mkdir -p "$state/shared"
    in_node 1 touch "$state/shared/from-node-1"
    check "both see one shared folder" in_node 2 test -e "$state/shared/from-node-1"
    began="$EPOCHSECONDS"
    check "up --real-nodes 1 leaves it" cluster up --real-nodes 1
    check "whole" node_is_whole 2
    check "at once" test "$(( EPOCHSECONDS - began ))" -le 3
}

test_a_node_can_be_killed_and_healed() {
    local began="$EPOCHSECONDS"
    check "kill" cluster fault node-kill 2
    check "status says so" eval "! cluster status"
    check "Kubernetes notices" retry 40 eval "! node_is_ready 2"
    echo "figure node_loss_noticed_seconds $(( EPOCHSECONDS - began )) s goal <= 30"
    check "the other pods run on" refuses pair-0 worker-1.pair
    check "heal" cluster fault node-heal 2
    check "whole" retry 30 cluster status || wrong+="    $(cluster status | tail -n 1)"$'\n'
    check "its pod runs again" retry 30 refuses pair-0 worker-2.pair
}

test_a_node_can_be_frozen() {
    check "freeze" cluster fault node-freeze 2 --until-thaw
    check "nobody reaches it" eval "! timeout 3 '$k8s_bin/kubectl' --kubeconfig '$admin_kubeconfig' exec pair-2 -- true"
    check "its container runs" in_node 2 bash -c 'ps -e -o stat,comm | grep -q "^S.*sleep$"'
    check "heal" cluster fault node-heal 2
    check "it answers again" kubectl exec pair-2 -- true
    check "for some time" cluster fault node-freeze 2 1
    check "it answers again" retry 20 kubectl exec pair-2 -- true
    check "whole" cluster status
    check "a node that is not there is refused" eval "! cluster fault node-kill 3"
}

test_audit_log_has_writes_the_operators_with_their_content() {
    local token
    kubectl create namespace dlws-system >/dev/null 2>&1
    kubectl -n dlws-system create serviceaccount writer >/dev/null 2>&1
    kubectl create clusterrolebinding writer --clusterrole cluster-admin --serviceaccount dlws-system:writer >/dev/null 2>&1
    token="$(kubectl -n dlws-system create token writer)"
    "$k8s_bin/kubectl" --kubeconfig /dev/null --server "$api_url" --certificate-authority "$pki/ca.crt" --token "$token" \
        create configmap from-the-operator --from-literal a=b >/dev/null
    "$k8s_bin/kubectl" --kubeconfig /dev/null --server "$api_url" --certificate-authority "$pki/ca.crt" --token "$token" \
        get configmaps >/dev/null
    kubectl create configmap from-the-administrator >/dev/null
    retry 5 grep -q from-the-operator "$state/audit.log"
    check "one line of the operator's, the create, with its body" test "$(jq -r 'select(.level == "Request") |
        "\(.verb) \(.requestObject.data.a) \(.user.username)"' "$state/audit.log")" = \
        "create b system:serviceaccount:dlws-system:writer"
    retry 5 grep -q from-the-administrator "$state/audit.log"
    check "what others write, without its content" test "$(jq -r 'select(.objectRef.name == "from-the-administrator") |
        "\(.level) \(.verb) \(.requestObject)"' "$state/audit.log")" = "Metadata create null"
    check "nothing of the control plane" test "$(jq -r 'select(.user.username | startswith("system:kube-") or
        startswith("system:node:")) | .verb' "$state/audit.log")" = ""
}

test_simulated_nodes_run_pods() {
    check "up --nodes 5" cluster up --nodes 5
    check "5 of them" test "$(kubectl get nodes --selector type=kwok --output name | wc -l)" = 5
    kubectl apply -f - >"$output/apply" 2>&1 <<'END'
apiVersion: v1
kind: Pod
metadata: {name: simulated}
spec:
  nodeSelector: {type: kwok}
  tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
  containers: [{name: main, image: "none:1", resources: {limits: {nvidia.com/gpu: 8}}}]
END
    check "its pod runs" retry 20 pod_is simulated Running
    check "and goes" kubectl delete pod simulated --timeout=20s
}

# as_bearer TOKEN ARGS…: kubectl with nothing but a token.
as_bearer() {
    "$k8s_bin/kubectl" --kubeconfig /dev/null --server "$api_url" --certificate-authority "$pki/ca.crt" --token "$@"
}
# who_is TOKEN: name, UID and groups of whom the API server takes it for.
who_is() {
    as_bearer "$1" auth whoami --output json |
        jq --raw-output '.status.userInfo | "\(.username) \(.uid) \(.groups | join(","))"'
}

test_an_openid_provider_can_be_added() {
    local token
    check "there is none" eval "! cluster token alice"
    check "up --oidc" cluster up --oidc || return
    token="$(cluster token alice)"
    check "the API server takes its token" test "$(who_is "$token")" = \
        "alice@example.org alice researchers,system:authenticated"
    check "of another client too" test "$(who_is "$(cluster token carol dlws-brief)")" = \
        "carol@example.org carol system:authenticated"
    check "but not with another signature" eval "! as_bearer '${token%????}AAAA' auth whoami"
    check "nor those of strangers" eval "! cluster token mallory"
    check "kill" cluster fault kill oidc
    check "status says so" eval "! cluster status"
    check "up" cluster up
    check "its keys are the same" test "$(who_is "$token")" != ""
    check "whole" cluster status
}

test_api_server_can_restart() {
    local before
    before="$(process_pid kube-apiserver)"
    check "restart" cluster fault restart-apiserver
    check "another process" test "$before" != "$(process_pid kube-apiserver)"
    check "restart after a kill" cluster fault restart-apiserver --kill
    check "it serves" kubectl get nodes
    check "pods still run" pod_is pair-0 Running
}

test_etcd_can_pause() {
    local began="$EPOCHSECONDS"
    check "pause" cluster fault pause etcd 4
    check "as long as told" test "$(( EPOCHSECONDS - began ))" -ge 4
    check "writes work again" retry 20 kubectl annotate node "$(node_name 1)" --overwrite "test=$RANDOM"
}

test_a_pod_can_be_cut_off() {
    reach_api() { kubectl exec pair-0 -- /usr/bin/bash -c '(sleep 2; kill $$) & exec 3<>/dev/tcp/kubernetes.default/443'; }
    check "it reaches the API server" reach_api
    check "cut" cluster fault cut-pod default pair-0
    check "it does not reach it now" eval "! reach_api"
    check "join" cluster fault join-pods
    check "it does again" reach_api
}

test_a_container_can_be_killed() {
    restarted() { [ "$(kubectl get pod pair-1 -o 'jsonpath={.status.containerStatuses[0].lastState.terminated.exitCode}')" = 137 ]; }
    check "kill" cluster fault kill-container default pair-1
    check "the kubelet saw exit code 137" retry 20 restarted
}

test_up_heals_a_dead_part() {
    local name
    for name in etcd kube-scheduler kubelet containerd coredns; do
        check "kill $name" cluster fault kill "$name"
    done
    check "status says so" eval "! cluster status"
    check "up" cluster up
    check "whole" cluster status
    check "GPUs again" gpus_are_there 1
    check "pods still run" pod_is pair-0 Running
}

test_up_heals_after_everything_was_killed() {
    kubectl create configmap before-the-crash >/dev/null
    # shellcheck disable=SC2046
    kill -KILL $(our_processes) 2>/dev/null
    sleep 0.5
    check "nothing of it lives" no_traces
    check "up" cluster up
    check "whole" cluster status
    check "what was stored is there" kubectl get configmap before-the-crash
    kubectl delete pod pair-0 pair-1 --timeout=60s >/dev/null
    make_pods
}

test_up_heals_with_an_unreadable_store() {
    # shellcheck disable=SC2046
    kill -KILL $(our_processes) 2>/dev/null
    sleep 0.5
    find "$state/etcd" -type f -exec truncate --size 100 {} +
    check "up" cluster up
    check "whole" cluster status
    make_pods
}

test_down_leaves_nothing() {
    check "down" cluster down
    machine_state >"$output/after"
    check "nothing is left" diff "$output/before" "$output/after"
    check "no process is left" no_traces
}

test_down_with_the_state_folder_lost() {
    check "up" cluster up
    rm -rf "$state/run"
    check "down" cluster down
    machine_state >"$output/after"
    check "nothing is left" diff "$output/before" "$output/after"
    check "no process is left" no_traces
}

test_down_when_down() {
    check "down" cluster down
    check "status says that there is none" eval "! cluster status"
}

test_without_root_it_says_so() {
    local text
    text="$(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp DLWS_STATE="$state" "$repo_dir/script/cluster" up 2>&1)"
    check "it ends with an error" test $? -ne 0
    check "that names root: $text" eval "[[ \"\$text\" == *'needs root'* ]]"
    check "and changes nothing" test ! -e "$state"
}

test_a_folder_of_somebody_else_stays() {
    local theirs="$output/theirs" text command
    mkdir -p "$theirs"
    echo precious >"$theirs/file"
    for command in up down; do
        text="$(DLWS_STATE="$theirs" "$repo_dir/script/cluster" "$command" 2>&1)"
        check "$command ends with an error" test $? -ne 0
        check "that names the folder: $text" eval "[[ \"\$text\" == *'$theirs'* ]]"
    done
    check "and the file is still there" test "$(cat "$theirs/file")" = precious
}

test_the_demo_refuses_at_once_and_changes_nothing() {
    local text
    text="$(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/tmp DLWS_STATE="$state" "$repo_dir/script/demo" 2>&1)"
    check "without root it ends with an error" test $? -ne 0
    check "that names root: $text" eval "[[ \"\$text\" == *root* ]]"
    mkdir -p "$output/small"
    mount -t tmpfs -o size=64m tmpfs "$output/small"
    text="$(DLWS_STATE="$output/small/a/b" DLWS_CACHE="$output/small/cache" "$repo_dir/script/demo" 2>&1)"
    check "with too little disk it ends with an error" test $? -ne 0
    check "that names the space: $text" eval "[[ \"\$text\" == *GiB* ]]"
    check "and nothing was written there" test -z "$(ls -A "$output/small")"
    umount "$output/small"
    check "nor started" test ! -e "$state"
}

if [ "$(id -u)" != 0 ]; then
    echo "skipped: these tests need root"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
"$repo_dir/script/setup" cluster scale image oidc || exit 1
trap 'cluster down >/dev/null 2>&1; rm -rf "$output"' EXIT
cluster down >/dev/null 2>&1
machine_state >"$output/before"
tests=(test_without_root_it_says_so test_a_folder_of_somebody_else_stays test_the_demo_refuses_at_once_and_changes_nothing
    test_up_from_nothing test_up_when_up_changes_nothing test_pods_run_and_can_be_looked_into
    test_pods_find_each_other_by_name test_a_second_real_node_joins test_a_node_can_be_killed_and_healed
    test_a_node_can_be_frozen test_audit_log_has_writes_the_operators_with_their_content test_simulated_nodes_run_pods
    test_an_openid_provider_can_be_added test_api_server_can_restart test_etcd_can_pause test_a_pod_can_be_cut_off
    test_a_container_can_be_killed test_up_heals_a_dead_part test_up_heals_after_everything_was_killed
    test_up_heals_with_an_unreadable_store test_down_leaves_nothing test_down_with_the_state_folder_lost test_down_when_down)
[ $# -eq 0 ] || tests=("$@")
for name in "${tests[@]}"; do run_test "$name"; done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
