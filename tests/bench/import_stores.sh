#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# import_stores.sh [COMPANIES CONTACTS ROUNDS]: rows a second of a first import into SQLite and into PostgreSQL, in turns
# and from one sandbox. PostgreSQL is a cluster of its own with durability on; client and server share the machine.
#   BIN=build/release/bin TESTS=build/release/tests tests/bench/import_stores.sh 20000 40000 3
companies=${1:-20000} contacts=${2:-40000} rounds=${3:-3}
export PG_DURABLE=1
STORE=postgres
. "$(dirname "$0")/../integration/host.bash"

start_sandbox --companies "$companies" --contacts "$contacts" --limits off

# import ENGINE: one import into a new store.
import() {
    if [ "$1" = sqlite ]; then
        store=sqlite db=$dir/store.db
        store_url=sqlite:$db
    else
        store=postgres db=$pg_url store_url=$pg_url
    fi
    configure
    local began=${EPOCHREALTIME/./}
    sync
    local ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    expect "records read" "$(of_last_run read)" $((companies + contacts))
    echo "$1: $((companies + contacts)) records in $ms ms: $(((companies + contacts) * 1000 / ms)) rows/s," \
        "$(query "SELECT cpu_us / 1000 FROM run WHERE id = (SELECT max(id) FROM run)") ms CPU on the host's threads"
    drop_store
}

for ((round = 0; round < rounds; round++)); do
    import sqlite
    import postgres
done
store=postgres
