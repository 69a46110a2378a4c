# SPDX-License-Identifier: Apache-2.0
# The network between the machine and the nodes: one bridge with a cable into each node's own network
# namespace. Pod addresses are routed to their node; Service addresses to one of them, whose kube-proxy serves
# them, so that the API server can call webhooks. The machine gets no iptables rule and no changed kernel
# setting; the routes go with the bridge.
# shellcheck shell=bash

start_network() {
    local other net
    for net in "$node_net.0/24" "$pod_net.0.0/16" "$service_net.0/16"; do
        other="$(ip -4 -o route show root "$net" | grep -v "dev $bridge " || true)"
        [ -z "$other" ] || die "the network $net is in use on this machine ($other); choose another DLWS_INSTANCE"
    done
    ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
    ip address replace "$host_ip/24" dev "$bridge"
    ip link set "$bridge" up
}

stop_network() {
    ! ip link show "$bridge" >/dev/null 2>&1 || ip link delete "$bridge"
    local number
    for (( number = 1; number <= max_nodes; number++ )); do remove_cable "$number"; done
}
remove_cable() { ! ip link show "${bridge}n$1" >/dev/null 2>&1 || ip link delete "${bridge}n$1"; }

# connect_node N PID: lays the cable into the network namespace of process PID, and the routes to it. The
# node has routes to the pods of all others that there may ever be.
connect_node() {
    local other
    remove_cable "$1"
    ip link add name "${bridge}n$1" type veth peer name eth0 netns "$2"
    join_node "$1"
    nsenter --target "$2" --net bash -e <<END
ip link set lo up
ip address add $(node_ip "$1")/24 dev eth0
ip link set eth0 up
ip route add $service_net.0/16 via $host_ip
ip route add unreachable default
$(for (( other = 1; other <= max_nodes; other++ )); do
    [ "$other" = "$1" ] || echo "ip route add $pod_net.$other.0/24 via $(node_ip "$other")"
done)
sysctl -q -w net.ipv4.ip_forward=1
END
    ip route replace "$pod_net.$1.0/24" via "$(node_ip "$1")"
    route_services
}

# The cable of node N in and out of the bridge.
join_node() { ip link set "${bridge}n$1" master "$bridge" up; }
cut_node() { ip link set "${bridge}n$1" nomaster down; }

# route_services: to the first node that runs.
route_services() {
    local number
    for number in $(node_numbers); do
        is_running "node-init-$number" || continue
        ip route replace "$service_net.0/16" via "$(node_ip "$number")"
        return
    done
}
