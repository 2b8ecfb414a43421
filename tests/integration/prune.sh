#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# prune.sh: what is old goes, and nothing that a sync, an export or an erasure needs: after it both sides are as they were,
# nothing is read or written again, and what is told of the past says that it was pruned. Killed in the middle it has done
# a part, and the next goes on.
. "$(dirname "$0")/host.bash"

foreign() {
    if [ "$store" = sqlite ]; then
        sqlite3 "$db" ".timeout 10000" "$1"
    else
        query "$1"
    fi
}
# age DAYS: all that is in the store is so much older.
age() {
    local us=$(($1 * 86400000000))
    foreign "UPDATE log SET at = at - $us"
    foreign "UPDATE sent SET at = at - $us"
    foreign "UPDATE conflict SET at = at - $us, settled_at = settled_at - $us"
    foreign "UPDATE quarantine SET last_at = last_at - $us"
    foreign "UPDATE run SET started_at = started_at - $us, ended_at = ended_at - $us"
    foreign "UPDATE log_consumer SET at = at - $us"
}
# prune [ARGUMENT...]: what it says is in $dir/out and $dir/err.
prune() {
    "$fastenr" prune -c "$conf" "$@" >"$dir/out" 2>"$dir/err" || {
        cat "$dir/out" "$dir/err" >&2
        fail "fastenr prune $* ended with $?"
    }
}
# went NAME: of the answer of --json.
went() { sqlite3 :memory: "SELECT CAST(readfile('$dir/out') AS TEXT) ->> '\$.$1'"; }
whole() { "$fastenr" doctor -c "$conf" >"$dir/out" || { cat "$dir/out" && fail "doctor finds fault"; }; }
writes() { control GET writes | wc -l; }
tick() { control POST clock '{"advance_ms":5000}' >/dev/null; }
change_all() {
    for seed in 11 12 13; do
        control POST mutate "{\"companies\":40,\"contacts\":60,\"seed\":$seed}" >/dev/null
        control POST clock '{"advance_ms":2000}' >/dev/null
        sync
    done
}
vendor() { curl -fsS -H 'Authorization: Bearer sandbox-token' "$@"; }
# property TYPE ID NAME: as the vendor has it.
property() {
    vendor "http://127.0.0.1:$port/crm/v3/objects/$1/$2?properties=$3" >"$dir/record"
    sqlite3 :memory: "SELECT CAST(readfile('$dir/record') AS TEXT) ->> '\$.properties.$3'"
}
external() { query "SELECT external_id FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = '$1' WHERE l.record = $2 AND l.ended = 0"; }
# A sync after which both sides are as they were.
nothing_new() {
    local before updated
    before=$(writes)
    tick
    sync "$@"
    expect "created $*" "$(of_last_run created)" 0
    expect "updated $*" "$(of_last_run updated)" 0
    expect "writes to the vendor $*" "$(writes)" "$before"
    expect_equal
}

start_sandbox --companies 40 --contacts 60 --limits off
configure "sync_direction: bidirectional"
sed -i 's/^  contacts: {}/  contacts: {mapping: {account_id: {from: associations.companies, lookup: companies}}}/' "$conf/hubspot.yaml"
sync
change_all
a=$(query "SELECT record FROM log WHERE object = 1 AND op = 2 GROUP BY record HAVING count(*) > 1 ORDER BY record LIMIT 1")
aid=$(external companies "$a")
foreign "UPDATE account SET name = 'Ours Inc' WHERE key = $a"
tick
sync
expect "sent" "$(query "SELECT count(*) FROM sent WHERE body IS NOT NULL")" 1
tick
sync

step "nothing is old yet"
prune --json
expect "log_bodies" "$(went log_bodies)" 0
expect "log" "$(went log)" 0

step "what must not be set"
cp "$conf/fastenr.conf" "$dir/fastenr.conf"
# refused LINE WORDS
refused() {
    cp "$dir/fastenr.conf" "$conf/fastenr.conf"
    echo "retention = { $1 };" >>"$conf/fastenr.conf"
    status=0 && "$fastenr" prune -c "$conf" >"$dir/out" 2>"$dir/err" || status=$?
    expect "status for $1" "$status" 2
    grep -q -- "$2" "$dir/err" || fail "it does not say '$2': $(cat "$dir/err")"
}
refused 'log_bodies = "1h";' 'log_bodies must be at least 1d, or off'
refused 'log_bodies = "soon";' 'log_bodies must be a time like 30s, 5m, 12h or 7d, or off'
refused 'log = "30d";' 'retention.log must not be less than log_bodies (90d): rows go after'
refused 'runs = "30d";' 'retention.runs must not be less than log_bodies (90d): a run'
refused 'log_bodies = "off";' 'retention.log must not be less than log_bodies (off: for ever)'
cp "$dir/fastenr.conf" "$conf/fastenr.conf"

