#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# drift.sh: a vendor's field that is removed, retyped or gets new values pauses, the sync goes on, and once the pause
# is over the store equals the truth again.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 400 --contacts 300 --limits off

# configure_with COMPANIES CONTACTS: what stands between the braces of each object.
configure_with() {
    configure
    sed -i -e "s|^  companies: {}|  companies: {$1}|" -e "s|^  contacts: {}|  contacts: {$2}|" "$conf/hubspot.yaml"
}

# change TYPE PROPERTY DO [MORE]
change() {
    control POST properties "{\"type\":\"$1\",\"property\":\"$2\",\"do\":\"$3\"${4:+,$4}}" >/dev/null
    control POST clock '{"advance_ms":2000}' >/dev/null
}
mutate() {
    control POST mutate "$1" >/dev/null
    control POST clock '{"advance_ms":2000}' >/dev/null
}

# look: the vendor's fields were looked at more than an hour ago.
look() { foreign "UPDATE vendor_schema SET looked_at = looked_at - 3700000000"; }
asked() { control GET stats | sed -n 's/.*"properties":\([0-9]*\).*/\1/p'; }
fields() { "$fastenr" fields -c "$conf" hubspot "$@"; }
state_of() {
    fields --json | tr '{' '\n' | sed -n "s/.*\"object\":\"$1\",\"field\":\"$2\",.*\"state\":\"\([a-z_]*\)\".*/\1/p"
}
# mode OBJECT: 1 when the last run read it in full, 2 when it read a window.
mode() {
    query "SELECT r.mode FROM run_stream r JOIN stream s ON s.id = r.stream
        WHERE s.vendor_object = '$1' AND r.run = (SELECT max(id) FROM run)"
}
account() { query "SELECT $1 FROM account ORDER BY key"; }
custom() {
    if [ "$store" = sqlite ]; then
        account "json_extract(custom_fields, '$.$1')"
    else
        account "custom_fields->>'$1'"
    fi
}

# sync_fails WORDS: the sync fails and says so.
sync_fails() {
    local status=0
    "$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err" || status=$?
    expect "exit status of a sync that must fail" "$status" 1
    cat "$dir/sync.out" "$dir/sync.err" | tr '\n' ' ' | holds "$1" ||
        fail "it does not say '$1': $(cat "$dir/sync.out" "$dir/sync.err")"
}
warned() { grep -c "$1" "$dir/sync.err" || true; }

step "the fields are looked at once, then once an hour, and by a full sync"
configure
sync
expect_equal
expect "looks of the first sync" "$(asked)" 2
sync
expect "looks within the hour" "$(asked)" 2
look
sync
expect "looks after an hour" "$(asked)" 4
sync --full
expect "looks with a full sync" "$(asked)" 6
expect "a mapped field" "$(state_of companies industry)" read
expect "warnings" "$(warned .)" 0

step "removed: the canonical field keeps its value, one warning, shown by status and fields"
before=$(account industry)
change companies industry remove
mutate '{"companies":150,"contacts":20,"seed":3}'
look
sync
expect "warnings" "$(warned "companies: the field 'industry' is paused: the vendor has it no more")" 1
expect "mode of the run in which a pause begins" "$(mode companies)" 2
expect "industries while it is paused" "$(account industry)" "$before"
expect "its state" "$(state_of companies industry)" removed
[ "$(of_last_run updated)" -gt 100 ] || fail "other fields were not brought up to date"
"$fastenr" status -c "$conf" | holds 'companies.industry' || fail "status does not show the pause"
"$fastenr" status -c "$conf" --json | holds '"paused_fields":\[{"object":"companies","field":"industry"' ||
    fail "status --json does not show the pause"
mutate '{"companies":50,"seed":4}'
look
sync
expect "warnings of a pause that goes on" "$(warned paused)" 0
sync --full
expect "industries after a full sync" "$(account industry)" "$before"
fields --accept companies.industry >/dev/null 2>"$dir/accept.err" && fail "a field that is gone was accepted"
fields --accept companies.nope >/dev/null 2>"$dir/accept.err" && fail "a field that is not mapped was accepted"
fields --object contacts | holds industry && fail "--object shows another object"

step "restored: everything is read again, and equals the truth"
change companies industry restore
look
sync
expect "its state" "$(state_of companies industry)" read
expect "mode of the run after the pause" "$(mode companies)" 1
expect "mode of another object" "$(mode contacts)" 2
expect_equal
[ "$(account industry)" != "$before" ] || fail "no industry changed: the test is void"
sync
grep -qi 'nothing changed' "$dir/sync.out" || fail "it does not say that nothing changed"

step "removed within the hour: an answer without the field is not used before the vendor was asked"
before=$(custom website)
looks=$(asked)
change companies website remove
mutate '{"companies":100,"seed":6}'
sync
expect "looks" "$(asked)" $((looks + 1))
expect "warnings" "$(warned "the field 'website' is paused")" 1
expect "websites while it is paused" "$(custom website)" "$before"
change companies website restore
look
sync
expect_equal

step "retyped: paused until a person takes it as it is"
change companies numberofemployees retype '"to":"string"'
before=$(custom number_of_employees)
mutate '{"companies":200,"seed":9}'
look
sync
expect "warnings" "$(warned "its type was number and is string now")" 1
expect "its state" "$(state_of companies numberofemployees)" retyped
expect "employees while it is paused" "$(custom number_of_employees)" "$before"
fields --accept companies.numberofemployees >/dev/null
expect "its state" "$(state_of companies numberofemployees)" read
sync
expect_equal
[ "$(custom number_of_employees)" != "$before" ] || fail "no number changed: the test is void"

