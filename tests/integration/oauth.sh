#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# OAuth from consent to its end: connect, sync, tokens that expire and rotate, a token that was lost with its answer,
# access that is taken back; and no token or client secret anywhere outside the vendor.
. "$(dirname "$0")/host.bash"

secret=client-secret-0123456789abcdef
export HUBSPOT_CLIENT_SECRET=$secret

configure_oauth() {
    printf 'store = "%s";\nsecrets = { key = %s; };\n' "$store_url" "${key:-\"file:fastenr.key\"}" >"$conf/fastenr.conf"
    cat >"$conf/hubspot.yaml" <<EOF
connection: hubspot
connector: hubspot
auth: {oauth: {client_id: app-1, client_secret: "\${HUBSPOT_CLIENT_SECRET}"${1:+, $1}}}
network:
  allow: [127.0.0.1]
  endpoints: {api.hubapi.com: "http://127.0.0.1:$port", app.hubspot.com: "http://127.0.0.1:$port"}
limits: {burst: off, search: off, daily: off}
every: 1h
objects: {companies: {}, contacts: {}}
EOF
}

# connect QUERY: consents as a browser would, with QUERY added at the consent page; the exit status of `connect`.
connect() {
    : >"$dir/connect.out"
    "$fastenr" connect -c "$conf" hubspot --json --timeout "${timeout:-60s}" >"$dir/connect.out" 2>"$dir/connect.err" &
    local pid=$! url='' status=0
    for _ in {1..200}; do
        url=$(sed -n 's/.*"open":"\([^"]*\)".*/\1/p' "$dir/connect.out")
        [ -n "$url" ] || ! kill -0 $pid 2>/dev/null && break
        sleep 0.05
    done
    redirect=$(sed -n 's/.*"redirect":"\([^"]*\)".*/\1/p' "$dir/connect.out")
    if [ -n "$url" ] && [ -n "$1" ]; then
        curl -fsSL -o "$dir/page.html" "$url&$1" || true
    fi
    wait $pid || status=$?
    return $status
}

oauth() { control GET oauth | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }

