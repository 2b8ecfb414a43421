#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tour.sh BIN EXAMPLES: the tour of README.md with the programs in BIN and a copy of the configuration in EXAMPLES. It needs
# nothing but these and a shell.
set -euo pipefail
bin=$(realpath "$1") examples=$(realpath "$2")
work=$(mktemp -d)
sandbox=''
clean_up() {
    [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
PATH=$bin:$PATH
cp -r "$examples" "$work/conf.d"
cd "$work"
unset FASTENR_CONF HUBSPOT_TOKEN

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# shows PATTERN COMMAND...: the command goes through and prints that.
shows() {
    local pattern=$1 status=0
    shift
    "$@" >out.txt 2>&1 || status=$?
    [ "$status" -eq 0 ] || fail "$* ended with $status: $(cat out.txt)"
    grep -q -- "$pattern" out.txt || fail "$* does not print '$pattern': $(cat out.txt)"
}

fastenr-sandbox hubspot --port 0 --companies 200 --contacts 500 --dirty 7 --limits off >sandbox.log 2>&1 &
sandbox=$!
for _ in {1..100}; do
    origin=$(grep -om1 'http://127\.0\.0\.1:[1-9][0-9]*' sandbox.log) && break
    sleep 0.05
done
[ -n "${origin-}" ] || fail "the sandbox does not start: $(cat sandbox.log)"
export HUBSPOT_ORIGIN=$origin

shows 'companies -> account, contacts -> contact' fastenr check
shows 'ok .*start connector .*it runs in its jail' fastenr test hubspot
! grep -q '^fail' out.txt || fail "a step failed: $(cat out.txt)"
shows 'email' fastenr preview hubspot contacts --limit 1
shows 'warning: 7 records set aside in quarantine' fastenr sync hubspot
shows 'is not a\|is no e-mail' fastenr quarantine list
[ "$(fastenr quarantine list --json | wc -l)" -eq 7 ] || fail "not 7 in quarantine"
[ "$(fastenr records account --limit 0 --json | wc -l)" -eq 200 ] || fail "not 200 accounts"
shows 'Run 1 of hubspot' fastenr runs 1
shows 'last run' fastenr status
shows '^ok .*worker program' fastenr doctor
shows 'HubSpot' fastenr plugins list

fastenr run >run.log 2>&1 &
run=$!
for _ in {1..100}; do
    grep -q '1 connection of' run.log && break
    sleep 0.05
done
grep -q '1 connection of' run.log || fail "run does not start: $(cat run.log)"
kill -TERM "$run"
wait "$run" || fail "run ended with $? after SIGTERM: $(cat run.log)"

# The engine for PostgreSQL is found too; there is no such server.
mkdir postgres
echo 'store = "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2";' >postgres/fastenr.conf
fastenr status -c postgres >out.txt 2>&1 && fail "a store without a server"
grep -q 'cannot connect' out.txt || fail "the engine for PostgreSQL was not loaded: $(cat out.txt)"
