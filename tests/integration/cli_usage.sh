#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cli_usage FASTENR FAULT_PLUGINS SOURCE_DIR: what `fastenr` says: help of every command, suggestions, all
# mistakes of a configuration at once, refused connectors, and that no escape sequence gets through.
set -u
fastenr=$(realpath "$1") fault_plugins=$(realpath "$2") source=$(realpath "$3")
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
unset FASTENR_CONF FASTENR_NO_SUCH_VARIABLE
failed=0

fail() {
    echo "FAILED: $*" >&2
    failed=$((failed + 1))
}

# expect STATUS COMMAND...: runs it, keeps its output in $out (standard output) and $err.
expect() {
    local status=$1 got=0
    shift
    "$@" >out.txt 2>err.txt </dev/null || got=$?
    out=$(cat out.txt)
    err=$(cat err.txt)
    [ "$got" -eq "$status" ] || fail "'${*##*/}' ended with $got, not $status: $err"
}
says() { [[ $out == *"$1"* ]] || fail "no '$1' in: $out"; }
complains() { [[ $err == *"$1"* ]] || fail "no '$1' in: $err"; }

# ---- help ----

# No line is longer than the 80 columns of a terminal.
fits() { awk 'length > 80 { print; wide = 1 } END { exit wide }' out.txt >&2 || fail "the line of $1 is too long"; }

expect 0 "$fastenr" --help
fits --help
says 'Usage:'
says 'Where to begin'
commands=$("$source/tests/support/commands.sh" "$fastenr")
[ "$(wc -l <<<"$commands")" -eq 39 ] || fail "the help lists not 39 commands: $commands"
while read -r command; do
    # shellcheck disable=SC2086 # two words are two arguments
    expect 0 "$fastenr" $command --help
    says 'Usage: fastenr '"$command"
    says 'Options:'
    says 'Example:'
    says '  fastenr '"$command"
    [ "$(wc -l <out.txt)" -ge 10 ] || fail "the help of $command is too short"
    fits "$command --help"
done <<<"$commands"
expect 0 "$fastenr" help sync
says 'Usage: fastenr sync'
for group in quarantine plugins secrets complete; do
    expect 0 "$fastenr" $group --help
    fits "$group --help"
done
expect 0 "$fastenr" quarantine --help
says 'quarantine replay'
expect 0 "$fastenr" --version
says 'fastenr '

# ---- wrong usage ----

expect 2 "$fastenr"
complains 'fastenr --help'
expect 2 "$fastenr" snyc
complains "did you mean 'sync'"
expect 2 "$fastenr" quarantine lst
complains "did you mean 'quarantine list'"
expect 2 "$fastenr" conflicts resolv 1
complains "did you mean 'conflicts resolve'"
expect 2 "$fastenr" conflicts show
complains 'conflicts show ID'
expect 2 "$fastenr" writes drop
complains 'writes drop ID...'
expect 2 "$fastenr" check --jsn
complains "did you mean '--json'"
expect 2 "$fastenr" records account --limt 3
complains "did you mean '--limit'"
expect 2 "$fastenr" records account --limit
complains 'needs a value'
expect 2 "$fastenr" records account --limit many
expect 2 "$fastenr" records
complains 'records OBJECT'
expect 2 "$fastenr" records account contact
complains 'too many'
expect 2 "$fastenr" run now
complains "'now' is one argument too many: fastenr run"
[[ $err != *' ' ]] || fail "a space at the end: '$err'"
expect 2 "$fastenr" records acount
complains "did you mean 'account'"
expect 2 "$fastenr" check -c no-such-folder
complains 'no-such-folder'
if [ ! -d /etc/fastenr ]; then
    expect 2 "$fastenr" check
    complains './conf.d'
    complains '/etc/fastenr'
fi

# ---- a configuration that is right ----

mkdir -p good/connectors
cp "$fault_plugins/idle.so" good/connectors/
echo 'connectors = ["connectors"];' >good/fastenr.conf
cat >good/shop.yaml <<'END'
connector: idle
every: 5m
objects: {things: {mapping: {name: name}}}
END
expect 0 "$fastenr" check -c good
says 'shop'
says 'things -> account'
says 'every 5m'
says 'no problems'
expect 0 "$fastenr" -c good check --json
says '"ok":true'
expect 0 "$fastenr" -c good check --fields
grep -q '^shop.things  *name  *->  *account.name' out.txt || fail "no field in: $out"
expect 0 "$fastenr" -c good check --fields --json
says '"fields":[{"object":"things","field":"name","custom":false,"imports":true,"from":["name"],"exports_to":null,"not_exported_because":null}]'
FASTENR_CONF=good expect 0 "$fastenr" check shop
expect 2 "$fastenr" check -c good shopp
complains "did you mean 'shop'"
expect 2 "$fastenr" sync -c good
complains 'needs a connection'
expect 2 "$fastenr" sync -c good shop thing
complains "did you mean 'things'"
expect 2 "$fastenr" sync -c good --limit 3 shop
expect 1 "$fastenr" status -c good
complains 'there is no store'
[ ! -e good/fastenr.db ] || fail "commands that only look made a store"
expect 0 "$fastenr" describe -c good idle
says 'com.fastenr.test.fixture'
says 'seccomp'
expect 0 "$fastenr" describe -c good -- good/connectors/idle.so
expect 2 "$fastenr" describe -c good idel
complains 'there is no connector'

