#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# erase.sh: after an erasure no byte of a person's address is in the store's files, and no sync brings the person back.
. "$(dirname "$0")/host.bash"

# found ADDRESS: how many of the store's files hold it, in any case.
found() { { grep -liaF -- "$1" "$db"* || true; } | wc -l; }
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

step "a contact that was created and changed"
address=$(query "SELECT c.email FROM contact c JOIN log l ON l.record = c.key AND l.object = 2
    WHERE l.op = 2 AND c.email IS NOT NULL LIMIT 1")
before=$(query "SELECT count(*) FROM contact")
erase "${address^^}" "1 contact, 1 link to vendors, 2 log rows"
sync --full
expect "files with the address after a sync" "$(found "$address")" 0
expect "contacts after a sync" "$(query "SELECT count(*) FROM contact")" $((before - 1))

step "an owner is no contact: it is not said that nothing has the address"
owner=$(query "SELECT email FROM owner WHERE email IS NOT NULL ORDER BY key LIMIT 1")
had=$(query "SELECT (SELECT count(*) FROM owner WHERE email = '$owner') +
    (SELECT count(*) FROM account WHERE owner_email = '$owner')")
[ "$had" -gt 1 ] || fail "nobody follows the owner"
"$fastenr" erase "$owner" -c "$conf" >"$dir/out" 2>"$dir/err"
! grep -q 'nothing in the store' "$dir/out" || fail "it says that nothing has an owner's address"
grep -q "$had other records have the address" "$dir/err" || fail "it does not tell of $had records: $(cat "$dir/err")"
"$fastenr" erase "$owner" -c "$conf" --json >"$dir/out" 2>/dev/null
grep -q "\"still_mentioned\":$had" "$dir/out" || fail "not in its JSON: $(cat "$dir/out")"

step "one who is nowhere"
"$fastenr" erase nobody@example.com -c "$conf" --yes >"$dir/out"
grep -q 'nothing in the store' "$dir/out" || fail "it does not say that there is nothing"
if "$fastenr" erase 'no address' -c "$conf" --yes 2>/dev/null; then fail "it takes what is no address"; fi

step "the store is whole"
"$fastenr" doctor -c "$conf" >"$dir/out" || { cat "$dir/out"; fail "doctor finds fault"; }
