#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# service.sh: `fastenr run` under a service manager: READY=1 when it can do its work and not before, reloads and the end
# are told, the watchdog is fed at half its period by a loop that turns, and by nothing else.
. "$(dirname "$0")/host.bash"

log=$dir/notify.log period_ms=1000
manager=''

# serve [--abstract]: starts the service; $manager is its manager.
serve() {
    : >"$log"
    "$TESTS/service_manager" "$@" "$((period_ms * 1000))" "$log" "$fastenr" run -c "$conf" 2>"$dir/run.log" &
    manager=$!
}

# told PATTERN: waits until a message with it has come.
told() {
    for _ in {1..400}; do
        grep -q "$1" "$log" && return
        kill -0 "$manager" 2>/dev/null || break
        sleep 0.05
    done
    cat "$log" "$dir/run.log" >&2
    fail "the manager was never told '$1'"
}

end() {
    local status=0
    kill -TERM "$manager"
    wait "$manager" || status=$?
    expect "exit status of the service" "$status" 0
    rm -f "$log.socket"
}

fed() { grep -c 'WATCHDOG=1' "$log" || true; }

start_sandbox --companies 200 --contacts 200 --limits off
configure
sed -i 's/^every: .*/every: 10s/' "$conf/hubspot.yaml"

for kind in "" --abstract; do
    step "ready, by ${kind:-a path}"
    serve $kind
    told 'READY=1'
    head -1 "$log" | holds 'READY=1 STATUS=1 connection' || fail "something was told before READY=1: $(cat "$log")"
    told 'WATCHDOG=1'

    step "a reload"
    kill -HUP "$manager"
    told 'RELOADING=1 MONOTONIC_USEC=[0-9]'
    for _ in {1..100}; do
        sed '1,/RELOADING=1/d' "$log" | holds 'READY=1' && break
        sleep 0.05
    done
    sed '1,/RELOADING=1/d' "$log" | holds 'READY=1' || fail "a reload that does not end: $(cat "$log")"

    step "a sync, and the end"
    told 'STATUS=.*, 1 of them being synced'
    for _ in {1..400}; do # what was told before the sync says 0, too
        sed '1,/, 1 of them being synced/d' "$log" | holds ', 0 of them being synced' && break
        sleep 0.05
    done
    [ "$(query 'SELECT count(*) FROM account')" -ge 1 ] || fail "it synced nothing"
    end
    tail -1 "$log" | holds 'STOPPING=1' || fail "the end was not told: $(cat "$log")"
done

step "a changed configuration that is not taken"
serve
told 'READY=1'
configure 'nonsense: 1'
told 'READY=1 STATUS=1 connection,.*was not taken'
configure
for _ in {1..200}; do
    grep 'READY=1' "$log" | tail -1 | holds 'being synced$' && break
    sleep 0.05
done
grep 'READY=1' "$log" | tail -1 | holds 'being synced$' || fail "the mended one was not taken: $(cat "$log")"
end

step "the watchdog"
serve
told 'WATCHDOG=1'
sleep 3
times=$(awk '/WATCHDOG=1/ { print $1 }' "$log")
[ "$(wc -w <<<"$times")" -ge 4 ] || fail "fed only at: $times"
longest=$(awk 'NR > 1 && $1 - before > longest { longest = $1 - before } { before = $1 } END { print longest }' <<<"$times")
shortest=$(awk 'NR == 2 || (NR > 2 && $1 - before < least) { least = $1 - before } { before = $1 } END { print least }' <<<"$times")
echo "fed every $shortest to $longest ms"
[ "$longest" -lt "$period_ms" ] || fail "fed $longest ms apart: the manager would have killed it"
[ "$shortest" -ge $((period_ms / 4)) ] || fail "fed $shortest ms apart, far more often than every half period"

step "a loop that hangs does not feed it"
kill -USR1 "$manager"
sleep 0.3 # what was sent before has come
before=$(fed)
sleep 2.5
expect "times fed by a loop that hangs" "$(fed)" "$before"
kill -USR2 "$manager"
for _ in {1..100}; do
    [ "$(fed)" -gt "$before" ] && break
    sleep 0.05
done
[ "$(fed)" -gt "$before" ] || fail "it is not fed again after that"
end

step "never ready with a configuration that cannot work"
mv "$conf/hubspot.yaml" "$dir/kept.yaml"
echo 'connector: none' >"$conf/broken.yaml"
serve
status=0
wait "$manager" || status=$?
expect "exit status" "$status" 2
! grep -q 'READY=1' "$log" || fail "it was ready: $(cat "$log")"
