/* SPDX-License-Identifier: Apache-2.0 */
/* What there really is, for tests: the living records with all that they hold, and those that
 * ended. */
#include "hubspot_association.h"

#include <stdio.h>

static void living_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                         struct text *out)
{
    struct record r;
    if (store_life(h, type, index) != LIFE_LIVING)
        return;
    store_load(h, type, index, &r);
    record_write_truth(h, &r, out);
    out->len--; /* one member more than the API shows */
    association_write_truth(h, type, index, out);
    text_add(out, "}\n");
}

/* `into` is the record that stands for it now, living or archived. */
static void ended_truth(const struct hubspot *h, enum object_type type, uint32_t index,
                        struct text *out)
{
    enum life life = store_life(h, type, index);
    if (life == LIFE_LIVING)
        return;
    text_printf(out, "{\"id\":\"%llu\",\"ended\":\"%s\"",
                (unsigned long long)store_id(h, type, index),
                life == LIFE_MERGED ? "merged" : "archived");
    if (life == LIFE_MERGED)
        text_printf(out, ",\"into\":\"%llu\"",
                    (unsigned long long)store_id(h, type, merge_winner(h, type, index)));
    text_add(out, ",\"at\":\"");
    text_time(out, store_newest(&h->tables[type], index)->at_ms);
    text_add(out, "\"}\n");
}

/* Reference tables: owners leave and stages get other names, but none of them ends. */
static bool table_truth(const struct hubspot *h, const char *name, bool ended, struct text *out)
{
    size_t before = out->len;
    if (!references_truth(h, name, out))
        return false;
    if (ended)
        out->len = before;
    return true;
}

/* "{type}": the living; "{type}/ended": the archived and the merged. */
bool hubspot_truth(void *state, const char *name, int64_t *position, size_t enough,
                   struct text *out)
{
    struct hubspot *h = state;
    char type_name[32];
    size_t len = strcspn(name, "/");
    snprintf(type_name, sizeof type_name, "%.*s", (int)len, name);
    int type = model_type(type_name);
    bool ended = strcmp(name + len, "/ended") == 0;
    bool known = name[len] == '\0' || ended;
    if (known && type < 0 && table_truth(h, type_name, ended, out))
        return false;
    if (type < 0 || !known) {
        *position = -1;
        return false;
    }
    uint32_t index = (uint32_t)*position, total = h->tables[type].total;
    for (; index < total && out->len < enough; index++)
        (ended ? ended_truth : living_truth)(h, (enum object_type)type, index, out);
    *position = index;
    return index < total;
}
