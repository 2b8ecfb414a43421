#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sync_equals_truth.sh COMPANIES CONTACTS MUTATIONS: the store equals the vendor after a full sync and after
# incremental ones, and these read what changed and nothing else.
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2 mutations=$3
deals=400 tickets=150 engagements=503
records="companies contacts deals tickets calls emails meetings notes tasks p8675309_subscription" tables="owners deal_stages ticket_stages"
objects="$records $tables" order="$tables $records"
rows=85 # 60 of the account's own object, and of the reference tables, which every run reads whole
full=(--companies "$companies" --contacts "$contacts" --deals $deals --tickets $tickets --engagements $engagements)

start_sandbox "${full[@]}" --limits off --dirty 7
configure "reconcile: off" # what looks for absence is what is told to

step "full sync"
sync
expect "records read" "$(of_last_run read)" $((companies + contacts + deals + tickets + engagements + rows))
expect "records created" "$(of_last_run created)" $((companies + contacts + deals + tickets + engagements + rows - 7))
expect_equal

step "again: nothing changed"
sync
grep -qi 'nothing changed' "$dir/sync.out" || fail "it does not say that nothing changed"
expect "records changed" "$(of_last_run 'created + updated')" 0
expect_equal

step "mutate $mutations"
control POST mutate "{\"companies\":$((mutations / 2)),\"contacts\":$((mutations - mutations / 2 - 60)),\"deals\":30,\"tickets\":10,\"calls\":10,\"notes\":5,\"p8675309_subscription\":5,\"seed\":5}" >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync
expect_equal --last-run
changed=$(of_last_run 'created + updated')
[ "$changed" -gt $((mutations / 2)) ] && [ "$changed" -le "$mutations" ] ||
    fail "$changed records changed, of $mutations that were mutated"

step "associations change and no modified time: a full sync sees it"
control POST mutate '{"associate":{"deals":40,"tickets":20,"notes":10,"p8675309_subscription":10},"dissociate":{"deals":15,"calls":9,"p8675309_subscription":5}}' >/dev/null
before=$(query "SELECT count(*) FROM custom_record WHERE deal_id IS NOT NULL")
sync --full
[ "$(query "SELECT count(*) FROM custom_record WHERE deal_id IS NOT NULL")" != "$before" ] || fail "no custom record has another deal: the test is void"
[ "$(of_last_run updated)" -gt 50 ] || fail "only $(of_last_run updated) records changed"
expect_equal

step "an owner has another address, a stage another name: what refers to them follows, in a sync of what changed"
for n in 1 2; do
    control POST mutate '{"owners":3,"deal_stages":4,"ticket_stages":1,"archive":{"owners":1},"seed":'$n'}' >/dev/null
    sync
    expect_equal --last-run
    expect "rows changed" "$(of_last_run updated)" "$(query "SELECT count(*) FROM log
        WHERE run = (SELECT max(id) FROM run) AND object IN (10, 11)")"
    expect "records that followed" "$(of_last_run followed)" "$(query "SELECT count(*) FROM log
        WHERE run = (SELECT max(id) FROM run) AND object NOT IN (10, 11)")"
done
grep -q 'FOLLOWED' "$dir/sync.out" || fail "the sync does not show what followed"
"$fastenr" runs -c "$conf" --json -n 1 | holds "\"followed\":$(of_last_run followed)," || fail "runs --json does not show what followed"
followed=$(query "SELECT count(*) FROM log WHERE run = (SELECT max(id) FROM run) AND object IN (1, 3, 6) AND body LIKE '%_email%'")
[ "$followed" -gt 50 ] || fail "only $followed records have an owner's new address"

step "the tables left out: stages are ids again; then they are back"
order=$records
configure "reconcile: off"
sync --full
expect "deals whose stage has a name" "$(query "SELECT count(*) FROM deal WHERE stage LIKE '% %'")" 0
objects="$records $tables" order="$records $tables"
configure "reconcile: off"
sync
expect_equal

step "archived, restored and merged"
control POST mutate '{"archive":{"companies":15,"contacts":20,"deals":5,"calls":4},"merge":{"companies":8,"contacts":9,"tickets":2},"seed":8}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync
expect "records deleted" "$(of_last_run deleted)" 63
"$fastenr" records -c "$conf" account --deleted --json --limit 0 >"$dir/deleted"
expect "deleted accounts shown" "$(wc -l <"$dir/deleted")" 23
control POST mutate '{"restore":{"companies":5,"contacts":20,"calls":1},"seed":9}' >/dev/null
sync
expect "records restored" "$(of_last_run restored)" 26
sync --full
expect_equal

step "gone without a word: a full sync finds out"
stop_sandbox
full[1]=$((companies - 20))
start_sandbox "${full[@]}" --limits off --dirty 7
sync # a full one, too, as the clock went back; but none that looks for absence
expect "records deleted by the way" "$(of_last_run deleted)" 0
control POST faults '{"path":"/crm/v3/objects/companies/batch/read","status":400,"count":1}' >/dev/null
"$fastenr" sync -c "$conf" hubspot --full >"$dir/sync.out" 2>&1 && fail "it could not ask, and went through"
expect "absent while it could not ask" "$(query "SELECT count(*) FROM link WHERE ended = 3")" 0
sync # goes on where it was
[ "$(query "SELECT count(*) FROM link WHERE ended = 3")" -ge 10 ] || fail "nothing is absent"
sync --full
expect_equal

step "half of them: the guard rail"
absent=$(query "SELECT count(*) FROM link WHERE ended = 3")
stop_sandbox
full[1]=$((companies / 2))
start_sandbox "${full[@]}" --limits off --dirty 7
"$fastenr" sync -c "$conf" hubspot --full >"$dir/sync.out" 2>&1 && fail "the guard rail did not stop it"
grep -q 'guard.max_deleted_percent' "$dir/sync.out" || fail "it does not name the guard rail"
expect "links that ended" "$(query "SELECT count(*) FROM link WHERE ended = 3")" "$absent"

step "none is shown any more: it is not believed"
stop_sandbox
full[1]=0
start_sandbox "${full[@]}" --limits off --dirty 7
sync companies --full
expect "records deleted" "$(of_last_run deleted)" 0
stop_sandbox
full[1]=$companies
start_sandbox "${full[@]}" --limits off --dirty 7

# Its associations come one to a page, which must make no difference.
step "the sandbox restarted with the same seed: a full sync puts back what was mutated, then nothing changes"
stop_sandbox
start_sandbox "${full[@]}" --limits off --dirty 7 --association-page 1
sync --full
expect_equal
sync --full
grep -qi 'nothing changed' "$dir/sync.out" || fail "it does not say that nothing changed"
expect_equal
