/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a person's data out of every table; what was deleted leaves the files with the vacuum. SQL
 * finds the rows whose texts may mention the address, which base/address.h then decides. */
#include <inttypes.h>

#include "base/address.h"
#include "store/erase_sql.h"
#include "store/postgres_internal.h"

#define DOING "erase a person"

/* Rows that mention the address, by what becomes of them. */
enum hit {
    HIT_OWN,
    HIT_ID,
    HIT_PAYLOAD,
    HIT_REASON,
    HIT_BODY,
    HIT_RUN,
    HIT_PAUSE,
    HIT_POSITION,
    HIT_SENT,
    HIT_REFUSED,
    HIT_CONFLICT,
    HIT_BASE,
    HIT_MOVED,
    HITS
};

/* Statements take the address as $1 (lower case), the organisation as $2, and keys of rows; all of
 * them, as PostgreSQL wants each to be used. */
static const struct erase_dialect dialect = {
    .prefix = "WITH given AS (SELECT $1::text, $2::bigint, $3::bigint[], $4::bigint[], "
              "$5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], "
              "$10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[], "
              "$15::bigint[]) ",
    .address = "$1::text",
    .organization = "$2::bigint",
    .collation = " COLLATE \"C\"",
    .own_payload = "id = ANY($3::bigint[])",
    .id = "id = ANY($4::bigint[])",
    .payload = "id = ANY($5::bigint[])",
    .reason = "id = ANY($6::bigint[])",
    .body = "seq = ANY($7::bigint[])",
    .gone = "lower((body::json #>> '{email,0}') COLLATE \"C\") = $1::text",
    .run_reason = "id = ANY($8::bigint[])",
    .pause_reason = "connection = ANY($9::bigint[])",
    .position = "id = ANY($10::bigint[])",
    .sent = "id = ANY($11::bigint[])",
    .refused = "id = ANY($12::bigint[])",
    .conflict = "id = ANY($13::bigint[])",
    .base = "key = ANY($14::bigint[])",
    .moved = "link = ANY($15::bigint[])"};

/* ---- searches ---- */

enum { COLUMNS_MAX = MODEL_FIELDS_MAX + 1, SEARCH_MAX = 64 * 1024 };

typedef bool (*address_fn)(struct str text, struct str address);

/* A query of keys and of texts that may mention $1, from after the key $3, in the order of the
 * keys, a few at a time. */
struct search {
    const char *text;
    struct {
        address_fn find;
        enum hit hit;
    } columns[COLUMNS_MAX];
    int column_count;
};

/* Whose text has no backslash, has no escape. */
#define MAY_TEXT(column) "strpos(lower(" column " COLLATE \"C\"), $1) > 0"
#define MAY_JSON(column) "(" MAY_TEXT(column) " OR strpos(" column ", chr(92)) > 0)"
#define SEARCH           "WITH given AS (SELECT $1::text, $2::bigint, $3::bigint) SELECT "

static bool is_address(struct str text, struct str address)
{
    return str_eq_nocase(text, address);
}

static const struct search searches[] = {
    {SEARCH "q.id, CASE WHEN s.object IN (2, 10) THEN q.payload END, "
            "CASE WHEN s.object IN (2, 10) THEN q.external_id END, q.external_id, q.payload, "
            "q.reason FROM quarantine q JOIN stream s ON s.id = q.stream WHERE q.id > $3 AND "
            "(" MAY_JSON("q.payload") " OR " MAY_TEXT("q.external_id") " OR " MAY_TEXT(
                "q.reason") ") ORDER BY q.id LIMIT 20",
     {{address_is_value, HIT_OWN},
      {is_address, HIT_OWN},
      {address_in_text, HIT_ID},
      {address_in_json, HIT_PAYLOAD},
      {address_in_text, HIT_REASON}},
     5},
    {SEARCH "seq, body FROM log WHERE seq > $3 AND " MAY_JSON("body") " ORDER BY seq LIMIT 500",
     {{address_in_json, HIT_BODY}},
     1},
    {SEARCH "id, reason FROM run WHERE id > $3 AND " MAY_TEXT("reason") " ORDER BY id LIMIT 500",
     {{address_in_text, HIT_RUN}},
     1},
    {SEARCH "connection, reason FROM pause WHERE connection > $3 AND " MAY_TEXT(
         "reason") " ORDER BY connection LIMIT 500",
     {{address_in_text, HIT_PAUSE}},
     1},
    {SEARCH "id, position FROM stream WHERE id > $3 AND position IS NOT NULL ORDER BY id LIMIT 500",
     {{address_in_text, HIT_POSITION}},
     1},
    {SEARCH "id, body FROM sent WHERE id > $3 AND " MAY_JSON("body") " ORDER BY id LIMIT 500",
     {{address_in_json, HIT_SENT}},
     1},
    {SEARCH "id, body, reason FROM export_write WHERE id > $3 AND (" MAY_JSON(
         "body") " OR " MAY_TEXT("reason") ") ORDER BY id LIMIT 500",
     {{address_in_json, HIT_REFUSED}, {address_in_text, HIT_REFUSED}},
     2},
    {SEARCH "id, base, local, remote FROM conflict WHERE id > $3 AND (" MAY_JSON(
         "base") " OR " MAY_JSON("local") " OR " MAY_JSON("remote") ") ORDER BY id LIMIT 500",
     {{address_in_json, HIT_CONFLICT},
      {address_in_json, HIT_CONFLICT},
      {address_in_json, HIT_CONFLICT}},
     3},
    {SEARCH "key, base FROM link WHERE key > $3 AND " MAY_JSON("base") " ORDER BY key LIMIT 500",
     {{address_in_json, HIT_BASE}},
     1},
    {SEARCH "link, string_agg(base, ' ') FROM moved_link WHERE link > $3 AND " MAY_JSON(
         "base") " GROUP BY link ORDER BY link LIMIT 500",
     {{address_in_json, HIT_MOVED}},
     1}};

