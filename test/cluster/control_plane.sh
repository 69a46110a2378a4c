# SPDX-License-Identifier: Apache-2.0
# etcd, API server, controller manager and scheduler, as processes of the machine itself.
# shellcheck shell=bash

etcd_socket="$run_dir/etcd:0"

# start_etcd: the store, on a socket that only root can open. No fsync: a test cluster may lose its data
# when the machine loses power, and is several times faster for it.
start_etcd() {
    is_running etcd && return
    rm -f "$etcd_socket" "$run_dir/etcd-peer:0"
    mkdir -p "$state/etcd"
    chmod 700 "$state/etcd" "$run_dir"
    # etcd takes only "host:port" after unix://, and makes a socket of that name in its folder.
    start_process etcd env --chdir="$run_dir" "$etcd_bin/server" --name dlws --data-dir "$state/etcd" \
        --unsafe-no-fsync --logger zap --log-level warn \
        --listen-client-urls unix://etcd:0 --advertise-client-urls unix://etcd:0 \
        --listen-peer-urls unix://etcd-peer:0 --initial-advertise-peer-urls unix://etcd-peer:0 \
        --initial-cluster dlws=unix://etcd-peer:0 \
        --auto-compaction-mode periodic --auto-compaction-retention 30m --quota-backend-bytes 8589934592
    retry 10 test -S "$etcd_socket" || die "etcd does not answer; see $log_dir/etcd.log"
}

# write_audit_policy: the audit log holds the writes of the operator's namespace, which the tests count and the
# benchmark plays again; and what people try to write, without its content.
write_audit_policy() {
    cat >"$state/audit-policy.yaml" <<'END'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted, Panic]
omitManagedFields: true
rules:
- level: Request
  userGroups: ["system:serviceaccounts:dlws-system"]
  verbs: [create, update, patch, delete, deletecollection]
# What people try: without its content.
- level: None
  userGroups: ["system:nodes", "system:serviceaccounts:kube-system", "system:serviceaccounts:dlws-system"]
- level: None
  users: ["system:kube-scheduler", "system:kube-controller-manager", "system:kube-proxy", "system:apiserver"]
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: None
END
}

# start_apiserver: the API server, with the checks of a production cluster: TLS, RBAC, real tokens.
start_apiserver() {
    is_running kube-apiserver && return
    write_audit_policy
    write_authentication
    start_process kube-apiserver "$k8s_bin/kube-apiserver" \
        --bind-address "$host_ip" --advertise-address "$host_ip" --secure-port 6443 \
        --etcd-servers "unix://$etcd_socket" --storage-backend etcd3 --service-cluster-ip-range "$service_net.0/16" \
        --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction --anonymous-auth=true --authentication-config "$state/authentication.yaml" \
        --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
        --service-account-issuer https://kubernetes.default.svc.cluster.local \
        --service-account-key-file "$pki/service-account.pub" --service-account-signing-key-file "$pki/service-account.key" \
        --kubelet-client-certificate "$pki/apiserver-kubelet-client.crt" \
        --kubelet-client-key "$pki/apiserver-kubelet-client.key" \
        --kubelet-certificate-authority "$pki/ca.crt" --kubelet-preferred-address-types InternalIP \
        --requestheader-client-ca-file "$pki/front-proxy-ca.crt" --requestheader-allowed-names front-proxy-client \
        --requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
        --requestheader-extra-headers-prefix X-Remote-Extra- --enable-aggregator-routing=true \
        --proxy-client-cert-file "$pki/front-proxy-client.crt" --proxy-client-key-file "$pki/front-proxy-client.key" \
        --audit-policy-file "$state/audit-policy.yaml" --audit-log-path "$state/audit.log" \
        --allow-privileged=true --profiling=false
}

# apiserver_ready: whether the API server says that it is ready to serve. Asks for nothing but that, and
# takes a tenth of the time that kubectl takes.
apiserver_ready() {
    [ "$(curl --silent --max-time 3 --cacert "$pki/ca.crt" --cert "$pki/admin.crt" --key "$pki/admin.key" \
        "$api_url/readyz")" = ok ]
}

# stop_apiserver: ends it and waits for its port, which it may hold for seconds. Told to end, it would wait up
# to a minute for its watchers to leave.
stop_apiserver() {
    stop_process kube-apiserver 4
    retry 10 port_free || die "port 6443 of $host_ip stays taken"
}
port_free() { [ -z "$(ss -Htln "src $host_ip and sport = 6443")" ]; }

# start_controllers: controller manager and scheduler, allowed enough requests for the scale tests.
start_controllers() {
    # Kubernetes waits for 50 s before it says that a node does not answer. With several nodes tests wait for this.
    local notice=()
    [ "$(node_count)" = 1 ] || notice=(--node-monitor-grace-period 20s --node-monitor-period 2s)
    is_running kube-controller-manager || start_process kube-controller-manager "$k8s_bin/kube-controller-manager" \
        --bind-address "$local_ip" --tls-cert-file "$pki/controller-manager.crt" \
        --tls-private-key-file "$pki/controller-manager.key" \
        --kubeconfig "$pki/controller-manager.kubeconfig" --authentication-kubeconfig "$pki/controller-manager.kubeconfig" \
        --authorization-kubeconfig "$pki/controller-manager.kubeconfig" --leader-elect=false \
        --use-service-account-credentials --service-account-private-key-file "$pki/service-account.key" \
        --root-ca-file "$pki/ca.crt" --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
        --allocate-node-cidrs=false "${notice[@]}" --kube-api-qps 300 --kube-api-burst 600 --profiling=false
    is_running kube-scheduler && return
    write_scheduler_configuration
    start_process kube-scheduler "$k8s_bin/kube-scheduler" --config "$state/scheduler.yaml" \
        --bind-address "$local_ip" --tls-cert-file "$pki/scheduler.crt" --tls-private-key-file "$pki/scheduler.key" \
        --authentication-kubeconfig "$pki/scheduler.kubeconfig" --authorization-kubeconfig "$pki/scheduler.kubeconfig"
}

write_scheduler_configuration() {
    cat >"$state/scheduler.yaml" <<END
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
enableProfiling: false
clientConnection: {kubeconfig: $pki/scheduler.kubeconfig, qps: 300, burst: 600}
END
}

# start_store_and_server: both, until they serve.
start_store_and_server() {
    local tries
    start_etcd
    start_apiserver
    for tries in {1..400}; do
        ! apiserver_ready || return 0
        is_running etcd || die "etcd ended: $(tail -n 1 "$log_dir/etcd.log")"
        is_running kube-apiserver || die "the API server ended: $(tail -n 1 "$log_dir/kube-apiserver.log")"
        sleep 0.1
    done
    die "the API server did not become ready; see $log_dir/kube-apiserver.log ($tries tries)"
}
