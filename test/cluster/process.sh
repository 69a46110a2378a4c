# SPDX-License-Identifier: Apache-2.0
# Processes of the test cluster: started in the background, each with a log and a file that says which
# process it is: its id and its start time, so that a recycled id is never taken for it.
# shellcheck shell=bash

# process_start_time PID: the kernel's start time of PID, in clock ticks; fails when it is gone or dead.
process_start_time() {
    local stat
    stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
    stat="${stat##*) }"                 # the name may hold spaces and brackets
    [[ "$stat" != Z* ]] || return 1
    cut -d ' ' -f 20 <<<"$stat"
}

# process_pid NAME: prints the id of our process NAME; fails when it does not run.
process_pid() {
    local pid started now
    read -r pid started 2>/dev/null <"$run_dir/$1.pid" || return 1
    now="$(process_start_time "$pid")" && [ "$now" = "$started" ] && echo "$pid"
}

is_running() { process_pid "$1" >/dev/null; }

# record_process NAME PID: remembers PID as our process NAME.
record_process() {
    local started
    started="$(process_start_time "$2")" || return 1
    echo "$2 $started" >"$run_dir/$1.pid.new"
    mv "$run_dir/$1.pid.new" "$run_dir/$1.pid"
}

# start_process NAME COMMAND…: runs COMMAND in its own session, out of reach of the terminal, with nothing of
# the caller: no variable (a proxy would come between the parts of the cluster) and no open file (a lock
# would be held for as long as the cluster lives).
start_process() {
    local name="$1"
    shift
    rm -f "$run_dir/$name.starting"
    # The shell that writes down its own id becomes COMMAND, so the id is right.
    env -i "$marker" PATH="$PATH" HOME="${HOME:-/root}" setsid -f bash -c '
            for file in /proc/self/fd/*; do
                number="${file##*/}"
                [ "$number" -le 2 ] || eval "exec $number>&-"
            done
            echo "$$" >"$1"
            shift
            exec "$@"' "$name" "$run_dir/$name.starting" "$@" >>"$log_dir/$name.log" 2>&1 </dev/null
    retry 5 test -s "$run_dir/$name.starting" || die "$name did not start; see $log_dir/$name.log"
    record_process "$name" "$(cat "$run_dir/$name.starting")" ||
        die "$name ended at once: $(tail -n 3 "$log_dir/$name.log")"
    rm -f "$run_dir/$name.starting"
}

# stop_process NAME [SECONDS]: asks NAME to end, waits, and kills it after SECONDS (5 if not given).
stop_process() {
    local pid
    if pid="$(process_pid "$1")"; then
        kill -CONT "$pid" 2>/dev/null || true
        kill -TERM "$pid" 2>/dev/null || true
        retry "${2:-5}" process_gone "$pid" || kill_process "$1"
    fi
    rm -f "$run_dir/$1.pid"
}

# kill_process NAME: SIGKILL, as in a crash; returns when it is gone.
kill_process() {
    local pid
    pid="$(process_pid "$1")" || return 0
    kill -KILL "$pid" 2>/dev/null || true
    retry 10 process_gone "$pid"
}

process_gone() { ! process_start_time "$1" >/dev/null; }

# our_processes: ids of all living processes that carry this instance's marker.
our_processes() {
    local file pid
    for file in $(grep -lzsxF "$marker" /proc/[0-9]*/environ); do
        pid="${file#/proc/}"
        pid="${pid%/environ}"
        [ "$pid" = "$$" ] || process_gone "$pid" || echo "$pid"
    done
}

# kill_our_processes: SIGKILL to whatever still carries the marker; returns when none is left.
kill_our_processes() {
    local pids tries
    for tries in {1..50}; do
        pids="$(our_processes)"
        [ -n "$pids" ] || return 0
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || true
        sleep 0.1
    done
    die "after $tries tries these processes of the test cluster still live: $pids"
}