struct keys {
    int64_t *items;
    size_t count, cap;
};

struct erasure {
    struct postgres_store *s;
    const struct erase_request *request;
    struct keys hits[HITS];
    struct erase_sql sql;
    struct arena arena;
};

static void add_key(struct erasure *e, struct keys *keys, int64_t key)
{
    if (keys->count > 0 && keys->items[keys->count - 1] == key)
        return;
    keys->items = arena_grow(&e->arena, keys->items, &keys->cap, keys->count + 1, sizeof key);
    keys->items[keys->count++] = key;
}

/* The next rows; their number in *ret_count. */
static int search_piece(struct erasure *e, const struct search *search, int64_t *after,
                        struct keys *lists, int *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, e->request->address);
    pg_int(&p, e->request->organization);
    pg_int(&p, *after);
    PGresult *r = pg_query(e->s, search->text, &p, DOING, err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = PQntuples(r);
    for (int row = 0; row < *ret_count; row++) {
        *after = pg_get_int(r, row, 0);
        for (int i = 0; i < search->column_count; i++)
            if (search->columns[i].find(pg_get_str(r, row, i + 1), e->request->address))
                add_key(e, &lists[search->columns[i].hit], *after);
    }
    PQclear(r);
    return 0;
}

/* The rows that mention the address are added to `lists`. */
static int search_all(struct erasure *e, const struct search *search, struct keys *lists,
                      struct error *err)
{
    int64_t after = INT64_MIN;
    for (int count = 1; count > 0;)
        if (search_piece(e, search, &after, lists, &count, err) != 0)
            return -1;
    return 0;
}

static int find_hits(struct erasure *e, struct error *err)
{
    for (size_t i = 0; i < sizeof searches / sizeof searches[0]; i++)
        if (search_all(e, &searches[i], e->hits, err) != 0)
            return -1;
    return 0;
}

/* ---- what stays ---- */

static int count_rows(struct erasure *e, const struct search *search, int64_t *count,
                      struct error *err)
{
    struct keys rows[HITS] = {{0}};
    int rc = search_all(e, search, rows, err);
    *count += (int64_t)rows[HIT_OWN].count;
    return rc;
}

/* Appends a column to the search, unless the field is emptied, and to the condition that it may
 * mention the address. */
static void add_column(const struct erasure *e, struct search *search, struct buf *text,
                       struct buf *may, const struct model_object *object,
                       const struct model_field *field)
{
    struct buf emptied = BUF_INIT(SEARCH_MAX);
    bool json = field->kind == KIND_LIST || field->kind == KIND_JSON;
    if (erase_sql_emptied(&e->sql, &emptied, object, field))
        buf_printf(text, ", CASE WHEN %s THEN NULL ELSE %s END", buf_cstr(&emptied), field->name);
    else
        buf_printf(text, ", %s", field->name);
    buf_printf(may, " OR strpos(lower(%s COLLATE \"C\"), $1) > 0", field->name);
    if (json)
        buf_printf(may, " OR strpos(%s, chr(92)) > 0", field->name);
    search->columns[search->column_count].find = json ? address_in_json : address_in_text;
    search->columns[search->column_count++].hit = HIT_OWN;
    buf_free(&emptied);
}

static int count_object(struct erasure *e, const struct model_object *object, int64_t *count,
                        struct error *err)
{
    struct search search = {.columns = {{address_in_json, HIT_OWN}}, .column_count = 1};
    struct buf text = BUF_INIT(SEARCH_MAX), may = BUF_INIT(SEARCH_MAX);
    buf_text(&text, SEARCH "key, custom_fields::text");
    buf_text(&may, MAY_JSON("custom_fields::text"));
    for (size_t i = 0; i < object->field_count; i++)
        if (model_is_text(object->fields[i].kind))
            add_column(e, &search, &text, &may, object, &object->fields[i]);
    buf_printf(&text, " FROM %s WHERE organization = $2 AND key > $3 AND (%s)", object->name,
               buf_cstr(&may));
    erase_sql_of_others(&e->sql, &text, object);
    buf_text(&text, " ORDER BY key LIMIT 200");
    search.text = buf_cstr(&text);
    int rc = count_rows(e, &search, count, err);
    buf_free(&text);
    buf_free(&may);
    return rc;
}

