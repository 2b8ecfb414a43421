#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# goes_red ROOT: the checks of this folder fail on a header or a connector that breaks what they are for.
set -euo pipefail
root=$(realpath "$1")
. "$root/tests/gates/expect.sh"
here=$root/tests/abi
mkdir -p "$tree/tests" "$tree/sdk/include"
cp -r "$root/sdk/include/fastenr" "$tree/sdk/include/"
cp -r "$here" "$tree/tests/"
header=$tree/sdk/include/fastenr/connector.h

# broken SED-SCRIPT: the header, changed so; it must have changed.
broken() {
    sed "$1" "$root/sdk/include/fastenr/connector.h" >"$header"
    ! cmp -s "$header" "$root/sdk/include/fastenr/connector.h" || {
        echo "'$1' changes nothing in the header" >&2
        failures=$((failures + 1))
    }
}
layout() { gcc -std=c17 -fsyntax-only -I "$tree/sdk/include" "$here/layout.c"; }

run 0 layout
broken '0,/    uint32_t type;/s//    uint64_t type;/'
run 1 layout
broken 's/    uint32_t abi_minor; .* FASTENR_ABI_MINOR .*//'
run 1 layout
broken 's/FASTENR_GONE = 6/FASTENR_GONE = 9/'
run 1 layout
broken 's/^#define FASTENR_ENTRY.*/const char *const entry = 1;/'
run 1 "$here/headers_compile.sh" "$tree"

broken '/(\*progress)/,$!s/Blocks: no\. Fails: never\. \*\//Fails: never. *\//'
run 1 "$here/check_header.sh" "$tree/sdk/include/fastenr" "$here/layout.c"
broken 's/^struct fastenr_ops;/struct fastenr_novel {\n    int x;\n};/'
run 1 "$here/check_header.sh" "$tree/sdk/include/fastenr" "$here/layout.c"

so() { gcc -shared -fPIC -nostartfiles -x c - -o "$tree/$1" "${@:2}"; }
so sound.so <<<'#include <stdlib.h>
void *fastenr_connector(void) { return malloc(1); }'
so extra.so <<<'int fastenr_connector, extra;'
so foreign.so -Wl,--unresolved-symbols=ignore-all <<<'int host(void);
int fastenr_connector(void) { return host(); }'
so needs.so -Wl,--no-as-needed -lpthread -ldl -lsqlite3 <<<'int fastenr_connector;'
run 0 "$here/connector_symbols.sh" "$tree/sound.so"
run 1 "$here/connector_symbols.sh" "$tree/extra.so"
run 1 "$here/connector_symbols.sh" "$tree/foreign.so"
run 1 "$here/connector_symbols.sh" "$tree/needs.so"
finish
