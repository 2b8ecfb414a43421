#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rollback.sh RECORDS KILLS: a run is taken back, here and at the vendor; what somebody has changed since is left; the plan says
# what is done; the rollback is taken back, too; kill -9 in the middle changes nothing in the end.
. "$(dirname "$0")/host.bash"
records=$1 kills=$2
RANDOM=${SEED:-4711}

foreign() {
    if [ "$store" = sqlite ]; then
        sqlite3 "$db" ".timeout 10000" "$1"
    else
        query "$1"
    fi
}
vendor() { curl -fsS -H 'Authorization: Bearer sandbox-token' "$@"; }
patch() { vendor -X PATCH -H 'Content-Type: application/json' -d "{\"properties\":$3}" "http://127.0.0.1:$port/crm/v3/objects/$1/$2" >/dev/null; }
property() {
    vendor "http://127.0.0.1:$port/crm/v3/objects/$1/$2?properties=$3" >"$dir/record"
    sqlite3 :memory: "SELECT CAST(readfile('$dir/record') AS TEXT) ->> '\$.properties.$3'"
}
external() { query "SELECT external_id FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = '$1' WHERE l.record = $2 ORDER BY l.ended LIMIT 1"; }
company_of() { vendor "http://127.0.0.1:$port/crm/v4/objects/contacts/$1/associations/companies" | grep -o '"toObjectId":[0-9]*' | cut -d: -f2; }
tick() { control POST clock '{"advance_ms":5000}' >/dev/null; }
last_run() { query "SELECT max(id) FROM run"; }
# What is here of records that live, without what every write changes.
here() { query "SELECT 'account', key, name, domain, industry, parent_id, custom_fields FROM account WHERE deleted_at IS NULL ORDER BY key;
    SELECT 'contact', key, first_name, last_name, email, account_id, custom_fields FROM contact WHERE deleted_at IS NULL ORDER BY key"; }
# What the vendor has in the fields that tests change.
there() {
    for type in $objects; do
        control GET "truth/$type" | grep -o '"\(id\|name\|domain\|city\|firstname\|lastname\)":"[^"]*"'
    done
}

# rollback RUN [ARGUMENT...]: does what its plan says, which writes nothing; lines are in $dir/done.
rollback() {
    local before
    before=$(here; there; query "SELECT count(*) FROM run")
    "$fastenr" rollback -c "$conf" "$@" --plan --json >"$dir/plan" || fail "the plan of rollback $* ended with $?"
    expect "after the plan" "$(here; there; query "SELECT count(*) FROM run")" "$before"
    "$fastenr" rollback -c "$conf" "$@" --yes --json >"$dir/done" || fail "rollback $* ended with $?"
    diff <(grep '"verdict"' "$dir/plan" | sort) <(grep '"verdict"' "$dir/done" | sort) >&2 || fail "rollback $* is not what was planned"
    grep -o '"objects":.*' "$dir/plan" | tr '{' '\n' | sort >"$dir/plan.counts"
    grep -o '"objects":.*' "$dir/done" | tr '{' '\n' | sort | diff "$dir/plan.counts" - >&2 || fail "rollback $* counts other than planned"
}
verdicts() { grep -c "\"verdict\":\"$1\"" "$dir/done" || true; }
refused() { # WORDS STATUS ARGUMENT...
    local words=$1 status=$2 rc=0
    shift 2
    "$fastenr" rollback -c "$conf" "$@" >"$dir/out" 2>&1 </dev/null || rc=$?
    expect "exit status of rollback $*" "$rc" "$status"
    grep -q "$words" "$dir/out" || { cat "$dir/out" >&2 && fail "rollback $* does not say '$words'"; }
}

start_sandbox --companies 40 --contacts 80 --limits off
configure

step "an import"
sync
rollback 1
expect "records that live" "$(here | wc -l)" 0
expect "left" "$(verdicts left)" 0
tick
sync
expect "after an incremental sync" "$(here | wc -l)" 0
sync --full
expect "after a full one" "$(here | wc -l)" 0
"$fastenr" verify -c "$conf" hubspot >"$dir/out" && fail "verify says nothing of it"
grep -q 'rolled back' "$dir/out" || fail "verify does not name what was rolled back"
c1=$(query "SELECT min(key) FROM account")
patch companies "$(external companies "$c1")" '{"name":"Moved there"}'
tick
sync
expect "what moved at the vendor's is back" "$(query "SELECT name FROM account WHERE deleted_at IS NULL")" "Moved there"

step "the rollback of the rollback"
rollback 2
expect_equal
tick
sync
expect "changes of a sync after it" "$(($(of_last_run updated) + $(of_last_run created) + $(of_last_run restored)))" 0

step "updates, some of them touched since"
here >"$dir/before"
tick
control POST mutate '{"companies":15,"contacts":25,"seed":7}' >/dev/null
tick
sync
run=$(last_run)
changed=$(query "SELECT count(*) FROM log WHERE run = $run")
[ "$changed" -gt 10 ] || fail "the run changed only $changed records"
mine=$(query "SELECT record FROM log WHERE run = $run AND object = 1 AND body LIKE '%\"name\"%' LIMIT 1")
foreign "UPDATE account SET name = 'Mine' WHERE key = $mine"
rollback "$run"
expect "left" "$(verdicts left)" 1
grep '"verdict":"left"' "$dir/done" | holds '"field":"name".*another program' || fail "what is left is not named"
expect "what was touched" "$(query "SELECT name FROM account WHERE key = $mine")" Mine
here >"$dir/after"
diff <(grep -v "^account|$mine|" "$dir/before") <(grep -v "^account|$mine|" "$dir/after") >&2 || fail "the rest is not as before"
tick
sync
here | diff "$dir/after" - >&2 || fail "a sync takes the rollback back"
rollback "$((run + 1))"
expect "runs say so" "$("$fastenr" runs -c "$conf" | grep -c "takes run $((run + 1)) back")" 1
"$fastenr" verify -c "$conf" hubspot --repair >/dev/null
expect_equal

step "a run that wrote to the vendor"
configure "sync_direction: bidirectional"
sed -i 's/^  contacts: {}/  contacts: {mapping: {account_id: {from: associations.companies, lookup: companies}}}/' "$conf/hubspot.yaml"
sync
sync # the mapping is another one; and now both sides are agreed on
a=$(query "SELECT min(key) FROM account WHERE domain IS NOT NULL AND deleted_at IS NULL")
b=$(query "SELECT max(key) FROM account WHERE domain IS NOT NULL AND deleted_at IS NULL")
aid=$(external companies "$a") bid=$(external companies "$b")
p=$(query "SELECT key FROM contact WHERE account_id IS NOT NULL ORDER BY key LIMIT 1")
pid=$(external contacts "$p")
was=$(property companies "$aid" name) company=$(company_of "$pid")
foreign "UPDATE account SET name = 'Ours A', domain = 'ours-a.example' WHERE key = $a"
foreign "UPDATE account SET name = 'Ours B' WHERE key = $b"
foreign "INSERT INTO account (name, domain) VALUES ('Brand New', 'brandnew.example')"
new=$(query "SELECT key FROM account WHERE domain = 'brandnew.example'")
foreign "UPDATE contact SET account_id = $new WHERE key = $p"
tick
sync
run=$(last_run)
nid=$(external companies "$new")
expect "the contact's company" "$(company_of "$pid")" "$nid"
patch companies "$bid" '{"name":"Touched there"}'
rollback "$run"
expect "there, as before" "$(property companies "$aid" name)" "$was"
expect "there, touched" "$(property companies "$bid" name)" "Touched there"
expect "the contact's company, as before" "$(company_of "$pid")" "$company"
vendor -o /dev/null "http://127.0.0.1:$port/crm/v3/objects/companies/$nid" 2>/dev/null && fail "what the run made is there yet"
expect "left" "$(verdicts left)" 1
expect "here, what another program wrote" "$(query "SELECT name FROM account WHERE key = $a")" "Ours A"
expect "here, what was made" "$(query "SELECT name FROM account WHERE key = $new AND deleted_at IS NULL")" "Brand New"
before=$(control GET writes | grep -o '"n":' | wc -l)
tick
sync
sync --full
expect "writes of syncs after it" "$(($(control GET writes | grep -o '"n":' | wc -l) - before))" 0
expect "here, after them" "$(query "SELECT name FROM account WHERE key = $a")" "Ours A"
back=$((run + 1))
rollback "$back"
expect "there, once more" "$(property companies "$aid" name)" "Ours A"
[ "$(verdicts irreversible)" -gt 0 ] || fail "nothing is said of what cannot be brought back"
foreign "UPDATE account SET name = 'Ours again' WHERE key = $a"
tick
sync
expect "a change after all that goes out" "$(property companies "$aid" name)" "Ours again"

step "an answer is lost: the next attempt goes on, and both can be taken back"
was=$(property companies "$aid" name)
foreign "UPDATE account SET name = 'Lost' WHERE key = $a"
tick
sync
lost=$(last_run)
control POST faults '{"kind":"lost","rate":1,"count":1,"path":"/crm/v3/objects/companies/batch/update"}' >/dev/null
"$fastenr" rollback -c "$conf" "$lost" --yes >/dev/null 2>&1 && fail "it says that it came to its end"
control DELETE faults >/dev/null
expect "there" "$(property companies "$aid" name)" "$was"
"$fastenr" rollback -c "$conf" "$lost" --yes >/dev/null
expect "writes in the air" "$(query 'SELECT count(*) FROM export_write WHERE state = 1')" 0
tick
sync
expect "here" "$(query "SELECT name FROM account WHERE key = $a")" Lost
rollback $((lost + 2))
expect "there, once more" "$(property companies "$aid" name)" Lost

step "what may not be"
refused "there is no run 9999" 2 9999
refused "no number of a run" 2 x
refused "nobody to ask" 2 "$run"
refused "no field 'nmae'" 2 "$run" --field nmae
"$fastenr" pause -c "$conf" hubspot >/dev/null
refused "paused since" 1 "$run" --yes
"$fastenr" resume -c "$conf" hubspot >/dev/null
mv "$conf/hubspot.yaml" "$dir/hubspot.yaml"
refused "which has no file any more" 2 "$run" --yes
mv "$dir/hubspot.yaml" "$conf/hubspot.yaml"

step "kill -9 in the middle"
stop_sandbox
drop_store
start_sandbox --companies "$((records / 4))" --contacts "$((records * 3 / 4))" --limits off
sync
there >"$dir/there"
tick
control POST mutate "{\"companies\":$((records / 8)),\"contacts\":$((records / 4)),\"seed\":3}" >/dev/null
there >"$dir/there"
tick
sync
for ((k = 0; k < records; k += 500)); do
    foreign "UPDATE account SET name = 'Ours ' || key WHERE key > $k AND key <= $((k + 500))"
    foreign "UPDATE contact SET last_name = 'Ours' || key WHERE key > $k AND key <= $((k + 500))"
done
here >"$dir/here"
tick
sync
run=$(last_run)
began=${EPOCHREALTIME/./}
"$fastenr" rollback -c "$conf" "$run" --plan >/dev/null
span=$(((${EPOCHREALTIME/./} - began) / 500))
killed=0
for ((i = 0; i < kills; i++)); do
    "$fastenr" rollback -c "$conf" "$run" --yes >/dev/null 2>&1 &
    host=$!
    ms=$((RANDOM % span + 1))
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
    kill -9 "$host" 2>/dev/null && killed=$((killed + 1))
    wait "$host" 2>/dev/null || true
done
"$fastenr" rollback -c "$conf" "$run" --yes --json >"$dir/done" || fail "the last rollback ended with $?"
expect "left" "$(verdicts left)" 0
there | diff "$dir/there" - >&2 || fail "the vendor does not have what it had"
here | diff "$dir/here" - >&2 || fail "what other programs wrote is not here"
expect "writes in the air" "$(query 'SELECT count(*) FROM export_write')" 0
before=$(control GET writes | grep -o '"n":' | wc -l)
tick
sync
here | diff "$dir/here" - >&2 || fail "a sync brings back what was taken back there"
expect "writes of a sync after it" "$(($(control GET writes | grep -o '"n":' | wc -l) - before))" 0
"$fastenr" doctor -c "$conf" >"$dir/doctor" 2>&1 || { cat "$dir/doctor" && fail "doctor finds a fault"; }
echo "$killed rollbacks were killed, $(query "SELECT count(*) FROM run WHERE status = 7") interrupted"
