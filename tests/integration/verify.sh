#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# verify.sh COMPANIES CONTACTS: 111 records in which the store and the vendor differ, in every way, are all found and
# each once; nothing is written by that; --repair makes both equal; and on equal sides no more is asked than what a full
# read takes.
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2 deals=300 tickets=100 engagements=203
records="companies contacts deals tickets calls emails meetings notes tasks p8675309_subscription"
tables="owners deal_stages ticket_stages"
objects="$records $tables" order="$tables $records"
rows=85 # 60 of the account's own object, and of the reference tables
count=$((companies + contacts + deals + tickets + engagements + rows))

# verify WANTED_STATUS [ARGUMENT...]: its JSON is in $dir/verify.json.
verify() {
    local status=0
    "$fastenr" verify -c "$conf" hubspot --json "${@:2}" >"$dir/verify.json" 2>"$dir/verify.err" || status=$?
    [ "$status" -eq "$1" ] || {
        head -c 3000 "$dir/verify.json" >&2
        cat "$dir/verify.err" >&2
        fail "fastenr verify ${*:2} ended with $status, expected $1"
    }
}
# found MEMBER: of what it says.
found() { sqlite3 :memory: "SELECT json_extract(CAST(readfile('$dir/verify.json') AS TEXT), '\$.$1')"; }
# differences SELECT: of the table d, a row a difference.
differences() {
    sqlite3 :memory: "CREATE TABLE d AS SELECT value ->> 'object' AS object, value ->> 'external_id' AS id,
        value ->> 'field' AS field, value ->> 'there' AS there, value ->> 'kind' AS kind
        FROM json_each(CAST(readfile('$dir/verify.json') AS TEXT), '\$.differences')" "SELECT $1"
}
of() { differences "count(DISTINCT id) FROM d WHERE object = '$1' AND kind = '$2'"; }
kinds() { for kind in changed_there changed_here missing_here gone_there back_there; do found $kind; done | paste -sd' '; }

# change STATEMENT...: somebody who changes the store by hand.
change() {
    if [ "$store" = sqlite ]; then
        printf '%s;\n' ".timeout 5000" "$@" | sed '1s/;$//' | sqlite3 -bail "$db"
    else
        printf '%s;\n' "$@" | PGOPTIONS='-c search_path=fastenr' psql -Xq -v ON_ERROR_STOP=1 "$db"
    fi
}

# All that the store has, but for the count of leases.
state() {
    for table in account contact deal ticket engagement custom_record owner pipeline_stage link log run run_stream stream \
        quarantine walk_seen pending_reference vendor_field vendor_schema; do
        query "SELECT '$table', count(*) FROM $table"
        query "SELECT * FROM $table ORDER BY 1, 2"
    done | sha256sum
}

start_sandbox --companies "$companies" --contacts "$contacts" --deals $deals --tickets $tickets \
    --engagements $engagements --limits off --dirty 7
configure "reconcile: off"

step "nothing has been synced: there is no store"
status=0
"$fastenr" verify -c "$conf" hubspot >/dev/null 2>"$dir/err" || status=$?
[ "$status" -ne 0 ] && [ -s "$dir/err" ] || fail "it says nothing"

step "equal: what is asked"
control POST mutate '{"archive":{"companies":30,"contacts":10},"seed":1}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync
control POST mutate '{"archive":{"companies":20,"emails":6},"seed":2}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync --full
live=$((count - 66))
before=$(state)
control POST stats/reset >/dev/null
control DELETE requests >/dev/null
verify 0
expect "the store was written to" "$(state)" "$before"
expect "records compared" "$(found compared)" "$live"
expect "in quarantine" "$(found quarantined)" 7
expect "differences" "$(differences 'count(*) FROM d')" 0
expect "the run log" "$(query 'SELECT count(*) FROM run')" 2
calls=$(found api_calls)
control GET requests >"$dir/requests.json"
expect "requests in all" "$(grep -o '"target"' "$dir/requests.json" | wc -l)" "$calls"
# A check, and for each object its pages of 100, its count, and what is archived; the pages of what refers to others
# ask for the associations of a type each. The account's own object is looked up first, each time; the tables are read
# whole: owners that are there and owners that left, and the pipelines of each kind.
pages() { echo $((($1 + 99) / 100)); }
engagement_pages=5 # of each of their types one
wanted=$((1 + 9 + 9 + $(pages $((companies - 50))) + $(pages $((contacts - 10))) + 2 * $(pages $deals) +
    3 * $(pages $tickets) + 3 * engagement_pages + (1 + 1 + 4 + 1 + 1) + (2 + 1 + 1)))
expect "API calls" "$calls" $wanted
sync --full
full=$(query 'SELECT api_calls FROM run WHERE id = (SELECT max(id) FROM run)')
echo "   $live records in $calls API calls; a full sync takes $full"
expect "API calls of a full sync, which also asks for the fields of 10 objects, and for one of them" "$full" $((calls + 11))

