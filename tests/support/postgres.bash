#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL of the test's own: a temporary cluster that listens on a socket in its folder and on no port. Sourced;
# run as a program it starts one, runs a command with its URL in $POSTGRES_URL, and takes it away again:
#   postgres.bash COMMAND [ARGUMENT...]
# Durability is off, unless PG_DURABLE is set: what is tested is the host, and that a killed host leaves a whole store, not
# a killed server.

pg_dir=''

# PostgreSQL refuses root: then it runs as nobody.
pg_as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid nobody --regid nogroup --clear-groups -- "$@"
    else
        "$@"
    fi
}

pg_find_bin() {
    local bin
    for bin in "${PG_BIN:-}" /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)"; do
        [ -x "$bin/initdb" ] && echo "$bin" && return
    done
    echo "there is no PostgreSQL server to test with: run script/bootstrap --tests, or set PG_BIN" >&2
    return 1
}

# start_postgres: sets $pg_url (of the superuser "owner") and $pg_dir; stop_postgres takes it away.
start_postgres() {
    local bin settings=''
    bin=$(pg_find_bin) || return 1
    [ -n "${PG_DURABLE:-}" ] || settings='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
    pg_dir=$(mktemp -d)
    [ "$(id -u)" -ne 0 ] || chown nobody:nogroup "$pg_dir"
    # A working folder that the other user may not enter would stop it.
    (
        cd "$pg_dir"
        pg_as_user "$bin/initdb" -D "$pg_dir/data" -U owner -A trust -E UTF8 --locale C.UTF-8 -N >"$pg_dir.log" 2>&1 &&
            pg_as_user "$bin/pg_ctl" -D "$pg_dir/data" -l "$pg_dir/server.log" -w -t 60 \
                -o "-k $pg_dir -c listen_addresses= $settings \
                    -c max_connections=30 -c shared_buffers=64MB" start >>"$pg_dir.log" 2>&1
    ) || {
        cat "$pg_dir.log" "$pg_dir/server.log" >&2
        return 1
    }
    pg_url="postgresql://owner@/postgres?host=$pg_dir"
}

stop_postgres() {
    [ -n "$pg_dir" ] || return 0
    local bin
    bin=$(pg_find_bin) &&
        (cd "$pg_dir" && pg_as_user "$bin/pg_ctl" -D "$pg_dir/data" -m immediate -w stop) >/dev/null 2>&1
    rm -rf "$pg_dir" "$pg_dir.log"
    pg_dir=''
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    trap stop_postgres EXIT
    trap 'exit 130' INT TERM
    start_postgres
    POSTGRES_URL=$pg_url "$@"
fi
