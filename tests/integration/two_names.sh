#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# two_names.sh: an object of the account's own that a connection has under two names is read under one of them at most,
# whichever way a sync is begun.
. "$(dirname "$0")/host.bash"

start_sandbox --companies 10 --contacts 10 --deals 5 --tickets 0 --engagements 0 --limits off
objects="companies contacts deals subscription 2-3465404"
configure
said="are one custom object of HubSpot's, 2-3465404: leave one of the two out of the connection"

# refused ARGUMENT...: the command fails, and says why.
refused() {
    local status=0
    "$fastenr" "$@" -c "$conf" >"$dir/out" 2>&1 || status=$?
    expect "exit status of $*" "$status" 1
    grep -qF "$said" "$dir/out" || fail "'fastenr $*' does not say why: $(cat "$dir/out")"
}
streams() { query "SELECT count(DISTINCT object) FROM custom_record"; }

step "before anything was read"
refused test hubspot
"$fastenr" sync hubspot companies -c "$conf" >/dev/null
refused sync hubspot subscription
refused sync hubspot 2-3465404
refused sync hubspot 2-3465404 companies
expect "names of the object" "$(streams)" 0

step "all of them: the first one is read"
refused sync hubspot
expect "names of the object" "$(streams)" 1
refused sync hubspot 2-3465404
refused verify hubspot
expect "names of the object" "$(streams)" 1

step "one of them"
objects="companies contacts deals subscription"
configure
sync
"$fastenr" sync hubspot subscription -c "$conf" >/dev/null
expect "records" "$(query 'SELECT count(*) FROM custom_record')" 60
