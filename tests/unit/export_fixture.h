/* SPDX-License-Identifier: Apache-2.0 */
/* A connector's object that can be written, and mappings of connection files for it. */
#ifndef EXPORT_FIXTURE_H
#define EXPORT_FIXTURE_H

#include "sync/export_map.h"
#include "unit.h"

struct compiled {
    struct arena arena;
    struct problems problems;
    struct connection_config config;
    struct mapping mapping;
};

/* The one object of a whole file; problems stay in the result. */
struct compiled *compiled_file(const char *model, const char *text);

/* `object` is what stands between the braces of the object; there must be no problem. */
struct compiled *compiled_object(const char *model, const char *object);

void compiled_free(struct compiled *c);

/* Its one object; may be changed by a test that puts it back. */
struct connector_object *fixture_object(void);

#endif
