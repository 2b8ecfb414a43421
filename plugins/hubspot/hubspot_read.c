/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading records.
 *
 * Everything is read by the list, 100 records a page, each page naming the next. What changed in a
 * window of time is read by the search, sorted by id, each page asking for ids past the last one:
 * unlike `after` this has no end at 10,000 results, and a record that is changed meanwhile stays in
 * its place.
 *
 * What is deleted is the list of archived records, which cannot be filtered by time: all of it is
 * read, ids alone. Records that were merged away are in no list; the one that they were merged into
 * names them in a property, which is asked for beside those that are wanted.
 *
 * List and search want the properties named in the request, which has little room (a URL, or 3,000
 * bytes of search). Where they do not fit, a page asks for ids only and the records are read by id:
 * one request more for each 100 records. Records that the host names itself are read by id, too,
 * and with them, where it wants to know when properties got their values, the history of these: all
 * of their values, the newest one first, which only a read by id and the list can give.
 */
#include "hubspot.h"

#define MERGED_IDS "hs_merged_object_ids"

struct reader {
    struct hubspot *h;
    const struct fastenr_selector *selector;
    const struct fastenr_object *object;
    int32_t ids_first;
    int32_t deleted;    /* archived records are read, ids alone */
    int32_t associated; /* associations are wanted */
    int32_t wants_total;
    struct fastenr_str title; /* path of what names a record; empty: none */
    uint64_t emitted;
    struct fastenr_str cursor; /* in cursor_text: where the next page begins */
    char cursor_text[HUBSPOT_CURSOR_MAX];
};

/* What a page said about the walk. */
struct page {
    uint64_t count;
    struct fastenr_str next; /* a cursor, empty on the last page of a list */
    struct fastenr_str last; /* the last record's id, empty when there is none that can be used */
    char next_text[HUBSPOT_CURSOR_MAX];
    char last_text[HUBSPOT_ID_MAX];
};

/* ---- cursors ---- */

static struct fastenr_str copy(char *buf, struct fastenr_str text)
{
    struct fastenr_str copied = {buf, text.len};
    memcpy(buf, text.ptr, (size_t)text.len);
    return copied;
}

static fastenr_outcome start_at_position(struct reader *r)
{
    struct fastenr_str position = r->selector->position;
    int32_t window = r->selector->mode == FASTENR_READ_WINDOW;
    if (position.len == 0) {
        if (window)
            r->cursor = copy(r->cursor_text, hubspot_text("0"));
        return FASTENR_OK;
    }
    if (window ? !hubspot_is_id(position) : !hubspot_is_cursor(position))
        return hubspot_fail(r->h, FASTENR_FAILED,
                            "the stored position of %.*s is none that this connector wrote: read "
                            "them from the start again",
                            (int)r->object->name.len, r->object->name.ptr);
    r->cursor = copy(r->cursor_text, position);
    return FASTENR_OK;
}

static fastenr_outcome no_progress(struct reader *r)
{
    return hubspot_fail(r->h, FASTENR_FAILED,
                        "HubSpot says that there are more %.*s, but gives no id or cursor past "
                        "the last one: reading on would never end",
                        (int)r->object->name.len, r->object->name.ptr);
}

/* ---- sizes ---- */

static int32_t is_enough(const struct reader *r)
{
    return r->selector->limit > 0 && r->emitted >= r->selector->limit;
}

static uint64_t page_size(const struct reader *r, uint64_t most)
{
    uint64_t left = r->selector->limit - r->emitted;
    return r->selector->limit == 0 || left > most ? most : left;
}

/* ---- requests ---- */

static struct fastenr_str field_at(const struct reader *r, uint32_t i)
{
    return hubspot_text_at(&r->selector->fields, i);
}

static int32_t is_property(struct fastenr_str field)
{
    return !hubspot_associated(field) && !hubspot_equal(field, MERGED_IDS); /* comes anyway */
}

/* Without a property named, HubSpot gives a few of its own choice: the id is cheaper. */
static void put_properties(struct fastenr_json *j, const struct reader *r, int32_t id_only)
{
    fastenr_json_key(j, "properties");
    fastenr_json_open(j, '[');
    for (uint32_t i = 0; i < r->selector->fields.count && !id_only; i++)
        if (is_property(field_at(r, i)))
            fastenr_json_str(j, field_at(r, i));
    fastenr_json_text(j, id_only ? "hs_object_id" : MERGED_IDS);
    fastenr_json_close(j, ']');
}

