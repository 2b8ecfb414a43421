/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Associations (v4). One side keeps them: contacts to companies; deals, tickets and engagements to
 * companies and contacts; tickets and engagements to deals. As seeded they follow from the record's
 * hash; what was associated or dissociated since is kept beside, and moves no modified time. Those
 * with archived records are not shown, as HubSpot drops them. Those with and of a record that was
 * merged away are its winner's: they are looked through, and no modified time moves.
 */
#include "hubspot_association.h"

#include <stdlib.h>

/* ---- what was changed ---- */

static uint64_t key_of(enum object_type type, uint32_t index, enum object_type to)
{
    return (uint64_t)(type + 1) << 48 | (uint64_t)to << 40 | index;
}

static struct changed_association *find_slot(const struct associations *all, uint64_t key)
{
    size_t mask = all->cap - 1, at = (size_t)mix(key) & mask;
    while (all->slots[at].key != 0 && all->slots[at].key != key)
        at = (at + 1) & mask;
    return &all->slots[at];
}

static void grow(struct associations *all)
{
    struct associations bigger = {.cap = all->cap ? all->cap * 2 : 64, .count = all->count};
    bigger.slots = mem_get(bigger.cap * sizeof *bigger.slots);
    for (size_t i = 0; i < all->cap; i++)
        if (all->slots[i].key != 0)
            *find_slot(&bigger, all->slots[i].key) = all->slots[i];
    free(all->slots);
    *all = bigger;
}

/* The changed one, or NULL: it is as seeded. */
static struct changed_association *changed(const struct hubspot *h, enum object_type type,
                                           uint32_t index, enum object_type to)
{
    const struct associations *all = &h->associations;
    struct changed_association *slot = all->cap ? find_slot(all, key_of(type, index, to)) : NULL;
    return slot && slot->key != 0 ? slot : NULL;
}

static void set_links(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                      const struct link *links, size_t count)
{
    struct associations *all = &h->associations;
    uint64_t key = key_of(type, index, to);
    if (all->count * 2 >= all->cap)
        grow(all);
    struct changed_association *slot = find_slot(all, key);
    struct link *copy = count > 0 ? mem_get(count * sizeof *copy) : NULL;
    if (copy)
        memcpy(copy, links, count * sizeof *copy);
    all->count += slot->key == 0;
    free(slot->links);
    *slot = (struct changed_association){key, copy, count};
}

/* The same for a record into which others were merged: theirs are none of their own any more. */
static void set_all(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                    const struct link *links, size_t count)
{
    uint32_t losers[MERGES_MAX];
    size_t merged = merge_losers(h, type, index, losers, MERGES_MAX);
    for (size_t i = 0; i < merged; i++)
        set_links(h, type, losers[i], to, NULL, 0);
    set_links(h, type, index, to, links, count);
}

void association_set(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     int64_t target)
{
    struct link link = {(uint32_t)target, LABEL_NONE};
    set_all(h, type, index, to, &link, target >= 0);
}

void associations_free(struct hubspot *h)
{
    for (size_t i = 0; i < h->associations.cap; i++)
        free(h->associations.slots[i].links);
    free(h->associations.slots);
}

/* ---- what there is ---- */

static bool is_living(const struct hubspot *h, enum object_type type, uint32_t index)
{
    return store_life(h, type, index) == LIFE_LIVING;
}

/* Of a hundred records, so many have none; of the others a third has a second one. */
static size_t seeded(const struct hubspot *h, enum object_type type, uint32_t index,
                     enum object_type to, struct link *out)
{
    static const unsigned without[] = {[COMPANIES] = 12, [CONTACTS] = 16, [DEALS] = 66};
    const struct version *v = store_newest(&h->tables[type], index);
    uint64_t hash = mix(seed_hash(h, type, index) + 0xA550 + (uint64_t)to);
    uint32_t count = h->tables[to].seeded;
    if (count == 0 || hash % 100 < without[to] || (v && v->blank))
        return 0;
    out[0] = (struct link){(uint32_t)((hash >> 8) % count), LABEL_NONE};
    out[1] = (struct link){(uint32_t)((hash >> 20) % count), LABEL_NONE};
    return (hash >> 40) % 3 == 0 && out[1].target != out[0].target ? 2 : 1;
}

static size_t company_of_contact(const struct hubspot *h, uint32_t index, struct link *out)
{
    struct text id = {0};
    struct record r;
    store_load(h, CONTACTS, index, &r);
    bool has = record_value(h, &r, CONTACT_COMPANY_ID, &id);
    if (has)
        out[0] = (struct link){store_index_from(h, COMPANIES, strtoull(text_end(&id), NULL, 10)),
                               LABEL_NONE};
    text_free(&id);
    return has;
}

bool association_is_kept(enum object_type type, enum object_type to)
{
    return (type == CONTACTS && to == COMPANIES) || (type >= DEALS && to <= CONTACTS) ||
           (type > DEALS && to == DEALS);
}

bool association_is_known(enum object_type type, enum object_type to)
{
    return association_is_kept(type, to) || association_is_kept(to, type);
}

