/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DESCRIBE_JSON_H
#define CLI_DESCRIBE_JSON_H

#include "plugin/registry.h"

const char *option_type_name(enum option_type type);

/* A connector's descriptor, hash and jail as one JSON document. */
void describe_json(struct buf *out, const struct connector_info *info);

#endif
