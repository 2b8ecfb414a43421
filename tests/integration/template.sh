#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# template.sh FASTENR CONNECTOR_SO TESTS: the connector of sdk/template, built from an installed SDK alone, in an
# installed host, against the vendor that it was written for; TESTS is the build's folder of test programs.
set -euo pipefail
fastenr=$(realpath "$1") connector=$(realpath "$2") api=$(realpath "$3/people_api") write_rows=$(realpath "$3/write_rows")
work=$(mktemp -d)
trap 'exec 9>&-; rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Its standard input is ours to close.
mkfifo in out
"$api" 250 <in >out &
exec 9>in
read -r port <out
mkdir conf.d
printf 'connectors = ["%s"];\n' "$(dirname "$connector")" >conf.d/fastenr.conf
cat >conf.d/people.yaml <<END
connector: $(basename "$connector" .so)
auth: {api_token: {token: people-token}}
network: {allow: [127.0.0.1], endpoints: {api.people.example: "http://127.0.0.1:$port"}}
objects: {people: }
END
"$fastenr" check >check.out || fail "check: $(cat check.out)"
grep -q 'people -> contact' check.out || fail "check does not know it: $(cat check.out)"
"$fastenr" test people >test.out || fail "test: $(cat test.out)"
grep -q 'account acme' test.out || fail "no account: $(cat test.out)"
"$fastenr" sync people --json >sync.out || fail "sync: $(cat sync.out)"
grep -q '"created":250' sync.out || fail "not 250 people: $(cat sync.out)"
"$fastenr" records contact --where email=p249@people.example >records.out
grep -q 'No 249' records.out || fail "the last page is missing: $(cat records.out)"
# written OP ROW EXPECTED: what becomes of a row.
written() {
    local worker=${fastenr%/bin/fastenr}/libexec/fastenr/fastenr-worker
    "$write_rows" "$worker" "$connector" conf.d/people.yaml "$1" people <<<"$2" >write.out || fail "$1: $(cat write.out)"
    [ "$(head -1 write.out)" = "$3" ] || fail "$1 of $2 gave '$(head -1 write.out)' and not '$3'"
}
written create '{"write_id":"w-1","values":{"mail":"a@b.example","last":"A \"B\""}}' 'w-1 ok 250  '
written update '{"write_id":"w-2","id":"7","values":{"first":null}}' 'w-2 ok 7  '
written update '{"write_id":"w-3","id":"999","values":{"first":"x"}}' 'w-3 gone 999  '
written create '{"write_id":"w-4","values":{"mail":"refused@b.example"}}' 'w-4 bad-record   the address is refused'
sed -i 's/people-token/another/' conf.d/people.yaml
if "$fastenr" test people >test.out 2>&1; then fail "a wrong token was good"; fi
grep -q 'ok .*resolve' test.out || fail "it did not even look for the vendor: $(cat test.out)"
echo "template: 250 people on three pages, and four written"