/* HubSpot's description requires the member; empty, it asks for none. */
static void put_history(struct fastenr_json *j, const struct reader *r)
{
    fastenr_json_key(j, "propertiesWithHistory");
    fastenr_json_open(j, '[');
    for (uint32_t i = 0; i < r->selector->timed.count; i++)
        if (is_property(hubspot_text_at(&r->selector->timed, i)))
            fastenr_json_str(j, hubspot_text_at(&r->selector->timed, i));
    fastenr_json_close(j, ']');
}

static struct hubspot_url object_url(struct reader *r, const char *rest)
{
    struct hubspot_url url = {r->h->url, sizeof r->h->url, 0};
    hubspot_url_text(&url, r->h->objects_url);
    hubspot_url_value(&url, r->object->name);
    hubspot_url_text(&url, rest);
    return url;
}

static struct hubspot_url list_url(struct reader *r, int32_t id_only)
{
    char size[21];
    struct hubspot_url url = object_url(r, "?limit=");
    struct fastenr_str text = {size, 0};
    text.len = fastenr_format_int((int64_t)page_size(r, HUBSPOT_LIST_PAGE), size);
    hubspot_url_value(&url, text);
    hubspot_url_text(&url, r->deleted ? "&archived=true" : "&archived=false");
    hubspot_url_text(&url, "&properties=");
    for (uint32_t i = 0; i < r->selector->fields.count && !id_only; i++)
        if (is_property(field_at(r, i))) {
            hubspot_url_value(&url, field_at(r, i));
            hubspot_url_text(&url, ",");
        }
    hubspot_url_text(&url, id_only ? "hs_object_id" : MERGED_IDS);
    if (r->cursor.len > 0) {
        hubspot_url_text(&url, "&after=");
        hubspot_url_value(&url, r->cursor);
    }
    return url;
}

/* Whether every page's URL has room for the properties: the longest cursor, all of it encoded. */
static int32_t list_fits(struct reader *r)
{
    uint64_t most = list_url(r, 0).len + strlen("&after=") + 3 * HUBSPOT_CURSOR_MAX;
    return most <= HUBSPOT_URL_MAX;
}

/* HubSpot keeps whole milliseconds; the bounds are cut as its times are. */
static void put_ms(struct fastenr_json *j, const char *key, int64_t us)
{
    char text[21];
    struct fastenr_str value = {text, 0};
    value.len = fastenr_format_int(us > 0 ? us / 1000 : 0, text);
    fastenr_json_key(j, key);
    fastenr_json_str(j, value);
}

static void put_filters(struct fastenr_json *j, const struct reader *r, struct fastenr_str past_id)
{
    fastenr_json_key(j, "filterGroups");
    fastenr_json_open(j, '[');
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "filters");
    fastenr_json_open(j, '[');
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "propertyName");
    fastenr_json_str(j, r->object->modified);
    fastenr_json_key(j, "operator");
    fastenr_json_text(j, "GTE"); /* without an end: what changes meanwhile would escape */
    put_ms(j, "value", r->selector->since_us);
    fastenr_json_close(j, '}');
    fastenr_json_open(j, '{');
    fastenr_json_key(j, "propertyName");
    fastenr_json_text(j, "hs_object_id");
    fastenr_json_key(j, "operator");
    fastenr_json_text(j, "GT");
    fastenr_json_key(j, "value");
    fastenr_json_str(j, past_id);
    fastenr_json_close(j, '}');
    fastenr_json_close(j, ']');
    fastenr_json_close(j, '}');
    fastenr_json_close(j, ']');
}

