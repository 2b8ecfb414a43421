/* SPDX-License-Identifier: Apache-2.0 */
/* Records on their way from an answer to the store: parsed, then mapped. Both are done on the pool,
 * by one thread at a time for one page. */
#ifndef SYNC_PAGE_H
#define SYNC_PAGE_H

#include "base/blob.h"
#include "plugin/worker.h"
#include "sync/mapping.h"

/* When a field of the vendor's got the value that it has. */
struct field_time {
    struct str field;
    int64_t at_us;
};

struct page_record {
    struct str id;
    int64_t modified_us;       /* 0: not known */
    bool rejected;             /* it has no id, no fields, a broken time...: `why` says so */
    const struct json *fields; /* NULL: it has none */
    const struct json *whole;  /* the record as it came, where it could be parsed */
    enum map_result result;
    struct mapped mapped;     /* of MAP_OK */
    struct str invalid_field; /* of MAP_INVALID: canonical field; empty: the record as a whole */
    struct str why;           /* of MAP_INVALID */
    struct str *merged;       /* ids of the records that were merged into this one */
    size_t merged_count;
    struct field_time *times; /* of fields that the vendor was asked this of, and told it of */
    size_t time_count;
};

struct page {
    struct page_record *records;
    size_t count;
    size_t bytes; /* of the texts that it was made of */
    struct page_result result;
    int64_t cpu_us; /* spent on it so far */

    struct ticket *broken; /* of page_parse that failed: the attached answer that is to blame */
    struct blob *body;
    const struct json *root;
    const struct json **roots; /* of single records */
    size_t root_count;
    struct arena arena;
};

/* Takes the body's reference. */
struct page *page_new(struct blob *body);

/* The records of the body. -1 when it is not the JSON that the spec says; records that have no id
 * or a broken time are in the page, to be quarantined. */
int page_parse(struct page *page, const struct page_spec *spec, struct ticket *attached,
               struct error *err);

/* A page of single records; their texts are copied now, and parsed by page_parse_records. */
struct page *page_of_records(const struct emitted_record *records, uint32_t count);
void page_parse_records(struct page *page);

/* Fills `result`, `mapped` and `why` of each record. */
void page_map(struct page *page, const struct mapping *mapping, const uint8_t key[SIPHASH_KEY]);

/* page_attach.c: puts the values of an attached answer into the fields of the page's records.
 * `more`: the field has values of an answer before this one, and keeps them. */
int page_attach(struct page *page, const struct ticket *attached, bool more, struct error *err);

void page_free(struct page *page);

#endif
