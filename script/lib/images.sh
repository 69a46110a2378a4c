# SPDX-License-Identifier: Apache-2.0
# Container images without a daemon: each is built once from its inputs and kept in the cache as an OCI
# archive whose name carries the hash of the inputs.
# shellcheck shell=bash

images_dir="$cache_dir/images"

# buildah on plain folders, all of them below one that is thrown away: works as root on any file system.
buildah_in() {
    local folder="$1"
    shift
    buildah --storage-driver vfs --root "$folder/storage" --runroot "$folder/run" "$@"
}

# hash_of FUNCTION FILE…: one short hash of how an image is made (FUNCTION, and the caller) and of what.
hash_of() {
    local recipe
    recipe="$(declare -f "$1" "${FUNCNAME[1]}" make_image pack_image unpack_packages buildah_in)"
    shift
    { echo "$recipe"; cat "$@"; } | sha256sum | cut -c 1-16
}

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

# make_image NAME ARCHIVE FUNCTION [BUILDAH-CONFIG-OPTION…]: FUNCTION fills the folder that it is given; the
# folder becomes the image NAME in the file ARCHIVE, unless that is there already.
make_image() {
    local name="$1" archive="$2" fill="$3" root
    shift 3
    [ ! -e "$archive" ] || return 0
    mkdir -p "$images_dir"
    exec {image_lock}>"${archive%-*}.lock"
    flock "$image_lock"   # another script may be building the same image
    if [ ! -e "$archive" ]; then
        rm -rf "${archive%-*}"-*.{root,work}.*   # of a build that was interrupted
        root="$(mktemp -d "$archive.root.XXXXXX")"
        chmod 755 "$root"
        "$fill" "$root"
        pack_image "$name" "$root" "$archive" "$@"
        rm -rf "$root"
    fi
    exec {image_lock}>&-
}

# unpack_packages NAME SOURCE ROOT [MMDEBSTRAP-OPTION…]: Debian packages of SOURCE/packages.txt in the folder ROOT. They
# are only unpacked: their installation scripts would compile and configure for minutes.
unpack_packages() {
    local name="$1" packages root="$3"
    packages="$(grep -v '^#' "$2/packages.txt" | paste -sd ,)"
    shift 3
    mkdir -p "$cache_dir/log"
    # Its hooks name their files by number in a plain sh, which knows numbers of one digit only.
    run_logged "$cache_dir/log/$name-packages.log" without_files nice mmdebstrap --mode=root --variant=extract \
        --include="$packages" --aptopt='Apt::Install-Recommends "false"' --aptopt='APT::Sandbox::User "root"' "$@" \
        --skip=cleanup/reproducible --format=directory bookworm "$root" ${DLWS_DEBIAN_MIRROR:+"$DLWS_DEBIAN_MIRROR"}
}

# without_files COMMAND…: runs COMMAND with none of the caller's open files but the first three.
without_files() (
    for file in /proc/self/fd/*; do
        number="${file##*/}"
        [ "$number" -le 2 ] || eval "exec $number>&-"
    done
    "$@"
)

# pause_image: prints the archive of dlworkspace.io/pause:1, the process that holds a pod together.
pause_image() {
    local archive
    archive="$images_dir/pause-$(hash_of fill_pause "$pause_source").tar"
    make_image dlworkspace.io/pause:1 "$archive" fill_pause --entrypoint '["/pause"]' --user 65532:65532
    echo "$archive"
}
pause_source="$repo_dir/test/cluster/images/pause.c"
fill_pause() { gcc -Os -static -s -o "$1/pause" "$pause_source"; }

