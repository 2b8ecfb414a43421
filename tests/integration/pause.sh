#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# pause.sh: a paused connection commits nothing, a sync under way stops at its next commit, and after `resume` the next
# one goes on from there.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 3000 --contacts 500 --limits off
configure

step "paused before it has ever run"
"$fastenr" pause hubspot -c "$conf" --reason "moving house" >/dev/null
if "$fastenr" sync hubspot -c "$conf" >"$dir/out" 2>"$dir/err"; then fail "a paused connection was synced"; fi
grep -q 'moving house' "$dir/err" && grep -q 'fastenr resume hubspot' "$dir/err" || fail "it does not say why: $(cat "$dir/err")"
expect "runs" "$(query 'SELECT count(*) FROM run')" 0
"$fastenr" status -c "$conf" | holds 'paused' || fail "status does not tell of the pause"
"$fastenr" resume hubspot -c "$conf" >/dev/null

step "all paused under way: the commit after the pause does not happen"
control POST faults '{"path":"/crm/v3/objects/companies","kind":"slow","count":8}' >/dev/null
"$fastenr" sync hubspot -c "$conf" >"$dir/out" 2>"$dir/err" &
pid=$!
until [ "$(query 'SELECT count(*) FROM run' 2>/dev/null || echo 0)" = 1 ]; do sleep 0.02; done
"$fastenr" pause --all -c "$conf" >/dev/null
before=$(query 'SELECT count(*) FROM account')
status=0
wait "$pid" || status=$?
expect "exit status" "$status" 1
expect "accounts after the pause" "$(query 'SELECT count(*) FROM account')" "$before"
expect "status of the run" "$(query 'SELECT status FROM run')" 5

step "it goes on"
control DELETE faults >/dev/null
"$fastenr" resume hubspot -c "$conf" >/dev/null
if "$fastenr" sync hubspot -c "$conf" >/dev/null 2>&1; then fail "the pause of all was ended by one"; fi
"$fastenr" resume --all -c "$conf" >/dev/null
sync
expect_equal
