/* SPDX-License-Identifier: Apache-2.0 */
#include "two_way_world.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "plugin/registry.h"
#include "sync/conflict.h"
#include "sync/token.h"

#define START INT64_C(1772323200000000) /* 2026-03-01T00:00:00Z */

const struct fastenr_connector *fastenr_connector(void);

static const char *const tables[KINDS] = {"account", "contact"};
static const char *const objects[KINDS] = {"companies", "contacts"};

_Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "two_way: %s: %s\n", what, why);
    exit(2);
}

uint64_t below(struct town *t, uint64_t n)
{
    return virtual_random(&t->chance) % n;
}

void pass_time(struct town *t, int64_t seconds)
{
    t->w.now_us += seconds * US_PER_SECOND;
}

/* ---- vendors ---- */

static void handle(struct town *t, size_t side, const struct sandbox_request *request,
                   struct sandbox_response *ret)
{
    int64_t now = START + t->plans[side].clock_ahead_us + world_monotonic(&t->w.world);
    sandbox_tick(t->vendors[side], now / US_PER_MS);
    sandbox_handle(t->vendors[side], request, ret);
}

static void read_body(struct sandbox_response *response, struct buf *into)
{
    char piece[64 * 1024];
    size_t len;
    if (response->body)
        buf_append(into, response->body, response->body_len);
    while (response->stream &&
           (len = sandbox_stream_read(response->stream, piece, sizeof piece)) > 0)
        buf_append(into, piece, len);
}

static bool ask_text(struct town *t, size_t side, const char *method, const char *target,
                     const char *body, struct buf *into)
{
    struct sandbox_response response;
    const struct sandbox_request request = {.method = method,
                                            .target = target,
                                            .authorization = "Bearer sandbox-token",
                                            .body = body,
                                            .body_len = body ? strlen(body) : 0};
    handle(t, side, &request, &response);
    read_body(&response, into);
    bool ok = response.status < 300;
    sandbox_response_free(&response);
    return ok;
}

struct json_object *ask_vendor(struct town *t, size_t side, const char *method, const char *target,
                               const char *body)
{
    struct buf text = BUF_INIT(16 << 20);
    if (!ask_text(t, side, method, target, body, &text))
        give_up(target, buf_cstr(&text));
    struct json_object *answer = text.len > 0 ? json_tokener_parse(buf_cstr(&text)) : NULL;
    buf_free(&text);
    return answer;
}

bool try_vendor(struct town *t, size_t side, const char *method, const char *target,
                const char *body)
{
    struct buf text = BUF_INIT(16 << 20);
    bool ok = ask_text(t, side, method, target, body, &text);
    buf_free(&text);
    return ok;
}

size_t count_writes(struct town *t, size_t side)
{
    struct json_object *all = ask_vendor(t, side, "GET", "/__sandbox/writes", NULL), *list, *entry;
    size_t n = 0;
    json_object_object_get_ex(all, "writes", &list);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        json_object_object_get_ex(json_object_array_get_idx(list, i), "outcome", &entry);
        n += strcmp(json_object_get_string(entry), "error") != 0;
    }
    json_object_put(all);
    return n;
}

static void add_property(struct town *t, size_t side, const char *name, bool unique)
{
    static const char *const groups[KINDS] = {"companyinformation", "contactinformation"};
    for (size_t k = 0; k < KINDS; k++)
        json_object_put(ask_vendor(
            t, side, "POST",
            k == COMPANY ? "/crm/v3/properties/companies" : "/crm/v3/properties/contacts",
            word_printf("{\"name\":\"%s\",\"label\":\"%s\",\"type\":\"string\","
                        "\"fieldType\":\"text\",\"groupName\":\"%s\",\"hasUniqueValue\":%s}",
                        name, name, groups[k], unique ? "true" : "false")));
}