step "the run under way and the pause"
"$fastenr" pause hubspot -c "$conf" --reason "moving house" >/dev/null
verify 1
grep -q 'moving house' "$dir/verify.err" || fail "it does not tell of the pause: $(cat "$dir/verify.err")"
"$fastenr" resume hubspot -c "$conf" >/dev/null
control POST faults '{"path":"/crm/v3/objects/companies","kind":"slow","count":3}' >/dev/null
runs=$(query 'SELECT count(*) FROM run')
"$fastenr" sync hubspot --full -c "$conf" >/dev/null 2>&1 &
pid=$!
until [ "$(query 'SELECT count(*) FROM run')" -gt "$runs" ]; do sleep 0.02; done
verify 1
grep -q 'another fastenr is syncing' "$dir/verify.err" || fail "it does not tell of the sync: $(cat "$dir/verify.err")"
wait "$pid" || fail "the sync was disturbed"
control DELETE faults >/dev/null

# Records of one kind are taken by their place in the order of keys, so that no two kinds meet in one.
live_of() { # TYPE OBJECT_TABLE OFFSET COUNT [CONDITION]: keys of links that live
    query "SELECT l.key FROM link l JOIN stream s ON s.id = l.stream JOIN $2 r ON r.key = l.record
        WHERE s.vendor_object = '$1' AND l.ended = 0 AND r.deleted_at IS NULL AND ${5:-1=1}
        ORDER BY l.key LIMIT $4 OFFSET $3" | paste -sd,
}
records_of() { query "SELECT record FROM link WHERE key IN ($1)" | paste -sd,; }
ids_of() { query "SELECT external_id FROM link WHERE key IN ($1)"; }

