# SPDX-License-Identifier: Apache-2.0
# export: records of ours are made at the vendor, then changed there. Sourced by script/bench.

about="Another program makes $records records in the store, and a sync makes them at the vendor, a hundred a request; then each \
of them is changed here, and a sync changes it there. Counted at the vendor, timed as the whole command. The limit is \
the vendor itself (the sandbox, without limits of its own): the same values in requests of a hundred, sent by curl over \
one connection. A sync does more than that: it looks at what the vendor has before it writes, notes each write in the \
store before it is sent and what came of it after."

# numbers COUNT: what an INSERT has in the place of a table, n(i).
numbers() { echo "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)"; }

make_all() {
    foreign "INSERT INTO account (name, domain) $(numbers "$(companies_of "$records")")
        SELECT 'Made ' || i, 'made' || i || '.example' FROM n"
    foreign "INSERT INTO contact (email, first_name, last_name) $(numbers "$(contacts_of "$records")")
        SELECT 'p' || i || '@made.example', 'P', 'Made ' || i FROM n"
}

# there PATTERN: how many of the vendor's records have it.
there() {
    local type
    for type in companies contacts; do
        control GET "truth/$type"
    done | grep -c "$1" || true
}

# exported WHAT PATTERN
exported() {
    local title
    title="$(store_title "$store"), $1"
    settle
    timed_sync
    expect "$1 at the vendor" "$(there "$2")" "$records"
    synced "$title" "$records"
    value "$title" "sync" "peak memory" MiB "$(of "$peak_kib / 1024")"
}

limited() {
    local title
    title="$(store_title "$store"), $1"
    vendor_limit "$title" "the vendor" "$records"
    value "$title" "sync" "of the limit" "%" "$(of "100 * $sync_rate / $limit_rate")"
}

creates() {
    seq "$(companies_of "$records")" | sed 's/.*/{"properties":{"name":"Made &","domain":"made&.example"}}/' | batches companies create
    seq "$(contacts_of "$records")" |
        sed 's/.*/{"properties":{"email":"p&@made.example","firstname":"P","lastname":"Made &"}}/' | batches contacts create
}

one_round() {
    local create_rate
    sandbox_of 0
    configure "sync_direction: bidirectional"
    timed_sync
    make_all
    exported creates Made
    create_rate=$sync_rate
    control POST clock '{"advance_ms":5000}' >/dev/null
    change_all
    exported updates 'Made [0-9]* x"'
    update_batches
    limited updates
    stop_sandbox
    sandbox_of 0
    creates
    sync_rate=$create_rate
    limited creates
    stop_sandbox && port=''
    drop_store
}

measure_it() {
    each_round
    plot export "Records written to the vendor, and its limit" speed
}
