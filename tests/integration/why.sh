#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# why.sh: where the values of a record are from, whoever wrote them: a run, another program, before the log was pruned; and
# that a sync goes on over what another program wrote.
. "$(dirname "$0")/host.bash"

why() { "$fastenr" why "$@" -c "$conf" >"$dir/out" 2>"$dir/err" || { cat "$dir/out" "$dir/err" && fail "why $* ended with $?"; }; }
# line PATTERN...: a line of the answer has all of them.
line() {
    local found pattern
    found=$(cat "$dir/out")
    for pattern in "$@"; do found=$(grep -E -- "$pattern" <<<"$found") || fail "no line with '$*' in: $(cat "$dir/out")"; done
}
# json SELECT: of the answer of --json, a; its fields, f; the history of one, h.
json() {
    sqlite3 :memory: "CREATE TABLE a AS SELECT CAST(readfile('$dir/out') AS TEXT) AS text;
        CREATE TABLE f AS SELECT value ->> 'field' AS field, value ->> '\$.by.run' AS run, value ->> 'before' AS before,
        value ->> 'value' AS value FROM a, json_each(text, '\$.fields');
        CREATE TABLE h AS SELECT value ->> 'change' AS change, value ->> '\$.by.run' AS run, value ->> 'after' AS after
        FROM a, json_each(text, '\$.history')" ".nullvalue none" "SELECT $1"
}
# change_all: every company changes at the vendor, most of them several times.
change_all() {
    for seed in 11 12 13 14 15 16; do
        control POST mutate "{\"companies\":30,\"seed\":$seed}" >/dev/null
        control POST clock '{"advance_ms":2000}' >/dev/null
    done
}

start_sandbox --companies 30 --contacts 20 --limits off
configure
sync
key=$(query "SELECT min(key) FROM account WHERE industry IS NOT NULL")
external=$(query "SELECT external_id FROM link WHERE record = $key AND stream = (SELECT id FROM stream WHERE vendor_object = 'companies')")
name=$(query "SELECT name FROM account WHERE key = $key")
other=$(query "SELECT max(key) FROM account")

step "a record as it was imported, by its id at the vendor and by its own"
why account "$external" --connection hubspot
line "^hubspot: companies $external"
line '^name ' "run 1 of hubspot \(companies $external\)"
id=$("$fastenr" records account -c "$conf" --json --where "name=$name" --limit 1 --fields id | grep -o '[0-9a-f-]\{36\}')
why account "$id" --json
expect "the id" "$(json "text ->> 'id' FROM a")" "$id"
expect "since the run" "$(json "run FROM f WHERE field = 'name'")" 1
expect "nothing before" "$(json "before FROM f WHERE field = 'name'")" none

step "another program"
foreign "UPDATE account SET industry = 'theirs', custom_fields = '{\"tier\": \"gold\"}' WHERE key = $key"
foreign "INSERT INTO account (name) VALUES ('Only here')"
why account "$id"
line '^industry ' theirs 'another program'
line '^custom_fields.tier ' gold 'another program'
line '^name ' 'run 1 of hubspot'
why account "$id" custom_fields.tier --json
expect "the tier's history" "$(json "* FROM h" | paste -sd' ')" "changed|none|gold created|1|none"

step "a sync goes on over it"
change_all
sync --full
expect "the log's chain of the record" "$(query "SELECT count(*) FROM log l WHERE record = $key AND object = 1 AND
    prev IS NOT NULL AND NOT EXISTS (SELECT 1 FROM log p WHERE p.seq = l.prev AND p.record = l.record)")" 0
changed=$(query "SELECT count(*) FROM log WHERE record = $key AND object = 1 AND run = 2")
[ "$changed" -gt 0 ] || fail "the second run did not change the record"
why account "$id" --json
expect "who wrote it" "$(json "DISTINCT run FROM f ORDER BY run" | paste -sd' ')" "none 1 2"

step "what is pruned is said to be so"
foreign "UPDATE log SET body = NULL WHERE run IS NULL AND op = 2"
why account "$id" industry
line 'what was pruned' 'another program'
why account "$id"
line '^custom_fields.tier ' 'pruned from the log'

step "a record that another program deleted, and that comes back"
gone=$(query "SELECT external_id FROM link WHERE record = $other AND stream = (SELECT id FROM stream WHERE vendor_object = 'companies')")
foreign "DELETE FROM account WHERE key = $other"
why account "$gone" --connection hubspot name
line 'this account was deleted by another program'
line 'deleted' 'another program'
"$fastenr" doctor -c "$conf" >"$dir/out" || { cat "$dir/out" && fail "doctor finds fault"; }
change_all
sync
expect "it is back, under its key" "$(query "SELECT count(*) FROM account WHERE key = $other")" 1
"$fastenr" doctor -c "$conf" >"$dir/out" || { cat "$dir/out" && fail "doctor finds fault"; }

step "what there is not"
status=0 && "$fastenr" why account nobody -c "$conf" 2>"$dir/err" || status=$?
expect "status for what is no id" "$status" 2
status=0 && "$fastenr" why account "$id" nme -c "$conf" 2>"$dir/err" || status=$?
expect "status for no field" "$status" 2
grep -q "name" "$dir/err" || fail "it does not tell what was meant: $(cat "$dir/err")"
status=0 && "$fastenr" why account 00000000-0000-7000-8000-000000000009 -c "$conf" 2>"$dir/err" || status=$?
expect "status for an unknown id" "$status" 1
