/* SPDX-License-Identifier: Apache-2.0 */
#include "hubspot_mock.h"

#include <CUnit/CUnit.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "hubspot.h"

#define ORIGIN "https://api.hubapi.com"

enum { TEXT_MAX_LEN = 16 * 1024 * 1024 };

static struct str str_of(struct fastenr_str s)
{
    return (struct str){s.ptr, (size_t)s.len};
}

void mock_open(struct fastenr_host *m, size_t records)
{
    memset(m, 0, sizeof *m);
    m->record_count = records;
    m->least_properties = SIZE_MAX;
    for (size_t id = 1; id <= records; id++)
        m->modified_ms[id] = 5000;
    m->account = "{\"portalId\":33,\"uiDomain\":\"app-eu1.hubspot.com\"}";
    m->properties = "{\"results\":[]}";
    m->association_page = 100;
    m->fields = m->checkpoints = m->logs = BUF_INIT(TEXT_MAX_LEN);
    m->attaching = m->attached = m->rows = m->title = m->times = BUF_INIT(TEXT_MAX_LEN);
    m->result_text = BUF_INIT(TEXT_MAX_LEN);
}

static void close_answer(struct mock_answer *a)
{
    for (size_t i = 0; i < a->text_count; i++)
        buf_free(&a->texts[i]);
    buf_free(&a->body);
    a->text_count = 0;
    a->open = false;
}

void mock_close(struct fastenr_host *m)
{
    for (size_t i = 0; i < MOCK_HANDLES; i++)
        if (m->answers[i].open)
            close_answer(&m->answers[i]);
    buf_free(&m->fields);
    buf_free(&m->rows);
    buf_free(&m->title);
    buf_free(&m->times);
    buf_free(&m->checkpoints);
    buf_free(&m->logs);
    buf_free(&m->result_text);
    buf_free(&m->attaching);
    buf_free(&m->attached);
}

size_t mock_open_handles(const struct fastenr_host *m)
{
    size_t n = 0;
    for (size_t i = 0; i < MOCK_HANDLES; i++)
        n += m->answers[i].open;
    return n;
}

size_t mock_count(const struct fastenr_host *m, enum mock_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < m->request_count; i++)
        n += m->requests[i].kind == kind;
    return n;
}

/* Whether this call is cancelled. */
static bool cancelled(struct fastenr_host *m)
{
    m->calls_after_cancel += m->cancelled;
    m->calls++;
    if (m->calls == m->cancel_at)
        m->cancelled = true;
    return m->cancelled;
}

/* ---- the vendor ---- */

/* A property for each that is wanted, under a short name: the tests count them. */
static void put_record(struct json_writer *w, const struct fastenr_host *m, size_t id, size_t count)
{
    char text[32];
    json_open(w, '{');
    snprintf(text, sizeof text, "%zu", id);
    json_key(w, "id");
    json_put_text(w, text);
    json_key(w, "properties");
    json_open(w, '{');
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof text, "p%zu", i);
        json_key(w, text);
        json_put_text(w, "v");
    }
    json_close(w, '}');
    snprintf(text, sizeof text, "%" PRId64, m->modified_ms[id]);
    json_key(w, m->archived[id] ? "archivedAt" : "updatedAt");
    json_put_text(w, text);
    json_close(w, '}');
}

static void put_next(struct json_writer *w, size_t after)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", after);
    json_key(w, "paging");
    json_open(w, '{');
    json_key(w, "next");
    json_open(w, '{');
    json_key(w, "after");
    json_put_text(w, text);
    json_close(w, '}');
    json_close(w, '}');
}

/* The value of a query's parameter, still encoded. */
static struct str parameter(struct str url, const char *name)
{
    ptrdiff_t query = str_find(url, '?');
    struct str rest = str_slice(url, (size_t)query + 1, url.len - (size_t)query - 1), part;
    while (str_next(&rest, '&', &part)) {
        size_t n = strlen(name);
        if (part.len > n && memcmp(part.ptr, name, n) == 0 && part.ptr[n] == '=')
            return str_slice(part, n + 1, part.len - n - 1);
    }
    return STR("");
}

static size_t names_of_query(struct str list)
{
    struct str name;
    size_t n = 0;
    while (str_next(&list, ',', &name))
        n += name.len > 0;
    return n;
}

static size_t names_of_body(const struct json *body)
{
    size_t n = json_length(json_member(body, STR("properties")));
    CU_ASSERT(n > 0);
    return n;
}

