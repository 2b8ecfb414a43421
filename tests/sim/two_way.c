/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two-way sync against a model of it: whatever is done on both sides, and whatever goes wrong on
 * the way, both sides end up equal to what the model says, and it becomes quiet.
 *
 *     two_way SEED [COUNT]
 *
 * For each seed one to three connections get rules of random directions and policies. Persons and
 * programs create, change, clear, archive, restore, associate and merge records on all sides, and
 * decide conflicts; hosts sync, die at commits and requests, their connector crashes, vendors
 * refuse, lose answers and write in part. After each sync what is seen on both sides must be
 * something that the model holds possible, and after one in which nothing went wrong what it says.
 * A failing seed replays exactly; it prints what was done and what differs, and leaves its store.
 * With VERBOSE it prints what is done as it is done, with GO_ON it runs the other seeds, too, with
 * QUIET it tells and leaves nothing but which have failed.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"
#include "two_way_play.h"

enum { ROUNDS_MOST = 10, OPERATIONS_MOST = 8, QUIET_AFTER = 8 };

static struct {
    long syncs, clean, failed, deaths, crashes, operations, conflicts, decisions, besides;
} seen;

static bool verbose;

void tell(struct play *p, const char *format, ...)
{
    char line[1000], at[TIME_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    buf_printf(&p->story, "  %s %s\n", time_format(p->town.w.now_us, at), line);
    if (verbose)
        fprintf(stderr, "  %s %s\n", at, line);
}

uint64_t any(struct play *p, uint64_t n)
{
    return below(&p->town, n);
}

bool one_in(struct play *p, uint64_t n)
{
    return any(p, n) == 0;
}

/* ---- what connections say ---- */

static struct field_plan draw_field(struct play *p, enum kind kind, size_t f, enum way most)
{
    bool key =
        f == model_key_field[kind] || (kind == COMPANY && f == 0) || (kind == CONTACT && f == 2);
    bool number = kind == COMPANY && (f == 5 || f == 7);
    struct field_plan plan = {.used = true, .way = most, .policy = (enum policy)any(p, 4)};
    if (kind == COMPANY && f == 6) /* the others have a rule of the connector's own */
        plan.used = !one_in(p, 3);
    if (most != BOTH_WAYS || key)
        return plan;
    if (model_fields[kind][f].spelling == AS_LIST)
        plan.strategy = (enum strategy)any(p, 3);
    if (one_in(p, 6) && !number) /* the connector's own rule of a number would be written instead */
        plan.way = IMPORTS;
    else if (one_in(p, 6))
        plan.way = EXPORTS;
    plan.strategy = plan.way == BOTH_WAYS ? plan.strategy : ONE_OF_TWO;
    return plan;
}

static void draw_plan(struct play *p, struct plan *plan)
{
    plan->external_key = one_in(p, 3);
    for (enum kind k = COMPANY; k < KINDS; k++) {
        plan->kinds[k].way = k == CONTACT && one_in(p, 8) ? IMPORTS : BOTH_WAYS;
        plan->kinds[k].creates = !one_in(p, 6);
        plan->kinds[k].archives = one_in(p, 2);
        for (size_t f = 0; f < model_field_count[k]; f++)
            plan->kinds[k].fields[f] = draw_field(p, k, f, plan->kinds[k].way);
    }
}

/* Chances of its own, so that the rest of a seed is what it was without these. */
static void draw_times(struct plan *plan, uint64_t seed, size_t side)
{
    uint64_t chance = seed * SIDES_MOST + side;
    int64_t ahead_s = (int64_t)(virtual_random(&chance) % 7200) - 3600;
    plan->clock_ahead_us = virtual_random(&chance) % 2 ? ahead_s * US_PER_SECOND : 0;
    plan->tells_times = virtual_random(&chance) % 3 > 0;
}

/* ---- values ---- */

static const char *draw_key(struct play *p, enum kind kind)
{
    return kind == COMPANY ? word_printf("d%d.example", ++p->counter)
                           : word_printf("p%d@made.example", ++p->counter);
}

/* One that cannot be written, for it would be read in lower case. */
static const char *draw_bad_key(struct play *p, enum kind kind)
{
    return kind == COMPANY ? word_printf("D%d.example", ++p->counter)
                           : word_printf("P%d@made.example", ++p->counter);
}

static const char *draw_number(struct play *p)
{
    return word_printf("%d", (int)any(p, 5) * 11);
}

static const char *draw_text(struct play *p, enum kind kind, size_t f, bool here)
{
    static const char *const texts[] = {"Oslo", "Lima", "Sainte-Foy \"l'Été\"", "a,b;c\\d"};
    static const char *const industries[] = {"ACCOUNTING", "BANKING", "CHEMICALS"};
    const char *text = texts[any(p, 4)];
    if (kind == COMPANY && f == 2)
        return word(industries[any(p, 3)]);
    return here && one_in(p, 6) ? word_printf("  %s ", text) : word(text);
}

static const char *draw_status(struct play *p, bool here)
{
    static const char *const ours[] = {"active", "churned", "onboarding", "at_risk"};
    static const char *const theirs[] = {"PARTNER", "RESELLER", "VENDOR", "PROSPECT", "OTHER"};
    return word(here ? ours[any(p, 4)] : theirs[any(p, 5)]);
}

/* Of few elements, some of them twice; an empty one here is not the same as none. A column here has
 * the text as it was written. */
static const char *draw_list(struct play *p, enum kind kind, bool here)
{
    static const char letters[] = "abcde";
    const char *between = !here ? ";" : kind == CONTACT && one_in(p, 3) ? ", " : ",";
    const char *quote = here ? "\"" : "";
    char list[100];
    size_t n = (size_t)snprintf(list, sizeof list, here ? "[" : "");
    for (uint64_t left = any(p, 5), first = left; left > 0; left--)
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s%c%s", left < first ? between : "",
                              quote, letters[any(p, sizeof letters - 1)], quote);
    snprintf(list + n, sizeof list - n, here ? "]" : "");
    return n > 0 ? word(list) : NULL;
}

