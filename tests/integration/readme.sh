#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# readme.sh README CONF_DIR: what the tour of README.md shows is what the commands say, but for times and speeds.
. "$(dirname "$0")/host.bash"
readme=$1
cp "$2"/*.yaml "$2"/*.conf "$conf/"

flags=$(sed -n 's/^    fastenr-sandbox hubspot \(.*\) &$/\1/p' "$readme")
[ -n "$flags" ] || fail "README.md starts no sandbox"
# shellcheck disable=SC2086 # several flags
start_sandbox $flags
export HUBSPOT_ORIGIN=http://127.0.0.1:$port NO_COLOR=1
unset HUBSPOT_TOKEN

# shown COMMAND: what README.md has below it, up to an empty line, as `plain` writes it.
shown() { awk -v command="    \$ fastenr $1" '$0 == command { on = 1; next } !NF { on = 0 } on' "$readme" | plain; }
# Times and speeds go.
plain() {
    sed -E "s/127\.0\.0\.1:$port/127.0.0.1:8700/; s/^(ok|skipped|    ok|    skipped) +[0-9.]* ms/\1/; s/, [0-9.]+ s, /, /
        s/ +[0-9.]+ +[0-9]+$//; s/ (now|[0-9]+ s ago)$//; s/ +/ /g; s/^ //; s/ $//"
}
# says COMMAND: every line that README.md shows is one of those that the command writes. … stands for what did not fit.
says() {
    local line lines=0
    # shellcheck disable=SC2086 # several words
    "$fastenr" $1 -c "$conf" 2>"$dir/err" | plain >"$dir/said" || true
    while read -r line; do
        [ "$line" != ... ] || continue
        line=$(sed 's/[.*$^]/\\&/g; s/…/.*/g' <<<"$line")
        grep -qx -- "$line" "$dir/said" || fail "'fastenr $1' does not say '$line': $(cat "$dir/said" "$dir/err")"
        lines=$((lines + 1))
    done < <(shown "$1")
    [ "$lines" -ge 2 ] || fail "README.md shows nothing of 'fastenr $1'"
}

step "the tour"
says check
says "test hubspot"
says "sync hubspot"
says "quarantine list"