static void answer_list(struct fastenr_host *m, struct str url, struct buf *out)
{
    struct json_writer w = {.out = out};
    uint64_t limit = 0, after = 0;
    size_t count = names_of_query(parameter(url, "properties"));
    CU_ASSERT(str_to_u64(parameter(url, "limit"), &limit) && limit >= 1 && limit <= 100);
    bool archived = str_is(parameter(url, "archived"), "true");
    CU_ASSERT(archived || str_is(parameter(url, "archived"), "false"));
    CU_ASSERT(count > 0);
    if (!m->stuck)
        str_to_u64(parameter(url, "after"), &after);
    json_open(&w, '{');
    json_key(&w, "results");
    json_open(&w, '[');
    size_t id = after + 1, listed = 0;
    for (; id <= m->record_count && listed < limit; id++)
        if (m->archived[id] == archived) {
            put_record(&w, m, id, count);
            listed++;
        }
    json_close(&w, ']');
    if (id <= m->record_count)
        put_next(&w, id - 1);
    json_close(&w, '}');
}

/* The value of the filter on a property, "" without one. */
static struct str filter_value(const struct json *body, const char *property, const char *member)
{
    const struct json *filters = json_path(body, STR("filterGroups[0].filters"));
    for (size_t i = 0; i < json_length(filters); i++) {
        const struct json *filter = json_element(filters, i);
        if (str_is(json_string(json_member(filter, STR("propertyName"))), property))
            return json_string(json_member(filter, str_from(member)));
    }
    return STR("");
}

static void check_search(const struct json *body)
{
    CU_ASSERT(str_is(filter_value(body, "hs_lastmodifieddate", "operator"), "GTE"));
    CU_ASSERT(str_is(filter_value(body, "hs_object_id", "operator"), "GT"));
    CU_ASSERT(str_is(json_string(json_path(body, STR("sorts[0].propertyName"))), "hs_object_id"));
    CU_ASSERT(str_is(json_string(json_path(body, STR("sorts[0].direction"))), "ASCENDING"));
    CU_ASSERT_EQUAL(json_length(json_member(body, STR("sorts"))), 1);
    CU_ASSERT_PTR_NULL(json_member(body, STR("after")));
}

static void answer_search(struct fastenr_host *m, const struct json *body, struct buf *out)
{
    struct json_writer w = {.out = out};
    size_t count = names_of_body(body), found = 0, last = 0;
    int64_t limit = json_int(json_member(body, STR("limit"))), since = 0;
    uint64_t past = 0;
    CU_ASSERT(limit >= 1 && limit <= 200);
    m->search_count++;
    if (m->before_search)
        m->before_search(m, m->search_count);
    if (json_length(json_member(body, STR("filterGroups"))) > 0) {
        check_search(body);
        CU_ASSERT(str_to_i64(filter_value(body, "hs_lastmodifieddate", "value"), &since));
        CU_ASSERT(str_to_u64(filter_value(body, "hs_object_id", "value"), &past));
    }
    if (m->stuck)
        past = 0;
    json_open(&w, '{');
    json_key(&w, "results");
    json_open(&w, '[');
    for (size_t id = past + 1; id <= m->record_count; id++) {
        if (m->modified_ms[id] < since)
            continue;
        if (found++ < (size_t)limit) {
            put_record(&w, m, id, count);
            last = id;
        }
    }
    json_close(&w, ']');
    json_key(&w, "total");
    json_put_int(&w, (int64_t)found);
    if (found > (size_t)limit)
        put_next(&w, last);
    json_close(&w, '}');
}

static void answer_batch(struct fastenr_host *m, const struct json *body, struct buf *out)
{
    struct json_writer w = {.out = out};
    const struct json *inputs = json_member(body, STR("inputs"));
    size_t count = names_of_body(body);
    size_t histories = json_length(json_member(body, STR("propertiesWithHistory")));
    CU_ASSERT(json_length(inputs) >= 1 && json_length(inputs) <= (histories > 0 ? 50 : 100));
    json_open(&w, '{');
    json_key(&w, "results");
    json_open(&w, '[');
    for (size_t i = 0; i < json_length(inputs); i++) {
        uint64_t id = 0;
        struct str text = json_string(json_member(json_element(inputs, i), STR("id")));
        CU_ASSERT_FATAL(str_to_u64(text, &id) && id >= 1);
        if (id <= m->record_count && !m->gone[id] && !m->archived[id])
            put_record(&w, m, (size_t)id, count);
    }
    json_close(&w, ']');
    json_close(&w, '}');
}