/* 0 when it is too long for a search. */
static int32_t search_body(struct reader *r, struct fastenr_str past_id, int32_t id_only,
                           struct fastenr_str *ret_body)
{
    struct fastenr_json j = fastenr_json_begin(r->h->body, HUBSPOT_SEARCH_BODY_MAX);
    fastenr_json_open(&j, '{');
    put_filters(&j, r, past_id);
    fastenr_json_key(&j, "sorts");
    fastenr_json_open(&j, '[');
    fastenr_json_open(&j, '{');
    fastenr_json_key(&j, "propertyName");
    fastenr_json_text(&j, "hs_object_id");
    fastenr_json_key(&j, "direction");
    fastenr_json_text(&j, "ASCENDING");
    fastenr_json_close(&j, '}');
    fastenr_json_close(&j, ']');
    put_properties(&j, r, id_only);
    fastenr_json_key(&j, "limit");
    fastenr_json_int(&j, (int64_t)page_size(r, HUBSPOT_SEARCH_PAGE));
    fastenr_json_close(&j, '}');
    return fastenr_json_end(&j, ret_body);
}

static int32_t search_fits(struct reader *r)
{
    struct fastenr_str body, longest_id = FASTENR_STR("99999999999999999999");
    return search_body(r, longest_id, 0, &body);
}

static struct hubspot_request request_for(const struct reader *r, struct fastenr_str bucket)
{
    struct hubspot_request request = {
        .bucket = bucket, .retry = HUBSPOT_RETRIED, .scope = r->object->scope};
    return request;
}

/* ---- taking a page ---- */

/* Consumes the handle. */
static fastenr_outcome emit(struct reader *r, uint64_t handle, struct page *ret_page)
{
    struct fastenr_page spec = {.size = sizeof spec,
                                .records = FASTENR_STR("results"),
                                .id = FASTENR_STR("id"),
                                .modified = FASTENR_STR("updatedAt"),
                                .fields = FASTENR_STR("properties"),
                                .next = FASTENR_STR("paging.next.after"),
                                .merged = FASTENR_STR("properties." MERGED_IDS),
                                .title = r->title};
    struct fastenr_page_result result = {.size = sizeof result};
    if (r->selector->timed.count > 0) {
        spec.times = hubspot_text("propertiesWithHistory");
        spec.time = hubspot_text("[0].timestamp");
    }
    if (r->deleted) {
        spec.modified = hubspot_text("archivedAt");
        spec.merged = spec.title = hubspot_text("");
    }
    fastenr_outcome outcome = r->h->services->emit_page(r->h->host, handle, &spec, &result);
    if (outcome != FASTENR_OK)
        return outcome;
    r->emitted += result.count;
    ret_page->count = result.count;
    if (hubspot_is_id(result.last_id))
        ret_page->last = copy(ret_page->last_text, result.last_id);
    if (result.next.len == 0)
        return FASTENR_OK;
    if (!hubspot_is_cursor(result.next))
        return no_progress(r);
    ret_page->next = copy(ret_page->next_text, result.next);
    return FASTENR_OK;
}

/* How many there are in all, from the first search. Only for people who watch: it may be missing.
 */
static fastenr_outcome tell_total(struct reader *r, uint64_t handle)
{
    struct fastenr_str total;
    uint64_t number = 0;
    fastenr_outcome outcome =
        r->h->services->json_get(r->h->host, handle, hubspot_text("total"), &total);
    r->wants_total = 0;
    if (outcome == FASTENR_CANCELLED)
        return outcome;
    for (uint64_t i = 0; outcome == FASTENR_OK && i < total.len && i < 18; i++)
        if (total.ptr[i] >= '0' && total.ptr[i] <= '9')
            number = number * 10 + (uint64_t)(total.ptr[i] - '0');
    if (number > 0)
        r->h->services->progress(r->h->host, number);
    return FASTENR_OK;
}

/* Gets a page of ids. */
static fastenr_outcome get_ids(struct reader *r, const struct hubspot_request *request,
                               uint64_t *ret_handle, struct fastenr_str *ret_ids)
{
    const struct hubspot_needed needed = {"results[*].id", ret_ids};
    return hubspot_ask(r->h, request, "list of records", &needed, 1, ret_handle);
}

/* ---- taking records ---- */

