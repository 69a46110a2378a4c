# SPDX-License-Identifier: Apache-2.0
# What one test cluster is made of: its state folder, names and addresses. Everything derives from the
# instance number, so that ten clusters can stand side by side on one machine.
# shellcheck shell=bash disable=SC2034

instance="${DLWS_INSTANCE:-0}"
[[ "$instance" =~ ^[0-9]$ ]] || die "DLWS_INSTANCE must be a digit from 0 to 9, and is '$instance'"
default_state=/var/lib/dlws-cluster
[ "$instance" = 0 ] || default_state="/var/lib/dlws-cluster-$instance"
state="${DLWS_STATE:-$default_state}"
[[ "$state" = /*/* && "$state" != *' '* ]] || die "DLWS_STATE must be an absolute path two folders deep without spaces, and is '$state'"

# Every process of ours carries this in its environment: so `down` finds all of them, even with the
# state folder lost, and nothing that is not ours.
marker="DLWS_CLUSTER_INSTANCE=$instance"

# Addresses. 198.18.0.0/15 is set aside for tests by RFC 2544, so it collides with no real network.
# The control plane listens on the bridge's address only: nothing is open to the machine's network.
bridge="dlws$instance"
node_net="198.18.$instance"
host_ip="$node_net.1"            # the machine's end of the bridge: API server, DNS
local_ip="127.86.$instance.1"    # loopback address of what only the machine itself calls
pod_net="10.24$instance"         # pods of node N: $pod_net.N.0/24
simulated_cidr="10.23$instance.0.0/16"
service_net="10.$((96 + instance)).0"
kubernetes_ip="$service_net.1"
dns_ip="$service_net.10"
api_url="https://$host_ip:6443"

# The real nodes, by number: 1 to as many as `up --real-nodes` asked for.
max_nodes=3
node_name() { echo "dlws-node-$1"; }
node_ip() { echo "$node_net.$(( 10 + $1 ))"; }
node_dir() { echo "$state/node$1"; }
node_count() { cat "$state/real-nodes" 2>/dev/null || echo 1; }
node_numbers() { seq "$(node_count)"; }

cgroup_root="dlws$instance"      # pods of node N: below it in nodeN

# Says that $state is a cluster's, and of which instance: nothing else is ever removed.
claim="$state/.dlws-cluster"
pki="$state/pki"
run_dir="$state/run"
log_dir="$state/log"
admin_kubeconfig="$state/kubeconfig"

kubectl() { "$k8s_bin/kubectl" --kubeconfig "$admin_kubeconfig" --cache-dir "$state/kubectl-cache" "$@"; }
