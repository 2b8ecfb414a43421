/* SPDX-License-Identifier: Apache-2.0 */
#include "journal.h"

#include <stdlib.h>

static void drop_oldest(struct journal *j)
{
    char **entry = &j->entries[j->dropped++ % JOURNAL_ENTRIES_MAX];
    j->bytes -= strlen(*entry);
    free(*entry);
    *entry = NULL;
}

static void member(struct text *out, const char *name, const char *value)
{
    if (!value)
        return;
    text_printf(out, ",\"%s\":", name);
    text_json(out, value, strlen(value));
}

void journal_add(struct journal *j, int64_t at_ms, const struct written *w)
{
    struct text line = {0};
    if (!j->entries) {
        j->entries = mem_get(JOURNAL_ENTRIES_MAX * sizeof *j->entries);
        j->lost = mem_get(JOURNAL_ENTRIES_MAX * sizeof *j->lost);
    }
    if (j->total - j->dropped == JOURNAL_ENTRIES_MAX)
        drop_oldest(j);
    text_printf(&line, "{\"n\":%llu,\"at\":\"", (unsigned long long)j->total + 1);
    text_time(&line, at_ms);
    text_add(&line, "\"");
    member(&line, "do", w->deed);
    member(&line, "type", w->type);
    member(&line, "id", w->id);
    member(&line, "key", w->key);
    member(&line, "trace", w->trace);
    if (w->properties)
        text_printf(&line, ",\"properties\":%s", w->properties);
    member(&line, "outcome", w->outcome);
    member(&line, "why", w->why);
    text_printf(&line, ",\"status\":%d", w->status);
    text_end(&line);
    j->lost[j->total % JOURNAL_ENTRIES_MAX] = false;
    j->entries[j->total++ % JOURNAL_ENTRIES_MAX] = line.ptr;
    j->bytes += line.len;
    while (j->bytes > JOURNAL_BYTES_MAX && j->total - j->dropped > 1)
        drop_oldest(j);
}

void journal_mark_lost(struct journal *j, uint64_t first)
{
    for (uint64_t i = first > j->dropped ? first : j->dropped; i < j->total; i++)
        j->lost[i % JOURNAL_ENTRIES_MAX] = true;
}

void journal_show(const struct journal *j, struct text *out)
{
    text_printf(out, "{\"total\":%llu,\"dropped\":%llu,\"writes\":[", (unsigned long long)j->total,
                (unsigned long long)j->dropped);
    for (uint64_t i = j->dropped; i < j->total; i++) {
        text_add(out, i > j->dropped ? ",\n" : "\n");
        text_add(out, j->entries[i % JOURNAL_ENTRIES_MAX]);
        text_printf(out, ",\"answer\":\"%s\"}",
                    j->lost[i % JOURNAL_ENTRIES_MAX] ? "lost" : "given");
    }
    text_add(out, "]}");
}

void journal_clear(struct journal *j)
{
    while (j->dropped < j->total)
        drop_oldest(j);
    j->total = j->dropped = 0;
}

void journal_free(struct journal *j)
{
    journal_clear(j);
    free(j->entries);
    free(j->lost);
}
