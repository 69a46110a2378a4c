# SPDX-License-Identifier: Apache-2.0
# Shared by every command in script/: where things are, how to say what happens, how to fail.
# Source it first:  source "$(dirname "$(readlink -f "$0")")/lib/common.sh"
# shellcheck shell=bash
set -euo pipefail

repo_dir="$(dirname "$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")")"
cache_dir="${DLWS_CACHE:-${HOME:-/root}/.cache/dlworkspace}"   # outside the checkout: binaries, images, ccache
script_started="${DLWS_SCRIPT_STARTED:-${EPOCHREALTIME/[.,]/}}"
export DLWS_SCRIPT_STARTED="$script_started"   # a command that another one runs shares its clock

# One build of Go or C++ should not fight what the user is doing.
export CCACHE_DIR="${CCACHE_DIR:-$cache_dir/ccache}"
# A second clone, or another build folder, is the same code: paths must not make it a miss.
export CCACHE_BASEDIR="$repo_dir" CCACHE_NOHASHDIR=1

# elapsed: seconds since the script began, as "12.3".
elapsed() {
    local us=$(( ${EPOCHREALTIME/[.,]/} - script_started ))
    printf '%d.%d' $(( us / 1000000 )) $(( us / 100000 % 10 ))
}

# say TEXT…: one line of progress with the time since the start, on standard error.
say() { printf '[%6ss] %s\n' "$(elapsed)" "$*" >&2; }

# warn TEXT…: something the reader should know, which stops nothing.
warn() { printf 'warning: %s\n' "$*" >&2; }

# die TEXT…: says what is wrong and what to do about it, and ends the script with exit 1.
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# usage_from_header: prints the comment block at the top of the running script (its help text).
usage_from_header() {
    awk 'NR == 1 || /SPDX-License-Identifier/ { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$0"
}

# need_root WHAT: ends the script, before it changed anything, when not run as root.
need_root() {
    [ "$(id -u)" = 0 ] || die "$1 needs root; run it as root, for example: sudo $0"
}

# need_disk GIB FOLDER: ends the script when FOLDER's file system has less than GIB free.
need_disk() {
    local dir="$2" free_kib
    while [ ! -d "$dir" ]; do dir="$(dirname "$dir")"; done
    free_kib="$(df --output=avail -k "$dir" | tail -n 1)"
    [ "$free_kib" -ge $(( $1 * 1024 * 1024 )) ] ||
        die "$2 needs $1 GiB free, and its file system has $(( free_kib / 1024 / 1024 )) GiB; free some, or set DLWS_CACHE and DLWS_STATE to folders on a larger one"
}

# retry SECONDS COMMAND…: runs COMMAND every 0.1 s until it succeeds; fails after SECONDS.
retry() {
    local deadline=$(( ${EPOCHREALTIME/[.,]/} + $1 * 1000000 ))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# run_logged LOG COMMAND…: runs COMMAND with its output in LOG; shows the log's end when it fails.
run_logged() {
    local log="$1"
    shift
    mkdir -p "$(dirname "$log")"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" >&2
        die "this failed: $* (whole output: $log)"
    fi
}
