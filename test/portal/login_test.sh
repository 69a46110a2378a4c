#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Login and sessions, by two processes of dlws-portal on this machine, with the rights that the chart gives them,
# against the test cluster's API server and its OpenID provider (script/cluster up --oidc). A browser is played by
# curl. The last line is `N passed, N failed, N skipped`.
#
# Usage: test/portal/login_test.sh [NAME…]     (the names of test functions; all without one)
# Environment: DLWS_BUILD, the folder of the build (default build/dev); DLWS_INSTANCE as for script/cluster.
here="$(dirname "$(readlink -f "$0")")"
source "$here/../../script/lib/common.sh"
source "$repo_dir/script/lib/go_tools.sh"
source "$repo_dir/test/cluster/settings.sh"
set +e

cluster() { "$repo_dir/script/cluster" "$@"; }
portal="${DLWS_BUILD:-$repo_dir/build/dev}/portal/server/dlws-portal"
[ -x "$portal" ] || die "there is no $portal; build it with: script/build dev dlws-portal"
work="$(mktemp -d)"
url=https://localhost:8443   # the provider sends browsers back to it; nobody listens there
issuer="https://$host_ip:6444"
sessions=dlws-login-test-sessions
passed=0 failed=0

# check TEXT COMMAND…: the test of the moment fails, with TEXT, when COMMAND does.
check() {
    local text="$1"
    shift
    "$@" >"$work/check" 2>&1 && return
    wrong+="  $text"$'\n'"$(tail -n 5 "$work/check" | sed 's/^/    /')"$'\n'
    return 1
}
same() { [ "$1" = "$2" ] || { echo "is \"$1\", and should be \"$2\""; return 1; }; }
holds() { [[ "$1" == *"$2"* ]] || { echo "\"$1\" does not hold \"$2\""; return 1; }; }

run_test() {
    wrong=""
    local began="$EPOCHSECONDS"
    "$1"
    if [ -z "$wrong" ]; then
        passed=$((passed + 1))
        echo "ok      $1 ($(( EPOCHSECONDS - began )) s)"
    else
        failed=$((failed + 1))
        printf 'not ok  %s (%d s)\n%s' "$1" "$(( EPOCHSECONDS - began ))" "$wrong"
    fi
}

# --- two replicas ---

# own_kubeconfig: of a ServiceAccount that has what the chart gives the portal, and no more.
own_kubeconfig() {
    kubectl create namespace dlws-login-test --dry-run=client -o yaml | kubectl apply -f - >/dev/null
    "$helm_bin/helm" template login-test "$repo_dir/charts/dlworkspace" --kube-version "$k8s_version" --namespace dlws-login-test \
        --set fullnameOverride=login-test --set portal.enabled=true --set portal.url=$url \
        --set portal.sessionsNamespace=$sessions --show-only templates/portal/rbac.yaml | kubectl apply -f - >/dev/null || return 1
    kubectl apply --server-side -f "$repo_dir/crds" >/dev/null || return 1
    local token
    token="$(kubectl -n dlws-login-test create token login-test-portal --duration=2h)"
    jq --null-input --arg server "$api_url" --arg ca "$(base64 -w 0 "$pki/ca.crt")" --arg token "$token" '{apiVersion: "v1", kind: "Config",
        "current-context": "c", contexts: [{name: "c", context: {cluster: "c", user: "u"}}],
        clusters: [{name: "c", cluster: {server: $server, "certificate-authority-data": $ca}}],
        users: [{name: "u", user: {token: $token}}]}' >"$work/kubeconfig"
}

# start_replica N [CLIENT]: on port 1844N, until it answers.
start_replica() {
    local client="${2:-dlws-portal}"
    printf %s "$client-secret" >"$work/$client.secret"
    "$portal" --kubeconfig "$work/kubeconfig" --address 127.0.0.1 --port "1844$1" --health-address 127.0.0.1 --health-port "1845$1" \
        --drain-seconds 0 --url $url --sessions-namespace $sessions --log-level debug --oidc-issuer "$issuer" --oidc-client-id "$client" \
        --oidc-client-secret-file "$work/$client.secret" --oidc-ca-file "$pki/oidc-ca.crt" >>"$work/replica$1.log" 2>&1 &
    echo $! >"$work/replica$1.pid"
    retry 20 curl --silent --fail "http://127.0.0.1:1845$1/readyz" || { tail -n 5 "$work/replica$1.log"; return 1; }
}
stop_replica() {
    [ -e "$work/replica$1.pid" ] || return 0
    kill "${2:--TERM}" "$(cat "$work/replica$1.pid")" 2>/dev/null
    wait "$(cat "$work/replica$1.pid")" 2>/dev/null
    local status=$?
    rm -f "$work/replica$1.pid"
    return $status
}
start_replicas() { stop_replica 1; stop_replica 2; start_replica 1 "$@" && start_replica 2 "$@"; }

