#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# one_timestamp.sh: 10,001 records with one modified time, which is one more than HubSpot's search gives out: a window
# reads them all.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 10001 --contacts 3 --same-modified 10001 --limits off
configure

step "a first sync of an empty past, so that all of it falls into the next window"
control POST clock '{"set":"2020-01-01T00:00:00Z"}' >/dev/null
sync
query "SELECT 1" >/dev/null
sqlite3 "$db" "DELETE FROM account; DELETE FROM contact; DELETE FROM link; DELETE FROM log;
    DELETE FROM pending_reference; DELETE FROM quarantine;"
control POST clock '{"set":"2026-06-01T00:00:00Z"}' >/dev/null

step "the window"
sync
expect "mode" "$(query "SELECT group_concat(mode) FROM run_stream WHERE run = (SELECT max(id) FROM run)")" 2,2
expect "records read" "$(of_last_run read)" 10004
expect_equal --last-run
