#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# postgres_module.sh FASTENR MODULE: libpq comes with the PostgreSQL engine and with nothing else; without the engine, or
# without its server, a message says what to do; a password is never shown. Needs no server.
set -euo pipefail
fastenr=$1 module=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# says WORDS: fastenr refuses the store with these words and without the password.
says() {
    local status=0
    "$dir/bin/fastenr" status -c "$dir/conf.d" >"$dir/out" 2>&1 || status=$?
    cat "$dir/out"
    [ "$status" -ne 0 ] || fail "it ended with 0"
    grep -qF "$1" "$dir/out" || fail "it does not say '$1'"
    ! grep -qE 'hunter2|h%75nter2' "$dir/out" || fail "it shows the password"
}

readelf -d "$fastenr" | grep NEEDED >"$dir/needed"
! grep -q libpq "$dir/needed" || fail "the program itself links libpq"
readelf -d "$module" | grep NEEDED | grep -q libpq || fail "the module does not link libpq"

mkdir -p "$dir/bin" "$dir/lib/fastenr" "$dir/conf.d"
cp "$fastenr" "$dir/bin/"
echo 'store = "postgresql://crm:h%75nter2hunter2@127.0.0.1:1/crm?connect_timeout=2";' >"$dir/conf.d/fastenr.conf"

says "came without its PostgreSQL engine"
echo "no library" >"$dir/lib/fastenr/store_postgres.so"
says "cannot load the PostgreSQL engine"
cp "$module" "$dir/lib/fastenr/"
says "store postgresql://crm@127.0.0.1:1/crm: cannot connect"
"$dir/bin/fastenr" check -c "$dir/conf.d" >"$dir/out" 2>&1 || true
! grep -qE 'hunter2|h%75nter2' "$dir/out" || fail "check shows the password"
echo 'store = "postgre://crm:hunter2hunter2@127.0.0.1:1/crm";' >"$dir/conf.d/fastenr.conf"
says "no sqlite: or postgresql: URL"
