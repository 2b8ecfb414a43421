# SPDX-License-Identifier: Apache-2.0
# start: how long things take to start, with all files in memory. Sourced by script/bench.

times=20
about="Whole commands, from their start to their end; \`fastenr run\` until it says that it is ready (store open, configuration \
read, connectors described). All files are in the page cache."

# many GROUP NAME OPTION... : a command's times in milliseconds, but for the first.
many() {
    local group=$1 what=$2 us cpu peak status first=yes
    shift 2
    while read -r us cpu peak status; do
        [ "$status" = 0 ] || fail "$what ended with $status"
        [ -n "$first" ] || {
            value "$group" "$what" "time" "ms" "$(of "$us / 1000")"
            value "$group" "$what" "CPU" "ms" "$(of "$cpu / 1000")"
        }
        first=''
    done < <("$tools/measure" -n $((times + 1)) "$@")
}

# connections COUNT: in $conf, of a sandbox.
connections() {
    local i
    rm -f "$conf"/*.yaml
    printf 'store = "%s";\n' "$store_url" >"$conf/fastenr.conf"
    for ((i = 1; i <= $1; i++)); do
        printf '%s\n' "connection: hubspot$i" "connector: hubspot" "auth: {private_app: {token: sandbox-token}}" \
            "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: \"http://127.0.0.1:$port\"}}" \
            "every: 24h" "objects:" "  companies: {}" >"$conf/hubspot$i.yaml"
    done
}

measure_it() {
    local bare jailed one two count
    start_sandbox --companies 0 --contacts 0 --deals 0 --tickets 0 --engagements 0 --limits off
    many host "fastenr --version" "$fastenr" --version
    for count in 0 20; do
        connections "$count"
        many host "fastenr run, $count connections" -u ", store " "$fastenr" run -c "$conf"
    done
    many worker "fastenr describe hubspot" "$fastenr" describe hubspot -c "$conf"
    while read -r bare jailed one two; do
        value worker "a process that does nothing" "time" ms "$(of "$bare / 1000")"
        value worker "a process that puts the jail on" "time" ms "$(of "$jailed / 1000")"
        value worker "of it, stage one of the jail" "time" ms "$(of "$one / 1000")"
        value worker "of it, stage two" "time" ms "$(of "$two / 1000")"
    done < <("$tools/jail_cost" "$times")
    plot start "Start" time
    stop_sandbox
}
