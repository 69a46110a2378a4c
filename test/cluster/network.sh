# SPDX-License-Identifier: Apache-2.0
# The network between the machine and the node: one bridge with one cable into the node's own network
# namespace. Pod and Service addresses are routed to the node, whose kube-proxy serves them, so that the API
# server can call webhooks. The machine gets no iptables rule and no changed kernel setting; the routes go
# with the bridge.
# shellcheck shell=bash

start_network() {
    local other net
    for net in "$node_net.0/24" "$pod_net.1.0/24" "$service_net.0/16"; do
        other="$(ip -4 -o route show root "$net" | grep -v "dev $bridge " || true)"
        [ -z "$other" ] || die "the network $net is in use on this machine ($other); choose another DLWS_INSTANCE"
    done
    ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
    ip address replace "$host_ip/24" dev "$bridge"
    ip link set "$bridge" up
}

stop_network() {
    ! ip link show "$bridge" >/dev/null 2>&1 || ip link delete "$bridge"
    ! ip link show "${bridge}n1" >/dev/null 2>&1 || ip link delete "${bridge}n1"
}

# connect_node PID: lays the cable into the network namespace of process PID, and the routes to it.
connect_node() {
    ! ip link show "${bridge}n1" >/dev/null 2>&1 || ip link delete "${bridge}n1"
    ip link add name "${bridge}n1" type veth peer name eth0 netns "$1"
    ip link set "${bridge}n1" master "$bridge" up
    nsenter --target "$1" --net bash -e <<END
ip link set lo up
ip address add $node_ip/24 dev eth0
ip link set eth0 up
ip route add $service_net.0/16 via $host_ip
ip route add unreachable default
sysctl -q -w net.ipv4.ip_forward=1
END
    ip route replace "$pod_net.1.0/24" via "$node_ip"
    ip route replace "$service_net.0/16" via "$node_ip"
}