static void open_vendor(struct town *t, size_t side)
{
    struct sandbox_options options;
    char error[300];
    sandbox_options_default(&options);
    options.seed = virtual_random(&t->chance);
    options.companies = (uint32_t)below(t, 5);
    options.contacts = options.companies > 0 ? (uint32_t)below(t, 5) : 0;
    options.deals = options.tickets = options.engagements = 0;
    options.association_page = (uint32_t)below(t, 3) + 1;
    options.limits_factor = 0;
    t->vendors[side] = sandbox_create("hubspot", &options, error, sizeof error);
    if (!t->vendors[side])
        give_up("sandbox", error);
    add_property(t, side, "labels", false);
    if (t->plans[side].external_key)
        add_property(t, side, "fastenr_id", true);
}

/* ---- the other program ---- */

/* Whose clock SQLite's 'now' is: of one at a time. */
static const struct town *clock_of;

static int tell_time(sqlite3_vfs *vfs, sqlite3_int64 *ret_ms)
{
    static const int64_t epoch_ms = INT64_C(210866760000000); /* of Julian days */
    (void)vfs;
    *ret_ms = epoch_ms + clock_of->w.now_us / US_PER_MS;
    return SQLITE_OK;
}

/* The files of the default one, and another clock. */
static void register_clock(void)
{
    static sqlite3_vfs vfs;
    if (vfs.zName)
        return;
    vfs = *sqlite3_vfs_find(NULL);
    vfs.zName = "virtual-clock";
    vfs.xCurrentTimeInt64 = tell_time;
    sqlite3_vfs_register(&vfs, 0);
}

static void open_db(struct town *t)
{
    char path[100];
    if (t->db)
        return;
    register_clock();
    clock_of = t;
    snprintf(path, sizeof path, "%s/store.db", t->dir);
    if (sqlite3_open_v2(path, &t->db, SQLITE_OPEN_READWRITE, "virtual-clock") != SQLITE_OK)
        give_up(path, "cannot be opened");
}

static sqlite3_stmt *prepare(struct town *t, const char *sql)
{
    sqlite3_stmt *stmt;
    open_db(t);
    if (sqlite3_prepare_v2(t->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        give_up(sql, sqlite3_errmsg(t->db));
    return stmt;
}

int64_t run_sql(struct town *t, const char *sql, const char *const *texts, size_t count)
{
    sqlite3_stmt *stmt = prepare(t, sql);
    for (size_t i = 0; i < count; i++)
        sqlite3_bind_text(stmt, (int)i + 1, texts[i], -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE)
        give_up(sql, sqlite3_errmsg(t->db));
    sqlite3_finalize(stmt);
    return sqlite3_last_insert_rowid(t->db);
}

int64_t ask_sql(struct town *t, const char *sql)
{
    sqlite3_stmt *stmt = prepare(t, sql);
    int64_t n = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    sqlite3_finalize(stmt);
    return n;
}

/* ---- seeing ---- */

static size_t side_of_name(const char *name)
{
    return (size_t)(name[strlen(name) - 1] - '0');
}

static void put_column(struct buf *sql, const char *name)
{
    static const char custom[] = "custom_fields.";
    if (strncmp(name, custom, sizeof custom - 1) == 0)
        buf_printf(sql, ", json_extract(custom_fields, '$.%s')", name + sizeof custom - 1);
    else
        buf_printf(sql, ", %s", name);
}

static void see_ours(struct town *t, enum kind kind, struct sight *ret)
{
    struct buf sql = BUF_INIT(2000);
    buf_text(&sql, "SELECT key, deleted_at IS NOT NULL, updated_at");
    for (size_t f = 0; f < model_field_count[kind]; f++)
        put_column(&sql, model_fields[kind][f].name);
    buf_printf(&sql, " FROM %s ORDER BY key", tables[kind]);
    sqlite3_stmt *stmt = prepare(t, buf_cstr(&sql));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        ret->ours = realloc(ret->ours, (ret->ours_count + 1) * sizeof ret->ours[0]);
        struct sight_ours *o = &ret->ours[ret->ours_count++];
        *o = (struct sight_ours){.kind = kind,
                                 .key = sqlite3_column_int64(stmt, 0),
                                 .deleted = sqlite3_column_int(stmt, 1),
                                 .updated_us = sqlite3_column_int64(stmt, 2)};
        for (size_t f = 0; f < model_field_count[kind]; f++)
            o->values[f] = word((const char *)sqlite3_column_text(stmt, (int)f + 3));
    }
    sqlite3_finalize(stmt);
    buf_free(&sql);
}

static void see_links(struct town *t, struct sight *ret)
{
    sqlite3_stmt *stmt = prepare(
        t, "SELECT c.name, s.vendor_object = 'contacts', l.external_id, l.record, l.ended = 0 FROM "
           "link l JOIN stream s ON s.id = l.stream JOIN connection c ON c.id = s.connection");
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        size_t side = side_of_name((const char *)sqlite3_column_text(stmt, 0));
        struct sight_link **links = &ret->sides[side].links;
        size_t n = ret->sides[side].link_count++;
        *links = realloc(*links, (n + 1) * sizeof **links);
        (*links)[n] = (struct sight_link){.kind = sqlite3_column_int(stmt, 1) ? CONTACT : COMPANY,
                                          .id = word((const char *)sqlite3_column_text(stmt, 2)),
                                          .key = sqlite3_column_int64(stmt, 3),
                                          .live = sqlite3_column_int(stmt, 4)};
    }
    sqlite3_finalize(stmt);
}

