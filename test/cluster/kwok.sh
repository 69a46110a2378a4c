# SPDX-License-Identifier: Apache-2.0
# Simulated nodes for the scale tests: KWOK keeps their heartbeats and says that their pods run.
# shellcheck shell=bash

start_kwok() {
    is_running kwok && return
    cat >"$state/kwok.yaml" <<'END'
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options: {podPlayStageParallelism: 16, nodePlayStageParallelism: 8, nodeLeaseParallelism: 8}
END
    start_process kwok "$kwok_bin/kwok" --kubeconfig "$pki/kwok.kubeconfig" --config "$state/kwok.yaml" \
        --manage-nodes-with-label-selector type=kwok --cidr "$simulated_cidr" \
        --node-ip "$host_ip" --node-port 10250 --server-address "$local_ip:10247" \
        --node-lease-duration-seconds 40 -v WARN
}

# simulation_wanted: whether this cluster has had simulated nodes.
simulation_wanted() { [ -e "$state/simulated" ]; }

# simulated_nodes: how many there are.
simulated_nodes() { kubectl get nodes --selector type=kwok --output name | wc -l; }

# add_simulated_nodes N: makes the simulated nodes 1 to N that are not there yet.
add_simulated_nodes() {
    local have
    have="$(simulated_nodes)"
    [ "$have" -lt "$1" ] || return 0
    touch "$state/simulated"
    start_kwok
    for (( number = 1; number <= $1; number++ )); do
        cat <<END
---
apiVersion: v1
kind: Node
metadata:
  name: dlws-simulated-$number
  annotations: {kwok.x-k8s.io/node: fake}
  labels:
    type: kwok
    kubernetes.io/hostname: dlws-simulated-$number
    kubernetes.io/os: linux
    kubernetes.io/arch: amd64
    dlworkspace.io/gpu-type: Simulated
spec:
  taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]
status:
  capacity: &resources {cpu: "64", memory: 512Gi, ephemeral-storage: 1Ti, pods: "250", nvidia.com/gpu: "8"}
  allocatable: *resources
  nodeInfo:
    {architecture: amd64, operatingSystem: linux, kubeletVersion: v$k8s_version, containerRuntimeVersion: "",
     bootID: "", kernelVersion: "", kubeProxyVersion: "", machineID: "", osImage: "", systemUUID: ""}
END
    done | kubectl apply --server-side --force-conflicts --filename - --output name
    retry 60 simulated_nodes_ready "$1" || die "the simulated nodes did not become Ready in 60 s; see $log_dir/kwok.log"
}
simulated_nodes_ready() {
    [ "$(kubectl get nodes --selector type=kwok --output \
        'jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' | grep -c True)" -ge "$1" ]
}
