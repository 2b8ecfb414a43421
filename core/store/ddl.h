/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the canonical objects, made from the model: one table says what an object is, and
 * both engines follow it. A field that the model gains becomes a column when a store is opened. */
#ifndef STORE_DDL_H
#define STORE_DDL_H

#include "base/buf.h"
#include "model/model.h"

enum { DDL_MAX = 512 * 1024 };

/* The names of an engine's types. */
struct ddl_types {
    const char *key; /* of the integer primary key, with its constraint */
    const char *integer, *text, *uuid, *json;
    const char *no_uuid; /* what stands for an id until a trigger sets it */
};

/* "CREATE TABLE account (...)", with its match index as a second statement where it has one. */
void ddl_create(struct buf *out, const struct model_object *object, const struct ddl_types *types);

/* When the record was deleted; NULL: it lives. */
#define DDL_DELETED_AT "deleted_at"

/* "ALTER TABLE account ADD COLUMN deleted_at INTEGER", for a table from before there was one. */
void ddl_add_deleted_at(struct buf *out, const struct model_object *object,
                        const struct ddl_types *types);

/* "ALTER TABLE account ADD COLUMN name type". */
void ddl_add_column(struct buf *out, const struct model_object *object,
                    const struct model_field *field, const struct ddl_types *types);

#endif
