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
#include "truth_mapping.h"

enum { DIFFERENCES_TOLD = 20 };

/* Our tables, and the numbers that the log has for them. */
static const struct {
    const char *name;
    int object;
} tables[] = {{"account", 1}, {"contact", 2},       {"deal", 3},   {"engagement", 4},
              {"ticket", 6},  {"custom_record", 7}, {"owner", 10}, {"pipeline_stage", 11}};

enum { TABLES = sizeof tables / sizeof tables[0] };

struct comparison {
    struct truth_db *db;
    FILE *out;
    struct truth_query *find_kept;
    struct json_object *tables[TRUTH_OBJECTS]; /* of reference tables: properties by id */
    int flags;
    long living;           /* records of the object being compared, in the truth */
    long linked_aside;     /* of these, set aside although they are linked */
    long left_aside;       /* set aside, and ended */
    long untold;           /* in the store and not of these, less those of these that are not there:
                              for nobody told */
    long expected[TABLES]; /* rows */
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

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    va_end(args);
    return text;
}

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

static char *trimmed(const char *text, bool lower)
{
    const char *end = text + strlen(text);
    while (isspace((unsigned char)*text))
        text++;
    while (end > text && isspace((unsigned char)end[-1]))
        end--;
    char *copy = strndup(text, (size_t)(end - text));
    for (char *p = copy; lower && *p; p++)
        if ((unsigned char)*p < 0x80)
            *p = (char)tolower((unsigned char)*p);
    if (*copy != '\0')
        return copy;
    free(copy);
    return NULL;
}

/* Whole words of at most 80 bytes, tags left out. */
static char *first_words(const char *html)
{
    char *plain = strdup(html), out[82] = "";
    size_t len = 0;
    bool in_tag = false;
    for (char *p = plain; *p; p++) {
        bool tag = in_tag || *p == '<';
        in_tag = tag && *p != '>';
        if (tag)
            *p = ' ';
    }
    for (char *rest = NULL, *word = strtok_r(plain, " \n", &rest); word;
         word = strtok_r(NULL, " \n", &rest)) {
        size_t more = strlen(word) + (len > 0);
        if (len + more > 80)
            break;
        snprintf(out + len, sizeof out - len, "%s%s", len > 0 ? " " : "", word);
        len += more;
    }
    free(plain);
    return strdup(out);
}

static const char *text_of(struct json_object *object, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(object, name, &value);
    return value ? json_object_get_string(value) : NULL;
}

/* A property of a row of a reference table; NULL when there is no such row, or no table. */
static const char *of_table(const struct comparison *c, const char *object, const char *id,
                            const char *property)
{
    for (size_t i = FIRST_TABLE; i < TRUTH_OBJECTS; i++) {
        struct json_object *row = NULL;
        if (strcmp(truth_kinds[i].object, object) == 0 &&
            json_object_object_get_ex(c->tables[i], id, &row))
            return text_of(row, property);
    }
    return NULL;
}

/* Those of the first pipeline are known without the table. */
static char *ticket_status(const struct comparison *c, const char *stage)
{
    static const char *const statuses[] = {"open", "pending", "open", "closed"};
    int n = atoi(stage);
    const char *closed = of_table(c, "ticket_stages", stage, "closed");
    if (n >= 1 && n <= 4)
        return strdup(statuses[n - 1]);
    return closed ? strdup(strcmp(closed, "true") == 0 ? "closed" : "open") : NULL;
}

static char *deal_status(const char *stage)
{
    bool won = strcmp(stage, "closedwon") == 0 || strcmp(stage, "114603203") == 0;
    bool lost = strcmp(stage, "closedlost") == 0 || strcmp(stage, "114603204") == 0;
    return strdup(won ? "won" : lost ? "lost" : "open");
}

static bool is_deal_stage(const struct comparison *c, const char *stage)
{
    return of_table(c, "deal_stages", stage, "label") != NULL;
}

/* What is said of another record by its id. */
static char *referred(const struct comparison *c, enum form form, const char *id)
{
    const char *text = NULL;
    if (form == OWNER_ADDRESS)
        text = of_table(c, "owners", id, "email");
    else if (!is_deal_stage(c, id)) /* of the pipelines, only one has stages with names */
        text = form == DEAL_LABEL ? id : strspn(id, "0123456789") > 0 ? "75e28846" : "default";
    else
        text = of_table(c, "deal_stages", id, form == DEAL_LABEL ? "label" : "pipeline_label");
    return text ? strdup(text) : NULL;
}

