# SPDX-License-Identifier: Apache-2.0
# For tests that drive the built programs: a sandbox on a free port, a configuration against it, and the comparison
# of the store with the sandbox's truth. Sourced; the build's bin/ is in $BIN, its tests/ in $TESTS.
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
    if [ "$status" -eq 0 ]; then
        rm -rf "$dir"
    else
        echo "FAILED; what it worked on is in $dir" >&2
    fi
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# start_sandbox FLAG...: on a free port; $port is set.
start_sandbox() {
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

# What is synced and compared, in the order of truth_compare.
objects="companies contacts"

# configure [LINE...]: fastenr.conf and a connection "hubspot"; more lines go into its file.
configure() {
    printf 'store = "sqlite:%s";\n' "$db" >"$conf/fastenr.conf"
    {
        echo "connection: hubspot"
        echo "connector: hubspot"
        echo "auth: {private_app: {token: sandbox-token}}"
        echo "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: \"http://127.0.0.1:$port\"}}"
        echo "limits: {burst: off, search: off, daily: off}"
        echo "every: 1h"
        echo "objects:"
        printf '  %s: {}\n' $objects
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

query() { sqlite3 -readonly "$db" ".timeout 5000" "$1"; }

# expect WHAT FOUND WANTED
expect() {
    [ "$2" = "$3" ] || fail "$1: $2, expected $3"
}

# Of the last run: SUM of a column of run_stream.
of_last_run() { query "SELECT sum($1) FROM run_stream WHERE run = (SELECT max(id) FROM run)"; }

expect_equal() {
    local truths=()
    for object in $objects; do
        control GET "truth/$object" >"$dir/$object.ndjson"
        truths+=("$dir/$object.ndjson")
    done
    "$TESTS/truth_compare" "$@" "$db" "${truths[@]}" ||
        fail "the store is not equal to the truth"
}

step() { echo "-- $*"; }
