#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# check_header HEADERS LAYOUT: each service says State, Owns, Blocks and Fails; each public struct of the headers
# (a folder) has its size asserted in LAYOUT.
set -euo pipefail
headers=$1 layout=$2

awk '
    /^struct fastenr_services \{/ { inside = 1 }
    inside && /^};/ { inside = 0 }
    inside && /\/\*/ { comment = "" }
    inside { comment = comment $0 "\n" }
    inside && /\(\*[a-z_]+\)\(struct fastenr_host/ {
        match($0, /\(\*[a-z_]+\)/)
        name = substr($0, RSTART + 2, RLENGTH - 3)
        services++
        n = split("State Owns Blocks Fails", words, " ")
        for (i = 1; i <= n; i++)
            if (comment !~ words[i] ":") {
                printf "%s:%d: the service %s does not say %s:\n", FILENAME, FNR, name, words[i]
                bad++
            }
        comment = ""
    }
    END {
        printf "check_header: %d services, %d words missing\n", services, bad
        exit bad > 0 || services < 13
    }' "$headers/connector.h"

missing=0
for struct in $(sed -n 's/^struct \(fastenr_[a-z_]*\) {.*/\1/p' "$headers"/*.h); do
    grep -q "^SIZE(struct $struct," "$layout" || {
        echo "$layout:1: struct $struct is not there" >&2
        missing=1
    }
done
exit "$missing"
