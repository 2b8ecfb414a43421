/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/redact.h"
#include "net/curl.h"
#include "sync/page.h"
#include "sync/session.h"

enum { FIELDS_MOST = 20000 };

struct trial {
    struct sync_host *host;
    const struct setup *setup;
    void (*fn)(void *arg, const struct trial_result *result);
    void *arg;
    struct session *session;
    size_t object; /* being tried */
    bool reading;  /* its fields are known */
    int64_t began_us;
    size_t failures;
    bool over;
    size_t records; /* that the read brought */
    struct error page_error;

    struct arena arena; /* of the object's fields */
    const char **fields;
    size_t field_count, field_cap;
};

const char *trial_step_name(enum trial_step step)
{
    static const char *const names[] = {"resolve",      "connect", "tls",    "start connector",
                                        "authenticate", "scopes",  "fields", "read"};
    return names[step];
}

static void tell(struct trial *t, enum trial_step step, struct str subject, int verdict,
                 int64_t took_us, const char *text, const char *remedy)
{
    struct buf clean = BUF_INIT(8192);
    redact(&clean, str_from(text));
    const struct trial_result result = {.step = step,
                                        .subject = subject,
                                        .verdict = verdict,
                                        .took_us = took_us,
                                        .text = buf_cstr(&clean),
                                        .remedy = remedy};
    t->failures += verdict == TRIAL_FAILED;
    t->fn(t->arg, &result);
    buf_free(&clean);
}

static int64_t took(struct trial *t)
{
    int64_t now = world_monotonic(t->host->world);
    int64_t took_us = now - t->began_us;
    t->began_us = now;
    return took_us;
}

/* ---- the network ---- */

static struct str origin_of(const struct setup *setup, struct str host, struct arena *arena)
{
    for (size_t i = 0; i < setup->policy.endpoint_count; i++)
        if (str_eq(setup->policy.endpoints[i].host, host))
            return arena_str(arena, setup->policy.endpoints[i].origin);
    return str_from(arena_printf(arena, "https://%.*s", STR_ARG(host)));
}

static const char *network_remedy(const struct probe_result *r)
{
    if (r->refused)
        return "";
    if (r->reached == PROBE_RESOLVE)
        return "check the name, this machine's name servers and its network";
    if (r->reached == PROBE_CONNECT)
        return "check that it runs there, firewalls, and network.endpoints";
    return "check the clock and the certificates (package ca-certificates, or network.ca_file)";
}

static void tell_failed_probe(struct trial *t, struct str host, const struct probe_result *r,
                              const char *why)
{
    static const enum trial_step steps[] = {TRIAL_RESOLVE, TRIAL_CONNECT, TRIAL_TLS};
    if (r->reached > PROBE_RESOLVE)
        tell(t, TRIAL_RESOLVE, host, TRIAL_OK, r->resolve_us,
             r->address[0] ? r->address : "it has an address", "");
    if (r->reached > PROBE_CONNECT)
        tell(t, TRIAL_CONNECT, host, TRIAL_OK, r->connect_us, "connected", "");
    tell(t, steps[r->reached], host, TRIAL_FAILED, took(t), why, network_remedy(r));
}

static bool try_network(struct trial *t, struct str host)
{
    struct arena arena = {0};
    const struct client_policy *policy = &t->setup->policy;
    struct str origin = origin_of(t->setup, host, &arena);
    struct probe_result r;
    struct error err;
    took(t);
    int rc = curl_probe(origin.ptr, &policy->egress,
                        policy->ca_file.len > 0 ? policy->ca_file.ptr : NULL, &r, &err);
    if (rc != 0) {
        tell_failed_probe(t, host, &r, err.text);
    } else {
        const char *where = arena_printf(&arena, "%s is %s", origin.ptr, r.address);
        tell(t, TRIAL_RESOLVE, host, TRIAL_OK, r.resolve_us, where, "");
        tell(t, TRIAL_CONNECT, host, TRIAL_OK, r.connect_us, "connected", "");
        if (str_starts(origin, "https:"))
            tell(t, TRIAL_TLS, host, TRIAL_OK, r.tls_us, r.certificate, "");
        else
            tell(t, TRIAL_TLS, host, TRIAL_SKIPPED, 0, "plain http, to this machine only", "");
    }
    arena_free(&arena);
    return rc == 0;
}

