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
node_ip="$node_net.11"           # the node
local_ip="127.86.$instance.1"    # loopback address of what only the machine itself calls
pod_net="10.24$instance"         # pods of the node: $pod_net.1.0/24
simulated_cidr="10.23$instance.0.0/16"
service_net="10.$((96 + instance)).0"
kubernetes_ip="$service_net.1"
dns_ip="$service_net.10"
api_url="https://$host_ip:6443"

node_name="dlws-node-1"
cgroup_root="dlws$instance"

# Says that $state is a cluster's, and of which instance: nothing else is ever removed.
claim="$state/.dlws-cluster"
pki="$state/pki"
run_dir="$state/run"
log_dir="$state/log"
node_dir="$state/node1"
admin_kubeconfig="$state/kubeconfig"

kubectl() { "$k8s_bin/kubectl" --kubeconfig "$admin_kubeconfig" --cache-dir "$state/kubectl-cache" "$@"; }
