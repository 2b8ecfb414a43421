#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# field_times.sh: where both sides changed a field, the time of the vendor's field decides, not that of its record; a plan, what is
# applied of it, a sync and one that a change here started say the same; a vendor that does not tell is told of, and the times
# of its records count.
. "$(dirname "$0")/host.bash"

account() { query "SELECT $2 FROM account WHERE key = $1"; }
# conflict KEY: how the last one of an account was settled: 2 ours, 3 the vendor's.
conflict() { query "SELECT state FROM conflict WHERE record = $1 ORDER BY id DESC LIMIT 1"; }
# Requests by ids that were sent since the log was cleared.
by_ids() { control GET requests | grep -o '"target":"[^"]*companies/batch/read' | wc -l; }

start_sandbox --companies 12 --contacts 0 --limits off
objects=companies
configure "sync_direction: bidirectional"
# What was read is not read again.
sed -i 's/^  companies: {}/  companies: {lookback: 0s, mapping: {custom_fields: {links: {from: description, type: list, split: ";", merge_strategy: merge}}}}/' "$conf/hubspot.yaml"
sync
mapfile -t keys < <(query "SELECT key FROM account ORDER BY key LIMIT 6")
ids=()
for key in "${keys[@]}"; do ids+=("$(external companies "$key")"); done

# A person changes names there, later a program here changes these and another one, and later still the person changes phones,
# and that other name.
all_change() {
    patch companies "${ids[$1]}" "{\"name\":\"Early there $3\"}"
    tick
    foreign "UPDATE account SET name = 'Here $3', custom_fields = $with_links WHERE key IN (${keys[$1]}, ${keys[$2]})"
    tick
    tick
    patch companies "${ids[$1]}" "{\"phone\":\"+1 555 01$3\",\"description\":\"theirs $3\"}"
    patch companies "${ids[$2]}" "{\"name\":\"Late there $3\"}"
    sleep 1.1 # a read of what changed ends with the second before it
}
expect_winners() {
    expect "our later name, here" "$(account "${keys[$1]}" name)" "Here $3"
    expect "our later name, there" "$(property companies "${ids[$1]}" name)" "Here $3"
    expect "a list that takes what both have" "$(property companies "${ids[$1]}" description)" "theirs $3;ours"
    expect "the phone" "$(account "${keys[$1]}" "$phone")" "+1 555 01$3"
    expect "the vendor's later name, here" "$(account "${keys[$2]}" name)" "Late there $3"
    expect "the vendor's later name, there" "$(property companies "${ids[$2]}" name)" "Late there $3"
}
phone="custom_fields ->> 'phone'" with_links="json_set(custom_fields, '$.links', json('[\"ours\"]'))"
[ "$store" = sqlite ] || phone="custom_fields::jsonb ->> 'phone'" with_links="(custom_fields::jsonb || '{\"links\":[\"ours\"]}')::json"

step "a plan, and a sync that does the same"
foreign "UPDATE account SET custom_fields = $with_links WHERE key = ${keys[5]}" # which waits for nothing
patch companies "${ids[5]}" '{"description":"beside"}'
all_change 0 1 11
"$fastenr" sync -c "$conf" hubspot --plan-out "$dir/plan" --json >"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
holds '"side":"there".*"name":\["Early there 11","Here 11"\]' <"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
holds '"side":"here".*"name":\["Here 11","Late there 11"\]' <"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
holds '"description":\["theirs 11","theirs 11;ours"\]' <"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
holds '"description":\["beside","beside;ours"\]' <"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
holds '"custom_fields.phone":\[.*,"+1 555 0111"\]' <"$dir/plan.json" || fail "$(cat "$dir/plan.json")"
expect "changes of the plan" "$(grep -c '"side"' "$dir/plan.json")" 6
control DELETE requests >/dev/null
sync
expect_winners 0 1 11
expect "the list that waited for nothing" "$(property companies "${ids[5]}" description)" "beside;ours"
expect "ours" "$(conflict "${keys[0]}")" 2
expect "theirs" "$(conflict "${keys[1]}")" 3
expect "one look and one question" "$(by_ids)" 2
"$fastenr" conflicts show -c "$conf" "$(query "SELECT max(id) FROM conflict WHERE record = ${keys[0]}")" >"$dir/shown"
there=$(vendor "http://127.0.0.1:$port/crm/v3/objects/companies/${ids[0]}?propertiesWithHistory=name" |
    grep -o '"Early there 11","timestamp":"[^"]*' | grep -o '[0-9:]\{8\}')
