# SPDX-License-Identifier: Apache-2.0
# scale: imports of several sizes: the memory of the host must not grow with them. Sourced by script/bench.

about="One import of each size into an empty store, counted there; the peak is the greatest resident size of the host (VmHWM)."

measure_it() {
    local size s n
    for size in $sizes; do
        for s in $stores; do
            use_store "$s"
            progress "$size records into $(store_title "$s")"
            sandbox_of "$size"
            configure
            timed_sync
            n=$(stored)
            value "$(store_title "$s")" "$size records" "time" s "$(of "$wall_us / 1000000")"
            value "$(store_title "$s")" "$size records" "speed" "records/s" "$(of "$n * 1000000 / $wall_us")"
            value "$(store_title "$s")" "$size records" "in the store" records "$n"
            value "$(store_title "$s")" "$size records" "CPU" "us/record" "$(of "$cpu_us / $n")"
            value "$(store_title "$s")" "$size records" "peak memory" MiB "$(of "$peak_kib / 1024")"
            stop_sandbox && port=''
            drop_store
        done
    done
    plot scale-speed "Speed of an import, by its size" speed
    plot scale-memory "Greatest memory of the host" "peak memory"
    store=${STORE:-sqlite}
}