/* A record that lives on a side, or here (SIDES_MOST); NULL: there is none. */
struct model_record *draw_living(struct play *p, enum kind kind, size_t side)
{
    struct model_record *found[MODEL_RECORDS_MOST];
    size_t n = 0;
    for (size_t i = 0; i < p->model->count; i++) {
        struct model_record *r = &p->model->records[i];
        bool lives = side == SIDES_MOST ? r->here == LIVES_HERE
                                        : r->sides[side].id && r->sides[side].there == LIVES_THERE;
        if (!r->gone && r->kind == kind && lives)
            found[n++] = r;
    }
    return n > 0 ? found[any(p, n)] : NULL;
}

static const char *draw_company(struct play *p, size_t side)
{
    const struct model_record *r = one_in(p, 4) ? NULL : draw_living(p, COMPANY, side);
    if (!r)
        return NULL;
    return side == SIDES_MOST ? word_printf("%lld", (long long)r->key) : r->sides[side].id;
}

static bool may_be_none(enum kind kind, size_t f)
{
    return f != model_key_field[kind] && !(kind == COMPANY && f == 0) &&
           !(kind == CONTACT && f == 2);
}

const char *draw_value(struct play *p, enum kind kind, size_t f, size_t side)
{
    bool here = side == SIDES_MOST;
    if (may_be_none(kind, f) && one_in(p, 6))
        return NULL;
    switch (model_fields[kind][f].spelling) {
    case AS_DOMAIN:
    case AS_ADDRESS:
        return here && one_in(p, 6) ? draw_bad_key(p, kind) : draw_key(p, kind);
    case AS_NUMBER:
        return draw_number(p);
    case AS_STATUS:
        return draw_status(p, here);
    case AS_LIST:
        return draw_list(p, kind, here);
    case AS_REFERENCE:
        return draw_company(p, side);
    default:
        return draw_text(p, kind, f, here);
    }
}

/* ---- what is done here ---- */

static const char *const tables[KINDS] = {"account", "contact"};
static const char *const objects[KINDS] = {"companies", "contacts"};

