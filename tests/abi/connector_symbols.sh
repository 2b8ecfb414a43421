#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# connector_symbols FILE.so...: each exports fastenr_connector and nothing else, and wants nothing but the C library.
set -euo pipefail
if [ $# -eq 0 ]; then
    echo "connector_symbols: no connector given" >&2
    exit 2
fi
bad=0
for file in "$@"; do
    exported=$(nm -D --defined-only "$file" | awk '{ print $NF }')
    [ "$exported" = fastenr_connector ] || {
        echo "$file: exports '$(echo $exported)', not fastenr_connector alone: build with -fvisibility=hidden"
        bad=1
    }
    # Weak ones are the compiler's own and may stay undefined.
    foreign=$(nm -D --undefined-only "$file" | awk '$1 == "U" && $2 !~ /@GLIBC_/ { print $2 }')
    [ -z "$foreign" ] || {
        echo "$file: wants $(echo $foreign) from outside the C library"
        bad=1
    }
    needed=$(objdump -p "$file" | awk '$1 == "NEEDED" && $2 !~ /^lib[cm]\.so\.6$/ { print $2 }')
    [ -z "$needed" ] || {
        echo "$file: needs $(echo $needed): a connector links the C library alone"
        bad=1
    }
done
echo "connector_symbols: $# connectors"
exit "$bad"
