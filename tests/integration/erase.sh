#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# erase.sh: after an erasure no byte of a person's address is in the store's files, and no sync brings the person back.
. "$(dirname "$0")/host.bash"

# found ADDRESS: how many of the store's files hold it, in any case. Of PostgreSQL's all but the write-ahead log, whose
# files keep what was written until they are overwritten: see docs/operations.md.
found() {
    if [ "$store" = sqlite ]; then
        { grep -liaF -- "$1" "$db"* || true; } | wc -l
    else
        query CHECKPOINT
        { grep -rliaF --exclude-dir=pg_wal -- "$1" "$pg_dir" || true; } | wc -l
    fi
}

# erase ADDRESS WORDS: what it is to say.
erase() {
    "$fastenr" erase "$1" -c "$conf" >"$dir/out"
    grep -q "would be erased: $2" "$dir/out" || fail "it would not erase $2: $(cat "$dir/out")"
    [ "$(found "$1")" -gt 0 ] || fail "the address is gone without --yes"
    "$fastenr" erase "$1" -c "$conf" --yes >"$dir/out"
    grep -q "^erased: $2" "$dir/out" || fail "it did not erase $2: $(cat "$dir/out")"
    ! grep -qiF -- "$1" "$dir/out" || fail "the output has the address"
    expect "files with the address" "$(found "$1")" 0
}

start_sandbox --companies 200 --contacts 500 --limits off --dirty 5
order="owners companies contacts"
configure
sync
control POST mutate '{"contacts":500,"seed":3}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync
# PostgreSQL's statistics have samples of values.
foreign ANALYZE

step "a contact that was created and changed, and is mentioned in quarantine"
address=$(query "SELECT c.email FROM contact c JOIN log l ON l.record = c.key AND l.object = 2
    WHERE l.op = 2 AND c.email IS NOT NULL LIMIT 1")
before=$(query "SELECT count(*) FROM contact")
foreign "INSERT INTO quarantine (stream, external_id, run, first_at, last_at, times, reason, payload)
    SELECT id, 'q1', 1, 1, 1, 1, 'odd', '{\"about\":\"one\\n$address\"}' FROM stream WHERE vendor_object = 'companies'"
id=$(query "SELECT id FROM quarantine WHERE external_id = 'q1'")
erase "${address^^}" "1 contact, 1 link to vendors, 2 log rows"
grep -q "^emptied: 0 other records, of what is theirs, 1 other in quarantine" "$dir/out" ||
    fail "it does not tell of the record in quarantine: $(cat "$dir/out")"
expect "files with the address" "$(found "$address")" 0
"$fastenr" quarantine show "$id" -c "$conf" | holds 'erased with the data of a person' || fail "it does not show that"
status=0
"$fastenr" quarantine replay hubspot --id "$id" -c "$conf" >"$dir/out" 2>"$dir/err" || status=$?
expect "exit status of a replay" "$status" 1
grep -q 'what it held was erased' "$dir/err" || fail "the replay does not say why not: $(cat "$dir/err")"
sync --full
expect "files with the address after a sync" "$(found "$address")" 0
expect "contacts after a sync" "$(query "SELECT count(*) FROM contact")" $((before - 1))

step "an owner, and what accounts took of it"
owner=$(query "SELECT email FROM owner WHERE email IS NOT NULL ORDER BY key LIMIT 1")
followers=$(query "SELECT count(*) FROM account WHERE owner_email = '$owner'")
without=$(query "SELECT count(*) FROM account WHERE owner_email IS NULL")
before=$(query "SELECT count(*) FROM owner")
[ "$followers" -gt 0 ] || fail "nobody follows the owner"
"$fastenr" erase "$owner" -c "$conf" --json >"$dir/out"
grep -q "\"owners\":1,.*\"emptied\":$followers,\"still_mentioned\":0" "$dir/out" || fail "not in its JSON: $(cat "$dir/out")"
erase "$owner" "1 owner, 1 link to vendors"
grep -q "^emptied: $followers other record" "$dir/out" || fail "it does not tell of $followers records: $(cat "$dir/out")"
waiting=$(query "SELECT count(*) FROM pending_reference")
control POST mutate '{"companies":200,"seed":5}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync
sync --full
expect "files with the owner's address after a sync" "$(found "$owner")" 0
expect "owners after a sync" "$(query "SELECT count(*) FROM owner")" $((before - 1))
[ "$(query "SELECT count(*) FROM account WHERE owner_email IS NULL")" -gt "$without" ] || fail "an account has another owner"
[ "$(query "SELECT count(*) FROM pending_reference")" -le $((waiting + without)) ] || fail "records wait for the owner"
expect "references to the owner that wait" "$(query "SELECT count(*) FROM pending_reference p WHERE NOT EXISTS
    (SELECT 1 FROM link l WHERE l.stream = p.stream AND l.external_id = p.external_id)")" 0

step "a text that mentions somebody stays, and it says so"
foreign "UPDATE account SET industry = 'ask nobody@example.com.' WHERE key = (SELECT min(key) FROM account)"
"$fastenr" erase nobody@example.com -c "$conf" >"$dir/out" 2>"$dir/err"
grep -q '0 contacts, 0 links to vendors, 1 log row' "$dir/out" || fail "it does not tell of the log: $(cat "$dir/out")"
grep -q '1 other record has the address' "$dir/err" || fail "it does not tell of the text: $(cat "$dir/err")"

step "one who is nowhere, with spaces around"
"$fastenr" erase ' body@example.com ' -c "$conf" --yes >"$dir/out"
grep -q 'nothing in the store' "$dir/out" || fail "it does not say that there is nothing"

step "what is no address is wrong usage"
for word in notanaddress 'no address' 'a@b@c.example' ''; do
    status=0
    "$fastenr" erase "$word" -c "$conf" --yes >"$dir/out" 2>"$dir/err" || status=$?
    expect "exit status for '$word'" "$status" 2
    grep -q "is no e-mail address" "$dir/err" || fail "it does not say what is wrong: $(cat "$dir/err")"
done

step "not while a sync is under way, which would bring the person back"
control POST faults '{"path":"/crm/v3/objects/companies","kind":"slow","count":8}' >/dev/null
runs=$(query 'SELECT count(*) FROM run')
"$fastenr" sync hubspot --full -c "$conf" >/dev/null 2>&1 &
pid=$!
until [ "$(query 'SELECT count(*) FROM run')" -gt "$runs" ]; do sleep 0.02; done
status=0
"$fastenr" erase body@example.com -c "$conf" --yes >"$dir/out" 2>"$dir/err" || status=$?
expect "exit status" "$status" 1
grep -q "'hubspot' is being synced" "$dir/err" || fail "it does not say why not: $(cat "$dir/err")"
"$fastenr" erase body@example.com -c "$conf" >/dev/null || fail "it does not count meanwhile"
wait "$pid" || fail "the sync ended with $?"

step "the store is whole"
"$fastenr" doctor -c "$conf" >"$dir/out" || { cat "$dir/out"; fail "doctor finds fault"; }
