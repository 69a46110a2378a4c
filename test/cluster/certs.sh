# SPDX-License-Identifier: Apache-2.0
# Certificates and kubeconfigs of the test cluster. One authority; EC keys, because they are quick to make.
# shellcheck shell=bash

# make_key FILE: a private key that only root reads.
make_key() { (umask 077; openssl ecparam -name prime256v1 -genkey -noout -out "$1"); }

# make_authority NAME: a self-signed authority in $pki/NAME.crt and .key.
make_authority() {
    make_key "$pki/$1.key"
    openssl req -x509 -new -key "$pki/$1.key" -days 3650 -subj "/CN=dlws-test-$1" -out "$pki/$1.crt" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
}

# kubernetesUID in a subject is the UID of a user (KEP-5295).
request_settings=$'oid_section = oids\n[oids]\nkubernetesUID = 1.3.6.1.4.1.57683.2\n[req]\ndistinguished_name = none\n[none]'

# make_certificate NAME SUBJECT [SUBJECT_ALT_NAMES [AUTHORITY]]: client and server certificate.
make_certificate() {
    local extensions=$'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth,serverAuth'
    [ -z "${3:-}" ] || extensions+=$'\n'"subjectAltName=$3"
    make_key "$pki/$1.key"
    openssl req -new -key "$pki/$1.key" -subj "$2" -config <(echo "$request_settings") |
        openssl x509 -req -CA "$pki/${4:-ca}.crt" -CAkey "$pki/${4:-ca}.key" -days 3650 -out "$pki/$1.crt" \
            -set_serial "0x$(openssl rand -hex 8)" -extfile <(echo "$extensions") 2>/dev/null
}

# make_kubeconfig NAME FILE: a kubeconfig for the client certificate NAME, with everything inside it.
make_kubeconfig() {
    (
        umask 077
        cat >"$2" <<END
apiVersion: v1
kind: Config
current-context: dlws
contexts:
- {name: dlws, context: {cluster: dlws, user: $1}}
clusters:
- name: dlws
  cluster:
    server: $api_url
    certificate-authority-data: $(base64 -w 0 "$pki/ca.crt")
users:
- name: $1
  user:
    client-certificate-data: $(base64 -w 0 "$pki/$1.crt")
    client-key-data: $(base64 -w 0 "$pki/$1.key")
END
    )
}

# make_user NAME [UID [GROUP…]]: prints the path of the user's kubeconfig. The same name and UID may be given again.
make_user() {
    local name="$1" uid="${2:-uid-of-$1}" subject="/CN=$1" group file
    [ "$uid" = - ] || subject+="/kubernetesUID=$uid"
    for group in "${@:3}"; do subject+="/O=$group"; done
    file="$state/users/$name-$uid.kubeconfig"
    mkdir -p "$state/users"
    make_certificate "user-$name" "$subject"
    make_kubeconfig "user-$name" "$file"
    echo "$file"
}

# make_certificates: everything above for this cluster, once.
make_certificates() {
    [ ! -e "$pki/complete" ] || return 0
    rm -rf "$pki"
    mkdir -p "$pki"
    chmod 700 "$pki"
    make_authority ca
    make_authority front-proxy-ca
    make_key "$pki/service-account.key"
    openssl ec -in "$pki/service-account.key" -pubout -out "$pki/service-account.pub" 2>/dev/null
    make_certificate front-proxy-client /CN=front-proxy-client "" front-proxy-ca
    make_certificate apiserver /CN=kube-apiserver \
        "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:$host_ip,IP:$kubernetes_ip,IP:$local_ip"
    make_certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    make_certificate admin /O=system:masters/CN=admin
    make_certificate controller-manager /CN=system:kube-controller-manager "DNS:localhost,IP:$local_ip"
    make_certificate scheduler /CN=system:kube-scheduler "DNS:localhost,IP:$local_ip"
    make_certificate kube-proxy /CN=system:kube-proxy
    make_certificate coredns /CN=system:coredns
    make_certificate kwok /O=system:masters/CN=kwok
    local name number
    for (( number = 1; number <= max_nodes; number++ )); do
        name="$(node_name "$number")"
        make_certificate "kubelet-$number" "/O=system:nodes/CN=system:node:$name" "DNS:$name,IP:$(node_ip "$number")"
        make_kubeconfig "kubelet-$number" "$pki/kubelet-$number.kubeconfig"
    done
    for name in controller-manager scheduler kube-proxy coredns kwok; do
        make_kubeconfig "$name" "$pki/$name.kubeconfig"
    done
    make_kubeconfig admin "$admin_kubeconfig"
    touch "$pki/complete"
} 2>"$log_dir/certificates.log"
