# SPDX-License-Identifier: Apache-2.0
# Schemathesis, which tries the REST API by its description: from PyPI, each file by its hash, into the cache folder.
# shellcheck shell=bash

schemathesis_requirements="$repo_dir/test/portal/schemathesis/requirements.txt"
schemathesis_dir="$cache_dir/schemathesis-$(sha256sum <"$schemathesis_requirements" | cut -c 1-12)"

# build_schemathesis: makes $schemathesis_dir/bin/schemathesis be there. By Debian's Python, whatever else the machine has.
build_schemathesis() {
    [ ! -x "$schemathesis_dir/.whole" ] || return 0
    say "installing Schemathesis"
    mkdir -p "$cache_dir/log"
    rm -rf "$schemathesis_dir"
    /usr/bin/python3 -m venv "$schemathesis_dir"
    run_logged "$cache_dir/log/schemathesis.log" "$schemathesis_dir/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check \
        --only-binary :all: --require-hashes --requirement "$schemathesis_requirements"
    install -m 755 /dev/null "$schemathesis_dir/.whole"   # a venv cannot be moved, so it is whole when this is there
}