/* ---- objects ---- */

static struct object_setup *object_of(const struct trial *t)
{
    return &t->setup->objects[t->object];
}

static void next_step(struct trial *t)
{
    struct worker *worker = session_worker(t->session);
    took(t);
    if (t->object == t->setup->object_count) {
        session_stop(t->session);
        return;
    }
    const struct object_setup *object = object_of(t);
    if (!t->reading) {
        t->field_count = 0;
        worker_discover(worker, object->item->name);
        return;
    }
    const struct selector selector = {.mode = READ_FULL,
                                      .object = object->item->name,
                                      .fields = object->mapping.fields,
                                      .field_count = object->mapping.field_count,
                                      .limit = 1};
    t->records = 0;
    worker_read(worker, &selector);
}

static enum outcome on_emit_field(void *arg, const struct vendor_field *field)
{
    struct trial *t = arg;
    if (t->field_count >= FIELDS_MOST)
        return OUTCOME_OK;
    t->fields =
        arena_grow(&t->arena, t->fields, &t->field_cap, t->field_count + 1, sizeof t->fields[0]);
    t->fields[t->field_count++] = arena_str(&t->arena, field->name).ptr;
    return OUTCOME_OK;
}

static bool has_field(const struct trial *t, struct str name)
{
    for (size_t i = 0; i < t->field_count; i++)
        if (str_is(name, t->fields[i]))
            return true;
    return false;
}

static void tell_fields(struct trial *t)
{
    const struct object_setup *object = object_of(t);
    struct buf text = BUF_INIT(4096);
    size_t missing = 0;
    for (size_t i = 0; i < object->mapping.field_count; i++) {
        struct str name = object->mapping.fields[i];
        if (has_field(t, name))
            continue;
        const char *near = str_nearest(name, t->fields, t->field_count);
        buf_printf(&text, "%s'%.*s'%s%s%s", missing++ > 0 ? ", " : "the vendor has no ",
                   STR_ARG(name), near ? " (did you mean '" : "", near ? near : "",
                   near ? "'?)" : "");
    }
    if (missing == 0)
        buf_printf(&text, "all %zu fields of the mapping are among the vendor's %zu",
                   object->mapping.field_count, t->field_count);
    tell(t, TRIAL_FIELDS, object->item->name, missing > 0 ? TRIAL_WARNING : TRIAL_OK, took(t),
         buf_cstr(&text),
         missing > 0 ? "mend the mapping, or leave the field out with `field: ~`" : "");
    buf_free(&text);
}

static const char *scope_remedy(struct trial *t, const struct object_setup *object,
                                enum outcome outcome)
{
    if (outcome != OUTCOME_AUTH_FAILED || object->vendor->scope.len == 0)
        return "";
    return arena_printf(&t->arena, "give the credential the scope %.*s",
                        STR_ARG(object->vendor->scope));
}

static void tell_read(struct trial *t)
{
    char text[80];
    snprintf(text, sizeof text, "%s", t->records > 0 ? "one record was read" : "there is none yet");
    tell(t, TRIAL_READ, object_of(t)->item->name, TRIAL_OK, took(t), text, "");
}

static void on_object_step(struct trial *t, const struct operation_result *result)
{
    const struct object_setup *object = object_of(t);
    bool ok = result->outcome == OUTCOME_OK;
    if (!ok)
        tell(t, t->reading ? TRIAL_READ : TRIAL_FIELDS, object->item->name, TRIAL_FAILED, took(t),
             t->page_error.text[0] ? t->page_error.text : result->text,
             scope_remedy(t, object, result->outcome));
    else if (t->reading)
        tell_read(t);
    else
        tell_fields(t);
    /* Without its fields an object is not read. */
    bool next_object = t->reading || !ok;
    t->object += next_object;
    t->reading = !next_object;
    t->page_error.text[0] = '\0';
    next_step(t);
}

/* ---- the connector ---- */

static void on_emit_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct trial *t = arg;
    struct page *page = page_new(blob_ref(ticket->body));
    if (page_parse(page, spec, ticket->attached, &t->page_error) == 0) {
        t->records += page->count;
        worker_page_done(session_worker(t->session), OUTCOME_OK, &page->result);
    } else {
        worker_page_done(session_worker(t->session), OUTCOME_FAILED, NULL);
    }
    page_free(page);
    ticket_free(ticket);
}

