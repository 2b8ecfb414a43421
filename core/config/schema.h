/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "base/buf.h"

/* The JSON Schema (2020-12) of a connection file, from the tables that read it, for editors that
 * complete and check YAML. What depends on the connector is left open. */
void schema_write(struct buf *out);

#endif
