# SPDX-License-Identifier: Apache-2.0
# The suites of script/test. Each runs in a process of its own with $suite set, errors fatal, and its output
# in a log; it reports by `count`, mostly through `program` and `run_ctest`.
# shellcheck shell=bash

list_suites() {
    cat <<'END'
format    clang-format, syntax of the scripts, licence lines
unit      unit tests of the dev preset; by name only, since asan runs the same
asan      unit tests with AddressSanitizer and UndefinedBehaviorSanitizer
tsan      the same with ThreadSanitizer; by name only
fuzz      libFuzzer over all that reads what others wrote, a minute in all
tidy      clang-tidy over every source; unless it is named, over as many as ten minutes allow, those that changed last first
chart     the Helm chart without a cluster, and the digits example's files
crds      what a real API server takes and refuses of our kinds
cluster   script/cluster itself: up, crash, heal, down
client    the Kubernetes client against a real API server
client_asan the same with AddressSanitizer and UndefinedBehaviorSanitizer
client_tsan the same with ThreadSanitizer; by name only
image     the operator's image: small, without root, the same each time it is built
e2e       the installed operator on a real cluster
approval  admission on a real API server: with the webhook up, down and deleted
storage   shared storage on a real cluster: users, folders, attacks on both; a GlusterFS volume that is lost and comes back
logs      what jobs print is archived: each line once, whatever becomes of pods and agent
api       the portal's REST API on a real cluster: each route by each role, and what becomes of bad input
web       the portal's page: its types, lint and unit tests; then in Chromium, against the installed portal and a real OpenID
          provider: what people do, attacks on it, axe on each page, faults; screenshots in build/web-screenshots
metrics   what a real Prometheus reads of it: dashboard, alerts, documentation
faults    the same while API server, etcd, network and operator are killed, frozen or cut off; and plans that break
          one request of a job's life each, by a proxy (DLWS_PLAN=NAME repeats one)
END
}

suite_format() {
    "$repo_dir/script/setup" lint
    program script/lib/check_format
}
suite_unit() {
    once build-unit compile dev
    run_ctest dev unit
}
suite_asan() {
    # Nothing but the unit tests, and of their campaigns the sample: all of it takes several times as long.
    unset DLWS_FULL
    once build-asan compile asan unit_tests client_tests
    run_ctest asan unit
}
suite_tsan() {
    unset DLWS_FULL
    once build-tsan compile tsan unit_tests client_tests
    run_ctest tsan unit
}
suite_fuzz() {
    once build-fuzz compile fuzz fuzz
    program test/fuzz/run.sh
}
suite_tidy() {
    "$repo_dir/script/setup" build lint
    cmake --preset tidy
    # All files at once take an hour where none has passed before.
    local budget=(--seconds 600)
    [ -z "${DLWS_FULL:-}" ] || budget=()
    with_compile_lock program nice script/lib/check_tidy "${budget[@]}" build/tidy
}
suite_chart() {
    "$repo_dir/script/setup" cluster lint
    program test/chart/chart_test.py
}
suite_crds() {
    once cluster start_cluster
    program test/e2e/crds_test.sh
}
suite_cluster() {
    "$repo_dir/script/setup" cluster
    program test/cluster/cluster_test.sh
}
suite_client() {
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    run_ctest dev client
}
suite_client_asan() {
    once build-asan compile asan unit_tests client_tests
    once cluster start_cluster
    run_ctest asan client
}
suite_client_tsan() {
    once build-tsan compile tsan unit_tests client_tests
    once cluster start_cluster
    run_ctest tsan client
}
suite_image() {
    once build-release compile release
    program test/cluster/image_test.sh
}
suite_e2e() {
    "$repo_dir/script/setup" scale
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    "$repo_dir/script/cluster" up --real-nodes 2
    once operator install_operator
    run_ctest dev e2e
}
suite_storage() {
    "$repo_dir/script/setup" storage
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    compile release
    run_ctest dev storage
}
suite_logs() {
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    compile release
    # A million lines by kubelet and runtime of our own first, which can be killed as often as one likes.
    program build/dev/agent/agent_logs_crash_test
    run_ctest dev logs
}
suite_metrics() {
    "$repo_dir/script/setup" metrics
    once cluster start_cluster
    once operator install_operator
    program test/metrics/metrics_test.py
}
suite_approval() {
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    compile release
    run_ctest dev approval
}
suite_api() {
    "$repo_dir/script/setup" api
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    once operator install_operator
    run_ctest dev api
    program test/portal/login_test.sh
    program test/portal/rights_test.py
    program test/portal/schemathesis.sh
}
suite_web() {
    once cluster start_cluster
    compile release
    program script/lib/check_web
    # Leaves the portal with its OpenID provider: whoever comes afterwards installs what they need.
    program test/web/run.sh
}
suite_faults() {
    once build-dev compile dev cluster_tests
    once cluster start_cluster
    once operator install_operator
    # The suites unit and asan have run a sample of the simulation already.
    [ -z "${DLWS_FULL:-}" ] || run_ctest dev simulation
    program test/faults/mutants
    run_ctest dev faults
}

