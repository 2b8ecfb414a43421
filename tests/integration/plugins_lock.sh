#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# plugins_lock.sh: what the operator approved is run, and nothing else: a connector's file is replaced by one of the same
# name that asks for more, with and without a host that runs; a lock that is broken, absent, or cannot be written.
. "$(dirname "$0")/host.bash"

lock=$conf/plugins.lock id=com.fastenr.test.fixture
mkdir "$dir/connectors"
plugin=$dir/connectors/shop.so

# install NAME: as a package does, a new file in the place of the old one.
install_connector() {
    cp "$TESTS/fault_plugins/$1.so" "$plugin.new"
    mv "$plugin.new" "$plugin"
}

# with [LINE...]: fastenr.conf.
with() {
    printf '%s\n' "store = \"$store_url\";" "connectors = [\"$dir/connectors\"];" "$@" >"$conf/fastenr.conf"
}

# ends STATUS ARGUMENT...: runs fastenr; what it says is in $said. A `run` that should have refused would not end.
ends() {
    local wanted=$1 status=0
    shift
    said=$(timeout 60 "$fastenr" "$1" -c "$conf" "${@:2}" 2>&1 </dev/null) || status=$?
    [ "$status" -eq "$wanted" ] || fail "'fastenr $*' ended with $status, not $wanted: $said"
}
# As `ends`, for `fastenr plugins`.
plugins() {
    local wanted=$1 status=0
    shift
    said=$("$fastenr" plugins "$1" -c "$conf" "${@:2}" 2>&1 </dev/null) || status=$?
    [ "$status" -eq "$wanted" ] || fail "'fastenr plugins $*' ended with $status, not $wanted: $said"
}
says() { [[ $said == *"$1"* ]] || fail "no '$1' in: $said"; }
says_not() { [[ $said != *"$1"* ]] || fail "'$1' in: $said"; }
state() {
    "$fastenr" plugins list -c "$conf" --json | grep -o '"name":"shop"[^}]*"state":"[a-z ]*"' | sed 's/.*"state":"\(.*\)"/\1/'
}
runs() { query "SELECT count(*) FROM run"; }
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

with
install_connector idle
printf 'connector: shop\nevery: 10s\njitter: 0s\nobjects: {things: {mapping: {name: name}}}\n' >"$conf/shop.yaml"

step "without a lock everything runs, and is said to be not pinned"
ends 0 sync shop
expect "the state" "$(state)" "not pinned"
plugins 0 list
says 'To pin those in use: fastenr plugins approve'
ends 0 doctor
says 'not pinned: '

step "required, and absent"
with 'plugins_lock = "required";'
ends 2 check
says "$lock: there is no such file, and fastenr.conf has plugins_lock = \"required\""
ends 2 sync shop
ends 2 run
says 'no connection can be synced'
ends 1 doctor
says 'is required and not there'
plugins 0 list
says 'No connector is pinned, and none is run: fastenr.conf has plugins_lock = "required"'
with 'plugins_lock = "always";'
ends 2 check
says 'fastenr.conf:3:1: plugins_lock cannot be '
with 'plugins_lock = "required";'

step "approving"
plugins 2 approve
says 'shop.so'
says "+ sha256      $(hash_of "$plugin")"
says 'there is no terminal to ask on'
[ ! -e "$lock" ] || fail "it was approved without a yes"
plugins 2 approve shpo
says "did you mean 'shop'"
plugins 2 approve --all shop
plugins 0 approve --yes
says "written into $lock"
expect "the mode" "$(stat -c %a "$lock")" 644
head -1 "$lock" | holds '^// The connectors that were approved' || fail "no heading: $(cat "$lock")"
[ "$(ls -A "$conf")" = "$(printf '%s\n' fastenr.conf plugins.lock shop.yaml)" ] || fail "left over: $(ls -A "$conf")"
expect "the state" "$(state)" "approved"
ends 0 check
ends 0 sync shop
ends 0 doctor
says 'plugins.lock: 1 approved'
cp "$lock" "$dir/lock.before"
plugins 0 approve
says 'is approved as it is'
cmp -s "$lock" "$dir/lock.before" || fail "approving again changed the lock"

