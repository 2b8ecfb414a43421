#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# duplicates.sh: what is here twice is listed; two records are made one, as the plan says; what syncs then write here and
# at the vendor; and `rollback` takes it back.
. "$(dirname "$0")/host.bash"

# run STATUS COMMAND...: its output is in $out and $err.
run() {
    local status=$1 got=0
    shift
    "$fastenr" "$@" -c "$conf" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
    out=$(cat "$dir/out") err=$(cat "$dir/err")
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $out $err"
}
says() { [[ $out == *"$1"* ]] || fail "no '$1' in: $out"; }
complains() { [[ $err == *"$1"* ]] || fail "no '$1' in: $err"; }
account() { query "SELECT $2 FROM account WHERE key = $1"; }
if [ "$store" = sqlite ]; then
    id_of() { query "SELECT lower(substr(hex(id), 1, 8) || '-' || substr(hex(id), 9, 4) || '-' || substr(hex(id), 13, 4) || '-' || substr(hex(id), 17, 4) || '-' || substr(hex(id), 21)) FROM $1 WHERE key = $2"; }
else
    id_of() { query "SELECT id FROM $1 WHERE key = $2"; }
fi
last_run() { query "SELECT max(id) FROM run"; }
# The record that a vendor's company is.
company() { query "SELECT l.record FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = 'companies' WHERE l.external_id = '$1'"; }
# add NAME DOMAIN: an account of another program's; its key.
add() {
    foreign "INSERT INTO account (name, domain, organization) VALUES ('$1', '$2', $ours)"
    query "SELECT max(key) FROM account"
}
# Everything that a merge may touch, but for who wrote it last.
snapshot() {
    query "SELECT key, name, domain, industry, parent_id, custom_fields, deleted_at IS NULL FROM account ORDER BY key"
    query "SELECT key, account_id, email FROM contact ORDER BY key"
    query "SELECT key, record, ended FROM link ORDER BY key"
    query "SELECT stream, external_id, object, record, field FROM pending_reference ORDER BY object, record, field"
}

start_sandbox --companies 12 --contacts 24 --limits off
configure "sync_direction: bidirectional"
sed -i 's/^  contacts: {}/  contacts: {mapping: {account_id: {from: associations.companies, lookup: companies}}}/' "$conf/hubspot.yaml"
sed -i 's/^  companies: {}/  companies: {export: {create: false}}/' "$conf/hubspot.yaml"
sync
foreign "UPDATE contact SET email = NULL WHERE email IN (SELECT email FROM contact GROUP BY email HAVING count(*) > 1)"
foreign "UPDATE account SET domain = NULL WHERE domain IN (SELECT domain FROM account GROUP BY domain HAVING count(*) > 1)"
tick
try_sync

ours=$(query "SELECT id FROM organization")

step "nothing is here twice"
run 0 duplicates list
says 'nothing is here twice'
run 0 duplicates list --json
expect "lines" "$out" ''

step "what is listed"
other=$(query "SELECT a.key FROM account a WHERE domain IS NOT NULL AND (SELECT count(*) FROM contact c WHERE c.account_id = a.key) > 1 ORDER BY a.key LIMIT 1")
domain=$(account "$other" domain)
name=$(account "$other" name)
children=$(query "SELECT count(*) FROM contact WHERE account_id = $other")
ext=$(external companies "$other")
keep=$(add 'Kept Here' "$domain")
third=$(add 'Deleted' "$domain")
foreign "UPDATE account SET deleted_at = 5 WHERE key = $third"
if [ "$store" = sqlite ]; then
    foreign "INSERT INTO organization (uuid) VALUES (x'00000000000070008000000000000009')"
else
    foreign "INSERT INTO organization (uuid) VALUES ('00000000-0000-7000-8000-000000000009')"
fi
elsewhere=$(query "SELECT max(id) FROM organization")
foreign "INSERT INTO account (name, domain, organization) VALUES ('Of others', '$domain', $elsewhere)"
strange=$(query "SELECT max(key) FROM account")
kid=$(id_of account "$keep") oid=$(id_of account "$other")
run 0 duplicates list
says "$oid"
says "$kid"
says "hubspot companies $ext"
expect "two records and the titles" "$(wc -l <"$dir/out")" 3
run 0 duplicates list account --json
expect "lines" "$(wc -l <"$dir/out")" 2
grep "$oid" "$dir/out" | holds "\"referrers\":$children" || fail "not $children referrers: $out"
grep "$oid" "$dir/out" | holds "\"id\":\"$ext\",\"live\":true" || fail "no link: $out"
run 0 duplicates list contact
says 'nothing is here twice'
run 2 duplicates list deal
complains 'no field of deal'
run 2 duplicates list acount
complains "did you mean 'account'"