static const char *text_of(struct json_object *o, const char *name)
{
    struct json_object *value = NULL;
    json_object_object_get_ex(o, name, &value);
    return word(value ? json_object_get_string(value) : NULL);
}

static bool lower_id(const char *id, const char *than)
{
    return !than || strtoull(id, NULL, 10) < strtoull(than, NULL, 10);
}

/* The one with the lowest id counts; *ret_next: would it, without that one. */
static const char *company_of(struct json_object *record, const char **ret_next)
{
    struct json_object *all = NULL, *list = NULL;
    const char *lowest = NULL, *next = NULL;
    json_object_object_get_ex(record, "associations", &all);
    json_object_object_get_ex(all, "companies", &list);
    size_t n = list ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < n; i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(list, i));
        if (lower_id(id, lowest)) {
            next = lowest;
            lowest = id;
        } else if (lower_id(id, next)) {
            next = id;
        }
    }
    *ret_next = word(next);
    return word(lowest);
}

static void see_one(enum kind kind, struct json_object *record, struct sight_theirs *ret)
{
    struct json_object *properties = NULL;
    int64_t modified_us = 0;
    const char *ended = text_of(record, "ended");
    *ret = (struct sight_theirs){.kind = kind, .id = text_of(record, "id"), .there = LIVES_THERE};
    if (ended) {
        ret->there = strcmp(ended, "merged") == 0 ? MERGED_THERE : ARCHIVED_THERE;
        ret->into = text_of(record, "into");
        return;
    }
    time_parse_rfc3339(str_from(text_of(record, "updatedAt")), &modified_us);
    json_object_object_get_ex(record, "properties", &properties);
    for (size_t f = 0; f < model_field_count[kind]; f++)
        ret->changed_us[f] = modified_us;
    for (size_t f = 0; f < model_field_count[kind]; f++)
        ret->values[f] = model_fields[kind][f].spelling == AS_REFERENCE
                             ? company_of(record, &ret->next)
                             : text_of(properties, model_fields[kind][f].property);
}

static void see_theirs(struct town *t, size_t side, enum kind kind, const char *which,
                       struct sight *ret)
{
    struct buf text = BUF_INIT(16 << 20);
    char *line, *next;
    ask_text(t, side, "GET", word_printf("/__sandbox/truth/%s%s", objects[kind], which), NULL,
             &text);
    for (line = text.len > 0 ? strtok_r(text.ptr, "\n", &next) : NULL; line;
         line = strtok_r(NULL, "\n", &next)) {
        struct json_object *record = json_tokener_parse(line);
        struct sight_theirs **theirs = &ret->sides[side].theirs;
        size_t n = ret->sides[side].theirs_count++;
        *theirs = realloc(*theirs, (n + 1) * sizeof **theirs);
        see_one(kind, record, &(*theirs)[n]);
        json_object_put(record);
    }
    buf_free(&text);
}