step "another file in its place is refused, by every command"
install_connector idle_asks_more
before=$(runs)
changed="shop.yaml:1:12: the connector $id, $plugin, is not what was approved: it asks for a new host: api.evil.example; it asks for a new option: tenant: text; its sha256 is $(hash_of "$plugin"), approved was $(hash_of "$TESTS/fault_plugins/idle.so"). If that is wanted: fastenr plugins approve $id"
ends 2 check
says "$changed"
ends 2 test shop
says "$changed"
ends 2 preview shop things
ends 2 sync shop
says "$changed"
ends 2 sync --all
says "$changed"
ends 2 run
says "$changed"
ends 1 doctor
expect "runs" "$(runs)" "$before" # nothing of it ran: it dies when it is created
expect "the state" "$(state)" "changed"
"$fastenr" plugins list -c "$conf" --json | holds '"what":"host","approved":null,"now":"api.evil.example"' || fail "no changes in JSON"

step "looking at it, and saying no or yes on a terminal"
plugins 2 approve "$id"
says "$id has changed: $plugin"
says '+ host        api.evil.example'
says '+ option      tenant: text'
says "was $(hash_of "$TESTS/fault_plugins/idle.so")"
says_not 'credential'
# answer TEXT: at the question of approve; what is said is in $said, its exit status in $answered.
answer() {
    answered=0
    said=$(script -qec "'$fastenr' plugins approve -c '$conf' shop" /dev/null <<<"$1") || answered=$?
}
answer no
expect "the exit status after no" "$answered" 1
says 'Approve it? [y/N]'
says 'nothing was changed'
cmp -s "$lock" "$dir/lock.before" || fail "it was written in spite of a no"
answer y
expect "the exit status after yes" "$answered" 0
ends 0 check
plugins 0 forget "$id"
says 'is not run until it is approved again'
ends 2 check
says "is not approved: it is not in $lock"
expect "the state" "$(state)" "not approved"
plugins 2 forget "$id"
says "'$id' is not in $lock"
sed -i 's/^plugins = (/&\n  { id = "'"$id"'"; version = "1"; sha256 = "'"$(printf '%064d' 7)"'"; }/' "$lock"
plugins 2 forget "${id##*.}"
says "did you mean '$id'?"

step "what is not installed stays, until it is forgotten"
install_connector idle
plugins 0 approve --yes "$plugin"
sed -i 's/^plugins = (/&\n  { id = "org.gone"; version = "1"; sha256 = "'"$(printf '%064d' 7)"'"; },/' "$lock"
plugins 0 approve
plugins 0 list
[[ $said =~ not\ installed\ .*org.gone ]] || fail "org.gone is not listed: $said"
install_connector idle_asks_more
plugins 0 approve --yes
grep -q '"org.gone"' "$lock" || fail "an entry went without a word"
plugins 0 forget org.gone
! grep -q '"org.gone"' "$lock" || fail "org.gone is still there"
install_connector idle
plugins 0 approve --yes

step "what another command writes meanwhile is kept"
cp "$lock" "$dir/lock.before"
plugins 0 forget "$id"
mkfifo "$dir/held"
flock "$conf" cat "$dir/held" & # as the other command does
holder=$!
exec 7>"$dir/held"
"$fastenr" plugins approve -c "$conf" --yes shop >"$dir/approve.out" 2>&1 </dev/null 7>&- &
approver=$!
waits=
for _ in {1..200}; do # it has read the lock, and waits
    grep -q "^[0-9]*: -> FLOCK .* $approver " /proc/locks && waits=yes && break
    kill -0 "$approver" 2>/dev/null || break
    sleep 0.05
