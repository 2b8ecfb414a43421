#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# killed_host.sh COMPANIES CONTACTS KILLS: kill -9 of the host at random instants of full and incremental syncs; then the
# store equals the vendor, nothing is doubled, no run is left "running".
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2 kills=$3 killed=0
RANDOM=${SEED:-4711}

start_sandbox --companies "$companies" --contacts "$contacts" --limits off
configure
for ((i = 1; i <= kills; i++)); do
    "$fastenr" sync -c "$conf" hubspot $([ $((i % 4)) -ne 0 ] || echo --full) >/dev/null 2>&1 &
    pid=$!
    sleep "0.$(printf '%03d' $((RANDOM % 400 + 5)))"
    kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
    wait "$pid" 2>/dev/null || true
    control POST mutate "{\"companies\":20,\"contacts\":20,\"seed\":$i}" >/dev/null
done
[ "$killed" -ge $((kills / 2)) ] || fail "only $killed of $kills syncs were killed: the data is too small"

control POST clock '{"advance_ms":2000}' >/dev/null
sync
expect_equal
interrupted=$(query "SELECT count(*) FROM run WHERE status = 7")
[ "$interrupted" -gt 0 ] || fail "no run is said to have been interrupted"
echo "$killed hosts were killed, $interrupted runs interrupted"
