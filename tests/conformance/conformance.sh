#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# conformance.sh: what the HubSpot connector asks for is what the vendor's OpenAPI documents describe, and so is what the
# sandbox answers to writes. Its requests are
# recorded at the sandbox while it checks, discovers and reads all of its objects, in full and by window, and writes
# them, and sent again to a mock that validates them. FASTENR_SPECS is the folder of the documents (hubspot/*.json), by default
# ../shared/specs beside the repository; they are not part of it, and without them this is skipped.
root=$(cd "$(dirname "$0")/../.." && pwd)
specs=${FASTENR_SPECS:-$root/../shared/specs}/hubspot
if ! ls "$specs"/*.json >/dev/null 2>&1; then
    echo "SKIPPED: there are no OpenAPI documents in $specs; set FASTENR_SPECS to the folder above hubspot/"
    exit 77
fi
. "$root/tests/integration/host.bash"
mock=$TESTS/conformance # node_modules is made there once for each package-lock.json

install_mock() {
    local lock=$root/tests/conformance/package-lock.json
    command -v node >/dev/null && command -v npm >/dev/null ||
        fail "node and npm are wanted: script/bootstrap --tests"
    cmp -s "$lock" "$mock/installed" && return
    mkdir -p "$mock"
    cp "$lock" "${lock%/*}/package.json" "$mock/"
    npm ci --prefix "$mock" --ignore-scripts --no-audit --no-fund --loglevel=error >"$dir/npm.log" 2>&1 || {
        tail -20 "$dir/npm.log" >&2
        fail "npm ci in $mock failed"
    }
    cp "$lock" "$mock/installed"
}

# connection [LINE...]: hubspot with all its objects; the lines go into the first one's mapping.
connection() {
    configure
    [ $# -eq 0 ] || {
        sed -i '/^objects:/,$d' "$conf/hubspot.yaml"
        printf '%s\n' "objects:" "  ${objects%% *}:" "    mapping:" "      custom_fields:" "$@" >>"$conf/hubspot.yaml"
    }
}

step "the mock"
install_mock

step "record: check, discover, full read, window read"
start_sandbox --companies 250 --contacts 250 --deals 120 --tickets 120 --engagements 600 --limits off \
    --requests "$dir/requests"
touch "$conf/fastenr.conf"
"$fastenr" describe -c "$conf" hubspot --json >"$dir/describe.json"
# The row for all others stands for the sandbox's one.
objects=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).objects.map(o => o.name === "*" ? "2-3465404" : o.name)
    .join(" ")' "$dir/describe.json")
connection
"$fastenr" test -c "$conf" hubspot >"$dir/test.out" || {
    cat "$dir/test.out" >&2
    fail "fastenr test ended with $?"
}
sync
control POST mutate '{"companies":20,"contacts":20,"deals":20,"tickets":20,"p8675309_subscription":9,"seed":3}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync

step "record: a mapping of so many fields that records are read by id"
mapfile -t fields < <(printf "        field_%s: a_property_with_a_name_as_long_as_they_become_%s\n" {1..160}{,})
drop_store
connection "${fields[@]}"
sync
control POST mutate '{"companies":20,"seed":4}' >/dev/null
control POST clock '{"advance_ms":2000}' >/dev/null
sync

step "record: writes"
# written OP OBJECT ROW [KEY_FIELD]: the row is done; $id is its record's.
written() {
    "$TESTS/write_rows" "$BIN/../libexec/fastenr/fastenr-worker" "$BIN/../lib/fastenr/connectors/hubspot.so" \
        "$conf/hubspot.yaml" "$1" "$2" "${@:4}" <<<"$3" >"$dir/write.out" || fail "$1 $2: $(cat "$dir/write.out")"
    local said
    read -r _ said id _ <"$dir/write.out"
    [ "$said" = ok ] || fail "$1 of $2 was not done: $(cat "$dir/write.out")"
}
writable=$(node -p 'JSON.parse(fs.readFileSync(process.argv[1])).objects.filter(o => !/owners|stages/.test(o.name))
    .map(o => o.name === "*" ? "2-3465404" : o.name).join(" ")' "$dir/describe.json")
for object in $writable; do
    case $object in
    companies) values='"name":"Acme \"Ltd\"","numberofemployees":"12"' ;;
    contacts) values='"email":"ada@conformance.example","lastname":"Ada"' ;;
    deals) values='"dealname":"A","dealstage":"qualifiedtobuy","amount":"12.50"' ;;
    tickets) values='"subject":"S","hs_pipeline_stage":"1"' ;;
    2-*) values='"subscription_name":"Gold"' ;;
    *) values='"hs_timestamp":"2026-05-01T10:00:00Z"' ;;
    esac
    written create "$object" "{\"write_id\":\"w-1\",\"values\":{$values}}"
    record=$id
    written update "$object" "{\"write_id\":\"w-2\",\"id\":\"$record\",\"values\":{\"hubspot_owner_id\":null}}"
    written upsert "$object" "{\"write_id\":\"w-3\",\"key\":\"$record\",\"values\":{$values}}" hs_object_id
    declare "made_${object//[^a-z]/_}=$record"
    if [ "$object" != companies ]; then
        link="\"id\":\"$record\",\"field\":\"associations.companies\",\"other_id\":\"$made_companies\""
        written associate "$object" "{\"write_id\":\"w-4\",$link}"
        written dissociate "$object" "{\"write_id\":\"w-5\",$link}"
        written archive "$object" "{\"write_id\":\"w-6\",\"id\":\"$record\"}"
    fi
done
written archive companies "{\"write_id\":\"w-7\",\"id\":\"$made_companies\"}"

# recorded METHOD TARGET: with the quote or the question mark that ends the path.
recorded() {
    grep -qF "$1\",\"target\":\"/$2" "$dir/requests" || fail "nothing was recorded like $1 /$2"
}
for object in $objects; do
    case $object in
    owners) recorded GET 'crm/v3/owners?' ;;
    deal_stages) recorded GET 'crm/v3/pipelines/deals"' ;;
    ticket_stages) recorded GET 'crm/v3/pipelines/tickets"' ;;
    *)
        recorded GET "crm/v3/objects/$object?"
        recorded POST "crm/v3/objects/$object/search\""
        ;;
    esac
done
recorded GET 'crm-object-schemas/v3/schemas"'
for object in $writable; do
    for verb in create update upsert archive; do recorded POST "crm/v3/objects/$object/batch/$verb\""; done
    [ "$object" = companies ] || for verb in associate/default archive; do
        recorded POST "crm/v4/associations/$object/companies/batch/$verb\""
    done
done
grep -qF "/batch/read\"" "$dir/requests" || fail "no read by id was recorded"
grep -qi 'authorization\|sandbox-token' "$dir/requests" && fail "the record has the credential"

step "replay: $(wc -l <"$dir/requests") requests"
node "$root/tests/conformance/replay.js" "$mock" "$specs" "$dir/requests"

step "answers: the sandbox's writes"
node "$root/tests/conformance/answers.js" "$mock" "$specs" "http://127.0.0.1:$port"