step "retyped back: paused again, until the mapping is changed"
change companies numberofemployees restore
look
sync
expect "its state" "$(state_of companies numberofemployees)" retyped
configure_with 'mapping: {custom_fields: {number_of_employees: {from: numberofemployees, transform: trim}}}' ''
sync
expect "its state" "$(state_of companies numberofemployees)" read
expect_equal

step "new values of a text: nothing is paused"
looks=$(asked)
change companies industry add_option '"option":"SPACE_TRAVEL","records":3'
look
sync
expect "looks" "$(asked)" $((looks + 2))
expect "its state" "$(state_of companies industry)" read
expect "companies with the new value" "$(query "SELECT count(*) FROM account WHERE industry = 'SPACE_TRAVEL'")" 3
expect_equal
change companies industry restore

step "new values that a map does not have: paused until it has them"
stages='subscriber: onboarding, lead: onboarding, marketingqualifiedlead: onboarding, salesqualifiedlead: onboarding, opportunity: onboarding, customer: active, evangelist: active, other: churned'
configure_with "mapping: {status: {from: lifecyclestage, map: {$stages}}}" ''
sync
expect_equal
statuses=$(account status)
change companies lifecyclestage add_option '"option":"partner","records":4'
mutate '{"companies":100,"seed":11}'
look
sync
expect "warnings" "$(warned "it may now be 'partner'")" 1
expect "its state" "$(state_of companies lifecyclestage)" new_values
expect "set aside" "$(query 'SELECT count(*) FROM quarantine')" 0
expect "statuses while it is paused" "$(account status)" "$statuses"
# The custom field takes any text: it goes on.
expect "lifecycle stages" "$(custom lifecycle_stage | grep -cx partner)" 4
expect_equal
configure_with "mapping: {status: {from: lifecyclestage, map: {$stages, partner: at_risk}}}" ''
sync
expect "its state" "$(state_of companies lifecyclestage)" read
expect "statuses of partners" "$(query "SELECT count(*) FROM account WHERE status = 'at_risk'")" 4
expect_equal
change companies lifecyclestage restore

step "a required field, and a filter: the run fails and says why"
configure_with '' 'mapping: {title: {from: jobtitle, required: true}}'
sync
change contacts jobtitle remove
look
sync_fails "contacts: 'title' is required and cannot be read; the vendor's field 'jobtitle': the vendor has it no more"
sync_fails "'title' is required"
change contacts jobtitle restore
sync --full
configure_with '' 'filter: {hs_language: {exists: true}}'
sync
people=$(query 'SELECT count(*) FROM contact')
change contacts hs_language remove
mutate '{"contacts":60,"seed":12}'
look
sync_fails "contacts: the filter cannot tell which records are in scope"
expect "contacts" "$(query 'SELECT count(*) FROM contact')" "$people"
change contacts hs_language restore
configure
sync --full
expect_equal

step "a field by which records are matched: new ones wait"
change companies domain remove
mutate '{"create":{"companies":5},"seed":13}'
look
sync
expect "set aside" "$(query 'SELECT count(*) FROM quarantine')" 5
change companies domain restore
look
sync
expect "set aside" "$(query 'SELECT count(*) FROM quarantine')" 0
expect_equal

step "the vendor does not tell its fields: the sync goes on"
look
control POST faults '{"path":"/crm/v3/properties","kind":"status","status":403,"count":2}' >/dev/null
mutate '{"companies":20,"seed":14}'
sync
expect "warnings" "$(warned 'the vendor does not tell its fields')" 2
expect_equal
sync
expect "warnings within the hour" "$(warned 'the vendor does not tell its fields')" 0

step "the owner's id is gone, and owners change: what was taken of them stays until it is back"
order="owners companies contacts"
configure
# strays: accounts whose owner has another address than they say.
strays() {
    local id="json_extract(a.custom_fields, '$.owner_id')"
    [ "$store" = sqlite ] || id="a.custom_fields->>'owner_id'"
    query "SELECT count(*) FROM account a JOIN link l ON l.external_id = $id AND l.stream = (SELECT id FROM
        stream WHERE vendor_object = 'owners') JOIN owner o ON o.key = l.record
        WHERE a.owner_email IS DISTINCT FROM o.email"
}
sync
[ "$(account owner_email | grep -c @)" -gt 100 ] || fail "no account has an owner's address: the test is void"
expect "strays" "$(strays)" 0
change companies hubspot_owner_id remove
look
sync
before=$(account owner_email)
mutate '{"owners":7,"companies":50,"seed":15}'
sync owners
expect "records that followed an owner" "$(of_last_run followed)" 0
sync
expect "addresses while it is paused" "$(account owner_email)" "$before"
[ "$(strays)" -gt 100 ] || fail "only $(strays) accounts have an owner with another address: the test is void"
change companies hubspot_owner_id restore
look
sync
expect "mode of the run after the pause" "$(mode companies)" 1
expect "strays" "$(strays)" 0
mutate '{"owners":7,"seed":16}'
sync owners
[ "$(of_last_run followed)" -gt 100 ] || fail "only $(of_last_run followed) records followed an owner"
expect "strays" "$(strays)" 0
