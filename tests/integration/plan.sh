#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plan.sh: a plan writes nothing, here or there; applied, it writes what it says, one for one; what moved in between is
# refused by name, on either side; and a file that was edited, or is of another store or mapping, is not applied at all.
. "$(dirname "$0")/host.bash"

foreign() {
    if [ "$store" = sqlite ]; then
        sqlite3 "$db" ".timeout 10000" "$1"
    else
        query "$1"
    fi
}
vendor() { curl -fsS -H 'Authorization: Bearer sandbox-token' "$@"; }
# property TYPE ID NAME: as the vendor has it.
property() {
    vendor "http://127.0.0.1:$port/crm/v3/objects/$1/$2?properties=$3" >"$dir/record"
    sqlite3 :memory: "SELECT CAST(readfile('$dir/record') AS TEXT) ->> '\$.properties.$3'"
}
# patch TYPE ID JSON: a person changes it there.
patch() { vendor -X PATCH -H 'Content-Type: application/json' -d "{\"properties\":$3}" "http://127.0.0.1:$port/crm/v3/objects/$1/$2" >/dev/null; }
external() { query "SELECT external_id FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = '$1' WHERE l.record = $2 AND l.ended = 0"; }
account() { query "SELECT $2 FROM account WHERE key = $1"; }
tick() { control POST clock '{"advance_ms":5000}' >/dev/null; }

# All that the store has, but for the count of leases.
state() {
    for table in connection account contact link log log_consumer run run_stream stream quarantine walk_seen \
        pending_reference vendor_field vendor_schema export_due export_write sent conflict; do
        query "SELECT '$table', count(*) FROM $table"
        query "SELECT * FROM $table ORDER BY 1, 2"
    done | sha256sum
}

# plan [ARGUMENT...]: into $dir/plan, and its JSON into $dir/plan.json.
plan() {
    "$fastenr" sync -c "$conf" hubspot --plan-out "$dir/plan" --json "$@" >"$dir/plan.json" 2>"$dir/plan.err" || {
        cat "$dir/plan.json" "$dir/plan.err" >&2
        fail "fastenr sync --plan-out ended with $?"
    }
}
# apply WANTED_STATUS: its JSON is in $dir/apply.json.
apply() {
    local status=0
    "$fastenr" apply -c "$conf" "$dir/plan" --json >"$dir/apply.json" 2>"$dir/apply.err" || status=$?
    [ "$status" -eq "$1" ] || {
        cat "$dir/apply.json" "$dir/apply.err" >&2
        fail "fastenr apply ended with $status, expected $1"
    }
}
# planned SELECT: of the table p, a row a change.
planned() {
    sqlite3 :memory: "CREATE TABLE p AS SELECT value ->> 'object' AS object, value ->> 'side' AS side,
        value ->> 'op' AS op, value ->> 'id' AS id, value ->> 'key' AS key, value -> 'fields' AS fields
        FROM json_each('[' || replace(rtrim(CAST(readfile('$dir/plan.json') AS TEXT), char(10)), char(10), ',') || ']')
        WHERE value ->> 'side' IS NOT NULL" "SELECT $1"
}
applied() { sqlite3 :memory: "SELECT CAST(readfile('$dir/apply.json') AS TEXT) -> '\$.$1'"; }
# refused ID: why.
refused() {
    sqlite3 :memory: "SELECT value ->> 'reason' FROM json_each(CAST(readfile('$dir/apply.json') AS TEXT), '\$.refusals')
        WHERE value ->> 'external_id' = '$1'"
}
# The writes that the vendor saw: "do type properties", without associations' ids.
journal() {
    control GET writes >"$dir/writes.json"
    sqlite3 :memory: "SELECT value ->> 'do', value ->> 'type', CASE value ->> 'do' WHEN 'associate' THEN ''
            ELSE (SELECT group_concat(key || '=' || value, ';') FROM
                (SELECT key, value FROM json_each(w.value, '\$.properties') ORDER BY key)) END
        FROM json_each(CAST(readfile('$dir/writes.json') AS TEXT), '\$.writes') w" | sort
}
# The same, of the plan.
planned_writes() {
    planned "op, object, CASE op WHEN 'associate' THEN ''
            ELSE (SELECT group_concat(key || '=' || after, ';') FROM
                (SELECT key, coalesce(value ->> 1, '') AS after FROM json_each(p.fields) ORDER BY key)) END
        FROM p WHERE side = 'there'" | sort
}

