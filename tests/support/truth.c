/* SPDX-License-Identifier: Apache-2.0 */
#include "truth.h"

#include <ctype.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "truth_db.h"

enum { DIFFERENCES_TOLD = 20 };

/* ---- the test's own mapping of HubSpot ---- */

enum form { AS_IS, LOWERED, TRIMMED, OF_COMPANY };

struct field {
    const char *column, *property;
    enum form form;
};

static const struct field company_fields[] = {{"name", "name", AS_IS},
                                              {"domain", "domain", LOWERED},
                                              {"industry", "industry", AS_IS},
                                              {"parent_id", "hs_parent_company_id", OF_COMPANY}};
static const struct field company_custom[] = {{"website", "website", AS_IS},
                                              {"phone", "phone", AS_IS},
                                              {"city", "city", AS_IS},
                                              {"state", "state", AS_IS},
                                              {"country", "country", AS_IS},
                                              {"number_of_employees", "numberofemployees", AS_IS},
                                              {"annual_revenue", "annualrevenue", AS_IS},
                                              {"lifecycle_stage", "lifecyclestage", AS_IS},
                                              {"owner_id", "hubspot_owner_id", AS_IS}};
static const struct field contact_fields[] = {{"account_id", "associatedcompanyid", OF_COMPANY},
                                              {"first_name", "firstname", AS_IS},
                                              {"last_name", "lastname", AS_IS},
                                              {"email", "email", LOWERED},
                                              {"phone", "phone", TRIMMED},
                                              {"title", "jobtitle", AS_IS}};
static const struct field contact_custom[] = {{"mobile_phone", "mobilephone", AS_IS},
                                              {"city", "city", AS_IS},
                                              {"country", "country", AS_IS},
                                              {"lifecycle_stage", "lifecyclestage", AS_IS},
                                              {"lead_status", "hs_lead_status", AS_IS},
                                              {"owner_id", "hubspot_owner_id", AS_IS}};

struct kind {
    const char *object, *table; /* the vendor's and ours */
    const char *modified;       /* property */
    const struct field *fields;
    size_t field_count;
    const struct field *custom;
    size_t custom_count;
};

#define ROWS(array) array, sizeof(array) / sizeof((array)[0])
static const struct kind kinds[] = {
    {"companies", "account", "hs_lastmodifieddate", ROWS(company_fields), ROWS(company_custom)},
    {"contacts", "contact", "lastmodifieddate", ROWS(contact_fields), ROWS(contact_custom)}};

struct comparison {
    struct truth_db *db;
    FILE *out;
    struct truth_query *find_company;
    struct truth_report report;
    bool broken; /* it cannot be found out */
};

/* ---- telling ---- */

static void differ(struct comparison *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void differ(struct comparison *c, const char *format, ...)
{
    va_list args;
    if (c->report.differences++ >= DIFFERENCES_TOLD)
        return;
    va_start(args, format);
    vfprintf(c->out, format, args);
    va_end(args);
    fputc('\n', c->out);
}

/* The single number of a query. */
static long long number(struct comparison *c, const char *text)
{
    struct truth_query *q = truth_db_prepare(c->db, text);
    const char *value = q && truth_query_run(q, NULL) ? truth_query_text(q, 0) : NULL;
    long long found = value ? strtoll(value, NULL, 10) : -1;
    truth_query_free(q);
    return found;
}

static void expect(struct comparison *c, const char *what, long long found, long long expected)
{
    if (found != expected)
        differ(c, "%s: %lld, expected %lld", what, found, expected);
}

/* ---- expected values ---- */

/* NULL for none: the vendor clears a value with an empty text. The caller frees it. */
static char *expected_text(struct json_object *properties, const struct field *f)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(properties, f->property, &value);
    const char *text = value ? json_object_get_string(value) : NULL;
    if (!text || *text == '\0')
        return NULL;
    char *copy = strdup(text);
    if (f->form != LOWERED && f->form != TRIMMED)
        return copy;
    char *from = copy, *end = copy + strlen(copy);
    while (isspace((unsigned char)*from))
        from++;
    while (end > from && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    memmove(copy, from, strlen(from) + 1);
    for (char *p = copy; f->form == LOWERED && *p; p++)
        if ((unsigned char)*p < 0x80)
            *p = (char)tolower((unsigned char)*p);
    if (*copy != '\0')
        return copy;
    free(copy);
    return NULL;
}

/* An address that the host must set aside: the sandbox's broken ones. */
static bool is_broken_address(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || strchr(at + 1, '@') || strpbrk(text, " \t,;<>()"))
        return true;
    const char *dot = strchr(at + 1, '.');
    return !dot || dot == at + 1 || dot[1] == '\0' || strstr(at, "..") != NULL;
}

