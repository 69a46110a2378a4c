# SPDX-License-Identifier: Apache-2.0
# Cluster DNS: CoreDNS as a process of the machine, behind the usual kube-dns Service. A name outside the
# cluster does not exist, at once: pods have no way out of the machine.
# shellcheck shell=bash

start_dns() {
    is_running coredns && return
    cat >"$state/Corefile" <<END
(common) {
    bind $host_ip
    errors
}
cluster.local:10053 in-addr.arpa:10053 {
    import common
    kubernetes cluster.local in-addr.arpa {
        kubeconfig $pki/coredns.kubeconfig
        pods insecure
        ttl 1
    }
}
.:10053 {
    import common
    template ANY ANY {
        rcode NXDOMAIN
    }
}
END
    start_process coredns "$coredns_bin/coredns" -conf "$state/Corefile"
}

# publish_dns: the rights of CoreDNS, and the Service whose one endpoint is the process above.
publish_dns() {
    kubectl apply --server-side --force-conflicts --filename - --output name <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: "system:coredns"}
rules:
- {apiGroups: [""], resources: [endpoints, services, pods, namespaces], verbs: [list, watch]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: "system:coredns"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: "system:coredns"}]
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: $dns_ip
  ports:
  - {name: dns, protocol: UDP, port: 53, targetPort: 10053}
  - {name: dns-tcp, protocol: TCP, port: 53, targetPort: 10053}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: kube-dns
  namespace: kube-system
  labels: {kubernetes.io/service-name: kube-dns, endpointslice.kubernetes.io/managed-by: script.dlworkspace.io}
addressType: IPv4
ports:
- {name: dns, protocol: UDP, port: 10053}
- {name: dns-tcp, protocol: TCP, port: 10053}
endpoints:
- {addresses: ["$host_ip"], conditions: {ready: true}}
END
}