start_sandbox --companies 60 --contacts 90 --limits off
configure "sync_direction: bidirectional"
# The primary company's property cannot be written; associations can.
sed -i 's/^  contacts: {}/  contacts: {mapping: {account_id: {from: associations.companies, lookup: companies}}}/' "$conf/hubspot.yaml"

step "the first sync, as a plan"
"$fastenr" sync -c "$conf" hubspot --plan >"$dir/out"
grep -q '150 changes here, 0 there; nothing written' "$dir/out" || fail "$(tail -3 "$dir/out")"
expect "runs" "$(query 'SELECT count(*) FROM run')" 0
expect "records" "$(query 'SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM contact)')" 0
plan
expect "mode" "$(stat -c %a "$dir/plan")" 600
expect "creates" "$(planned "count(*) FROM p WHERE side = 'here' AND op = 'create'")" 150
apply 0
expect "done" "$(applied applied)" 150
expect_equal
tick
plan
expect "nothing is left" "$(planned 'count(*) FROM p')" 0
sync
expect_equal

step "both sides change: a plan writes nothing"
control POST mutate '{"companies":9,"contacts":12,"create":{"companies":3,"contacts":4},"archive":{"companies":2,"contacts":3},
    "merge":{"contacts":2},"associate":{"contacts":3},"seed":7}' >/dev/null
control DELETE writes >/dev/null
a=$(query "SELECT min(key) FROM account WHERE deleted_at IS NULL")
aid=$(external companies "$a")
foreign "UPDATE account SET name = 'Ours Inc' WHERE key = $a"
foreign "INSERT INTO account (name, domain) VALUES ('Brand New', 'brandnew.example')"
new=$(query "SELECT key FROM account WHERE domain = 'brandnew.example'")
foreign "INSERT INTO contact (email, first_name, last_name, account_id) VALUES ('n@brandnew.example', 'Nora', 'New', $new)"
tick
before=$(state)
plan
expect "the store" "$(state)" "$before"
expect "the vendor" "$(journal)" ""
[ "$(planned "count(*) FROM p WHERE side = 'here'")" -gt 20 ] || fail "$(planned 'count(*) FROM p') changes"
expect "there" "$(planned "group_concat(op || ' ' || object, ', ') FROM (SELECT op, object FROM p WHERE side = 'there' ORDER BY object, op)")" \
    "create companies, update companies, associate contacts, create contacts"
cp "$dir/plan" "$dir/kept"
expect "the same once more" "$(plan && planned_writes)" "$(planned_writes)"

step "applied, it is what was planned"
apply 0
expect "writes" "$(journal)" "$(planned_writes)"
expect "applied" "$(applied applied)" "$(planned 'count(*) FROM p')"
expect "the name there" "$(property companies "$aid" name)" "Ours Inc"
cid=$(external contacts "$(query "SELECT key FROM contact WHERE email = 'n@brandnew.example'")")
vendor "http://127.0.0.1:$port/crm/v4/objects/contacts/$cid/associations/companies" | holds "$(external companies "$new")" ||
    fail "the new contact has no company there"
query "SELECT started_by FROM run ORDER BY id DESC LIMIT 1" | holds '(apply ' || fail "the run log does not say so"
tick
sync # what the vendor gave to the new records
expect_equal
writes=$(journal | wc -l)

step "once more, all of it is refused"
apply 1
expect "applied" "$(applied applied)" 0
expect "refused" "$(applied refused)" "$(planned 'count(*) FROM p')"
expect "writes" "$(journal | wc -l)" "$writes"
expect_equal