step "many, in the order of values, a few of them unless all are asked for"
for i in 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31; do
    echo "INSERT INTO contact (email, first_name, organization) VALUES ('p$i@many.example', 'A', $ours), ('p$i@many.example', 'B', $ours);"
done >"$dir/many.sql"
foreign "$(cat "$dir/many.sql")"
run 0 duplicates list contact
expect "twenty groups" "$(grep -c many.example "$dir/out")" 20
complains 'there are more contacts: --limit 0 lists all of them'
run 0 duplicates list contact --limit 0 --json
expect "all" "$(wc -l <"$dir/out")" 44
sort -c <(grep -o '"value":"[^"]*"' "$dir/out") || fail "not in order"
foreign "DELETE FROM contact WHERE email LIKE '%@many.example'"

step "what must be said"
run 2 duplicates merge account "$kid"
run 2 duplicates merge account "$kid" nothing
complains "'nothing' is no id of a record"
run 2 duplicates merge acount "$kid" "$oid"
run 2 duplicates merge account "$kid" "$oid" --take domain
complains 'FIELD=keep or FIELD=other'
run 2 duplicates merge account "$kid" "$oid" --take domian=other
complains "did you mean 'domain'"
run 1 duplicates merge account "$kid" "$oid" --take custom_fields.none=other --plan
complains "neither of them has the field 'custom_fields.none'"
run 1 duplicates merge account "$kid" 01900000-0000-7000-8000-000000000001 --yes
complains 'there is no account 01900000-0000-7000-8000-000000000001'
run 1 duplicates merge account "$kid" "$(id_of account "$strange")" --yes
complains 'there is no account'
run 1 duplicates merge account "$kid" "$(id_of account "$third")" --yes
complains 'is deleted'
run 1 duplicates merge account "$kid" "$kid" --yes
complains 'both ids are of the same account'
run 1 duplicates merge contact "$kid" "$oid" --yes
complains 'there is no contact'
runs=$(last_run)

step "one vendor has both"
two=$(query "SELECT key FROM account WHERE key <> $other AND key IN (SELECT record FROM link) AND parent_id IS NULL ORDER BY key LIMIT 1")
run 1 duplicates merge account "$(id_of account "$two")" "$oid" --yes
complains "hubspot has both: its companies '$(external companies "$two")' and '$ext' are two records there"

step "a plan, and nobody to ask"
foreign "UPDATE account SET industry = 'RETAIL', parent_id = $two WHERE key = $keep"
foreign "UPDATE account SET industry = 'BANKING', health_score = 77, custom_fields = '{\"tier\":\"gold\",\"a\":1}' WHERE key = $other"
foreign "UPDATE account SET custom_fields = '{\"a\":2}' WHERE key = $keep"
tick
try_sync
before=$(snapshot)
run 0 duplicates merge account "$kid" "$oid" --plan
says 'Nothing was changed'
says 'would be merged into'
says 'custom_fields.tier'
says "hubspot companies $ext would be linked with it"
says "$children contacts (account_id) would refer to it"
run 0 duplicates merge account "$kid" "$oid" --plan --json --take name=other
says '"plan":true'
says '{"field":"industry","keep":"RETAIL","other":"BANKING","now":"RETAIL","why":null}'
says '{"field":"custom_fields.tier","keep":null,"other":"gold","now":"gold","why":null}'
says "\"now\":\"$name\""
run 2 duplicates merge account "$kid" "$oid"
complains 'there is nobody to ask'
expect "nothing is written" "$(snapshot)" "$before"
expect "no run" "$(query "SELECT count(*) FROM run WHERE kind = 1")" 0

step "merged"
run 0 duplicates merge account "$kid" "$oid" --yes --take health_score=other
merged=$(last_run)
says "was merged into $kid, by run $merged"
expect "its name stays" "$(account "$keep" name)" 'Kept Here'
expect "its industry stays" "$(account "$keep" industry)" 'RETAIL'
expect "taken" "$(account "$keep" health_score)" 77
expect "custom fields" "$(account "$keep" custom_fields)" '{"a":2,"tier":"gold"}'
expect "the other one is deleted" "$(query "SELECT count(*) FROM account WHERE key = $other AND deleted_at IS NOT NULL")" 1
expect "the link" "$(company "$ext")" "$keep"
expect "children" "$(query "SELECT count(*) FROM contact WHERE account_id = $keep")" "$children"
expect "nobody refers to the other one" "$(query "SELECT count(*) FROM contact WHERE account_id = $other")" 0
run 0 duplicates list
says 'nothing is here twice'
run 0 runs --json -n 1
says '"kind":"merge","connection":null'
says "account $oid was merged into $kid"
run 0 runs
says "account $oid was merged into $kid"
run 0 why account "$kid"
says "by which account $oid was merged into $kid"
run 0 why account "$oid"
says "merged into $kid"
run 0 doctor
run 1 duplicates merge account "$kid" "$oid" --yes
complains 'is deleted'

