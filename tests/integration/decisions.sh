#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# decisions.sh: what a person decides of conflicts and of writes that were refused: what the commands list, what they do to
# records, queue and run log, and that nothing of it is done twice, or while the connection is being synced. Both are put
# into the store by hand, as a two-way sync leaves them (two_way.sh).
. "$(dirname "$0")/host.bash"

# run STATUS COMMAND...: its output is in $out and $err.
run() {
    local status=$1 got=0
    shift
    "$fastenr" "$@" -c "$conf" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
    out=$(cat "$dir/out") err=$(cat "$dir/err")
    [ "$got" -eq "$status" ] || fail "'$*' ended with $got, not $status: $out $err"
    ! LC_ALL=C grep -q "$(printf '\033')" "$dir/out" "$dir/err" || fail "'$*' lets an escape sequence through"
}
says() { [[ $out == *"$1"* ]] || fail "no '$1' in: $out"; }
complains() { [[ $err == *"$1"* ]] || fail "no '$1' in: $err"; }
account() { query "SELECT $2 FROM account WHERE key = $1"; }
conflict() { query "SELECT $2 FROM conflict WHERE id = $1"; }
# put_conflict RECORD LOCAL REMOTE [FIELD]: an open one of a company, of its name unless a field is given; $id is its
# number.
put_conflict() {
    foreign "INSERT INTO conflict (stream, run, record, field, state, by_policy, at, local_at, remote_at, local, remote)
        VALUES ($stream, 1, $1, ${4:-1}, 1, 0, 1700000000000000, 1700000001000000, 1700000002000000, '$2', '$3')"
    id=$(query "SELECT max(id) FROM conflict")
}
# put_write ID RECORD EXTERNAL OP STATE REASON
put_write() {
    foreign "INSERT INTO export_write (stream, run, record, link, op, state, at, external_id, body, reason)
        VALUES ($stream, 1, $2, 0, $4, $5, 1700000000000000, '$3', '{\"name\":\"x\"}', '$6')"
    expect "the write's number" "$(query "SELECT max(id) FROM export_write")" "$1"
}
due() { query "SELECT count(*) FROM export_due WHERE stream = $stream AND record = $1"; }

start_sandbox --companies 12 --contacts 10 --limits off
configure
sync
stream=$(query "SELECT id FROM stream WHERE vendor_object = 'companies'")
for i in 1 2 3 4 5 6; do
    eval "k$i=$(query "SELECT key FROM account ORDER BY key LIMIT 1 OFFSET $i")"
done
for k in $k1 $k2 $k3 $k4; do foreign "UPDATE account SET name = 'Here' WHERE key = $k"; done
external=$(query "SELECT external_id FROM link WHERE record = $k1 AND stream = $stream")

step "nothing to decide"
run 0 conflicts list
says 'no conflict waits for a decision'
run 0 writes list
says 'no write was refused or is in doubt'
run 0 status
[[ $out != *conflicts* && $out != *writes* ]] || fail "status tells of what is not: $out"

step "what is listed"
put_conflict "$k1" '"Here"' '"There\u001b[31m\nConflict 2: x"'
put_conflict "$k2" '"Here"' '"There"'
put_conflict "$k3" '"Here"' '"There"'
put_conflict "$k4" '"Here"' '"There"'
run 0 conflicts list
says "companies  $external"
says 'name   Here  There'
expect "a row each, whatever is in them" "$(grep -c '^ *[0-9]  *hubspot ' "$dir/out")" 4
run 0 conflicts list --json
expect "lines" "$(wc -l <"$dir/out")" 4
says '"field":"name","state":"open","local":"Here","remote":"There"'
run 2 conflicts list --connection nobody
complains "there is no connection 'nobody'"
run 0 conflicts list --object contacts
says 'no conflict waits'
run 2 conflicts list --object contact
complains "did you mean 'contacts'"
run 0 conflicts show 1
says 'Conflict 1: name of companies'
says 'ours      Here    (our record changed 2023-11-14 22:13:21 UTC)'
says '--take remote   our record gets theirs'
[ "$(grep -c '^Conflict' "$dir/out")" -eq 1 ] || fail "a value makes a line of its own: $out"
run 0 conflicts show 2 --json
says '"now":"Here"'
run 2 conflicts show 99
complains 'there is no conflict 99'
run 0 status
says 'conflicts waiting: 4 for a decision; see `fastenr conflicts list --connection hubspot'
run 0 status --json
says '"open_conflicts":4,"refused_writes":0,"doubted_writes":0'

