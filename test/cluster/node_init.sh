#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# First process of a node, which has its own process, mount, network and host-name namespaces: when it
# ends, by whatever cause, the kernel ends everything on the node and removes its mounts and devices.
# Usage: node_init.sh NODE_FOLDER NODE_NAME SHARED_FOLDER
set -euo pipefail
node="$1"
cd /   # what enters later begins here

hostname "$2"
# What the machine mounts later is seen here; what is mounted here is not seen there. A node's own
# mounts are shared again, because pods may ask for mount propagation.
mount --make-rslave /
mount --make-rshared /
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir -p /run/lock /run/netns

# The node's own folders, under the names that its software expects.
for folder in /var/lib/kubelet /var/log /var/lib/cni; do
    mkdir -p "$node$folder" "$folder"
    mount --bind "$node$folder" "$folder"
done

# The shared folder, mounted on every node as an administrator would.
shared="$3"
mkdir -p "$shared"
mount --bind "$shared" "$shared"

# The kubelet sets these for the whole machine; here it sets files of ours instead.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    [ -e "/proc/sys/$setting" ] || continue
    mkdir -p "/run/sys/${setting%/*}"
    cat "/proc/sys/$setting" >"/run/sys/$setting"
    mount --bind "/run/sys/$setting" "/proc/sys/$setting"
done

touch /run/node-ready
# Wait for ever; bash takes in the processes that lose their parent.
trap 'exit 0' TERM INT
while true; do
    sleep 3600 &
    wait "$!" || true
done
