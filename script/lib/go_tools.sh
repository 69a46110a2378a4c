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
go_version=1.25.5   # fetched when the machine has none that is new enough
go_sum=h1:IkknVKy/4hLMR+ZwWfP4Oqhjz2sKqNtEXz1meP8P3Nc=

go_folder="$cache_dir/go-$go_version"
go_caches="$cache_dir/go-build"   # downloads and objects of one build; removed by script/setup when all is built

k8s_bin="$cache_dir/k8s-$k8s_version/bin"
etcd_bin="$cache_dir/etcd-$etcd_version/bin"   # the program is called `server`, as its module is
coredns_bin="$cache_dir/coredns-$coredns_version/bin"
kwok_bin="$cache_dir/kwok-$kwok_version/bin"
helm_bin="$cache_dir/helm-$helm_version/bin"
# A program of ours: known by its text, not by a version.
clientgo_bench_bin="$cache_dir/clientgo-bench-$(cat "$repo_dir"/test/bench/clientgo/{go.mod,go.sum,main.go} | sha256sum | cut -c 1-12)/bin"

# need_go: makes a Go that is new enough be on the PATH: the user's, one in /usr/local/go, or our own.
need_go() {
    [ -x /usr/local/go/bin/go ] && PATH="$PATH:/usr/local/go/bin"
    go_is_new_enough && return
    [ -x "$go_folder/bin/go" ] || fetch_go
    PATH="$go_folder/bin:$PATH"
}
go_is_new_enough() {
    local have
    command -v go >/dev/null && have="$(GOTOOLCHAIN=local go env GOVERSION)" &&
        [ "$(printf '%s\n%s\n' "$go_minimum" "${have#go}" | sort -V | head -n 1)" = "$go_minimum" ]
}

# fetch_go: the Go team's own build, which the Go module proxy serves as a module; any older Go can fetch it
# and checks it against the public checksum database, and we against the sum above.
fetch_go() {
    local work
    [ "$(uname -m)" = x86_64 ] ||
        die "Go $go_minimum or newer is needed to build the test cluster; install it from https://go.dev/dl/ into /usr/local/go"
    say "fetching Go $go_version"
    mkdir -p "$cache_dir/log"
    if ! command -v go >/dev/null; then
        need_root "installing Debian's golang-go, with which a newer Go is fetched,"
        DEBIAN_FRONTEND=noninteractive run_logged "$cache_dir/log/apt-go.log" \
            apt-get install --yes --no-install-recommends --no-remove -o DPkg::Lock::Timeout=300 golang-go
    fi
    work="$(mktemp -d "$go_folder.tmp.XXXXXX")"
    (cd "$work" && GOPATH="$work/path" GOFLAGS=-modcacherw GOTOOLCHAIN=local \
        run_logged "$cache_dir/log/go.log" go mod download -json "golang.org/toolchain@v0.0.1-go$go_version.linux-amd64")
    grep -qF "\"Sum\": \"$go_sum\"" "$cache_dir/log/go.log" || die "Go $go_version came with another checksum than expected; see $cache_dir/log/go.log"
    mv "$work/path/pkg/mod/golang.org/toolchain@v0.0.1-go$go_version.linux-amd64" "$work/go"
    chmod -R u+w,a+rX "$work/go"
    chmod a+x "$work/go"/bin/* "$work/go"/pkg/tool/*/*   # modules carry no permissions
    rm -rf "$go_folder"
    mv -T "$work/go" "$go_folder"
    rm -rf "$work"
}

# build_go_tool FOLDER MODULE LDFLAGS: builds the `tool` lines of MODULE/go.mod into FOLDER/bin. The
# folder appears by one rename when all is built, so an interrupted build is never taken for a whole one.
build_go_tool() {
    local target="$1" module="$2" ldflags="$3" temporary
    [ -d "$target" ] && return
    need_go
    need_disk 6 "$cache_dir"
    mkdir -p "$cache_dir/log"
    exec {build_lock}>"$cache_dir/go.lock"
    flock "$build_lock"   # another clone may be building the same thing
    if [ ! -d "$target" ]; then
        say "building $(basename "$target") from its Go module (once for this machine)"
        rm -rf "$target".tmp.*   # of a build that was interrupted
        temporary="$(mktemp -d "$target.tmp.XXXXXX")"
        mkdir "$temporary/bin"
        CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false -modcacherw" GOMODCACHE="${GOMODCACHE:-$go_caches/mod}" \
            GOCACHE="${GOCACHE:-$go_caches/build}" run_logged "$cache_dir/log/$(basename "$target").log" \
            nice go -C "$module" build -trimpath -ldflags "-s -w $ldflags" -o "$temporary/bin/" tool
        chmod 755 "$temporary"
        mv -T "$temporary" "$target"
        say "built $(basename "$target")"
    fi
    exec {build_lock}>&-
}

# forget_go_caches: unless another script/setup is building with them at this moment.
forget_go_caches() {
    [ -d "$go_caches" ] || return 0
    exec {build_lock}>"$cache_dir/go.lock"
    if flock --nonblock "$build_lock"; then rm -rf "$go_caches"; fi
    exec {build_lock}>&-
}

# build_kubernetes, build_etcd, build_coredns, build_kwok, build_helm, build_clientgo_bench: each makes its tool be there.
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
build_clientgo_bench() { build_go_tool "$(dirname "$clientgo_bench_bin")" "$repo_dir/test/bench/clientgo" ""; }
