#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# vendor_faults.sh COMPANIES CONTACTS: a vendor whose answers go wrong in every way at once, 2 % each, gives a store that
# equals it; one that answers nothing right ends the run with its words and leaves the cursor alone.
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2
deals=$((companies / 2)) tickets=$((companies / 3)) engagements=$companies
objects="companies contacts deals tickets calls emails meetings notes tasks"

# What passes is sat out within a run.
passing=(kind=status,status=423 kind=status,status=477 kind=status,status=500 kind=status,status=502
    kind=status,status=503 kind=status,status=504 kind=status,status=429,policy=TEN_SECONDLY_ROLLING,retry_after=1
    kind=status,status=429,policy=SECONDLY kind=truncate kind=reset kind=reset_body kind=malformed kind=html
    kind=hang kind=slow,ms=300)
# These end a run: the day's quota is used up, the vendor's edge knows no such token. The next run goes on.
ending=(kind=status,status=429,policy=DAILY kind=status,status=530)
ends_run='You have reached your daily limit|answered 530|is used up'

flags=()
for fault in "${passing[@]}" "${ending[@]}"; do
    flags+=(--fault "$fault,rate=0.02")
done

start_sandbox --companies "$companies" --contacts "$contacts" --deals $deals --tickets $tickets \
    --engagements $engagements --limits off --dirty 7 --requests "$dir/requests" "${flags[@]}"
configure
sed -i 's/^network: {/&timeout: 1s, /' "$conf/hubspot.yaml"

# sync_in_runs: runs until one is ok; a failed one must have ended by what ends a run.
sync_in_runs() {
    runs=1
    until "$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err"; do
        grep -qE "$ends_run" "$dir/sync.out" "$dir/sync.err" || {
            cat "$dir/sync.out" "$dir/sync.err" >&2
            fail "run $runs ended by a fault that passes"
        }
        runs=$((runs + 1))
        [ $runs -le 40 ] || fail "40 runs did not bring it to an end"
    done
}

quarantined() { query 'SELECT count(*) FROM quarantine'; }

step "import with 2 % of every fault"
sync_in_runs
expect_equal
expect "records in quarantine" "$(quarantined)" 7
echo "   $runs runs; $(query 'SELECT sum(api_calls) FROM run') requests; $(control GET stats | grep -o '"fault_kinds.*')"

step "mutate, then a window read with the same faults"
control POST mutate "{\"companies\":$((companies / 4)),\"contacts\":$((contacts / 4)),\"deals\":50,\"tickets\":20,\"notes\":10,\"seed\":5}" >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync_in_runs
expect_equal
expect "records in quarantine" "$(quarantined)" 7

step "check and discover with what a proxy answers"
control POST faults '{"path":"/account-info","kind":"html","count":2}' >/dev/null
control POST faults '{"path":"/crm/v3/properties","kind":"malformed","count":2}' >/dev/null
sync_in_runs

step "the requests promise nothing by an Expect header"
grep -q '"POST"' "$dir/requests" || fail "no request with a body was recorded"
grep -qi '"expect"' "$dir/requests" && fail "a request has an Expect header"

step "every kind happened"
kinds=$(control GET stats | grep -o '"fault_kinds":{[^}]*}')
expect "kinds of faults" "$(grep -o ':[0-9]' <<<"$kinds" | wc -l)" $((${#passing[@]} + ${#ending[@]}))
grep -q ':0[,}]' <<<"$kinds" && fail "a fault did not happen: $kinds"
control DELETE faults >/dev/null

# Where the next run goes on; the walk that broke off may be there, too.
cursors() { query 'SELECT vendor_object, watermark FROM stream ORDER BY id'; }

seed=100
# nothing_right FAULT WORDS...: with this for every answer a run fails and says the words; then, without it, the next one
# has the changes that were made meanwhile.
nothing_right() {
    step "nothing but $1"
    local before
    control POST mutate "{\"companies\":20,\"contacts\":20,\"seed\":$((++seed))}" >/dev/null
    control POST clock '{"advance_ms":2000}' >/dev/null
    before=$(cursors)
    control POST faults "{\"path\":\"/crm/v3/objects/companies\",\"rate\":1,$1}" >/dev/null
    if "$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err"; then
        fail "a run without one right answer was ok"
    fi
    shift
    for words in "companies" "POST https://api.hubapi.com/crm/v3/objects/companies/search" "$@"; do
        grep -qF "$words" "$dir/sync.out" "$dir/sync.err" || {
            cat "$dir/sync.out" "$dir/sync.err" >&2
            fail "the failed run does not say '$words'"
        }
    done
    expect "cursors" "$(cursors)" "$before"
    expect "status of the last run (4: failed)" "$(query 'SELECT status FROM run ORDER BY id DESC LIMIT 1')" 4
    control DELETE faults >/dev/null
    sync
    expect_equal
}

nothing_right '"kind":"status","status":503,"retry_after":0' 'answered 503: internal error'
nothing_right '"kind":"html"' 'answered 200: not valid JSON' 'Just a moment'
nothing_right '"kind":"status","status":400' 'answered 400: Invalid input'
