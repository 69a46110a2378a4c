# SPDX-License-Identifier: Apache-2.0
# Container images without a daemon: each is built once from its inputs and kept in the cache as an OCI
# archive whose name carries the hash of the inputs.
# shellcheck shell=bash

images_dir="$cache_dir/images"

# buildah on plain folders, all of them below one that is thrown away: works as root on any file system.
buildah_in() {
    local folder="$1"
    shift
    STORAGE_DRIVER=vfs buildah --root "$folder/storage" --runroot "$folder/run" "$@"
}

# hash_of FILE…: one short hash of all their contents.
hash_of() { cat "$@" | sha256sum | cut -c 1-16; }

# pack_image NAME ROOT ARCHIVE [BUILDAH-CONFIG-OPTION…]: the folder ROOT as the one layer of image NAME, in
# the file ARCHIVE. Same content, same digest: every time stamp is the start of 1970, every owner root.
pack_image() {
    local name="$1" root="$2" archive="$3" work container
    shift 3
    work="$(mktemp -d "$archive.work.XXXXXX")"
    container="$(buildah_in "$work" from scratch)"
    buildah_in "$work" config --os linux --arch amd64 --created-by "" "$@" "$container" 2>/dev/null
    buildah_in "$work" copy --quiet "$container" "$root" / >/dev/null
    buildah_in "$work" commit --quiet --omit-timestamp --disable-compression --format oci --rm "$container" \
        "oci-archive:$work/image.tar:$name" >/dev/null
    mv "$work/image.tar" "$archive"
    rm -rf "$work"
}

# pause_image: prints the path of the archive of dlworkspace.io/pause:1, built when it is not there.
pause_image() {
    local source="$repo_dir/test/cluster/images/pause.c" archive root
    archive="$images_dir/pause-$(hash_of "$source" "${BASH_SOURCE[0]}").tar"
    if [ ! -e "$archive" ]; then
        mkdir -p "$images_dir"
        root="$(mktemp -d "$images_dir/pause.XXXXXX")"
        gcc -Os -static -s -o "$root/pause" "$source"
        pack_image dlworkspace.io/pause:1 "$root" "$archive" --entrypoint '["/pause"]' --user 65532:65532
        rm -rf "$root"
    fi
    echo "$archive"
}
