/* SPDX-License-Identifier: Apache-2.0 */
/* The connectors of this tree as the host meets them: built modules in jailed workers, and the
 * configuration that comes with them. CONNECTORS, TINY, CONF_DIR and WORKER_PATH come from the
 * build. */
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/time.h"
#include "config/host.h"
#include "plugin/process.h"
#include "plugin/registry.h"
#include "sync/setup.h"

static struct world world;
static struct carrier *carrier;

static void open_world(void)
{
    struct error err;
    world = (struct world){.loop = loop_uv_new(2, &err), .random = world_random_real};
    carrier = process_carrier_new(&world, WORKER_PATH);
}

static void close_world(void)
{
    process_carrier_free(carrier);
    loop_free(world.loop);
}

static void describe(const char *path, struct connector_info *ret_info)
{
    struct error err = {0};
    int rc = registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, path, ret_info, &err);
    UNIT_TEXT(rc == 0 ? "" : err.text, "");
    CU_ASSERT_FATAL(rc == 0);
}

static void no_problems(const struct problems *problems)
{
    struct buf out = BUF_INIT(10000);
    for (size_t i = 0; i < problems->count; i++)
        problem_write(&out, &problems->items[i]);
    UNIT_TEXT(buf_cstr(&out), "");
    buf_free(&out);
}

static void test_hubspot(void)
{
    struct connector_info info;
    open_world();
    describe(CONNECTORS "/hubspot.so", &info);
    const struct descriptor *d = &info.descriptor;
    CU_ASSERT(str_is(d->id, "com.fastenr.hubspot"));
    UNIT_TEXT(category_name(d->category), "crm");
    CU_ASSERT_EQUAL(d->object_count, 13);
    CU_ASSERT_EQUAL(d->limit_count, 3);
    CU_ASSERT(str_is(d->auth[0].headers[0].text, "Bearer {{secret:token}}"));
    connector_info_free(&info);
    close_world();
}

/* ---- conf.d ---- */

static const struct object_setup *object_of(const struct setup *setup, const char *name)
{
    const struct object_setup *o = setup_object(setup, str_from(name));
    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    return o;
}

/* Maps a record by the default mapping; the field that is wrong, "" when none. */
static void map(const struct object_setup *o, const char *json, enum map_result expected,
                const char *wrong)
{
    static const uint8_t key[SIPHASH_KEY] = {0};
    struct arena arena = {0};
    struct error err;
    struct mapped mapped;
    struct str field = STR("");
    const struct json *fields = NULL;
    CU_ASSERT_FATAL(json_parse(str_from(json), &fields, &err) == 0);
    CU_ASSERT_EQUAL(mapping_apply(&o->mapping, key, fields, &arena, &mapped, &field, &err),
                    expected);
    CU_ASSERT(str_is(field, wrong));
    json_free(fields);
    arena_free(&arena);
}

static void check_mapping(const struct setup *setup)
{
    const struct object_setup *companies = object_of(setup, "companies");
    const struct object_setup *contacts = object_of(setup, "contacts");
    CU_ASSERT_EQUAL(companies->lookback_us, 5 * US_PER_MINUTE);
    map(companies, "{\"name\":\"Acme\",\"domain\":\" ACME.test\",\"annualrevenue\":\"1e6\"}",
        MAP_OK, "");
    map(companies, "{\"domain\":\"acme.test\"}", MAP_INVALID, "name");
    map(contacts, "{\"email\":\"Ada@Acme.test \",\"associatedcompanyid\":\"77\",\"phone\":null}",
        MAP_OK, "");
    map(contacts, "{\"email\":\"ada\"}", MAP_INVALID, "email");
    map(contacts, "{\"phone\":\"ask for Ada\"}", MAP_INVALID, "phone");
}

