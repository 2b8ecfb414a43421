/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes, creates, archives, restores and merges records on demand, the same way for the same
 * seed. Each change takes a millisecond of the sandbox's clock, so that no two records of one
 * mutation share a modified time and none lies in the future or before the mutation.
 */
#include "hubspot_association.h"

#include <stdlib.h>

enum { CHANGES_MAX = 3, MUTATE_MAX = 10 * 1000 * 1000 };

enum action {
    ACTION_CHANGE,
    ACTION_CREATE,
    ACTION_ARCHIVE,
    ACTION_ASSOCIATE,
    ACTION_DISSOCIATE,
    ACTION_RESTORE,
    ACTION_MERGE,
    ACTIONS
};

/* The n-th element of a permutation of [0, total) that depends on the key: four Feistel rounds over
 * the next power of four, walked until the value is in range. */
static uint32_t permuted(uint32_t n, uint32_t total, uint64_t key)
{
    unsigned half = 1;
    while ((UINT64_C(1) << (2 * half)) < total)
        half++;
    uint32_t mask = (uint32_t)((UINT64_C(1) << half) - 1);
    uint64_t x = n;
    do {
        uint32_t left = (uint32_t)(x >> half), right = (uint32_t)x & mask;
        for (uint64_t round = 1; round <= 4; round++) {
            uint32_t next = left ^ ((uint32_t)mix(key ^ right ^ round << 48) & mask);
            left = right;
            right = next;
        }
        x = (uint64_t)left << half | right;
    } while (x >= total);
    return (uint32_t)x;
}

struct mutation {
    struct hubspot *h;
    uint64_t seed;
    int64_t first_ms, last_ms;
    uint64_t done[TYPES][ACTIONS];
    size_t owners, left, stages;
};

/* The next moment: the clock moves on with every change. */
static int64_t moment(struct mutation *mu)
{
    sandbox_advance(mu->h->sandbox, 1);
    mu->last_ms = sandbox_now(mu->h->sandbox);
    mu->h->last_write_ms = mu->last_ms;
    if (mu->first_ms == 0)
        mu->first_ms = mu->last_ms;
    return mu->last_ms;
}

/* Another value for a field: the seeded function with a salt, tried until it differs. */
static struct change new_value(const struct mutation *mu, const struct record *r, unsigned field)
{
    struct text was = {0}, now = {0};
    struct record salted = *r;
    bool had = record_value(mu->h, r, field, &was), has = had;
    salted.version = NULL;
    for (uint64_t attempt = 1; attempt <= 16; attempt++) {
        salted.salt = mix(mu->seed ^ (uint64_t)r->modified_ms ^ attempt << 50) | 1;
        now.len = 0;
        has = seed_value(mu->h, &salted, field, &now);
        if (has != had || (has && (now.len != was.len || memcmp(now.ptr, was.ptr, now.len) != 0)))
            break;
    }
    struct change change = {.field = field, .value = has ? mem_copy(now.ptr, now.len) : NULL};
    text_free(&was);
    text_free(&now);
    return change;
}

static unsigned mutable_field(const struct model *m, uint64_t hash)
{
    uint64_t mask = model_mask(m, FIELD_MUTABLE);
    uint64_t nth = hash % (uint64_t)__builtin_popcountll(mask);
    while (nth--)
        mask &= mask - 1;
    return (unsigned)__builtin_ctzll(mask);
}

static void change_record(struct mutation *mu, enum object_type type, uint32_t index)
{
    struct change changes[CHANGES_MAX];
    struct record r;
    size_t count = 0;
    uint64_t hash = mix(mu->seed ^ (uint64_t)index << 8 ^ (uint64_t)type);
    size_t wanted = 1 + (size_t)(hash >> 40) % CHANGES_MAX;
    store_load(mu->h, type, index, &r);
    for (size_t i = 0; i < wanted; i++) {
        unsigned field = mutable_field(&hubspot_models[type], mix(hash + i));
        bool again = false;
        for (size_t k = 0; k < count; k++)
            again = again || changes[k].field == field;
        if (!again)
            changes[count++] = new_value(mu, &r, field);
    }
    store_change(mu->h, type, index, moment(mu), SOURCE_CRM_UI, changes, count);
}

