#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# realtime.sh: with `frequency: realtime` a service exports what another program changes without waiting for the vendor to be
# asked; what nobody exports, and its own imports, wake nobody.
. "$(dirname "$0")/host.bash"

runs() { query "SELECT count(*) FROM run WHERE started_by = '$1'"; }
# there ID NAME: waits for a company's name there; says how long it took.
there() {
    local began=${EPOCHREALTIME/[.,]/}
    until [ "$(property companies "$1" name)" = "$2" ]; do
        ((${EPOCHREALTIME/[.,]/} - began < 30000000)) || fail "$2 does not arrive: $(tail -5 "$dir/run.log")"
        sleep 0.05
    done
    echo "   after $(((${EPOCHREALTIME/[.,]/} - began) / 1000)) ms"
}
settled() {
    local before=-1
    until [ "$(query "SELECT count(*) FROM run")" = "$before" ] && [ "$(query "SELECT count(*) FROM run WHERE ended_at IS NULL")" = 0 ]; do
        before=$(query "SELECT count(*) FROM run")
        sleep 1.5
    done
}

start_sandbox --companies 40 --contacts 80 --limits off
configure "sync_direction: bidirectional"
sed -i 's/^every: .*/frequency: realtime/; s/^  contacts: {}/  contacts: {sync_direction: import}/' "$conf/hubspot.yaml"
sed -i '$a log = { level = "info"; };' "$conf/fastenr.conf"
"$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
run_pid=$!
for _ in {1..300}; do
    grep -q 'run 1 ok' "$dir/run.log" && break
    kill -0 "$run_pid" || fail "the service ended: $(cat "$dir/run.log")"
    sleep 0.1
done
expect "runs of the schedule" "$(runs schedule)" 1

step "a change here is there soon"
a=$(query "SELECT min(key) FROM account")
aid=$(external companies "$a")
foreign "UPDATE account SET name = 'At once' WHERE key = $a"
there "$aid" "At once"
settled
expect "runs for it" "$(runs change)" 1
expect "writes" "$(writes)" 1
expect "the vendor was not asked for its changes" "$(runs schedule)" 1
expect "records read" "$(query "SELECT coalesce(sum(read), 0) FROM run_stream WHERE run = (SELECT max(id) FROM run)")" 1

step "changes one after another"
for i in {1..20}; do
    foreign "UPDATE account SET name = 'Name $i' WHERE key = $a"
    sleep 0.1
done
there "$aid" "Name 20"
settled
((changes = $(runs change))) # a second at least is from one run to the next
((changes >= 2 && changes <= 8)) || fail "$changes runs for 20 changes in 2 s"

step "what is not exported wakes nobody"
foreign "UPDATE contact SET first_name = 'Nobody' WHERE key = (SELECT min(key) FROM contact)"
foreign "CREATE TABLE of_the_application (x INTEGER)"
foreign "INSERT INTO of_the_application VALUES (1)"
settled
expect "runs" "$(runs change)" "$changes"

step "a restart, with a change while nobody watches"
kill "$run_pid"
wait "$run_pid" || fail "it ended with $?: $(cat "$dir/run.log")"
foreign "UPDATE account SET name = 'Meanwhile' WHERE key = $a"
"$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
run_pid=$!
there "$aid" "Meanwhile"
settled

if [ "$store" = postgres ]; then
    step "a transaction that stays open holds back what comes after it, and no longer"
    before=$(runs change)
    mkfifo "$dir/slow"
    PGOPTIONS='-c search_path=fastenr' psql -XAtq "$db" <"$dir/slow" >/dev/null 2>"$dir/slow.err" &
    exec 7>"$dir/slow"
    echo "BEGIN; UPDATE account SET industry = 'slow' WHERE key = (SELECT max(key) FROM account);" >&7
    until [ "$(query "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND backend_xid IS NOT NULL")" = 1 ]; do
        kill -0 "$run_pid" || fail "the service ended: $(cat "$dir/run.log")"
        sleep 0.05
    done
    foreign "UPDATE account SET name = 'Held back' WHERE key = $a"
    sleep 2
    expect "nobody is woken" "$(runs change)" "$before"
    echo "COMMIT;" >&7
    exec 7>&-
    there "$aid" "Held back"
    step "the session that listens is lost"
    query "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN fastenr_log'" >/dev/null
    foreign "UPDATE account SET name = 'Not heard' WHERE key = $a"
    there "$aid" "Not heard"
fi

kill "$run_pid"
wait "$run_pid" || fail "it ended with $?: $(cat "$dir/run.log")"
echo "all as expected"
