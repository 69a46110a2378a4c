#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test/storage/domain.sh: an Active Directory domain beside the test cluster: a real Samba domain controller.
#
#   domain.sh up                    start the controller of LAB.TEST; prints its address
#   domain.sh user NAME PASSWORD    a user of the domain; Administrator has the password Adm1n-Passw0rd
#   domain.sh down                  end it and remove what it knows
#
# It has its own network, process and mount namespaces, with a cable into the cluster's bridge: when their first
# process ends, the kernel ends and removes all of it. `script/cluster down` does, too.
source "$(dirname "$(readlink -f "$0")")/../../script/lib/common.sh"
for part in settings process node; do source "$repo_dir/test/cluster/$part.sh"; done

domain="$state/domain"
address="$node_net.30"
cable="${bridge}dc"

# serve: the first process in the namespaces.
serve() {
    mount -t proc -o nosuid,nodev,noexec proc /proc
    # Programs of Samba find one another in there, whatever smb.conf says.
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
    mkdir -p /run/samba/winbindd
    retry 10 ip link show eth0 || die "the cable was not laid"
    rm -rf "$domain"
    mkdir -p "$domain"
    : >"$domain/empty.conf"
    samba-tool domain provision --configfile="$domain/empty.conf" --targetdir="$domain" --realm=LAB.TEST --domain=LAB \
        --server-role=dc --dns-backend=SAMBA_INTERNAL --host-ip="$address" --host-name=dc1 --adminpass=Adm1n-Passw0rd \
        --option="interfaces=eth0" --option="bind interfaces only=yes" --option="dns forwarder="
    samba --foreground --no-process-group --debug-stdout -s "$domain/etc/smb.conf" &
    wait $!
}

in_domain() {
    local pid
    pid="$(child_of domain)" || die "no domain controller runs; start it with: $0 up"
    nsenter --target "$pid" --mount --pid --net -- "$@"
}

# The way back to the pods goes over their nodes.
connect_domain() {
    local pid number
    pid="$(child_of domain)"
    ! ip link show "$cable" >/dev/null 2>&1 || ip link delete "$cable"
    ip link add name "$cable" type veth peer name eth0 netns "$pid"
    ip link set "$cable" master "$bridge" up
    nsenter --target "$pid" --net bash -e <<END
ip link set lo up
ip address add $address/24 dev eth0
ip link set eth0 up
$(for number in $(node_numbers); do echo "ip route add $pod_net.$number.0/24 via $(node_ip "$number")"; done)
END
}

up() {
    is_running node-init-1 || die "there is no cluster in $state; start one with: script/cluster up"
    if ! is_running domain; then
        start_process domain unshare --mount --propagation slave --pid --net --fork --kill-child \
            env "DLWS_INSTANCE=$instance" "DLWS_STATE=$state" "$repo_dir/test/storage/domain.sh" serve
        retry 5 child_of domain || die "the domain controller did not start; see $log_dir/domain.log"
        connect_domain
    fi
    # Its DNS is the last to answer.
    retry 60 in_domain samba-tool dns query "$address" lab.test _ldap._tcp SRV -U 'Administrator%Adm1n-Passw0rd' ||
        die "the domain controller does not answer; see $log_dir/domain.log"
    echo "$address"
}

case "${1:-}" in
    -h | --help) usage_from_header ;;
    serve | up) "$1" ;;
    user) in_domain samba-tool user create "$2" "$3" -s "$domain/etc/smb.conf" ;;
    down)
        stop_process domain
        rm -rf "$domain"
        ;;
    *) usage_from_header >&2; exit 2 ;;
esac