# A run that is really made: the store is nobody's but the owner's.
expect 0 "$fastenr" sync -c good shop --json
says '"status":"ok"'
[ "$(stat -c %a good/fastenr.db)" = 600 ] || fail "others can read the store"
expect 0 "$fastenr" sync -c good shop
says 'nothing changed'
expect 0 "$fastenr" status -c good
says 'last run  ok'
expect 0 "$fastenr" runs -c good 1
says 'Run 1 of shop: ok'
expect 2 "$fastenr" runs -c good 99
expect 0 "$fastenr" records account -c good
expect 0 "$fastenr" quarantine list -c good
says 'nothing in quarantine'
expect 0 "$fastenr" conflicts list -c good
says 'no conflict waits for a decision'
expect 2 "$fastenr" conflicts show 1 -c good
complains 'there is no conflict 1'
expect 1 "$fastenr" conflicts resolve 1 --take local -c good
complains 'there is no conflict 1'
expect 0 "$fastenr" conflicts resolve --connection shop --take remote -c good
says 'no conflict waits for a decision there'
expect 0 "$fastenr" writes list -c good
says 'no write was refused or is in doubt'
expect 1 "$fastenr" writes retry 1 -c good
complains 'write 1: there is no such write'
expect 0 "$fastenr" writes retry --all -c good

# Names that nothing is kept for, and that no file has.
expect 2 "$fastenr" quarantine list -c good shp
complains "did you mean 'shop'"
expect 2 "$fastenr" quarantine list -c good --object thing
complains "no connection syncs an object 'thing'; did you mean 'things'"
expect 2 "$fastenr" quarantine list -c good shop --object nope --json
complains "'shop' syncs no object 'nope'; it syncs: things"
expect 0 "$fastenr" quarantine list -c good shop --object things
expect 2 "$fastenr" quarantine replay -c good shop --id 9
complains 'shop has no record 9 in quarantine; `fastenr quarantine list shop -c good` lists them'
expect 2 "$fastenr" fields -c good shop --object nope
complains "'shop' syncs no object 'nope'; it syncs: things"
expect 2 "$fastenr" runs -c good --connection nope
complains "there is no connection 'nope' in good; there are: shop"
expect 2 "$fastenr" disconnect -c good nope
complains "there is no connection 'nope'"
expect 1 "$fastenr" disconnect -c good shop
complains "'shop' has no tokens in the store"

# A pause that is there already, and one that is not there.
expect 0 "$fastenr" resume -c good shop
says 'shop was not paused'
expect 0 "$fastenr" resume -c good --all
says 'there was no pause of all connections'
expect 0 "$fastenr" pause -c good --all
says 'all connections are paused: a sync under way'
expect 0 "$fastenr" resume -c good shop
says 'shop was not paused'
complains 'all connections are paused since'
expect 0 "$fastenr" resume -c good --all --json
says '{"connection":null,"paused":false,"changed":true}'
expect 0 "$fastenr" pause -c good shop
expect 0 "$fastenr" pause -c good shop
says 'shop was paused already'
expect 1 "$fastenr" verify -c good shop
says 'shop: nothing was compared'
complains 'it is paused since'
expect 0 "$fastenr" resume -c good shop
says 'shop goes on from where it stopped'

# ---- twelve mistakes and more, in one go ----

cp -r "$source/tests/integration/mistakes" mistakes
mkdir mistakes/connectors
cp "$fault_plugins/idle.so" mistakes/connectors/
expect 2 "$fastenr" check -c mistakes
for place in a-typo.yaml:1:1 a-typo.yaml:3:8 b-missing-connector.yaml:1:12 c-objects.yaml:3:3 \
    c-objects.yaml:5:9 d-mapping.yaml:6:7 d-mapping.yaml:7:38 e-network.yaml:3:11 e-network.yaml:4:12 \
    f-not-yaml.yaml:2:20 fastenr.conf:3:8 fastenr.conf:4:1 g-cron.yaml:3:7 h-rules.yaml:5:13 h-rules.yaml:6:15 \
    h-rules.yaml:7:17 h-rules.yaml:8:42 h-rules.yaml:9:7; do
    complains "mistakes/$place: "
done
grep '^mistakes/' err.txt | LC_ALL=C sort -c -t: -k1,1 -k2,2n -k3,3n || fail "the problems are not sorted"
complains "which this connection does not sync; did you mean 'things'?"
complains 'problems in 9 files'
expect 2 "$fastenr" check -c mistakes --json
says '"ok":false'

