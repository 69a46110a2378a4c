# SPDX-License-Identifier: Apache-2.0
# What each group of script/setup installs from Debian 12.
# shellcheck shell=bash disable=SC2034

packages_build="
    g++ cmake ninja-build ccache mold git ca-certificates pkg-config dpkg-dev patch
    libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev zlib1g-dev
    libboost-atomic1.81-dev libboost-chrono1.81-dev libboost-date-time1.81-dev libboost-filesystem1.81-dev
    libboost-random1.81-dev libboost-regex1.81-dev libboost-thread1.81-dev
    libsimdjson-dev libyaml-cpp-dev libfmt-dev prometheus-cpp-dev libgtest-dev libgmock-dev python3"

packages_lint="clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev python3-yaml"

packages_cluster="
    containerd runc containernetworking-plugins iptables iproute2 openssl curl jq procps
    gcc libc6-dev util-linux ca-certificates git libfaketime"   # the last one sets an operator's clock

packages_driver="dpkg-dev"   # and those of build
packages_scale="git ca-certificates"

packages_metrics="prometheus python3 python3-yaml"

packages_image="buildah mmdebstrap jq gcc libc6-dev ca-certificates python3"

packages_oidc="openssl curl jq"   # and Node.js, which is the machine's

packages_api="python3 python3-venv python3-yaml"

packages_storage="glusterfs-server glusterfs-client samba smbclient winbind samba-ad-dc samba-ad-provision procps"

packages_browser="chromium fonts-dejavu-core openssl curl jq"
