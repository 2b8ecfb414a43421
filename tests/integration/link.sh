#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# link.sh COMPANIES CONTACTS: two systems that both have records. What is proposed is what is there on both sides, in a file
# that other programs read and write; what is wrong with a file is told at once, and nothing is written then; what was
# decided is what a sync goes on with, and nothing is doubled.
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2

# run STATUS ARGUMENT...: of `fastenr link hubspot`; its output is in $out and $err.
run() {
    local status=$1 got=0
    shift
    "$fastenr" link hubspot "$@" -c "$conf" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
    out=$(cat "$dir/out") err=$(cat "$dir/err")
    [ "$got" -eq "$status" ] || fail "'link $*' ended with $got, not $status: $out $err"
}
says() { [[ $out == *"$1"* ]] || fail "no '$1' in: $out"; }
complains() { [[ $err == *"$1"* ]] || fail "no '$1' in: $err"; }
# count OBJECT WHAT: of --json.
count() {
    sqlite3 :memory: "SELECT value ->> '$2' FROM json_each(CAST(readfile('$dir/out') AS TEXT), '\$.objects') WHERE value ->> 'object' = '$1'"
}
found() { sqlite3 :memory: "SELECT json_extract(CAST(readfile('$dir/out') AS TEXT), '\$.$1')"; }
# All that the store has, but for the count of leases.
state() {
    for table in account contact link log run run_stream stream quarantine export_due; do
        query "SELECT '$table', count(*) FROM $table"
        query "SELECT * FROM $table ORDER BY 1, 2"
    done | sha256sum
}
# Another program's reader of CSV. table FILE STATEMENT...: the file's rows are p; with `save FILE` as the last one p is
# written there.
table() {
    local file=$1 rest=()
    shift
    for statement; do rest+=("-cmd" "$statement"); done
    sqlite3 -cmd ".mode csv" -cmd ".import $file p" -cmd ".mode list" "${rest[@]}" :memory: </dev/null
}
save() { printf '%s\n' ".headers on" ".mode csv" ".once $1" "SELECT object, vendor_id, vendor_name, our_id, our_name, how, decision FROM p;"; }
# decide FROM TO STATEMENT...: with other decisions.
decide() {
    local from=$1 to=$2
    shift 2
    { printf '%s\n' ".mode csv" ".import $from p" "$@"; save "$to"; } | sqlite3 -bail :memory:
}
known() { query "SELECT count(*) FROM link WHERE ended = 0"; }

start_sandbox --companies "$companies" --contacts "$contacts" --limits off
objects=owners
configure
sync
objects="companies contacts"
configure

# v: what the vendor has.
control GET truth/companies >"$dir/companies"
control GET truth/contacts >"$dir/contacts"
for object in companies contacts; do
    echo "CREATE TABLE $object AS SELECT row_number() OVER () AS n, value ->> 'id' AS id, value ->> '\$.properties.domain' AS domain,
        value ->> '\$.properties.email' AS email FROM json_each('[' || replace(trim(CAST(readfile('$dir/$object') AS TEXT),
        char(10)), char(10), ',') || ']');"