static void on_emit_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct trial *t = arg;
    (void)records;
    t->records += count;
    worker_reply(session_worker(t->session), OUTCOME_OK);
}

static void note_missing(struct buf *out, struct str granted, struct str scope, struct str object)
{
    if (scope.len > 0 && !oauth_has_scope(granted, scope))
        buf_printf(out, "%s%.*s (for %.*s)", out->len > 0 ? ", " : "not granted: ", STR_ARG(scope),
                   STR_ARG(object));
}

/* What the vendor said that it granted, when it says so. */
static void tell_scopes(struct trial *t)
{
    struct str granted = session_scopes(t->session);
    struct buf missing = BUF_INIT(2048);
    if (!t->setup->oauth || granted.len == 0)
        return;
    for (size_t i = 0; i < t->setup->object_count; i++) {
        const struct object_setup *object = &t->setup->objects[i];
        note_missing(&missing, granted, object->vendor->scope, object->item->name);
        if (object->mapping.export_count > 0)
            note_missing(&missing, granted, object->vendor->write_scope, object->item->name);
    }
    bool all = missing.len == 0;
    tell(t, TRIAL_SCOPES, STR(""), all ? TRIAL_OK : TRIAL_WARNING, 0,
         all ? "every object has its scope" : buf_cstr(&missing),
         all ? "" : "add the scope to the vendor's app, then run `fastenr connect` again");
    buf_free(&missing);
}

static void on_start_step(struct trial *t, const struct operation_result *result)
{
    bool create = result->phase == PHASE_CREATE;
    enum trial_step step = create ? TRIAL_START : TRIAL_AUTH;
    char text[400];
    if (result->outcome != OUTCOME_OK) {
        tell(t, step, STR(""), TRIAL_FAILED, took(t), result->text,
             create ? "mend the options of the connection" : "");
        session_stop(t->session);
        return;
    }
    if (create) {
        tell(t, step, STR(""), TRIAL_OK, took(t), "it runs in its jail", "");
        worker_check(session_worker(t->session));
        return;
    }
    snprintf(text, sizeof text, "account %.*s%s%.*s", STR_ARG(result->account_id),
             result->account_name.len > 0 ? ", " : "", STR_ARG(result->account_name));
    session_set_account(t->session, result->account_id);
    tell(t, step, STR(""), TRIAL_OK, took(t), text, "");
    tell_scopes(t);
    next_step(t);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct trial *t = arg;
    if (result->phase == PHASE_CREATE || result->phase == PHASE_CHECK)
        on_start_step(t, result);
    else
        on_object_step(t, result);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct trial *t = arg;
    if (end->how != SESSION_STOPPED)
        tell(t, TRIAL_START, STR(""), TRIAL_FAILED, took(t), end->text,
             "report it to the connector's author; `fastenr plugins list` names the file");
    t->over = true;
}

static const struct session_events events = {.finished = on_finished,
                                             .ended = on_ended,
                                             .emit_page = on_emit_page,
                                             .emit_records = on_emit_records,
                                             .emit_field = on_emit_field};

static void try_connector(struct trial *t, const struct image *image)
{
    struct error err;
    took(t);
    t->session = session_start(t->host, t->setup, image, &events, t, &err);
    if (!t->session) {
        tell(t, TRIAL_START, STR(""), TRIAL_FAILED, took(t), err.text, "see `fastenr doctor`");
        return;
    }
    loop_run(t->host->world->loop, &t->over);
    session_free(t->session);
    loop_turn(t->host->world->loop, 0); /* what it freed goes now */
}

int trial_run(struct sync_host *host, const struct setup *setup, const struct image *image,
              void (*fn)(void *arg, const struct trial_result *result), void *arg)
{
    struct trial t = {.host = host, .setup = setup, .fn = fn, .arg = arg};
    bool reached = true;
    for (size_t i = 0; i < setup->policy.host_count; i++)
        reached = try_network(&t, setup->policy.hosts[i]) && reached;
    if (reached)
        try_connector(&t, image);
    arena_free(&t.arena);
    return t.failures == 0 ? 0 : -1;
}