/* A row of the contacts from `after` on; `from.id` is text, `toObjectId` a number. */
static void put_association_row(struct json_writer *w, const struct fastenr_host *m, uint64_t id,
                                uint64_t after)
{
    char text[32];
    uint64_t count = m->associated[id], end = after + m->association_page;
    snprintf(text, sizeof text, "%" PRIu64, id);
    json_open(w, '{');
    json_key(w, "from");
    json_open(w, '{');
    json_key(w, "id");
    json_put_text(w, text);
    json_close(w, '}');
    json_key(w, "to");
    json_open(w, '[');
    for (uint64_t i = after; i < count && i < end; i++) {
        json_open(w, '{');
        json_key(w, "toObjectId");
        json_put_int(w, (int64_t)(count - i));
        json_close(w, '}');
    }
    json_close(w, ']');
    if (end < count)
        put_next(w, m->stuck ? after : (size_t)end);
    json_close(w, '}');
}

static void answer_associations(struct fastenr_host *m, const struct json *body, struct buf *out)
{
    struct json_writer w = {.out = out};
    const struct json *inputs = json_member(body, STR("inputs"));
    CU_ASSERT(json_length(inputs) >= 1 && json_length(inputs) <= 1000);
    json_open(&w, '{');
    json_key(&w, "results");
    json_open(&w, '[');
    for (size_t i = 0; i < json_length(inputs); i++) {
        const struct json *input = json_element(inputs, i);
        uint64_t id = 0, after = 0;
        CU_ASSERT_FATAL(str_to_u64(json_string(json_member(input, STR("id"))), &id) && id >= 1 &&
                        id <= m->record_count);
        str_to_u64(json_string(json_member(input, STR("after"))), &after);
        if (m->associated[id] > 0)
            put_association_row(&w, m, id, after);
    }
    json_close(&w, ']');
    json_close(&w, '}');
}

/* ---- requests ---- */

/* What follows "companies" in a URL of any version of the API; ptr NULL when it is none. */
static struct str rest_of_companies(struct str url)
{
    static const char *const begins[] = {ORIGIN "/crm/v3/objects/companies",
                                         ORIGIN "/crm/objects/2026-03/companies",
                                         ORIGIN "/crm/objects/2026-09/companies"};
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++)
        if (str_starts(url, begins[i]))
            return str_slice(url, strlen(begins[i]), url.len - strlen(begins[i]));
    return (struct str){NULL, 0};
}

static enum mock_kind kind_of(struct str url)
{
    struct str rest = rest_of_companies(url);
    if (str_is(url, ORIGIN "/account-info/v3/details"))
        return MOCK_ACCOUNT;
    if (str_is(url, ORIGIN "/crm/v3/properties/companies"))
        return MOCK_PROPERTIES;
    if (str_is(rest, "/search"))
        return MOCK_SEARCH;
    if (str_is(rest, "/batch/read"))
        return MOCK_BATCH;
    if (str_is(url, ORIGIN "/crm/v4/associations/companies/contacts/batch/read"))
        return MOCK_ASSOCIATIONS;
    if (str_starts(url, ORIGIN "/crm/v3/owners?") || str_starts(url, ORIGIN "/crm/v3/pipelines/") ||
        str_is(url, ORIGIN "/crm-object-schemas/v3/schemas"))
        return MOCK_TABLE;
    bool known = rest.ptr && str_starts(rest, "?");
    for (size_t i = 0; i < HUBSPOT_OBJECTS; i++) {
        char begin[100];
        snprintf(begin, sizeof begin, ORIGIN "/crm/v3/objects/%s?", hubspot_objects[i].name.ptr);
        known = known || str_starts(url, begin);
    }
    CU_ASSERT(known);
    return MOCK_LIST;
}

