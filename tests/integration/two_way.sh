#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# two_way.sh: what another program changes in the store reaches the vendor, once, and comes back as no change; conflicts
# are settled as the connection says.
. "$(dirname "$0")/host.bash"

account() { query "SELECT $2 FROM account WHERE key = $1"; }
contact() { query "SELECT $2 FROM contact WHERE key = $1"; }

start_sandbox --companies 40 --contacts 80 --limits off
configure "sync_direction: bidirectional"
# The primary company's property cannot be written; associations can.
sed -i 's/^  contacts: {}/  contacts: {mapping: {account_id: {from: associations.companies, lookup: companies}}}/' "$conf/hubspot.yaml"
sync
expect_equal
expect "nothing is written for what was there before" "$(writes)" 0

step "a change here"
a=$(query "SELECT min(key) FROM account")
aid=$(external companies "$a")
foreign "UPDATE account SET name = 'Ours Inc' WHERE key = $a"
tick
sync
expect "the vendor's name" "$(property companies "$aid" name)" "Ours Inc"
expect "writes" "$(writes)" 1
expect "sent" "$(of_last_run sent_updated)" 1
tick
sync
expect "an echo changes nothing" "$(of_last_run updated)" 0
expect "and is not written again" "$(writes)" 1

step "a record that is new here, and who refers to it"
foreign "INSERT INTO account (name, domain) VALUES ('Brand New', 'brandnew.example')"
new=$(query "SELECT key FROM account WHERE domain = 'brandnew.example'")
foreign "INSERT INTO contact (email, first_name, last_name, account_id) VALUES ('n@brandnew.example', 'Nora', 'New', $new)"
tick
sync
nid=$(external companies "$new")
[ -n "$nid" ] || fail "the company was not linked"
expect "its name there" "$(property companies "$nid" name)" "Brand New"
c=$(query "SELECT key FROM contact WHERE email = 'n@brandnew.example'")
cid=$(external contacts "$c")
[ -n "$cid" ] || fail "the contact was not linked"
expect "its company there" "$(vendor "http://127.0.0.1:$port/crm/v4/objects/contacts/$cid/associations/companies" | grep -o "$nid")" "$nid"
tick
before=$(writes)
sync
sync --full
expect "nothing is doubled here" "$(query "SELECT count(*) FROM account WHERE domain = 'brandnew.example'")" 1
expect "nothing is written again" "$(writes)" "$before"

step "both sides change one field: the later one counts"
b=$(query "SELECT key FROM account ORDER BY key LIMIT 1 OFFSET 3")
bid=$(external companies "$b")
foreign "UPDATE account SET name = 'Earlier here' WHERE key = $b"
sleep 2.5 # the vendor's clock is known to the second
patch companies "$bid" '{"name":"Later there"}'
sync
expect "here" "$(account "$b" name)" "Later there"
expect "there" "$(property companies "$bid" name)" "Later there"
expect "the conflict is on record" "$(query "SELECT count(*) FROM conflict WHERE record = $b AND by_policy = 1")" 1

step "both sides change, each another field"
patch companies "$bid" '{"city":"Lyon"}'
foreign "UPDATE account SET name = 'Ours again' WHERE key = $b"
tick
sync
expect "there" "$(property companies "$bid" name)" "Ours again"

step "a value is cleared here"
foreign "UPDATE account SET domain = NULL WHERE key = $b"
tick
sync
expect "there" "$(property companies "$bid" domain)" ""

step "what the vendor refuses is told, and nothing else is held up"
d=$(query "SELECT key FROM contact WHERE email IS NOT NULL ORDER BY key LIMIT 1")
e=$(query "SELECT key FROM contact WHERE email IS NOT NULL ORDER BY key LIMIT 1 OFFSET 1")
eid=$(external contacts "$e")
foreign "UPDATE contact SET email = 'not an address' WHERE key = $d"
foreign "UPDATE contact SET first_name = 'Eve' WHERE key = $e"
tick
try_sync
expect "the other one" "$(property contacts "$eid" firstname)" Eve
expect "refused" "$(query "SELECT count(*) FROM export_write WHERE state = 3 AND record = $d")" 1

