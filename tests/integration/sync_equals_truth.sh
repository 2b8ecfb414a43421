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
configure

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
control POST mutate '{"associate":{"deals":40,"tickets":20,"notes":10},"dissociate":{"deals":15,"calls":9}}' >/dev/null
sync --full
[ "$(of_last_run updated)" -gt 50 ] || fail "only $(of_last_run updated) records changed"
expect_equal

# Its associations come one to a page, which must make no difference.
step "an owner has another address, a stage another name: what refers to them follows, in a sync of what changed"
for n in 1 2; do
    control POST mutate '{"owners":3,"deal_stages":4,"ticket_stages":1,"archive":{"owners":1},"seed":'$n'}' >/dev/null
    sync
    expect_equal --last-run
    expect "rows changed" "$(of_last_run updated)" "$(query "SELECT count(*) FROM log
        WHERE run = (SELECT max(id) FROM run) AND object IN (10, 11)")"
done
followed=$(query "SELECT count(*) FROM log WHERE run = (SELECT max(id) FROM run) AND object IN (1, 3, 6) AND body LIKE '%_email%'")
[ "$followed" -gt 50 ] || fail "only $followed records have an owner's new address"

step "the tables left out: stages are ids again; then they are back"
order=$records
configure
sync --full
expect "deals whose stage has a name" "$(query "SELECT count(*) FROM deal WHERE stage LIKE '% %'")" 0
objects="$records $tables" order="$records $tables"
configure
sync
expect_equal

step "the sandbox restarted with the same seed: a full sync puts back what was mutated, then nothing changes"
stop_sandbox
start_sandbox "${full[@]}" --limits off --dirty 7 --association-page 1
sync --full
expect_equal
sync --full
grep -qi 'nothing changed' "$dir/sync.out" || fail "it does not say that nothing changed"
expect_equal
