/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/link_base.h"

#include <stdio.h>

#include "base/arena.h"
#include "sync/export_map.h"

enum { HASH_TEXT = 17, ID_TEXT = 8, BASE_MAX = 64 * 1024 * 1024 /* more than 1,000 values */ };

bool mapping_keeps_bases(const struct mapping *m)
{
    for (size_t i = 0; i < m->export_count; i++)
        if (rule_keeps_base(&m->rules[m->exports[i].rule]))
            return true;
    return false;
}

/* ---- writing ---- */

struct str link_base_json(const struct rule *rule, const struct value *value, struct arena *arena)
{
    struct buf text = BUF_INIT(LINK_BASE_MOST);
    struct json_writer w = {.out = &text};
    if (value->state == VALUE_NULL)
        return STR("");
    if (rule->index < 0 && value->state == VALUE_TEXT) /* a custom field's is JSON */
        json_put_raw(&w, value->text);
    else
        value_write_json(&w, rule->field.kind, value);
    struct str copy = text.full ? STR("") : arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

static void put_entry(struct json_writer *w, const struct link_base_entry *e)
{
    char id[ID_TEXT], hash[HASH_TEXT];
    if (e->json.len == 0)
        return;
    snprintf(id, sizeof id, "%u", (unsigned)e->id);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)e->hash);
    json_key(w, id);
    json_open(w, '[');
    json_put_text(w, hash);
    json_put_raw(w, e->json);
    json_close(w, ']');
}

struct str link_base_make(const struct link_base_entry *entries, size_t count, struct arena *arena)
{
    struct buf text = BUF_INIT(BASE_MAX);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    for (size_t i = 0; i < count; i++)
        put_entry(&w, &entries[i]);
    json_close(&w, '}');
    bool any = text.len > 2 && !text.full;
    struct str copy = any ? arena_str(arena, buf_view(&text)) : STR("");
    buf_free(&text);
    return copy;
}

/* ---- reading ---- */

const struct json *link_base_read(struct str base)
{
    const struct json *root = NULL;
    if (base.len == 0 || json_parse(base, &root, NULL) != 0)
        return NULL;
    return root;
}

static bool entry_hash(const struct json *entry, uint64_t *ret_hash)
{
    struct str text = json_string(json_element(entry, 0));
    uint64_t hash = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        hash = hash << 4 | (uint64_t)digit;
    }
    *ret_hash = hash;
    return text.len == HASH_TEXT - 1;
}

static struct str entry_json(const struct json *entry, struct arena *arena)
{
    struct buf text = BUF_INIT(2 * LINK_BASE_MOST); /* another writer may escape more */
    json_write(&text, json_element(entry, 1));
    struct str copy = text.full ? STR("") : arena_str(arena, buf_view(&text));
    buf_free(&text);
    return copy;
}

/* NULL: there is none with that hash. */
static const struct json *find_entry(const struct json *base, uint16_t id, uint64_t hash)
{
    char name[ID_TEXT];
    uint64_t kept;
    snprintf(name, sizeof name, "%u", (unsigned)id);
    const struct json *entry = json_member(base, str_from(name));
    return entry && entry_hash(entry, &kept) && kept == hash ? entry : NULL;
}

bool link_base_has(const struct json *base, uint16_t id, uint64_t hash)
{
    return hash == 0 || find_entry(base, id, hash);
}

bool link_base_find(const struct json *base, uint16_t id, uint64_t hash, struct arena *arena,
                    struct str *ret_json)
{
    const struct json *entry = find_entry(base, id, hash);
    *ret_json = STR("null");
    if (entry && hash != 0)
        *ret_json = entry_json(entry, arena);
    return (hash == 0 || entry) && ret_json->len > 0;
}

/* ---- changing ---- */

struct copying {
    struct link_base_entry *entries;
    size_t count;
    int but; /* id of the field that is left out */
    struct arena *arena;
};

static bool copy_entry(void *arg, struct str name, const struct json *value)
{
    struct copying *c = arg;
    uint64_t id, hash;
    if (str_to_u64(name, &id) && id <= UINT16_MAX && (int)id != c->but && entry_hash(value, &hash))
        c->entries[c->count++] = (struct link_base_entry){
            .id = (uint16_t)id, .hash = hash, .json = entry_json(value, c->arena)};
    return true;
}

static bool count_one(void *arg, struct str name, const struct json *value)
{
    (void)name;
    (void)value;
    ++*(size_t *)arg;
    return true;
}

struct str link_base_set(struct str base, const struct link_base_entry *entry, struct arena *arena)
{
    const struct json *root = link_base_read(base);
    struct copying c = {.but = entry->id, .arena = arena};
    size_t most = 1;
    if (json_kind(root) == JSON_OBJECT)
        json_each(root, count_one, &most);
    c.entries = arena_new(arena, most, sizeof c.entries[0]);
    if (json_kind(root) == JSON_OBJECT)
        json_each(root, copy_entry, &c);
    c.entries[c.count++] = *entry;
    json_free(root);
    return link_base_make(c.entries, c.count, arena);
}

struct str link_base_choose(const struct str *bases, size_t count, struct str seen_local,
                            struct arena *arena)
{
    size_t fields = seen_local.len / SHADOW_ENTRY;
    struct link_base_entry *entries = arena_new(arena, fields, sizeof entries[0]);
    for (size_t i = 0; i < fields; i++)
        shadow_entry(seen_local, i, &entries[i].id, &entries[i].hash);
    for (size_t b = 0; b < count; b++) {
        const struct json *root = link_base_read(bases[b]);
        for (size_t i = 0; i < fields; i++)
            if (entries[i].json.len == 0 && entries[i].hash != 0 &&
                !link_base_find(root, entries[i].id, entries[i].hash, arena, &entries[i].json))
                entries[i].json = STR("");
        json_free(root);
    }
    return link_base_make(entries, fields, arena);
}