/* The host may keep another program waiting, but nobody runs now. */
void set_here(struct play *p, enum kind kind, int64_t key, size_t f, const char *value)
{
    const char *name = model_fields[kind][f].name, *dot = strchr(name, '.');
    const char *parsed = model_fields[kind][f].spelling == AS_LIST ? "json(?1)" : "?1";
    const char *sql =
        !dot    ? word_printf("UPDATE %s SET %s = ?1 WHERE key = %lld", tables[kind], name,
                              (long long)key)
        : value ? word_printf("UPDATE %s SET custom_fields = json_set(coalesce(custom_fields, "
                              "'{}'), '$.%s', %s) WHERE key = %lld",
                              tables[kind], dot + 1, parsed, (long long)key)
                : word_printf("UPDATE %s SET custom_fields = json_remove(custom_fields, '$.%s') "
                              "WHERE key = %lld AND ?1 IS NULL",
                              tables[kind], dot + 1, (long long)key);
    tell(p, "here: %s %lld: %s = '%s'", tables[kind], (long long)key, name,
         value ? value : "(none)");
    int64_t before = ask_sql(&p->town, "SELECT max(seq) FROM log");
    run_sql(&p->town, sql, &value, 1);
    if (ask_sql(&p->town, "SELECT max(seq) FROM log") != before)
        model_touched_here(p->model, kind, key, f, value, p->town.w.now_us);
}

static void change_here(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    struct model_record *r = draw_living(p, kind, SIDES_MOST);
    if (!r)
        return;
    for (uint64_t n = any(p, 3) + 1; n > 0; n--) {
        size_t f = (size_t)any(p, model_field_count[kind]);
        set_here(p, kind, r->key, f, draw_value(p, kind, f, SIDES_MOST));
    }
}

size_t create_here(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    const char *texts[] = {draw_key(p, kind), draw_text(p, kind, 1, true)};
    run_sql(&p->town,
            kind == COMPANY ? "INSERT INTO account (domain, name) VALUES (?1, ?2)"
                            : "INSERT INTO contact (email, last_name) VALUES (?1, ?2)",
            texts, 2);
    int64_t key = ask_sql(&p->town, word_printf("SELECT max(key) FROM %s", tables[kind]));
    tell(p, "here: a new %s %lld: '%s', '%s'", tables[kind], (long long)key, texts[0], texts[1]);
    size_t made = model_made_here(p->model, kind, key);
    for (uint64_t n = any(p, 4); n > 0; n--) {
        size_t f = (size_t)any(p, model_field_count[kind]);
        set_here(p, kind, key, f, draw_value(p, kind, f, SIDES_MOST));
    }
    return made;
}

static void make_here(struct play *p)
{
    create_here(p);
}

void delete_record(struct play *p, const struct model_record *r)
{
    enum kind kind = r->kind;
    tell(p, "here: %s %lld is deleted", tables[kind], (long long)r->key);
    run_sql(&p->town,
            word_printf("DELETE FROM %s WHERE key = %lld", tables[kind], (long long)r->key), NULL,
            0);
}

static void delete_here(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    struct model_record *r = draw_living(p, kind, SIDES_MOST);
    if (r)
        delete_record(p, r);
}

/* ---- what is done at vendors ---- */

static void write_there(struct play *p, size_t side, const char *method, const char *target,
                        const char *body)
{
    tell(p, "vendor %zu: %s %s %s", side, method, target, body ? body : "");
    json_object_put(ask_vendor(&p->town, side, method, target, body));
}

static void associate_there(struct play *p, size_t side, const struct model_record *r)
{
    const struct model_record *to = one_in(p, 4) ? NULL : draw_living(p, COMPANY, side);
    const char *had = r->sides[side].values[0], *id = r->sides[side].id;
    const struct model_record *from =
        had && *had == '=' ? &p->model->records[strtoul(had + 1, NULL, 10)] : NULL;
    if (had && (!from || r->sides[side].next || !from->sides[side].id))
        return;
    if (from)
        write_there(p, side, "DELETE",
                    word_printf("/crm/v4/objects/contacts/%s/associations/companies/%s", id,
                                from->sides[side].id),
                    NULL);
    if (to)
        write_there(p, side, "PUT",
                    word_printf("/crm/v4/objects/contacts/%s/associations/default/companies/%s", id,
                                to->sides[side].id),
                    NULL);
}

