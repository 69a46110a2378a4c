# SPDX-License-Identifier: Apache-2.0
# Node.js, and what the tests use of npm: pinned by a package-lock.json of ours, installed once, and kept in the
# cache by the lock file's content, so that a second clone starts in seconds.
# shellcheck shell=bash

node_minimum=20

oidc_modules="$cache_dir/oidc-$(sha256sum <"$repo_dir/test/oidc/package-lock.json" | cut -c 1-12)"

# need_node: Debian 12's is too old, so which one is for the machine's owner to choose.
need_node() {
    local have
    have="$(node --version 2>/dev/null)" || have=""
    have="${have#v}"
    [ "${have%%.*}" -ge "$node_minimum" ] 2>/dev/null && command -v npm >/dev/null ||
        die "this needs Node.js $node_minimum or newer with npm, and the machine has ${have:-none}; install it from https://nodejs.org/en/download"
}

# build_oidc_provider: makes $oidc_modules be there; it appears by one rename when it is whole.
build_oidc_provider() {
    need_node
    [ -d "$oidc_modules" ] && return
    local work
    say "installing the OpenID provider of the tests (once for this machine)"
    mkdir -p "$cache_dir/log"
    work="$(mktemp -d "$oidc_modules.tmp.XXXXXX")"
    cp "$repo_dir"/test/oidc/package.json "$repo_dir"/test/oidc/package-lock.json "$work"
    run_logged "$cache_dir/log/oidc.log" npm --prefix "$work" ci --ignore-scripts --no-audit --no-fund
    chmod 755 "$work"
    mv -T "$work" "$oidc_modules" 2>/dev/null || rm -rf "$work"   # another clone was first
    say "installed the OpenID provider"
}
