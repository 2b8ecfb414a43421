#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# commands.sh FASTENR: the commands that its help lists, one a line; some are of two words.
set -euo pipefail
"$1" --help | sed -n '/^Where to begin/q; s/^  \([a-z]\{1,\}\( [a-z]\{1,\}\)\{0,1\}\)\( [[A-Z].*\|  .*\)$/\1/p'
