# SPDX-License-Identifier: Apache-2.0
# Tools of the tests that are built from Go modules: each pinned by a go.mod and go.sum of ours, built
# once, and kept in the cache by version, so that a second clone starts in seconds.
# shellcheck shell=bash

k8s_version=1.35.4
etcd_version=3.6.6
coredns_version=1.12.4
kwok_version=0.7.0
helm_version=3.19.5
go_minimum=1.25

k8s_bin="$cache_dir/k8s-$k8s_version/bin"
etcd_bin="$cache_dir/etcd-$etcd_version/bin"   # the program is called `server`, as its module is
coredns_bin="$cache_dir/coredns-$coredns_version/bin"
kwok_bin="$cache_dir/kwok-$kwok_version/bin"
helm_bin="$cache_dir/helm-$helm_version/bin"

# need_go: ends the script, saying what to install, when Go is absent or too old.
need_go() {
    local have
    [ -x /usr/local/go/bin/go ] && PATH="$PATH:/usr/local/go/bin"
    command -v go >/dev/null ||
        die "Go $go_minimum or newer is needed to build the test cluster; install it from https://go.dev/dl/ into /usr/local/go"
    have="$(go env GOVERSION)"
    have="${have#go}"
    [ "$(printf '%s\n%s\n' "$go_minimum" "$have" | sort -V | head -n 1)" = "$go_minimum" ] ||
        die "Go $go_minimum or newer is needed to build the test cluster, and this is $have ($(command -v go)); install a newer one from https://go.dev/dl/ into /usr/local/go"
}

# build_go_tool FOLDER MODULE LDFLAGS: builds the `tool` lines of MODULE/go.mod into FOLDER/bin. The
# folder appears by one rename when all is built, so an interrupted build is never taken for a whole one.
build_go_tool() {
    local target="$1" module="$2" ldflags="$3" temporary
    [ -d "$target" ] && return
    need_go
    need_disk 6 "$cache_dir"
    mkdir -p "$cache_dir/log" "$target.lock"
    exec {build_lock}>"$target.lock/lock"
    flock "$build_lock"   # another clone may be building the same thing
    if [ ! -d "$target" ]; then
        say "building $(basename "$target") from its Go module (once for this machine)"
        temporary="$(mktemp -d "$target.tmp.XXXXXX")"
        mkdir "$temporary/bin"
        CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" run_logged "$cache_dir/log/$(basename "$target").log" \
            nice go -C "$module" build -trimpath -ldflags "-s -w $ldflags" -o "$temporary/bin/" tool
        chmod 755 "$temporary"
        mv -T "$temporary" "$target"
        say "built $(basename "$target")"
    fi
    exec {build_lock}>&-
    rm -rf "$target.lock"
}

# build_kubernetes, build_etcd, build_coredns, build_kwok, build_helm: each makes its tool be there.
build_kubernetes() {
    local prefix=k8s.io/component-base/version
    build_go_tool "$(dirname "$k8s_bin")" "$repo_dir/test/cluster" \
        "-X $prefix.gitVersion=v$k8s_version -X $prefix.gitMajor=1 -X $prefix.gitMinor=35 -X $prefix.gitTreeState=clean"
}
build_etcd() { build_go_tool "$(dirname "$etcd_bin")" "$repo_dir/test/cluster/etcd" ""; }
build_coredns() { build_go_tool "$(dirname "$coredns_bin")" "$repo_dir/test/cluster/coredns" ""; }
build_kwok() {
    build_go_tool "$(dirname "$kwok_bin")" "$repo_dir/test/cluster/kwok" "-X sigs.k8s.io/kwok/pkg/consts.Version=v$kwok_version"
}
build_helm() {
    build_go_tool "$(dirname "$helm_bin")" "$repo_dir/test/cluster/helm" \
        "-X helm.sh/helm/v3/internal/version.version=v$helm_version"
}
