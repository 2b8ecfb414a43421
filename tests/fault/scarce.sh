#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scarce.sh [POINTS]: the host's machine runs out of memory at each of so many allocations, spread over a sync; of disk; of
# descriptors; its store is locked. Each ends in words and a whole store, and the next sync makes it equal to the truth.
. "$(dirname "$0")/../integration/host.bash"

points=${1:-40}
scarce=$TESTS/scarce.so

# lacking NAME=VALUE COMMAND...: with less than it needs; its status is in $status.
lacking() {
    status=0
    { env LD_PRELOAD="$scarce" "$@" >"$dir/out" 2>"$dir/err" || status=$?; } 2>/dev/null
}

whole() {
    [ ! -f "$db" ] || expect "integrity after $1" "$(sqlite3 "$db" 'PRAGMA integrity_check')" ok
    sync --full
    "$TESTS/truth_compare" "$db" "$dir"/companies.ndjson "$dir"/contacts.ndjson >"$dir/compare" 2>&1 ||
        fail "after $1 the store is not equal to the truth: $(head -5 "$dir/compare")"
}

start_sandbox --companies 40 --contacts 60 --limits off
configure
for object in $objects; do
    control GET "truth/$object" >"$dir/$object.ndjson"
done

# another NAME: a configuration with a store of its own, in $other, to work on beside the rest.
another() {
    other=$dir/$1
    cp -r "$conf" "$other"
    sed -i "s|^store = .*|store = \"sqlite:$dir/$1.db\";|" "$other/fastenr.conf"
}

# Both take their time: the store's lock is waited for, and the service for its next run.
another locked
"$fastenr" sync -c "$other" hubspot >/dev/null 2>&1
mkfifo "$dir/lock"
sqlite3 "$dir/locked.db" <"$dir/lock" &
holder_pid=$!
exec 7>"$dir/lock"
echo 'BEGIN IMMEDIATE; SELECT 1;' >&7
sleep 0.2
"$fastenr" sync -c "$other" hubspot --full >"$dir/locked.out" 2>&1 &
locked_pid=$!
another few
sed -i 's/^every: .*/every: 10s/' "$other/hubspot.yaml"
sed -i '$a log = { level = "info"; };' "$other/fastenr.conf"
prlimit --nofile=22:1024 "$fastenr" run -c "$other" >"$dir/few.log" 2>&1 &
few_pid=$!
another several
for i in 1 2 3 4 5 6; do
    sed "s/^every: .*/every: 10s/; s/connection: hubspot/connection: several$i/; s/^name: .*/name: several$i/" "$conf/hubspot.yaml" >"$other/several$i.yaml"
done
rm "$other/hubspot.yaml"
sed -i '$a log = { level = "info"; };' "$other/fastenr.conf"
prlimit --nofile=30:1024 "$fastenr" run -c "$other" >"$dir/several.log" 2>&1 &
several_pid=$!

step "out of memory"
lacking SCARCE_ALLOCATION=0 "$fastenr" sync -c "$conf" hubspot
total=$(sed -n 's/^\([0-9]*\) allocations.*/\1/p' "$dir/err")
writes=$(sed -n 's/.* \([0-9]*\) writes$/\1/p' "$dir/err")
[ "${total:-0}" -gt 1000 ] || fail "allocations are not counted: $(cat "$dir/err")"
died=0 went_on=0
for ((point = 1; point <= points; point++)); do
    # Half of them among the first tenth, where the program starts; the rest evenly.
    if ((point * 2 <= points)); then n=$((total * point / points / 5)); else n=$((total * (2 * point - points) / points)); fi
    drop_store 2>/dev/null || true
    lacking SCARCE_ALLOCATION=$((n + 1)) "$fastenr" sync -c "$conf" hubspot
    case $status in
    0) went_on=$((went_on + 1)) ;;
    139 | 135 | 132 | 137) fail "allocation $((n + 1)) of $total: ended by signal $((status - 128)): $(cat "$dir/err")" ;;
    *)
        died=$((died + 1))
        grep -q 'out of memory' "$dir/err" || fail "allocation $((n + 1)): no word of it: $(cat "$dir/err")"
        ;;
    esac
    if [ "$status" = 0 ] && ! "$TESTS/truth_compare" "$db" "$dir"/companies.ndjson "$dir"/contacts.ndjson >"$dir/compare" 2>&1; then
        fail "allocation $((n + 1)): it said all is well, and it is not: $(head -5 "$dir/compare")"
    fi
    [ "$status" = 0 ] || whole "allocation $((n + 1))"
