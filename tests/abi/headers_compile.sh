#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# headers_compile ROOT: each header of the SDK, alone, and a connector, in every language mode that is promised.
set -euo pipefail
root=$(realpath "$1")
include=$root/sdk/include
warnings=(-pedantic -Wall -Wextra -Werror -fsyntax-only)
failures=0 runs=0

# compile COMPILER LANGUAGE STANDARD NAME: the program on standard input must compile.
compile() {
    runs=$((runs + 1))
    "$1" -x "$2" "-std=$3" "${warnings[@]}" -I "$include" - || {
        echo "FAILED: $4 with $1 -std=$3" >&2
        failures=$((failures + 1))
    }
}

for mode in 'gcc c c99' 'gcc c c11' 'gcc c c17' 'gcc c c2x' 'g++ c++ c++17'; do
    read -r compiler language standard <<<"$mode"
    for header in "$include"/fastenr/*.h; do
        name=fastenr/${header##*/}
        compile "$compiler" "$language" "$standard" "$name" <<<"#include \"$name\""
    done
    compile "$compiler" "$language" "$standard" uses_header.c <"$root/tests/abi/uses_header.c"
done
echo "headers_compile: $runs compilations, $failures failed"
[ "$runs" -ge 15 ] && [ "$failures" -eq 0 ]
