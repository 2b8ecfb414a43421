/* SPDX-License-Identifier: Apache-2.0 */
#include "store/ddl.h"

static const char *type_of(const struct model_field *field, const struct ddl_types *types)
{
    return model_is_text(field->kind) ? types->text : types->integer;
}

void ddl_create(struct buf *out, const struct model_object *object, const struct ddl_types *types)
{
    buf_printf(out,
               "CREATE TABLE %s (key %s, id %s NOT NULL DEFAULT %s, "
               "organization %s NOT NULL DEFAULT 0, rev %s NOT NULL DEFAULT 0, "
               "created_at %s NOT NULL DEFAULT 0, updated_at %s NOT NULL DEFAULT 0",
               object->name, types->key, types->uuid, types->no_uuid, types->integer,
               types->integer, types->integer, types->integer);
    for (size_t i = 0; i < object->field_count; i++)
        buf_printf(out, ", %s %s", object->fields[i].name, type_of(&object->fields[i], types));
    buf_printf(out, ", custom_fields %s, " DDL_DELETED_AT " %s);", types->json, types->integer);
    /* For matching a new vendor record with one that is here. */
    if (object->match)
        buf_printf(out, " CREATE INDEX %s_match ON %s (organization, %s) WHERE %s IS NOT NULL;",
                   object->name, object->name, object->match, object->match);
}

void ddl_add_deleted_at(struct buf *out, const struct model_object *object,
                        const struct ddl_types *types)
{
    buf_printf(out, "ALTER TABLE %s ADD COLUMN " DDL_DELETED_AT " %s;", object->name,
               types->integer);
}

void ddl_add_column(struct buf *out, const struct model_object *object,
                    const struct model_field *field, const struct ddl_types *types)
{
    buf_printf(out, "ALTER TABLE %s ADD COLUMN %s %s;", object->name, field->name,
               type_of(field, types));
}
