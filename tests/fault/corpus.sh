#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# corpus.sh [--json] [--many N]: runs every connector of plugins/corpus/corpus.txt in one host, beside two neighbours that
# behave, and prints what became of each: expected and seen. Red when any differs, when anything outside the jail was
# touched, when the host ended or grew, or when a neighbour's record is missing or out of its place.
#   --json    one JSON object a line instead of the table
#   --many N  of what a row calls a flood: records, log lines (20000)
as_json='' many=20000
while [ $# -gt 0 ]; do
    case $1 in
    --json) as_json=yes ;;
    --many) many=$2 && shift ;;
    *) sed -n '3,8s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;;
    esac
    shift
done
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../integration/host.bash"

corpus=$TESTS/corpus
canary=$corpus/canary
rounds=${ROUNDS:-300} # of the steady neighbour: 50 ms and 20 records each
[ -z "$as_json" ] || step() { echo "-- $*" >&2; }

# ---- the rows ----

declare -A phase harm arg verdict
names=()
while IFS='|' read -r name p h a v; do
    read -r name <<<"$name"
    names+=("$name")
    read -r "phase[$name]" <<<"$p"
    read -r "harm[$name]" <<<"$h"
    read -r "arg[$name]" <<<"$a"
    read -r "verdict[$name]" <<<"$v"
