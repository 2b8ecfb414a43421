/* SPDX-License-Identifier: Apache-2.0 */
/* Brings the tables of the canonical objects up to the model. */
#include "store/ddl.h"
#include "store/sqlite_internal.h"

static const struct ddl_types types = {.key = "INTEGER PRIMARY KEY",
                                       .integer = "INTEGER",
                                       .text = "TEXT",
                                       .uuid = "BLOB",
                                       .json = "TEXT"};

/* 1 when the table has the column, 0 when not, -1. */
static int has_column(struct sqlite_store *s, sqlite3_stmt *stmt, const char *name,
                      struct error *err)
{
    sqlite_bind_str(stmt, 2, str_from(name));
    int has = sqlite_step(s, stmt, "look at its tables", err);
    sqlite3_reset(stmt);
    return has;
}

static int missing_columns(struct sqlite_store *s, sqlite3_stmt *stmt,
                           const struct model_object *object, struct buf *out, struct error *err)
{
    int has = has_column(s, stmt, DDL_DELETED_AT, err);
    if (has == 0)
        ddl_add_deleted_at(out, object, &types);
    for (size_t i = 0; has >= 0 && i < object->field_count; i++) {
        has = has_column(s, stmt, object->fields[i].name, err);
        if (has == 0)
            ddl_add_column(out, object, &object->fields[i], &types);
    }
    return has < 0 ? -1 : 0;
}

/* The statements that an object's table lacks; nothing when it is as the model says. */
static int missing(struct sqlite_store *s, const struct model_object *object, struct buf *out,
                   struct error *err)
{
    sqlite3_stmt *stmt =
        sqlite_prepare(s, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", false, err);
    if (!stmt)
        return -1;
    sqlite_bind_str(stmt, 1, str_from(object->name));
    int rc = has_column(s, stmt, "key", err);
    if (rc == 0)
        ddl_create(out, object, &types);
    else if (rc > 0)
        rc = missing_columns(s, stmt, object, out, err);
    sqlite3_finalize(stmt);
    return rc;
}

static int all_missing(struct sqlite_store *s, struct buf *out, struct error *err)
{
    for (size_t i = 0; i < model_object_count; i++)
        if (missing(s, &model_objects[i], out, err) != 0)
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
