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
    printf 'connection: %s\nconnector: %s\nevery: 10s\njitter: 0s\nobjects: {things: {to: contact}}\n' \
        "$name" "$name" >"$conf/$name.yaml"
done

step "the host runs for a while"
# The spy would open or make these.
before=$(ls /tmp | sort | md5sum)
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