/* The connection that comes with the host fits the connector, with no environment set. */
static void test_conf_d(void)
{
    struct connector_info info;
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_list list;
    struct setup setup;
    unsetenv("HUBSPOT_ORIGIN");
    unsetenv("HUBSPOT_TOKEN");
    open_world();
    describe(CONNECTORS "/hubspot.so", &info);
    connection_list_read(CONF_DIR, &list, &arena, &problems);
    no_problems(&problems);
    const struct connection_config *c = connection_find(&list, STR("hubspot"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(c->schedule.every_us, 5 * US_PER_MINUTE);
    setup_make(c, &info.descriptor, &setup, &arena, &problems);
    no_problems(&problems);
    CU_ASSERT_EQUAL(setup.policy.endpoint_count, 1);
    CU_ASSERT(str_is(setup.policy.endpoints[0].origin, "http://127.0.0.1:8700"));
    CU_ASSERT(str_is(setup.policy.auth_headers[0].value, "Bearer sandbox-token"));
    check_mapping(&setup);
    problems_free(&problems);
    arena_free(&arena);
    connector_info_free(&info);
    close_world();
}

/* What a connection with these is told first. */
static void expect_told(const struct descriptor *descriptor, const char *auth, const char *objects,
                        const char *expected)
{
    char dir[] = "/tmp/fastenr-objects-XXXXXX", path[64];
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct setup setup;
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.yaml", dir);
    FILE *file = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fprintf(file, "connector: hubspot\nauth: {%s}\nobjects: {%s}\n", auth, objects);
    fclose(file);
    CU_ASSERT_FATAL(connection_config_read(path, &config, &arena, &problems));
    setup_make(&config, descriptor, &setup, &arena, &problems);
    const char *text = problems.count > 0 ? problems.items[0].text : "";
    CU_ASSERT(expected[0] ? strstr(text, expected) != NULL : text[0] == '\0');
    if (problems.count == 0)
        CU_ASSERT(str_is(str_from(setup.objects[0].model->name), "custom_record"));
    problems_free(&problems);
    arena_free(&arena);
    unlink(path);
    rmdir(dir);
}

static void expect_objects(const struct descriptor *descriptor, const char *objects,
                           const char *expected)
{
    expect_told(descriptor, "private_app: {token: pat-1}", objects, expected);
}

static void test_credentials(void)
{
    struct connector_info info;
    open_world();
    describe(CONNECTORS "/hubspot.so", &info);
    expect_told(&info.descriptor, "oauth: {client_id: a, client_secret: b, scope: c}",
                "companies: {}", "oauth has no credential 'scope'; did you mean 'scopes'?");
    expect_told(
        &info.descriptor, "oauth: {client_id: a, client_secret: b, secret: c}", "companies: {}",
        "oauth has no credential 'secret'; known: client_id, client_secret, token_path, scopes");
    expect_told(&info.descriptor, "private_app: {token: a, scopes: c}", "companies: {}",
                "private_app has no credential 'scopes'; known: token");
    connector_info_free(&info);
    close_world();
}

static void test_options(void)
{
    struct connector_info info;
    open_world();
    describe(CONNECTORS "/hubspot.so", &info);
    expect_told(&info.descriptor, "private_app: {token: a}}\noptions: {api_version: v4",
                "companies: {}", "api_version cannot be 'v4'; did you mean 'v3'?");
    connector_info_free(&info);
    close_world();
}

static void test_custom_objects(void)
{
    struct connector_info info;
    open_world();
    describe(CONNECTORS "/hubspot.so", &info);
    const struct descriptor *d = &info.descriptor;
    expect_objects(d, "2-3465404: {}", "");
    expect_objects(d, "subscription: {mapping: {fields: {from: [a, b]}, custom_fields: {x: c}}}",
                   "");
    expect_objects(d, "companys: {}", "did you mean 'companies'?");
    expect_objects(d, "contract: {}",
                   "HubSpot has no object 'contract'; did you mean 'contacts'? If the account has "
                   "a custom object of that name, write another of its names (Custom objects, by "
                   "id, full name or name: 2-3465404, p8675309_subscription, subscription)");
    expect_objects(d, "p8675309_contract: {}", "");
    expect_objects(d, "'*': {}", "has no object '*'");
    expect_objects(d, "'a/b': {}", "has no object 'a/b'");
    connector_info_free(&info);
    close_world();
}

static void test_fastenr_conf(void)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct host_config written, defaults;
    host_config_read(CONF_DIR, &written, &arena, &problems);
    host_config_read(CONF_DIR "/none", &defaults, &arena, &problems);
    no_problems(&problems);
    CU_ASSERT(str_eq(written.store, defaults.store));
    CU_ASSERT_EQUAL(memcmp(&written.log, &defaults.log, sizeof written.log), 0);
    CU_ASSERT_EQUAL(memcmp(&written.sync, &defaults.sync, sizeof written.sync), 0);
    CU_ASSERT_EQUAL(written.workers.memory, defaults.workers.memory);
    CU_ASSERT_EQUAL(written.workers.hang_us, defaults.workers.hang_us);
    CU_ASSERT_EQUAL(written.workers.strict_jail, defaults.workers.strict_jail);
    CU_ASSERT_EQUAL(
        memcmp(&written.organization, &defaults.organization, sizeof written.organization), 0);
    problems_free(&problems);
    arena_free(&arena);
}

/* ---- all through, in a jailed worker ---- */

struct drive {
    struct worker *worker;
    struct str object;
    struct image image;
    struct buf said;
    bool over;
};

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    struct drive *d = arg;
    (void)layers;
    UNIT_TEXT(text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(descriptor);
    descriptor_free(descriptor);
    worker_create(d->worker, NULL, 0);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct drive *d = arg;
    struct selector selector = {.mode = READ_FULL, .object = d->object};
    buf_printf(&d->said, "%s:%s ", phase_name(result->phase), outcome_name(result->outcome));
    if (result->phase == PHASE_CREATE)
        worker_check(d->worker);
    else if (result->phase == PHASE_CHECK)
        worker_discover(d->worker, selector.object);
    else if (result->phase == PHASE_DISCOVER && result->outcome == OUTCOME_OK)
        worker_read(d->worker, &selector);
    else
        worker_stop(d->worker);
}

static void on_ended(void *arg, const struct worker_end *end)
{
    struct drive *d = arg;
    buf_printf(&d->said, "%s", end->asked ? "stopped" : end->text);
    d->over = true;
}

static enum outcome on_field(void *arg, const struct vendor_field *field)
{
    struct drive *d = arg;
    buf_printf(&d->said, "%.*s ", STR_ARG(field->name));
    return OUTCOME_OK;
}

static void on_records(void *arg, const struct emitted_record *records, uint32_t count)
{
    struct drive *d = arg;
    for (uint32_t i = 0; i < count; i++)
        buf_printf(&d->said, "%.*s%.*s ", STR_ARG(records[i].id), STR_ARG(records[i].fields));
    worker_reply(d->worker, OUTCOME_OK);
}

/* HubSpot, as far as it takes: an account, one property, one page. */
static void on_http(void *arg, struct ticket *ticket)
{
    static const char *const answers[][2] = {
        {"/account-info/", "{\"portalId\":33}"},
        {"/properties/", "{\"results\":[{\"name\":\"name\",\"type\":\"string\"}]}"},
        {"/search", "{\"total\":1,\"results\":[]}"},
        {"/objects/", "{\"results\":[]}"},
    };
    struct str body = STR("{}");
    (void)arg;
    for (size_t i = 4; i-- > 0;)
        if (memmem(ticket->ask.url.ptr, ticket->ask.url.len, answers[i][0], strlen(answers[i][0])))
            body = str_from(answers[i][1]);
    struct blob *blob = blob_new(1000);
    CU_ASSERT(blob_append(blob, body, NULL) == 0);
    worker_http_done(ticket, OUTCOME_OK, 200, blob, "");
}

static void on_http_cancel(void *arg, struct ticket *ticket)
{
    (void)arg;
    (void)ticket;
}

static void on_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct drive *d = arg;
    struct page_result result = {.next = STR(""), .last_id = STR("")};
    buf_printf(&d->said, "page:%.*s ", STR_ARG(spec->records));
    ticket_free(ticket);
    worker_page_done(d->worker, OUTCOME_OK, &result);
}