# --- what they are made of ---

# once NAME COMMAND…: the first suite that needs it runs it, others wait for it; all end when it failed.
once() {
    local name="$1" lock
    shift
    exec {lock}>"$logs/.$name.lock"
    flock "$lock"
    if [ ! -e "$logs/.$name.done" ]; then
        [ ! -e "$logs/.$name.lost" ] || { echo "$name failed in another suite"; exit 1; }
        touch "$logs/.$name.lost"
        ( eval "exec $lock>&-"; "$@" )   # a cluster that is started here must not keep the lock
        mv "$logs/.$name.lost" "$logs/.$name.done"
    fi
    exec {lock}>&-
}

# with_compile_lock COMMAND…: two cores and their memory are not enough for two of these at a time.
with_compile_lock() {
    local lock
    exec {lock}>"$logs/.compile.lock"
    flock "$lock"
    ( eval "exec $lock>&-"; "$@" )
    exec {lock}>&-
}

compile() { with_compile_lock nice "$repo_dir/script/build" "$@"; }

start_cluster() {
    local was=down
    if "$repo_dir/script/cluster" status >/dev/null 2>&1; then was=up; fi
    echo "$was" >"$logs/.cluster-was"
    "$repo_dir/script/cluster" up
}

# The operator of this checkout, installed on the cluster as the end-to-end tests want it.
install_operator() {
    compile release
    test/cluster/install.sh
}

# count PASSED FAILED SKIPPED: adds to what the suite reports.
count() { echo "$1 $2 $3" >>"$logs/$suite.counts"; }

# program COMMAND…: one test program. It counts by its last line, or as one test when it prints none.
program() {
    local began status=0 line
    echo "--- $*"
    began="$(stat --format=%s "$logs/$suite.log")"
    timeout --kill-after=20 2400 "$@" </dev/null || status=$?
    line="$(tail --bytes="+$(( began + 1 ))" "$logs/$suite.log" |
        grep -E '^([A-Za-z]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' | tail -n 1 || true)"
    if [[ "$line" =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)? ]]; then
        local passed="${BASH_REMATCH[1]}" failed="${BASH_REMATCH[2]}" skipped="${BASH_REMATCH[4]:-0}"
        [ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
        count "$passed" "$failed" "$skipped"
    elif [ "$status" -eq 0 ]; then
        count 1 0 0
    else
        count 0 1 0
    fi
    [ "$status" -eq 0 ] || echo "--- exit $status: $*"
}

# run_ctest PRESET LABEL: GoogleTest's own counts; a program that died without them is one failure more.
run_ctest() {
    local began
    began="$(stat --format=%s "$logs/$suite.log")"
    ctest --test-dir "build/$1" --label-regex "^$2\$" --verbose --parallel 2 --no-tests=error </dev/null || true
    tail --bytes="+$(( began + 1 ))" "$logs/$suite.log" |
        awk '{ sub(/^[0-9]+: /, "") }
             /^\[  PASSED  \] [0-9]+ test/ { passed += $4 }
             /^\[  FAILED  \] [0-9]+ test/ { failed += $4 }
             /^\[  SKIPPED \] [0-9]+ test/ { skipped += $4 }
             /tests failed out of/ { programs = $4 }
             END { print passed + 0, (failed > programs ? failed : programs) + 0, skipped + 0 }' >>"$logs/$suite.counts"
}