step "111 records that differ, in every way"
names=$(live_of companies account 0 15)                                  # 15 changed here: a field
owners=$(live_of contacts contact 0 10)                                  # 10: a reference
customs=$(live_of companies account 20 5 "custom_fields IS NOT NULL")    # 5: the custom fields, taken away
shadows=$(live_of companies account 100 10)                              # 10 changed there: the shadow says so
unlinked=$(live_of contacts contact 100 8 "email IS NOT NULL")           # 8 missing here: the link is gone
lost=$(live_of deals deal 0 4)                                           # 4: the record itself is
buried=$(live_of contacts contact 200 6)                                 # 6: it is a tombstone
ended=$(live_of companies account 200 7)                                 # 7 back there: the link has ended
dead=$(query "SELECT l.key FROM link l JOIN stream s ON s.id = l.stream WHERE s.vendor_object = 'companies' AND l.ended = 1
    ORDER BY l.key LIMIT 5" | paste -sd,)                                # 5 gone there: archived, and live here
customers=$(live_of p8675309_subscription custom_record 0 2)              # 2 changed here: their fields as they are there
person=$(live_of owners owner 0 1) stage=$(live_of deal_stages pipeline_stage 0 1) # 1 each, which many follow
address=$(query "SELECT email FROM owner WHERE key = $(records_of "$person")")
followers=$(live_of companies account 300 3 "owner_email <> '$address'") # 3: what is taken of another owner
ids_of "$names,$owners,$customers,$person,$stage,$followers,$customs,$shadows,$unlinked,$lost,$buried,$ended,$dead" | sort >"$dir/wanted"
expect "seeded by hand" "$(wc -l <"$dir/wanted")" 77
first=$(query "SELECT min(key) FROM account")
change "UPDATE account SET name = 'by hand' WHERE key IN ($(records_of "$names"))" \
    "UPDATE contact SET account_id = $first, manager_id = NULL WHERE key IN ($(records_of "$owners"))" \
    "UPDATE account SET custom_fields = NULL WHERE key IN ($(records_of "$customs"))" \
    "UPDATE link SET seen_remote = (SELECT seen_remote FROM link WHERE key = ${names%%,*}) WHERE key IN ($shadows)" \
    "DELETE FROM deal WHERE key IN ($(records_of "$lost"))" \
    "UPDATE contact SET deleted_at = 1 WHERE key IN ($(records_of "$buried"))" \
    "UPDATE account SET deleted_at = 1 WHERE key IN ($(records_of "$ended"))" \
    "UPDATE link SET ended = 1 WHERE key IN ($ended)" \
    "UPDATE account SET deleted_at = NULL WHERE key IN ($(records_of "$dead"))" \
    "UPDATE link SET ended = 0 WHERE key IN ($dead)" \
    "DELETE FROM link WHERE key IN ($unlinked)" \
    "UPDATE custom_record SET fields = '{}' WHERE key IN ($(records_of "$customers"))" \
    "UPDATE owner SET email = 'by@hand.test' WHERE key IN ($(records_of "$person"))" \
    "UPDATE pipeline_stage SET stage = 'by hand' WHERE key IN ($(records_of "$stage"))" \
    "UPDATE account SET owner_email = 'by@hand.test' WHERE key IN ($(records_of "$followers"))"
# 34 at the vendor's, without a sync: records without a modified time, archived, restored, made.
query "SELECT external_id FROM link WHERE ended = 0" | sort >"$dir/ids.before"
control POST mutate '{"associate":{"tickets":10,"p8675309_subscription":4},"archive":{"tickets":6,"notes":2},"restore":{"emails":6},"create":{"tasks":6},"seed":4}' \
    >"$dir/mutated"
verify 1 --limit 100000
expect "kinds of the whole" "$(differences 'count(DISTINCT kind) FROM d')" 5
expect "found twice" "$(differences 'count(*) - (SELECT count(*) FROM (SELECT DISTINCT object, id, field FROM d)) FROM d')" 0
differences 'DISTINCT id FROM d' | sort >"$dir/found"
missed=$(comm -23 "$dir/wanted" "$dir/found" | wc -l)
expect "seeded, and not found" "$missed" 0
expect "records that differ" "$(found differ)" 111
expect "and are told" "$(differences 'count(*) FROM (SELECT DISTINCT object, id FROM d)')" 111
expect "companies changed here" "$(of companies changed_here)" 23
expect "companies changed there" "$(of companies changed_there)" 10
expect "companies gone there" "$(of companies gone_there)" 5
expect "companies back there" "$(of companies back_there)" 7
expect "contacts changed here" "$(of contacts changed_here)" 10
expect "contacts missing here" "$(of contacts missing_here)" 14
expect "emails back there" "$(of emails back_there)" 6
expect "deals missing here" "$(of deals missing_here)" 4
expect "tickets gone there" "$(of tickets gone_there)" 6
expect "notes gone there" "$(of notes gone_there)" 2
expect "tasks missing here" "$(of tasks missing_here)" 6
expect "tickets changed there" "$(of tickets changed_there)" 10

expect "custom records changed here" "$(of p8675309_subscription changed_here)" 2
expect "custom records changed there" "$(of p8675309_subscription changed_there)" 4
expect "owners changed here" "$(of owners changed_here)" 1
expect "stages changed here" "$(of deal_stages changed_here)" 1
expect "what is taken of an owner, as it is there" "$(differences "count(*) FROM d WHERE kind = 'changed_here' AND field = 'owner_email'
    AND there LIKE 'owner%@sandbox.example'")" 3

step "the limit"
whole=$(kinds)
verify 1 --limit 3
expect "differences shown" "$(differences 'count(*) FROM d')" 3
expect "the counts" "$(kinds)" "$whole"
verify 1 --object contacts
expect "one object" "$(found 'objects[0].object') $(found 'objects[1].object')" "contacts "
expect "its differences" "$(found differ)" 24
status=0
"$fastenr" verify -c "$conf" hubspot >"$dir/out" 2>"$dir/err" || status=$?
expect "exit status" "$status" 1
grep -q ' compared in .* API calls, 111 differ$' "$dir/out" || fail "no closing line: $(tail -3 "$dir/out")"

step "a repair that a guard rail stops changes nothing of that object; the tables, which come first, are repaired"
sed -i 's/^  companies: {}/  companies: {guard: {max_changes: 5}}/' "$conf/hubspot.yaml"
before=$(query 'SELECT count(*) FROM log WHERE object = 1')
verify 1 --repair
expect "log rows of accounts" "$(query 'SELECT count(*) FROM log WHERE object = 1')" "$before"
sed -i 's/^  companies: .*/  companies: {}/' "$conf/hubspot.yaml"

step "repair"
verify 0 --repair --limit 100000
expect "records repaired" "$(found differ)" 109
run=$(found run)
expect "in the run log" "$(query "SELECT count(*) FROM run WHERE id = $run AND started_by LIKE '%verify --repair%'")" 1
expect "logged with before and after" "$(query "SELECT count(*) FROM log WHERE run = $run AND op = 2
    AND CAST(body AS TEXT) LIKE '{\"name\":[\"by hand\",\"%'")" 15
verify 0
expect "differences" "$(found differ)" 0
expect_equal
"$fastenr" doctor -c "$conf" >"$dir/out" 2>&1 || true
grep -q '^ok *store .*: whole, ' "$dir/out" || fail "doctor: $(cat "$dir/out")"
sync
expect "records that a sync changes after it" "$(of_last_run 'created + updated + deleted + restored')" 0

step "gone without a word: asked for by id"
stop_sandbox
start_sandbox --companies $((companies - 20)) --contacts "$contacts" --deals $deals --tickets $tickets \
    --engagements $engagements --limits off --dirty 7
sync
sync --full
verify 0
stop_sandbox
start_sandbox --companies $((companies - 35)) --contacts "$contacts" --deals $deals --tickets $tickets \
    --engagements $engagements --limits off --dirty 7
verify 1 --object companies --limit 1000
absent=$(differences "count(*) FROM d WHERE there = 'absent'")
[ "$absent" -ge 10 ] && [ "$absent" -le 15 ] || fail "$absent of 15 are absent"
verify 0 --repair
verify 0
expect_equal