/* Of a record, by the newest entry of each property's history. */
static void see_times(struct json_object *record, struct sight_theirs *ret)
{
    struct json_object *all = NULL, *entries;
    json_object_object_get_ex(record, "propertiesWithHistory", &all);
    for (size_t f = 0; f < model_field_count[ret->kind]; f++)
        if (json_object_object_get_ex(all, model_fields[ret->kind][f].property, &entries) &&
            json_object_array_length(entries) > 0)
            time_parse_rfc3339(
                str_from(text_of(json_object_array_get_idx(entries, 0), "timestamp")),
                &ret->changed_us[f]);
}

static void see_history(struct town *t, size_t side, struct sight_theirs *theirs)
{
    struct buf target = BUF_INIT(2000);
    buf_printf(&target, "/crm/v3/objects/%s/%s?propertiesWithHistory=", objects[theirs->kind],
               theirs->id);
    for (size_t f = 0; f < model_field_count[theirs->kind]; f++)
        if (model_fields[theirs->kind][f].spelling != AS_REFERENCE)
            buf_printf(&target, "%s,", model_fields[theirs->kind][f].property);
    struct json_object *record = ask_vendor(t, side, "GET", buf_cstr(&target), NULL);
    see_times(record, theirs);
    json_object_put(record);
    buf_free(&target);
}

void see_here(struct town *t, struct sight *ret)
{
    *ret = (struct sight){0};
    for (enum kind k = COMPANY; k < KINDS; k++)
        see_ours(t, k, ret);
}

void see(struct town *t, struct sight *ret)
{
    see_here(t, ret);
    see_links(t, ret);
    for (size_t side = 0; side < t->side_count; side++)
        for (enum kind k = COMPANY; k < KINDS; k++) {
            see_theirs(t, side, k, "", ret);
            see_theirs(t, side, k, "/ended", ret);
        }
    for (size_t side = 0; side < t->side_count; side++)
        for (size_t i = 0; i < ret->sides[side].theirs_count && t->plans[side].tells_times; i++)
            if (ret->sides[side].theirs[i].there == LIVES_THERE)
                see_history(t, side, &ret->sides[side].theirs[i]);
}

/* ---- the connection's file ---- */

static const char *const way_words[] = {NULL, "import", "export", "bidirectional"};

/* What a rule has beside what it says of two ways; empty: it is one of the connector's own. */
static const char *rule_text(enum kind kind, size_t f)
{
    static const char *const texts[KINDS][FIELDS_MOST] = {
        [COMPANY] = {[5] = "from: numberofemployees, ",
                     [6] = "from: type, map: {PARTNER: active, RESELLER: active, VENDOR: churned, "
                           "PROSPECT: onboarding, OTHER: at_risk}, ",
                     [7] = "from: annualrevenue, scale: 0.01, ",
                     [8] = "from: labels, type: list, split: ';', "},
        [CONTACT] = {[0] = "from: associations.companies, lookup: companies, ",
                     [6] = "from: labels, split: ';', "}};
    return texts[kind][f] ? texts[kind][f] : "";
}

static void write_rule(FILE *f, enum kind kind, size_t field, const struct field_plan *plan)
{
    static const char *const policies[] = {"last_modified", "source_priority, priority: vendor",
                                           "source_priority, priority: local", "manual_review"};
    static const char *const strategies[] = {"overwrite", "append", "merge"};
    const char *name = model_fields[kind][field].name;
    bool custom = strchr(name, '.') != NULL;
    fprintf(f, "      %s%s: {%ssync_direction: %s", custom ? "  " : "",
            custom ? strchr(name, '.') + 1 : name, rule_text(kind, field), way_words[plan->way]);
    if (plan->way == BOTH_WAYS)
        fprintf(f, ", conflict_resolution: %s", policies[plan->policy]);
    if (plan->strategy != ONE_OF_TWO)
        fprintf(f, ", merge_strategy: %s", strategies[plan->strategy]);
    fputs("}\n", f);
}

