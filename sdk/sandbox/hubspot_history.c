/* SPDX-License-Identifier: Apache-2.0 */
/* What properties held before: the values that they were given, with when and by whom. The seeded
 * value is not stored: it is the oldest one for as long as none was dropped. */
#include "hubspot_write.h"

#include <stdlib.h>

static const struct {
    const char *type, *id;
} sources[] = {
    [SOURCE_CRM_UI] = {"CRM_UI", "userId:4700100"},
    [SOURCE_INTEGRATION] = {"INTEGRATION", "1160452"},
    [SOURCE_MERGE] = {"MERGE_OBJECTS", "userId:4700100"},
};

/* Drops the oldest value of a field that has HISTORY_MAX of them. */
static void make_room(struct slot *slot, unsigned field)
{
    size_t count = 0, oldest = 0;
    for (size_t i = slot->past_count; i-- > 0;)
        if (slot->past[i].field == field) {
            count++;
            oldest = i;
        }
    if (count < HISTORY_MAX)
        return;
    free(slot->past[oldest].value);
    slot->past_count--;
    memmove(&slot->past[oldest], &slot->past[oldest + 1],
            (slot->past_count - oldest) * sizeof *slot->past);
}

void history_add(struct slot *slot, const struct change *change, int64_t at_ms,
                 enum history_source source)
{
    make_room(slot, change->field);
    if (slot->past_count == slot->past_cap) {
        slot->past_cap = slot->past_cap ? slot->past_cap * 2 : 4;
        slot->past = mem_more(slot->past, slot->past_cap * sizeof *slot->past);
    }
    slot->past[slot->past_count++] = (struct past){
        .field = change->field,
        .source = source,
        .at_ms = at_ms,
        .value = change->value ? mem_copy(change->value, strlen(change->value)) : NULL};
}

/* ---- showing ---- */

static void write_entry(const char *value, size_t len, int64_t at_ms, enum history_source source,
                        struct text *out)
{
    text_add(out, out->ptr[out->len - 1] == '[' ? "{\"value\":" : ",{\"value\":");
    text_json(out, value, len);
    text_add(out, ",\"timestamp\":\"");
    text_time(out, at_ms);
    text_printf(out, "\",\"sourceType\":\"%s\",\"sourceId\":\"%s\"}", sources[source].type,
                sources[source].id);
}

/* What the record held when it was made. */
static void write_seeded(const struct hubspot *h, const struct record *r, unsigned field,
                         struct text *out)
{
    struct record first = *r;
    struct text value = {0};
    bool fixed = field == hubspot_models[r->type].object_id ||
                 field == hubspot_models[r->type].created ||
                 field == hubspot_models[r->type].modified;
    bool blank = r->version && r->version->blank;
    if (!fixed && !blank)
        first.version = NULL;
    if ((fixed || !blank) && record_value(h, &first, field, &value))
        write_entry(value.ptr, value.len,
                    field == hubspot_models[r->type].modified ? r->modified_ms : r->created_ms,
                    SOURCE_CRM_UI, out);
    text_free(&value);
}

static void write_field(const struct hubspot *h, const struct record *r, unsigned field,
                        struct text *out)
{
    const struct slot *slot = store_slot(h, r->type, r->index);
    size_t shown = 0;
    for (size_t i = slot ? slot->past_count : 0; i-- > 0;) {
        const struct past *p = &slot->past[i];
        if (p->field != field)
            continue;
        write_entry(p->value ? p->value : "", p->value ? strlen(p->value) : 0, p->at_ms, p->source,
                    out);
        shown++;
    }
    if (shown < HISTORY_MAX)
        write_seeded(h, r, field, out);
}

void history_write(const struct hubspot *h, const struct record *r, uint64_t mask, struct text *out)
{
    const char *between = "";
    text_add(out, ",\"propertiesWithHistory\":{");
    for (unsigned field = 0; mask; field++, mask >>= 1) {
        if (!(mask & 1))
            continue;
        text_printf(out, "%s\"%s\":[", between, h->models[r->type].fields[field].name);
        write_field(h, r, field, out);
        text_char(out, ']');
        between = ",";
    }
    text_char(out, '}');
}
