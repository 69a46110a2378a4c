# SPDX-License-Identifier: Apache-2.0
# cpprestsdk as a static library against Boost 1.81, from Debian's source package. Debian's own library
# needs Boost 1.74, and a process that holds both crashes (docs/decisions/0003-cpprestsdk.md).
# shellcheck shell=bash

cpprest_version=2.10.18
cpprest_prefix="$cache_dir/cpprest-$cpprest_version"

# fetch_cpprest FOLDER: the source package, checked by apt, unpacked in FOLDER/src. The package lists that
# this takes are FOLDER's own: the system's sources stay as they are.
fetch_cpprest() {
    local folder="$1" mirror apt_options
    mirror="$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' |
        grep -v -- '-security' | head -n 1)"
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} bookworm main" \
        >"$folder/sources.list"
    mkdir -p "$folder/lists/partial"
    apt_options=(-qq -o "Dir::Etc::sourcelist=$folder/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$folder/lists"
        -o APT::Sandbox::User=root)
    apt-get "${apt_options[@]}" update
    (cd "$folder" && apt-get "${apt_options[@]}" source --download-only "cpprest=$cpprest_version-1")
    dpkg-source --no-check -x "$folder/cpprest_$cpprest_version-1.dsc" "$folder/src"
}

# build_cpprest: makes $cpprest_prefix be there; it appears by one rename when it is whole.
build_cpprest() {
    [ -d "$cpprest_prefix" ] && return
    local work
    say "building cpprestsdk $cpprest_version (once for this machine)"
    mkdir -p "$cache_dir/log"
    work="$(mktemp -d "$cache_dir/cpprest.tmp.XXXXXX")"
    run_logged "$cache_dir/log/cpprest-fetch.log" fetch_cpprest "$work"
    run_logged "$cache_dir/log/cpprest-configure.log" cmake -S "$work/src/Release" -B "$work/build" -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/install" -DCMAKE_INSTALL_LIBDIR=lib \
        -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_VISIBILITY_PRESET=hidden \
        -DBUILD_SHARED_LIBS=OFF -DBUILD_TESTS=OFF -DBUILD_SAMPLES=OFF -DWERROR=OFF \
        -DCPPREST_EXCLUDE_WEBSOCKETS=ON -DCPPREST_EXCLUDE_BROTLI=ON
    run_logged "$cache_dir/log/cpprest-build.log" nice cmake --build "$work/build" --target install
    mv -T "$work/install" "$cpprest_prefix"
    rm -rf "$work"
    say "built cpprestsdk $cpprest_version"
}
