#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test/fuzz/run.sh [--seconds N] [TARGET…]: runs the fuzz targets, all or those named, for N seconds in all
# (default 60). Each begins with its corpus: test/fuzz/corpus/TARGET, and what earlier runs on this machine
# found new (DLWS_CACHE/fuzz/TARGET).
#
# A target that crashed has left its input in build/fuzz/crashes: put that file into test/fuzz/corpus/TARGET,
# where the unit test fuzz_corpus_test reads it for ever, and repair what it found. DLWS_SEED=N repeats a run.
# Compile first: script/build fuzz fuzz
source "$(dirname "$(readlink -f "$0")")/../../script/lib/common.sh"

seconds=60
targets=()
fuzz="$repo_dir/build/fuzz/test/fuzz/fuzz_targets"
while [ $# -gt 0 ]; do
    case "$1" in
        -h | --help) usage_from_header; exit ;;
        --seconds) [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || die "--seconds wants a number, as in: --seconds 60"; seconds="$2"; shift 2 ;;
        -*) die "test/fuzz/run.sh knows no '$1'; see test/fuzz/run.sh --help" ;;
        *) targets+=("$1"); shift ;;
    esac
done
[ -x "$fuzz" ] || die "there is no $fuzz; compile it with: script/build fuzz fuzz"
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <("$fuzz")
crashes="$repo_dir/build/fuzz/crashes"
mkdir -p "$crashes"

each=$(( seconds / ${#targets[@]} ))
[ "$each" -ge 1 ] || each=1
seed="${DLWS_SEED:-1}"
passed=0 failed=0 total=0
for target in "${targets[@]}"; do
    own="$repo_dir/test/fuzz/corpus/$target" found="$cache_dir/fuzz/$target" log="$crashes/$target.log"
    [ -d "$own" ] || die "there is no target '$target' with a corpus; there are: $("$fuzz" | tr '\n' ' ')"
    mkdir -p "$found"
    if DLWS_FUZZ="$target" "$fuzz" -max_total_time="$each" -seed="$seed" -max_len=8192 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$crashes/$target-" "$found" "$own" >"$log" 2>&1 </dev/null; then
        passed=$(( passed + 1 ))
    else
        failed=$(( failed + 1 ))
        tail -n 40 "$log"
    fi
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    total=$(( total + ${runs:-0} ))
    echo "figure fuzz_${target//-/_}_executions ${runs:-0} runs"
done
echo "figure fuzz_executions $total runs"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
