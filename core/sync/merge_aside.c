/* SPDX-License-Identifier: Apache-2.0 */
/* Records that cannot be stored are set aside, with why and what they were. */
#include "base/redact.h"
#include "sync/merge_internal.h"

enum { PAYLOAD_MAX = 16 * 1024 * 1024 };

/* The vendor's fields; what has no id or no fields stands in an array, and cannot be replayed. */
static struct str payload_of(struct batch *b, const struct page_record *record)
{
    struct buf text = BUF_INIT(PAYLOAD_MAX), clean = BUF_INIT(PAYLOAD_MAX);
    bool whole = !record->fields || record->id.len == 0;
    if (whole)
        buf_char(&text, '[');
    json_write(&text, whole ? record->whole : record->fields);
    if (whole)
        buf_char(&text, ']');
    redact(&clean, buf_view(&text));
    struct str payload = text.full || clean.full
                             ? STR("[\"the record is larger than 16 MiB, and is not kept here\"]")
                             : arena_str(&b->arena, buf_view(&clean));
    buf_free(&text);
    buf_free(&clean);
    return payload;
}

/* A record without an id gets one of its content, so that the same one is not kept twice. */
static struct str quarantine_id(struct batch *b, const struct page_record *record,
                                struct str payload)
{
    if (record->id.len > 0)
        return record->id;
    uint64_t hash = siphash(store_hash_key(b->merge->store), payload);
    return str_from(arena_printf(&b->arena, "without-id-%016llx", (unsigned long long)hash));
}

void batch_set_aside(struct batch *b, const struct page_record *record, struct str field,
                     struct str reason)
{
    struct str payload = payload_of(b, record), id = quarantine_id(b, record, payload);
    if (batch_was_erased(b, b->merge->target->stream,
                         id)) { /* only now, where it has none itself */
        b->counts.filtered++;
        return;
    }
    b->out.quarantined[b->out.quarantined_count++] =
        (struct quarantine_write){.stream = b->merge->target->stream,
                                  .external_id = id,
                                  .modified = record->modified_us,
                                  .field = field,
                                  .reason = reason,
                                  .payload = payload};
    b->counts.quarantined++;
}