# tools_image: prints the archive of dlworkspace.io/tools:1, for tests: a shell and this machine's small
# programs, which can exit as told, look up names, fill memory (tail /dev/zero) and write files.
tools_image() {
    local archive
    archive="$images_dir/tools-$(hash_of fill_tools "${tools[@]}").tar"
    make_image dlworkspace.io/tools:1 "$archive" fill_tools --user 1000:1000 --env PATH=/usr/bin:/bin --cmd /usr/bin/bash
    echo "$archive"
}
tools=(/usr/bin/{bash,cat,cp,date,echo,env,false,getent,head,hostname,id,ls,mkdir,mv,rm,seq,sleep,sort,tail,touch,true,uname,wc})
fill_tools() {
    local program library
    for program in "${tools[@]}"; do
        install -D -m 755 "$(readlink -f "$program")" "$1$program"
        for library in $(libraries_of "$program"); do
            [ -e "$1$library" ] || install -D -m 755 "$library" "$1$library"
        done
    done
    mkdir -p "$1"/{bin,etc,tmp,data,work,proc,sys,dev}
    chmod 1777 "$1/tmp"
    ln -s /usr/bin/bash "$1/bin/sh"
    ln -s bash "$1/usr/bin/sh"
    ln -s /usr/bin/bash "$1/bin/bash"
    echo 'worker:x:1000:1000:worker:/tmp:/bin/bash' >"$1/etc/passwd"
    echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
}

# python_image: prints the archive of python:3.12, for tests: this machine's Python with its own library, under the name of the
# image that the portal's first form names. The test cluster reaches no registry.
python_image() {
    local archive
    archive="$images_dir/python-$(hash_of fill_python "${tools[@]}" "$(readlink -f /usr/bin/python3)").tar"
    make_image docker.io/library/python:3.12 "$archive" fill_python --user 1000:1000 --env PYTHONUNBUFFERED=1 --env PATH=/usr/bin:/bin --cmd python3
    echo "$archive"
}
fill_python() {
    local library python
    fill_tools "$1"
    python="$(readlink -f /usr/bin/python3)"
    install -D -m 755 "$python" "$1/usr/bin/python3"
    for library in $(libraries_of "$python"); do
        [ -e "$1$library" ] || install -D -m 755 "$library" "$1$library"
    done
    mkdir -p "$1/usr/lib"
    cp -r "/usr/lib/$(basename "$python")" "$1/usr/lib/"
    find "$1/usr/lib/$(basename "$python")" -name __pycache__ -prune -exec rm -rf {} +
}

# digits_image: prints the archive of dlworkspace.io/digits:1: Debian's Python with PyTorch and scikit-learn.
digits_image() {
    local archive
    archive="$images_dir/digits-$(hash_of fill_digits "$digits_source"/{packages.txt,prune.sh}).tar"
    [ -e "$archive" ] || say "building the image of examples/digits from Debian packages (once for this machine)"
    make_image dlworkspace.io/digits:1 "$archive" fill_digits --user 1000:1000 --workingdir /work \
        --env HOME=/tmp --env PYTHONUNBUFFERED=1 --env PATH=/usr/bin:/bin --cmd python3
    echo "$archive"
}
digits_source="$repo_dir/examples/digits/image"
fill_digits() {
    need_disk 6 "$cache_dir"
    unpack_packages digits "$digits_source" "$1"
    run_logged "$cache_dir/log/digits-prune.log" bash "$digits_source/prune.sh" "$1"
}

