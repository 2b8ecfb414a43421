/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/page.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "base/world.h"
#include "plugin/answer.h"
#include "plugin/protocol.h"

static const struct str none = {NULL, 0};

/* ---- one record ---- */

static void reject(struct page_record *record, struct str why)
{
    record->rejected = true;
    record->result = MAP_INVALID;
    record->why = why;
}

/* False when it is no id, or one too many. */
static bool add_merged(struct page_record *record, struct str id)
{
    if (str_eq(id, record->id))
        return true;
    if (!answer_is_id(id) || record->merged_count == MERGED_IDS_MAX)
        return false;
    record->merged[record->merged_count++] = id;
    return true;
}

static size_t parts_of(struct str text)
{
    size_t parts = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        parts += text.ptr[i] == ';';
    return parts;
}

/* An array, or a text with ';' between the ids; nothing is none. */
static bool read_merged(const struct json *value, struct arena *arena, struct page_record *record)
{
    bool listed = json_kind(value) == JSON_ARRAY, ok = true;
    struct str rest = answer_scalar(value, arena), part;
    size_t most = listed ? json_length(value) : parts_of(rest);
    if (!listed && rest.ptr == NULL)
        return value == NULL;
    record->merged =
        arena_new(arena, most < MERGED_IDS_MAX ? most : MERGED_IDS_MAX, sizeof record->merged[0]);
    for (size_t i = 0; listed && i < most && ok; i++)
        ok = add_merged(record, answer_scalar(json_element(value, i), arena));
    while (!listed && ok && str_next(&rest, ';', &part)) {
        part = str_trim(part);
        ok = part.len == 0 || add_merged(record, part);
    }
    return ok;
}

struct reading_times {
    struct page_record *record;
    struct str path;
    struct arena *arena;
    size_t cap;
};

/* What is no time tells as little as none. */
static bool read_time(void *arg, struct str name, const struct json *value)
{
    struct reading_times *r = arg;
    struct page_record *record = r->record;
    int64_t at_us;
    if (!answer_time(json_path(value, r->path), r->arena, &at_us) || at_us == 0)
        return true;
    record->times = arena_grow(r->arena, record->times, &r->cap, record->time_count + 1,
                               sizeof record->times[0]);
    record->times[record->time_count++] =
        (struct field_time){.field = arena_str(r->arena, name), .at_us = at_us};
    return true;
}

static void read_times(struct page *page, const struct page_spec *spec, const struct json *value,
                       struct page_record *record)
{
    const struct json *times = json_path(value, spec->times);
    struct reading_times r = {.record = record, .path = spec->time, .arena = &page->arena};
    if (spec->times.len > 0 && json_kind(times) == JSON_OBJECT)
        json_each(times, read_time, &r);
}

static void read_record(struct page *page, const struct page_spec *spec, const struct json *value,
                        struct page_record *record)
{
    struct str id = answer_scalar(json_path(value, spec->id), &page->arena);
    record->whole = value;
    record->fields = json_path(value, spec->fields);
    if (answer_is_id(id))
        record->id = id;
    else
        reject(record, STR("the record has no id that can be used: 1 to 255 bytes of text"));
    if (json_kind(record->fields) != JSON_OBJECT) {
        record->fields = NULL;
        reject(record, STR("the record has no fields: they are no JSON object"));
    }
    if (spec->modified.len > 0 &&
        !answer_time(json_path(value, spec->modified), &page->arena, &record->modified_us))
        reject(record, STR("the record's modified time is neither RFC 3339 nor milliseconds"));
    read_times(page, spec, value, record);
    if (spec->merged.len > 0 &&
        !read_merged(json_path(value, spec->merged), &page->arena, record)) {
        record->merged_count = 0;
        reject(record, STR("what was merged into the record is no list of at most 1,000 ids"));
    }
}

/* As a field like any other, so that mapping, filters and quarantine see it. */
static int put_title(const struct page_record *record, const struct json *title, struct error *err)
{
    struct buf text = BUF_INIT(RECORD_MAX);
    const struct json *copy = NULL;
    json_write(&text, title);
    int rc = json_parse(buf_view(&text), &copy, err);
    if (rc == 0 && !json_put_member(record->fields, STR(FIELD_TITLE), copy)) {
        json_free(copy);
        rc = error_set(err, "a field cannot be added to a record");
    }
    buf_free(&text);
    return rc;
}

static int put_titles(const struct page *page, struct str path, struct error *err)
{
    for (size_t i = 0; i < page->count && path.len > 0; i++) {
        const struct page_record *record = &page->records[i];
        const struct json *title = json_path(record->whole, path);
        if (!record->rejected && json_kind(title) == JSON_STRING &&
            put_title(record, title, err) != 0)
            return -1;
    }
    return 0;
}