done
[ "$waits" ] || fail "approve does not wait for another command: $(cat "$dir/approve.out")"
sed -i 's/^plugins = (/&\n  { id = "org.other"; version = "1"; sha256 = "'"$(printf '%064d' 8)"'"; }/' "$lock"
exec 7>&-
wait "$holder"
wait "$approver" || fail "approve ended with $?: $(cat "$dir/approve.out")"
grep -q '"org.other"' "$lock" || fail "the entry of another command is gone: $(cat "$lock")"
grep -q "\"$id\"" "$lock" || fail "it is not approved: $(cat "$lock")"
plugins 0 forget org.other
cmp -s "$lock" "$dir/lock.before" || fail "the lock is not as it was: $(diff "$lock" "$dir/lock.before")"

step "two files of one id"
cp "$TESTS/fault_plugins/spies.so" "$dir/connectors/"
plugins 2 approve --all --yes
says "both call themselves $id"
rm "$dir/connectors/spies.so"

step "a lock that is broken: nothing runs"
cp "$lock" "$dir/lock.before"
sed -i 's/^    version/    vresion/' "$lock"
place=$(grep -n vresion "$lock" | cut -d: -f1)
before=$(runs)
for command in check "sync shop" "test shop" run; do
    # shellcheck disable=SC2086 # two words are two arguments
    ends 2 $command
    says "$lock:$place:5: there is no setting 'vresion' here; did you mean 'version'?"
done
plugins 2 approve --yes
says "$lock:$place:5: "
plugins 2 forget "$id"
ends 1 doctor
says 'has mistakes'
printf 'plugins = (\n  {\n' >"$lock"
ends 2 check
says "$lock:3:1: not valid libconfig"
says '1 problem in 1 file'
cat "$dir/lock.before" "$dir/lock.before" >"$lock"
ends 2 sync shop
says "$lock:"
cp "$dir/lock.before" "$lock"
expect "runs" "$(runs)" "$before"
ends 0 check

step "a folder that cannot be written to"
as_nobody=()
if [ "$(id -u)" -eq 0 ]; then # whom no mode stops
    as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    chmod 755 "$dir"
fi
install_connector idle_asks_more
chmod 755 "$plugin"
chmod 644 "$conf"/*
chmod 555 "$conf"
status=0
said=$("${as_nobody[@]}" "$fastenr" plugins approve -c "$conf" --yes 2>&1 </dev/null) || status=$?
expect "the exit status" "$status" 1
says "cannot make a file beside $lock: Permission denied; nothing was changed: run this as a user who may write in $conf"
chmod 755 "$conf"
cmp -s "$lock" "$dir/lock.before" || fail "the lock was changed"
install_connector idle

# ---- a host that runs ----

# logged TEXT: waits for it in the log, from line $from on.
from=1
logged() {
    for _ in {1..300}; do
        tail -n "+$from" "$dir/run.log" | holds -F "$1" && return
        kill -0 "$host" 2>/dev/null || break
        sleep 0.05
    done
    cat "$dir/run.log" >&2
    fail "the log never said '$1'"
}
mark() { from=$(($(wc -l <"$dir/run.log") + 1)); }

step "a host that runs: the file is replaced"
"$fastenr" run -c "$conf" >"$dir/run.log" 2>&1 &
host=$!
logged 'sync begins'
logged ' ok: read 0'
mark
install_connector idle_asks_more
logged "it asks for a new host: api.evil.example"
logged 'the one before stays in force'
mark
logged ' ok: read 0' # what was approved goes on, from the copy that was approved

step "a host that runs: the approval is taken back"
mark
plugins 0 forget "$id"
logged "stopped: the connector $id"
mark
sleep 11 # longer than its period
! tail -n "+$from" "$dir/run.log" | holds 'sync begins' || fail "it went on: $(cat "$dir/run.log")"

step "a host that runs: what is there is approved"
install_connector idle
mark
plugins 0 approve --yes
logged 'read '"$conf"' again: 1 connection'
logged ' ok: read 0'

step "a host that runs: the lock goes"
mark
rm "$lock"
logged "$lock: there is no such file, and fastenr.conf has plugins_lock"
logged 'the one before stays in force'
with
logged "$lock is gone: connectors are no longer pinned"
kill -TERM "$host"
wait "$host" || fail "the host ended with $?"
expect "failed runs" "$(query "SELECT count(*) FROM run WHERE status NOT IN (2, 6)")" 0
