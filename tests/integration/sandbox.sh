#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The program fastenr-sandbox over HTTP: flags, pages, streams, faults on the wire, signals.
# Usage: sandbox.sh PROGRAM
set -eu

program=$1
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || :; rm -rf "$folder"' EXIT

fail() {
    echo "sandbox.sh: $*" >&2
    exit 1
}

# contains FILE TEXT
contains() {
    grep -q -F -- "$2" "$1" || fail "$1 lacks '$2': $(head -c 500 "$1")"
}

# wrong TEXT ARGUMENT...: exits with 2 and says the text.
wrong() {
    wanted=$1
    shift
    status=0
    "$program" "$@" >"$folder/out" 2>"$folder/err" || status=$?
    [ "$status" = 2 ] || fail "'$*' ended with $status, not 2"
    contains "$folder/err" "$wanted"
}

get() {
    curl -sS --max-time 20 -H 'Authorization: Bearer sandbox-token' "$@"
}

start() {
    "$program" hubspot --port 0 "$@" >"$folder/start" 2>"$folder/start.err" &
    pid=$!
    tries=0
    until grep -q control "$folder/start"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || fail "did not start: $(cat "$folder/start.err")"
        sleep 0.05
    done
    url=$(sed -n 's/.* at \(http:[^ ]*\)$/\1/p' "$folder/start")
}

stop() {
    kill "-$1" "$pid"
    status=0
    wait "$pid" || status=$?
    pid=
    [ "$status" = 0 ] || fail "SIG$1 ended it with $status, not 0"
}

"$program" --help >"$folder/help"
contains "$folder/help" "Usage: fastenr-sandbox"
"$program" hubspot --help >"$folder/help"
for flag in Usage: --port --seed --companies --contacts --limits --companies-from --lag \
    --same-modified --dirty --fault --quiet Example:; do
    contains "$folder/help" "$flag"
done
wrong "no such flag" hubspot --bogus
wrong "needs a value" hubspot --port
wrong "whole number" hubspot --companies many
wrong "whole number" hubspot --port 70000
wrong "real, off or xN" hubspot --limits some
wrong "no simulator" ubspot
wrong "kind: status" hubspot --fault kind=odd
wrong "a vendor is wanted"

start --companies 250 --contacts 300 --limits x10
contains "$folder/start" "sandbox-token"
contains "$folder/start" "250 companies, 300 contacts"

get -D "$folder/headers" "$url/crm/v3/objects/companies?limit=2" >"$folder/page"
contains "$folder/page" '"paging"'
contains "$folder/headers" 'X-HubSpot-RateLimit-Max: 1900'
contains "$folder/headers" 'Date: '
[ "$(curl -sS -o /dev/null -w '%{http_code}' "$url/crm/v3/objects/companies")" = 401 ] ||
    fail "no token, no 401"

[ "$(get "$url/__sandbox/truth/contacts" | wc -l)" = 300 ] || fail "the truth is not 300 lines"

# The target comes through as it was sent; the log keeps it.
get "$url/crm/v3/objects/contacts?limit=1&properties=email%2Cphone" >"$folder/page"
contains "$folder/page" '"phone"'
get "$url/__sandbox/requests" >"$folder/log"
contains "$folder/log" 'properties=email%2Cphone'

# A body over 4 MiB is answered.
head -c 5000000 /dev/zero | tr '\0' ' ' >"$folder/big"
[ "$(get -H 'Expect:' -o /dev/null -w '%{http_code}' --data-binary "@$folder/big" \
    "$url/crm/v3/objects/companies/search")" = 413 ] || fail "a long body is not answered with 413"

# fault KIND EXPECTED: curl's exit status for a list page.
fault() {
    get -o /dev/null -d "{\"path\":\"/crm/v3/objects\",\"kind\":\"$1\",\"ms\":300}" \
        "$url/__sandbox/faults"
    status=0
    get -o "$folder/page" "$url/crm/v3/objects/companies?limit=100" 2>/dev/null || status=$?
    case " $2 " in
    *" $status "*) ;;
    *) fail "fault $1: curl ended with $status, not $2" ;;
    esac
}
fault truncate 18
fault reset 56
fault reset_body 56
fault hang 52
fault html 0
contains "$folder/page" '<!DOCTYPE html>'
fault slow 0
contains "$folder/page" '"paging"'
get -o "$folder/page" "$url/crm/v3/objects/companies?limit=1" # faults are used up

# Writes, by all methods; one whose answer is lost is done, and the journal says so.
# send METHOD PATH EXPECTED [BODY]: the answer is in page.
send() {
    code=$(get -X "$1" -o "$folder/page" -w '%{http_code}' ${4+-d "$4"} "$url$2")
    [ "$code" = "$3" ] || fail "$1 $2: $code, not $3: $(head -c 500 "$folder/page")"
}
: >"$folder/page"
send POST /crm/v3/objects/contacts 201 '{"properties":{"email":"Ann@Acme.test"}}'
contains "$folder/page" '"email":"ann@acme.test"'
id=$(sed 's/^{"id":"\([0-9]*\)".*/\1/' "$folder/page")
send PATCH "/crm/v3/objects/contacts/$id" 200 '{"properties":{"firstname":"Ann"}}'
company=$(get "$url/crm/v3/objects/companies?limit=1" | sed 's/.*{"id":"\([0-9]*\)".*/\1/')
send PUT "/crm/v4/objects/contacts/$id/associations/default/companies/$company" 200
send DELETE "/crm/v4/objects/contacts/$id/associations/companies/$company" 204
send DELETE "/crm/v3/objects/contacts/$id" 204
send POST /crm/v3/objects/contacts/batch/archive 204 "{\"inputs\":[{\"id\":\"$id\"}]}"
get -o /dev/null -d '{"kind":"reset","method":"POST","path":"/crm/v3/objects"}' "$url/__sandbox/faults"
status=0
get -o /dev/null -d '{"properties":{"name":"Lost"}}' "$url/crm/v3/objects/companies" 2>/dev/null || status=$?
[ "$status" = 56 ] || fail "a write whose answer is lost: curl ended with $status, not 56"
get "$url/__sandbox/truth/companies" >"$folder/truth"
contains "$folder/truth" '"name":"Lost"'
get "$url/__sandbox/writes" >"$folder/writes"
[ "$(grep -c '"answer":"given"' "$folder/writes")" = 6 ] || fail "not six writes: $(cat "$folder/writes")"
contains "$folder/writes" '"properties":{"name":"Lost"},"outcome":"created","status":201,"answer":"lost"'

# A client that goes away in the middle of a slow answer, and a stop while one is under way.
get -o /dev/null -d '{"kind":"slow","ms":60000,"count":2}' "$url/__sandbox/faults"
get --max-time 0.3 -o /dev/null "$url/crm/v3/objects/companies?limit=100" 2>/dev/null &&
    fail "a slow answer was not slow"
get --max-time 5 -o /dev/null "$url/crm/v3/objects/companies?limit=100" 2>/dev/null &
sleep 0.2

port=${url##*:}
status=0
"$program" hubspot --port "$port" 2>"$folder/err" || status=$?
[ "$status" = 1 ] || fail "a taken port ended with $status, not 1"
contains "$folder/err" "--port"
stop TERM

# Quiet: the address alone.
: >"$folder/start" # what is there is of an earlier one
"$program" hubspot --port 0 --quiet >"$folder/start" &
pid=$!
tries=0
until [ -s "$folder/start" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || fail "quiet says nothing"
    sleep 0.05
done
sleep 0.1
[ "$(wc -l <"$folder/start")" = 1 ] || fail "quiet is not one line"
stop INT
echo ok
