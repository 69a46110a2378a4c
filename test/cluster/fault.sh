# SPDX-License-Identifier: Apache-2.0
# Things that go wrong in a cluster, made to happen.
# shellcheck shell=bash

fault_usage() {
    cat <<'END'
script/cluster fault VERB …: break something on purpose.

  restart-apiserver [--kill]    stop the API server as an upgrade does (or kill it), and start it again
  pause etcd|apiserver|kubelet|controllers SECONDS   freeze a process (SIGSTOP), and let it go on after SECONDS
                                (kubelet: of every node; kubelet-2: of node 2)
  freeze NAME, unfreeze NAME    the two halves of pause
  kill NAME                     SIGKILL a process and leave it dead (script/cluster up heals)
  node-kill N                   node N as by a power cut, with all its pods
  node-freeze N SECONDS         pull out node N's network cable and freeze its kubelet and containerd; its containers
                                run on, and nobody hears of it. After SECONDS it goes on
  node-freeze N --until-thaw    the same, until node-heal
  node-heal N                   undo both: returns when node N is Ready (script/cluster up does so, too)
  cut-pod NAMESPACE POD         drop all packets from and to a pod
  join-pods                     let the packets of all cut pods through again
  kill-container NAMESPACE POD  SIGKILL the first container's first process
  kill-worker NAMESPACE POD     SIGKILL that process's oldest child
END
}

# cut_pod NAMESPACE POD: its packets are dropped on the node, silently, as by a broken switch.
cut_pod() {
    local node address
    address="$(kubectl --namespace "$1" get pod "$2" --output 'jsonpath={.status.podIP}')"
    [ -n "$address" ] || die "the pod $1/$2 has no address"
    node="$(node_of "$1" "$2")"
    in_node "$node" iptables --wait --new-chain DLWS-CUT 2>/dev/null &&
        in_node "$node" iptables --wait --insert FORWARD --jump DLWS-CUT
    in_node "$node" iptables --wait --append DLWS-CUT --source "$address" --jump DROP
    in_node "$node" iptables --wait --append DLWS-CUT --destination "$address" --jump DROP
}
join_pods() {
    local number
    for number in $(node_numbers); do
        ! in_node "$number" iptables --wait --list DLWS-CUT >/dev/null 2>&1 || in_node "$number" iptables --wait --flush DLWS-CUT
    done
}

# node_of NAMESPACE POD: the number of the pod's node.
node_of() {
    local name
    name="$(kubectl --namespace "$1" get pod "$2" --output 'jsonpath={.spec.nodeName}')"
    [[ "$name" =~ ^dlws-node-([0-9])$ ]] || die "the pod $1/$2 is on no real node of this cluster"
    echo "${BASH_REMATCH[1]}"
}

kill_container() {
    local id node
    id="$(kubectl --namespace "$1" get pod "$2" --output 'jsonpath={.status.containerStatuses[0].containerID}')"
    [ -n "$id" ] || die "the pod $1/$2 has no container"
    node="$(node_of "$1" "$2")"
    in_node "$node" ctr --namespace k8s.io task kill --signal SIGKILL "${id#containerd://}"
}

# kill_worker NAMESPACE POD: of an agent, what does the work; its supervisor goes on.
kill_worker() {
    local id node pid
    id="$(kubectl --namespace "$1" get pod "$2" --output 'jsonpath={.status.containerStatuses[0].containerID}')"
    [ -n "$id" ] || die "the pod $1/$2 has no container"
    node="$(node_of "$1" "$2")"
    pid="$(in_node "$node" ctr --namespace k8s.io task list | awk -v id="${id#containerd://}" '$1 == id { print $2 }')"
    [ -n "$pid" ] || die "the container of $1/$2 does not run"
    in_node "$node" pkill --signal KILL --oldest --parent "$pid"
}

# process_named WORD: the process names that a word of the command line means.
process_named() {
    local number
    case "$1" in
        apiserver) echo kube-apiserver ;;
        scheduler) echo kube-scheduler ;;
        controllers) echo kube-controller-manager kube-scheduler ;;
        containerd | kubelet | kube-proxy) for number in $(node_numbers); do echo "$1-$number"; done ;;
        *) echo "$1" ;;
    esac
}

# signal_processes SIGNAL WORD: sends SIGNAL to the processes that WORD means.
signal_processes() {
    local name pid
    for name in $(process_named "$2"); do
        pid="$(process_pid "$name")" || die "$name does not run; script/cluster status lists what does"
        kill "-$1" "$pid"
    done
}

stays_whole() { node_is_whole "$1" && sleep 1 && node_is_whole "$1"; }

# need_node_number N EXAMPLE
need_node_number() {
    [[ "$1" =~ ^[1-9]$ && "$1" -le "$(node_count)" ]] ||
        die "say which of the $(node_count) real nodes, as in: script/cluster fault $2"
}

command_fault() {
    local verb="${1:-}"
    [ -n "$verb" ] || { fault_usage; return; }
    shift
    need_root "script/cluster fault"
    case "$verb" in
        restart-apiserver)
            if [ "${1:-}" = --kill ]; then kill_process kube-apiserver; fi
            stop_apiserver
            start_apiserver
            retry 40 apiserver_ready || die "the API server did not come back in 40 s; see $log_dir/kube-apiserver.log"
            ;;
        pause)
            [[ "${2:-}" =~ ^[0-9]+$ ]] || die "say what and how long, as in: script/cluster fault pause etcd 30"
            # shellcheck disable=SC2064
            trap "signal_processes CONT $1" EXIT
            signal_processes STOP "$1"
            sleep "$2"
            ;;
        freeze) signal_processes STOP "${1:-}" ;;
        unfreeze) signal_processes CONT "${1:-}" ;;
        kill) signal_processes KILL "${1:-}" ;;
        node-kill)
            need_node_number "${1:-}" "$verb 1"
            stop_node "$1"
            route_services
            ;;
        node-freeze)
            need_node_number "${1:-}" "$verb 1 30"
            [[ "${2:-}" =~ ^[0-9]+$ || "${2:-}" = --until-thaw ]] ||
                die "say how long, as in: script/cluster fault node-freeze $1 30, or: node-freeze $1 --until-thaw"
            [ "$2" = --until-thaw ] || trap "thaw_node $1" EXIT
            freeze_node "$1"
            [ "$2" = --until-thaw ] || sleep "$2"
            ;;
        node-heal)
            need_node_number "${1:-}" "$verb 1"
            start_node "$1"
            wait_for_node "$1"
            # A kubelet that finds pods of before may say so, and then think again.
            retry 20 stays_whole "$1" || die "node $1 does not stay Ready; see $log_dir/kubelet-$1-enter.log"
            ;;
        cut-pod | kill-container | kill-worker)
            [ $# -eq 2 ] || die "say which pod, as in: script/cluster fault $verb default digits-worker-0-0"
            "${verb/-/_}" "$@"
            ;;
        join-pods) join_pods ;;
        *) fault_usage >&2; exit 2 ;;
    esac
}