/* Distinct living records, or archived ones to restore: the first `n` of a permutation. */
static void touch(struct mutation *mu, enum object_type type, uint64_t n, enum action action)
{
    static const uint64_t keys[ACTIONS] = {
        [ACTION_CHANGE] = 0x11, [ACTION_ARCHIVE] = 0xA7C4, [ACTION_RESTORE] = 0x4E57};
    uint32_t total = mu->h->tables[type].total;
    uint64_t key = mix(mu->seed ^ keys[action] ^ (uint64_t)type << 32);
    enum life wanted = action == ACTION_RESTORE ? LIFE_ARCHIVED : LIFE_LIVING;
    for (uint32_t i = 0; i < total && n > 0; i++) {
        uint32_t index = permuted(i, total, key);
        if (store_life(mu->h, type, index) != wanted)
            continue;
        if (action == ACTION_CHANGE)
            change_record(mu, type, index);
        else
            store_set_life(mu->h, type, index, moment(mu),
                           action == ACTION_ARCHIVE ? LIFE_ARCHIVED : LIFE_LIVING, 0);
        mu->done[type][action]++;
        n--;
    }
}

/* Distinct pairs of living records, in the order of a permutation: the first takes the second in.
 */
static void merge(struct mutation *mu, enum object_type type, uint64_t n)
{
    uint32_t total = mu->h->tables[type].total, winner = 0;
    uint64_t key = mix(mu->seed ^ 0x3E46E ^ (uint64_t)type << 32);
    bool has_winner = false;
    for (uint32_t i = 0; i < total && n > 0; i++) {
        uint32_t index = permuted(i, total, key);
        if (store_life(mu->h, type, index) != LIFE_LIVING)
            continue;
        has_winner = !has_winner;
        if (has_winner) {
            winner = index;
        } else if (merge_records(mu->h, type, winner, index, moment(mu))) {
            mu->done[type][ACTION_MERGE]++;
            n--;
        }
    }
}

static void create(struct mutation *mu, enum object_type type, uint64_t n)
{
    for (uint64_t i = 0; i < n && mu->h->tables[type].total < 2 * SANDBOX_RECORDS_MAX; i++) {
        store_create(mu->h, type, moment(mu));
        mu->done[type][ACTION_CREATE]++;
    }
}

/* A company or a contact; of the account's own objects a deal, too. */
static enum object_type associated_type(enum object_type type, uint64_t hash)
{
    if (type == SUBSCRIPTIONS && hash % 3 == 0)
        return DEALS;
    return hash % 2 ? COMPANIES : CONTACTS;
}

/* Gives living records another one that they are associated with, or none: no modified time moves.
 */
static void associate(struct mutation *mu, enum object_type type, uint64_t n, enum action action)
{
    struct hubspot *h = mu->h;
    uint32_t total = h->tables[type].total;
    uint64_t key = mix(mu->seed ^ (uint64_t)(0xA55 + action) ^ (uint64_t)type << 32);
    for (uint32_t i = 0; i < total && n > 0 && type >= DEALS; i++) {
        uint32_t index = permuted(i, total, key);
        uint64_t hash = mix(key ^ index);
        enum object_type to = associated_type(type, hash);
        if (store_life(h, type, index) != LIFE_LIVING || h->tables[to].total == 0)
            continue;
        association_set(h, type, index, to,
                        action == ACTION_DISSOCIATE ? -1
                                                    : (int64_t)((hash >> 8) % h->tables[to].total));
        mu->done[type][action]++;
        n--;
    }
}

/* How many are wanted: 0 when it is not said, more than MUTATE_MAX when it is no such number. */
static uint64_t wish_of(struct json_object *o, const char *name)
{
    struct json_object *n = NULL;
    if (!json_object_object_get_ex(o, name, &n))
        return 0;
    int64_t count = json_object_is_type(n, json_type_int) ? json_object_get_int64(n) : -1;
    return count < 0 ? UINT64_MAX : (uint64_t)count;
}

static uint64_t wish(struct json_object *o, enum object_type type)
{
    return wish_of(o, hubspot_models[type].name);
}

/* Companies and contacts always, other types where something was done. */
static void write_counts(const struct mutation *mu, const char *name, int action, struct text *out)
{
    text_printf(out, "\"%s\":{", name);
    for (int type = 0; type < TYPES; type++)
        if (type <= CONTACTS || mu->done[type][action] > 0)
            text_printf(out, "%s\"%s\":%llu", type > 0 ? "," : "", hubspot_models[type].name,
                        (unsigned long long)mu->done[type][action]);
    text_add(out, "},");
}

