#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every rule of script/check-layers goes red when it is broken, and a sound tree is green.
set -euo pipefail
root=$(realpath "$1")
. "$root/tests/gates/expect.sh"

plant core/base/sound.c <<'END'
#include <time.h>
#include "base/sound.h"
long sound(void) { return time(0); }
END
plant core/base/sound.h <<'END'
long sound(void);
END
plant core/sync/sound.c <<'END'
#include "sync/sound.h"
#include "base/sound.h"
/* A comment may say time(NULL) and
 * rand(); a text too. */
const char *text = "clock_gettime(";
void sound_sync(struct world *w) { w->random(w, 0, 0); run_time(0); }
END
plant core/plugin/worker/sound.c <<'END'
#include "fastenr/connector.h"
#include "worker/sound.h"
END
plant core/plugin/worker/sound.h </dev/null
plant sdk/include/fastenr/connector.h </dev/null
plant plugins/acme/acme.c <<'END'
#include <string.h>
#include "acme.h"
#include "fastenr/connector.h"
END
plant plugins/acme/acme.h </dev/null
run 0 "$root/script/check-layers" "$tree"

plant core/base/up.c <<'END'
#include "store/store.h"
END
plant core/store/side.c <<'END'

#include "net/client.h"
END
plant core/net/sdk.c <<'END'
#include "fastenr/connector.h"
END
plant core/sync/clock.c <<'END'
#include "../base/sound.h"
#include "elsewhere/thing.h"
#include <uv.h>
int a(void) { return time(0); }
int b(void) { return rand(); } /* comment */
void c(void) { uv_run(0, 0); }
END
plant core/novel/thing.c </dev/null
plant sdk/sandbox/reaches.c <<'END'
#include "base/sound.h"
END
plant plugins/acme/reaches.c <<'END'
#include "sync/sound.h"
#include "../other/other.h"
#include <sys/socket.h>
END
plant plugins/other/other.h </dev/null
plant tests/fault/plugins/reaches.c <<'END'
#include "base/sound.h"
#include <sys/socket.h>
END
run 1 "$root/script/check-layers" "$tree"
says "core/base/up.c:1: includes store/store.h"
says "core/store/side.c:2: includes net/client.h"
says "core/net/sdk.c:1: includes fastenr/connector.h"
says "core/sync/clock.c:1: includes ../base/sound.h"
says "core/sync/clock.c:2: includes elsewhere/thing.h"
says "core/sync/clock.c:3: includes <uv.h>"
says "core/sync/clock.c:4: calls time()"
says "core/sync/clock.c:5: calls rand()"
says "core/sync/clock.c:6: calls uv_run()"
says "core/novel/thing.c:1: core/novel is no layer"
says "sdk/sandbox/reaches.c:1: includes base/sound.h"
says "plugins/acme/reaches.c:1: includes sync/sound.h"
says "plugins/acme/reaches.c:2: includes ../other/other.h"
says "plugins/acme/reaches.c:3: includes <sys/socket.h>"
says "tests/fault/plugins/reaches.c:1: includes base/sound.h"
says "check-layers: 17 files, 15 violations"
finish