done < <(grep -E '^[a-z].*\|' "$here/plugins/corpus/corpus.txt")
[ ${#names[@]} -ge 60 ] || fail "only ${#names[@]} connectors in the corpus"

# connection_file NAME DIR
connection_file() {
    local to=$2/$1.yaml
    printf 'connector: %s\nevery: 1d\njitter: 0s\n' "$1" >"$to"
    printf 'options: {canary_port: "%s", canary_pid: "%s", many: "%s"}\n' "$canary_port" "$outside" "$many" >>"$to"
    case ${arg[$1]} in
    # Where the vendor answers on loopback the address itself is no obstacle; everywhere else it has to be one.
    https://*) [[ ${arg[$1]} != https://vendor.test/* ]] || vendor_here >>"$to" ;;
    *) vendor_here >>"$to" ;;
    esac
    echo 'objects: {things: {to: contact, mapping: {email: mail}}}' >>"$to"
}

vendor_here() {
    echo "network: {allow: [127.0.0.1], endpoints: {vendor.test: \"http://127.0.0.1:$vendor_port\"}}"
}

# Of these a run would show too little: only `test` discovers, nothing of this file is exported, a file that changes makes
# `run` begin anew, and a connector that checkpoints is started again for as long as it seems to get on.
alone() { [[ ${phase[$1]} == @(discover|write) ]] || [ "$1" = overwritten ] || [ "$1" = hang_in_checkpoint ]; }

# ---- what is outside ----

echo "nobody may read or write this" >"$canary"
rm -rf /tmp/fastenr-spy /dev/shm/fastenr-spy
"$TESTS/outside" "$dir/touched" >"$dir/outside" &
for _ in {1..100}; do
    [ -s "$dir/outside" ] && break
    sleep 0.05
done
read -r vendor_port canary_port outside <"$dir/outside" || fail "what is outside does not start"
canary_was=$(stat -c '%i %s %a %X %Y %h' "$canary")

start_sandbox --companies 100 --contacts 200 --limits off
configure "jitter: 0s"
sed -i 's/^every: .*/every: 10s/' "$conf/hubspot.yaml"
cat >>"$conf/fastenr.conf" <<END
connectors = ["$corpus/connectors"];
workers = { hang = "1s"; memory = "128MiB"; };
sync = { runs = 16; };
END
steady_file() {
    printf 'connector: steady\nevery: 1d\njitter: 0s\noptions: {rounds: "%s"}\nobjects: {people: {}}\n' "$1"
}

# ---- a host ----

start_host() {
    "$fastenr" run -c "$1" >"$dir/run.out" 2>"$dir/run.err" &
    host=$!
}

stop_host() {
    kill -TERM "$host"
    wait "$host" || fail "the host ended with $?"
}

alive() {
    kill -0 "$host" 2>/dev/null || {
        tail -20 "$dir/run.err" >&2
        fail "the host died"
    }
}

# ended_runs NAME
ended_runs() {
    query "SELECT count(*) FROM run r JOIN connection c ON c.id = r.connection
        WHERE c.name = '$1' AND r.ended_at IS NOT NULL" 2>/dev/null || echo 0
}

# The host's own descriptors: the copies of connectors are as many as there are usable connectors.
descriptors() { find "/proc/$host/fd" -type l ! -lname '*memfd:connector*' | wc -l; }
memory_kib() { awk -v what="$1:" '$1 == what { print $2 }' "/proc/$host/smaps_rollup"; }
workers() { pgrep -c -P "$host" || true; }

# settle: nothing runs any more.
settle() {
    for _ in {1..100}; do
        alive
        [ "$(workers)" -eq 0 ] && break
        sleep 0.1
    done
    sleep 0.5
}

step "the neighbours alone"
steady_file 20 >"$conf/steady.yaml"
start_host "$conf"
for _ in {1..200}; do
    alive
    [ "$(ended_runs steady)" -ge 1 ] && [ "$(ended_runs hubspot)" -ge 1 ] && break
    sleep 0.1
done
settle
fds_alone=$(descriptors) rss_alone=$(memory_kib Rss) pss_alone=$(memory_kib Pss)
stop_host
drop_store

step "the neighbours and ${#names[@]} hostile connectors"
steady_file "$rounds" >"$conf/steady.yaml"
mkdir "$dir/alone"
cp "$conf/fastenr.conf" "$dir/alone"
sed -i "s|^store = .*|store = \"sqlite:$dir/alone.db\";|" "$dir/alone/fastenr.conf"
in_host=0
for name in "${names[@]}"; do
    if alone "$name"; then
        connection_file "$name" "$dir/alone"
    else
        connection_file "$name" "$conf"
        in_host=$((in_host + 1))
    fi
done
began=${EPOCHREALTIME/./}
start_host "$conf"
for _ in {1..600}; do
    alive
    sleep 0.2
    over=$(query "SELECT count(DISTINCT connection) FROM run WHERE ended_at IS NOT NULL" 2>/dev/null || echo 0)
    # Refused without a run: one that crashed has its row in the run log as well.
    unusable=$(grep 'configuration: ' "$dir/run.err" | grep -vcE '\.so: in (load|describe|destroy): ' || true)
    [ "$((over + unusable))" -ge "$((in_host + 2))" ] && [ "$(ended_runs steady)" -ge 1 ] &&
        [ "$(query "SELECT count(*) FROM run WHERE ended_at IS NULL")" -eq 0 ] && break
done
settle
took=$(((${EPOCHREALTIME/./} - began) / 1000))
fds_after=$(descriptors) rss_after=$(memory_kib Rss) pss_after=$(memory_kib Pss)
zombies=$(ps -o stat= --ppid "$host" | grep -c '^Z' || true)
hubspot_runs=$(ended_runs hubspot)
stop_host

# ---- verdicts ----

# For the row's NAME: what the run log, or the host's log, has of it.
seen_in_log() {
    local row
    row=$(query "SELECT r.status || '|' || coalesce(r.phase, '') || '|' || coalesce(r.exit_signal, '') || '|' ||
        coalesce(replace(r.reason, char(10), ' '), '') FROM run r JOIN connection c ON c.id = r.connection
        WHERE c.name = '$1' AND r.ended_at IS NOT NULL ORDER BY r.id LIMIT 1")
    local status p signal reason
    IFS='|' read -r status p signal reason <<<"$row"
    if [ -z "$row" ]; then
        grep -m1 "configuration: .*/$1\.so: " "$dir/run.err" | sed "s|.*/$1\.so: |unusable: |" || true
    elif [ -n "$reason" ] && [ "$status" != 3 ]; then
        echo "$reason"
    elif [ -n "$p" ]; then
        echo "in $p: died by signal $signal ($(kill -l "$signal" | sed 's/^/SIG/')), the run is good"
    elif [ "$status" = 3 ]; then
        echo quarantined
    else
        echo ok
    fi
}

# with_all TEXT WORD...: the text has all of the words.
with_all() {
    local text=$1
    shift
    for word in "$@"; do [[ $text == *"$word"* ]] || return; done
}

# as_expected NAME SEEN
as_expected() {
    local kind=${verdict[$1]%% *} rest=${verdict[$1]#* } p=${phase[$1]} seen=$2
    [ "$rest" != "$kind" ] || rest=
    case $kind in
    killed) [[ $seen == "in $p: killed by signal 31 (SIGSYS)"* ]] ;;
    died) [[ $seen == "in $p: died by signal "*"($rest)"* ]] ;;
    exited) [[ $seen == "in $p: exited with code $rest" ]] ;;
    ended) [[ $seen == "in $p: it spent more than "* || $seen == "in destroy: it did not end"* ||
        ($p == destroy && $seen == "in destroy: died by signal 9"*) ]] ;;
    convicted) [[ $seen == "in $p: "*"$rest"*"the connector is broken or hostile" ]] ;;
    refused) [[ $seen == *"refused:"* && $seen != *"GOT THROUGH"* ]] && with_all "$seen" $rest ;;
    failed) [[ $seen == "in $p: "*"$rest"* || $seen == *": $rest"* ]] ;;
    unusable) [[ $seen == "unusable: "*"$rest"* || $seen == *"$rest"* ]] ;;
    ok | quarantined) [[ $seen == "$kind" ]] ;;
    *) false ;;
    esac
}