static void write_object(struct town *t, FILE *f, size_t side, enum kind kind)
{
    const struct plan *plan = &t->plans[side];
    fprintf(f, "  %s:\n    sync_direction: %s\n    guard: {max_deleted_percent: 100}\n",
            objects[kind], way_words[plan->kinds[kind].way]);
    if (plan->kinds[kind].way != IMPORTS)
        fprintf(f, "    export: {create: %s, archive: %s}\n",
                plan->kinds[kind].creates ? "true" : "false",
                plan->kinds[kind].archives ? "true" : "false");
    if (plan->external_key && plan->kinds[kind].way != IMPORTS)
        fputs("    external_key: fastenr_id\n", f);
    fputs("    mapping:\n", f);
    if (kind == COMPANY) /* a merge at the vendor moves it, which the model does not know */
        fputs("      parent_id: ~\n", f);
    for (int custom = 0; custom < 2; custom++) {
        if (custom)
            fputs("      custom_fields:\n", f);
        if (custom && kind == COMPANY) /* a field of the vendor's has one rule */
            fputs("        number_of_employees: ~\n        annual_revenue: ~\n", f);
        for (size_t i = 0; i < model_field_count[kind]; i++)
            if (plan->kinds[kind].fields[i].used &&
                (strchr(model_fields[kind][i].name, '.') != NULL) == custom)
                write_rule(f, kind, i, &plan->kinds[kind].fields[i]);
    }
}

static void write_config(struct town *t, size_t side, char *ret_path, size_t cap)
{
    snprintf(ret_path, cap, "%s/crm%zu.yaml", t->dir, side);
    FILE *f = fopen(ret_path, "w");
    if (!f)
        give_up(ret_path, "cannot be written");
    fprintf(f, "connection: crm%zu\nconnector: hubspot\n", side);
    fputs("auth: {private_app: {token: sandbox-token}}\n"
          "network: {allow: [127.0.0.1], endpoints: {api.hubapi.com: \"http://127.0.0.1:8700\"}}\n"
          "sync_direction: bidirectional\nevery: 5m\nreconcile: off\nobjects:\n",
          f);
    for (enum kind k = COMPANY; k < KINDS; k++)
        write_object(t, f, side, k);
    fclose(f);
}

/* ---- one life of a host ---- */

struct life {
    struct arena arena;
    struct connection_config config;
    struct connector_info info;
    struct setup setup, beside_setup;
};

static bool may_commit(void *self)
{
    struct town *t = self;
    if (++t->commits == t->dies_at_commit)
        t->dead = true;
    return !t->dead;
}

static void draw_deaths(struct town *t, bool calm)
{
    t->commits = 0;
    t->dead = t->crashed = false;
    t->dies_at_commit = t->dies_at_request = t->cancel_at = t->crash_at = t->crash_at_request = 0;
    t->carrier.crash_at = 0;
    if (calm)
        return;
    switch (below(t, 8)) {
    case 0:
        t->cancel_at = (long)below(t, 300) + 1;
        break;
    case 1:
        t->crash_at = (long)below(t, 300) + 1;
        break;
    case 2:
    case 3:
        t->crash_at_request = (long)below(t, 16) + 1;
        break;
    case 4:
    case 5:
        t->dies_at_commit = (long)below(t, 16) + 1;
        break;
    case 6:
        t->dies_at_request = (long)below(t, 16) + 1;
        break;
    default:
        t->carrier.crash_at = t->carrier.messages + (long)below(t, 80) + 1;
    }
}

static void on_done(void *arg, const struct run_row *row, bool crashed)
{
    struct town *t = arg;
    t->done = true;
    t->crashed |= crashed || row->exit_signal > 0;
    t->status = row->status;
    snprintf(t->reason, sizeof t->reason, "%.*s", STR_ARG(row->reason));
    t->created = t->updated = t->sent = 0;
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_counts *c = &row->streams[i].counts;
        t->created += c->created;
        t->updated += c->updated + c->deleted + c->restored;
        t->sent += c->sent_created + c->sent_updated + c->sent_deleted;
    }
}

