/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the tables of the canonical objects up to the model. */
#include "store/ddl.h"
#include "store/sqlite_internal.h"

static const struct ddl_types types = {.key = "INTEGER PRIMARY KEY",
                                       .integer = "INTEGER",
                                       .text = "TEXT",
                                       .uuid = "BLOB",
                                       .json = "TEXT",
                                       .no_uuid = "x''"};

/* The names of a table's columns; none when there is no such table. */
struct columns {
    struct str *names;
    size_t count, cap;
    struct arena arena;
};

static int load_columns(struct sqlite_store *s, const char *table, struct columns *ret,
                        struct error *err)
{
    sqlite3_stmt *stmt = sqlite_prepare(s, "SELECT name FROM pragma_table_info(?1)", false, err);
    int found;
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, str_from(table));
    while ((found = sqlite_step(s, stmt, "look at its tables", err)) > 0) {
        ret->names =
            arena_grow(&ret->arena, ret->names, &ret->cap, ret->count + 1, sizeof ret->names[0]);
        ret->names[ret->count++] = arena_str(&ret->arena, sqlite_column_str(stmt, 0));
    }
    sqlite3_finalize(stmt);
    return found;
}

static bool has_column(const struct columns *columns, const char *name)
{
    for (size_t i = 0; i < columns->count; i++)
        if (str_is(columns->names[i], name))
            return true;
    return false;
}

/* The statements that an object's table lacks; nothing when it is as the model says. */
static int missing(struct sqlite_store *s, const struct model_object *object, struct buf *out,
                   struct error *err)
{
    struct columns columns = {.count = 0};
    int rc = load_columns(s, object->name, &columns, err);
    if (rc == 0 && columns.count == 0)
        ddl_create(out, object, &types);
    if (columns.count > 0 && !has_column(&columns, DDL_DELETED_AT))
        ddl_add_deleted_at(out, object, &types);
    for (size_t i = 0; columns.count > 0 && i < object->field_count; i++)
        if (!has_column(&columns, object->fields[i].name))
            ddl_add_column(out, object, &object->fields[i], &types);
    arena_free(&columns.arena);
    return rc;
}

static int all_missing(struct sqlite_store *s, struct buf *out, struct error *err)
{
    if (sqlite_missing_capture(s, out, err) != 0)
        return -1;
    for (size_t i = 0; i < model_object_count; i++)
        if (missing(s, &model_objects[i], out, err) != 0 ||
            sqlite_missing_triggers(s, &model_objects[i], out, err) != 0)
            return -1;
    return 0;
}

static int make_missing(struct sqlite_store *s, struct buf *statements, struct error *err)
{
    buf_clear(statements); /* another host may have made them in between */
    if (all_missing(s, statements, err) != 0)
        return -1;
    if (sqlite3_exec(s->db, buf_cstr(statements), NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_fail(s, err, "make its tables");
    return 0;
}

int sqlite_make_tables(struct sqlite_store *s, struct error *err)
{
    struct buf statements = BUF_INIT(DDL_MAX);
    int rc = all_missing(s, &statements, err);
    if (rc == 0 && statements.len > 0) {
        if (sqlite3_exec(s->db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK)
            rc = sqlite_fail(s, err, "lock the schema");
        else if ((rc = make_missing(s, &statements, err)) != 0)
            sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    buf_free(&statements);
    return rc;
}