static bool is_quarantined(const struct kind *kind, struct json_object *properties)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        char *text = expected_text(properties, &kind->fields[i]);
        bool missing = strcmp(kind->fields[i].column, "name") == 0 && !text;
        bool broken =
            strcmp(kind->fields[i].column, "email") == 0 && text && is_broken_address(text);
        free(text);
        if (missing || broken)
            return true;
    }
    return false;
}

/* ---- one record ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void compare_custom(struct comparison *c, const struct kind *kind, const char *id,
                           struct json_object *properties, const char *stored)
{
    struct json_object *custom = stored ? json_tokener_parse(stored) : NULL;
    size_t expected = 0;
    for (size_t i = 0; i < kind->custom_count; i++) {
        char *want = expected_text(properties, &kind->custom[i]);
        struct json_object *value = NULL;
        json_object_object_get_ex(custom, kind->custom[i].column, &value);
        const char *have = value ? json_object_get_string(value) : NULL;
        expected += want != NULL;
        if (!same_text(want, have))
            differ(c, "%s %s custom %s: '%s', expected '%s'", kind->object, id,
                   kind->custom[i].column, have ? have : "none", want ? want : "none");
        free(want);
    }
    size_t members = custom ? (size_t)json_object_object_length(custom) : 0;
    if (members != expected)
        differ(c, "%s %s has %zu custom fields, expected %zu", kind->object, id, members, expected);
    json_object_put(custom);
}

/* A reference to a company that the truth does not have, or that is set aside, is empty. */
static bool company_is_stored(struct comparison *c, const char *id)
{
    if (!c->find_company)
        return false;
    return truth_query_run(c->find_company, id);
}

static void compare_fields(struct comparison *c, const struct kind *kind, const char *id,
                           struct json_object *properties, struct truth_query *row)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        char *want = expected_text(properties, &kind->fields[i]);
        const char *have = truth_query_text(row, (int)i);
        if (want && kind->fields[i].form == OF_COMPANY && !company_is_stored(c, want)) {
            free(want);
            want = NULL;
        }
        if (!same_text(want, have))
            differ(c, "%s %s %s: '%s', expected '%s'", kind->object, id, kind->fields[i].column,
                   have ? have : "none", want ? want : "none");
        free(want);
    }
    compare_custom(c, kind, id, properties, truth_query_text(row, (int)kind->field_count));
}

/* Columns in the order of the fields, then custom_fields; references as the vendor's ids. */
static struct truth_query *prepare_row(struct comparison *c, const struct kind *kind)
{
    char text[4096];
    int at = snprintf(text, sizeof text, "SELECT ");
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *f = &kind->fields[i];
        if (f->form == OF_COMPANY)
            at += snprintf(text + at, sizeof text - (size_t)at,
                           "(SELECT p.external_id FROM link p WHERE p.record = r.%s AND p.stream = "
                           "(SELECT id FROM stream WHERE vendor_object = 'companies')), ",
                           f->column);
        else
            at += snprintf(text + at, sizeof text - (size_t)at, "r.%s, ", f->column);
    }
    snprintf(
        text + at, sizeof text - (size_t)at,
        "r.custom_fields FROM link l JOIN %s r ON r.key = l.record WHERE l.stream = (SELECT id "
        "FROM stream WHERE vendor_object = '%s') AND l.external_id = $1",
        kind->table, kind->object);
    return truth_db_prepare(c->db, text);
}