static void on_beside_done(void *arg, const struct run_row *row, bool crashed)
{
    struct town *t = arg;
    t->beside = NULL;
    t->crashed |= crashed || row->exit_signal > 0;
    t->besides++;
    t->besides_failed += row->status != RUN_OK && row->status != RUN_QUARANTINED;
    t->sent_beside = 0;
    for (size_t i = 0; i < row->stream_count; i++) {
        const struct run_counts *c = &row->streams[i].counts;
        t->sent_beside += c->sent_created + c->sent_updated + c->sent_deleted;
    }
}

/* Perhaps one more that exports what was done. */
static void go_beside(struct town *t, struct life *l)
{
    static const struct run_events events = {.done = on_beside_done};
    struct run_request request = {
        .started_by = STR("change"), .exports_only = true, .beside = t->run};
    struct str object = str_from(objects[virtual_random(&t->lane_chance) % KINDS]);
    if (t->beside || virtual_random(&t->lane_chance) % 4 != 0 || !run_takes_beside(t->run, object))
        return;
    t->beside = run_start(&t->host, &l->beside_setup, &l->info.image, &request, &events, t);
}

/* What is to happen after so many turns or requests. */
static void strike(struct town *t, long turns)
{
    bool again = t->lane && turns > t->meanwhile_at && virtual_random(&t->lane_chance) % 40 == 0;
    if (turns == t->meanwhile_at || (t->meanwhile_at > 0 && again))
        t->meanwhile(t);
    if (turns == t->cancel_at)
        run_cancel(t->run);
    if (turns == t->crash_at)
        direct_carrier_crash(&t->carrier);
    if (t->crash_at_request > 0 && t->transport.requests >= t->crash_at_request) {
        t->crash_at_request = 0;
        direct_carrier_crash(&t->carrier);
    }
    if (t->dies_at_request > 0 && t->transport.requests >= t->dies_at_request && !t->dead) {
        t->dead = true;
        run_cancel(t->run);
    }
}

static void live(struct town *t, struct life *l, bool full)
{
    static const struct run_events events = {.done = on_done};
    const struct run_request request = {.started_by = STR("two_way"), .full = full};
    long turns = 0;
    t->done = false;
    t->besides = t->besides_failed = 0;
    t->run = run_start(&t->host, &l->setup, &l->info.image, &request, &events, t);
    while (!t->done) {
        loop_turn(t->w.world.loop, 3600 * US_PER_SECOND);
        if (!t->done)
            strike(t, ++turns);
        if (!t->done && t->lane && turns >= t->meanwhile_at)
            go_beside(t, l);
    }
    loop_turn(t->w.world.loop, 0); /* what was freed goes now */
    loop_turn(t->w.world.loop, 0);
}

static void begin_life(struct town *t, size_t side, struct life *ret)
{
    char path[100], url[100];
    struct problems problems = {0};
    struct error err;
    *ret = (struct life){0};
    draw_deaths(t, true);
    direct_carrier_open(&t->carrier, &t->w.world, fastenr_connector);
    sandbox_transport_open(&t->transport, &t->w.world, t->vendors[side]);
    t->transport.start_us = START + t->plans[side].clock_ahead_us;
    write_config(t, side, path, sizeof path);
    snprintf(url, sizeof url, "sqlite:%s/store.db", t->dir);
    t->host = (struct sync_host){.world = &t->w.world,
                                 .transport = &t->transport.transport,
                                 .carrier = &t->carrier.carrier,
                                 .store = store_open(url, t->dir, &t->w.world, &err),
                                 .keys = &t->keys,
                                 .limits = WORKER_LIMITS_DEFAULT};
    if (!t->host.store)
        give_up("store", err.text);
    if (registry_describe(&t->w.world, &t->carrier.carrier, &t->host.limits, HUBSPOT_SO, &ret->info,
                          &err) != 0)
        give_up("describe", err.text);
    for (uint32_t i = 0; i < ret->info.descriptor.object_count; i++)
        ret->info.descriptor.objects[i].tells_times &= t->plans[side].tells_times;
    if (connection_config_read(path, &ret->config, &ret->arena, &problems))
        for (int i = 0; i < 2; i++)
            setup_make(&ret->config, &ret->info.descriptor,
                       i == 0 ? &ret->setup : &ret->beside_setup, &ret->arena, &problems);
    if (problems.count > 0)
        give_up(path, problems.items[0].text);
    problems_free(&problems);
}