holds "$there" <"$dir/shown" || fail "no $there in $(cat "$dir/shown")"
tick
control DELETE requests >/dev/null
sync
expect "nothing is left to be asked" "$(by_ids)" 0

step "a plan that is applied"
all_change 2 3 22
"$fastenr" sync -c "$conf" hubspot --plan-out "$dir/plan" >"$dir/out"
"$fastenr" apply -c "$conf" "$dir/plan" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
expect_winners 2 3 22
patch companies "${ids[4]}" '{"name":"Early there"}'
tick
foreign "UPDATE account SET name = 'Planned' WHERE key IN (${keys[4]}, ${keys[5]})"
tick
patch companies "${ids[4]}" '{"timezone":"of no concern here"}'
sleep 1.1
"$fastenr" sync -c "$conf" hubspot --plan-out "$dir/plan" >"$dir/out"
holds ' 0 changes here, 2 there; nothing written' <"$dir/out" || fail "$(cat "$dir/out")"
patch companies "${ids[5]}" '{"name":"Meanwhile there"}'
! "$fastenr" apply -c "$conf" "$dir/plan" >"$dir/out" 2>&1 || fail "$(cat "$dir/out")"
expect "ours is later" "$(property companies "${ids[4]}" name)" "Planned"
expect "which is on record" "$(conflict "${keys[4]}")" 2
expect "what changed there since the plan" "$(property companies "${ids[5]}" name)" "Meanwhile there"
sync

step "a run that fails in between leaves what waits to the next one"
all_change 0 1 33
control POST faults '{"kind":"status","status":401,"path":"/crm/v3/objects/companies/batch/read","count":100}' >/dev/null
try_sync
control DELETE faults >/dev/null
expect "to be read again" "$(query "SELECT count(*) FROM export_due WHERE unread = 1")" 2
expect "the phone waits with the name" "$(account "${keys[0]}" "$phone")" "+1 555 0111"
foreign "UPDATE account SET name = 'Here 11' WHERE key = ${keys[0]}" # as it was: nothing is to be written
sync
expect "what waited has come" "$(account "${keys[0]}" "$phone")" "+1 555 0133"
expect "nothing waits" "$(query "SELECT count(*) FROM export_due")" 0

step "a vendor that does not tell"
all_change 4 5 44
control POST faults '{"kind":"status","status":400,"path":"/crm/v3/objects/companies/batch/read","count":1,"after":1}' >/dev/null
sync
control DELETE faults >/dev/null
holds 'it does not tell when fields got their values' <"$dir/sync.err" || fail "$(cat "$dir/sync.err")"
expect "the record is later" "$(account "${keys[4]}" name)" "Early there 44"

step "a run that a change here starts"
patch companies "${ids[0]}" '{"name":"Early there"}'
tick
foreign "UPDATE account SET name = 'Here' WHERE key = ${keys[0]}"
patch companies "${ids[0]}" '{"phone":"+1 555 0155"}'
sed -i 's/^every: .*/frequency: realtime/' "$conf/hubspot.yaml"
"$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
run_pid=$!
for _ in {1..300}; do
    [ "$(query "SELECT count(*) FROM run WHERE started_by = 'change' AND ended_at IS NOT NULL")" = 1 ] && break
    kill -0 "$run_pid" || fail "the service ended: $(cat "$dir/run.log")"
    sleep 0.1
done
expect "our later name, there" "$(property companies "${ids[0]}" name)" Here
expect "the phone, here" "$(account "${keys[0]}" "$phone")" "+1 555 0155"
expect "what changed there was not asked for" "$(query "SELECT count(*) FROM run WHERE started_by = 'schedule'")" 0
kill "$run_pid"
wait "$run_pid" || fail "it ended with $?: $(cat "$dir/run.log")"
echo "all as expected"