static void compare_record(struct comparison *c, const struct kind *kind, struct truth_query *row,
                           struct truth_query *aside, struct json_object *record)
{
    struct json_object *id_value = NULL, *properties = NULL;
    json_object_object_get_ex(record, "id", &id_value);
    json_object_object_get_ex(record, "properties", &properties);
    const char *id = json_object_get_string(id_value);
    bool quarantined = is_quarantined(kind, properties);
    bool is_stored = truth_query_run(row, id);
    bool is_aside = truth_query_run(aside, id);
    c->report.quarantined += quarantined;
    if (quarantined != is_aside)
        differ(c, "%s %s is %sin quarantine", kind->object, id, is_aside ? "" : "not ");
    if (!quarantined && !is_stored)
        differ(c, "%s %s is missing", kind->object, id);
    else if (!quarantined)
        compare_fields(c, kind, id, properties, row);
}

/* ---- all records ---- */

typedef void (*record_fn)(struct comparison *c, void *arg, struct json_object *record);

static long each_record(struct comparison *c, FILE *in, record_fn fn, void *arg)
{
    char *line = NULL;
    size_t cap = 0;
    long count = 0;
    rewind(in);
    while (getline(&line, &cap, in) > 0) {
        struct json_object *record = json_tokener_parse(line);
        if (!record) {
            fprintf(c->out, "the truth's line %ld is no JSON\n", count + 1);
            c->broken = true;
            break;
        }
        fn(c, arg, record);
        json_object_put(record);
        count++;
    }
    free(line);
    return count;
}

static void note_company(struct comparison *c, void *arg, struct json_object *record)
{
    struct json_object *id = NULL, *properties = NULL;
    (void)c;
    json_object_object_get_ex(record, "id", &id);
    json_object_object_get_ex(record, "properties", &properties);
    if (is_quarantined(&kinds[0], properties))
        return;
    truth_query_run(arg, json_object_get_string(id));
}

static void note_companies(struct comparison *c, FILE *companies)
{
    truth_db_exec(c->db, "CREATE TEMP TABLE stored_company (id TEXT PRIMARY KEY)");
    struct truth_query *add = truth_db_prepare(c->db, "INSERT INTO stored_company VALUES ($1)");
    if (!add)
        return;
    truth_db_exec(c->db, "BEGIN");
    each_record(c, companies, note_company, add);
    truth_db_exec(c->db, "COMMIT");
    truth_query_free(add);
    c->find_company = truth_db_prepare(c->db, "SELECT 1 FROM stored_company WHERE id = $1");
}

struct statements {
    const struct kind *kind;
    struct truth_query *row, *aside;
};

static void on_record(struct comparison *c, void *arg, struct json_object *record)
{
    const struct statements *s = arg;
    compare_record(c, s->kind, s->row, s->aside, record);
}

static long compare_kind(struct comparison *c, const struct kind *kind, FILE *truth)
{
    char text[300];
    long before = c->report.quarantined, count = 0;
    snprintf(text, sizeof text,
             "SELECT 1 FROM quarantine WHERE stream = (SELECT id FROM stream WHERE vendor_object = "
             "'%s') AND external_id = $1",
             kind->object);
    struct statements s = {kind, prepare_row(c, kind), truth_db_prepare(c->db, text)};
    if (s.row && s.aside)
        count = each_record(c, truth, on_record, &s);
    truth_query_free(s.row);
    truth_query_free(s.aside);
    long aside = c->report.quarantined - before;
    snprintf(text, sizeof text, "SELECT count(*) FROM %s", kind->table);
    expect(c, kind->table, number(c, text), count - aside);
    snprintf(text, sizeof text,
             "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream WHERE s.vendor_object = "
             "'%s'",
             kind->object);
    expect(c, "links", number(c, text), count - aside);
    return count;
}

/* ---- what the last run read ---- */

struct window {
    const struct kind *kind;
    long long since, until; /* us; since 0: a full read */
    long records;
};

/* "2026-01-02T03:04:05.678Z" to microseconds; -1 for anything else. */
static long long parse_time(const char *text)
{
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!rest)
        return -1;
    double fraction = *rest == '.' ? strtod(rest, NULL) : 0;
    return (long long)timegm(&tm) * 1000000 + (long long)(fraction * 1000 + 0.5) * 1000;
}