/* What has the address in a text, and stays. */
static int count_mentions(struct erasure *e, int64_t *count, struct error *err)
{
    const struct search links = {
        arena_printf(&e->arena,
                     SEARCH "key, external_id FROM link WHERE key > $3 AND " MAY_TEXT(
                         "external_id") " AND key NOT IN %s ORDER BY key LIMIT 500",
                     e->sql.links),
        {{address_in_text, HIT_OWN}},
        1};
    static const struct search fields = {
        SEARCH
        "n, options, now_options FROM (SELECT row_number() OVER (ORDER BY stream, name) AS n, "
        "options, now_options FROM vendor_field) AS f WHERE n > $3 AND (" MAY_JSON(
            "options") " OR " MAY_JSON("now_options") ") ORDER BY n LIMIT 100",
        {{address_in_json, HIT_OWN}, {address_in_json, HIT_OWN}},
        2};
    for (size_t i = 0; i < model_object_count; i++)
        if (count_object(e, &model_objects[i], count, err) != 0)
            return -1;
    if (count_rows(e, &links, count, err) != 0)
        return -1;
    return count_rows(e, &fields, count, err);
}

/* ---- erasing ---- */

/* Of a statement of erase_sql.h. */
static struct pg_params params_of(const struct erasure *e)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_str(&p, e->request->address);
    pg_int(&p, e->request->organization);
    for (size_t i = 0; i < HITS; i++) {
        pg_array(&p, PG_INT8, e->hits[i].count + 1);
        pg_item_int(&p, INT64_MIN); /* which is no key: arrays have an element */
        for (size_t j = 0; j < e->hits[i].count; j++)
            pg_item_int(&p, e->hits[i].items[j]);
    }
    return p;
}

static int count_all(struct erasure *e, const struct pg_params *p, struct erase_counts *counts,
                     struct error *err)
{
    for (size_t i = 0; i < e->sql.count_count; i++) {
        int64_t found;
        if (pg_number(e->s, e->sql.counts[i].text, p, DOING, &found, err) != 0)
            return -1;
        *e->sql.counts[i].number += found;
    }
    return count_mentions(e, &counts->mentions, err);
}

static int remember_id(struct postgres_store *s, int64_t stream, struct str id, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    pg_int(&p, (int64_t)siphash(s->store.hash_key, id));
    pg_int(&p, world_now(s->store.world));
    int rc = pg_run(s,
                    "INSERT INTO erased (stream, id_hash, at) VALUES ($1::bigint, $2::bigint, "
                    "$3::bigint) ON CONFLICT DO NOTHING",
                    &p, DOING, err);
    pg_params_free(&p);
    return rc;
}

/* So that a sync does not bring them back. */
static int remember(struct erasure *e, const struct pg_params *p, struct error *err)
{
    PGresult *found =
        pg_query(e->s, arena_printf(&e->arena, "%s%s", dialect.prefix, e->sql.ids), p, DOING, err);
    int rc = found ? 0 : -1;
    for (int i = 0; found && i < PQntuples(found) && rc == 0; i++)
        rc = remember_id(e->s, pg_get_int(found, i, 0), pg_get_str(found, i, 1), err);
    PQclear(found);
    return rc;
}

static int erase_all(struct erasure *e, const struct pg_params *p, struct error *err)
{
    if (remember(e, p, err) != 0)
        return -1;
    for (size_t i = 0; i < e->sql.step_count; i++)
        if (pg_run(e->s, e->sql.steps[i], p, DOING, err) != 0)
            return -1;
    return 0;
}

int pg_erase(struct store *store, const struct erase_request *request, bool only_count,
             struct erase_counts *ret_counts, struct error *err)
{
    struct erasure e = {.s = pg_of(store), .request = request};
    *ret_counts = (struct erase_counts){0};
    erase_sql_make(&e.sql, &dialect, ret_counts, &e.arena);
    int rc = only_count ? 0 : pg_lock_pruning(e.s, err);
    if (rc == 0)
        rc = find_hits(&e, err);
    struct pg_params p = params_of(&e);
    if (rc == 0)
        rc = count_all(&e, &p, ret_counts, err);
    if (rc == 0 && !only_count)
        rc = erase_all(&e, &p, err);
    pg_params_free(&p);
    arena_free(&e.arena);
    return rc;
}

int pg_load_erased(struct store *store, int64_t stream, struct arena *arena, uint64_t **ret_hashes,
                   size_t *ret_count, struct error *err)
{
    struct pg_params p = PG_PARAMS_INIT;
    pg_int(&p, stream);
    PGresult *r = pg_query(pg_of(store),
                           "SELECT id_hash FROM erased WHERE stream = $1::bigint ORDER BY id_hash",
                           &p, "look for erased people", err);
    pg_params_free(&p);
    if (!r)
        return -1;
    *ret_count = (size_t)PQntuples(r);
    *ret_hashes = arena_new(arena, *ret_count, sizeof **ret_hashes);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_hashes)[i] = (uint64_t)pg_get_int(r, (int)i, 0);
    PQclear(r);
    return 0;
}
