# SPDX-License-Identifier: Apache-2.0
# The real nodes: containerd, kubelet and kube-proxy of each in namespaces of their own (see node_init.sh).
# A function's first argument N is the node's number; its processes are named kubelet-N and so on.
# shellcheck shell=bash

# in_node N COMMAND…: runs COMMAND on the node, in all of its namespaces.
in_node() {
    local pid
    pid="$(process_pid "node-init-$1")" || die "node $1 does not run; start it with: script/cluster up"
    nsenter --target "$pid" --mount --pid --net --uts --wd -- "${@:2}"
}

# cgroup_folders: where our cgroup is: one folder for each controller of version 1, one for version 2.
cgroup_folders() {
    local folder
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "/sys/fs/cgroup/$cgroup_root"
        return
    fi
    for folder in /sys/fs/cgroup/*/; do
        [ -L "${folder%/}" ] || [ ! -e "$folder/cgroup.procs" ] || echo "$folder$cgroup_root"
    done
}

# make_cgroups N: the cgroup under which the kubelet keeps all pods.
make_cgroups() {
    local top folder
    for top in $(cgroup_folders); do
        for folder in "$top" "$top/node$1"; do make_cgroup "$folder"; done
    done
}
make_cgroup() {
    local parent name controller
    parent="$(dirname "$1")"
    if [ -e "$parent/cgroup.controllers" ]; then
        for controller in cpuset cpu io memory hugetlb pids; do
            echo "+$controller" >"$parent/cgroup.subtree_control" || true
        done 2>/dev/null
    fi
    mkdir -p "$1"
    for name in cpuset.cpus cpuset.mems; do   # version 1 starts a new cpuset empty
        [ ! -e "$1/$name" ] || [ -n "$(cat "$1/$name")" ] || cat "$parent/$name" >"$1/$name"
    done
}

# remove_cgroups [N]: of one node or all of them, deepest first; a group empties a moment after its last process.
remove_cgroups() {
    local top folder
    for top in $(cgroup_folders); do
        folder="$top${1:+/node$1}"
        [ ! -d "$folder" ] || retry 10 remove_cgroup_tree "$folder" || warn "the cgroup $folder could not be removed"
    done
}
remove_cgroup_tree() { find "$1" -depth -type d -exec rmdir {} + ; }

# Folders of the machine that a node mounts its own over, and that were not there before. They go with the
# last cluster: removing one would take it from under the others' nodes.
made_folders=/run/lock/dlws-made-folders
remove_made_folders() {
    [ -e "$made_folders" ] && [ -z "$(ip -brief link show type bridge | grep -E '^dlws[0-9] ')" ] || return 0
    local folder
    while read -r folder; do rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true; done <"$made_folders"
    rm -f "$made_folders"
}

# start_node_init N: the namespaces, their mounts, and the network cable into them.
start_node_init() {
    is_running "node-init-$1" && return
    local pid name
    rm -f "$run_dir"/{containerd,kubelet,kube-proxy}-"$1".pid
    mkdir -p "$(node_dir "$1")"
    for name in /var/lib/kubelet /var/lib/cni; do
        [ -e "$name" ] || { mkdir -p "$name"; echo "$name" >>"$made_folders"; }
    done
    remove_cgroups "$1"   # a kubelet spends seconds on each dead pod that it finds there
    make_cgroups "$1"
    start_process "node-unshare-$1" unshare --mount --propagation slave --pid --net --uts --ipc --fork --kill-child \
        "$repo_dir/test/cluster/node_init.sh" "$(node_dir "$1")" "$(node_name "$1")" "$state/shared"
    retry 5 child_of "node-unshare-$1" || die "the namespaces of node $1 could not be made; see $log_dir/node-unshare-$1.log"
    pid="$(child_of "node-unshare-$1")"
    record_process "node-init-$1" "$pid"
    retry 5 test -e "/proc/$pid/root/run/node-ready" || die "node $1 did not start; see $log_dir/node-unshare-$1.log"
    connect_node "$1" "$pid"
}

# child_of NAME: id of the one child process of our process NAME.
child_of() {
    local pid children
    pid="$(process_pid "$1")" && children="$(cat "/proc/$pid/task/$pid/children")" && [ -n "$children" ] && echo "${children%% *}"
}

# see_log NAME: where to look, and what it says if it is what many nodes on one machine run into.
see_log() {
    local log="$log_dir/$1.log"
    echo -n "see $log"
    ! tail -n 20 "$log" | grep -q 'inotify.*too many open files' ||
        echo -n "; the machine has no inotify instance left for it (a node takes 8): sysctl -w fs.inotify.max_user_instances=512"
}

# start_in_node N NAME COMMAND…: like start_process, on the node. The entering process stays outside as
# parent of the real one, which is the one remembered under NAME-N.
start_in_node() {
    local name="$2-$1" pid
    pid="$(process_pid "node-init-$1")" || die "node $1 does not run"
    shift 2
    start_process "$name-enter" nsenter --target "$pid" --mount --pid --net --uts --ipc --wd -- "$@"
    retry 5 child_of "$name-enter" || die "$name did not start; $(see_log "$name-enter")"
    record_process "$name" "$(child_of "$name-enter")"
}

write_containerd_configuration() {
    local node_dir
    node_dir="$(node_dir "$1")"
    mkdir -p "$node_dir/cni" "$node_dir/containerd"
    cat >"$node_dir/containerd.toml" <<END
version = 2
root = "$node_dir/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "dlworkspace.io/pause:1"
  restrict_oom_score_adj = true
  disable_tcp_service = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$node_dir/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
END
    # Point to point, without a bridge: a bridge would need br_netfilter for a pod to reach a Service whose
    # endpoint is on the same node.
    cat >"$node_dir/cni/10-dlws.conflist" <<END
{"cniVersion": "0.4.0", "name": "dlws", "plugins": [
  {"type": "ptp", "ipMasq": false, "mtu": 1500,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": "$pod_net.$1.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
END
}

start_containerd() {
    is_running "containerd-$1" && return
    write_containerd_configuration "$1"
    start_in_node "$1" containerd containerd --config "$(node_dir "$1")/containerd.toml" --log-level warn
    retry 15 in_node "$1" ctr version || die "containerd does not answer; see $log_dir/containerd-$1-enter.log"
}

write_kubelet_configuration() {
    local node_dir
    node_dir="$(node_dir "$1")"
    cat >"$node_dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_ip "$1")
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet-$1.crt
tlsPrivateKeyFile: $pki/kubelet-$1.key
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup_root/node$1
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDomain: cluster.local
clusterDNS: [$dns_ip]
resolvConf: $node_dir/resolv.conf
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
maxPods: 250
# Small and often, so that tests see logs rotate.
containerLogMaxSize: 4Mi
containerLogMaxFiles: 3
containerLogMonitorInterval: 3s
serializeImagePulls: false
registryPullQPS: 0
nodeStatusUpdateFrequency: 4s
nodeStatusReportFrequency: 1m0s
nodeLeaseDurationSeconds: 12
imageGCHighThresholdPercent: 100
imageMinimumGCAge: 720h
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
volumePluginDir: $node_dir/volume-plugins
eventRecordQPS: 50
kubeAPIQPS: 100
kubeAPIBurst: 200
END
    # No name server of the machine: pods resolve what is in the cluster, and nothing waits on a timeout.
    echo "options ndots:5" >"$node_dir/resolv.conf"
}

start_kubelet() {
    is_running "kubelet-$1" && return
    write_kubelet_configuration "$1"
    forget_readiness "$1"
    start_in_node "$1" kubelet "$k8s_bin/kubelet" --config "$(node_dir "$1")/kubelet.yaml" \
        --kubeconfig "$pki/kubelet-$1.kubeconfig" --hostname-override "$(node_name "$1")" --node-ip "$(node_ip "$1")" \
        --node-labels dlworkspace.io/gpu-type=Simulated
}

# forget_readiness: what a kubelet said before it died must not be taken for what the next one says.
forget_readiness() {
    local name
    name="$(node_name "$1")"
    ! kubectl get node "$name" >/dev/null 2>&1 || kubectl patch node "$name" --subresource status --type strategic \
        --output name --patch '{"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Starting"}]}}' >/dev/null
}

start_kube_proxy() {
    is_running "kube-proxy-$1" && return
    local file
    file="$(node_dir "$1")/kube-proxy.yaml"
    cat >"$file" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $pod_net.0.0/16
clientConnection: {kubeconfig: $pki/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 200ms, syncPeriod: 30s}
hostnameOverride: $(node_name "$1")
END
    start_in_node "$1" kube-proxy "$k8s_bin/kube-proxy" --config "$file"
}

# advertise_gpus: eight simulated GPUs. A kubelet that starts sets them to none, so this follows it.
advertise_gpus() {
    kubectl patch node "$(node_name "$1")" --subresource status --type merge --output name --patch \
        '{"status": {"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "8"}}}'
}

# node_state N: whether it is Ready, and its GPUs, as in "True 8".
node_state() {
    kubectl get node "$(node_name "$1")" \
        -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.allocatable.nvidia\.com/gpu}'
}
node_is_ready() { [[ "$(node_state "$1")" = True* ]]; }
gpus_are_there() { [[ "$(node_state "$1")" = *\ 8 ]]; }
gpus_settled() { gpus_are_there "$1" || { advertise_gpus "$1"; false; }; }

node_parts=(node-init containerd kubelet kube-proxy)

# node_is_whole N: it runs, is Ready and has its GPUs.
node_is_whole() {
    local part
    for part in "${node_parts[@]}"; do is_running "$part-$1" || return 1; done
    [ "$(node_state "$1")" = "True 8" ]
}

# start_node N: everything on the node, or what is missing of it. It is not Ready then.
start_node() {
    start_node_init "$1"
    thaw_node "$1"
    start_containerd "$1"
    load_images "$1"
    start_kubelet "$1"
    start_kube_proxy "$1"
}

# start_nodes: all of them, side by side.
start_nodes() {
    local number pid pids=()
    for number in $(node_numbers); do
        start_node "$number" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || exit 1; done
    route_services
}

# wait_for_node N: returns when it is Ready and has its GPUs.
wait_for_node() {
    retry 60 node_is_ready "$1" || die "node $1 did not become Ready in 60 s; $(see_log "kubelet-$1-enter")"
    retry 20 gpus_settled "$1" || die "node $1 does not keep its simulated GPUs"
}

# stop_node N: ends the node as by a power cut.
stop_node() {
    local part
    kill_process "node-init-$1"
    kill_process "node-unshare-$1"
    for part in "${node_parts[@]}" node-unshare; do rm -f "$run_dir/$part-$1.pid" "$run_dir/$part-$1-enter.pid"; done
}

# freeze_node N: cut off and frozen; its containers run on, but nobody hears of it. thaw_node ends that.
freeze_node() {
    cut_node "$1"
    signal_processes STOP "kubelet-$1"
    signal_processes STOP "containerd-$1"
}
thaw_node() {
    local part
    for part in containerd kubelet; do
        ! is_running "$part-$1" || signal_processes CONT "$part-$1"
    done
    join_node "$1"
}

# --- images ---

images_loaded="$state/images"   # links to the archives; the one of an image's name is its newest

# image_of ARCHIVE: name and digest of the image in an OCI archive.
image_of() {
    tar --extract --to-stdout --file "$1" index.json 2>/dev/null |
        jq -r '.manifests[0] | "\(.annotations["org.opencontainers.image.ref.name"]) \(.digest)"'
}

# load_image N ARCHIVE: makes the images of an OCI or Docker archive known to the node.
# Nothing is done when the node has this very image already.
load_image() {
    local image
    if image="$(image_of "$2")" &&
        in_node "$1" ctr --namespace k8s.io images list | awk '{ print $1, $3 }' | grep -qxF "$image"; then return; fi
    in_node "$1" ctr --namespace k8s.io images import - <"$2"
    # A pod that names the image by digest finds it too.
    image="$(image_of "$2")" || return 0
    in_node "$1" ctr --namespace k8s.io images tag --force "${image% *}" "${image%:* *}@${image#* }"
}

# load_images N: the image that holds every pod's namespaces, and all that `script/cluster load` was told.
load_images() {
    local archive
    for archive in "$(pause_image)" "$images_loaded"/*; do
        [ ! -r "$archive" ] || load_image "$1" "$archive" >>"$log_dir/setup.log" 2>&1 ||
            die "the image archive $archive could not be loaded; see $log_dir/setup.log"
    done
}

# load_everywhere ARCHIVE: to every node that runs, and to those that start later.
load_everywhere() {
    local archive name number pid pids=()
    archive="$(realpath "$1")"
    name="$(image_of "$archive" | cut -d ' ' -f 1)" || name=""
    mkdir -p "$images_loaded"
    for number in $(node_numbers); do
        is_running "node-init-$number" || continue
        load_image "$number" "$archive" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || die "the image archive $archive could not be loaded into every node"; done
    name="${name:-$archive}"
    ln -sfn "$archive" "$images_loaded/${name//\//_}"
}