step "a dry run counts, and changes nothing"
age 100
values=$(query "SELECT count(*) FROM log WHERE op = 2 AND body IS NOT NULL AND seq < (SELECT max(seq) FROM log)")
all=$(query "SELECT count(*), count(body) FROM log")
prune --dry-run --json
expect "log_bodies" "$(went log_bodies)" "$values"
expect "log" "$(went log)" 0
expect "the log" "$(query "SELECT count(*), count(body) FROM log")" "$all"
prune --dry-run
grep -q '^Nothing was changed' "$dir/out" || fail "it does not say so: $(cat "$dir/out")"

step "values go before rows"
prune
grep -qE "^values of changes in the log +90d +$values$" "$dir/out" || fail "it does not say what went: $(cat "$dir/out")"
expect "values that are left" "$(query "SELECT count(*) FROM log WHERE op = 2 AND body IS NOT NULL AND seq < (SELECT max(seq) FROM log)")" 0
expect "rows" "$(query "SELECT count(*) FROM log")" "${all%|*}"
whole
nothing_new
nothing_new --full

step "what is told of the past says so"
today=$(date -u +%F)
"$fastenr" why account "$aid" --connection hubspot -c "$conf" >"$dir/out"
grep -q "^values of older changes were pruned from the log, last on $today" "$dir/out" || fail "not for fields: $(cat "$dir/out")"
"$fastenr" why account "$aid" name --connection hubspot -c "$conf" >"$dir/out"
grep -q 'changed, but what was pruned' "$dir/out" || fail "not for a field: $(cat "$dir/out")"
"$fastenr" runs 2 -c "$conf" >"$dir/out"
grep -q "^  pruned     what it changed is not known in whole since $today" "$dir/out" || fail "not for a run: $(cat "$dir/out")"
"$fastenr" runs 2 -c "$conf" --json | holds "\"pruned_at\":\"$today" || fail "not in the JSON of a run"

step "and then rows, but for the last of each record"
age 310
prune --json
[ "$(went log)" -gt 0 ] || fail "no rows went"
expect "rows of the log that no record needs" "$(query "SELECT count(*) FROM log l WHERE seq < (SELECT max(seq) FROM log) AND
    NOT EXISTS (SELECT 1 FROM account WHERE rev = l.seq UNION ALL SELECT 1 FROM contact WHERE rev = l.seq)")" 0
[ "$(query "SELECT count(*) FROM log")" -ge 100 ] || fail "records have lost their rows"
whole
nothing_new
nothing_new --full
"$fastenr" why account "$aid" name --connection hubspot -c "$conf" >"$dir/out"
grep -q "^older changes were pruned from the log, last on $today" "$dir/out" || fail "why does not say so: $(cat "$dir/out")"
"$fastenr" why account "$aid" --connection hubspot -c "$conf" --json >"$dir/out"
grep -q "\"log_is_whole\":false,\"pruned_at\":\"$today" "$dir/out" || fail "nor its JSON: $(cat "$dir/out")"

step "runs: the last of each object stay"
prune
expect "the last run is there" "$(query "SELECT count(*) FROM run WHERE id = (SELECT max(run) FROM run_stream)")" 1
expect "old runs" "$(query "SELECT count(*) FROM run WHERE id = 2")" 0
status=0 && "$fastenr" runs 2 -c "$conf" >"$dir/out" 2>"$dir/err" || status=$?
expect "status" "$status" 2
grep -q "there is no run 2 (old runs were pruned, last on $today" "$dir/err" || fail "it does not say why: $(cat "$dir/err")"
expect "parts of runs that are gone" "$(query "SELECT count(*) FROM run_stream WHERE run NOT IN (SELECT id FROM run)")" 0

step "both ways, after it"
foreign "UPDATE account SET name = 'After Inc' WHERE key = $a"
tick
sync
expect "the vendor's name" "$(property companies "$aid" name)" "After Inc"
change_all
expect_equal
nothing_new --full

step "what an export has not looked at stays, and the warning says for whom"
foreign "UPDATE account SET name = 'Not yet there' WHERE key = $a"
foreign "UPDATE account SET name = 'The newest row' WHERE key = (SELECT max(key) FROM account)"
age 500
prune
grep -q "warning: the export of [a-z]* to 'hubspot' follows the log and has not read further since" "$dir/err" ||
    fail "it does not say what holds it up: $(cat "$dir/err")"
consumer=$(grep -o 'export:[0-9]*' "$dir/err")
tick
sync
expect "the vendor's name" "$(property companies "$aid" name)" "Not yet there"
prune
expect "warnings" "$(cat "$dir/err")" ""
whole

