#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A vendor that repeats our credentials, in records, labels, errors and headers, in every usual writing: they are found in
# the host's memory and nowhere else. Looking into a process takes root; without, all but the processes is looked at.
. "$(dirname "$0")/host.bash"

token='pat-na1/secret+0123456789~abc=='
client_secret='client/secret+0123456789=='
find_secret=$TESTS/find_secret
printf '%s\n' "$token" "$client_secret" sandbox-access- sandbox-refresh- >"$dir/secrets"
mkdir "$dir/shown" "$dir/tmp"
export TMPDIR=$dir/tmp

# watched NAME COMMAND...: its output goes to shown/; wants status 0, and no credential in a worker's memory.
watched() {
    local name=$1 status=0
    shift
    if [ "$(id -u)" -ne 0 ]; then
        "$@" >"$dir/shown/$name.out" 2>"$dir/shown/$name.err" || fail "$*: $(cat "$dir/shown/$name.err")"
        echo "$name: processes were not looked into, which takes root"
        return
    fi
    "$find_secret" "$dir/secrets" --run "$@" >"$dir/shown/$name.out" 2>"$dir/shown/$name.err" || status=$?
    tail -1 "$dir/shown/$name.err"
    [ "$status" = 0 ] || fail "$*: $(grep -a holds "$dir/shown/$name.out" | head -5; tail -5 "$dir/shown/$name.err")"
}

# nowhere: not in what was shown, not in the store, its journal, or files left over.
nowhere() {
    local command
    for command in status runs fields "quarantine list" "secrets list" "describe hubspot" "fields hubspot"; do
        # shellcheck disable=SC2086
        "$fastenr" $command -c "$conf" --json >"$dir/shown/$1-${command// /-}.json" 2>&1 || true
    done
    local paths=("$dir/shown" "$dir/tmp")
    if [ "$store" = sqlite ]; then
        paths+=("$db")
        [ ! -f "$db-wal" ] || paths+=("$db-wal")
    else
        pg_dump --inserts "$db" >"$dir/shown/$1.dump"
    fi
    "$find_secret" "$dir/secrets" "${paths[@]}" || fail "a credential is where it must not be"
}

objects="companies contacts"
start_sandbox --companies 1000 --contacts 1000 --limits off --dirty 20
control POST tokens "{\"token\":\"$token\",\"state\":\"active\"}" >/dev/null
configure
sed -i "s|token: sandbox-token|token: '$token'|" "$conf/hubspot.yaml"
sed -i '$a log = { level = "debug"; };' "$conf/fastenr.conf"

step "a private app's token, repeated by the vendor in all its answers"
# One member each: the later fault takes the next request. Each sync asks anew for all.
for member in domain email label; do
    control DELETE faults >/dev/null
    control POST faults "{\"kind\":\"echo\",\"rate\":1,\"member\":\"$member\"}" >/dev/null
    watched "$member" "$fastenr" sync -c "$conf" hubspot --full
    expect "how often the vendor repeated it, at least once" "$(control GET stats | grep -c '"echo":[1-9]')" 1
done
nowhere token
grep -qF 'the answer holds a credential' "$dir/shown/domain.err" || fail "the echo is not told"
expect "records with what stands for it" "$([ "$(query "SELECT count(*) FROM account WHERE domain LIKE '%secret]%'")" -gt 0 ] || [ "$(query "SELECT count(*) FROM quarantine")" -gt 0 ] && echo some)" some

step "in errors"
control DELETE faults >/dev/null
control POST faults '{"kind":"echo","status":400,"count":50,"path":"/crm/v3/objects"}' >/dev/null
"$fastenr" sync -c "$conf" hubspot --full >"$dir/shown/error.out" 2>&1 && fail "a 400 did not fail the sync"
grep -qF '[secret]' "$dir/shown/error.out" || fail "the vendor's words are not shown: $(cat "$dir/shown/error.out")"
control DELETE faults >/dev/null
control POST faults '{"kind":"echo","status":503,"count":2,"path":"/crm/v3/objects"}' >/dev/null
"$fastenr" sync -c "$conf" hubspot --full >"$dir/shown/retry.out" 2>&1 || fail "two 503 failed the sync"
nowhere error

