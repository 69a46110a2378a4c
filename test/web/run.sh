#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The portal's page in Debian's Chromium, and the command line `dlws`, against the portal that is installed on the test cluster with the
# chart, and the cluster's OpenID provider. The last line is `N passed, N failed, N skipped`; a test is skipped when the portal does not serve yet what it is of.
#
# Usage: test/web/run.sh [WORD…]     (tests whose names begin with one of the words; all without one)
#
# Installs the operator (test/cluster/install.sh) with the values that logins need, and leaves them in place; DLWS_WEB_INSTALLED=1 says
# that this has been done. Screenshots of all pages, and of what failed, are in build/web-screenshots.
# Environment: DLWS_INSTANCE, DLWS_STATE and DLWS_CACHE as for script/cluster; DLWS_BUILD as for test/cluster/install.sh.
here="$(dirname "$(readlink -f "$0")")"
source "$here/../../script/lib/common.sh"
source "$repo_dir/script/lib/go_tools.sh"
source "$repo_dir/script/lib/node_tools.sh"
source "$repo_dir/test/cluster/settings.sh"

# The browser reaches cluster and provider directly.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
"$repo_dir/script/setup" browser metrics
use_node || die "there is no Node.js that is new enough; run script/setup web"
"$repo_dir/script/cluster" up --oidc

url="https://$host_ip:8443"
prometheus="$host_ip:9090"   # test/web/lib/prometheus.js
if [ -z "${DLWS_WEB_INSTALLED:-}" ]; then
    kubectl create namespace dlws-system --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    kubectl -n dlws-system create secret generic web-test-oidc --from-literal=client-secret=dlws-portal-secret --dry-run=client -o yaml |
        kubectl apply -f - >/dev/null
    kubectl -n dlws-system create configmap web-test-oidc --from-file="ca.crt=$pki/oidc-ca.crt" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    values=("portal.url=$url" "portal.oidc.issuer=https://$host_ip:6444" portal.oidc.clientId=dlws-portal
        portal.oidc.clientSecret.secretName=web-test-oidc portal.oidc.ca.configMapName=web-test-oidc
        "portal.prometheus.url=http://$prometheus" portal.prometheus.scrapeSeconds=10
        "cluster.permissions[0].class=hostNetwork" "cluster.permissions[0].policy=RequireApproval")
    DLWS_HELM_ARGS="${values[*]/#/--set }" "$repo_dir/test/cluster/install.sh"
fi
# The first form of the page names it, and the cluster reaches no registry.
"$repo_dir/script/cluster" load "$("$repo_dir/script/image" python)" >/dev/null

export DLWS_WEB_MODULES="$web_test_modules" DLWS_WEB_URL="$url" DLWS_WEB_ADDRESS="$host_ip" DLWS_WEB_PKI="$pki" DLWS_WEB_PROMETHEUS="$prometheus"
dlws="${DLWS_BUILD:-$("$repo_dir/script/build" release dlws | tail -n 1)}/cli/dlws"
[ -x "$dlws" ] || die "there is no $dlws; build it with: script/build PRESET dlws"
export DLWS_WEB_DLWS="$dlws"
export DLWS_WEB_KUBECTL="$k8s_bin/kubectl" KUBECONFIG="$admin_kubeconfig" DLWS_WEB_REPO="$repo_dir"
exec node "$here/run.js" "$@"