done
echo "   $total allocations in a sync; of $points failing ones $died ended it, $went_on did not"

step "disk full"
full=0
for ((n = 1; n <= writes; n += 1 + writes / 15)); do
    drop_store 2>/dev/null || true
    lacking SCARCE_WRITE=$n "$fastenr" sync -c "$conf" hubspot
    if [ "$status" = 0 ]; then # the last writes move what is safe in the journal into the database
        "$TESTS/truth_compare" "$db" "$dir"/companies.ndjson "$dir"/contacts.ndjson >/dev/null ||
            fail "write $n of $writes: it said all is well, and it is not"
        continue
    fi
    expect "status at write $n of $writes" "$status" 1
    grep -q 'disk is full' "$dir/out" "$dir/err" || fail "write $n of $writes: no word of it: $(cat "$dir/out" "$dir/err")"
    full=$((full + 1))
    whole "a full disk at write $n"
done
[ "$full" -ge 8 ] || fail "only $full full disks were felt"
echo "   felt at $full of 15 places among $writes writes"

step "few descriptors" # with the fewest the system's loader gives up, with 127
failed=0
for n in 4 8 16 18 20 22 24 26 28 30 32 36 48; do
    drop_store 2>/dev/null || true
    status=0
    prlimit --nofile=$n "$fastenr" sync -c "$conf" hubspot >"$dir/out" 2>"$dir/err" || status=$?
    case $status in
    0) "$TESTS/truth_compare" "$db" "$dir"/companies.ndjson "$dir"/contacts.ndjson >/dev/null || fail "not equal with $n descriptors" ;;
    1 | 2 | 127) grep -Eq 'open|descriptor' "$dir/out" "$dir/err" || fail "$n descriptors: no word of it: $(cat "$dir/out" "$dir/err")" ;;
    *) fail "$n descriptors: status $status, $(cat "$dir/err")" ;;
    esac
    [ "$status" = 0 ] || { failed=$((failed + 1)) && whole "$n descriptors"; }
done
expect "with 48 descriptors" "$status" 0
echo "   $failed of 13 limits are too low"

step "a service that has too few, then enough"
for _ in {1..200}; do
    grep -q 'hubspot.*failed' "$dir/few.log" && break
    kill -0 $few_pid 2>/dev/null || fail "the service ended: $(cat "$dir/few.log")"
    sleep 0.1
done
prlimit --pid $few_pid --nofile=1024:
for _ in {1..400}; do
    grep -q 'run [0-9]* ok' "$dir/few.log" && break
    sleep 0.1
done
grep -q 'run [0-9]* ok' "$dir/few.log" || fail "it does not recover: $(cat "$dir/few.log")"
kill $few_pid
wait $few_pid || fail "it ended with $?: $(cat "$dir/few.log")"

step "a service of six connections that has enough for some of them"
for _ in {1..300}; do
    grep -q 'several[1-6].*run [0-9]* ok' "$dir/several.log" && grep -q 'several[1-6].*failed' "$dir/several.log" && break
    kill -0 $several_pid 2>/dev/null || fail "the service ended: $(cat "$dir/several.log")"
    sleep 0.1
done
grep -m 1 'several[1-6].*failed' "$dir/several.log" | holds 'open\|descriptor' ||
    fail "no word of the descriptors: $(cat "$dir/several.log")"
grep -q 'several[1-6].*run [0-9]* ok' "$dir/several.log" || fail "none gets through: $(cat "$dir/several.log")"
prlimit --pid $several_pid --nofile=1024:
for i in 1 2 3 4 5 6; do
    for _ in {1..600}; do
        grep -q "several$i.*run [0-9]* ok" "$dir/several.log" && continue 2
        sleep 0.1
    done
    fail "several$i does not recover: $(cat "$dir/several.log")"
done
kill $several_pid
wait $several_pid || fail "it ended with $?: $(cat "$dir/several.log")"

step "a store that is locked for longer than one waits"
status=0
wait $locked_pid || status=$?
expect "status" "$status" 1
grep -q 'locked' "$dir/locked.out" || fail "no word of it: $(cat "$dir/locked.out")"
"$fastenr" sync -c "$dir/locked" hubspot --full >"$dir/waits.out" 2>&1 &
locked_pid=$!
sleep 1
echo 'COMMIT;' >&7
exec 7>&-
wait $holder_pid
wait $locked_pid || fail "it does not go on when the lock is gone: $(cat "$dir/waits.out")"
db=$dir/locked.db
"$TESTS/truth_compare" "$db" "$dir"/companies.ndjson "$dir"/contacts.ndjson || fail "the store that was locked is not equal"
