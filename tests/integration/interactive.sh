#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# interactive.sh: while a service reads a connection for long, what changes here is exported beside it. Pages that were asked for
# before say nothing against it; what is made and deleted meanwhile is so once, and on both sides. And how both runs end.
. "$(dirname "$0")/host.bash"

runs() { query "SELECT count(*) FROM run WHERE started_by = 'change'"; }
# The read that is under way; empty: it has ended.
reader() { query "SELECT max(id) FROM run WHERE started_by = 'schedule' AND ended_at IS NULL"; }
# soon WHAT COMMAND...: waits until it succeeds, while the read goes on.
soon() {
    local what=$1
    shift
    for _ in {1..400}; do
        if "$@"; then
            [ -n "$(reader)" ] || fail "$what: only after the read had ended"
            return
        fi
        sleep 0.05
    done
    fail "$what: $(tail -5 "$dir/run.log")"
}
# there ID NAME: as the vendor has it; through the door, which is not slow.
there() {
    control GET truth/contacts | grep "\"id\":\"$1\"" >"$dir/record" || true
    sqlite3 :memory: "SELECT CAST(readfile('$dir/record') AS TEXT) ->> '\$.properties.$2'"
}
has() { [ "$(there "$1" "$2")" = "$3" ]; }
is_gone() { control GET truth/contacts/ended | holds "\"$1\""; }
ended() { [ "$(query "SELECT count(*) FROM run WHERE ended_at IS NULL")" = 0 ]; }
wait_until() {
    for _ in {1..600}; do
        if "$@"; then return; fi
        sleep 0.05
    done
    fail "$*: $(tail -5 "$dir/run.log")"
}
has_fired() { control GET faults | holds "\"method\":\"GET\",.*\"fired\":[1-9]"; }
# read_slowly MS: starts the service, whose read gets its pages of contacts late: they are made when they are asked for.
read_slowly() {
    control POST faults "{\"kind\":\"slow\",\"method\":\"GET\",\"path\":\"/crm/v3/objects/contacts\",\"ms\":$1,\"count\":1000}" >/dev/null
    foreign "UPDATE run SET started_at = started_at - 3600000000" # so it is due
    "$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
    run_pid=$!
    wait_until has_fired
}
stop_service() {
    kill "$run_pid"
    wait "$run_pid" || fail "it ended with $?: $(cat "$dir/run.log")"
}
contact() { query "SELECT key FROM contact WHERE key = (SELECT record FROM link l JOIN stream s ON s.id = l.stream WHERE s.vendor_object = 'contacts' ORDER BY CAST(external_id AS bigint) LIMIT 1 OFFSET $1)"; }
agree() { "$fastenr" verify -c "$conf" hubspot >"$dir/verify.out" 2>&1 || fail "the sides differ: $(cat "$dir/verify.out")"; }

start_sandbox --companies 40 --contacts 340 --limits off
configure "sync_direction: bidirectional" "reconcile: every_run"
sed -i 's/^every: .*/frequency: realtime/; s/^  contacts: {}/  contacts: {export: {archive: true}}/' "$conf/hubspot.yaml"
sed -i '$a log = { level = "info"; };' "$conf/fastenr.conf"
sync
a=$(contact 1) b=$(contact 2) c=$(contact 3) d=$(contact 4)
aid=$(external contacts "$a") bid=$(external contacts "$b") cid=$(external contacts "$c") did=$(external contacts "$d")

step "a change of a record whose page was asked for before"
read_slowly 4000
first=$(reader)
foreign "UPDATE contact SET title = 'At once' WHERE key = $a"
soon "the change" has "$aid" jobtitle "At once"
expect "the run that wrote it" "$(query "SELECT started_by FROM run WHERE id = (SELECT run FROM sent ORDER BY id DESC LIMIT 1)")" change
"$fastenr" status -c "$conf" >"$dir/status"
holds "last run  .*running.*run $first by schedule" <"$dir/status" && holds "beside it .*by change" <"$dir/status" ||
    fail "status does not tell of both: $(cat "$dir/status")"

step "another program and a person change different fields, then the same one"
patch contacts "$bid" '{"firstname":"Person"}'
foreign "UPDATE contact SET title = 'Program' WHERE key = $b"
soon "the program's field" has "$bid" jobtitle Program
patch contacts "$cid" '{"jobtitle":"Person"}'
tick
foreign "UPDATE contact SET title = 'Program' WHERE key = $c"

step "one is made, and one is deleted"
foreign "INSERT INTO contact (email, last_name) VALUES ('beside@interactive.example', 'Beside')"
made=$(query "SELECT key FROM contact WHERE email = 'beside@interactive.example'")
is_made() { [ -n "$(external contacts "$made")" ]; }
soon "the new one" is_made
foreign "DELETE FROM contact WHERE key = $d"
soon "the deletion" is_gone "$did"
expect "the read" "$(reader)" "$first"