static void count_in_window(struct comparison *c, void *arg, struct json_object *record)
{
    struct window *w = arg;
    struct json_object *properties = NULL, *modified = NULL;
    json_object_object_get_ex(record, "properties", &properties);
    json_object_object_get_ex(properties, w->kind->modified, &modified);
    long long us = parse_time(json_object_get_string(modified));
    if (us < 0)
        differ(c, "a %s of the truth has no modified time", w->kind->object);
    w->records += w->since == 0 || (us >= w->since && us <= w->until);
}

static void compare_last_run(struct comparison *c, const struct kind *kind, FILE *truth)
{
    char text[400];
    struct window w = {.kind = kind};
    long long read = -1;
    snprintf(text, sizeof text,
             "SELECT coalesce(since, 0), until, read FROM run_stream WHERE run = (SELECT max(id) "
             "FROM run) AND stream = (SELECT id FROM stream WHERE vendor_object = '%s')",
             kind->object);
    struct truth_query *q = truth_db_prepare(c->db, text);
    if (q && truth_query_run(q, NULL)) {
        w.since = strtoll(truth_query_text(q, 0), NULL, 10);
        w.until = strtoll(truth_query_text(q, 1), NULL, 10);
        read = strtoll(truth_query_text(q, 2), NULL, 10);
    }
    truth_query_free(q);
    each_record(c, truth, count_in_window, &w);
    snprintf(text, sizeof text, "%s read by the last run", kind->object);
    expect(c, text, read, w.records);
}

/* ---- the store by itself ---- */

static void compare_chains(struct comparison *c, const struct kind *kind, int object)
{
    char text[400];
    /* The log has no index by record: one pass instead. */
    snprintf(text, sizeof text,
             "WITH last AS (SELECT record, max(seq) AS seq FROM log WHERE object = %d GROUP BY "
             "record) SELECT count(*) FROM %s r LEFT JOIN last ON last.record = r.key WHERE "
             "last.seq IS DISTINCT FROM r.rev",
             object, kind->table);
    expect(c, "records whose rev is not their last log row", number(c, text), 0);
    snprintf(text, sizeof text,
             "SELECT count(*) FROM (SELECT prev, lag(seq) OVER (PARTITION BY record ORDER BY seq) "
             "AS before FROM log WHERE object = %d) AS chain WHERE prev IS DISTINCT FROM before",
             object);
    expect(c, "log rows whose prev is not the one before", number(c, text), 0);
}

static void check_store(struct comparison *c)
{
    expect(c, "runs left running", number(c, "SELECT count(*) FROM run WHERE status = 1"), 0);
    expect(c, "records linked twice",
           number(c, "SELECT count(*) FROM (SELECT 1 FROM link GROUP BY stream, record HAVING "
                     "count(*) > 1) AS doubles"),
           0);
    expect(c, "quarantine rows", number(c, "SELECT count(*) FROM quarantine"),
           c->report.quarantined);
    compare_chains(c, &kinds[0], 1);
    compare_chains(c, &kinds[1], 2);
    if (!truth_db_is_whole(c->db))
        differ(c, "the database is damaged");
}

int truth_compare(const char *database, FILE *companies, FILE *contacts, int flags,
                  struct truth_report *ret_report, FILE *out)
{
    struct comparison c = {.out = out, .db = truth_db_open(database, out)};
    if (!c.db)
        return 2;
    note_companies(&c, companies);
    c.report.companies = compare_kind(&c, &kinds[0], companies);
    c.report.contacts = compare_kind(&c, &kinds[1], contacts);
    if (flags & TRUTH_LAST_RUN) {
        compare_last_run(&c, &kinds[0], companies);
        compare_last_run(&c, &kinds[1], contacts);
    }
    check_store(&c);
    bool broken = c.broken || truth_db_broken(c.db);
    truth_query_free(c.find_company);
    truth_db_close(c.db);
    *ret_report = c.report;
    if (broken)
        return 2;
    return c.report.differences > 0;
}
