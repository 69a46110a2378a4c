#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# test/cluster/install.sh: the operator of this checkout, installed on the test cluster with Helm, and the
# images that the tests run in their jobs. Starts the cluster when it is not up.
#
# Safe to repeat: what is there already is left alone. As release `dlworkspace` in `dlws-system`, two
# replicas, with $DLWS_STATE/shared as the shared folder.
#
# Environment: DLWS_STATE, DLWS_CACHE, DLWS_INSTANCE as for script/cluster; DLWS_BUILD, another build than the
# release preset's (a sanitized one, say); DLWS_HELM_ARGS, more for helm, as in "--set webhook.enabled=true".
source "$(dirname "$(readlink -f "$0")")/../../script/lib/common.sh"
case "${1:-}" in -h | --help) usage_from_header; exit ;; esac
source "$repo_dir/script/lib/go_tools.sh"
source "$repo_dir/script/lib/images.sh"
source "$repo_dir/test/cluster/settings.sh"

exec {one_at_a_time}>"/run/lock/$bridge-install.lock"
flock "$one_at_a_time"

"$repo_dir/script/cluster" up
build="${DLWS_BUILD:-}"
[ -n "$build" ] || build="$("$repo_dir/script/build" release | tail -n 1)"
operator="$("$repo_dir/script/image" operator "$build")"
tools="$("$repo_dir/script/image" tools)"
mpi="$("$repo_dir/script/image" mpi)"
"$repo_dir/script/cluster" load "$operator" "$tools" "$mpi" >/dev/null

# What an administrator does once: the shared folder, and in it the folder of the default user.
shared="$state/shared"
install -d -m 755 "$shared" "$shared/storage" "$shared/work" "$shared/jobfiles"
[ -d "$shared/work/default" ] || install -d -m 755 -o 1000 -g 1000 "$shared/work/default"

read -ra more <<<"${DLWS_HELM_ARGS:-}"
# The programs' hash in a pod annotation makes the Deployments roll when the image has changed.
stamp="$(cat "$build"/{operator/dlws-operator,webhook/dlws-webhook,agent/dlws-agent,portal/server/dlws-portal} | sha256sum | cut -c 1-16)"
say "installing the operator $stamp"
# Another test may have applied the definitions by hand: the release takes them over.
run_logged "$cache_dir/log/helm.log" "$helm_bin/helm" --kubeconfig "$admin_kubeconfig" upgrade --install dlworkspace \
    "$repo_dir/charts/dlworkspace" --namespace dlws-system --create-namespace --wait --timeout 3m --take-ownership \
    --set image.tag=dev --set-string "podAnnotations.dlworkspace\.io/build=$stamp" \
    --set portal.enabled=true --set agent.sweepSeconds=5 --set "cluster.sharedFolder.hostPath=$shared" --set "cluster.systemFolders.root=$state/system" "${more[@]}"
