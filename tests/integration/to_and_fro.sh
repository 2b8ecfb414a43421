#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# to_and_fro.sh: a field that a program here and something at the vendor keep changing back waits for a person, instead of
# being written for ever; and open conflicts end when the connection's policy can decide them.
. "$(dirname "$0")/host.bash"

open_conflicts() { query "SELECT count(*) FROM conflict WHERE state = 1"; }
sent() { query "SELECT count(*) FROM sent"; }
# round: here it is 'Ours', there it becomes 'Theirs', which the next sync takes.
round() {
    foreign "UPDATE account SET name = 'Ours' WHERE key = $a"
    tick
    sync_any
    tick
    patch companies "$aid" '{"name":"Theirs"}'
    tick
    sync_any
}
sync_any() { "$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err" || fail "$(cat "$dir/sync.out" "$dir/sync.err")"; }

start_sandbox --companies 40 --contacts 80 --limits off
configure "sync_direction: bidirectional" "conflict_resolution: source_priority"
sync
a=$(query "SELECT min(key) FROM account")
aid=$(external companies "$a")

step "three times it is written"
for i in 1 2 3; do
    round
    expect "writes after round $i" "$(sent)" "$i"
    expect "our value" "$(query "SELECT name FROM account WHERE key = $a")" Theirs
done

step "the fourth time it waits"
foreign "UPDATE account SET name = 'Ours', domain = 'to-and-fro.example' WHERE key = $a"
tick
sync_any
expect "the vendor's name" "$(property companies "$aid" name)" Theirs
expect "the other field" "$(property companies "$aid" domain)" to-and-fro.example
expect "writes" "$(sent)" 4
expect "open conflicts" "$(open_conflicts)" 1
grep -q "changed back each time" "$dir/sync.err" || fail "no word of it: $(cat "$dir/sync.err")"
"$fastenr" conflicts list -c "$conf" | holds 'name' || fail "it is not listed: $("$fastenr" conflicts list -c "$conf")"
tick
sync_any
expect "it is not written by itself" "$(sent)" 4

step "another record of the same field goes on"
b=$(query "SELECT key FROM account ORDER BY key LIMIT 1 OFFSET 5")
foreign "UPDATE account SET name = 'Another' WHERE key = $b"
tick
sync_any
expect "its name there" "$(property companies "$(external companies "$b")" name)" Another

step "a person decides"
"$fastenr" conflicts resolve -c "$conf" "$(query "SELECT id FROM conflict WHERE state = 1")" --take local >/dev/null
tick
sync_any
expect "the vendor's name" "$(property companies "$aid" name)" Ours
expect "open conflicts" "$(open_conflicts)" 0

step "a program that changes its mind, with nobody who changes it back, is no case of this"
for i in 1 2 3 4 5 6; do
    foreign "UPDATE account SET name = 'Mind $((i % 2))' WHERE key = $b"
    tick
    sync_any
    expect "its name there" "$(property companies "$(external companies "$b")" name)" "Mind $((i % 2))"
done
expect "open conflicts" "$(open_conflicts)" 0

step "a policy that can decide ends what waited for a person"
configure "sync_direction: bidirectional" "conflict_resolution: manual_review"
sync_any
c=$(query "SELECT key FROM account ORDER BY key LIMIT 1 OFFSET 8")
cid=$(external companies "$c")
foreign "UPDATE account SET name = 'Here' WHERE key = $c"
patch companies "$cid" '{"name":"There"}'
tick
sync_any
expect "open conflicts" "$(open_conflicts)" 1
configure "sync_direction: bidirectional" "conflict_resolution: source_priority"
patch companies "$cid" '{"name":"There again"}'
tick
sync_any
expect "our value" "$(query "SELECT name FROM account WHERE key = $c")" "There again"
expect "open conflicts" "$(open_conflicts)" 0
echo "all as expected"