step "the read ends"
control DELETE faults >/dev/null
wait_until ended
expect "its status" "$(query "SELECT status FROM run WHERE id = $first")" 2
expect "runs that went wrong" "$(query "SELECT count(*) FROM run WHERE status <> 2")" 0
expect "our value" "$(query "SELECT title FROM contact WHERE key = $a")" "At once"
expect "the person's field" "$(query "SELECT first_name FROM contact WHERE key = $b")" Person
expect "the deleted one here" "$(query "SELECT count(*) FROM contact WHERE key = $d")" 0
expect "links of the new one" "$(query "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream WHERE s.vendor_object = 'contacts' AND l.record = $made")" 1
expect "of its name there" "$(control GET truth/contacts | grep -c 'beside@interactive.example')" 1
expect "tombstones" "$(query "SELECT count(*) FROM contact WHERE deleted_at IS NOT NULL")" 0
expect "records that came anew" "$(query "SELECT coalesce(sum(created), 0) FROM run_stream WHERE run >= $first")" 0
stop_service
sync
before=$(writes)
sync
expect "writes of a further sync" "$(writes)" "$before"
expect "the field that both had changed" "$(query "SELECT title FROM contact WHERE key = $c")" "$(there "$cid" jobtitle)"
agree

step "one that fails is tried again while the read goes on"
read_slowly 2000
control POST faults '{"kind":"status","status":401,"path":"/crm/v3/objects/contacts/batch/read","count":1}' >/dev/null
foreign "UPDATE contact SET title = 'Once more' WHERE key = $a"
soon "the change" has "$aid" jobtitle "Once more"
expect "runs that failed" "$(query "SELECT count(*) FROM run WHERE started_by = 'change' AND status = 4")" 1
control DELETE faults >/dev/null
wait_until ended
stop_service

step "told to end, both do"
read_slowly 2000
control POST faults '{"kind":"slow","path":"/crm/v3/objects/contacts/batch/update","ms":2000}' >/dev/null
before=$(runs)
foreign "UPDATE contact SET title = 'Not yet' WHERE key = $a"
under_way() { [ "$(query "SELECT count(*) FROM run WHERE ended_at IS NULL")" = 2 ]; }
is_noted() { [ "$(query "SELECT count(*) FROM export_write WHERE state = 1")" = 1 ]; }
wait_until is_noted
under_way || fail "it is not beside the read"
stop_service
expect "runs for it" "$(runs)" $((before + 1))
expect "how both ended" "$(query "SELECT count(*) FROM (SELECT status FROM run ORDER BY id DESC LIMIT 2) r WHERE status = 6")" 2

step "told to end, one beside a read that has failed already does, too"
control DELETE faults >/dev/null
sync
cp "$conf/hubspot.yaml" "$dir/hubspot.yaml"
sed -i 's/^  contacts: {/  contacts: {guard: {max_changes: 1}, /' "$conf/hubspot.yaml"
patch contacts "$aid" '{"firstname":"One"}'
patch contacts "$bid" '{"firstname":"Two"}'
control POST faults '{"kind":"slow","path":"/account-info/v3/details","ms":3000,"count":1,"after":1}' >/dev/null
control POST faults '{"kind":"slow","path":"/crm/v3/objects/contacts/batch/update","ms":20000}' >/dev/null
read_slowly 1000
foreign "UPDATE contact SET title = 'Neither' WHERE key = $c"
wait_until is_noted
stop_service
expect "how the read ended" "$(query "SELECT status FROM run WHERE started_by = 'schedule' ORDER BY id DESC LIMIT 1")" 5
expect "how the one beside it ended" "$(query "SELECT status FROM run WHERE started_by = 'change' ORDER BY id DESC LIMIT 1")" 6
cp "$dir/hubspot.yaml" "$conf/hubspot.yaml"

step "killed, the next one mends it"
control DELETE faults >/dev/null
sync
expect "the first one's change" "$(there "$aid" jobtitle)" "Not yet"
read_slowly 2000
control POST faults '{"kind":"slow","path":"/crm/v3/objects/contacts/batch/create","ms":2000}' >/dev/null
foreign "INSERT INTO contact (email, last_name) VALUES ('killed@interactive.example', 'Killed')"
wait_until is_noted
kill -9 "$run_pid"
wait "$run_pid" 2>/dev/null || true
control DELETE faults >/dev/null
tick
sync
tick
sync
expect "runs that were interrupted" "$(query "SELECT count(*) FROM run WHERE status = 7")" 2
expect "made there" "$(control GET truth/contacts | grep -c 'killed@interactive.example')" 1
expect "here" "$(query "SELECT count(*) FROM contact WHERE email = 'killed@interactive.example'")" 1
agree
echo "all as expected"