step "what moved since is refused by name, and the rest is done"
b=$(query "SELECT key FROM account WHERE deleted_at IS NULL ORDER BY key LIMIT 1 OFFSET 2")
c=$(query "SELECT key FROM account WHERE deleted_at IS NULL ORDER BY key LIMIT 1 OFFSET 4")
d=$(query "SELECT key FROM account WHERE deleted_at IS NULL ORDER BY key LIMIT 1 OFFSET 6")
e=$(query "SELECT key FROM account WHERE deleted_at IS NULL ORDER BY key LIMIT 1 OFFSET 8")
bid=$(external companies "$b") cid=$(external companies "$c") did=$(external companies "$d") eid=$(external companies "$e")
patch companies "$bid" '{"name":"There first"}'
patch companies "$cid" '{"name":"There stays"}'
foreign "UPDATE account SET name = 'Here first' WHERE key = $d"
foreign "UPDATE account SET name = 'Here stays' WHERE key = $e"
tick
plan
expect "changes" "$(planned 'count(*) FROM p')" 4
patch companies "$bid" '{"name":"There again"}'
patch companies "$did" '{"city":"Lyon"}'
control DELETE writes >/dev/null
tick
before=$(query "SELECT count(*) FROM log")
apply 1
expect "applied" "$(applied applied)" 2
expect "the one that moved there" "$(refused "$bid")" "moved since the plan was made"
expect "the one that is to be written there" "$(refused "$did")" "moved since the plan was made"
expect "not here" "$([ "$(account "$b" name)" = "There again" ] && echo taken)" ""
expect "here" "$(account "$c" name)" "There stays"
expect "there" "$(property companies "$eid" name)" "Here stays"
expect "writes" "$(journal)" "update|companies|name=Here stays"
expect "log rows" "$(($(query "SELECT count(*) FROM log") - before))" 1
sync
expect "the next sync" "$(account "$b" name) $(property companies "$did" name)" "There again Here first"
expect_equal
foreign "UPDATE account SET name = 'Ours' WHERE key = $d"
tick
plan
foreign "UPDATE account SET name = 'Ours again' WHERE key = $d"
control DELETE writes >/dev/null
apply 1
expect "the one that moved here" "$(refused "$did")" "moved since the plan was made"
expect "writes" "$(journal)" ""
sync

step "guard rails are told"
sed -i 's/^  companies: {}/  companies: {guard: {max_changes: 1}}/' "$conf/hubspot.yaml"
control POST mutate '{"companies":9,"seed":8}' >/dev/null
tick
plan
grep -q 'max_changes' "$dir/plan.json" || fail "the plan does not tell of the guard rail"
apply 1
grep -q 'max_changes' "$dir/apply.err" || fail "$(cat "$dir/apply.err")"
sed -i 's/^  companies: {guard.*/  companies: {}/' "$conf/hubspot.yaml"

step "a file that is not what it was is not applied"
plan
before=$(state)
# broken WHAT WANTED: of $dir/plan as it is.
broken() {
    apply 1
    grep -q "$2" "$dir/apply.err" || fail "$1: $(cat "$dir/apply.err")"
    expect "$1: the store" "$(state)" "$before"
}
cp "$dir/plan" "$dir/kept"
sed -i '3s/"/ "/3' "$dir/plan"
broken "edited" "was changed since it was made"
head -c -100 "$dir/kept" >"$dir/plan"
broken "cut short" "is cut short"
head -n 5 "$dir/kept" >"$dir/plan"
broken "cut at a line" "is cut short"
echo '{"companies": 1}' >"$dir/plan"
broken "no plan" "is no plan"
sed '1s/"fastenr_plan":1/"fastenr_plan":9/' "$dir/kept" >"$dir/plan"
broken "of a later format" "has the format 9"
cp "$dir/kept" "$dir/plan"
echo "conflict_resolution: source_priority" >>"$conf/hubspot.yaml"
broken "another mapping" "another configuration"
sed -i '$d' "$conf/hubspot.yaml"
"$fastenr" pause -c "$conf" hubspot >/dev/null
before=$(state)
broken "paused" "is paused"
"$fastenr" resume -c "$conf" hubspot >/dev/null
apply 0
drop_store
sync
before=$(state)
cp "$dir/kept" "$dir/plan"
broken "another store" "another store"