static char *converted(const struct comparison *c, enum form form, const char *text)
{
    switch (form) {
    case LOWERED:
    case TRIMMED:
        return trimmed(text, form == LOWERED);
    case MINOR_UNITS:
    case PERCENT:
        return print("%lld", (long long)(strtod(text, NULL) * 100 + 0.5));
    case MINUTES:
        return print("%lld", (atoll(text) * 166666667 + 5000000000000) / 10000000000000);
    case DAYS:
        return print("%lld", parse_time(text) / 86400000000);
    case MICROSECONDS:
        return print("%lld", parse_time(text));
    case DEAL_STATUS:
        return deal_status(text);
    case TICKET_STATUS:
        return ticket_status(c, text);
    case STAGE_STATUS:
        return is_deal_stage(c, text) ? deal_status(text) : ticket_status(c, text);
    case BOOLEAN:
    case NEGATED:
        return strdup((strcmp(text, "true") == 0) == (form == BOOLEAN) ? "1" : "0");
    case OWNER_ADDRESS:
    case DEAL_LABEL:
    case DEAL_PIPELINE:
        return referred(c, form, text);
    case FIRST_WORDS:
        return first_words(text);
    default:
        return strdup(text);
    }
}

/* The lowest id of those that the record is associated with. */
static char *first_associated(struct json_object *record, const char *with)
{
    struct json_object *all = NULL, *ids = NULL;
    const char *first = NULL;
    json_object_object_get_ex(record, "associations", &all);
    json_object_object_get_ex(all, with, &ids);
    for (size_t i = 0; ids && i < json_object_array_length(ids); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(ids, i));
        if (!first || atoll(id) < atoll(first))
            first = id;
    }
    return first ? strdup(first) : NULL;
}

static char *all_properties(struct json_object *record)
{
    struct json_object *properties = NULL, *made = json_object_new_object();
    json_object_object_get_ex(record, "properties", &properties);
    json_object_object_foreach(properties, name, value)
    {
        const char *text = value ? json_object_get_string(value) : NULL;
        if (text && *text != '\0')
            json_object_object_add(made, name, json_object_get(value));
    }
    char *text = strdup(json_object_to_json_string(made));
    json_object_put(made);
    return text;
}