static void note_request(struct fastenr_host *m, const struct fastenr_request *request)
{
    struct str url = str_of(request->url), body = str_of(request->body);
    CU_ASSERT_FATAL(m->request_count < MOCK_REQUESTS);
    struct mock_request *r = &m->requests[m->request_count++];
    r->kind = kind_of(url);
    r->flags = request->flags;
    r->url_len = url.len;
    r->body_len = body.len;
    snprintf(r->url, sizeof r->url, "%.*s", STR_ARG(url));
    snprintf(r->body, sizeof r->body, "%.*s", STR_ARG(body));
    CU_ASSERT(url.len <= 8000);
    CU_ASSERT(r->kind != MOCK_SEARCH || body.len <= 3000);
    CU_ASSERT(str_is(str_of(request->bucket), r->kind == MOCK_SEARCH ? "search" : "burst"));
    CU_ASSERT(str_is(str_of(request->method), body.len > 0 ? "POST" : "GET"));
    CU_ASSERT_EQUAL(request->headers.count, body.len > 0 ? 1 : 0);
}

static bool is_faulty(const struct fastenr_host *m)
{
    size_t n = m->request_count;
    size_t last = m->fault.until ? m->fault.until : m->fault.request;
    return m->fault.request > 0 && n >= m->fault.request && n <= last;
}

static void answer_well(struct fastenr_host *m, const struct fastenr_request *request,
                        struct buf *out)
{
    const struct json *body = NULL;
    struct error err;
    if (request->body.len > 0)
        CU_ASSERT_FATAL(json_parse(str_of(request->body), &body, &err) == 0);
    switch (m->requests[m->request_count - 1].kind) {
    case MOCK_ACCOUNT:
        buf_text(out, m->account);
        break;
    case MOCK_PROPERTIES:
        buf_text(out, m->properties);
        break;
    case MOCK_LIST:
        answer_list(m, str_of(request->url), out);
        break;
    case MOCK_SEARCH:
        answer_search(m, body, out);
        break;
    case MOCK_BATCH:
        answer_batch(m, body, out);
        break;
    case MOCK_ASSOCIATIONS:
        answer_associations(m, body, out);
        break;
    case MOCK_TABLE:
        CU_ASSERT_FATAL(m->tables[mock_count(m, MOCK_TABLE) - 1] != NULL);
        buf_text(out, m->tables[mock_count(m, MOCK_TABLE) - 1]);
        break;
    }
    json_free(body);
}

static fastenr_outcome mock_http(struct fastenr_host *m, const struct fastenr_request *request,
                                 struct fastenr_response *ret_response)
{
    size_t i = 0;
    *ret_response = (struct fastenr_response){0};
    if (cancelled(m))
        return FASTENR_CANCELLED;
    note_request(m, request);
    while (i < MOCK_HANDLES && m->answers[i].open)
        i++;
    CU_ASSERT_FATAL(i < MOCK_HANDLES);
    m->answers[i] = (struct mock_answer){.open = true, .body = BUF_INIT(TEXT_MAX_LEN)};
    ret_response->handle = i + 1;
    ret_response->status = 200;
    if (!is_faulty(m)) {
        answer_well(m, request, &m->answers[i].body);
        return FASTENR_OK;
    }
    ret_response->status = m->fault.status;
    buf_text(&m->answers[i].body, m->fault.body ? m->fault.body : "");
    return m->fault.outcome;
}

/* ---- other services ---- */

static struct mock_answer *answer_of(struct fastenr_host *m, uint64_t handle)
{
    CU_ASSERT_FATAL(handle >= 1 && handle <= MOCK_HANDLES && m->answers[handle - 1].open);
    return &m->answers[handle - 1];
}

static fastenr_outcome mock_json_get(struct fastenr_host *m, uint64_t handle,
                                     struct fastenr_str path, struct fastenr_str *ret_value)
{
    struct mock_answer *a = answer_of(m, handle);
    const struct json *root = NULL;
    ret_value->ptr = "";
    ret_value->len = 0;
    if (cancelled(m))
        return FASTENR_CANCELLED;
    if (json_parse(buf_view(&a->body), &root, NULL) != 0)
        return FASTENR_FAILED;
    CU_ASSERT_FATAL(a->text_count < sizeof a->texts / sizeof a->texts[0]);
    struct buf *text = &a->texts[a->text_count++];
    *text = BUF_INIT(TEXT_MAX_LEN);
    bool found = json_get_text(root, str_of(path), text);
    json_free(root);
    if (!found)
        return FASTENR_GONE;
    /* A block of exactly its size, so that reading past it is seen. */
    char *exact = malloc(text->len + 1);
    memcpy(exact, buf_cstr(text), text->len);
    size_t len = text->len;
    buf_free(text);
    *text = (struct buf){.ptr = exact, .len = len, .cap = len + 1, .max = TEXT_MAX_LEN};
    *ret_value = (struct fastenr_str){exact, len};
    return FASTENR_OK;
}

