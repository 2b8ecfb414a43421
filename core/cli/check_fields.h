/* SPDX-License-Identifier: Apache-2.0 */
/* What `fastenr check --fields` lists: each field of a mapping, and which way it goes. */
#ifndef CLI_CHECK_FIELDS_H
#define CLI_CHECK_FIELDS_H

#include "cli/catalog.h"

/* A table of all connections that are ready. */
void check_fields_write(const struct catalog *catalog);

/* The key "fields" and its array, of one connection. */
void check_fields_json(struct json_writer *w, const struct catalog_connection *connection);

#endif