done | sqlite3 "$dir/v.db"
v() { sqlite3 "$dir/v.db" "$1"; }
# ours OBJECT FROM TO FIELD TABLE NAME: statements that put in ours of those vendor's records.
ours() { v "SELECT 'INSERT INTO $5 ($6, $4) VALUES (''Ours ' || n || ''', ''' || lower($4) || ''');' FROM $1 WHERE n BETWEEN $2 AND $3 AND $4 IS NOT NULL" >>"$dir/ours.sql"; }
half=$((companies / 2)) people=$((contacts / 2))
ours companies 1 "$half" domain account name
ours companies 1 3 domain account name # these twice
ours contacts 1 "$people" email contact first_name
cat >>"$dir/ours.sql" <<'END'
INSERT INTO account (name, domain) VALUES ('=1+1, "Söhne"
& Co.', 'alone1.test');
INSERT INTO account (name, domain) VALUES ('''quoted', 'alone2.test');
INSERT INTO account (name) VALUES ('-Nameless; Ltd.');
END
if [ "$store" = sqlite ]; then
    sqlite3 -bail "$db" "BEGIN" ".read $dir/ours.sql" "COMMIT"
else
    PGOPTIONS='-c search_path=fastenr' psql -Xq1 -v ON_ERROR_STOP=1 "$db" -f "$dir/ours.sql"
fi
# One of the vendor's gets the domain of another, which ours has once.
fourth=$(v "SELECT id FROM companies WHERE n = 4") twin=$(v "SELECT id FROM companies WHERE n = $((half + 1))")
patch companies "$twin" "{\"domain\":\"$(v "SELECT domain FROM companies WHERE n = 4")\"}"
tabbed=$(v "SELECT id FROM companies WHERE n = $((half + 2))")
patch companies "$tabbed" '{"name":"=cmd|\"x\"!A1, Zürich\nAG"}'
matched=$(v "SELECT count(*) FROM companies WHERE n BETWEEN 5 AND $half AND domain IS NOT NULL")
matched_people=$(v "SELECT count(*) FROM contacts WHERE n <= $people AND email IS NOT NULL")

step "usage"
run 2
complains 'needs one of --propose FILE and --accept FILE'
run 2 --propose "$dir/p.csv" --accept "$dir/p.csv"
run 2 company --propose "$dir/p.csv"
complains "did you mean 'companies'"
run 2 contacts --accept "$dir/p.csv"
complains 'goes without objects'
run 2 --accept "$dir/nothing.csv"
run 1 companies --propose "$dir/no/p.csv"
complains "cannot make a file beside"

step "what is proposed, and nothing is written"
before=$(state)
control POST stats/reset >/dev/null
run 0 --propose "$dir/p.csv" --json
expect "the store was written to" "$(state)" "$before"
expect "the file's mode" "$(stat -c %a "$dir/p.csv")" 600
expect "files beside it" "$(find "$dir" -maxdepth 1 -name 'p.csv*' | wc -l)" 1
expect "companies" "$(for what in ambiguous matched new_here linked new_there; do count companies $what; done | paste -sd' ')" \
    "5 $matched $((companies - 5 - matched)) 0 3"
expect "contacts" "$(for what in ambiguous matched new_here linked new_there; do count contacts $what; done | paste -sd' ')" \
    "0 $matched_people $((contacts - matched_people)) 0 0"
expect "rows, as another program reads them" "$(table "$dir/p.csv" "SELECT count(*) FROM p")" $((companies + contacts + 3 + 3))
expect "ids" "$(table "$dir/p.csv" "SELECT count(DISTINCT vendor_id) FROM p WHERE vendor_id <> ''")" $((companies + contacts))
expect "names that spreadsheets would run" "$(table "$dir/p.csv" "SELECT our_name FROM p WHERE our_name GLOB '''=*'")" \
    "'=1+1, \"Söhne\"
& Co., alone1.test"
expect "of the vendor's" "$(table "$dir/p.csv" "SELECT count(*) FROM p WHERE vendor_name GLOB '''=cmd|\"x\"!A1, Zürich*AG,*'")" 1
expect "cells that begin a formula" "$(table "$dir/p.csv" "SELECT count(*) FROM p WHERE substr(our_name, 1, 1) IN ('=', '+', '-', '@') OR substr(vendor_name, 1, 1) IN ('=', '+', '-', '@')")" 0
expect "what is to be decided comes first" "$(sed -n '2,9p' "$dir/p.csv" | grep -c ambiguous)" 8
run 0 companies --propose "$dir/p1.csv"
says "fastenr link hubspot --accept $dir/p1.csv"
says "NONE THERE"
expect "one object alone" "$(table "$dir/p1.csv" "SELECT DISTINCT object FROM p")" companies

step "mistakes, all at once, and nothing is written"
ours1=$(table "$dir/p.csv" "SELECT our_id FROM p WHERE decision = 'link' AND object = 'companies' LIMIT 1")
person=$(table "$dir/p.csv" "SELECT our_id FROM p WHERE decision = 'link' AND object = 'contacts' LIMIT 1")
foreign "INSERT INTO account (name, deleted_at) VALUES ('Buried', 1)"
buried=$("$fastenr" records account -c "$conf" --deleted --json --fields id | grep -o '[0-9a-f-]\{36\}')
before=$(state)
cat >"$dir/wrong.csv" <<END
object,vendor_id,our_id,decision
compnies,1,$ours1,link
companies,,$ours1,link
companies,2.16511E+10,$ours1,link
companies,10,,link
companies,11,x,link
companies,12,019aaaaa-0000-7000-8000-000000000000,link
companies,13,$person,link
companies,14,$buried,link
companies,15,$ours1,lnk
companies,16,$ours1,link
companies,17,$ours1,link
companies,16,,create
owners,18,$ours1,link
companies,19,"$ours1,link
END
run 2 --accept "$dir/wrong.csv"
for mistake in "2:1: this connection syncs no object 'compnies'; did you mean 'companies'?" '3:11: there is no vendor_id' \
    '4:11: .* a spreadsheet has rounded it' '5:14: .*our_id is needed' "6:14: 'x' is no id" '7:14: there is no account with this id here' \
    '8:14: there is no account with this id' '9:14: this record of ours is deleted' "10:51: 'lnk' is no decision" \
    "12:14: .* linked with '16' on line 11" "13:11: '16' is decided on twice, first on line 11" "14:1: 'owners' are not linked\|14:1: this connection syncs no object" \
    '15:14: the quote that begins here does not end'; do
    grep -q "wrong.csv:$mistake" "$dir/err" || fail "no '$mistake' in: $err"
done
complains '13 mistakes in'
run 2 --accept "$dir/wrong.csv" --json
expect "mistakes in JSON" "$(sqlite3 :memory: "SELECT count(*) FROM json_each(CAST(readfile('$dir/out') AS TEXT), '\$.mistakes')")" 13
echo 'a;b' >"$dir/head.csv"
run 2 --accept "$dir/head.csv"
complains "does not name the column 'vendor_id'"
run 2 --accept "$dir"
expect "the store was written to" "$(state)" "$before"

step "a pause"
"$fastenr" pause hubspot -c "$conf" --reason "moving house" >/dev/null
run 1 --propose "$dir/no.csv"
complains 'moving house'
run 1 --accept "$dir/p.csv"
complains 'moving house'
[ ! -e "$dir/no.csv" ] || fail "a file was written all the same"
"$fastenr" resume hubspot -c "$conf" >/dev/null
expect "links" "$(query 'SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object <> '"'owners'")" 0

step "what is decided"
first=$(v "SELECT id FROM companies WHERE n = 1") second=$(v "SELECT id FROM companies WHERE n = 2") third=$(v "SELECT id FROM companies WHERE n = 3")
# The second of two; the first of two; none of two; and the twin instead of the fourth.
decide "$dir/p.csv" "$dir/decided.csv" \
    "UPDATE p SET decision = 'link' WHERE rowid IN (SELECT max(rowid) FROM p WHERE vendor_id = '$first');" \
    "UPDATE p SET decision = 'Link' WHERE rowid IN (SELECT min(rowid) FROM p WHERE vendor_id = '$second');" \
    "UPDATE p SET decision = 'create' WHERE rowid IN (SELECT min(rowid) FROM p WHERE vendor_id = '$third');" \
    "UPDATE p SET decision = 'link' WHERE vendor_id = '$twin';" \
    "UPDATE p SET decision = 'create' WHERE vendor_id = '$fourth';"
gone=$(table "$dir/p.csv" "SELECT vendor_id FROM p WHERE decision = 'link' AND object = 'companies' LIMIT 1")
gone_ours=$(table "$dir/p.csv" "SELECT our_name FROM p WHERE vendor_id = '$gone'")
vendor -X DELETE "http://127.0.0.1:$port/crm/v3/objects/companies/$gone"
run 0 --accept "$dir/decided.csv" --json
expect "linked" "$(found linked)" $((3 + matched + matched_people))
expect "to be created" "$(found apart)" $((companies + contacts - 3 - matched - matched_people))
expect "not decided on" "$(found undecided)" 0
"$fastenr" runs "$(found run)" -c "$conf" >"$dir/out"
grep -q '(link)' "$dir/out" || fail "the run log does not say who linked: $(cat "$dir/out")"
run 0 --accept "$dir/decided.csv" --json
expect "once more" "$(found linked) $(found apart) $(found unchanged)" "0 0 $((companies + contacts))"
"$fastenr" doctor -c "$conf" | holds '^ok.*store.*whole' || fail "doctor: $("$fastenr" doctor -c "$conf")"

step "a sync goes on with it"
accounts=$(query "SELECT count(*) FROM account WHERE deleted_at IS NULL") all=$(query "SELECT count(*) FROM contact")
sync
expect "set aside" "$(of_last_run quarantined)" 0
expect "deleted" "$(of_last_run deleted)" 0
expect "accounts" "$(query "SELECT count(*) FROM account WHERE deleted_at IS NULL")" $((accounts + companies - 3 - matched))
expect "contacts" "$(query "SELECT count(*) FROM contact")" $((all + contacts - matched_people))
expect "links that live" "$(query "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object IN ('companies', 'contacts') WHERE l.ended = 0")" $((companies + contacts - 1))
expect "records that two of the vendor's have" "$(query "SELECT count(*) FROM (SELECT record FROM link WHERE ended = 0 GROUP BY stream, record HAVING count(*) > 1) x")" 0
key_of() { query "SELECT record FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = 'companies' WHERE external_id = '$1'"; }
twice() { query "SELECT $2(key) FROM account WHERE domain = '$(v "SELECT lower(domain) FROM companies WHERE n = $1")'"; }
expect "the second of two" "$(key_of "$first")" "$(twice 1 max)"
expect "the first of two" "$(key_of "$second")" "$(twice 2 min)"
expect "a record of its own" "$(key_of "$third")" "$(twice 3 max)"
expect "three of that domain" "$(twice 3 count)" 3
expect "the twin has ours" "$(key_of "$twin")" "$(twice 4 min)"
expect "the fourth is new" "$(key_of "$fourth")" "$(twice 4 max)"
expect "ours of what is gone there stays" "$(query "SELECT count(*) FROM account WHERE key = $(key_of "$gone") AND deleted_at IS NULL")" 1
expect "and is as it was" "$(query "SELECT name || ', ' || domain FROM account WHERE key = $(key_of "$gone")")" "$gone_ours"
"$fastenr" doctor -c "$conf" | holds '^ok.*store.*whole' || fail "doctor: $("$fastenr" doctor -c "$conf")"
sync --full
expect "a second read changes nothing" "$(of_last_run 'created + updated + deleted + quarantined')" 0
run 0 --propose "$dir/after.csv" --json
expect "all is linked" "$(count companies linked) $(count companies ambiguous) $(count contacts linked)" "$((companies - 1)) 0 $contacts"

step "what an import set aside is decided later"
foreign "INSERT INTO account (name, domain) VALUES ('X', 'twice.test')"
foreign "INSERT INTO account (name, domain) VALUES ('Y', 'twice.test')"
vendor -X POST -H 'Content-Type: application/json' -d '{"properties":{"name":"Late","domain":"twice.test"}}' "http://127.0.0.1:$port/crm/v3/objects/companies" >"$dir/late"
late=$(grep -o '"id":"[0-9]*"' "$dir/late" | grep -o '[0-9]*')
tick
sync
expect "set aside" "$(of_last_run quarantined)" 1
run 0 companies --propose "$dir/late.csv"
says '1 record is to be decided on'
decide "$dir/late.csv" "$dir/later.csv" "DELETE FROM p WHERE vendor_id <> '$late';" "UPDATE p SET decision = 'link' WHERE our_name LIKE 'Y,%';"
run 0 --accept "$dir/later.csv"
says '1 linked'
sync
expect "in quarantine" "$(query 'SELECT count(*) FROM quarantine')" 0
expect "ours" "$(query "SELECT name FROM account WHERE key = $(key_of "$late")")" Late
expect "the other one" "$(query "SELECT count(*) FROM account WHERE name = 'X' AND domain = 'twice.test'")" 1
step "a sync under way"
control POST faults '{"path":"/crm/v3/objects/companies","kind":"slow","count":3}' >/dev/null
runs=$(query 'SELECT count(*) FROM run')
"$fastenr" sync hubspot --full -c "$conf" >/dev/null 2>&1 &
pid=$!
until [ "$(query 'SELECT count(*) FROM run')" -gt "$runs" ]; do sleep 0.02; done
run 1 --accept "$dir/later.csv"
complains 'another fastenr is syncing'
run 1 --propose "$dir/no.csv"
complains 'another fastenr is syncing'
wait "$pid" || fail "the sync was disturbed"
control DELETE faults >/dev/null
echo "link: $((companies + contacts)) of the vendor's records"
