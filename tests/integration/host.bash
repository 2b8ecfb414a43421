# SPDX-License-Identifier: Apache-2.0
# For tests that drive the built programs: a sandbox on a free port, a configuration against it, and the comparison
# of the store with the sandbox's truth. Sourced; the build's bin/ is in $BIN, its tests/ in $TESTS. STORE=postgres keeps
# the store in a PostgreSQL of the test's own; else it is a SQLite file.
set -euo pipefail

fastenr=$BIN/fastenr
dir=$(mktemp -d)
conf=$dir/conf.d
db=$dir/store.db
sandbox_pid='' port=''
mkdir "$conf"

clean_up() {
    local status=$?
    jobs -p | xargs -r kill 2>/dev/null || true
    wait 2>/dev/null || true
    [ "$store" = sqlite ] || stop_postgres
    if [ "$status" -eq 0 ]; then
        rm -rf "$dir"
    else
        echo "FAILED; what it worked on is in $dir" >&2
    fi
}
trap clean_up EXIT

# $db is what the store is called in SQL's own tools, $store_url in fastenr.conf.
store=${STORE:-sqlite} store_url=sqlite:$db
case $store in
sqlite) ;;
postgres)
    . "$(dirname "${BASH_SOURCE[0]}")/../support/postgres.bash"
    start_postgres
    db=$pg_url store_url=$pg_url
    ;;
*)
    echo "STORE is sqlite or postgres, not '$store'" >&2
    exit 2
    ;;
esac

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# start_sandbox FLAG...: on a free port; $port is set.
start_sandbox() {
    : >"$dir/sandbox.log" # it is looked at before the sandbox has written to it
    "$BIN/fastenr-sandbox" hubspot --port "${port:-0}" "$@" >"$dir/sandbox.log" 2>&1 &
    sandbox_pid=$!
    for _ in {1..100}; do
        port=$(grep -om1 '127\.0\.0\.1:[0-9]*' "$dir/sandbox.log" | cut -d: -f2) || true
        [ -n "$port" ] && curl -fs -o /dev/null "http://127.0.0.1:$port/__sandbox/clock" && return
        kill -0 "$sandbox_pid" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/sandbox.log" >&2
    fail "the sandbox does not start"
}

stop_sandbox() {
    kill "$sandbox_pid"
    wait "$sandbox_pid" || fail "the sandbox ended with $?"
}

# control METHOD PATH [BODY]: the sandbox's control door.
control() {
    curl -fsS -X "$1" ${3:+-d "$3"} "http://127.0.0.1:$port/__sandbox/$2"
}

# tick: five seconds pass at the vendor.
tick() { control POST clock '{"advance_ms":5000}' >/dev/null; }
# Requests that wrote.
writes() { control GET writes | wc -l; }

# vendor ARGUMENT...: curl, with the vendor's token.
vendor() { curl -fsS -H 'Authorization: Bearer sandbox-token' "$@"; }
# property TYPE ID NAME: as the vendor has it.
property() {
    vendor "http://127.0.0.1:$port/crm/v3/objects/$1/$2?properties=$3" >"$dir/record"
    sqlite3 :memory: "SELECT CAST(readfile('$dir/record') AS TEXT) ->> '\$.properties.$3'"
}
# patch TYPE ID JSON: a person changes it there.
patch() { vendor -X PATCH -H 'Content-Type: application/json' -d "{\"properties\":$3}" "http://127.0.0.1:$port/crm/v3/objects/$1/$2" >/dev/null; }

# What is synced and compared, in the order of truth_compare.
objects="companies contacts"

# In which order they are synced; like $objects where it is empty.
order=""

# configure [LINE...]: fastenr.conf and a connection "hubspot"; more lines go into its file.
configure() {
    printf 'store = "%s";\n' "$store_url" >"$conf/fastenr.conf"
    {
        echo "connection: hubspot"
        echo "connector: hubspot"
        echo "auth: {private_app: {token: sandbox-token}}"
        echo "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: \"http://127.0.0.1:$port\"}}"
        echo "limits: {burst: off, search: off, daily: off}"
        echo "every: 1h"
        echo "objects:"
        printf '  %s: {}\n' ${order:-$objects}
        printf '%s\n' "$@"
    } >"$conf/hubspot.yaml"
}

# sync [ARGUMENT...]: syncs hubspot; its output is in $dir/sync.out.
sync() {
    "$fastenr" sync -c "$conf" hubspot "$@" >"$dir/sync.out" 2>"$dir/sync.err" || {
        cat "$dir/sync.out" "$dir/sync.err" >&2
        fail "fastenr sync $* ended with $?"
    }
}

# A sync that may not come out clean.
try_sync() { "$fastenr" sync -c "$conf" hubspot >"$dir/sync.out" 2>"$dir/sync.err" || true; }

query() {
    if [ "$store" = sqlite ]; then
        sqlite3 -readonly "$db" ".timeout 5000" "$1"
    else
        PGOPTIONS='-c search_path=fastenr' psql -XAtq -v ON_ERROR_STOP=1 "$db" -c "$1"
    fi
}

# foreign SQL: as another program.
foreign() {
    if [ "$store" = sqlite ]; then
        sqlite3 "$db" ".timeout 10000" "$1"
    else
        query "$1"
    fi
}

# external OBJECT KEY: the id of our record at the vendor.
external() { query "SELECT external_id FROM link l JOIN stream s ON s.id = l.stream AND s.vendor_object = '$1' WHERE l.record = $2 AND l.ended = 0"; }

# Takes the store away, as if nothing had been synced yet.
drop_store() {
    if [ "$store" = sqlite ]; then
        rm "$db" "$db"-*
    else
        psql -Xq -v ON_ERROR_STOP=1 "$db" -c 'SET client_min_messages = error; DROP SCHEMA fastenr CASCADE'
    fi
}

# expect WHAT FOUND WANTED
expect() {
    [ "$2" = "$3" ] || fail "$1: $2, expected $3"
}

# holds [GREP'S OPTION...] PATTERN: whether a line of standard input has it. All of it is read: `grep -q` ends early, what writes
# into it may be ended by that, and the pipe has failed.
holds() { [ -n "$(grep "$@")" ]; }

# Of the last run: SUM of a column of run_stream.
of_last_run() { query "SELECT sum($1) FROM run_stream WHERE run = (SELECT max(id) FROM run)"; }

expect_equal() {
    local truths=()
    for object in $objects; do
        control GET "truth/$object" >"$dir/$object.ndjson"
        control GET "truth/$object/ended" >>"$dir/$object.ndjson"
        truths+=("$dir/$object.ndjson")
    done
    "$TESTS/truth_compare" "$@" "$db" "${truths[@]}" ||
        fail "the store is not equal to the truth"
}

step() { echo "-- $*"; }
