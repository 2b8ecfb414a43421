# SPDX-License-Identifier: Apache-2.0
# sandbox: how fast the vendor answers, which is to be faster than all that is measured against it. Sourced by script/bench.

about="Pages of 100 contacts with the properties that an import asks for, asked for by wrk over 1 and 4 connections on the same machine."

measure_it() {
    local round connections rate seconds=5 path
    [ -z "$quick" ] || seconds=1
    command -v wrk >/dev/null || fail "there is no wrk (Debian: wrk)"
    sandbox_of 30000
    path='/crm/v3/objects/contacts?limit=100&properties=firstname,lastname,email,phone,jobtitle,mobilephone,city,country,lifecyclestage,hs_lead_status,hubspot_owner_id,associatedcompanyid'
    for ((round = 1; round <= rounds; round++)); do
        for connections in 1 4; do
            wrk -t1 -c"$connections" -d"${seconds}s" -H 'Authorization: Bearer sandbox-token' "http://127.0.0.1:$port$path" \
                >"$dir/wrk.out"
            ! grep -q 'Non-2xx' "$dir/wrk.out" || fail "$(grep Non-2xx "$dir/wrk.out")"
            rate=$(awk '/^Requests\/sec/ { print $2 }' "$dir/wrk.out")
            value sandbox "$connections connections" pages pages/s "$rate"
            value sandbox "$connections connections" records records/s "$(of "$rate * 100")"
        done
    done
    plot sandbox "What the sandbox can answer" records
    stop_sandbox
}