step "those that need a host of their own"
test_alone() {
    "$fastenr" test "$1" -c "$dir/alone" --json >"$dir/test.out" 2>&1 || true
    grep -om1 "\"in ${phase[$1]}: [^\"]*\"" "$dir/test.out" | tr -d '"' || head -c 300 "$dir/test.out"
}

# The write's own program: what it prints last.
test_write() {
    printf '{"write_id":"%s","values":{"name":"a"}}\n' w-1 w-2 w-3 |
        "$TESTS/write_rows" "$BIN/../libexec/fastenr/fastenr-worker" "$corpus/connectors/$1.so" "$dir/alone/$1.yaml" \
            create things >"$dir/write.out" 2>&1 || true
    tail -1 "$dir/write.out"
}

test_overwritten() {
    local file=$corpus/connectors/$1.so
    cp "$file" "$dir/saved.so"
    "$fastenr" sync "$1" -c "$dir/alone" >"$dir/sync.out" 2>&1 &
    local sync=$!
    sleep 1
    tr '\0' '\377' <"$dir/saved.so" | dd of="$file" conv=notrunc status=none
    truncate -s 4096 "$file"
    local status=0
    wait "$sync" || status=$?
    cp "$dir/saved.so" "$file"
    [ "$status" -eq 0 ] && echo ok || tail -1 "$dir/sync.out"
}

