#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Tests of the operator's image: small, without root, without a shell, and the same each time it is built.
# The last line is `N passed, N failed, N skipped`.
#
# Usage: test/cluster/image_test.sh [BUILD]      (build/release without one)
source "$(dirname "$(readlink -f "$0")")/../../script/lib/common.sh"
set +e
build="${1:-$repo_dir/build/release}"
passed=0 failed=0

check() {
    local text="$1"
    shift
    if "$@" >/dev/null 2>&1; then
        passed=$((passed + 1))
        echo "ok      $text"
    else
        failed=$((failed + 1))
        echo "not ok  $text"
    fi
}

if [ "$(id -u)" != 0 ] || [ ! -x "$build/operator/dlws-operator" ]; then
    echo "skipped: this needs root and the operator in $build"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Two builds that share nothing, not even the second in which they ran.
for number in 1 2; do
    archive="$(DLWS_CACHE="$work/cache$number" "$repo_dir/script/image" operator "$build")" || exit 1
    mkdir "$work/$number"
    tar -C "$work/$number" -xf "$archive"
    sleep 1.1
done
digest() { jq -r '.manifests[0].digest' "$work/$1/index.json"; }
blob() { echo "$work/1/blobs/${1/://}"; }
check "two builds have one digest" test "$(digest 1)" = "$(digest 2)"

manifest="$(blob "$(digest 1)")"
configuration="$(blob "$(jq -r .config.digest "$manifest")")"
size="$(jq '[.layers[].size] | add' "$manifest")"
echo "figure operator_image_megabytes $(( size / 1000000 )) MB goal <= 60"
check "under 60 MB" test "$size" -lt 60000000
check "its user is not root" test "$(jq -r .config.User "$configuration")" = 65532:65532
check "it starts the operator" test "$(jq -c .config.Entrypoint "$configuration")" = '["/dlws-operator"]'
check "its time stamp is fixed" test "$(jq -r .created "$configuration")" = 1970-01-01T00:00:00Z

mkdir "$work/root"
for layer in $(jq -r '.layers[].digest' "$manifest"); do tar -C "$work/root" -xf "$(blob "$layer")"; done
check "there is no shell" test -z "$(find "$work/root" -name 'sh' -o -name 'bash' -o -name 'busybox')"
check "nothing gains rights when started" test -z "$(find "$work/root" -perm /6000)"
check "nothing can be changed by its user" test -z "$(find "$work/root" \( -perm /022 -o ! -user root \) ! -type l)"
check "no private key is in it" test -z "$(grep -rlE -- '-----BEGIN [A-Z ]*PRIVATE KEY' "$work/root/etc")"
# In that root and as that user, with nothing of this machine but the kernel.
for program in operator webhook; do
    check "dlws-$program starts in it" chroot --userspec=65532:65532 "$work/root" "/dlws-$program" --help
done

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
