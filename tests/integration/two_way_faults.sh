#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# two_way_faults.sh RECORDS KILLS: what is created and changed here reaches the vendor once, whatever becomes of requests,
# answers and the host: answers that are lost, refused halves of batches, 429, 503, resets, kill -9.
. "$(dirname "$0")/host.bash"
records=$1 kills=$2
rounds=8
RANDOM=${SEED:-4711}

advance() { control POST clock "{\"advance_ms\":$1}" >/dev/null; }
fault() { control POST faults "$1" >/dev/null; }
no_faults() { control DELETE faults >/dev/null; }

# A vendor and a store of their own. `keyed`: with a property that holds our record's id.
begin() {
    step "$1"
    [ -z "$sandbox_pid" ] || { stop_sandbox && drop_store; }
    start_sandbox --companies 40 --contacts 80 --limits off
    configure "sync_direction: bidirectional"
    [ "$2" = keyed ] || { sync && return; }
    local -A groups=([companies]=companyinformation [contacts]=contactinformation)
    for type in $objects; do
        vendor -H 'Content-Type: application/json' -o /dev/null -d '{"name":"fastenr_id","label":"fastenr","type":"string",
            "fieldType":"text","groupName":"'"${groups[$type]}"'","hasUniqueValue":true}' "http://127.0.0.1:$port/crm/v3/properties/$type"
        sed -i "s/^  $type: {}/  $type: {external_key: fastenr_id}/" "$conf/hubspot.yaml"
    done
    sync
}

# create FROM TO: accounts and contacts of these numbers, by another program.
create() {
    local rows='' people=''
    for ((n = $1; n < $2; n++)); do
        rows+="${rows:+, }('Made $n', 'made$n.example')"
        people+="${people:+, }('p$n@made.example', 'P', 'Made$n')"
    done
    foreign "INSERT INTO account (name, domain) VALUES $rows"
    foreign "INSERT INTO contact (email, first_name, last_name) VALUES $people"
}

# there TYPE PROPERTY: its values of the records that were made here, one a line.
there() {
    control GET "truth/$1" >"$dir/there"
    grep -o "\"$2\":\"[^\"]*made[0-9]*[.@][^\"]*\"\|\"$2\":\"p[0-9]*@made.example\"" "$dir/there" | sort || true
}
doubled() { uniq -d | wc -l; }

nothing_doubled() {
    expect "companies doubled there" "$(there companies domain | doubled)" 0
    expect "contacts doubled there" "$(there contacts email | doubled)" 0
    expect "accounts doubled here" "$(query "SELECT count(*) - count(DISTINCT domain) FROM account WHERE domain LIKE 'made%'")" 0
    expect "contacts doubled here" "$(query "SELECT count(*) - count(DISTINCT email) FROM contact WHERE email LIKE 'p%made.example'")" 0
}

# all_there COUNT: so many of each are there, each linked, and nothing is left to do or to find out.
all_there() {
    nothing_doubled
    expect "companies there" "$(there companies domain | wc -l)" "$1"
    expect "contacts there" "$(there contacts email | wc -l)" "$1"
    for table in account contact; do
        expect "records of $table without a link" "$(query "SELECT count(*) FROM $table r WHERE r.deleted_at IS NULL
            AND NOT EXISTS (SELECT 1 FROM link l WHERE l.record = r.key AND l.ended = 0)")" 0
    done
    expect "writes in the air" "$(query 'SELECT count(*) FROM export_write')" 0
    expect "records that are due" "$(query 'SELECT count(*) FROM export_due')" 0
}

# What is in doubt is settled once an import has come past the time of the write.
settle() {
    no_faults
    for _ in 1 2 3; do
        advance 200000
        sync
    done
}

# make KIND...: creates in portions, a sync after each, with these faults on what writes.
make() {
    for ((round = 0; round < rounds; round++)); do
        create $((round * records / rounds)) $(((round + 1) * records / rounds))
        try_sync
        nothing_doubled
    done
}
lose_answers() {
    fault '{"kind":"lost","rate":0.3,"count":1000,"path":"/crm/v3/objects/companies/batch"}'
    fault '{"kind":"lost","rate":0.3,"count":1000,"path":"/crm/v3/objects/contacts/batch"}'
}

begin "answers are lost, and a property holds our id" keyed
lose_answers
make
no_faults
sync
all_there "$records"

begin "answers are lost, and nothing but the match can tell" plain
lose_answers
make
expect "writes that are said to be under way" "$(query 'SELECT count(*) FROM export_write WHERE state = 1')" 0
doubts=$(query 'SELECT count(*) FROM export_write WHERE state = 2')
[ "$doubts" -gt 0 ] || fail "no write is in doubt, though answers were lost"
settle
all_there "$records"

for key in plain keyed; do
    begin "refused halves, 429, 503 and resets ($key)" "$key"
    for type in $objects; do
        path="\"path\":\"/crm/v3/objects/$type/batch\""
        fault "{\"kind\":\"partial\",\"rate\":0.4,\"count\":1000,$path}"
        fault "{\"kind\":\"status\",\"status\":429,\"policy\":\"TEN_SECONDLY_ROLLING\",\"retry_after\":0,\"rate\":0.1,\"count\":1000,$path}"
        fault "{\"kind\":\"status\",\"status\":503,\"rate\":0.1,\"count\":1000,$path}"
        fault "{\"kind\":\"reset\",\"rate\":0.1,\"count\":1000,$path}"
        fault "{\"kind\":\"reset_body\",\"rate\":0.1,\"count\":1000,$path}"
    done
    make
    settle
    # What the vendor refused is written again when it is changed.
    foreign "UPDATE account SET name = 'Again ' || name WHERE key IN (SELECT record FROM export_write WHERE state = 3)"
    foreign "UPDATE contact SET first_name = 'Again' WHERE key IN (SELECT record FROM export_write WHERE state = 3)"
    settle
    all_there "$records"
done

begin "the host is killed while both sides change" plain
began=${EPOCHREALTIME/./}
sync
span=$(((${EPOCHREALTIME/./} - began) / 1000 * 2))
for ((i = 0; i < kills; i++)); do
    create $((i * 10)) $((i * 10 + 10))
    foreign "UPDATE account SET name = 'Ours $i ' || key WHERE key % 5 = $((i % 5))"
    foreign "UPDATE contact SET last_name = 'Ours $i' WHERE key % 5 = $((i % 5))"
    "$fastenr" sync -c "$conf" hubspot >/dev/null 2>&1 &
    pid=$!
    ms=$((RANDOM % span + 1))
    sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    control POST mutate "{\"companies\":5,\"contacts\":5,\"seed\":$i}" >/dev/null
done
settle
all_there $((kills * 10))
expect_equal
before=$(control GET writes | wc -l)
sync --full
expect "writes of a full sync after all that" "$(($(control GET writes | wc -l) - before))" 0
"$fastenr" doctor -c "$conf" >"$dir/doctor" 2>&1 || { cat "$dir/doctor" && fail "doctor finds a fault"; }