static void end_life(struct town *t, struct life *l)
{
    tokens_finish(&t->host);
    loop_turn(t->w.world.loop, 0);
    loop_turn(t->w.world.loop, 0);
    store_close(t->host.store);
    direct_carrier_close(&t->carrier);
    budgets_free(&t->host.budgets);
    connector_info_free(&l->info);
    arena_free(&l->arena);
}

void sync_once(struct town *t, size_t side, bool full, bool calm)
{
    struct life l;
    begin_life(t, side, &l);
    draw_deaths(t, calm);
    live(t, &l, full);
    end_life(t, &l);
}

/* ---- conflicts ---- */

size_t open_conflicts(struct town *t, struct open_conflict *ret, size_t most)
{
    size_t n = 0;
    sqlite3_stmt *stmt = prepare(
        t,
        "SELECT x.id, x.record, c.name, s.vendor_object = 'contacts', x.field, "
        "f.name FROM conflict x JOIN stream s ON s.id = x.stream JOIN connection c ON c.id = "
        "s.connection LEFT JOIN custom_field f ON f.id = x.field WHERE x.state = 1 ORDER BY x.id");
    while (n < most && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *custom = (const char *)sqlite3_column_text(stmt, 5);
        enum kind kind = sqlite3_column_int(stmt, 3) ? CONTACT : COMPANY;
        const struct model_object *object = model_object(str_from(tables[kind]));
        const char *name = custom ? word_printf("custom_fields.%s", custom) : NULL;
        for (size_t i = 0; !name && i < object->field_count; i++)
            if (object->fields[i].id == sqlite3_column_int(stmt, 4))
                name = object->fields[i].name;
        ret[n++] =
            (struct open_conflict){.id = sqlite3_column_int64(stmt, 0),
                                   .key = sqlite3_column_int64(stmt, 1),
                                   .side = side_of_name((const char *)sqlite3_column_text(stmt, 2)),
                                   .kind = kind,
                                   .field = name};
    }
    sqlite3_finalize(stmt);
    return n;
}

bool decide(struct town *t, const struct open_conflict *c, enum decision how, const char *value)
{
    static const enum conflict_state states[] = {CONFLICT_LOCAL, CONFLICT_REMOTE, CONFLICT_VALUE};
    struct life l;
    struct error err;
    int64_t run;
    struct conflict_answer answer = {
        .id = c->id, .how = states[how], .value = value ? str_from(value) : STR("")};
    begin_life(t, c->side, &l);
    const struct conflict_settling in = {
        .host = &t->host, .connection = l.config.name, .setup = &l.setup, .by = STR("ada@desk")};
    if (conflict_settle(&in, &answer, 1, &run, &err) != 0)
        give_up("conflict", err.text);
    end_life(t, &l);
    return answer.settled;
}

/* ---- the town ---- */

void town_open(struct town *t, uint64_t seed)
{
    const struct str key = STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    struct error err;
    virtual_world_open(&t->w, START, seed);
    t->w.world.self = t;
    t->w.world.may_commit = may_commit;
    snprintf(t->dir, sizeof t->dir, "%s/fastenr-two-way-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(t->dir))
        give_up(t->dir, "cannot be made");
    if (keyring_read(&t->keys, &key, 1, t->dir, &err) != 0)
        give_up("key", err.text);
    for (size_t side = 0; side < t->side_count; side++)
        open_vendor(t, side);
    struct life l; /* makes the store */
    begin_life(t, 0, &l);
    end_life(t, &l);
}

void town_close(struct town *t, bool keep)
{
    static const char *const names[] = {"store.db",      "store.db-wal", "store.db-shm",
                                        "store.db-lock", "crm0.yaml",    "crm1.yaml",
                                        "crm2.yaml"};
    char path[100];
    sqlite3_close(t->db);
    for (size_t side = 0; side < t->side_count; side++)
        sandbox_destroy(t->vendors[side]);
    virtual_world_close(&t->w);
    if (keep)
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", t->dir, names[i]);
        unlink(path);
    }
    rmdir(t->dir);
}