step "what must be said"
run 2 conflicts resolve 1
complains 'say how'
run 2 conflicts resolve 1 --take both
complains 'local (ours) or remote (theirs)'
run 2 conflicts resolve 1 --take local --value x
run 2 conflicts resolve --take local
complains 'needs the number of a conflict'
run 2 conflicts resolve 1 --take local --connection hubspot
run 2 conflicts resolve one --take local
run 1 conflicts resolve 99 --take local
complains 'there is no conflict 99'
run 1 conflicts resolve 1 --value ''
complains 'name is required'
expect "still open" "$(query 'SELECT count(*) FROM conflict WHERE state = 1')" 4

step "ours, theirs, another value"
runs=$(query "SELECT count(*) FROM run")
run 0 conflicts resolve 1 --take local
says '1 conflict settled: ours stays'
says 'fastenr sync hubspot'
expect "queued" "$(due "$k1")" 1
expect "runs" "$(query "SELECT count(*) FROM run")" "$runs"
run 0 conflicts resolve 2 --take remote
expect "our name" "$(account "$k2" name)" There
expect "not queued" "$(due "$k2")" 0
expect "a run" "$(query "SELECT count(*) FROM run WHERE id > $runs AND status = 2 AND started_by LIKE 'conflicts resolve by %'")" 1
run 0 why account "$(query "SELECT external_id FROM link WHERE record = $k2 AND stream = $stream")" --connection hubspot
says 'conflicts resolve by'
run 0 conflicts resolve 3 --value 'Both of them'
expect "our name" "$(account "$k3" name)" 'Both of them'
expect "queued" "$(due "$k3")" 1
foreign "UPDATE account SET name = 'Later' WHERE key = $k4"
run 1 conflicts resolve 4 --take remote
complains 'our record has another value by now: "Later"'
expect "our name" "$(account "$k4" name)" Later
run 0 conflicts resolve 4 --take remote
expect "our name" "$(account "$k4" name)" There
run 1 conflicts resolve 2 --take local --json
complains 'the vendor'"'"'s value was taken'
says '"settled":false'
run 0 conflicts list --all
says 'local by'
says 'value by'
run 0 conflicts show 2
says 'theirs was taken'
run 0 conflicts list
says 'no conflict waits'

step "in bulk"
put_conflict "$k5" "$(conflict 1 local)" '"Five"'
put_conflict "$k6" "$(conflict 1 local)" '"Six"'
put_conflict "$k6" '"x"' '"y"' 2
other=$id
foreign "UPDATE account SET name = 'Here' WHERE key IN ($k5, $k6)"
run 0 conflicts resolve --object companies --field name --take remote
says '2 conflicts would be settled'
says 'the same with --yes'
expect "nothing was done" "$(query 'SELECT count(*) FROM conflict WHERE state = 1')" 3
run 0 conflicts resolve --object companies --field name --take remote --yes
expect "our names" "$(query "SELECT name FROM account WHERE key IN ($k5, $k6) ORDER BY key" | tr '\n' ' ')" 'Five Six '
expect "the other field waits" "$(conflict "$other" state)" 1
expect "one run" "$(query "SELECT count(*) FROM run_stream WHERE updated = 2 AND run = (SELECT max(id) FROM run)")" 1
run 0 conflicts resolve --connection hubspot --take local --yes

step "writes that were refused, or are in doubt"
put_write 1 "$k1" "$external" 2 3 'no '$'\e''[31mgood'
put_write 2 "$k2" '' 1 2 ''
put_write 3 "$k3" "$external" 2 3 'neither'
put_write 4 "$k4" '' 1 2 ''
put_write 5 "$k5" '' 1 1 ''
foreign "DELETE FROM export_due; INSERT INTO export_due (stream, record) VALUES ($stream, $k4), ($stream, $k2)"
run 0 writes list
says 'update  refused'
says 'create  in doubt'
expect "those under way are not listed" "$(grep -c '^ *[0-9]  *hubspot ' "$dir/out")" 4
run 0 writes list --json
says '"op":"update","state":"refused"'
says '"values":{"name":"x"}'
run 0 status
says 'writes    refused: 2, and 2 in doubt'
run 2 writes retry
run 2 writes retry 1 --all
run 1 writes retry 2 99 5
complains 'write 2: the record may have been created'
complains 'write 99: there is no such write'
complains 'write 5: there is no such write'
run 0 writes retry --all --connection hubspot
says '2 writes will be tried again'
complains '2 creations in doubt are left as they are'
expect "queued" "$(due "$k1")$(due "$k3")" 11
expect "those in doubt stay" "$(query "SELECT count(*) FROM export_write WHERE state = 2")" 2
run 0 writes retry 2 --force
expect "queued" "$(due "$k2")" 1
run 0 writes drop 4
says '1 write dropped'
expect "not queued any more" "$(due "$k4")" 0
expect "what is under way stays" "$(query "SELECT id FROM export_write")" 5
run 1 writes drop 4

