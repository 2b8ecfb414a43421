# SPDX-License-Identifier: Apache-2.0
# sync: an import and an update in each store, each beside its limit. Sourced by script/bench.

about="An import of $records records into an empty store, then an update of half of them; counted in the store at the \
end, timed as the whole command. The limit is the exact work by the barest program: the rows that this very sync \
wrote (records, links, log), read from its store and written by one thread into a fresh database of the same \
schema, indexes and settings, in the same commits; on PostgreSQL new rows go by COPY. A sync's updates come in \
the order in which the vendor's search gives them; their limit is stated for the order of keys and for a random \
one. What a sync does besides: it reads, parses and maps, which goes on beside the store; it looks links and \
matches up and merges, which does not, as the store has one thread; and all of it shares the machine's cores \
with the vendor and the database. CPU is that of host and worker; of PostgreSQL's processes beside it. Where \
the time of an import goes is asked of the kernel in as many imports more: what each thread had of a CPU, how \
long it was ready and none was free, and for the rest it slept: the store's thread until there are records to be \
stored, or until the disk or the server has answered. That thread merges, writes and commits; the pool parses \
and maps; the loop has the network and the order. The profile is of one more import under perf."

# fresh_target: a store of the same schema without rows, in $target; copy_target: $other, as $target is.
fresh_target() {
    if [ "$store" = sqlite ]; then
        target=$dir/limit.db other=$dir/limit2.db
        rm -f "$target"* "$other"*
        sqlite3 -readonly "$db" .schema | grep -v sqlite_ | sqlite3 "$target"
    else
        target=$(other_database limit_a) other=$(other_database limit_b)
        admin "DROP DATABASE IF EXISTS limit_a" && admin "DROP DATABASE IF EXISTS limit_b"
        admin "CREATE DATABASE limit_a"
        pg_dump --schema-only --schema=fastenr "$db" | psql -Xq -v ON_ERROR_STOP=1 "$target" >/dev/null
    fi
}
copy_target() {
    if [ "$store" = sqlite ]; then
        cp "$target" "$other"
    else
        admin "CREATE DATABASE limit_b TEMPLATE limit_a"
    fi
    command sync -f "$dir"
}

# limit KIND WHERE: sets $limit_rate.
limit() {
    local n us cpu commits title
    title="$(store_title "$store"), $3"
    settle
    read -r n us cpu commits < <("$tools/replay_limit" "$1" "$db" "$2")
    limit_rate=$(of "$n * 1000000 / $us")
    value "$title" "limit: $4" "speed" "records/s" "$limit_rate"
    value "$title" "limit: $4" "CPU" "us/record" "$(of "$cpu / $n")"
    value "$title" "limit: $4" "records a commit" "" "$(of "$n / $commits")"
}

# of_sync WHAT COUNT
of_sync() {
    local title
    title="$(store_title "$store"), $1"
    synced "$title" "$2"
    synced_within "$title" "$2"
}

percent() { value "$(store_title "$store"), $1" "sync" "of the limit ($2)" "%" "$(of "100 * $sync_rate / $3")"; }