step "what the vendor gets, and that nothing of it comes back"
tick
sync
expect "the vendor's name" "$(property companies "$ext" name)" 'Kept Here'
expect "our name" "$(account "$keep" name)" 'Kept Here'
expect "no conflict" "$(query "SELECT count(*) FROM conflict WHERE record = $keep")" 0
expect "linked as before" "$(vendor "http://127.0.0.1:$port/crm/v3/objects/companies/$ext" | grep -o "\"id\":\"$ext\"")" "\"id\":\"$ext\""
sent=$(writes)
tick
sync
tick
sync --full
expect "nothing is written again" "$(writes)" "$sent"
expect "here neither" "$(of_last_run 'updated + created + conflicted')" 0
expect "no second record" "$(query "SELECT count(*) FROM account WHERE domain = '$domain' AND deleted_at IS NULL AND organization <> $elsewhere")" 1
patch companies "$ext" '{"city":"Lyon","name":"Changed there"}'
tick
sync
expect "a later change there comes here" "$(account "$keep" name)" 'Changed there'

step "taken back: what was changed since is left"
run 0 rollback "$merged" --plan
says 'Nothing was changed'
says "link hubspot companies $ext"
run 0 rollback "$merged" --yes
undone=$(last_run)
expect "it lives again" "$(query "SELECT count(*) FROM account WHERE key = $other AND deleted_at IS NULL")" 1
expect "its link" "$(company "$ext")" "$other"
expect "its children" "$(query "SELECT count(*) FROM contact WHERE account_id = $other")" "$children"
expect "as it was" "$(account "$keep" health_score)/$(account "$keep" custom_fields)/$(account "$keep" name)" '/{"a":2,"city":"Lyon"}/Changed there'
run 0 doctor
run 0 runs --json -n 1
says '"kind":"rollback","connection":null'
tick
sync
expect "what changed there since stays" "$(property companies "$ext" name)/$(account "$other" name)" 'Changed there/Changed there'
expect "what was written there is written back" "$(account "$other" industry)" 'BANKING'
expect "no conflict" "$(query "SELECT count(*) FROM conflict WHERE record IN ($keep, $other)")" 0
run 0 why account "$kid"
says "which takes run $merged back"

step "the same once more does nothing"
before=$(snapshot)
run 0 rollback "$merged" --yes
diff <(echo "$before") <(snapshot) || fail "something was changed"

step "all is as before, where nothing was changed since"
sync
before=$(snapshot)
run 0 duplicates merge account "$kid" "$oid" --yes
after=$(snapshot)
[ "$after" != "$before" ] || fail "nothing has changed"
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before"
run 0 rollback "$(last_run)" --plan
diff <(echo "$before") <(snapshot) || fail "a plan writes"
run 0 rollback "$(last_run)" --yes
diff <(echo "$after") <(snapshot) || fail "not merged again"
run 0 doctor
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before, once more"
run 0 doctor
run 0 duplicates merge account "$oid" "$kid" --yes
expect "the one with the link stays" "$(company "$ext")" "$other"
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before"

step "parents: neither is its own, nor stands above itself"
p1=$(add P1 '') p2=$(add P2 '') p3=$(add P3 '') p4=$(add P4 '')
foreign "UPDATE account SET domain = NULL WHERE key IN ($p1, $p2, $p3, $p4)"
foreign "UPDATE account SET parent_id = $p2 WHERE key = $p1"
foreign "UPDATE account SET parent_id = $p3 WHERE key = $p2"
before=$(snapshot)
run 0 duplicates merge account "$(id_of account "$p1")" "$(id_of account "$p2")" --yes
expect "its parent's parent" "$(account "$p1" parent_id)" "$p3"
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before"
run 0 duplicates merge account "$(id_of account "$p2")" "$(id_of account "$p1")" --yes
expect "its own parent" "$(account "$p2" parent_id)" "$p3"
run 0 rollback "$(last_run)" --yes
foreign "UPDATE account SET parent_id = $p4 WHERE key = $p3"
foreign "UPDATE account SET parent_id = $p1 WHERE key = $p4"
foreign "UPDATE account SET parent_id = NULL WHERE key = $p1"
before=$(snapshot)
run 0 duplicates merge account "$(id_of account "$p1")" "$(id_of account "$p3")" --plan --json
says '"why":"it would lead back to the record itself"'
run 0 duplicates merge account "$(id_of account "$p1")" "$(id_of account "$p3")" --yes
expect "no circle" "$(account "$p1" parent_id)/$(account "$p4" parent_id)/$(account "$p2" parent_id)" "/$p1/$p1"
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before"

