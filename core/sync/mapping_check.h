/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a rule that each may be right, and do not go together. */
#ifndef SYNC_MAPPING_CHECK_H
#define SYNC_MAPPING_CHECK_H

#include "sync/mapping.h"

/* A rule that is compiled whole; `node` is what stands for it in the file: a map, or the vendor's
 * field alone. Mistakes become problems at their places. */
void mapping_check_rule(const struct settings_context *ctx, const struct connector_object *vendor,
                        const struct rule *rule, const struct node *node);

/* Whether `value` and `default` become what is valid, of a rule without mistakes. */
void mapping_check_constants(const struct settings_context *ctx, const struct rule *rule,
                             const struct node *node);

/* The name of a vendor's field, by itself. */
void mapping_check_source(const struct settings_context *ctx, const struct connector_object *vendor,
                          struct str name, const struct node *at);

#endif