static void on_progress(void *arg, uint64_t total)
{
    struct drive *d = arg;
    buf_printf(&d->said, "total:%d ", (int)total);
}

static void drive(const char *path, const char *object, const char *expected)
{
    static const struct worker_events events = {.started = on_started,
                                                .finished = on_finished,
                                                .ended = on_ended,
                                                .http = on_http,
                                                .http_cancel = on_http_cancel,
                                                .emit_page = on_page,
                                                .progress = on_progress,
                                                .emit_field = on_field,
                                                .emit_records = on_records};
    struct error err;
    struct drive d = {.said = BUF_INIT(1000), .object = str_from(object)};
    open_world();
    CU_ASSERT_FATAL(image_load(path, &d.image, &err) == 0);
    d.worker = worker_start(&world, carrier, &d.image, &WORKER_LIMITS_DEFAULT, &events, &d, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d.worker);
    loop_run(world.loop, &d.over);
    UNIT_TEXT(buf_cstr(&d.said), expected);
    worker_free(d.worker);
    loop_turn(world.loop, 0);
    image_free(&d.image);
    buf_free(&d.said);
    close_world();
}

static void test_tiny(void)
{
    drive(TINY, "people",
          "create:ok check:ok mail discover:ok "
          "1{\"mail\":\"ada@tiny.test\",\"first\":\"Ada\"} "
          "2{\"mail\":\"bob@tiny.test\",\"first\":\"Bob\"} "
          "3{\"mail\":\"cy@tiny.test\",\"first\":\"Cy\"} read:ok stopped");
}

static void test_hubspot_in_jail(void)
{
    drive(
        CONNECTORS "/hubspot.so", "companies",
        "create:ok check:ok name associations.contacts "
        "associations.deals associations.tickets discover:ok total:1 page:results read:ok stopped");
    drive(CONNECTORS "/hubspot.so", "leads", "create:ok check:ok discover:failed stopped");
}

const char *const unit_suite = "connectors";
const struct unit_test unit_tests[] = {
    {"HubSpot is described in its jail", test_hubspot},
    {"conf.d/hubspot.yaml fits its connector", test_conf_d},
    {"credentials that there are not", test_credentials},
    {"options that there are not", test_options},
    {"custom objects", test_custom_objects},
    {"conf.d/fastenr.conf says what holds without it", test_fastenr_conf},
    {"HubSpot runs in its jail", test_hubspot_in_jail},
    {"a connector of one file and one header works", test_tiny},
    {NULL, NULL},
};