static bool count_member(void *arg, struct str name, const struct json *value)
{
    (void)name;
    (void)value;
    ++*(size_t *)arg;
    return true;
}

/* A record of a table is its own fields. */
static void note_row(struct fastenr_host *m, const struct json *record)
{
    buf_str(&m->rows, json_string(json_member(record, STR("id"))));
    buf_char(&m->rows, ' ');
    json_write(&m->rows, record);
    buf_char(&m->rows, '\n');
}

static void note_records(struct fastenr_host *m, const struct json *records,
                         struct fastenr_page_result *result)
{
    for (size_t i = 0; i < json_length(records); i++) {
        const struct json *record = json_element(records, i);
        struct str id = json_string(json_member(record, STR("id")));
        uint64_t number = 0;
        size_t properties = 0;
        json_each(json_member(record, STR("properties")), count_member, &properties);
        if (properties < m->least_properties)
            m->least_properties = properties;
        CU_ASSERT(str_to_u64(id, &number) && number >= 1 && number <= m->record_count);
        m->emitted[number]++;
        m->emit_count++;
        result->count++;
        result->last_id = (struct fastenr_str){id.ptr, id.len};
    }
}

static fastenr_outcome mock_emit_page(struct fastenr_host *m, uint64_t handle,
                                      const struct fastenr_page *page,
                                      struct fastenr_page_result *ret_result)
{
    struct mock_answer *a = answer_of(m, handle);
    const struct json *root = NULL;
    struct fastenr_page_result result = {.size = ret_result->size};
    CU_ASSERT(str_is(str_of(page->records), "results") && str_is(str_of(page->id), "id"));
    bool deleted = str_is(str_of(page->modified), "archivedAt"), whole = page->fields.len == 0;
    CU_ASSERT(deleted || str_is(str_of(page->modified), "updatedAt"));
    CU_ASSERT(whole || str_is(str_of(page->fields), "properties"));
    CU_ASSERT(
        str_is(str_of(page->merged), deleted || whole ? "" : "properties.hs_merged_object_ids"));
    buf_clear(&m->title);
    buf_str(&m->title, str_of(page->title));
    buf_clear(&m->times);
    buf_printf(&m->times, "%.*s %.*s", (int)page->times.len, page->times.ptr, (int)page->time.len,
               page->time.ptr);
    bool ok = !cancelled(m);
    if (ok && json_parse(buf_view(&a->body), &root, NULL) == 0) {
        const struct json *records = json_path(root, str_of(page->records));
        if (!whole)
            note_records(m, records, &result);
        for (; whole && result.count < json_length(records); result.count++)
            note_row(m, json_element(records, result.count));
        buf_str(&m->attached, buf_view(&m->attaching));
        buf_char(&m->attached, '\n');
        buf_clear(&m->attaching);
        struct str last = str_of(result.last_id);
        struct str next = json_string(json_path(root, str_of(page->next)));
        buf_free(&m->result_text); /* the strings of the result before are no longer valid */
        m->result_text = BUF_INIT(TEXT_MAX_LEN);
        buf_str(&m->result_text, next);
        buf_str(&m->result_text, last);
        const char *text = buf_cstr(&m->result_text);
        result.next = (struct fastenr_str){text, next.len};
        result.last_id = (struct fastenr_str){text + next.len, last.len};
        *ret_result = result;
    }
    fastenr_outcome outcome = !ok ? FASTENR_CANCELLED : root ? FASTENR_OK : FASTENR_FAILED;
    json_free(root);
    close_answer(a);
    return outcome;
}

static fastenr_outcome mock_attach(struct fastenr_host *m, uint64_t handle,
                                   const struct fastenr_attach *spec)
{
    struct mock_answer *a = answer_of(m, handle);
    const struct json *root = NULL;
    CU_ASSERT(str_is(str_of(spec->rows), "results") && str_is(str_of(spec->key), "from.id"));
    CU_ASSERT(str_is(str_of(spec->values), "to[*].toObjectId"));
    CU_ASSERT(str_is(str_of(spec->field), "associations.contacts"));
    bool ok = !cancelled(m);
    CU_ASSERT(!ok || json_parse(buf_view(&a->body), &root, NULL) == 0);
    const struct json *rows = ok ? json_member(root, STR("results")) : NULL;
    for (size_t i = 0; i < json_length(rows); i++) {
        const struct json *row = json_element(rows, i), *to = json_member(row, STR("to"));
        struct str id = json_string(json_path(row, STR("from.id")));
        for (size_t n = 0; n < json_length(to); n++)
            buf_printf(&m->attaching, "%.*s:%" PRId64 " ", STR_ARG(id),
                       json_int(json_member(json_element(to, n), STR("toObjectId"))));
    }
    json_free(root);
    close_answer(a);
    return ok ? FASTENR_OK : FASTENR_CANCELLED;
}

