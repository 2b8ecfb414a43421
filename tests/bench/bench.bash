# SPDX-License-Identifier: Apache-2.0
# What the subcommands of script/bench share: stores, sandboxes, values and what is made of them. Sourced by it.

skips=() plots=() about=''

# A PostgreSQL of its own, durable, where one is used and there is a server.
case "$subcommand" in
sync | export | merge | scale | rollback | peers)
    if [[ " $stores " == *" postgres "* ]]; then
        if (. tests/support/postgres.bash && pg_find_bin >/dev/null 2>&1); then
            STORE=postgres
        else
            stores=${stores//postgres/}
            skips+=("PostgreSQL: there is no server on this machine (Debian: postgresql)")
        fi
    fi
    ;;
esac
. tests/integration/host.bash

values=$dir/values
tools=$build/bench

progress() { [ -n "$quiet" ] || echo "-- $*" >&2; }
quiet=''

# value GROUP NAME METRIC UNIT NUMBER
value() { (IFS=$'\t' && echo "$*") >>"$values"; }

skip() {
    skips+=("$*")
    echo "bench: skipped: $*" >&2
}

# plot FILE TITLE METRIC: when the results are written, METRIC is drawn.
plot() { plots+=("$1" "$2" "$3"); }

# of EXPRESSION: a number.
of() { awk "BEGIN { printf \"%.6g\", $1 }"; }

load_average() { cut -d' ' -f1-3 /proc/loadavg; }

begin() {
    name=$1 load_before=$(load_average)
    touch "$values"
}

# ---- stores ----

# use_store sqlite|postgres: what `configure`, `sync` and `query` mean.
use_store() {
    store=$1 db=$dir/store.db
    [ "$store" = sqlite ] || db=$pg_url
    store_url=$db
    [ "$store" = postgres ] || store_url=sqlite:$db
}

store_title() { [ "$1" = sqlite ] && echo SQLite || echo PostgreSQL; }

other_database() { echo "postgresql://owner@/$1?host=$pg_dir"; }

admin() { PGOPTIONS='-c client_min_messages=error' psql -XAtq -v ON_ERROR_STOP=1 "$pg_url" -c "$1"; }

# settle: what was written before is on the disk, so that nobody pays for it later.
settle() {
    [ "$store" = sqlite ] || admin CHECKPOINT
    command sync -f "$dir"
}

# Another program changes a text of every record; in pieces, as one would.
change_all() {
    local k
    for ((k = 0; k < records; k += 1000)); do
        foreign "UPDATE account SET name = name || ' x' WHERE key > $k AND key <= $((k + 1000))"
        foreign "UPDATE contact SET last_name = coalesce(last_name, '') || ' x' WHERE key > $k AND key <= $((k + 1000))"
    done
}

# CPU time so far of the database's processes, in microseconds; 0 where it is a library.
server_cpu_us() {
    [ "$store" = postgres ] || {
        echo 0
        return
    }
    local server pid
    server=$(head -1 "$pg_dir/data/postmaster.pid")
    # Those that ended are counted with the server's first process.
    for pid in $server $(pgrep -P "$server"); do
        awk -v first="$([ "$pid" = "$server" ] && echo 1 || echo 0)" \
            '{ sub(/.*\) /, ""); print $12 + $13 + (first ? $14 + $15 : 0) }' "/proc/$pid/stat" 2>/dev/null || true
    done | awk -v hz="$(getconf CLK_TCK)" '{ n += $1 } END { printf "%d\n", n / hz * 1000000 }'
}

# ---- the import that several of them measure ----

companies_of() { echo $(($1 / 3)); }
contacts_of() { echo $(($1 - $1 / 3)); }

# sandbox_of RECORDS: one that holds so many, companies and contacts, and limits nothing.
sandbox_of() {
    start_sandbox --companies "$(companies_of "$1")" --contacts "$(contacts_of "$1")" \
        --deals 0 --tickets 0 --engagements 0 --limits off
}

# timed_sync [OPTION...]: with options of `measure`; sets $wall_us, $cpu_us (of host and worker), $peak_kib, $server_us.
timed_sync() {
    local before status
    before=$(server_cpu_us)
    read -r wall_us cpu_us peak_kib status < <("$tools/measure" "$@" -o "$dir/sync.out" "$fastenr" sync -c "$conf" hubspot)
    [ "$status" = 0 ] || {
        cat "$dir/sync.out" >&2
        fail "fastenr sync ended with $status"
    }
    server_us=$(($(server_cpu_us) - before))
}

# synced TITLE COUNT: what timed_sync took for so many records. Sets $sync_rate.
synced() {
    sync_rate=$(of "$2 * 1000000 / $wall_us")
    value "$1" "sync" "speed" "records/s" "$sync_rate"
    value "$1" "sync" "CPU" "us/record" "$(of "$cpu_us / $2")"
    [ "$store" = sqlite ] || value "$1" "sync" "CPU of PostgreSQL" "us/record" "$(of "$server_us / $2")"
}

# synced_within TITLE COUNT: the part of its CPU time that the run has counted itself.
synced_within() {
    value "$1" "sync" "CPU of parse, map, merge, store" "us/record" \
        "$(of "$(query "SELECT cpu_us FROM run WHERE id = (SELECT max(id) FROM run)") / $2")"
}

# in_turns WHAT FUNCTION: in each store, as often as there are rounds.
in_turns() {
    local round s
    for ((round = 1; round <= rounds; round++)); do
        for s in $stores; do
            use_store "$s"
            progress "$1 $round of $rounds: $(store_title "$s")"
            "$2"
        done
    done
    store=${STORE:-sqlite}
}

# each_round: `one_round` of the subcommand.
each_round() { in_turns round one_round; }

# ---- what the vendor takes from a bare client ----

# batches TYPE OPERATION: inputs of standard input, one a line, become requests of a hundred.
batches() {
    local folder=$dir/bodies/$1 body
    mkdir -p "$folder"
    split -l 100 -a 6 - "$folder/"
    for body in "$folder"/*; do
        printf '{"inputs":[%s]}' "$(paste -sd, "$body")" >"$body.json"
        cat <<END >>"$dir/requests"
next
url = "http://127.0.0.1:$port/crm/v3/objects/$1/batch/$2"
header = "Authorization: Bearer sandbox-token"
header = "Content-Type: application/json"
data-binary = "@$body.json"
output = "/dev/null"
fail
END
    done
}

# updates TYPE TABLE PROPERTY COLUMN: inputs of a bare client.
updates() {
    query "SELECT '{\"id\":\"' || l.external_id || '\",\"properties\":{\"$3\":\"' || r.$4 || ' y\"}}'
        FROM link l JOIN stream s ON s.id = l.stream JOIN $2 r ON r.key = l.record WHERE s.vendor_object = '$1'" | batches "$1" update
}

# update_batches: one of each record that is linked.
update_batches() {
    updates companies account name name
    updates contacts contact lastname last_name
}

# vendor_limit TITLE NAME COUNT: sends the requests by curl, one after the other. Sets $limit_rate.
vendor_limit() {
    local status
    sed -i 1d "$dir/requests" # nothing is before the first
    read -r wall_us cpu_us peak_kib status < <("$tools/measure" -o "$dir/out" curl -sS -K "$dir/requests")
    [ "$status" = 0 ] || fail "the bare client ended with $status: $(head -3 "$dir/out")"
    limit_rate=$(of "$3 * 1000000 / $wall_us")
    value "$1" "limit: $2" "speed" "records/s" "$limit_rate"
    rm -rf --one-file-system "$dir/bodies" "$dir/requests"
}

stored() { query "SELECT (SELECT count(*) FROM account) + (SELECT count(*) FROM contact)"; }

# ---- results ----

machine() {
    local cpu
    cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
    echo "$(nproc) cores (${cpu:-$(uname -m)}), $(awk '/MemTotal/ { printf "%.1f GiB", $2 / 1048576 }' /proc/meminfo)," \
        "Linux $(uname -r | sed 's/-.*//'), $(. /etc/os-release && echo "$PRETTY_NAME")"
}

versions() {
    echo "$("$fastenr" --version) ($(git describe --always --dirty 2>/dev/null || echo 'no git')," \
        "$(sed -n 's/^CMAKE_BUILD_TYPE:STRING=//p' "$build/CMakeCache.txt")), SQLite $(sqlite3 --version | cut -d' ' -f1)" \
        "$(psql --version 2>/dev/null | sed -n 's/^psql (PostgreSQL) \([0-9.]*\).*/, PostgreSQL \1/p')" | sed 's/ ,/,/'
}

section() {
    echo "## $name"
    echo
    [ -z "$about" ] || printf '%s\n\n' "$about"
    echo "Measured $(date -u +%Y-%m-%d) with \`script/bench $name${options:+ $options}\`; $(machine); $(versions);" \
        "load average (1, 5, 15 minutes) $load_before before and $(load_average) after."
    [ -z "$quick" ] || printf '\n**Small sizes, to see that it works: no figures to keep.**\n'
    echo
    for ((i = 0; i < ${#plots[@]}; i += 3)); do
        printf '![%s](benchmarks/%s.svg)\n\n' "${plots[i + 1]}" "${plots[i]}"
    done
    "$tools/report" markdown <"$values"
    [ ${#skips[@]} -eq 0 ] || printf '\nSkipped: %s.\n' "${skips[@]}"
}

# Puts this subcommand's section in the place of the one before, or at the end.
write_docs() {
    local page=docs/benchmarks.md i
    mkdir -p docs/benchmarks
    [ -f "$page" ] || cp tests/bench/head.md "$page"
    for ((i = 0; i < ${#plots[@]}; i += 3)); do
        "$tools/report" plot "${plots[i + 1]}" "${plots[i + 2]}" <"$values" >"docs/benchmarks/${plots[i]}.svg"
    done
    section >"$dir/section"
    awk -v from="<!-- $name -->" -v to="<!-- end of $name -->" -v file="$dir/section" '
        function put(  line) {
            print from
            while ((getline line < file) > 0)
                print line
            print to
            done = 1
        }
        $0 == from { put(); inside = 1 }
        !inside { print }
        $0 == to { inside = 0 }
        END { if (!done) { print ""; put() } }' "$page" >"$dir/page"
    cat "$dir/page" >"$page"
}

finish() {
    [ -s "$values" ] || fail "nothing was measured"
    if [ -n "$json" ]; then
        "$tools/report" json <"$values"
    else
        echo "== $name: $(machine); load average $load_before before, $(load_average) after"
        "$tools/report" text <"$values"
        [ ${#skips[@]} -eq 0 ] || printf 'skipped: %s\n' "${skips[@]}"
    fi
    [ -z "$write" ] || write_docs
}
