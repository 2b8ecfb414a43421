/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides agree on in fields that are merged or wait for a person: read before a batch, and
 * kept with its links after it. */
#include "base/json.h"
#include "sync/export_map.h"
#include "sync/link_base.h"
#include "sync/merge_internal.h"

/* ---- what was kept ---- */

bool batch_lacks_base(const struct batch *b, const struct link_row *link)
{
    const struct mapping *m = b->mapping;
    const struct json *base = link_base_read(link->base);
    bool lacks = false;
    for (size_t i = 0; i < m->export_count && !lacks; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        uint64_t agreed;
        lacks = rule_keeps_base(rule) && shadow_find(link->seen_local, rule->field.id, &agreed) &&
                !link_base_has(base, rule->field.id, agreed);
    }
    json_free(base);
    return lacks;
}

struct str batch_kept_base(struct batch *b, const struct item *item, const struct rule *rule,
                           uint64_t agreed)
{
    const struct json *base = link_base_read(item->link.base);
    struct str json;
    bool kept = link_base_find(base, rule->field.id, agreed, &b->arena, &json);
    json_free(base);
    return kept ? json : STR("");
}

/* ---- what is kept ---- */

/* Of the value with that hash: our record's, the vendor's, or what was agreed on before. */
static int entry_of(struct batch *b, const struct item *item, size_t r, const struct json *custom,
                    const struct json *before, struct link_base_entry *entry, struct error *err)
{
    const struct rule *rule = &b->mapping->rules[r];
    const uint8_t *key = store_hash_key(b->merge->store);
    struct value ours, theirs;
    if (field_of_record(rule, item->row, custom, &b->arena, &ours) != 0 ||
        batch_remote_value(b, item, r, &theirs) != 0)
        return batch_tell_too_large(item, rule, err);
    if (rule_hash(key, &ours) == entry->hash)
        entry->json = link_base_json(rule, &ours, &b->arena);
    else if (rule_hash(key, &theirs) == entry->hash)
        entry->json = link_base_json(rule, &theirs, &b->arena);
    else if (!link_base_find(before, rule->field.id, entry->hash, &b->arena, &entry->json))
        entry->json = STR("");
    return 0;
}

int batch_link_base(struct batch *b, const struct item *item, struct str seen_local,
                    const struct json *custom, struct str *ret_base, struct error *err)
{
    const struct mapping *m = b->mapping;
    *ret_base = (struct str){NULL, 0};
    if (!b->keeps_bases) { /* any that is there is of another configuration */
        if (item->link.base.len > 0)
            *ret_base = STR("");
        return 0;
    }
    const struct json *before = link_base_read(item->link.base);
    struct link_base_entry *entries = arena_new(&b->arena, m->export_count, sizeof entries[0]);
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < m->export_count && rc == 0; i++) {
        const struct rule *rule = &m->rules[m->exports[i].rule];
        struct link_base_entry *entry = &entries[n];
        entry->id = rule->field.id;
        if (!rule_keeps_base(rule) || !shadow_find(seen_local, entry->id, &entry->hash) ||
            entry->hash == 0)
            continue;
        rc = entry_of(b, item, m->exports[i].rule, custom, before, entry, err);
        n++;
    }
    json_free(before);
    if (rc == 0)
        *ret_base = link_base_make(entries, n, &b->arena);
    return rc;
}