/* Of a page of a contact's associations all but the first one that it has. NULL: it is the last. */
static const char *leave_first(struct play *p, size_t side, const char *target, const char *after,
                               bool *had_one)
{
    struct json_object *list, *to, *paging, *next;
    struct json_object *answer = ask_vendor(
        &p->town, side, "GET", after ? word_printf("%s?after=%s", target, after) : target, NULL);
    json_object_object_get_ex(answer, "results", &list);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object_object_get_ex(json_object_array_get_idx(list, i), "toObjectId", &to);
        if (*had_one)
            write_there(p, side, "DELETE", word_printf("%s/%s", target, json_object_get_string(to)),
                        NULL);
        *had_one = true;
    }
    after = NULL;
    if (json_object_object_get_ex(answer, "paging", &paging) &&
        json_object_object_get_ex(paging, "next", &next) &&
        json_object_object_get_ex(next, "after", &next))
        after = word_printf("%s", json_object_get_string(next));
    json_object_put(answer);
    return after;
}

/* Of a contact that is associated with several companies. */
static void leave_one(struct play *p, size_t side, const char *id)
{
    const char *target = word_printf("/crm/v4/objects/contacts/%s/associations/companies", id);
    const char *after = NULL;
    bool had_one = false;
    do
        after = leave_first(p, side, target, after, &had_one);
    while (after);
}

static const char *draw_spelling(struct play *p, enum kind kind, size_t f, const char *value)
{
    if (value && model_fields[kind][f].spelling == AS_DOMAIN && one_in(p, 3))
        return word_printf("https://www.%s/about", value);
    if (value && model_fields[kind][f].spelling == AS_ADDRESS && one_in(p, 3))
        return word_printf("P%s", value + 1);
    return value;
}

static const char *body_of(const char *property, const char *value)
{
    struct json_object *body = json_object_new_object(), *properties = json_object_new_object();
    json_object_object_add(properties, property, json_object_new_string(value ? value : ""));
    json_object_object_add(body, "properties", properties);
    const char *text = word(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN));
    json_object_put(body);
    return text;
}

/* False: it is not there any more. */
bool set_there(struct play *p, size_t side, const struct model_record *r, size_t f,
               const char *value)
{
    const char *target = word_printf("/crm/v3/objects/%s/%s", objects[r->kind], r->sides[side].id);
    const char *body = body_of(model_fields[r->kind][f].property, value);
    tell(p, "vendor %zu: PATCH %s %s", side, target, body);
    return try_vendor(&p->town, side, "PATCH", target, body);
}

static void change_there(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    size_t side = (size_t)any(p, p->town.side_count);
    struct model_record *r = draw_living(p, kind, side);
    if (!r)
        return;
    for (uint64_t n = any(p, 3) + 1; n > 0; n--) {
        size_t f = (size_t)any(p, model_field_count[kind]);
        if (model_fields[kind][f].spelling == AS_REFERENCE ||
            (f == model_key_field[kind] && r->sides[side].doubtful))
            continue; /* nobody could tell any more whose it is */
        set_there(p, side, r, f, draw_spelling(p, kind, f, draw_value(p, kind, f, side)));
    }
    if (kind == CONTACT && one_in(p, 3))
        associate_there(p, side, r);
}

static bool is_known_there(struct play *p, size_t side, enum kind kind, const char *key)
{
    size_t f = model_key_field[kind];
    for (size_t i = 0; i < p->model->count; i++) {
        const struct side *s = &p->model->records[i].sides[side];
        if (s->id && p->model->records[i].kind == kind && s->values[f] &&
            model_read(model_fields[kind][f].spelling, s->values[f]) == key)
            return true;
    }
    return false;
}

/* Of a record that is nowhere else yet. With one connection: at another vendor somebody may have
 * the address still. */
static const char *draw_shared_key(struct play *p, enum kind kind)
{
    const struct model_record *same = one_in(p, 4) ? draw_living(p, kind, SIDES_MOST) : NULL;
    size_t f = model_key_field[kind];
    if (p->town.side_count > 1 || (same && same->sides[0].id))
        return NULL;
    /* Nobody could tell it from one that the host has perhaps made. */
    if (same && ask_sql(&p->town, "SELECT count(*) FROM export_write WHERE state < 3") > 0)
        return NULL;
    return same && model_write(model_fields[kind][f].spelling, same->values[f]) == same->values[f]
               ? same->values[f]
               : NULL;
}

