# SPDX-License-Identifier: Apache-2.0
# memory: of a host that has nothing to do, and of a worker. Sourced by script/bench.
. tests/bench/start.bash

about="An idle host on SQLite, one second after each of its connections has had its first sync of an empty account; Pss counts \
pages that are shared with other processes by their share. A worker's own memory is what no other process shares: \
it is looked at in the middle of a read. A library's page counts as the host's own where no other process has the library."

# kib PID FIELD: of smaps_rollup.
kib() { awk -v field="$2:" '$1 == field { n += $2 } END { print n + 0 }' "/proc/$1/smaps_rollup"; }

# idle COUNT
idle() {
    local pid ended=0
    connections "$1"
    "$fastenr" run -c "$conf" 2>"$dir/run.log" &
    pid=$!
    for _ in {1..600}; do
        ended=$(query "SELECT count(*) FROM run WHERE ended_at IS NOT NULL" 2>/dev/null || echo 0)
        [ "$ended" -lt "$1" ] || break
        kill -0 "$pid" || fail "fastenr run ended: $(tail -3 "$dir/run.log")"
        sleep 0.1
    done
    [ "$ended" -ge "$1" ] || fail "$ended of $1 connections were synced in a minute"
    sleep 1
    value "idle host" "$1 connections" Pss MiB "$(of "$(kib "$pid" Pss) / 1024")"
    value "idle host" "$1 connections" RSS MiB "$(of "$(kib "$pid" Rss) / 1024")"
    value "idle host" "$1 connections" "its own (USS)" MiB "$(of "($(kib "$pid" Private_Clean) + $(kib "$pid" Private_Dirty)) / 1024")"
    kill "$pid" && wait "$pid"
    drop_store
}

worker() {
    local pid='' host
    connections 1
    control POST faults '{"kind":"slow","path":"/crm","ms":60000,"count":9}' >/dev/null
    "$fastenr" sync -c "$conf" hubspot1 >"$dir/sync.out" 2>&1 &
    host=$!
    for _ in {1..100}; do
        pid=$(pgrep -P "$host" -f fastenr-worker) && break
        sleep 0.05
    done
    [ -n "$pid" ] || fail "there is no worker: $(tail -3 "$dir/sync.out")"
    sleep 0.5
    value worker hubspot "its own (USS)" MiB "$(of "($(kib "$pid" Private_Clean) + $(kib "$pid" Private_Dirty)) / 1024")"
    value worker hubspot Pss MiB "$(of "$(kib "$pid" Pss) / 1024")"
    value worker hubspot RSS MiB "$(of "$(kib "$pid" Rss) / 1024")"
    kill -KILL "$host"
    wait "$host" 2>/dev/null || true
    control DELETE faults >/dev/null
    drop_store
}

measure_it() {
    local round count
    start_sandbox --companies 0 --contacts 0 --deals 0 --tickets 0 --engagements 0 --limits off
    for ((round = 1; round <= rounds; round++)); do
        for count in 0 20 200; do
            progress "round $round of $rounds: $count connections"
            idle "$count"
        done
        worker
    done
    plot memory "Memory that is the process's own or its share" Pss
    stop_sandbox
}