step "an association that is refused holds nothing else back, and is tried again after a full read"
associations() { echo "http://127.0.0.1:$port/crm/v4/objects/contacts/$cid/associations/$1"; }
refused() { query "SELECT count(*) FROM export_write WHERE state = 3 AND record = $c AND reason LIKE '%associated with several%'"; }
# It comes behind the company that she has: which one is seen is the same with it and without it, so that only the full
# read can be why it is tried again.
more=$(vendor -H 'Content-Type: application/json' -d '{"properties":{"name":"One more"}}' "http://127.0.0.1:$port/crm/v3/objects/companies" |
    grep -om1 '"id":"[0-9]*"' | grep -o '[0-9]*')
vendor -X PUT "$(associations "default/companies/$more")" >/dev/null
foreign "UPDATE contact SET first_name = 'Nina', account_id = $b WHERE key = $c"
tick
try_sync
expect "her name there" "$(property contacts "$cid" firstname)" Nina
expect "refused" "$(refused)" 1
control POST clock '{"advance_ms":900000}' >/dev/null # an incremental read does not come to her any more
try_sync
vendor -X DELETE "$(associations "companies/$more")"
try_sync
expect "refused still, without a full read" "$(refused)" 1
tick
"$fastenr" sync -c "$conf" hubspot --full >/dev/null 2>&1 || true
expect "refused" "$(refused)" 0
expect "her company there" "$(vendor "$(associations companies)" | grep -o '"toObjectId":[0-9]*')" "\"toObjectId\":$bid"

step "a deletion here is not one there, unless the connection says so"
g=$(query "SELECT key FROM contact ORDER BY key DESC LIMIT 1 OFFSET 5")
gid=$(external contacts "$g")
foreign "DELETE FROM contact WHERE key = $g"
tick
try_sync
vendor "http://127.0.0.1:$port/crm/v3/objects/contacts/$gid" >/dev/null || fail "it is gone there"

step "custom fields that are no object are told, empty nothing there, and hold nothing else up"
cp "$conf/hubspot.yaml" "$dir/hubspot.yaml"
sed -i 's/^  companies: {}/  companies: {mapping: {name: {from: name, conflict_resolution: manual_review}, custom_fields: {zone: timezone}}}/' \
    "$conf/hubspot.yaml"
try_sync
zone=$(property companies "$bid" timezone)
[ -n "$zone" ] || fail "the company has no time zone that could be emptied"
kept=$(query "SELECT custom_fields FROM account WHERE key = $b")
foreign "UPDATE account SET custom_fields = '[1]' WHERE key = $b"
foreign "UPDATE account SET name = 'Not held up' WHERE key = $a"
tick
try_sync
expect "there" "$(property companies "$bid" timezone)" "$zone"
expect "the other one" "$(property companies "$aid" name)" "Not held up"
expect "refused" "$(query "SELECT count(*) FROM export_write WHERE state = 3 AND record = $b")" 1
foreign "UPDATE account SET custom_fields = '${kept//\'/\'\'}' WHERE key = $b"
tick
try_sync
expect "once it is mended" "$(query "SELECT count(*) FROM export_write WHERE state = 3 AND record = $b")" 0

step "a conflict is over when both sides come to the same"
held() { query "SELECT count(*) FROM conflict WHERE record = $a AND state = 1"; }
foreign "UPDATE account SET name = 'Ours' WHERE key = $a"
patch companies "$aid" '{"name":"Theirs"}'
tick
try_sync
expect "open" "$(held)" 1
foreign "UPDATE account SET name = 'Both' WHERE key = $a"
patch companies "$aid" '{"name":"Both"}'
tick
try_sync
expect "open" "$(held)" 0
foreign "UPDATE account SET name = 'After both' WHERE key = $a"
tick
try_sync
expect "there" "$(property companies "$aid" name)" "After both"

step "a guard rail stops an export before anything is written"
sed 's/^  companies: {}/  companies: {guard: {max_export_changes: 110}}/' "$dir/hubspot.yaml" >"$conf/hubspot.yaml"
rows=''
for i in {1..120}; do rows+="${rows:+, }('Guarded $i', 'guarded$i.example')"; done
foreign "INSERT INTO account (name, domain) VALUES $rows"
before=$(control GET writes | grep -o '"n":' | wc -l)
try_sync
grep -q 'guard.max_export_changes' "$dir/sync.err" || fail "nothing is said of the guard rail"
expect "writes" "$(($(control GET writes | grep -o '"n":' | wc -l) - before))" 0