/* One field on both sides, in either order. */
static void change_both(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    size_t side = (size_t)any(p, p->town.side_count);
    size_t f = (size_t)any(p, model_field_count[kind]);
    struct model_record *r = draw_living(p, kind, side);
    if (!r || r->here != LIVES_HERE || f == model_key_field[kind] ||
        model_fields[kind][f].spelling == AS_REFERENCE)
        return;
    bool here_first = one_in(p, 2);
    for (int i = 0; i < 2; i++) {
        bool here = here_first == (i == 0);
        const char *value = draw_value(p, kind, f, here ? SIDES_MOST : side);
        if (here)
            set_here(p, kind, r->key, f, value);
        else
            set_there(p, side, r, f, value);
        pass_time(&p->town, (int64_t)any(p, 20) + 5);
    }
}

/* A new record, sometimes one that was made here, too. */
static void create_there(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    size_t side = (size_t)any(p, p->town.side_count);
    const char *key = draw_shared_key(p, kind);
    if (!key || is_known_there(p, side, kind, key))
        key = draw_key(p, kind);
    const char *body = word_printf(
        kind == COMPANY ? "{\"properties\":{\"domain\":\"%s\",\"name\":\"Made there %d\"}}"
                        : "{\"properties\":{\"email\":\"%s\",\"lastname\":\"Made there %d\"}}",
        key, ++p->counter);
    const char *target = word_printf("/crm/v3/objects/%s", objects[kind]);
    tell(p, "vendor %zu: POST %s %s", side, target, body);
    struct json_object *answer = ask_vendor(&p->town, side, "POST", target, body), *id;
    json_object_object_get_ex(answer, "id", &id);
    model_made_there(p->model, side, kind, word(json_object_get_string(id)));
    json_object_put(answer);
}

static void archive_there(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    size_t side = (size_t)any(p, p->town.side_count);
    struct model_record *r = draw_living(p, kind, side);
    if (r && !r->sides[side].doubtful)
        write_there(p, side, "DELETE",
                    word_printf("/crm/v3/objects/%s/%s", objects[kind], r->sides[side].id), NULL);
}

/* With one connection: where others have the loser as well, it stays, and is made there once more.
 */
static void merge_there(struct play *p)
{
    enum kind kind = (enum kind)any(p, KINDS);
    size_t side = (size_t)any(p, p->town.side_count);
    const struct model_record *winner = draw_living(p, kind, side);
    const struct model_record *loser = draw_living(p, kind, side);
    if (!winner || winner == loser || !winner->sides[side].linked || !loser->sides[side].linked ||
        winner->here != LIVES_HERE || loser->here != LIVES_HERE)
        return;
    write_there(p, side, "POST", word_printf("/crm/v3/objects/%s/merge", objects[kind]),
                word_printf("{\"primaryObjectId\":\"%s\",\"objectIdToMerge\":\"%s\"}",
                            winner->sides[side].id, loser->sides[side].id));
}

static void restore_there(struct play *p)
{
    write_there(p, (size_t)any(p, p->town.side_count), "POST", "/__sandbox/mutate",
                word_printf("{\"seed\":%d,\"restore\":{\"%s\":1}}", (int)any(p, 1000),
                            objects[any(p, KINDS)]));
}

/* ---- between syncs ---- */

static void look(struct play *p)
{
    struct sight sight;
    see(&p->town, &sight);
    model_look(p->model, &sight);
    sight_free(&sight);
}

static void operate(struct play *p)
{
    static void (*const operations[])(struct play * p) = {
        change_here,   change_here,  change_here,  change_here,  make_here,    delete_here,
        change_there,  change_there, change_there, change_there, create_there, archive_there,
        restore_there, merge_there,  change_both,  change_both};
    for (uint64_t n = any(p, OPERATIONS_MOST) + 1; n > 0; n--) {
        pass_time(&p->town, (int64_t)any(p, 60) + 5);
        operations[any(p, sizeof operations / sizeof operations[0])](p);
        look(p);
        seen.operations++;
    }
    pass_time(&p->town, (int64_t)any(p, 60) + 5);
}

/* ---- syncs ---- */

