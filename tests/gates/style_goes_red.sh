#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every rule of script/check-style goes red when it is broken, and a sound tree is green.
set -euo pipefail
root=$(realpath "$1")
. "$root/tests/gates/expect.sh"
spdx='/* SPDX-License-Identifier: Apache-2.0 */'

cp "$root/.clang-format" "$tree/"
{
    printf '%s\nint sound(void)\n{\n' "$spdx"
    printf '    ;\n%.0s' {1..100}
    echo '}'
} | plant core/sound.c
run 0 "$root/script/check-style" "$tree"

plant core/unlicensed.c <<<'int unlicensed;'
plant core/unformatted.c <<<"$spdx
int   unformatted;"
{
    printf '%s\nint long_one(void)\n{\n' "$spdx"
    printf '    ;\n%.0s' {1..101}
    echo '}'
} | plant core/long_function.c
{
    echo "$spdx"
    seq -f 'int a%g;' 900
} | plant core/long_file.c
# Written so that this file itself stays clean.
plant docs/words.md <<<"TO""DO: later
see /wo""rk/here"
run 1 "$root/script/check-style" "$tree"
says "core/unlicensed.c:1: no line"
says "core/unformatted.c:2: not as clang-format"
says "core/long_function.c:3: a function of 101 lines"
says "core/long_file.c:900: 901 lines"
says "docs/words.md:1: \"TO""DO\" does not belong"
says "docs/words.md:2: \"/wo""rk/\" does not belong"
says "check-style: 6 files, 6 violations"
finish
