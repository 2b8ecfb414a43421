#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# hostile_neighbour.sh: connectors that die, hang, spy and write junk beside a healthy connection: nothing happens
# outside, the host lives, the healthy one goes on, and the run log says phase and signal or exit code.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 300 --contacts 300 --limits off
configure "jitter: 0s"
sed -i 's/^every: .*/every: 10s/' "$conf/hubspot.yaml"
cat >>"$conf/fastenr.conf" <<END
connectors = ["$TESTS/fault_plugins"];
workers = { hang = "2s"; };
END

hostile=(dies_at_once hangs_at_once junk_at_once spies hangs exits junk executes)
for name in "${hostile[@]}"; do
    printf 'connection: %s\nconnector: %s\nevery: 10s\njitter: 0s\nobjects: {things: {to: contact, mapping: {email: mail}}}\n' \
        "$name" "$name" >"$conf/$name.yaml"
done

step "the host runs for a while"
"$fastenr" run -c "$conf" >"$dir/run.out" 2>"$dir/run.err" &
host=$!
for _ in {1..60}; do
    sleep 0.5
    kill -0 "$host" 2>/dev/null || { cat "$dir/run.err" >&2; fail "the host died"; }
    [ -e "$db" ] && [ "$(query "SELECT count(*) FROM run r JOIN connection c ON c.id = r.connection
        WHERE c.name = 'hubspot' AND r.status = 2" 2>/dev/null || echo 0)" -ge 2 ] && break
done
healthy=$(query "SELECT count(*) FROM run r JOIN connection c ON c.id = r.connection WHERE c.name = 'hubspot' AND r.status = 2")
[ "$healthy" -ge 2 ] || { cat "$dir/run.err" >&2; fail "the healthy connection ran $healthy times only"; }
kill -TERM "$host"
wait "$host" || fail "the host ended with $?"
expect_equal
[ ! -e /tmp/fastenr-spy ] || fail "the spy made a file"

step "the run log"
# of CONNECTION: outcome, phase, signal, exit code of its first run
of() {
    query "SELECT r.status, r.phase, r.exit_signal, r.exit_code FROM run r JOIN connection c
        ON c.id = r.connection WHERE c.name = '$1' ORDER BY r.id LIMIT 1"
}
expect "dies_at_once" "$(of dies_at_once)" "4|load|6|"
expect "hangs_at_once" "$(of hangs_at_once)" "4|describe|9|"
expect "junk_at_once" "$(of junk_at_once)" "4|load|9|"
expect "executes" "$(of executes)" "4|describe|31|"
expect "exits" "$(of exits)" "4|check||7"
expect "hangs" "$(of hangs)" "4|read|9|"
expect "junk" "$(of junk)" "4|check|9|"
# What it tries comes to nothing, so there is nothing wrong with its run.
expect "spies" "$(of spies)" "2|||"
"$fastenr" describe spies -c "$conf" --json >"$dir/spies.json"
for tried in read write inet unix fork inet2; do
    grep -Eq "(^|[^a-z])$tried=[1-9]" "$dir/spies.json" || fail "the spy was let to: $tried: $(cat "$dir/spies.json")"
done
expect "runs left running" "$(query "SELECT count(*) FROM run WHERE status = 1")" 0