# ask N METHOD PATH [CURL…]: the answer's body, and its status in the last line.
ask() { curl --silent --insecure --max-time 20 --request "$2" --write-out '\n%{http_code}\n' "${@:4}" "https://127.0.0.1:1844$1$3"; }
status_of() { ask "$@" | tail -n 1; }
# session N COOKIE FIELD: of GetSession.
session() { ask "$1" GET /auth/session --cookie "__Host-dlws=$2" | head -n -1 | jq --raw-output ".$3"; }
api_status() { status_of "$1" GET /api/v1/me --cookie "__Host-dlws=$2"; }

# --- a browser ---

# begin N: StartLogin; sets $login_cookie and $provider_url.
begin() {
    local head
    head="$(curl --silent --insecure --max-time 20 --dump-header - --output /dev/null "https://127.0.0.1:1844$1/auth/login?return=/jobs")"
    login_cookie="$(sed -n 's/^Set-Cookie: __Host-dlws-login=\([^;]*\);.*/\1/Ip' <<<"$head")"
    provider_url="$(sed -n 's/^Location: \(.*\)\r/\1/Ip' <<<"$head")"
}
# at_provider NAME: logs in there; prints the query that it sends back.
at_provider() {
    local jar form location
    jar="$(mktemp -p "$work")"
    browse() { curl --silent --max-time 20 --cacert "$pki/oidc-ca.crt" --cookie "$jar" --cookie-jar "$jar" --output /dev/null "$@"; }
    form="$(browse --location --write-out '%{url_effective}' "$provider_url")"
    location="$(browse --write-out '%{redirect_url}' --data-urlencode "name=$1" --data-urlencode "password=$1-password" "$form")"
    while [[ "$location" == "$issuer"/* ]]; do location="$(browse --write-out '%{redirect_url}' "$location")"; done
    echo "${location#*\?}"
}
# finish N QUERY [COOKIE]: FinishLogin; sets $location and $cookie.
finish() {
    local head
    head="$(curl --silent --insecure --max-time 20 --dump-header - --output /dev/null --cookie "__Host-dlws-login=${3-$login_cookie}" \
        "https://127.0.0.1:1844$1/auth/callback?$2")"
    location="$(sed -n 's/^Location: \(.*\)\r/\1/Ip' <<<"$head")"
    cookie="$(sed -n 's/^Set-Cookie: __Host-dlws=\([^;]*\);.*/\1/Ip' <<<"$head")"
    echo "$cookie" >>"$work/cookies"
}
# log_in NAME: begun at one replica, finished at the other.
log_in() {
    begin 1
    finish 2 "$(at_provider "$1")"
    check "$1 is sent back to the page" same "$location" /jobs
}
secret_of() { kubectl -n $sessions get secret "${1%%.*}" "${@:2}"; }

# --- tests ---

test_the_provider_leads_to_a_session_at_both() {
    log_in alice
    local replica
    for replica in 1 2; do
        check "logged in at $replica" same "$(session $replica "$cookie" username)" alice@example.org
        check "who the API server says, at $replica" same "$(ask $replica GET /api/v1/me --cookie "__Host-dlws=$cookie" |
            head -n -1 | jq --raw-output .username)" alice@example.org
    done
    check "nobody without the cookie" same "$(status_of 1 GET /api/v1/me)" 401
    check "ends in a day, if nobody renews it" test "$(date -d "$(session 1 "$cookie" expiresAt)" +%s)" -gt $(( EPOCHSECONDS + 23 * 3600 ))
}

test_a_code_counts_once_and_with_its_own_state() {
    local query mine other
    begin 1
    mine="$login_cookie"
    query="$(at_provider alice)"
    begin 1
    other="$login_cookie"
    finish 1 "$query" "$other"
    check "another browser's answer" same "$location$cookie" "/login?error=state"
    finish 1 "$query" "$mine"
    check "its own" same "$location" /jobs
    finish 2 "$query" "$mine"
    check "the same once more" same "$location$cookie" "/login?error=LoginFailed"
    finish 1 "$(sed 's/iss=[^&]*/iss=https%3A%2F%2Fevil.example/' <<<"$query")" "$mine"
    check "of another provider" same "$location$cookie" "/login?error=LoginFailed"
}

test_a_write_needs_all_three() {
    local token with=()
    log_in alice
    token="$(session 1 "$cookie" csrfToken)"
    with=(--cookie "__Host-dlws=$cookie")
    check "nothing" same "$(status_of 1 POST /auth/logout "${with[@]}")" 403
    check "no token" same "$(status_of 1 POST /auth/logout "${with[@]}" -H "Origin: $url")" 403
    check "no origin" same "$(status_of 1 POST /auth/logout "${with[@]}" -H "X-CSRF-Token: $token")" 403
    check "another site" same "$(status_of 1 POST /auth/logout "${with[@]}" -H "X-CSRF-Token: $token" -H "Origin: $url" -H "Sec-Fetch-Site: cross-site")" 403
    check "another site's reads" same "$(status_of 1 GET /api/v1/me "${with[@]}" -H "Sec-Fetch-Site: same-site")" 403
    check "still logged in" same "$(api_status 1 "$cookie")" 200
    check "all" same "$(status_of 1 POST /auth/logout "${with[@]}" -H "Origin: $url" -H "X-CSRF-Token: $token")" 200
}

# log_out N COOKIE [QUERY]
log_out() {
    ask "$1" POST "/auth/logout${3:-}" --cookie "__Host-dlws=$2" -H "Origin: $url" -H "X-CSRF-Token: $(session "$1" "$2" csrfToken)"
}

test_a_logout_counts_at_the_other_replica_at_once() {
    local one two bobs answer
    log_in bob; bobs="$cookie"
    log_in alice; one="$cookie"
    log_in alice; two="$cookie"
    check "used at 2" same "$(api_status 2 "$one")" 200
    answer="$(log_out 1 "$one")"
    check "where the provider's session ends: $answer" holds "$answer" "$issuer/session/end?client_id="
    check "gone at 1" same "$(api_status 1 "$one")" 401
    check "at 2 within 2 s" retry 2 eval '[ "$(api_status 2 "'"$one"'")" = 401 ]'
    check "the other login stays" same "$(api_status 2 "$two")" 200
    log_in alice
    log_out 2 "$cookie" "?everywhere=true" >/dev/null
    check "everywhere" retry 2 eval '[ "$(api_status 1 "'"$two"'")" = 401 ]'
    check "of alice alone" same "$(api_status 1 "$bobs")" 200
}

test_a_secret_copied_out_of_etcd_is_useless() {
    local alices stolen
    log_in alice; alices="$cookie"
    log_in bob
    stolen="$(secret_of "$alices" -o jsonpath='{.data.record}' | base64 -d | tr -d '\0')"
    check "no token in it" eval '! grep -qaE "eyJ|alice|refresh" <<<"$stolen"'
    check "nor a name beside it" eval '! secret_of "$alices" -o yaml | grep -q alice'
    check "not with another key" same "$(api_status 2 "${alices%%.*}.${cookie##*.}")" 401
    kubectl -n $sessions patch secret "${cookie%%.*}" --type merge -p "{\"data\": $(secret_of "$alices" -o json | jq -c .data)}" >/dev/null
    check "nor put in the place of one's own" retry 5 eval '[ "$(api_status 2 "'"$cookie"'")" = 401 ]'
    check "alice goes on" same "$(api_status 2 "$alices")" 200
}

test_a_pasted_token() {
    local token body
    token="$(kubectl -n dlws-login-test create token default --duration=10m)"
    echo "$token" >>"$work/tokens"
    body="$(curl --silent --insecure --dump-header "$work/head" -H "Origin: $url" -H "Content-Type: application/json" \
        --data "{\"token\": \"$token\"}" https://127.0.0.1:18441/auth/token)"
    check "is whom the API server says" same "$(jq --raw-output .username <<<"$body")" system:serviceaccount:dlws-login-test:default
    cookie="$(sed -n 's/^Set-Cookie: __Host-dlws=\([^;]*\);.*/\1/Ip' "$work/head")"
    check "at the other replica too" same "$(api_status 2 "$cookie")" 200
    check "another cluster's is none" same "$(status_of 1 POST /auth/token -H "Origin: $url" -H "Content-Type: application/json" \
        --data '{"token": "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"}')" 401
    check "another site pastes nothing" same "$(status_of 1 POST /auth/token -H "Origin: https://evil.example" \
        -H "Content-Type: application/json" --data "{\"token\": \"$token\"}")" 403
}

# Tokens that hold 75 s, renewed in their last 7: both replicas are asked four at a time for longer than that. The
# provider's refresh tokens rotate, and one that is used twice ends the login.
test_two_replicas_renew_at_once() {
    local end ends round statuses=""
    start_replicas dlws-brief || { wrong+="  no replicas"$'\n'; return; }
    log_in alice
    ends="$(date -d "$(session 1 "$cookie" expiresAt)" +%s)"
    end=$(( EPOCHSECONDS + 160 ))
    while [ "$EPOCHSECONDS" -lt "$end" ]; do
        statuses+=" $(for round in 1 2 1 2; do api_status $round "$cookie" & done; wait)"
        sleep 0.3
    done
    check "all are answered: $(tr ' ' '\n' <<<"$statuses" | sort | uniq -c | tr '\n' ';')" same \
        "$(tr ' ' '\n' <<<"$statuses" | grep . | sort -u)" 200
    check "and it is the same login" same "$(session 1 "$cookie" username)" alice@example.org
    check "renewed more than once" test "$(date -d "$(session 1 "$cookie" expiresAt)" +%s)" -ge $(( ends + 100 ))
}

# One replica dies when the provider has used up its refresh token, and before it could store the new one.
test_a_replica_that_is_killed_between_costs_a_login() {
    local began
    start_replicas dlws-brief || { wrong+="  no replicas"$'\n'; return; }
    log_in bob
    check "at 1" same "$(api_status 1 "$cookie")" 200
    check "at 2" same "$(api_status 2 "$cookie")" 200
    sleep 70   # renewal is due
    echo 5000 >"$state/oidc-delay"
    api_status 1 "$cookie" >/dev/null &
    check "1 renews it" retry 3 eval 'secret_of "$cookie" -o yaml | grep -q dlworkspace.io/renewing'
    sleep 1
    stop_replica 1 -KILL
    rm "$state/oidc-delay"
    began="$EPOCHSECONDS"
    check "2 says why, within half a minute" retry 30 eval 'api_status 2 "$cookie"; same "$(session 2 "$cookie" why)" "the provider has ended this login"'
    echo "figure lost_renewal_said_after_seconds $(( EPOCHSECONDS - began )) s"
    check "and lets nobody in" same "$(api_status 2 "$cookie")" 401
    start_replica 1 dlws-brief
    check "nor does another process" same "$(api_status 1 "$cookie")" 401
    log_in bob
    check "a new login is good" same "$(api_status 2 "$cookie")" 200
}

test_they_end_when_told_and_logged_no_token() {
    start_replicas || { wrong+="  no replicas"$'\n'; return; }
    log_in alice
    check "1 ends" stop_replica 1
    check "2 goes on" same "$(api_status 2 "$cookie")" 200
    check "2 ends" stop_replica 2
    local secret
    while read -r secret; do
        [ -z "$secret" ] || check "no part of a cookie in a log" eval '! grep -qF -- "${secret##*.}" "$work"/replica?.log'
    done <"$work/cookies"
    check "no token in a log" eval '! grep -qE "eyJ[A-Za-z0-9_-]{10}" "$work"/replica?.log'
    check "there are logs" grep -q "dlws-portal" "$work/replica1.log"
}

"$repo_dir/script/cluster" up --oidc || exit 1
finish_all() {
    stop_replica 1; stop_replica 2
    rm -f "$state/oidc-delay"
    kubectl delete namespace dlws-login-test $sessions --wait=false >/dev/null 2>&1
    kubectl delete clusterrole,clusterrolebinding login-test-portal >/dev/null 2>&1
    rm -rf "$work"
}
trap finish_all EXIT
own_kubeconfig && start_replicas || die "the portal does not start"
tests=(test_the_provider_leads_to_a_session_at_both test_a_code_counts_once_and_with_its_own_state test_a_write_needs_all_three
    test_a_logout_counts_at_the_other_replica_at_once test_a_secret_copied_out_of_etcd_is_useless test_a_pasted_token
    test_two_replicas_renew_at_once test_a_replica_that_is_killed_between_costs_a_login test_they_end_when_told_and_logged_no_token)
[ $# -eq 0 ] || tests=("$@")
for name in "${tests[@]}"; do run_test "$name"; done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