static fastenr_outcome take_records(struct reader *r, const struct hubspot_request *request,
                                    struct page *ret_page)
{
    struct fastenr_str ids;
    uint64_t handle;
    fastenr_outcome outcome =
        r->associated ? get_ids(r, request, &handle, &ids) : hubspot_send(r->h, request, &handle);
    if (outcome != FASTENR_OK)
        return outcome;
    if (r->wants_total)
        outcome = tell_total(r, handle);
    if (outcome == FASTENR_OK && r->associated)
        outcome = hubspot_attach(r->h, r->object, &r->selector->fields, ids);
    if (outcome == FASTENR_OK)
        return emit(r, handle, ret_page);
    r->h->services->release(r->h->host, handle);
    return outcome;
}

/* ---- records by id ---- */

/* Writes up to 100 of the ids as inputs of a batch read; the last of them becomes the page's. */
static int32_t put_inputs(struct fastenr_json *j, struct hubspot_array *ids, struct page *page,
                          uint64_t *ret_count)
{
    char text[HUBSPOT_ID_MAX];
    struct fastenr_str element, id;
    uint64_t n = 0;
    fastenr_json_key(j, "inputs");
    fastenr_json_open(j, '[');
    while (n < HUBSPOT_LIST_PAGE && hubspot_array_next(ids, &element)) {
        if (!hubspot_unquote(element, text, sizeof text, &id) || !hubspot_is_id(id))
            return 0;
        fastenr_json_open(j, '{');
        fastenr_json_key(j, "id");
        fastenr_json_str(j, id);
        fastenr_json_close(j, '}');
        page->last = copy(page->last_text, id);
        n++;
    }
    fastenr_json_close(j, ']');
    *ret_count = n;
    return !ids->broken;
}

/* Records that are gone meanwhile are simply not in the answer (207). */
static fastenr_outcome read_batch(struct reader *r, struct hubspot_array *ids, struct page *page,
                                  uint64_t *ret_count)
{
    struct hubspot_request request = request_for(r, hubspot_burst);
    struct hubspot_url url = object_url(r, "/batch/read");
    struct fastenr_json j = fastenr_json_begin(r->h->body, sizeof r->h->body);
    struct page ignored = {0};
    struct fastenr_str found;
    uint64_t handle;
    *ret_count = 0;
    fastenr_json_open(&j, '{');
    put_properties(&j, r, 0);
    put_history(&j, r);
    if (!put_inputs(&j, ids, page, ret_count))
        return hubspot_fail(r->h, FASTENR_FAILED, "HubSpot gave a record whose id is no number");
    fastenr_json_close(&j, '}');
    if (*ret_count == 0)
        return FASTENR_OK;
    if (!fastenr_json_end(&j, &request.body) || !hubspot_url_end(&url, &request.url))
        return hubspot_fail(r->h, FASTENR_BAD_CONFIG,
                            "the mapping of %.*s names more properties than one request has room "
                            "for: map fewer",
                            (int)r->object->name.len, r->object->name.ptr);
    fastenr_outcome outcome = r->associated ? get_ids(r, &request, &handle, &found)
                                            : hubspot_send(r->h, &request, &handle);
    if (outcome != FASTENR_OK)
        return outcome;
    if (r->associated)
        outcome = hubspot_attach(r->h, r->object, &r->selector->fields, found);
    if (outcome == FASTENR_OK)
        return emit(r, handle, &ignored);
    r->h->services->release(r->h->host, handle);
    return outcome;
}

static fastenr_outcome get_next(struct reader *r, uint64_t handle, struct page *ret_page)
{
    struct fastenr_str next;
    fastenr_outcome outcome =
        r->h->services->json_get(r->h->host, handle, hubspot_text("paging.next.after"), &next);
    if (outcome == FASTENR_GONE)
        return FASTENR_OK;
    if (outcome != FASTENR_OK)
        return outcome;
    if (!hubspot_is_cursor(next))
        return no_progress(r);
    ret_page->next = copy(ret_page->next_text, next);
    return FASTENR_OK;
}