/* NULL for none: the vendor clears a value with an empty text. The caller frees it. */
static char *expected_text(const struct comparison *c, struct json_object *record,
                           const struct field *f)
{
    struct json_object *properties = NULL;
    if (f->form == CONSTANT)
        return strdup(f->property);
    if (f->form == ALL_PROPERTIES)
        return all_properties(record);
    if (f->form == FIRST_COMPANY || f->form == FIRST_CONTACT || f->form == FIRST_DEAL)
        return first_associated(record, f->property);
    json_object_object_get_ex(record, "properties", &properties);
    const char *text = text_of(properties, f->property);
    char *made = text && *text != '\0' ? converted(c, f->form, text) : NULL;
    return made || !f->otherwise ? made : strdup(f->otherwise);
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

static bool is_quarantined(const struct comparison *c, const struct kind *kind,
                           struct json_object *record)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        char *text = expected_text(c, record, &kind->fields[i]);
        const char *column = kind->fields[i].column;
        bool required = strcmp(column, "name") == 0 || strcmp(column, "subject") == 0;
        bool missing = required && !text;
        bool broken = strcmp(column, "email") == 0 && text && is_broken_address(text);
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
                           struct json_object *record, const char *stored)
{
    struct json_object *custom = stored ? json_tokener_parse(stored) : NULL;
    size_t expected = 0;
    for (size_t i = 0; i < kind->custom_count; i++) {
        char *want = expected_text(c, record, &kind->custom[i]);
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

static bool same_value(enum form form, const char *a, const char *b)
{
    if (form != ALL_PROPERTIES || !a || !b)
        return same_text(a, b);
    struct json_object *x = json_tokener_parse(a), *y = json_tokener_parse(b);
    bool same = x && y && json_object_equal(x, y) == 1;
    json_object_put(x);
    json_object_put(y);
    return same;
}

/* Index of the object that a reference is to; -1 for other fields. */
static int refers_to(const struct field *f)
{
    if (f->form == OF_COMPANY || f->form == FIRST_COMPANY)
        return 0;
    return f->form == FIRST_CONTACT ? 1 : f->form == FIRST_DEAL ? 2 : -1;
}

/* An association moves without the record's modified time, so that a sync of what changed cannot
 * bring it, of whichever object: with TRUTH_INCREMENTAL these fields are left out, and who uses
 * that compares again, without it, after a full read. */
static bool is_associated(const struct field *f)
{
    return f->form == FIRST_COMPANY || f->form == FIRST_CONTACT || f->form == FIRST_DEAL;
}

/* A record's key in the table of those kept: "0:12", the object's index and the vendor's id. */
static char *kept_key(int object, const char *id)
{
    return print("%d:%s", object, id ? id : "");
}

/* A reference to a record that the truth does not have, or that is set aside, is empty. */
static bool is_kept(struct comparison *c, int object, const char *id)
{
    if (!c->find_kept)
        return false;
    char *key = kept_key(object, id);
    bool found = key && truth_query_run(c->find_kept, key);
    free(key);
    return found;
}

static void compare_fields(struct comparison *c, const struct kind *kind, const char *id,
                           struct json_object *record, struct truth_query *row)
{
    for (size_t i = 0; i < kind->field_count; i++) {
        char *want = expected_text(c, record, &kind->fields[i]);
        const char *have = truth_query_text(row, (int)i);
        int to = refers_to(&kind->fields[i]);
        if (c->flags & TRUTH_INCREMENTAL && is_associated(&kind->fields[i])) {
            free(want);
            continue;
        }
        if (want && to >= 0 && !is_kept(c, to, want)) {
            free(want);
            want = NULL;
        }
        /* One that ended without anybody telling, which compare_ended has seen. */
        if (c->flags & TRUTH_INCREMENTAL && to >= 0 && have && !is_kept(c, to, have))
            have = NULL;
        if (!same_value(kind->fields[i].form, want, have))
            differ(c, "%s %s %s: '%s', expected '%s'", kind->object, id, kind->fields[i].column,
                   have ? have : "none", want ? want : "none");
        free(want);
    }
    compare_custom(c, kind, id, record, truth_query_text(row, (int)kind->field_count));
}

/* Columns in the order of the fields, then custom_fields; references as the vendor's ids. */
static struct truth_query *prepare_row(struct comparison *c, const struct kind *kind)
{
    char text[4096];
    int at = snprintf(text, sizeof text, "SELECT ");
    for (size_t i = 0; i < kind->field_count; i++) {
        const struct field *f = &kind->fields[i];
        if (refers_to(f) >= 0)
            at += snprintf(text + at, sizeof text - (size_t)at,
                           "(SELECT p.external_id FROM link p WHERE p.record = r.%s AND p.ended = "
                           "0 AND p.stream = (SELECT id FROM stream WHERE vendor_object = '%s')), ",
                           f->column, truth_kinds[refers_to(f)].object);
        else
            at += snprintf(text + at, sizeof text - (size_t)at, "r.%s, ", f->column);
    }
    snprintf(
        text + at, sizeof text - (size_t)at,
        "r.custom_fields FROM link l JOIN %s r ON r.key = l.record WHERE l.stream = (SELECT id "
        "FROM stream WHERE vendor_object = '%s') AND l.external_id = $1 AND l.ended = 0 "
        "AND r.deleted_at IS NULL",
        kind->table, kind->object);
    return truth_db_prepare(c->db, text);
}

struct statements {
    const struct kind *kind;
    struct truth_query *row, *aside, *link;
};

static void compare_record(struct comparison *c, const struct statements *s,
                           struct json_object *record)
{
    const struct kind *kind = s->kind;
    struct json_object *id_value = NULL;
    json_object_object_get_ex(record, "id", &id_value);
    const char *id = json_object_get_string(id_value);
    bool quarantined = is_quarantined(c, kind, record);
    bool is_stored = truth_query_run(s->row, id);
    bool is_aside = truth_query_run(s->aside, id);
    c->living++;
    if (c->flags & TRUTH_RESTORED && !is_stored && !is_aside && !truth_query_run(s->link, id)) {
        c->untold--;
        return;
    }
    c->linked_aside += quarantined && is_stored;
    c->report.quarantined += quarantined;
    if (quarantined != is_aside)
        differ(c, "%s %s is %sin quarantine", kind->object, id, is_aside ? "" : "not ");
    if (!quarantined && !is_stored)
        differ(c, "%s %s is missing", kind->object, id);
    else if (!quarantined && !(c->flags & TRUTH_RESTORED))
        compare_fields(c, kind, id, record, s->row);
}

/* ---- what ended ---- */

static const char *member(struct json_object *record, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(record, name, &value);
    return json_object_get_string(value);
}

static bool is_ended(struct json_object *record)
{
    return member(record, "ended") != NULL;
}

/* Columns: why it ended, its record, when that was deleted. */
static struct truth_query *prepare_link(struct comparison *c, const struct kind *kind)
{
    char text[400];
    snprintf(text, sizeof text,
             "SELECT l.ended, l.record, r.deleted_at FROM link l JOIN %s r ON r.key = l.record "
             "WHERE l.stream = (SELECT id FROM stream WHERE vendor_object = '%s') "
             "AND l.external_id = $1",
             kind->table, kind->object);
    return truth_db_prepare(c->db, text);
}

/* One that was never here has no link. */
static void compare_ended(struct comparison *c, const struct kind *kind, struct truth_query *link,
                          struct json_object *record)
{
    const char *id = member(record, "id"), *into = member(record, "into");
    if (!truth_query_run(link, id))
        return;
    int ended = atoi(truth_query_text(link, 0));
    long long key = atoll(truth_query_text(link, 1));
    bool deleted = truth_query_text(link, 2) != NULL;
    bool told = !into || (truth_query_run(link, into) && atoi(truth_query_text(link, 0)) == 0);
    if (ended == 0 && !told && c->flags & TRUTH_INCREMENTAL)
        c->untold++;
    else if (ended == 0)
        differ(c, "%s %s lives here, and is %s", kind->object, id, member(record, "ended"));
    else if (!into && !deleted)
        differ(c, "%s %s is archived, and its record here is not deleted", kind->object, id);
    if (into && told && atoll(truth_query_text(link, 1)) != key)
        differ(c, "%s %s was merged into %s, and does not lead there", kind->object, id, into);
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

struct noting {
    int object;
    struct truth_query *add, *link;
};

static void note_kept(struct comparison *c, void *arg, struct json_object *record)
{
    const struct noting *n = arg;
    struct json_object *id = NULL;
    json_object_object_get_ex(record, "id", &id);
    if (is_ended(record) || is_quarantined(c, &truth_kinds[n->object], record))
        return;
    bool here = truth_query_run(n->link, json_object_get_string(id));
    char *key = kept_key(n->object, json_object_get_string(id));
    if (key && (here || !(c->flags & TRUTH_RESTORED)))
        truth_query_run(n->add, key);
    free(key);
}

/* The companies, contacts and deals that references may mean. */
static void note_all_kept(struct comparison *c, FILE *const truths[TRUTH_OBJECTS])
{
    truth_db_exec(c->db, "CREATE TEMP TABLE kept (key TEXT PRIMARY KEY)");
    struct truth_query *add = truth_db_prepare(c->db, "INSERT INTO kept VALUES ($1)");
    if (!add)
        return;
    truth_db_exec(c->db, "BEGIN");
    for (int object = 0; object < 3; object++) {
        struct noting noting = {object, add, prepare_link(c, &truth_kinds[object])};
        if (truths[object] && noting.link)
            each_record(c, truths[object], note_kept, &noting);
        truth_query_free(noting.link);
    }
    truth_db_exec(c->db, "COMMIT");
    truth_query_free(add);
    c->find_kept = truth_db_prepare(c->db, "SELECT 1 FROM kept WHERE key = $1");
}

static void note_row(struct comparison *c, void *arg, struct json_object *record)
{
    struct json_object *table = arg, *properties = NULL;
    (void)c;
    json_object_object_get_ex(record, "properties", &properties);
    json_object_object_add(table, text_of(record, "id"), json_object_get(properties));
}

static void load_tables(struct comparison *c, FILE *const truths[TRUTH_OBJECTS])
{
    for (size_t i = FIRST_TABLE; i < TRUTH_OBJECTS; i++)
        if (truths[i]) {
            c->tables[i] = json_object_new_object();
            each_record(c, truths[i], note_row, c->tables[i]);
        }
}

static void on_record(struct comparison *c, void *arg, struct json_object *record)
{
    const struct statements *s = arg;
    /* Nobody tells that a record which was set aside was merged into one that was archived. */
    if (is_ended(record) && member(record, "into") &&
        truth_query_run(s->aside, member(record, "id")))
        c->left_aside++;
    if (is_ended(record))
        compare_ended(c, s->kind, s->link, record);
    else
        compare_record(c, s, record);
}

static long compare_kind(struct comparison *c, const struct kind *kind, FILE *truth)
{
    char text[300];
    long before = c->report.quarantined;
    c->living = c->linked_aside = c->untold = 0;
    snprintf(text, sizeof text,
             "SELECT 1 FROM quarantine WHERE stream = (SELECT id FROM stream WHERE vendor_object = "
             "'%s') AND external_id = $1",
             kind->object);
    struct statements s = {kind, prepare_row(c, kind), truth_db_prepare(c->db, text),
                           prepare_link(c, kind)};
    if (s.row && s.aside && s.link)
        each_record(c, truth, on_record, &s);
    truth_query_free(s.row);
    truth_query_free(s.aside);
    truth_query_free(s.link);
    long aside = c->report.quarantined - before - c->linked_aside;
    long stored = c->living + c->untold - aside;
    for (size_t i = 0; i < TABLES; i++)
        if (strcmp(tables[i].name, kind->table) == 0)
            c->expected[i] += stored;
    snprintf(text, sizeof text,
             "SELECT count(*) FROM link l JOIN stream s ON s.id = l.stream WHERE s.vendor_object = "
             "'%s' AND l.ended = 0",
             kind->object);
    expect(c, "links", number(c, text), stored);
    return c->living;
}

/* ---- what the last run read ---- */

struct window {
    const struct kind *kind;
    long long since, until; /* us; since 0: a full read */
    long records;
};

static void count_in_window(struct comparison *c, void *arg, struct json_object *record)
{
    struct window *w = arg;
    struct json_object *properties = NULL, *modified = NULL;
    if (!w->kind->modified) {
        w->records++;
        return;
    }
    if (is_ended(record))
        return;
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

static void compare_chains(struct comparison *c, const char *table, int object)
{
    char text[500];
    /* The log has no index by record: one pass instead. */
    snprintf(text, sizeof text,
             "WITH last AS (SELECT record, max(seq) AS seq FROM log WHERE object = %d GROUP BY "
             "record) SELECT count(*) FROM %s r LEFT JOIN last ON last.record = r.key WHERE "
             "last.seq IS DISTINCT FROM r.rev",
             object, table);
    expect(c, "records whose rev is not their last log row", number(c, text), 0);
    snprintf(
        text, sizeof text,
        "SELECT count(*) FROM (SELECT prev, lag(seq) OVER (PARTITION BY record ORDER BY seq) "
        "AS before FROM log WHERE object = %d) AS chain WHERE prev IS DISTINCT FROM before AND "
        /* The first that is left may follow one that was pruned. */
        "NOT (before IS NULL AND prev <= coalesce((SELECT mark FROM prune_mark WHERE what = "
        "3), 0))",
        object);
    expect(c, "log rows whose prev is not the one before", number(c, text), 0);
}

static void check_store(struct comparison *c)
{
    expect(c, "runs left running", number(c, "SELECT count(*) FROM run WHERE status = 1"), 0);
    expect(c, "records linked twice",
           number(c, "SELECT count(*) FROM (SELECT 1 FROM link WHERE ended = 0 GROUP BY stream, "
                     "record HAVING count(*) > 1) AS doubles"),
           0);
    expect(c, "quarantine rows", number(c, "SELECT count(*) FROM quarantine"),
           c->report.quarantined + c->left_aside);
    for (size_t i = 0; i < TABLES; i++) {
        char text[100];
        snprintf(text, sizeof text, "SELECT count(*) FROM %s WHERE deleted_at IS NULL",
                 tables[i].name);
        expect(c, tables[i].name, number(c, text), c->expected[i]);
        compare_chains(c, tables[i].name, tables[i].object);
    }
    if (!truth_db_is_whole(c->db))
        differ(c, "the database is damaged");
}

int truth_compare(const char *database, FILE *const truths[TRUTH_OBJECTS], int flags,
                  struct truth_report *ret_report, FILE *out)
{
    struct comparison c = {.out = out, .flags = flags, .db = truth_db_open(database, out)};
    if (!c.db)
        return 2;
    load_tables(&c, truths);
    note_all_kept(&c, truths);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++) {
        if (!truths[i])
            continue;
        c.report.records[i] = compare_kind(&c, &truth_kinds[i], truths[i]);
        if (flags & TRUTH_LAST_RUN)
            compare_last_run(&c, &truth_kinds[i], truths[i]);
    }
    check_store(&c);
    bool broken = c.broken || truth_db_broken(c.db);
    truth_query_free(c.find_kept);
    truth_db_close(c.db);
    for (size_t i = 0; i < TRUTH_OBJECTS; i++)
        json_object_put(c.tables[i]);
    *ret_report = c.report;
    if (broken)
        return 2;
    return c.report.differences > 0;
}