step "what waits for a person, or is not known, goes first"
stream=$(query "SELECT id FROM stream WHERE vendor_object = 'companies'")
foreign "INSERT INTO conflict (stream, run, record, field, state, by_policy, at, local, remote) VALUES ($stream, 1, $other, 1, 1, 0, 1, '\"a\"', '\"b\"')"
run 1 duplicates merge account "$kid" "$oid" --yes
complains 'waits for a decision'
foreign "DELETE FROM conflict"
foreign "INSERT INTO export_write (stream, run, record, link, op, state, at, external_id, body, reason) VALUES ($stream, 1, $keep, 0, 1, 2, 1, '', '{}', '')"
run 1 duplicates merge account "$kid" "$oid" --yes
complains 'it is not known yet what became of a write'
foreign "DELETE FROM export_write"

step "references that wait"
contacts=$(query "SELECT id FROM stream WHERE vendor_object = 'contacts'")
c1=$(query "SELECT min(key) FROM contact")
foreign "INSERT INTO contact (email, organization) VALUES ('waits@w.example', $ours)"
c2=$(query "SELECT max(key) FROM contact")
foreign "UPDATE contact SET account_id = NULL WHERE key = $c1"
foreign "DELETE FROM pending_reference WHERE record = $c1 AND object = 2"
foreign "INSERT INTO pending_reference (stream, external_id, object, record, field) VALUES ($stream, 'later', 2, $c2, 1)"
before=$(snapshot)
run 0 duplicates merge contact "$(id_of contact "$c1")" "$(id_of contact "$c2")" --yes
expect "it waits" "$(query "SELECT record FROM pending_reference WHERE external_id = 'later'")" "$c1"
run 0 rollback "$(last_run)" --yes
diff <(echo "$before") <(snapshot) || fail "not as before"

step "not while the connection is being synced"
control POST mutate '{"companies":12,"seed":5}' >/dev/null
kill -STOP "$sandbox_pid"
"$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err" &
sync_pid=$!
for _ in {1..200}; do
    [ "$(query "SELECT count(*) FROM run WHERE status = 1")" = 1 ] && break
    sleep 0.05
done
run 1 duplicates merge account "$kid" "$oid" --yes
complains 'is being synced just now'
run 0 duplicates merge account "$kid" "$oid" --plan
kill -CONT "$sandbox_pid"
wait "$sync_pid" || fail "the sync ended with $?: $(cat "$dir/sync.err")"

step "a vendor's record that waits for the merge"
a=$(add 'First' amb.example) b=$(add 'Second' amb.example)
vendor -X POST -H 'Content-Type: application/json' -d '{"properties":{"name":"Third","domain":"amb.example"}}' \
    "http://127.0.0.1:$port/crm/v3/objects/companies" >/dev/null
tick
try_sync
run 0 quarantine list
says 'merge or mend them (`fastenr duplicates list`)'
run 0 duplicates merge account "$(id_of account "$a")" "$(id_of account "$b")" --yes
run 0 quarantine replay hubspot
expect "linked with what was kept" "$(external companies "$a")" "$(vendor "http://127.0.0.1:$port/crm/v3/objects/companies?limit=100&properties=domain" >"$dir/list" && sqlite3 :memory: "SELECT value ->> 'id' FROM json_each(CAST(readfile('$dir/list') AS TEXT) ->> 'results') WHERE value ->> '\$.properties.domain' = 'amb.example'")"
run 0 quarantine list
says 'nothing'

step "a person who was merged is erased"
foreign "INSERT INTO contact (email, first_name, organization) VALUES ('gone@erase.example', 'A', $ours), ('gone@erase.example', 'B', $ours)"
g=$(query "SELECT max(key) FROM contact")
run 0 duplicates merge contact "$(id_of contact "$g")" "$(id_of contact $((g - 1)))" --yes
run 0 erase gone@erase.example --yes
expect "nothing is left of both" "$(query "SELECT count(*) FROM contact WHERE key IN ($g, $((g - 1)))")$(query "SELECT count(*) FROM log WHERE object = 2 AND record IN ($g, $((g - 1)))")" 00
run 0 rollback "$(last_run)" --yes
run 0 doctor