bool association_is_changed(const struct hubspot *h, enum object_type type, uint32_t index,
                            enum object_type to)
{
    return changed(h, type, index, to) != NULL;
}

/* Those of the record itself, whatever became of them. */
static size_t own(const struct hubspot *h, enum object_type type, uint32_t index,
                  enum object_type to, struct link out[ASSOCIATIONS_MAX])
{
    const struct changed_association *c = changed(h, type, index, to);
    if (c && c->count > 0)
        memcpy(out, c->links, c->count * sizeof *out);
    if (c)
        return c->count;
    return type == CONTACTS ? company_of_contact(h, index, out) : seeded(h, type, index, to, out);
}

/* Adds the living ones of a record's own, each once; one that was merged away is its winner. */
static size_t add_own(const struct hubspot *h, enum object_type type, uint32_t index,
                      enum object_type to, struct link *out, size_t count)
{
    struct link found[ASSOCIATIONS_MAX];
    size_t n = own(h, type, index, to, found);
    for (size_t i = 0; i < n && count < ASSOCIATIONS_MAX; i++) {
        uint32_t target = merge_winner(h, to, found[i].target);
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again = again || out[k].target == target;
        if (!again && is_living(h, to, target))
            out[count++] = (struct link){target, found[i].labels};
    }
    return count;
}

/* A contact has the company of the record that it was, not of those that came with merges. */
size_t association_get(const struct hubspot *h, enum object_type type, uint32_t index,
                       enum object_type to, struct link out[ASSOCIATIONS_MAX])
{
    uint32_t losers[MERGES_MAX];
    size_t count = add_own(h, type, index, to, out, 0);
    size_t merged = type == CONTACTS ? 0 : merge_losers(h, type, index, losers, MERGES_MAX);
    for (size_t i = 0; i < merged; i++)
        count = add_own(h, type, losers[i], to, out, count);
    return count;
}

bool association_write_primary(const struct hubspot *h, uint32_t contact, struct text *out)
{
    const struct changed_association *c = changed(h, CONTACTS, contact, COMPANIES);
    if (!c || c->count == 0)
        return false;
    text_u64(out, store_id(h, COMPANIES, c->links[0].target));
    return true;
}

void association_move_primary(struct hubspot *h, uint32_t winner, uint32_t loser)
{
    const struct changed_association *c = changed(h, CONTACTS, winner, COMPANIES);
    struct link links[ASSOCIATIONS_MAX];
    size_t count = c && c->count == 0 ? own(h, CONTACTS, loser, COMPANIES, links) : 0;
    if (count > 0)
        set_links(h, CONTACTS, winner, COMPANIES, links, count);
}

/* ---- writing ---- */

/* What a write starts from. Of a record into which others were merged, what is shown; of another,
 * archived targets too, which come back when they are restored. */
static size_t take(const struct hubspot *h, enum object_type type, uint32_t index,
                   enum object_type to, struct link out[ASSOCIATIONS_MAX])
{
    uint32_t loser;
    return merge_losers(h, type, index, &loser, 1) > 0 ? association_get(h, type, index, to, out)
                                                       : own(h, type, index, to, out);
}

bool association_add(struct hubspot *h, enum object_type type, uint32_t index, enum object_type to,
                     uint32_t target, uint32_t labels)
{
    struct link links[ASSOCIATIONS_MAX];
    size_t count = take(h, type, index, to, links), at = 0;
    while (at < count && merge_winner(h, to, links[at].target) != target)
        at++;
    if (at == ASSOCIATIONS_MAX)
        return false;
    if (at == count)
        links[count++] = (struct link){target, LABEL_NONE};
    links[at].labels |= labels & ~(uint32_t)LABEL_PRIMARY;
    if (labels & LABEL_PRIMARY) {
        struct link first = links[at];
        memmove(links + 1, links, at * sizeof *links);
        links[0] = first;
    }
    set_all(h, type, index, to, links, count);
    return true;
}

void association_remove(struct hubspot *h, enum object_type type, uint32_t index,
                        enum object_type to, uint32_t target, uint32_t labels)
{
    struct link links[ASSOCIATIONS_MAX];
    size_t count = take(h, type, index, to, links), kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (merge_winner(h, to, links[i].target) == target) {
            links[i].labels &= ~labels;
            if (labels & LABEL_NONE)
                continue;
        }
        links[kept++] = links[i];
    }
    set_all(h, type, index, to, links, kept);
}

/* ---- the truth ---- */

void association_write_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                             struct text *out)
{
    const char *between = "";
    text_add(out, ",\"associations\":{");
    for (int to = COMPANIES; to <= DEALS; to++) {
        struct link links[ASSOCIATIONS_MAX];
        if (!association_is_kept(type, (enum object_type)to))
            continue;
        size_t n = association_get(h, type, index, (enum object_type)to, links);
        text_printf(out, "%s\"%s\":[", between, hubspot_models[to].name);
        for (size_t i = 0; i < n; i++)
            text_printf(out, "%s\"%llu\"", i ? "," : "",
                        (unsigned long long)store_id(h, (enum object_type)to, links[i].target));
        text_char(out, ']');
        between = ",";
    }
    text_char(out, '}');
}