step "an export that does not go on"
status=0 && "$fastenr" prune --forget nobody -c "$conf" >"$dir/out" 2>"$dir/err" || status=$?
expect "status" "$status" 2
prune --forget "$consumer"
grep -q "^$consumer is forgotten" "$dir/out" || fail "it does not say so: $(cat "$dir/out")"
expect "who follows" "$(query "SELECT count(*) FROM log_consumer WHERE name = '$consumer'")" 0
nothing_new

step "a record that another program deleted, whose link stays"
g=$(query "SELECT max(key) FROM contact")
gid=$(external contacts "$g")
foreign "DELETE FROM contact WHERE key = $g"
foreign "UPDATE account SET name = 'Newer than that' WHERE key = $a"
tick
sync
age 500
prune
expect "the row that tells of it" "$(query "SELECT count(*), count(body) FROM log WHERE object = 2 AND record = $g AND op = 3")" "1|0"
whole
vendor -X PATCH -H 'Content-Type: application/json' -d '{"properties":{"firstname":"Back"}}' \
    "http://127.0.0.1:$port/crm/v3/objects/contacts/$gid" >/dev/null
tick
sync
expect "it is back, under its key" "$(query "SELECT first_name FROM contact WHERE key = $g")" Back
whole

step "quarantine, where it is set"
foreign "INSERT INTO quarantine (stream, external_id, run, first_at, last_at, times, reason, payload)
    SELECT id, 'q1', 1, 1, 1, 1, 'odd', '{}' FROM stream WHERE vendor_object = 'companies'"
prune --json
expect "while it is not" "$(went quarantine)" 0
echo 'retention = { quarantine = "30d"; };' >>"$conf/fastenr.conf"
prune --json
expect "once it is" "$(went quarantine)" 1
cp "$dir/fastenr.conf" "$conf/fastenr.conf"

step "killed in the middle, wherever"
old=$((($(date +%s) - 450 * 86400) * 1000000)) rows=120000
numbers="WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)"
# Rows of a record that is gone, by the connection itself: the log's numbers go on behind them.
foreign "$numbers INSERT INTO log (seq, object, record, op, run, prev, at, body)
    SELECT m.s + i, 1, 1000000, 2, m.r, CASE WHEN i > 1 THEN m.s + i - 1 END, $old, '{\"name\":[\"a\",\"b\"]}'
    FROM n CROSS JOIN (SELECT max(seq) AS s, (SELECT max(id) FROM run) AS r FROM log) AS m"
[ "$store" = sqlite ] || query "SELECT setval('log_seq', (SELECT max(seq) FROM log))" >/dev/null
foreign "UPDATE log SET at = $old"
foreign "UPDATE account SET name = 'The newest row' WHERE key = $a"
tick
sync
left() { query "SELECT count(*) + count(body) FROM log WHERE record = 1000000"; }
before=$(left) kills=0
expect "rows and their values" "$before" $((2 * rows))
for _ in {1..8}; do # values go first, then rows
    "$fastenr" prune -c "$conf" >"$dir/out" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null && [ "$(left)" -gt $((before - rows / 4)) ]; do :; done
    kill -KILL "$pid" 2>/dev/null || true
    status=0 && wait "$pid" 2>/dev/null || status=$?
    [ "$status" -eq 137 ] || break
    now=$(left)
    [ "$now" -lt "$before" ] || fail "nothing was pruned before the kill"
    [ "$now" -eq 0 ] || kills=$((kills + 1))
    before=$now
    whole
done
[ "$kills" -gt 0 ] || fail "it was never killed in the middle"
echo "   killed in the middle $kills times, the last with $before of $((2 * rows)) left"
prune
expect "what is left of them" "$(left)" 0
whole
nothing_new --full

step "an erasure finds what is left"
address=$(query "SELECT email FROM contact WHERE email IS NOT NULL AND key <> $g ORDER BY key LIMIT 1")
"$fastenr" erase "$address" -c "$conf" --yes >"$dir/out"
grep -q '^erased: 1 contact, 1 link' "$dir/out" || fail "it did not erase: $(cat "$dir/out")"
if [ "$store" = sqlite ]; then
    ! grep -qiaF -- "$address" "$db"* || fail "the address is still in the store's files"
fi
prune
sync --full
expect "the person" "$(query "SELECT count(*) FROM contact WHERE email = '$address'")" 0
whole

step "for ever"
echo 'retention = { log_bodies = "off"; log = 0; runs = "off"; };' >>"$conf/fastenr.conf"
age 5000
all=$(query "SELECT count(*), count(body) FROM log")
prune --json
expect "steps" "$(went steps)" 0
expect "the log" "$(query "SELECT count(*), count(body) FROM log")" "$all"