static void add_faults(struct play *p, size_t side)
{
    static const char *const faults[] = {
        "\"kind\":\"lost\",\"path\":\"/crm/v3/objects/companies/batch\",\"method\":\"POST\"",
        "\"kind\":\"lost\",\"path\":\"/crm/v3/objects/contacts/batch\",\"method\":\"POST\"",
        "\"kind\":\"lost\",\"path\":\"/crm/v3/objects/companies/batch/create\"",
        "\"kind\":\"lost\",\"path\":\"/crm/v3/objects/contacts/batch/create\"",
        "\"kind\":\"lost\",\"path\":\"/crm/v4\"",
        "\"kind\":\"partial\"",
        "\"kind\":\"reset\",\"path\":\"/crm/v3/objects\"",
        "\"kind\":\"reset_body\",\"path\":\"/crm/v3/objects\"",
        "\"kind\":\"status\",\"status\":429,\"policy\":\"TEN_SECONDLY_ROLLING\"",
        "\"kind\":\"status\",\"status\":503",
        "\"kind\":\"truncate\"",
        "\"kind\":\"hang\""};
    for (uint64_t n = any(p, 3) + 1; n > 0; n--)
        write_there(p, side, "POST", "/__sandbox/faults",
                    word_printf("{%s,\"count\":%d,\"after\":%d}",
                                faults[any(p, sizeof faults / sizeof faults[0])],
                                (int)any(p, 3) + 1, one_in(p, 2) ? 0 : (int)any(p, 8)));
}

static bool check(struct play *p, size_t side, bool clean, bool full)
{
    struct sight sight;
    see(&p->town, &sight);
    bool ok = model_synced(p->model, side, clean, full, &sight, stderr);
    sight_free(&sight);
    return ok;
}

/* One sync. `rough`: anything may go wrong. */
static bool sync(struct play *p, size_t side, bool full, bool rough)
{
    struct town *t = &p->town;
    bool strikes = rough && one_in(p, 2), faulty = rough && one_in(p, 2);
    t->lane =
        p->lane && !faulty && (rough || p->may_change) && virtual_random(&t->lane_chance) % 2 == 0;
    p->syncing = side;
    look(p);
    bool settled = ask_sql(t, "SELECT count(*) FROM export_write WHERE state < 3") == 0;
    if (faulty)
        add_faults(p, side);
    t->meanwhile = meanwhile_change;
    t->meanwhile_at = rough && !faulty ? (long)any(p, 150) + 1 : 0;
    if (t->lane) {
        t->meanwhile_at = (long)(virtual_random(&t->lane_chance) % 50) + 1;
        meanwhile_slow_down(p, side);
    }
    sync_once(t, side, full, !strikes);
    if (faulty || t->lane)
        write_there(p, side, "DELETE", "/__sandbox/faults", NULL);
    bool ok = !t->dead && (t->status == RUN_OK || t->status == RUN_QUARANTINED);
    bool clean = ok && !rough && !t->lane && settled;
    tell(p, "%ssync of %zu: %s%s%s: %s", full ? "full " : "", side, ok ? "ok" : "not ok",
         t->dead ? ", the host died" : "", clean ? "" : ", not clean", t->reason);
    seen.syncs++;
    seen.clean += clean;
    seen.failed += !ok;
    seen.deaths += t->dead;
    seen.crashes += t->crashed;
    seen.besides += t->besides;
    if (t->besides > 0)
        tell(p, "%ld runs went on beside it", t->besides);
    if (!ok && !rough) {
        fprintf(stderr, "a sync in peace did not come through: %s\n", t->reason);
        return false;
    }
    return check(p, side, clean, full) && meanwhile_stays(p);
}

/* ---- conflicts ---- */

static struct model_record *record_of(struct play *p, enum kind kind, int64_t key)
{
    for (size_t i = 0; i < p->model->count; i++)
        if (!p->model->records[i].gone && p->model->records[i].kind == kind &&
            p->model->records[i].key == key)
            return &p->model->records[i];
    return NULL;
}

static bool decide_one(struct play *p, const struct open_conflict *c, enum decision how)
{
    struct model_record *r = record_of(p, c->kind, c->key);
    size_t f = 0;
    while (f < model_field_count[c->kind] && strcmp(model_fields[c->kind][f].name, c->field) != 0)
        f++;
    if (!r || f == model_field_count[c->kind]) {
        fprintf(stderr, "a conflict of what nobody made: %s\n", c->field);
        return false;
    }
    const char *value = how == TAKE_VALUE ? word("Decided") : NULL;
    bool settled = decide(&p->town, c, how, value);
    tell(p, "a person decides the conflict of %s %lld, %s, at %zu: %s%s", tables[c->kind],
         (long long)c->key, c->field, c->side,
         how == TAKE_OURS     ? "ours"
         : how == TAKE_THEIRS ? "theirs"
                              : value,
         settled ? "" : " (refused)");
    if (!settled)
        return true;
    seen.decisions++;
    struct sight sight;
    see(&p->town, &sight);
    model_look(p->model, &sight);
    sight_free(&sight);
    model_decided(p->model, c->side, (size_t)(r - p->model->records), f, r->values[f],
                  how == TAKE_OURS);
    return true;
}

