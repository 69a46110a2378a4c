#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test/storage/gluster.sh: a real GlusterFS volume beside the test cluster, mounted on its first node.
#
#   gluster.sh up            start a server with the volume `files`, or what is missing of it
#   gluster.sh mount         mount the volume on the node, at $DLWS_STATE/volume, as an administrator would, with the
#                            file .dlws that tells it from another
#   gluster.sh umount        unmount it there, also when nothing answers
#   gluster.sh volume stop   stop the volume: its server process ends (`volume start` starts it again)
#   gluster.sh freeze        the server stands still and says nothing (`thaw` ends that)
#   gluster.sh kill-mount    kill the FUSE process of the mount on the node, as a crash would
#   gluster.sh down          end the server and remove what it stored
#
# The server has 1400 MiB for files, in memory: $DLWS_STATE/gluster/root/brick. `script/cluster down` ends and removes
# all of it, too.
#
# The server has its own process and mount namespaces: when their first process ends, the kernel ends the
# others, bricks included, and GlusterFS finds its usual folders empty in there, whatever the machine has. It listens
# on the address of the cluster's bridge only, so that clusters of several instances can each have one.
source "$(dirname "$(readlink -f "$0")")/../../script/lib/common.sh"
for part in settings process node; do source "$repo_dir/test/cluster/$part.sh"; done

gluster="$state/gluster"
point="$state/volume"

# serve: the first process in the server's namespaces.
serve() {
    local folder
    mount -t proc -o nosuid,nodev,noexec proc /proc
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
    mkdir -p /run/gluster "$gluster/brick"
    # Not on the machine's own file system: that need not know extended attributes, and should not fill.
    mount -t tmpfs -o size=1400m,mode=755,nosuid,nodev brick "$gluster/brick"
    for folder in /var/lib/glusterd /var/log/glusterfs; do
        mkdir -p "$gluster$folder"
        mount --bind "$gluster$folder" "$folder"
    done
    cat >"$gluster/glusterd.vol" <<END
volume management
    type mgmt/glusterd
    option working-directory /var/lib/glusterd
    option transport-type socket
    option transport.address-family inet
    option transport.socket.bind-address $host_ip
end-volume
END
    # Not its first process itself: bricks that end must be taken in, which a shell that waits does.
    glusterd --no-daemon --volfile="$gluster/glusterd.vol" &
    wait $!
}

# in_server COMMAND…: runs COMMAND where the server runs.
in_server() {
    local pid
    pid="$(child_of gluster)" || die "no GlusterFS server runs; start it with: $0 up"
    nsenter --target "$pid" --mount --pid -- "$@"
}
gluster_cli() { in_server gluster --mode=script "$@"; }

up() {
    is_running node-init-1 || die "there is no cluster in $state; start one with: script/cluster up"
    mkdir -p "$gluster"
    if ! is_running gluster; then
        start_process gluster unshare --mount --propagation slave --pid --fork --kill-child \
            env "DLWS_INSTANCE=$instance" "DLWS_STATE=$state" "$repo_dir/test/storage/gluster.sh" serve
    fi
    retry 5 child_of gluster || die "the GlusterFS server did not start; see $log_dir/gluster.log"
    ln -sfn "/proc/$(child_of gluster)/root$gluster" "$gluster/root"
    retry 20 gluster_cli volume list || die "the GlusterFS server does not answer; see $log_dir/gluster.log and $gluster/var/log/glusterfs"
    # force: the brick is the top of its file system, which GlusterFS advises against.
    gluster_cli volume info files >/dev/null 2>&1 || {
        gluster_cli volume create files "$host_ip:$gluster/brick" force
        # A server that says nothing is given up after this many seconds; 42 would make the tests long.
        gluster_cli volume set files network.ping-timeout 20
    }
    [[ "$(gluster_cli volume info files)" == *"Status: Started"* ]] || gluster_cli volume start files
}

# Until the server's brick is up, GlusterFS refuses to mount the volume, or mounts it and cannot use it.
mount_volume() {
    in_node 1 mountpoint --quiet "$point" || in_node 1 mount -t glusterfs "$host_ip:/files" "$point" || return
    in_node 1 touch "$point/.dlws"   # in the folder below it would succeed, too
}

# The path ends the command line of the process that serves it; of this node, since it has its own ids. One of a
# mount that was given up while its server said nothing may live on.
mount_process() { in_node 1 pgrep --newest --full "^/usr/sbin/glusterfs .* $point\$"; }

signal_server() { in_server bash -c "kill -$1 \$(pgrep '^gluster')"; }

case "${1:-}" in
    serve) serve ;;
    up) up ;;
    mount)
        in_node 1 mkdir -p "$point"
        retry 30 mount_volume || die "the volume could not be mounted; see /var/log/glusterfs on the node" ;;
    umount) in_node 1 umount --lazy "$point" ;;
    volume) gluster_cli volume "${2:?stop or start}" files force ;;
    freeze) signal_server STOP ;;
    thaw) signal_server CONT ;;
    kill-mount) in_node 1 kill -KILL "$(mount_process)" ;;
    down)
        ! is_running node-init-1 || in_node 1 umount --lazy "$point" 2>/dev/null || true
        ! pid="$(child_of gluster)" || kill -KILL "$pid"
        kill_process gluster
        rm -rf --one-file-system "$gluster" ;;
    -h | --help) usage_from_header ;;
    *) usage_from_header >&2; exit 2 ;;
esac
