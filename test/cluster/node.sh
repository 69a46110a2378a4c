# SPDX-License-Identifier: Apache-2.0
# The real node: containerd, kubelet and kube-proxy in namespaces of their own (see node_init.sh).
# shellcheck shell=bash

# in_node COMMAND…: runs COMMAND on the node, in all of its namespaces.
in_node() {
    local pid
    pid="$(process_pid node-init)" || die "the node does not run; start it with: script/cluster up"
    nsenter --target "$pid" --mount --pid --net --uts --wd -- "$@"
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

# make_cgroups: the cgroup under which the kubelet keeps all pods.
make_cgroups() {
    local folder name controller
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        for controller in cpuset cpu io memory hugetlb pids; do
            echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || true
        done 2>/dev/null
    fi
    for folder in $(cgroup_folders); do
        mkdir -p "$folder"
        for name in cpuset.cpus cpuset.mems; do   # version 1 starts a new cpuset empty
            [ ! -e "$folder/$name" ] || [ -n "$(cat "$folder/$name")" ] ||
                cat "$(dirname "$folder")/$name" >"$folder/$name"
        done
    done
}

# remove_cgroups: all of them, deepest first; a group empties a moment after its last process.
remove_cgroups() {
    local folder
    for folder in $(cgroup_folders); do
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

# start_node_init: the namespaces, their mounts, and the network cable into them.
start_node_init() {
    is_running node-init && return
    local pid name
    rm -f "$run_dir"/{containerd,kubelet,kube-proxy}.pid
    mkdir -p "$node_dir"
    for name in /var/lib/kubelet /var/lib/cni; do
        [ -e "$name" ] || { mkdir -p "$name"; echo "$name" >>"$made_folders"; }
    done
    remove_cgroups   # a kubelet spends seconds on each dead pod that it finds there
    make_cgroups
    start_process node-unshare unshare --mount --propagation slave --pid --net --uts --ipc --fork --kill-child \
        "$repo_dir/test/cluster/node_init.sh" "$node_dir" "$node_name"
    retry 5 child_of node-unshare || die "the node's namespaces could not be made; see $log_dir/node-unshare.log"
    pid="$(child_of node-unshare)"
    record_process node-init "$pid"
    retry 5 test -e "/proc/$pid/root/run/node-ready" || die "the node did not start; see $log_dir/node-unshare.log"
    connect_node "$pid"
}

# child_of NAME: id of the one child process of our process NAME.
child_of() {
    local pid children
    pid="$(process_pid "$1")" && children="$(cat "/proc/$pid/task/$pid/children")" && [ -n "$children" ] && echo "${children%% *}"
}

# start_in_node NAME COMMAND…: like start_process, on the node. The entering process stays outside as
# parent of the real one, which is the one remembered under NAME.
start_in_node() {
    local name="$1" pid
    pid="$(process_pid node-init)" || die "the node does not run"
    shift
    start_process "$name-enter" nsenter --target "$pid" --mount --pid --net --uts --ipc --wd -- "$@"
    retry 5 child_of "$name-enter" || die "$name did not start; see $log_dir/$name-enter.log"
    record_process "$name" "$(child_of "$name-enter")"
}

write_containerd_configuration() {
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
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam", "ranges": [[{"subnet": "$pod_net.1.0/24"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}
]}
END
}

start_containerd() {
    is_running containerd && return
    write_containerd_configuration
    start_in_node containerd containerd --config "$node_dir/containerd.toml" --log-level warn
    retry 15 in_node ctr version || die "containerd does not answer; see $log_dir/containerd-enter.log"
}

write_kubelet_configuration() {
    cat >"$node_dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_ip
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $pki/kubelet.crt
tlsPrivateKeyFile: $pki/kubelet.key
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup_root
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
clusterDomain: cluster.local
clusterDNS: [$dns_ip]
resolvConf: $node_dir/resolv.conf
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
maxPods: 250
serializeImagePulls: false
registryPullQPS: 0
nodeStatusUpdateFrequency: 4s
nodeStatusReportFrequency: 1m0s
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
    is_running kubelet && return
    write_kubelet_configuration
    forget_readiness
    start_in_node kubelet "$k8s_bin/kubelet" --config "$node_dir/kubelet.yaml" --kubeconfig "$pki/kubelet.kubeconfig" \
        --hostname-override "$node_name" --node-ip "$node_ip" \
        --node-labels dlworkspace.io/gpu-type=Simulated
}

# forget_readiness: what a kubelet said before it died must not be taken for what the next one says.
forget_readiness() {
    ! kubectl get node "$node_name" >/dev/null 2>&1 || kubectl patch node "$node_name" --subresource status --type strategic \
        --output name --patch '{"status": {"conditions": [{"type": "Ready", "status": "Unknown", "reason": "Starting"}]}}' >/dev/null
}

start_kube_proxy() {
    is_running kube-proxy && return
    cat >"$node_dir/kube-proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $pod_net.0.0/16
clientConnection: {kubeconfig: $pki/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 200ms, syncPeriod: 30s}
hostnameOverride: $node_name
END
    start_in_node kube-proxy "$k8s_bin/kube-proxy" --config "$node_dir/kube-proxy.yaml"
}

# advertise_gpus: eight simulated GPUs. A kubelet that starts sets them to none, so this follows it.
advertise_gpus() {
    kubectl patch node "$node_name" --subresource status --type merge --output name --patch \
        '{"status": {"capacity": {"nvidia.com/gpu": "8"}, "allocatable": {"nvidia.com/gpu": "8"}}}'
}

node_is_ready() {
    [ "$(kubectl get node "$node_name" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ]
}
gpus_are_there() {
    [ "$(kubectl get node "$node_name" -o 'jsonpath={.status.allocatable.nvidia\.com/gpu}')" = 8 ]
}
gpus_settled() { gpus_are_there || { advertise_gpus; false; }; }

# start_node: everything on the node; returns when it is Ready and has its GPUs.
start_node() {
    start_node_init
    start_containerd
    load_pause_image
    start_kubelet
    start_kube_proxy
}
wait_for_node() {
    retry 60 node_is_ready || die "the node did not become Ready in 60 s; see $log_dir/kubelet-enter.log"
    retry 20 gpus_settled || die "the node does not keep its simulated GPUs"
}

# load_image ARCHIVE: makes the images of an OCI or Docker archive known to the node.
# Nothing is done when the node has this very image already.
load_image() {
    local image
    if image="$(tar --extract --to-stdout --file "$1" index.json 2>/dev/null |
            jq -r '.manifests[0] | "\(.annotations["org.opencontainers.image.ref.name"]) \(.digest)"')" &&
        in_node ctr --namespace k8s.io images list | awk '{ print $1, $3 }' | grep -qxF "$image"; then return; fi
    in_node ctr --namespace k8s.io images import - <"$1"
}

# stop_node: ends the node as by a power cut.
stop_node() {
    kill_process node-init
    kill_process node-unshare
    rm -f "$run_dir"/{node-init,node-unshare,containerd,kubelet,kube-proxy}.pid "$run_dir"/*-enter.pid
}

# load_pause_image: the image that holds every pod's namespaces.
load_pause_image() {
    local archive
    archive="$(pause_image)"
    [ "$(cat "$node_dir/pause-image" 2>/dev/null)" = "$archive" ] && return
    load_image "$archive" >>"$log_dir/setup.log" 2>&1 || die "the pause image could not be loaded; see $log_dir/setup.log"
    echo "$archive" >"$node_dir/pause-image"
}