/* Of each open conflict: perhaps, or in any case. */
static bool decide_conflicts(struct play *p, bool all)
{
    struct open_conflict open[100];
    size_t n = open_conflicts(&p->town, open, 100);
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++) {
        bool text = strcmp(open[i].field, "custom_fields.city") == 0;
        enum decision how = (enum decision)any(p, text ? 3 : 2);
        seen.conflicts++;
        if (!all && !one_in(p, 3))
            continue;
        pass_time(&p->town, 5);
        ok = decide_one(p, &open[i], how);
    }
    return ok;
}

/* ---- a seed ---- */

static void know_seeded(struct play *p)
{
    struct sight sight;
    see(&p->town, &sight);
    for (size_t side = 0; side < p->town.side_count; side++)
        for (size_t i = 0; i < sight.sides[side].theirs_count; i++)
            model_made_there(p->model, side, sight.sides[side].theirs[i].kind,
                             sight.sides[side].theirs[i].id);
    sight_free(&sight);
}

static bool sync_all(struct play *p, bool full)
{
    bool ok = true;
    for (size_t side = 0; side < p->town.side_count && ok; side++) {
        pass_time(&p->town, 10);
        ok = sync(p, side, full, false);
    }
    return ok;
}

static size_t all_writes(struct play *p)
{
    size_t n = 0;
    for (size_t side = 0; side < p->town.side_count; side++)
        n += count_writes(&p->town, side);
    return n;
}

/* What was perhaps made there gets another key here before anybody knows. */
static void change_unlinked(struct play *p, size_t side)
{
    for (size_t i = 0; i < p->model->count; i++) {
        const struct model_record *r = &p->model->records[i];
        if (r->gone || r->here != LIVES_HERE || r->sides[side].linked || !one_in(p, 2))
            continue;
        pass_time(&p->town, 5);
        set_here(p, r->kind, r->key, model_key_field[r->kind], draw_key(p, r->kind));
    }
    pass_time(&p->town, 5);
}

static bool round_of(struct play *p)
{
    operate(p);
    size_t side = (size_t)any(p, p->town.side_count);
    bool rough = p->faults && one_in(p, 2);
    if (!decide_conflicts(p, false))
        return false;
    p->may_change = true;
    bool ok = sync(p, side, one_in(p, 4), rough);
    p->may_change = false;
    if (!ok)
        return false;
    if (!rough || one_in(p, 2))
        return true;
    change_unlinked(p, side);
    return sync(p, side, false, true);
}

static bool needs_key(const struct play *p, const struct model_record *r)
{
    size_t f = model_key_field[r->kind];
    bool bad = model_write(model_fields[r->kind][f].spelling, r->values[f]) == BAD_WORD;
    for (size_t side = 0; side < p->town.side_count; side++)
        bad |= !r->sides[side].id && model_has_twin(p->model, r, side);
    return bad && !r->gone && r->here == LIVES_HERE;
}

/* What cannot be written here, as it is no key or another record's, and what is associated with
 * several there. */
static void mend(struct play *p)
{
    for (size_t i = 0; i < p->model->count; i++) {
        const struct model_record *r = &p->model->records[i];
        if (needs_key(p, r))
            set_here(p, r->kind, r->key, model_key_field[r->kind], draw_key(p, r->kind));
        for (size_t side = 0; side < p->town.side_count && !r->gone; side++)
            if (r->sides[side].there == LIVES_THERE && r->sides[side].next)
                leave_one(p, side, r->sides[side].id);
    }
    look(p);
}

