/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_PROCESS_H
#define PLUGIN_PROCESS_H

#include "base/world.h"
#include "plugin/carrier.h"

/* The carrier of the host: each connector in a worker process of its own. `worker_path` is the
 * program fastenr-worker. Freed by process_carrier_free, after its links. */
struct carrier *process_carrier_new(struct world *world, const char *worker_path);
void process_carrier_free(struct carrier *carrier);

#endif