step "the search finds it where it is"
cp "$conf/hubspot.yaml" "$dir/configured"
"$find_secret" "$dir/secrets" "$dir/configured" >"$dir/control.out" && fail "nothing in the connection's file"
curl -fs -H "Authorization: Bearer $token" "http://127.0.0.1:$port/crm/v3/objects/companies?limit=1" >/dev/null
if [ "$(id -u)" -eq 0 ]; then
    "$find_secret" "$dir/secrets" --pid "$sandbox_pid" >"$dir/control.out" && fail "nothing in the vendor's memory"
fi
for write in 'base64 -w0' 'jq -sRr @uri' cat; do
    [ "$write" = 'jq -sRr @uri' ] && ! command -v jq >/dev/null && continue
    printf 'a text with %s in it' "$token" | $write >"$dir/control"
    "$find_secret" "$dir/secrets" "$dir/control" >"$dir/control.out" && fail "the search does not know $write"
done

step "OAuth: access and refresh token, and the client's secret"
stop_sandbox
drop_store
port=''
start_sandbox --companies 1000 --contacts 500 --limits off --token-ttl 1800 --rotate
export HUBSPOT_CLIENT_SECRET=$client_secret
configure
sed -i -e "s|^auth: .*|auth: {oauth: {client_id: app-1, client_secret: \"\${HUBSPOT_CLIENT_SECRET}\"}}|" \
    -e "s|api.hubapi.com:|app.hubspot.com: \"http://127.0.0.1:$port\", api.hubapi.com:|" "$conf/hubspot.yaml"
printf 'store = "%s";\nsecrets = { key = "file:fastenr.key"; };\nlog = { level = "debug"; };\n' "$store_url" >"$conf/fastenr.conf"
"$fastenr" secrets init -c "$conf" >/dev/null
: >"$dir/shown/connect.out"
"$fastenr" connect -c "$conf" hubspot --json --timeout 60s >"$dir/shown/connect.out" 2>"$dir/shown/connect.err" &
pid=$!
for _ in {1..200}; do
    url=$(sed -n 's/.*"open":"\([^"]*\)".*/\1/p' "$dir/shown/connect.out")
    [ -z "$url" ] || break
    sleep 0.05
done
curl -fsSL -o "$dir/page.html" "$url&auto=1" || fail "no consent"
wait $pid || fail "connect: $(cat "$dir/shown/connect.err")"
for member in domain label; do
    control DELETE faults >/dev/null
    control POST faults "{\"kind\":\"echo\",\"rate\":1,\"member\":\"$member\",\"path\":\"/crm\"}" >/dev/null
    control POST oauth '{"do":"expire"}' >/dev/null
    watched "oauth-$member" "$fastenr" sync -c "$conf" hubspot --full
done
control DELETE faults >/dev/null
control POST faults '{"kind":"echo","status":400,"count":1,"path":"/oauth"}' >/dev/null
control POST oauth '{"do":"expire"}' >/dev/null
"$fastenr" sync -c "$conf" hubspot >"$dir/shown/refused.out" 2>&1 && fail "a refused refresh did not fail the sync"
grep -qF '[secret]' "$dir/shown/refused.out" || fail "the vendor's words are not shown: $(cat "$dir/shown/refused.out")"
nowhere oauth

step "no core file"
control DELETE faults >/dev/null
control POST faults '{"kind":"hang","ms":20000,"count":9}' >/dev/null
(cd "$dir/tmp" && ulimit -c "$(ulimit -Hc)" && exec "$fastenr" sync -c "$conf" hubspot >"$dir/shown/crash.out" 2>&1) &
pid=$!
for _ in {1..100}; do
    worker=$(pgrep -P $pid -f fastenr-worker | head -1) || true
    [ -z "$worker" ] || break
    sleep 0.05
done
[ -n "$worker" ] || fail "no worker was started"
for process in $pid $worker; do
    expect "limit of core files of $(cat "/proc/$process/comm")" "$(awk '/core file/ {print $5, $6}' "/proc/$process/limits")" '0 0'
    expect "owner of the files of a process that is not dumpable" "$(stat -c %U "/proc/$process/maps")" root
done
kill -SEGV $pid
wait $pid 2>/dev/null || true
expect "core files" "$(find "$dir" -name 'core*' | wc -l)" 0
nowhere crash