/* Nothing is written any more, here or there, by all connections in turn. */
static bool become_quiet(struct play *p)
{
    for (int i = 0; i < QUIET_AFTER; i++) {
        size_t before = all_writes(p), here = p->town.w.now_us > 0 ? 0 : 1;
        pass_time(&p->town, 200);
        mend(p);
        int64_t rows = ask_sql(&p->town, "SELECT max(seq) FROM log");
        if (!decide_conflicts(p, true) || !sync_all(p, true))
            return false;
        if (all_writes(p) + here == before && i > 1 &&
            rows == ask_sql(&p->town, "SELECT max(seq) FROM log"))
            return true;
    }
    fprintf(stderr, "it does not become quiet\n");
    return false;
}

static bool expect_none(struct play *p, const char *what, const char *sql)
{
    int64_t n = ask_sql(&p->town, sql);
    if (n != 0)
        fprintf(stderr, "%s: %lld\n", what, (long long)n);
    return n == 0;
}

static bool is_quiet(struct play *p)
{
    size_t before = all_writes(p);
    if (!sync_all(p, false))
        return false;
    if (all_writes(p) != before) {
        fprintf(stderr, "a further sync wrote\n");
        return false;
    }
    /* What was made without anything to be matched by stays in doubt until a person decides. */
    return model_is_quiet(p->model, stderr) &&
           expect_none(p, "writes in the air",
                       "SELECT count(*) FROM export_write WHERE state <> 2 OR "
                       "coalesce(body ->> 'email', body ->> 'domain') IS NOT NULL");
}

static void fail(struct play *p, uint64_t seed)
{
    fprintf(stderr,
            "seed %llu: not as the model says; what was done:\n%sits store is %s, replay: "
            "two_way %llu\n",
            (unsigned long long)seed, buf_cstr(&p->story), p->town.dir, (unsigned long long)seed);
}

static bool run_seed(uint64_t seed)
{
    static struct model model;
    struct play p = {.town = {.chance = seed * 7919 + 1, .lane_chance = seed * 104729 + 3},
                     .model = &model};
    static const size_t sides[] = {1, 1, 1, 2, 2, 3};
    virtual_watch("two_way", seed);
    words_forget();
    p.story = BUF_INIT(4 << 20);
    p.town.side_count = sides[any(&p, 6)];
    p.faults = one_in(&p, 2);
    p.lane = virtual_random(&p.town.lane_chance) % 2 == 0;
    for (size_t side = 0; side < p.town.side_count; side++) {
        draw_plan(&p, &p.town.plans[side]);
        draw_times(&p.town.plans[side], seed, side);
    }
    model = (struct model){.side_count = p.town.side_count};
    memcpy(model.plans, p.town.plans, sizeof model.plans);
    town_open(&p.town, seed);
    know_seeded(&p);
    bool ok = sync_all(&p, false);
    for (uint64_t n = any(&p, ROUNDS_MOST) + 2; n > 0 && ok; n--)
        ok = round_of(&p);
    ok = ok && become_quiet(&p) && is_quiet(&p);
    bool quiet = getenv("QUIET") != NULL;
    if (!ok && quiet)
        fprintf(stderr, "seed %llu: not as the model says\n", (unsigned long long)seed);
    else if (!ok)
        fail(&p, seed);
    town_close(&p.town, !ok && !quiet);
    buf_free(&p.story);
    return ok;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = 1, failed = 0;
    if (argc < 2 || !str_to_u64(str_from(argv[1]), &first) ||
        (argc > 2 && (!str_to_u64(str_from(argv[2]), &count) || count == 0))) {
        fprintf(stderr, "Usage: two_way SEED [COUNT]\n");
        return 2;
    }
    verbose = getenv("VERBOSE") != NULL;
    log_setup(NULL, verbose ? LOG_DEBUG : LOG_ERROR + 1, false);
    for (uint64_t seed = first; seed < first + count; seed++) {
        failed += !run_seed(seed);
        if (failed > 0 && !getenv("GO_ON"))
            return 1;
    }
    printf("%llu seeds: %ld operations, %ld syncs, %ld of them clean, %ld failed, %ld hosts died, "
           "%ld met crashes, %ld conflicts, %ld decided, %ld runs beside others; %llu seeds are "
           "not as the model says\n",
           (unsigned long long)count, seen.operations, seen.syncs, seen.clean, seen.failed,
           seen.deaths, seen.crashes, seen.conflicts, seen.decisions, seen.besides,
           (unsigned long long)failed);
    return failed > 0;
}