static void write_done(const struct mutation *mu, struct text *out)
{
    static const char *const actions[] = {"changed",     "created",  "archived", "associated",
                                          "dissociated", "restored", "merged"};
    const char *between = "";
    text_char(out, '{');
    for (int action = 0; action < ACTIONS; action++)
        write_counts(mu, actions[action], action, out);
    text_printf(out, "\"owners\":%zu,\"left\":%zu,\"stages\":%zu,", mu->owners, mu->left,
                mu->stages);
    text_add(out, "\"modified\":");
    if (mu->first_ms == 0) {
        text_add(out, "null}");
        return;
    }
    for (int end = 0; end < 2; end++) {
        text_printf(out, "%s\"%s\":\"", between[0] ? between : "{", end ? "to" : "from");
        text_time(out, end ? mu->last_ms : mu->first_ms);
        text_char(out, '"');
        between = ",";
    }
    text_add(out, "}}");
}

/* Owners and stages, which are no records; false: a number is none. */
static bool change_references(struct mutation *mu, struct json_object *wanted,
                              struct json_object *archive)
{
    struct hubspot *h = mu->h;
    const uint64_t owners = wish_of(wanted, "owners"), left = wish_of(archive, "owners"),
                   deal_stages = wish_of(wanted, "deal_stages"),
                   ticket_stages = wish_of(wanted, "ticket_stages");
    if (owners > MUTATE_MAX || left > MUTATE_MAX || deal_stages > MUTATE_MAX ||
        ticket_stages > MUTATE_MAX)
        return false;
    mu->owners = references_change_owners(h, owners, mu->seed, false);
    mu->left = references_change_owners(h, left, mu->seed, true);
    mu->stages = references_rename_stages(h, DEALS, deal_stages, mu->seed) +
                 references_rename_stages(h, TICKETS, ticket_stages, mu->seed);
    return true;
}

bool hubspot_mutate(void *state, struct json_object *wanted, struct answer *a)
{
    struct hubspot *h = state;
    static const char *const names[ACTIONS] = {
        [ACTION_CREATE] = "create",       [ACTION_ARCHIVE] = "archive",
        [ACTION_ASSOCIATE] = "associate", [ACTION_DISSOCIATE] = "dissociate",
        [ACTION_RESTORE] = "restore",     [ACTION_MERGE] = "merge"};
    struct json_object *parts[ACTIONS] = {wanted}, *seed = NULL;
    struct mutation mu = {.h = h};
    for (int action = ACTION_CREATE; action < ACTIONS; action++)
        json_object_object_get_ex(wanted, names[action], &parts[action]);
    json_object_object_get_ex(wanted, "seed", &seed);
    mu.seed = mix(h->seed_hash ^ (seed ? (uint64_t)json_object_get_int64(seed) : 1));
    for (int action = 0; action < ACTIONS; action++)
        for (int type = 0; type < TYPES; type++)
            if (wish(parts[action], (enum object_type)type) > MUTATE_MAX) {
                text_printf(&a->body, "%s: a whole number up to %d is wanted",
                            hubspot_models[type].name, MUTATE_MAX);
                return false;
            }
    if (!change_references(&mu, wanted, parts[ACTION_ARCHIVE])) {
        text_printf(&a->body, "owners and stages: a whole number up to %d is wanted", MUTATE_MAX);
        return false;
    }
    for (int type = 0; type < TYPES; type++) {
        enum object_type t = (enum object_type)type;
        touch(&mu, t, wish(parts[ACTION_CHANGE], t), ACTION_CHANGE);
        create(&mu, t, wish(parts[ACTION_CREATE], t));
        touch(&mu, t, wish(parts[ACTION_RESTORE], t), ACTION_RESTORE);
        touch(&mu, t, wish(parts[ACTION_ARCHIVE], t), ACTION_ARCHIVE);
        merge(&mu, t, wish(parts[ACTION_MERGE], t));
        associate(&mu, t, wish(parts[ACTION_ASSOCIATE], t), ACTION_ASSOCIATE);
        associate(&mu, t, wish(parts[ACTION_DISSOCIATE], t), ACTION_DISSOCIATE);
    }
    write_done(&mu, &a->body);
    return true;
}