static fastenr_outcome take_by_id(struct reader *r, const struct hubspot_request *request,
                                  struct page *ret_page)
{
    struct fastenr_str ids;
    uint64_t handle, count = 0;
    fastenr_outcome outcome = get_ids(r, request, &handle, &ids);
    if (outcome != FASTENR_OK)
        return outcome;
    if (r->wants_total)
        outcome = tell_total(r, handle);
    if (outcome == FASTENR_OK)
        outcome = get_next(r, handle, ret_page);
    struct hubspot_array walk = hubspot_array(ids);
    do {
        if (outcome == FASTENR_OK)
            outcome = read_batch(r, &walk, ret_page, &count);
        ret_page->count += count;
    } while (outcome == FASTENR_OK && count == HUBSPOT_LIST_PAGE);
    r->h->services->release(r->h->host, handle);
    return outcome;
}

static fastenr_outcome take(struct reader *r, const struct hubspot_request *request,
                            struct page *ret_page)
{
    return r->ids_first ? take_by_id(r, request, ret_page) : take_records(r, request, ret_page);
}

/* ---- everything ---- */

/* The list does not say how many there are. A search does, but is not worth a wait: it is not
 * repeated, and only a cancelled run makes it fail. */
static fastenr_outcome ask_total(struct reader *r)
{
    struct hubspot_request request = request_for(r, hubspot_search);
    struct hubspot_url url = object_url(r, "/search");
    uint64_t handle;
    request.retry = HUBSPOT_TRIED_ONCE;
    request.body =
        hubspot_text("{\"filterGroups\":[],\"properties\":[\"hs_object_id\"],\"limit\":1}");
    if (!hubspot_url_end(&url, &request.url))
        return FASTENR_OK;
    fastenr_outcome outcome = hubspot_send(r->h, &request, &handle);
    if (outcome == FASTENR_OK)
        outcome = tell_total(r, handle);
    r->h->services->release(r->h->host, handle);
    return outcome == FASTENR_CANCELLED ? outcome : FASTENR_OK;
}

static fastenr_outcome take_list_page(struct reader *r, struct page *ret_page)
{
    struct hubspot_request request = request_for(r, hubspot_burst);
    struct hubspot_url url = list_url(r, r->ids_first || r->deleted);
    if (!hubspot_url_end(&url, &request.url))
        return hubspot_fail(r->h, FASTENR_FAILED, "a request is too long for HubSpot");
    return take(r, &request, ret_page);
}

static fastenr_outcome read_all(struct reader *r)
{
    struct page page;
    fastenr_outcome outcome = FASTENR_OK;
    r->ids_first = !r->deleted && !list_fits(r);
    if (r->wants_total && r->cursor.len == 0) /* of a rest, the number is not known */
        outcome = ask_total(r);
    r->wants_total = 0;
    while (outcome == FASTENR_OK) {
        page = (struct page){0};
        outcome = take_list_page(r, &page);
        if (outcome != FASTENR_OK || page.next.len == 0)
            return outcome;
        if (page.next.len == r->cursor.len &&
            memcmp(page.next.ptr, r->cursor.ptr, (size_t)page.next.len) == 0)
            return no_progress(r);
        outcome = r->h->services->checkpoint(r->h->host, page.next);
        r->cursor = copy(r->cursor_text, page.next);
        if (is_enough(r))
            return outcome;
    }
    return outcome;
}

/* ---- a window ---- */

static fastenr_outcome take_search_page(struct reader *r, struct page *ret_page)
{
    struct hubspot_request request = request_for(r, hubspot_search);
    struct hubspot_url url = object_url(r, "/search");
    if (!hubspot_url_end(&url, &request.url) ||
        !search_body(r, r->cursor, r->ids_first, &request.body))
        return hubspot_fail(r->h, FASTENR_FAILED, "a search is too long for HubSpot");
    return take(r, &request, ret_page);
}

static fastenr_outcome read_window(struct reader *r)
{
    struct page page;
    fastenr_outcome outcome = FASTENR_OK;
    r->ids_first = !search_fits(r);
    while (outcome == FASTENR_OK && !is_enough(r)) {
        uint64_t size = page_size(r, HUBSPOT_SEARCH_PAGE);
        page = (struct page){0};
        outcome = take_search_page(r, &page);
        if (outcome != FASTENR_OK || page.count == 0)
            return outcome;
        int32_t onward = hubspot_id_after(page.last, r->cursor);
        int32_t more = page.count >= size || page.next.len > 0; /* a short page may name a next */
        if (more && !onward)
            return no_progress(r);
        if (onward)
            outcome = r->h->services->checkpoint(r->h->host, page.last);
        if (!more)
            return outcome;
        r->cursor = copy(r->cursor_text, page.last);
    }
    return outcome;
}