# import_all [threads]: into an empty store; sets $n, how many records came. With what the threads did in $dir/threads.
import_all() {
    local watch=()
    sandbox_of "$records"
    configure
    settle
    [ $# -eq 0 ] || watch=(-t "$dir/threads" -p "$sandbox_pid")
    timed_sync "${watch[@]}"
    n=$(stored)
    [ "$n" -gt $((records * 9 / 10)) ] || fail "$n records are in the store, of $records"
}

one_round() {
    local n
    import_all
    of_sync import "$n"
    fresh_target
    limit creates "$target" import creates
    percent import creates "$limit_rate"
    copy_target
    control POST mutate "{\"companies\":$(($(companies_of "$records") / 2)),\"contacts\":$(($(contacts_of "$records") / 2)),\"seed\":7}" \
        >/dev/null
    control POST clock "{\"advance_ms\":$((records * 2))}" >/dev/null # a change a millisecond
    settle
    timed_sync
    of_sync update "$(query "SELECT count(DISTINCT (record * 16 + object)) FROM log WHERE op = 2 AND run = (SELECT max(id) FROM run)")"
    limit ordered "$target" update "in key order"
    percent update "in key order" "$limit_rate"
    limit scattered "$other" update scattered
    percent update scattered "$limit_rate"
    stop_sandbox && port=''
    drop_store
}

# thread NAME TITLE: of all that $dir/threads has; sets $cpu and $ready.
thread() {
    read -r cpu ready < <(awk -F'\t' -v name="$1" '$1 == name { print $2, $3 }' "$dir/threads") || true
    value "$title" "$2, on a CPU" "time" "us/record" "$(of "${cpu:-0} / $n")"
    value "$title" "$2, none was free" "time" "us/record" "$(of "${ready:-0} / $n")"
}

# by_thread: one more import, and what its threads did.
by_thread() {
    local title cpu ready n
    title="$(store_title "$store"), time of an import by thread"
    import_all threads
    value "$title" "the whole" "time" "us/record" "$(of "$wall_us / $n")"
    thread store "store"
    value "$title" "store, asleep" "time" "us/record" "$(of "($wall_us - $cpu - $ready) / $n")"
    thread pool "pool"
    thread fastenr "loop"
    thread fastenr-worker "worker"
    thread fastenr-sandbox "the vendor"
    stop_sandbox && port=''
    drop_store
}

# Which part of the program a sample belongs to: the innermost of these that its stack holds.
parts='
function part_of(stack) {
    if (comm ~ /worker/) return "worker"
    if (stack ~ /page_parse/) return "parse"
    if (stack ~ /page_map/) return "map"
    if (stack ~ / (sqlite|pg)_apply /) return "store: write"
    if (stack ~ / (sqlite|pg)_(load|match|allocate|count)[a-z_]* /) return "store: read"
    if (stack ~ /merge_pages/) return "merge"
    if (stack ~ /commit_batch|commit_work/) return "store: commit"
    if (stack ~ /curl_|Curl_|on_socket|transport/) return "net"
    if (stack ~ /page_free|json_free/) return "free"
    return "loop and rest"
}'

profile() {
    local title
    title="$(store_title "$store"), CPU of an import by part"
    sandbox_of "$profiled"
    configure
    perf record -q -F 499 --call-graph dwarf,8192 -o "$dir/perf.data" "$fastenr" sync -c "$conf" hubspot \
        >"$dir/perf.log" 2>&1 || {
        skip "the profile by part: perf record failed: $(tail -1 "$dir/perf.log")"
        stop_sandbox && port=''
        return
    }
    perf script --no-inline -i "$dir/perf.data" -F comm,ip,sym 2>/dev/null | awk "$parts"'
        function flush() { if (comm != "") { n[part_of(stack " ")]++; all++ } comm = "" }
        /^[^[:space:]]/ { flush(); comm = $1; stack = ""; next }
        NF { stack = stack " " $2 }
        END { flush(); for (p in n) printf "%s\t%.1f\n", p, 100 * n[p] / all }' | sort -t$'\t' -k2,2nr >"$dir/parts"
    while IFS=$'\t' read -r part share; do
        value "$title" "$part" "share of CPU" "%" "$share"
    done <"$dir/parts"
    stop_sandbox && port=''
    drop_store
}

measure_it() {
    local s profiled=$((records < 12000 ? records : 12000))
    each_round
    in_turns "by thread, round" by_thread
    for s in $stores; do
        use_store "$s"
        progress "profile: $(store_title "$s")"
        if perf --version >/dev/null 2>&1; then
            profile
        else
            skip "the profile by part of $(store_title "$s"): there is no perf; the CPU of parse, map, merge and store stands with the sync"
        fi
    done
    plot sync "Import and update, and their limits" "speed"
    plot sync-threads "Where the time of an import goes" "time"
    [ ! -s "$dir/parts" ] || plot sync-cpu "Where the CPU time of an import goes" "share of CPU"
    store=${STORE:-sqlite}
}
