# SPDX-License-Identifier: Apache-2.0
# rollback: a run of many records is taken back, here and at the vendor. Sourced by script/bench.

about="An import of $records records is taken back, and that rollback too; then all of them are changed here, written to the vendor \
by a sync, and that sync is taken back: each record is read there again and written, a hundred at a time. The vendor is \
the sandbox, without limits. Timed as the whole command; the peak is the greatest resident size of the host (VmHWM)."

# timed WHAT RUN: takes the run back.
timed() {
    local title status
    title="$(store_title "$store"), $1"
    settle
    read -r wall_us cpu_us peak_kib status < <("$tools/measure" -o "$dir/out" "$fastenr" rollback -c "$conf" "$2" --yes --json)
    [ "$status" = 0 ] || { cat "$dir/out" >&2 && fail "fastenr rollback ended with $status"; }
    ! grep -q '"verdict":"left"' "$dir/out" || fail "something was left of $1"
    value "$title" "rollback" "time" s "$(of "$wall_us / 1000000")"
    value "$title" "rollback" "speed" "records/s" "$(of "$records * 1000000 / $wall_us")"
    value "$title" "rollback" "CPU" "us/record" "$(of "$cpu_us / $records")"
    value "$title" "rollback" "peak memory" MiB "$(of "$peak_kib / 1024")"
}

one_round() {
    sandbox_of "$records"
    configure "sync_direction: bidirectional"
    timed_sync
    timed "of an import" 1
    timed "of that rollback" 2
    change_all
    control POST clock '{"advance_ms":5000}' >/dev/null
    timed_sync
    timed "at the vendor" 4
    stop_sandbox && port=''
    drop_store
}

measure_it() {
    each_round
}