/* ---- the host's own ids ---- */

/* Up to 100 of them, or 50 with histories, from `*at` on, as a JSON array. What is no id of
 * HubSpot's has no record. */
static struct fastenr_str next_ids(const struct reader *r, uint32_t *at, char *buf, size_t cap)
{
    const struct fastenr_table *ids = &r->selector->ids;
    struct fastenr_json j = fastenr_json_begin(buf, cap);
    struct fastenr_str text = {"", 0};
    uint32_t n = 0, most = r->selector->timed.count > 0 ? HUBSPOT_TIMED_PAGE : HUBSPOT_LIST_PAGE;
    fastenr_json_open(&j, '[');
    for (; *at < ids->count && n < most; ++*at)
        if (hubspot_is_id(hubspot_text_at(ids, *at))) {
            fastenr_json_str(&j, hubspot_text_at(ids, *at));
            n++;
        }
    fastenr_json_close(&j, ']');
    fastenr_json_end(&j, &text);
    return text;
}

static fastenr_outcome read_ids(struct reader *r)
{
    char text[HUBSPOT_LIST_PAGE * (HUBSPOT_ID_MAX + 3) + 3];
    struct page ignored = {0};
    fastenr_outcome outcome = FASTENR_OK;
    uint64_t count;
    for (uint32_t at = 0; at < r->selector->ids.count && outcome == FASTENR_OK;) {
        struct hubspot_array walk = hubspot_array(next_ids(r, &at, text, sizeof text));
        outcome = read_batch(r, &walk, &ignored, &count);
    }
    return outcome;
}

/* ---- the operation ---- */

static fastenr_outcome read_selected(struct reader *r)
{
    fastenr_outcome outcome = start_at_position(r);
    if (outcome != FASTENR_OK)
        return outcome;
    return r->selector->mode == FASTENR_READ_WINDOW ? read_window(r) : read_all(r);
}

static fastenr_outcome read_records(struct reader *r)
{
    uint32_t mode = r->selector->mode;
    r->deleted = mode == FASTENR_READ_DELETED;
    r->wants_total = r->selector->limit == 0 && !r->deleted && mode != FASTENR_READ_IDS;
    for (uint32_t i = 0; i < r->selector->fields.count && !r->deleted; i++)
        r->associated = r->associated || hubspot_associated(field_at(r, i));
    return mode == FASTENR_READ_IDS ? read_ids(r) : read_selected(r);
}

static int32_t can_read(const struct fastenr_object *object, uint32_t mode)
{
    switch (mode) {
    case FASTENR_READ_FULL:
    case FASTENR_READ_WINDOW:
        return 1;
    case FASTENR_READ_DELETED:
        return (object->flags & FASTENR_OBJECT_DELETED) != 0;
    case FASTENR_READ_IDS:
        return (object->flags & FASTENR_OBJECT_IDS) != 0;
    default:
        return 0;
    }
}

fastenr_outcome hubspot_read(void *instance, const struct fastenr_selector *selector)
{
    struct reader r = {.h = instance, .selector = selector};
    struct fastenr_selector expanded = *selector;
    fastenr_outcome outcome = hubspot_object(r.h, selector->object, &r.object);
    if (outcome != FASTENR_OK)
        return outcome;
    if (!can_read(r.object, selector->mode))
        return hubspot_fail(r.h, FASTENR_FAILED,
                            "the HubSpot connector cannot read %.*s in mode %u: upgrade it",
                            (int)selector->object.len, selector->object.ptr, selector->mode);
    if (hubspot_is_reference(r.object))
        return hubspot_read_reference(r.h, r.object, selector);
    if (r.object != &r.h->custom.object)
        return read_records(&r);
    if (!hubspot_expand_fields(r.h, &expanded))
        return hubspot_fail(r.h, FASTENR_BAD_CONFIG,
                            "the mapping of %.*s names too many properties: map fewer",
                            (int)selector->object.len, selector->object.ptr);
    r.selector = &expanded;
    r.title = r.h->custom.title;
    return read_records(&r);
}