quoted() { printf '"%s"' "$(printf %s "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

bad=0
report() {
    local name=$1 seen=$2 good=yes
    as_expected "$name" "$seen" || { good='' && bad=$((bad + 1)); }
    if [ -n "$as_json" ]; then
        printf '{"name":%s,"phase":%s,"expected":%s,"seen":%s,"as_expected":%s}\n' "$(quoted "$name")" \
            "$(quoted "${phase[$name]}")" "$(quoted "${verdict[$name]}")" "$(quoted "$seen")" "${good:+true}${good:-false}" |
            sed 's/trueyes/true/'
    else
        printf '%-5s %-20s %-9s %-45s %s\n' "${good:+ok}${good:-DIFFERS}" "$name" "${phase[$name]}" "${verdict[$name]}" "$seen" |
            sed 's/^okyes/ok/'
    fi
}
for name in "${names[@]}"; do
    if [ "$name" = overwritten ]; then
        report "$name" "$(test_overwritten "$name")"
    elif [ "${phase[$name]}" = write ]; then
        report "$name" "$(test_write "$name")"
    elif alone "$name"; then
        report "$name" "$(test_alone "$name")"
    else
        report "$name" "$(seen_in_log "$name")"
    fi
done

# ---- nothing got out, nothing was lost ----

step "outside"
expect "what touched the canaries" "$(cat "$dir/touched")" ""
expect "the canary file" "$(stat -c '%i %s %a %X %Y %h' "$canary")" "$canary_was"
[ ! -e /tmp/fastenr-spy ] && [ ! -e /dev/shm/fastenr-spy ] || fail "a connector made a file"
kill -0 "$outside" || fail "the canary process is gone"

step "the neighbours"
expect "steady's run" "$(seen_in_log steady)" ok
found=$(query "SELECT count(*) || ' ' || count(DISTINCT l.external_id) || ' ' || min(l.external_id) || ' ' || max(l.external_id)
    FROM link l JOIN stream s ON s.id = l.stream JOIN connection c ON c.id = s.connection WHERE c.name = 'steady'")
most=$(printf %06d $((rounds * 20)))
expect "steady's records" "$found" "$((rounds * 20)) $((rounds * 20)) 000001 $most"
misplaced=$(query "SELECT count(*) FROM (SELECT l.external_id AS id, lag(l.external_id) OVER (ORDER BY g.seq) AS before
    FROM log g JOIN stream s ON s.connection = (SELECT id FROM connection WHERE name = 'steady')
    JOIN link l ON l.stream = s.id AND l.record = g.record WHERE g.op = 1) WHERE before > id")
expect "records of steady out of their place" "$misplaced" 0
[ "$hubspot_runs" -ge 2 ] || fail "hubspot ran $hubspot_runs times only"
# The end of the host may have cancelled one: nothing else cancels.
bad_runs() {
    query "SELECT count(*) FROM run r JOIN connection c ON c.id = r.connection WHERE c.name = 'hubspot' AND r.status $1"
}
expect "hubspot's bad runs" "$(bad_runs 'NOT IN (2, 6)')" 0
[ "$(bad_runs '= 6')" -le 1 ] || fail "hubspot's runs were cancelled before the host ended"
expect "hubspot's records" "$(query "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream
    JOIN connection c ON c.id = s.connection WHERE c.name = 'hubspot'")" 300

step "the host"
expect "processes left" "$zombies" 0
expect "runs left running" "$(query "SELECT count(*) FROM run WHERE status = 1")" 0
lines=$(grep -c 'flood, flood' "$dir/run.err" || true)
[ "$lines" -le 200 ] || fail "a flood of $lines lines came into the log"
summary="host alone: $fds_alone descriptors, Rss $rss_alone KiB, Pss $pss_alone KiB; after the corpus ($took ms): $fds_after, $rss_after KiB, $pss_after KiB"
echo "$summary" >&2
# Connections that are kept alive come and go, and so do malloc's arenas: a leak is one for each connector. That not even
# one thing is kept is what crash_loop shows.
[ "$fds_after" -le $((fds_alone + 32)) ] || fail "descriptors stayed open: $summary"
[ "$rss_after" -le $((rss_alone + 64 * 1024)) ] || fail "memory stayed taken: $summary"
[ "$bad" -eq 0 ] || fail "$bad of ${#names[@]} connectors did not end as expected"
echo "${#names[@]} connectors, each as expected; steady's $((rounds * 20)) records in order, hubspot ran $hubspot_runs times" >&2
