#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# everything_at_once.sh COMPANIES CONTACTS DEALS ENGAGEMENTS MUTATIONS: a whole HubSpot with OAuth tokens that live a minute,
# faults of every kind that passes, dirty records; then changes, archives, merges, restores and associations. The store
# equals the truth each time, quarantine is what was predicted, and an incremental sync costs few requests.
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2 deals=$3 engagements=$4 mutations=$5 dirty=7
tickets=$((deals / 5))
objects="companies contacts deals tickets calls emails meetings notes tasks"
rate=${FAULT_RATE:-0.002}

flags=()
for fault in kind=status,status={423,477,500,502,503,504} kind=status,status=429,policy=SECONDLY,retry_after=1 \
    kind=truncate kind=reset kind=reset_body kind=malformed kind=html kind=hang kind=slow,ms=300; do
    flags+=(--fault "$fault,rate=$rate")
done
start_sandbox --companies "$companies" --contacts "$contacts" --deals "$deals" --tickets "$tickets" \
    --engagements "$engagements" --limits off --dirty $dirty --token-ttl 60 --rotate-forgiving "${flags[@]}"

configure
sed -i 's/^auth: .*/auth: {oauth: {client_id: app-1, client_secret: client-secret-0123456789abcdef}}/
    s|^network: {|&timeout: 2s, |
    s|endpoints: {|&app.hubspot.com: "http://127.0.0.1:'"$port"'", |' "$conf/hubspot.yaml"
"$fastenr" secrets init -c "$conf" >/dev/null
printf 'secrets = { key = "file:fastenr.key"; };\n' >>"$conf/fastenr.conf"

# A person in a browser gives consent.
consent() {
    : >"$dir/connect.out"
    "$fastenr" connect -c "$conf" hubspot --json --timeout 60s >"$dir/connect.out" 2>"$dir/connect.err" &
    local pid=$! url=''
    for _ in {1..400}; do
        url=$(sed -n 's/.*"open":"\([^"]*\)".*/\1/p' "$dir/connect.out")
        [ -n "$url" ] || ! kill -0 $pid 2>/dev/null && break
        sleep 0.05
    done
    curl -fsSL -o /dev/null --retry 5 --retry-all-errors "$url&auto=1" || true
    wait $pid || {
        cat "$dir/connect.err" >&2
        fail "connect ended with $?"
    }
}

timed_sync() {
    local began=$SECONDS
    sync "$@"
    echo "   $(of_last_run read) read, $(query 'SELECT api_calls FROM run ORDER BY id DESC LIMIT 1') requests, $((SECONDS - began)) s"
}

step "consent"
consent
step "import"
timed_sync
expect "records in quarantine" "$(query 'SELECT count(*) FROM quarantine')" $dirty
expect_equal
read_all=$(query 'SELECT api_calls FROM run ORDER BY id DESC LIMIT 1')

few=$((mutations / 20))
step "$mutations changes"
control POST mutate "{\"companies\":$((mutations * 3 / 10)),\"contacts\":$((mutations * 3 / 10)),\"deals\":$((mutations / 10)),\"notes\":$few,
    \"create\":{\"companies\":$few,\"contacts\":$few},\"seed\":3}" >/dev/null
control POST clock '{"advance_ms":61000}' >/dev/null # and the token is over
timed_sync
expect_equal --last-run
read_some=$(query 'SELECT api_calls FROM run ORDER BY id DESC LIMIT 1')
[ "$read_some" -lt "$read_all" ] || fail "$read_some requests for $mutations changes, $read_all for all records"

step "archives and merges"
control POST mutate "{\"archive\":{\"companies\":$few,\"contacts\":$few},\"merge\":{\"companies\":$((few / 5)),\"contacts\":$((few / 5))},
    \"seed\":4}" >/dev/null
control POST clock '{"advance_ms":61000}' >/dev/null
timed_sync
expect "records deleted" "$(of_last_run deleted)" $((few * 2 + few / 5 * 2))

step "restored, and associations that move without a time"
control POST mutate "{\"restore\":{\"companies\":$((few / 2)),\"contacts\":$((few / 2))},
    \"associate\":{\"deals\":$few},\"dissociate\":{\"calls\":$((few / 2))},\"seed\":5}" >/dev/null
control POST clock '{"advance_ms":61000}' >/dev/null
timed_sync
expect "records restored" "$(of_last_run restored)" $((few / 2 * 2))
timed_sync --full # the one that finds these associations
expect_equal
expect "records in quarantine" "$(query 'SELECT count(*) FROM quarantine')" $dirty

step "faults happened, and tokens were refreshed"
kinds=$(control GET stats | grep -o '"fault_kinds":{[^}]*}')
grep -q ':[1-9]' <<<"$kinds" || fail "no fault happened"
refreshes=$(control GET oauth | sed -n 's/.*"refreshes":\([0-9]*\).*/\1/p')
[ "$refreshes" -ge 3 ] || fail "only $refreshes refreshes"
echo "   $refreshes tokens; $kinds"