# mpi_image: prints the archive of dlworkspace.io/mpi:1: Debian's Open MPI and OpenSSH, and the program of
# examples/mpi.
mpi_image() {
    local archive
    archive="$images_dir/mpi-$(hash_of fill_mpi "$mpi_source"/{packages.txt,prune.sh,pi.c}).tar"
    [ -e "$archive" ] || say "building the image of examples/mpi from Debian packages (once for this machine)"
    make_image dlworkspace.io/mpi:1 "$archive" fill_mpi --user 1000:1000 --env PATH=/usr/bin:/bin --cmd /bin/sh
    echo "$archive"
}
mpi_source="$repo_dir/examples/mpi/image"
fill_mpi() {
    local lib=usr/lib/x86_64-linux-gnu
    need_disk 2 "$cache_dir"
    # The headers would bring compilers with them, so their package comes by itself.
    # shellcheck disable=SC2016
    unpack_packages mpi "$mpi_source" "$1" --skip=cleanup/tmp \
        --extract-hook='cd "$1/tmp" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get download libopenmpi-dev'
    dpkg-deb -x "$1"/tmp/libopenmpi-dev_*.deb "$1/tmp/dev"
    gcc -O2 -I "$1/tmp/dev/$lib/openmpi/include" -o "$1/usr/bin/pi" "$mpi_source/pi.c" "$1/$lib/libmpi.so.40" -lm \
        -Wl,-rpath-link,"$1/$lib"
    rm -rf "$1"/tmp/*
    run_logged "$cache_dir/log/mpi-prune.log" bash "$mpi_source/prune.sh" "$1"
}

# operator_image BUILD: prints the archive of dlworkspace.io/operator:dev: the programs that run in the cluster,
# the libraries that they load, and the certificate authorities. No shell, no package manager, no root.
operator_image() {
    local archive
    programs=("$1"/{operator/dlws-operator,webhook/dlws-webhook,agent/dlws-agent,portal/server/dlws-portal})
    mapfile -t libraries < <(for program in "${programs[@]}"; do libraries_of "$program"; done | sort -u)
    archive="$images_dir/operator-$(hash_of fill_operator "${programs[@]}" "${libraries[@]}" "$authorities").tar"
    make_image dlworkspace.io/operator:dev "$archive" fill_operator --user 65532:65532 --entrypoint '["/dlws-operator"]' \
        --env SSL_CERT_FILE="$authorities" --label org.opencontainers.image.title=dlworkspace-operator \
        --label org.opencontainers.image.licenses=Apache-2.0
    echo "$archive"
}
authorities=/etc/ssl/certs/ca-certificates.crt
fill_operator() {
    local library program
    for library in "${libraries[@]}" "$authorities"; do
        install -D -m 755 "$library" "$1$library"
    done
    chmod 644 "$1$authorities"
    for program in "${programs[@]}"; do
        install -m 755 "$program" "$1/"
        strip --strip-unneeded "$1/$(basename "$program")"
    done
    mkdir -p "$1/etc"
    echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$1/etc/passwd"
    echo 'nonroot:x:65532:' >"$1/etc/group"
    echo 'hosts: files dns' >"$1/etc/nsswitch.conf"
}

# samba_image BUILD: prints the archive of dlworkspace.io/samba:dev: Debian's Samba, and the agent that tells it whom it
# serves. No shell, no interpreter.
samba_image() {
    local archive agent="$1/agent/dlws-agent"
    mapfile -t libraries < <(libraries_of "$agent")
    archive="$images_dir/samba-$(hash_of fill_samba "$samba_source"/{packages.txt,prune.sh} "$agent" "${libraries[@]}").tar"
    [ -e "$archive" ] || say "building the image of the Samba server from Debian packages"
    make_image dlworkspace.io/samba:dev "$archive" fill_samba --entrypoint '["/dlws-agent", "serve-samba"]' \
        --label org.opencontainers.image.title=dlworkspace-samba
    echo "$archive"
}
samba_source="$repo_dir/agent/samba/image"
fill_samba() {
    local library kept
    # The packages are fetched once, and not for each new agent.
    kept="$images_dir/samba-packages-$(hash_of unpack_packages "$samba_source"/{packages.txt,prune.sh}).tgz"
    if [ ! -e "$kept" ]; then
        need_disk 1 "$cache_dir"
        unpack_packages samba "$samba_source" "$1"
        run_logged "$cache_dir/log/samba-prune.log" bash "$samba_source/prune.sh" "$1"
        tar -czf "$kept.new" -C "$1" .
        mv "$kept.new" "$kept"
    else
        tar -xzf "$kept" -C "$1"
    fi
    for library in "${libraries[@]}"; do
        [ -e "$1$library" ] || install -D -m 755 "$library" "$1$library"
    done
    install -m 755 "$agent" "$1/"
    strip --strip-unneeded "$1/dlws-agent"
}

# libraries_of BINARY: the shared libraries and the loader that BINARY names, by their paths.
libraries_of() { { ldd "$1" || true; } | awk '/=> \// { print $3 } /^\t\/lib/ { print $1 }' | sort; }

# keep_newest PATTERN: removes all but the newest file of the image cache that matches PATTERN.
keep_newest() {
    local files=()
    # shellcheck disable=SC2086
    mapfile -t files < <(cd "$images_dir" && ls -t -- $1)
    [ "${#files[@]}" -le 3 ] || (cd "$images_dir" && rm -f -- "${files[@]:3}")
}
