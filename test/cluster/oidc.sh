# SPDX-License-Identifier: Apache-2.0
# The OpenID provider of the test cluster (script/cluster up --oidc), and what the API server takes from it.
# shellcheck shell=bash

oidc_port=6444
oidc_issuer="https://$host_ip:$oidc_port"

# oidc_wanted: whether this cluster was asked to have one.
oidc_wanted() { [ -e "$state/oidc" ]; }

# want_oidc: from now on. The file says where the portal is; several addresses may be given, with spaces between them.
want_oidc() {
    local urls="${DLWS_PORTAL_URL:-$(cat "$state/oidc" 2>/dev/null || true)}"
    echo "${urls:-https://$host_ip:8443 https://127.0.0.1:8443 https://localhost:8443}" >"$state/oidc"
}

# write_authentication: whose tokens the API server takes besides its own; it reads the file again when it changes.
# Written in place of the old one by one rename. The username is the e-mail address.
write_authentication() {
    {
        printf 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n'
        if ! oidc_wanted; then echo "jwt: []"; else cat <<END_OF_JWT
jwt:
- issuer:
    url: $oidc_issuer
    audiences: [dlws-portal, dlws-brief]
    audienceMatchPolicy: MatchAny
    certificateAuthority: |
$(sed 's/^/      /' "$pki/oidc-ca.crt")
  claimMappings:
    username: {claim: email, prefix: ""}
    groups: {claim: groups, prefix: ""}
    uid: {claim: sub}
END_OF_JWT
        fi
    } >"$state/authentication.yaml.new"
    mv "$state/authentication.yaml.new" "$state/authentication.yaml"
}

# write_oidc_config: alice and bob are in groups, carol in none. ID tokens of the client dlws-portal hold ten minutes,
# those of dlws-brief 75 s, for tests of their renewal. Refresh tokens rotate; one that is used twice ends its family.
write_oidc_config() {
    (
        umask 077
        jq --null-input --arg issuer "$oidc_issuer" --arg address "$host_ip" --argjson port "$oidc_port" --arg pki "$pki" \
            --arg keys "$state/oidc-keys.json" --arg delay "$state/oidc-delay" --arg modules "$oidc_modules" --arg urls "$(cat "$state/oidc")" '
            def client(name; seconds): {client_id: name, client_secret: "\(name)-secret", id_token_seconds: seconds,
                redirect_uris: ($urls | split(" ") | map(. + "/auth/callback")),
                post_logout_redirect_uris: ($urls | split(" ") | map(. + "/")),
                grant_types: ["authorization_code", "refresh_token"], response_types: ["code"]};
            def user(name; groups): {(name): {password: "\(name)-password", email: "\(name)@example.org", groups: groups}};
            {issuer: $issuer, address: $address, port: $port, certificate: "\($pki)/oidc.crt", key: "\($pki)/oidc.key",
             keys: $keys, delay: $delay, modules: $modules, clients: [client("dlws-portal"; 600), client("dlws-brief"; 75)],
             users: (user("alice"; ["researchers"]) + user("bob"; ["researchers", "approvers"]) + user("carol"; []))}' \
            >"$state/oidc.json.new"
    )
    ! cmp --silent "$state/oidc.json.new" "$state/oidc.json" || return 0
    mv "$state/oidc.json.new" "$state/oidc.json"
    stop_process oidc
}

# start_oidc: the provider, until it serves, with a certificate of an authority of its own.
start_oidc() {
    if [ ! -e "$pki/oidc.crt" ]; then
        make_authority oidc-ca
        make_certificate oidc /CN=oidc "IP:$host_ip,DNS:localhost" oidc-ca
    fi 2>>"$log_dir/certificates.log"
    write_oidc_config
    is_running oidc || { use_node; start_process oidc "$(command -v node)" "$repo_dir/test/oidc/provider.js" "$state/oidc.json"; }
    retry 20 oidc_answers || die "the OpenID provider does not answer; see $log_dir/oidc.log"
}
oidc_answers() { curl --silent --fail --max-time 3 --cacert "$pki/oidc-ca.crt" "$oidc_issuer/.well-known/openid-configuration"; }

# add_oidc: to an API server that runs. It takes the new file when the provider's keys have come.
add_oidc() {
    local before
    want_oidc
    start_oidc
    ! grep -q "$oidc_issuer" "$state/authentication.yaml" || return 0
    before="$(authentication_reloads)"
    write_authentication
    retry 90 authentication_reloaded "$before" || die "the API server does not take $state/authentication.yaml; see $log_dir/kube-apiserver.log"
}
authentication_reloads() {
    kubectl get --raw /metrics | awk '/^apiserver_authentication_config_controller_automatic_reloads_total.*status="success"/ { n = $2 } END { print n + 0 }'
}
authentication_reloaded() { [ "$(authentication_reloads)" -gt "$1" ]; }

# oidc_token NAME [CLIENT]: prints an ID token of a user, by a login as a browser does it.
oidc_token() {
    local name="$1" client="${2:-dlws-portal}" back verifier challenge jar location form code
    back="$(cut -d ' ' -f 1 "$state/oidc")/auth/callback"
    verifier="$(openssl rand -hex 32)"
    challenge="$(printf %s "$verifier" | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '=')"
    jar="$(mktemp)"
    browse() { curl --silent --show-error --max-time 10 --cacert "$pki/oidc-ca.crt" --cookie "$jar" --cookie-jar "$jar" "$@"; }
    form="$(browse --location --output /dev/null --write-out '%{url_effective}' --get "$oidc_issuer/auth" \
        --data-urlencode "client_id=$client" --data-urlencode "redirect_uri=$back" --data response_type=code \
        --data-urlencode "scope=openid email groups" --data "code_challenge=$challenge" --data code_challenge_method=S256)"
    location="$(browse --output /dev/null --write-out '%{redirect_url}' --data-urlencode "name=$name" \
        --data-urlencode "password=$name-password" "$form")"
    while [[ "$location" == "$oidc_issuer"/* ]]; do
        location="$(browse --output /dev/null --write-out '%{redirect_url}' "$location")"
    done
    code="$(sed -n 's/.*[?&]code=\([^&]*\).*/\1/p' <<<"$location")"
    [ -n "$code" ] || die "the provider gave $name no code"
    browse --user "$client:$client-secret" --data grant_type=authorization_code --data "code=$code" \
        --data-urlencode "redirect_uri=$back" --data "code_verifier=$verifier" "$oidc_issuer/token" | jq --raw-output --exit-status .id_token
    rm -f "$jar"
}