static fastenr_outcome mock_emit_record(struct fastenr_host *m, const struct fastenr_record *record)
{
    if (cancelled(m))
        return FASTENR_CANCELLED;
    buf_str(&m->rows, str_of(record->id));
    buf_char(&m->rows, ' ');
    buf_str(&m->rows, str_of(record->fields));
    buf_char(&m->rows, '\n');
    return FASTENR_OK;
}

static fastenr_outcome mock_emit_field(struct fastenr_host *m, const struct fastenr_field *field)
{
    if (cancelled(m))
        return FASTENR_CANCELLED;
    CU_ASSERT(field->name.len >= 1 && field->name.len <= 255 && field->label.len <= 4096);
    buf_str(&m->fields, str_of(field->name));
    buf_char(&m->fields, '|');
    buf_str(&m->fields, str_of(field->label));
    buf_printf(&m->fields, "|%u|%u|", field->type, field->flags);
    if (field->values.len > 0)
        buf_str(&m->fields, str_of(field->values));
    buf_char(&m->fields, '\n');
    return FASTENR_OK;
}

static fastenr_outcome mock_checkpoint(struct fastenr_host *m, struct fastenr_str position)
{
    if (cancelled(m))
        return FASTENR_CANCELLED;
    buf_printf(&m->checkpoints, "%.*s ", STR_ARG(str_of(position)));
    return FASTENR_OK;
}

static void mock_release(struct fastenr_host *m, uint64_t handle)
{
    if (handle != 0)
        close_answer(answer_of(m, handle));
}

static void mock_progress(struct fastenr_host *m, uint64_t total)
{
    m->total = total;
}

static void mock_log(struct fastenr_host *m, int32_t level, struct fastenr_str text)
{
    buf_printf(&m->logs, "%d %.*s\n", level, STR_ARG(str_of(text)));
}

static fastenr_outcome mock_fail(struct fastenr_host *m, fastenr_outcome outcome,
                                 struct fastenr_str text)
{
    snprintf(m->fail_text, sizeof m->fail_text, "%.*s", STR_ARG(str_of(text)));
    return outcome;
}

static fastenr_outcome mock_option(struct fastenr_host *m, struct fastenr_str name,
                                   struct fastenr_str *ret_value)
{
    CU_ASSERT(str_is(str_of(name), "api_version"));
    *ret_value = (struct fastenr_str){0};
    if (!m->api_version)
        return FASTENR_GONE;
    *ret_value = (struct fastenr_str){m->api_version, strlen(m->api_version)};
    return FASTENR_OK;
}

static fastenr_outcome mock_http_start(struct fastenr_host *m,
                                       const struct fastenr_request *request, uint64_t *ret_ticket)
{
    (void)m;
    (void)request;
    *ret_ticket = 0;
    CU_FAIL("the connector sends one request at a time");
    return FASTENR_FAILED;
}

static fastenr_outcome mock_http_wait(struct fastenr_host *m, uint64_t ticket,
                                      struct fastenr_response *ret_response)
{
    (void)m;
    (void)ticket;
    *ret_response = (struct fastenr_response){0};
    CU_FAIL("the connector sends one request at a time");
    return FASTENR_FAILED;
}

const struct fastenr_services mock_services = {
    .size = sizeof(struct fastenr_services),
    .abi_minor = FASTENR_ABI_MINOR,
    .log = mock_log,
    .fail = mock_fail,
    .option = mock_option,
    .http_start = mock_http_start,
    .http_wait = mock_http_wait,
    .http = mock_http,
    .json_get = mock_json_get,
    .emit_page = mock_emit_page,
    .emit_record = mock_emit_record,
    .emit_field = mock_emit_field,
    .checkpoint = mock_checkpoint,
    .release = mock_release,
    .progress = mock_progress,
    .attach = mock_attach,
};
