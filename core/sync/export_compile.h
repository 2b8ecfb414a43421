/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The half of a mapping that goes to the vendor: directions, who counts in a conflict, what each
 * rule writes. Part of mapping_compile; what is wrong becomes a problem at its place.
 */
#ifndef SYNC_EXPORT_COMPILE_H
#define SYNC_EXPORT_COMPILE_H

#include "sync/export_map.h"

/* Whether the connector writes records of an object at all. */
bool export_is_writable(const struct connector_object *vendor);

/* Keeps what a rule of the file says of both ways, as it was read. */
void export_read_rule(struct rule *rule, const struct node *node,
                      const struct mapping_rule_config *config);

/* A rule of the file that says nothing but which way, and whose field the default mapping has:
 * that rule stays, and goes that way. False: it is another. */
bool export_keeps_rule(const struct node *node, struct rule *rule, const struct node *key,
                       const struct settings_context *ctx);

/* Once all rules are there: what an object without a word inherits, the exports, and all mistakes
 * in them. */
void export_compile(const struct settings_context *ctx, const struct named_item *object,
                    const struct connector_object *vendor, struct mapping *mapping);

#endif
