# SPDX-License-Identifier: Apache-2.0
# For tests of the gates: a tree of their own in $tree, and what a gate must say of it.
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
said=$tree.said
failures=0

# plant FILE: the text on standard input becomes that file of the tree.
plant() {
    mkdir -p "$tree/$(dirname "$1")"
    cat >"$tree/$1"
}

# run STATUS COMMAND...: it must end so.
run() {
    local want=$1 got=0
    shift
    "$@" >"$said" 2>&1 || got=$?
    if [ "$got" -ne "$want" ]; then
        echo "expected exit status $want, got $got from: $*" >&2
        sed 's/^/    /' "$said" >&2
        failures=$((failures + 1))
    fi
}

# says TEXT: a line of what it said begins with this.
says() {
    if ! awk -v want="$1" 'index($0, want) == 1 { found = 1 } END { exit !found }' "$said"; then
        echo "expected a line that begins with: $1" >&2
        sed 's/^/    /' "$said" >&2
        failures=$((failures + 1))
    fi
}

# finish: the test's exit status.
finish() {
    rm -f "$said"
    [ "$failures" -eq 0 ]
}