step "not while the connection is being synced"
put_conflict "$k1" '"Here"' '"There"'
put_write 6 "$k1" "$external" 2 3 'no'
control POST mutate '{"companies":12,"seed":5}' >/dev/null
kill -STOP "$sandbox_pid"
"$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err" &
sync_pid=$!
for _ in {1..200}; do
    [ "$(query "SELECT count(*) FROM run WHERE status = 1")" = 1 ] && break
    sleep 0.05
done
run 1 conflicts resolve "$id" --take local
complains 'is being synced just now'
run 1 writes retry 6
complains 'is being synced just now'
kill -CONT "$sandbox_pid"
wait "$sync_pid" || fail "the sync ended with $?: $(cat "$dir/sync.err")"
run 0 writes retry 6
run 0 conflicts resolve "$id" --take local

step "the run log"
foreign "UPDATE run_stream SET sent_created = 1, sent_updated = 2, sent_deleted = 3, refused = 4, conflicted = 5 WHERE run = 1 AND stream = $stream"
run 0 runs 1
says 'SENT NEW  SENT CHANGED  SENT DELETED  REFUSED  CONFLICTS'
run 0 runs 1 --json
says '"sent_created":1,"sent_updated":2,"sent_deleted":3,"refused":4,"conflicted":5'
run 0 runs
says 'SENT  REFUSED  CONFLICTS'

step "as a sync of both ways leaves them"
foreign "DELETE FROM conflict; DELETE FROM export_write; DELETE FROM export_due"
configure 'sync_direction: bidirectional' 'conflict_resolution: manual_review'
sync --full
foreign "DELETE FROM export_due"
for k in $k1 $k2 $k3; do
    foreign "UPDATE account SET name = 'Ours $k' WHERE key = $k"
    patch companies "$(external companies "$k")" "{\"name\":\"Theirs $k\"}"
done
tick
sync
grep -q 'hubspot: quarantined' "$dir/sync.out" || fail "a run with open conflicts is called clean: $(cat "$dir/sync.out")"
grep -q 'warning: 3 conflicts wait for a decision' "$dir/sync.out" || fail "no word of conflicts: $(cat "$dir/sync.out")"
run 0 runs --json -n 1
says 'conflicts wait for a decision: see `fastenr conflicts list`'
says '"conflicted":3'
for k in $k1 $k2 $k3; do
    expect "here" "$(account "$k" name)" "Ours $k"
    expect "there" "$(property companies "$(external companies "$k")" name)" "Theirs $k"
done
tick
sync
grep -q 'hubspot: ok' "$dir/sync.out" || fail "what waits is no news in every run: $(cat "$dir/sync.out")"
id_of() { query "SELECT id FROM conflict WHERE record = $1 AND state = 1"; }
run 0 conflicts resolve "$(id_of "$k1")" --take local
run 0 conflicts resolve "$(id_of "$k2")" --take remote
run 0 conflicts resolve "$(id_of "$k3")" --value 'Agreed'
tick
sync
grep -q 'hubspot: ok' "$dir/sync.out" || fail "not clean: $(cat "$dir/sync.out")"
expect "sent" "$(of_last_run sent_updated)" 2
expect "ours" "$(property companies "$(external companies "$k1")" name)" "Ours $k1"
expect "theirs" "$(account "$k2" name)/$(property companies "$(external companies "$k2")" name)" "Theirs $k2/Theirs $k2"
expect "another" "$(account "$k3" name)/$(property companies "$(external companies "$k3")" name)" "Agreed/Agreed"
tick
sync
expect "nothing is written again" "$(of_last_run 'sent_updated + updated + conflicted')" 0

step "a write that the vendor refuses, tried again"
c=$(query "SELECT key FROM contact WHERE email IS NOT NULL ORDER BY key LIMIT 1")
address=$(query "SELECT email FROM contact WHERE key = $c")
foreign "UPDATE contact SET email = 'not an address' WHERE key = $c"
tick
sync
grep -q 'hubspot: quarantined' "$dir/sync.out" || fail "a run with refused writes is called clean: $(cat "$dir/sync.out")"
grep -q 'warning: 1 write was refused' "$dir/sync.out" || fail "no word of it: $(cat "$dir/sync.out")"
run 0 writes list --json
says '"object":"contacts"'
write=$(query "SELECT id FROM export_write")
tick
sync
expect "it is not tried by itself" "$(of_last_run refused)" 0
run 0 writes retry "$write"
tick
sync
expect "it is refused again" "$(of_last_run refused)" 1
foreign "UPDATE contact SET email = '$address' WHERE key = $c"
tick
sync
run 0 writes list
says 'no write was refused'
