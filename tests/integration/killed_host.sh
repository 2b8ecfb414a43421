#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# killed_host.sh COMPANIES CONTACTS KILLS: kill -9 of the host at random instants of full and incremental syncs; then the
# store equals the vendor, nothing is doubled, no run is left "running".
. "$(dirname "$0")/host.bash"
companies=$1 contacts=$2 kills=$3 killed=0
RANDOM=${SEED:-4711}

start_sandbox --companies "$companies" --contacts "$contacts" --limits off
configure

# How long a whole sync takes here: the kills fall within that time. Into a store of its own.
measure() {
    local began=${EPOCHREALTIME/./}
    sync
    took_ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    drop_store
}
measure

interrupted() { query "SELECT count(*) FROM run WHERE status = 7"; }
# A kill may fall before its run begins, or after it is over: where all of them did there are a few more.
enough() { [ "$killed" -ge "$kills" ] && { [ "$killed" -ge $((kills + 20)) ] || [ "$(interrupted)" -gt 0 ]; }; }

for ((i = 1; ; i++)); do
    ! enough || break
    [ "$i" -le $((kills * 10 + 200)) ] || fail "only $killed syncs could be killed of $i that were begun"
    # Every second one reads everything; the others what changed, which is over sooner.
    full='' span=$took_ms
    if [ $((i % 2)) -eq 0 ] && [ "$killed" -gt 0 ]; then full=--full; fi
    [ -n "$full" ] || [ "$killed" -lt 3 ] || span=$((took_ms / 10 + 30))
    "$fastenr" sync -c "$conf" hubspot $full >/dev/null 2>&1 &
    pid=$!
    ms=$((RANDOM % span + 1))
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
    kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
    wait "$pid" 2>/dev/null || true
    control POST mutate "{\"companies\":20,\"contacts\":20,\"seed\":$i}" >/dev/null
done

control POST clock '{"advance_ms":2000}' >/dev/null
sync
expect_equal
[ "$(interrupted)" -gt 0 ] || fail "no run is said to have been interrupted"
echo "$killed hosts were killed, $(interrupted) runs interrupted"