# What the vendor has given out must be nowhere on this machine in clear or in base64. Values are collected as the
# sandbox gives them, from its log of requests and its answers.
nowhere() {
    "$fastenr" status -c "$conf" --json >"$dir/status.json" 2>&1
    "$fastenr" runs -c "$conf" --json >"$dir/runs.json" 2>&1
    "$fastenr" secrets list -c "$conf" --json >"$dir/secrets.json" 2>&1
    "$fastenr" describe -c "$conf" hubspot --json >"$dir/describe.json" 2>&1
    local word encoded file
    [ "$store" = sqlite ] || query "SELECT encode(sealed, 'escape') FROM secret" >"$dir/sealed.out"
    for word in sandbox-access- sandbox-refresh- "$secret"; do
        for encoded in "$word" "$(printf %s "$word" | base64 | cut -c1-18)"; do
            for file in "$db" "$db"-wal "$dir"/*.json "$dir"/*.out "$dir"/*.err "$dir"/run.log; do
                [ -f "$file" ] || continue
                ! grep -aqF -- "$encoded" "$file" || fail "$file holds $encoded"
            done
        done
    done
}

start_sandbox --companies 300 --contacts 400 --limits off --token-ttl 1800 --rotate
configure_oauth

# ---- without a key, without tokens

printf 'store = "%s";\n' "$store_url" >"$conf/fastenr.conf"
"$fastenr" connect -c "$conf" hubspot 2>"$dir/no_key.err" && fail "connect went on without a key"
grep -q 'fastenr secrets init' "$dir/no_key.err" || fail "connect does not say how to make a key"
"$fastenr" secrets init -c "$conf" >"$dir/init.out"
expect "mode of the key" "$(stat -c %a "$conf/fastenr.key")" 600
"$fastenr" secrets init -c "$conf" >/dev/null 2>&1 && fail "a key was overwritten"
configure_oauth
chmod 644 "$conf/fastenr.key"
"$fastenr" status -c "$conf" >/dev/null 2>"$dir/mode.err" && fail "a key that others may read was taken"
grep -q 'chmod 600' "$dir/mode.err" || fail "the mode of the key is not explained"
chmod 600 "$conf/fastenr.key"
"$fastenr" sync -c "$conf" hubspot >"$dir/early.out" 2>&1 && fail "sync went on without tokens"
grep -q 'fastenr connect hubspot' "$dir/early.out" || fail "sync does not say to connect: $(cat "$dir/early.out")"

# ---- consent

connect decision=deny && fail "a refused consent connected"
grep -q access_denied "$dir/connect.err" || fail "the refusal is not told: $(cat "$dir/connect.err")"
: >"$dir/forged.out" # before it is looked at
"$fastenr" connect -c "$conf" hubspot --json --timeout 3s >"$dir/forged.out" 2>"$dir/forged.err" &
pid=$!
for _ in {1..100}; do
    redirect=$(sed -n 's/.*"redirect":"\([^"]*\)".*/\1/p' "$dir/forged.out")
    [ -n "$redirect" ] && break
    sleep 0.05
done
expect "answer to a forged state" "$(curl -s -o /dev/null -w '%{http_code}' "$redirect?code=x&state=forged")" 400
expect "answer to another path" "$(curl -s -o /dev/null -w '%{http_code}' "${redirect%callback}favicon.ico")" 404
wait $pid && fail "a forged state connected"
grep -q 'nobody gave consent' "$dir/forged.err" || fail "the timeout is not told: $(cat "$dir/forged.err")"
expect "tokens given to refused and forged answers" "$(oauth exchanges)" 0

connect auto=1 || fail "connect: $(cat "$dir/connect.err")"
grep -q '"account":"8675309"' "$dir/connect.out" || fail "connect does not say whose account: $(cat "$dir/connect.out")"
"$fastenr" test -c "$conf" hubspot --json >"$dir/test.json" 2>&1 || fail "test: $(cat "$dir/test.json")"
grep -q 'every object has its scope' "$dir/test.json" || fail "test does not look at the scopes"
nowhere

# ---- expiry: one refresh each time, nothing fails

sync
expect_equal
expect "refreshes before any token expired" "$(oauth refreshes)" 0
control POST oauth '{"do":"expire"}' >/dev/null
sync --full
expect_equal
expect "refreshes after one expiry" "$(oauth refreshes)" 1
control POST faults '{"path":"/oauth/v3/token","kind":"status","status":503,"count":2}' >/dev/null
control POST oauth '{"do":"expire"}' >/dev/null
sync
expect "refreshes after a passing fault" "$(oauth refreshes)" 2
nowhere

# ---- the service: it refreshes, says so, and its log holds no token

control POST oauth '{"do":"expire"}' >/dev/null
sed -i 's/^every: 1h$/every: 10s/' "$conf/hubspot.yaml"
sed -i '$a log = { level = "debug"; };' "$conf/fastenr.conf"
"$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
pid=$!
for _ in {1..600}; do # the last sync was just now: it is due in ten seconds
    grep -q 'a new access token' "$dir/run.log" && grep -q 'run [0-9]* ok' "$dir/run.log" && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.05
done
kill $pid
wait $pid || fail "fastenr run ended with $?: $(cat "$dir/run.log")"
grep -q 'a new access token' "$dir/run.log" || fail "the service did not refresh: $(cat "$dir/run.log")"
grep -q 'run [0-9]* ok' "$dir/run.log" || fail "the service did not sync: $(cat "$dir/run.log")"
expect "refreshes of the service" "$(oauth refreshes)" 3
nowhere
configure_oauth

# ---- another key

"$fastenr" secrets init -c "$conf" second.key >/dev/null
key='["file:second.key", "file:fastenr.key"]' configure_oauth
"$fastenr" secrets rotate -c "$conf" >"$dir/rotate.out" 2>&1 || fail "rotate: $(cat "$dir/rotate.out")"
key='"file:second.key"' configure_oauth
sync
configure_oauth
"$fastenr" sync -c "$conf" hubspot >"$dir/old_key.out" 2>&1 && fail "the old key opens what the new one sealed"
grep -q 'secrets.key does not have' "$dir/old_key.out" || fail "the missing key is not told: $(cat "$dir/old_key.out")"
key='"file:second.key"'
configure_oauth

# ---- the vendor rotated, its answer was lost: one retry, then a person must connect anew

control POST faults '{"path":"/oauth/v3/token","kind":"reset","count":1}' >/dev/null
control POST oauth '{"do":"expire"}' >/dev/null
"$fastenr" sync -c "$conf" hubspot >"$dir/lost.out" 2>&1 && fail "sync went on with a dead refresh token"
grep -q 'error: reconnect' "$dir/lost.out" || fail "no word of reconnect: $(cat "$dir/lost.out")"
refused=$(oauth refused)
status=0
"$fastenr" sync -c "$conf" hubspot >"$dir/again.out" 2>&1 || status=$?
expect "exit status of a sync that must be reconnected" "$status" 1
expect "requests with a token that is known to be dead" "$(oauth refused)" "$refused"
"$fastenr" status -c "$conf" >"$dir/status.out"
grep -q 'error: reconnect' "$dir/status.out" || fail "status does not say reconnect: $(cat "$dir/status.out")"
grep -q 'fastenr connect hubspot' "$dir/status.out" || fail "status does not say what to do"
connect auto=1 || fail "connect anew: $(cat "$dir/connect.err")"
sync
expect_equal

# ---- access is taken back; v1's path; disconnect

control POST oauth '{"do":"revoke"}' >/dev/null
"$fastenr" sync -c "$conf" hubspot >"$dir/revoked.out" 2>&1 && fail "sync went on after revocation"
grep -q 'error: reconnect' "$dir/revoked.out" || fail "no word of reconnect: $(cat "$dir/revoked.out")"
configure_oauth 'token_path: /oauth/v1/token, scopes: [oauth, crm.objects.companies.read]'
connect auto=1 || fail "connect by v1: $(cat "$dir/connect.err")"
"$fastenr" test -c "$conf" hubspot >"$dir/v1.out" 2>&1 && fail "contacts were read without their scope"
grep -q 'crm.objects.contacts.read' "$dir/v1.out" || fail "the missing scope is not named: $(cat "$dir/v1.out")"
configure_oauth 'scopes: [oauth, crm.objects.companies.read]'
connect auto=1 || fail "connect with fewer scopes: $(cat "$dir/connect.err")"
"$fastenr" test -c "$conf" hubspot --json >"$dir/scopes.json" 2>&1 && fail "contacts were read without their scope"
grep -q 'not granted: crm.objects.contacts.read' "$dir/scopes.json" || fail "test does not compare scopes"
sed -i '1i sync_direction: bidirectional' "$conf/hubspot.yaml"
"$fastenr" test -c "$conf" hubspot --json >"$dir/scopes.json" 2>&1 && fail "contacts were read without their scope"
grep -q 'crm.objects.companies.write (for companies)' "$dir/scopes.json" || fail "test does not miss the scope of writing"
nowhere
"$fastenr" disconnect -c "$conf" hubspot >"$dir/disconnect.out"
expect "secrets after disconnect" "$(query 'SELECT count(*) FROM secret')" 0
echo "$(oauth exchanges) consents, $(oauth refreshes) refreshes, $(oauth refused) refused"
