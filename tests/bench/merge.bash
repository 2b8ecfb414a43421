# SPDX-License-Identifier: Apache-2.0
# merge: records that change on both sides between two syncs. Sourced by script/bench.

about="After an import of $records records each of them is changed at the vendor, and here by another program; a sync reads \
them, merges field by field (the later one counts where both changed the same field), writes what came of it to the store and \
our part of it to the vendor. Timed as the whole command. Two limits: the rows that this sync wrote, written again by one \
bare thread into a copy of the store as it was before; and our part, sent to the vendor by curl over one connection."

# copy_store: the store as it is, in $target.
copy_store() {
    if [ "$store" = sqlite ]; then
        target=$dir/limit.db
        rm -f "$target"*
        sqlite3 "$db" "VACUUM INTO '$target'"
    else
        target=$(other_database limit_a)
        admin "DROP DATABASE IF EXISTS limit_a"
        PGOPTIONS='-c client_min_messages=error' psql -XAtq -v ON_ERROR_STOP=1 "$(other_database template1)" \
            -c "CREATE DATABASE limit_a TEMPLATE \"$(query 'SELECT current_database()')\""
    fi
}

one_round() {
    local title n us cpu commits sent
    title=$(store_title "$store")
    sandbox_of "$records"
    configure "sync_direction: bidirectional"
    timed_sync
    change_all
    control POST clock '{"advance_ms":5000}' >/dev/null
    control POST mutate "{\"companies\":$(companies_of "$records"),\"contacts\":$(contacts_of "$records"),\"seed\":7}" >/dev/null
    control POST clock "{\"advance_ms\":$((records * 2))}" >/dev/null # a change a millisecond
    copy_store
    settle
    timed_sync
    sent=$(query "SELECT count(DISTINCT record * 16 + object) FROM sent s JOIN stream t ON t.id = s.stream")
    [ "$sent" -ge $((records / 2)) ] || fail "only $sent of $records records were written to the vendor"
    synced "$title" "$records"
    synced_within "$title" "$records"
    value "$title" "sync" "peak memory" MiB "$(of "$peak_kib / 1024")"
    value "$title" "sync" "written to the vendor" records "$sent"
    value "$title" "sync" "fields that both changed" "" "$(query 'SELECT count(*) FROM conflict')"
    settle
    read -r n us cpu commits < <("$tools/replay_limit" ordered "$db" "$target")
    value "$title" "limit: the store" "speed" "records/s" "$(of "$n * 1000000 / $us")"
    value "$title" "limit: the store" "rows of records" "" "$n"
    update_batches
    vendor_limit "$title" "the vendor" "$records"
    stop_sandbox && port=''
    drop_store
}

measure_it() {
    each_round
    plot merge "Records that changed on both sides, and the limits" speed
}