static void count_record(struct page *page, const struct page_record *record)
{
    struct page_result *result = &page->result;
    result->count++;
    result->rejected += record->rejected;
    if (record->modified_us > result->max_modified_us)
        result->max_modified_us = record->modified_us;
    if (record->id.len > 0)
        result->last_id = record->id;
}

/* ---- a page ---- */

struct page *page_new(struct blob *body)
{
    struct page *page = MEM_NEW(struct page);
    page->body = body;
    page->bytes = blob_size(body);
    return page;
}

/* Whether an answer before this one is about the same field: a rest of it that came separately. */
static bool has_before(const struct ticket *first, const struct ticket *attached)
{
    for (const struct ticket *t = first; t != attached; t = t->next)
        if (str_eq(t->attach.field, attached->attach.field))
            return true;
    return false;
}

static int attach_all(struct page *page, struct ticket *attached, struct error *err)
{
    for (struct ticket *t = attached; t; t = t->next)
        if (page_attach(page, t, has_before(attached, t), err) != 0) {
            page->broken = t;
            return -1;
        }
    return 0;
}

static int parse_page(struct page *page, const struct page_spec *spec, struct ticket *attached,
                      struct error *err)
{
    struct str body;
    if (blob_view(page->body, &body, err) != 0 || json_parse(body, &page->root, err) != 0)
        return -1;
    const struct json *records = json_path(page->root, spec->records);
    if (json_kind(records) != JSON_ARRAY)
        return error_set(err, "there is no array of records at '%.*s'", STR_ARG(spec->records));
    page->count = json_length(records);
    page->records = arena_new(&page->arena, page->count, sizeof page->records[0]);
    for (size_t i = 0; i < page->count; i++) {
        read_record(page, spec, json_element(records, i), &page->records[i]);
        count_record(page, &page->records[i]);
    }
    if (spec->next.len > 0)
        page->result.next = answer_scalar(json_path(page->root, spec->next), &page->arena);
    if (put_titles(page, spec->title, err) != 0)
        return -1;
    return attach_all(page, attached, err);
}

/* The document has a copy of what it needs. */
static void drop_body(struct page *page)
{
    blob_unref(page->body);
    page->body = NULL;
}

int page_parse(struct page *page, const struct page_spec *spec, struct ticket *attached,
               struct error *err)
{
    int64_t began = world_cpu_us();
    int rc = parse_page(page, spec, attached, err);
    if (rc == 0)
        drop_body(page);
    page->cpu_us += world_cpu_us() - began;
    return rc;
}

/* ---- single records ---- */

struct page *page_of_records(const struct emitted_record *records, uint32_t count)
{
    struct page *page = MEM_NEW(struct page);
    page->count = count;
    page->records = arena_new(&page->arena, count, sizeof page->records[0]);
    for (uint32_t i = 0; i < count; i++) {
        page->records[i].id = arena_str(&page->arena, records[i].id);
        page->records[i].modified_us = records[i].modified_us;
        page->records[i].why = arena_str(&page->arena, records[i].fields); /* until it is parsed */
        page->bytes += records[i].fields.len;
    }
    return page;
}

void page_parse_records(struct page *page)
{
    int64_t began = world_cpu_us();
    page->roots = arena_new(&page->arena, page->count, sizeof page->roots[0]);
    for (size_t i = 0; i < page->count; i++) {
        struct page_record *record = &page->records[i];
        const struct json *root = NULL;
        struct str text = record->why;
        record->why = STR("");
        if (!answer_is_id(record->id)) {
            record->id = none;
            reject(record, STR("the record has no id that can be used: 1 to 255 bytes of text"));
        }
        if (json_parse(text, &root, NULL) == 0)
            page->roots[page->root_count++] = root;
        record->whole = root;
        if (json_kind(root) != JSON_OBJECT)
            reject(record, STR("the record is no JSON object"));
        else
            record->fields = root;
        if (record->modified_us < TIME_MIN_US || record->modified_us > TIME_MAX_US)
            record->modified_us = 0;
        count_record(page, record);
    }
    page->cpu_us += world_cpu_us() - began;
}

/* ---- mapping ---- */

void page_map(struct page *page, const struct mapping *mapping, const uint8_t key[SIPHASH_KEY])
{
    int64_t began = world_cpu_us();
    for (size_t i = 0; i < page->count; i++) {
        struct page_record *record = &page->records[i];
        struct error err = {0};
        if (record->rejected)
            continue;
        record->result = mapping_apply(mapping, key, record->fields, &page->arena, &record->mapped,
                                       &record->invalid_field, &err);
        if (record->result == MAP_INVALID)
            record->why = arena_str(&page->arena, str_from(err.text));
    }
    page->cpu_us += world_cpu_us() - began;
}

void page_free(struct page *page)
{
    if (!page)
        return;
    json_free(page->root);
    for (size_t i = 0; i < page->root_count; i++)
        json_free(page->roots[i]);
    blob_unref(page->body);
    arena_free(&page->arena);
    free(page);
}