# A problem has one line, a place and some words, whatever it quotes.
mkdir odd
mkfifo odd/pipe.yaml
printf 'connection: %05000d\nconnector: hubspot\nauth: [a]\nobjects: [b]\n' 1 >odd/a.yaml
printf 'connector: hubspot\nauth: {private_app: {token: "${FASTENR_EMPTY}"}}\nobjects: {companies: }\n%s\n' \
    'network: {endpoints: {api.hubapi.com: "http://127.0.0.1:99999"}}' >odd/b.yaml
FASTENR_EMPTY='' expect 2 "$fastenr" check -c odd
complains 'odd/a.yaml:1:13: what stands here is too long'
complains 'odd/a.yaml:3:7: auth is a list'
complains 'odd/a.yaml:4:10: objects is a list'
complains 'odd/b.yaml:2:29: the environment variable FASTENR_EMPTY is empty'
complains "odd/b.yaml:4:39: the endpoint 'http://127.0.0.1:99999' cannot be used"
complains 'it is a pipe or a device'
complains '6 problems in 3 files'

# ---- connectors that this host cannot run ----

mkdir -p refused/connectors
echo 'connectors = ["connectors"];' >refused/fastenr.conf
for name in no_entry other_major newer_minor needs_extension; do
    cp "$fault_plugins/$name.so" refused/connectors/
done
echo 'no connector at all' >refused/connectors/text.so
head -c 3000 "$fault_plugins/idle.so" >refused/connectors/cut_off.so
expect 1 "$fastenr" plugins list -c refused
[ "$(grep -c '^fastenr: refused: ' err.txt)" -eq 6 ] || fail "not six lines for six refused files: $err"
[ "$(wc -l <err.txt)" -eq 6 ] || fail "more than a line each: $err"
for name in no_entry other_major newer_minor needs_extension text cut_off; do
    complains "connectors/$name.so: "
done
complains 'connectors/cut_off.so: its end is missing'
for name in no_entry other_major newer_minor needs_extension text; do
    expect 1 "$fastenr" describe "refused/connectors/$name.so"
    complains "refused: refused/connectors/$name.so: "
done
cat >refused/a.yaml <<'END'
connector: other_major
objects: {things: }
END
expect 2 "$fastenr" check -c refused
complains 'refused/a.yaml:1:12: '

# ---- what vendors and files say stays text ----

mkdir -p hostile
printf 'connector: "x\\e[2J\\x9b31m\\u202e"\nobjects: {a: }\n' >hostile/a.yaml
expect 2 "$fastenr" check -c hostile
if LC_ALL=C grep -q "$(printf '\033')" err.txt || LC_ALL=C grep -q "$(printf '\302\233')" err.txt; then
    fail "an escape sequence reached the output"
fi

# ---- output that cannot be written ----

"$fastenr" check --reference 2>err.txt | head -1 >/dev/null
[ ! -s err.txt ] || fail "a closed pipe was not quiet: $(cat err.txt)"
if [ -w /dev/full ]; then
    got=0
    "$fastenr" --help >/dev/full 2>err.txt || got=$?
    [ "$got" -eq 1 ] || fail "a full disk gave $got, not 1"
fi

# ---- standard descriptors that are closed ----

for closed in '<&-' '2>&-' '<&- 2>&-'; do
    got=0
    eval '"$fastenr" status -c good' "$closed" >out.txt || got=$?
    [ "$got" -eq 0 ] || fail "status with $closed ended with $got"
done
got=0
"$fastenr" status -c good >&- 2>err.txt || got=$?
[ "$got" -eq 1 ] || fail "status without standard output ended with $got, not 1"
err=$(cat err.txt)
complains 'cannot write the output'
got=0
"$fastenr" sync -c good shop <&- >&- 2>&- || got=$?
[ "$got" -eq 1 ] || fail "a sync with all of them closed ended with $got, not 1"
expect 0 "$fastenr" doctor -c good
says 'whole'

# ---- a crash leaves no memory image, which would hold credentials ----

(ulimit -c unlimited 2>/dev/null || true; exec "$fastenr" run -c good) >run.out 2>&1 &
run_pid=$!
for _ in {1..100}; do
    grep -q 'connection' run.out && break
    sleep 0.05
done
[ "$(awk '/Max core file size/ { print $5 }' "/proc/$run_pid/limits")" = 0 ] || fail "a crash would leave a core file"
kill -TERM "$run_pid"
wait "$run_pid" || fail "run ended with $? after SIGTERM"

# ---- the documentation is what the program says ----

expect 0 "$fastenr" check --reference
cmp -s out.txt "$source/docs/configuration.md" ||
    fail "docs/configuration.md is not current: fastenr check --reference >docs/configuration.md"
for table in $(sqlite3 good/fastenr.db .tables); do
    grep -q "^|.*\`$table\`.*|.*|" "$source/docs/stores.md" || fail "docs/stores.md does not tell what the table $table holds"
done
expect 0 "$fastenr" doctor -c good --json

[ "$failed" -eq 0 ] || exit 1
echo "cli_usage: all as expected"
