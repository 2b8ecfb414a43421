/* SPDX-License-Identifier: Apache-2.0 */
/* Writing, both ends of it: a connector on a stack of its own, and what the host makes of the rows
 * that it answers for. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/redact.h"
#include "direct_carrier.h"
#include "plugin/image.h"
#include "plugin/protocol.h"
#include "plugin/worker.h"
#include "virtual_loop.h"

#define ANSWER_OK                                                                                  \
    "{\"results\":[{\"trace\":\"w-3\",\"id\":77,\"new\":true,\"at\":\"1970-01-01T00:00:01Z\","     \
    "\"p\":{\"a\":\"1\"}},{\"trace\":\"w-1\",\"id\":\"75\",\"new\":false,\"at\":1000,\"p\":7},"    \
    "{\"trace\":\"w-2\",\"id\":\"76\"}]}"
#define BOUNDS ": the connector is broken or hostile"

/* ---- the connector ---- */

static const struct fastenr_services *svc;
static struct fastenr_host *host;
static fastenr_outcome (*script)(const struct fastenr_write *write);
static fastenr_outcome got[8]; /* outcomes of services, as the script met them */
static size_t got_count;
static struct buf seen; /* what the script notes */

static struct fastenr_str text(const char *s)
{
    return (struct fastenr_str){s, strlen(s)};
}

static fastenr_outcome note(fastenr_outcome outcome)
{
    got[got_count++] = outcome;
    return outcome;
}

static fastenr_outcome create(const struct fastenr_services *services, struct fastenr_host *h,
                              void **ret_instance)
{
    svc = services;
    host = h;
    *ret_instance = NULL;
    return FASTENR_OK;
}

static void destroy(void *instance)
{
    (void)instance;
}

static fastenr_outcome check(void *instance, struct fastenr_check *ret_check)
{
    (void)instance;
    (void)ret_check;
    return svc->written(host, text("w-1"), FASTENR_OK, text(""), text(""));
}

static fastenr_outcome discover(void *instance, struct fastenr_str object)
{
    (void)instance;
    (void)object;
    return FASTENR_OK;
}

static fastenr_outcome read_records(void *instance, const struct fastenr_selector *selector)
{
    (void)instance;
    (void)selector;
    return FASTENR_OK;
}

static fastenr_outcome write_records(void *instance, const struct fastenr_write *write)
{
    (void)instance;
    return script(write);
}

static const struct fastenr_ops ops = {.size = sizeof ops,
                                       .create = create,
                                       .destroy = destroy,
                                       .check = check,
                                       .discover = discover,
                                       .read = read_records,
                                       .write = write_records};
static const struct fastenr_connector connector = {.magic = FASTENR_MAGIC,
                                                   .abi_major = FASTENR_ABI_MAJOR,
                                                   .abi_minor = FASTENR_ABI_MINOR,
                                                   .size = sizeof connector,
                                                   .id = FASTENR_STR("com.fastenr.test.write"),
                                                   .name = FASTENR_STR("Write"),
                                                   .version = FASTENR_STR("1.0.0"),
                                                   .category = FASTENR_CRM,
                                                   .ops = &ops};

static const struct fastenr_connector *entry(void)
{
    return &connector;
}

/* The handle of the answer to a request that writes; 0 where there is none. */
static uint64_t post(void)
{
    const struct fastenr_request request = {.size = sizeof request,
                                            .method = FASTENR_STR("POST"),
                                            .url = FASTENR_STR("https://v.test/"),
                                            .body = FASTENR_STR("{}")};
    struct fastenr_response response = {0};
    note(svc->http(host, &request, &response));
    return response.handle;
}

static const struct fastenr_written done_rows = {.size = sizeof done_rows,
                                                 .rows = FASTENR_STR("results"),
                                                 .write_id = FASTENR_STR("trace"),
                                                 .id = FASTENR_STR("id"),
                                                 .created = FASTENR_STR("new"),
                                                 .modified = FASTENR_STR("at"),
                                                 .fields = FASTENR_STR("p"),
                                                 .message = FASTENR_STR("why")};

static uint32_t emit(uint64_t handle, const struct fastenr_written *spec)
{
    uint32_t count = 99;
    note(svc->emit_written(host, handle, spec, &count));
    return count;
}

static fastenr_outcome say(const char *write_id, fastenr_outcome outcome)
{
    return note(svc->written(host, text(write_id), outcome, text("5"), text("the vendor's words")));
}

/* ---- the host ---- */

static struct virtual_world w;
static struct direct_carrier carrier;

static struct drive {
    struct worker *worker;
    const struct write_request *request;
    /* what the vendor answers */
    enum outcome answer;
    int status; /* 0: none */
    bool not_done, silent, cancel;
    const char *body;
    enum outcome taken; /* what `written` answers */
    bool check;
    /* what came of it */
    struct buf rows, end;
    bool unclear, over;
} d;

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *why)
{
    (void)arg;
    (void)layers;
    CU_ASSERT_PTR_NOT_NULL_FATAL(descriptor);
    CU_ASSERT_TRUE(descriptor->writes);
    UNIT_TEXT(why, "");
    descriptor_free(descriptor);
    worker_create(d.worker, NULL, 0);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    (void)arg;
    if (result->phase == PHASE_CREATE && d.check) {
        worker_check(d.worker);
    } else if (result->phase == PHASE_CREATE) {
        worker_write(d.worker, d.request);
    } else {
        buf_printf(&d.end, "%s:%s %s", phase_name(result->phase), outcome_name(result->outcome),
                   result->text);
        d.unclear = result->unclear;
        worker_stop(d.worker);
    }
}

static void on_ended(void *arg, const struct worker_end *end)
{
    (void)arg;
    if (!end->asked) {
        buf_text(&d.end, end->text);
        d.unclear = end->unclear;
    }
    d.over = true;
}

static void on_http(void *arg, struct ticket *ticket)
{
    (void)arg;
    if (d.cancel)
        worker_cancel(d.worker);
    if (d.silent)
        return;
    struct blob *body = d.status > 0 ? blob_new(1 << 20) : NULL;
    if (body && d.body)
        CU_ASSERT(blob_append(body, str_from(d.body), NULL) == 0);
    ticket->not_done = d.not_done;
    worker_http_done(ticket, d.answer, d.status, body, "the vendor says no");
}

static void on_http_cancel(void *arg, struct ticket *ticket)
{
    (void)arg;
    ticket->not_done = d.not_done;
}

static enum outcome on_written(void *arg, const struct write_result *results, uint32_t count)
{
    (void)arg;
    for (uint32_t i = 0; i < count; i++) {
        const struct write_result *r = &results[i];
        buf_printf(&d.rows, "%.*s %s", STR_ARG(r->write_id), outcome_name(r->outcome));
        buf_printf(&d.rows, " %.*s%s %d %.*s|%.*s\n", STR_ARG(r->id), r->created ? "+" : "",
                   (int)r->modified_us, STR_ARG(r->fields), STR_ARG(r->text));
    }
    return d.taken;
}

static const struct worker_events events = {.started = on_started,
                                            .finished = on_finished,
                                            .ended = on_ended,
                                            .http = on_http,
                                            .http_cancel = on_http_cancel,
                                            .written = on_written};

static const struct write_row three[] = {
    {.write_id = {"w-1", 3}}, {.write_id = {"w-2", 3}}, {.write_id = {"w-3", 3}}};
static const struct write_request creates = {
    .op = WRITE_CREATE, .object = {"things", 6}, .rows = three, .row_count = 3};

static void open_drive(fastenr_outcome (*with)(const struct fastenr_write *))
{
    script = with;
    got_count = 0;
    seen = BUF_INIT(100000);
    d = (struct drive){.request = &creates,
                       .status = 200,
                       .body = ANSWER_OK,
                       .rows = BUF_INIT(100000),
                       .end = BUF_INIT(10000)};
}

/* Runs it, and says what came of the operation or of the worker. */
static void run(const char *end)
{
    static const struct image image; /* this carrier looks at none */
    struct error err;
    virtual_world_open(&w, INT64_C(1800000000) * US_PER_SECOND, 7);
    direct_carrier_open(&carrier, &w.world, entry);
    d.worker = worker_start(&w.world, &carrier.carrier, &image, &WORKER_LIMITS_DEFAULT, &events,
                            NULL, &err);
    loop_run(w.world.loop, &d.over);
    worker_free(d.worker);
    loop_turn(w.world.loop, 0);
    UNIT_TEXT(buf_cstr(&d.end), end);
    virtual_world_close(&w);
    direct_carrier_close(&carrier);
}

static void close_drive(void)
{
    buf_free(&d.rows);
    buf_free(&d.end);
    buf_free(&seen);
}

/* ---- what goes in ---- */

static void see(struct fastenr_str s)
{
    buf_str(&seen, (struct str){s.ptr, s.len});
    buf_char(&seen, ' ');
}

static fastenr_outcome note_rows(const struct fastenr_write *write)
{
    const struct fastenr_write_row *rows = write->rows.rows;
    CU_ASSERT_EQUAL(write->size, sizeof *write);
    CU_ASSERT_EQUAL(write->rows.stride, sizeof *rows);
    buf_printf(&seen, "%u ", write->op);
    see(write->object);
    see(write->key_field);
    for (uint32_t i = 0; i < write->rows.count; i++) {
        const struct fastenr_value *values = rows[i].values.rows;
        see(rows[i].write_id);
        see(rows[i].id);
        see(rows[i].key);
        for (uint32_t k = 0; k < rows[i].values.count; k++) {
            see(values[k].name);
            see(values[k].value);
            buf_printf(&seen, "%u %u ", values[k].type, values[k].flags);
        }
        see(rows[i].field);
        see(rows[i].other_id);
        buf_char(&seen, '/');
    }
    return FASTENR_OK;
}

static void test_rows_in(void)
{
    const struct write_value values[] = {{STR("a"), STR("1.50"), FIELD_NUMBER, false},
                                         {STR("b"), STR("gone"), FIELD_STRING, true}};
    const struct write_row rows[] = {
        {.write_id = STR("w-1"), .key = STR("k1"), .values = values, .value_count = 2},
        {.write_id = STR("w-2"),
         .id = STR("9"),
         .field = STR("associations.x"),
         .other_id = STR("8")}};
    const struct write_request request = {.op = WRITE_UPSERT,
                                          .object = STR("things"),
                                          .key_field = STR("ext"),
                                          .rows = rows,
                                          .row_count = 2};
    open_drive(note_rows);
    d.request = &request;
    run("write:ok ");
    UNIT_TEXT(buf_cstr(&seen), "3 things ext w-1  k1 a 1.50 2 0 b  1 1   /w-2 9  associations.x 8 "
                               "/");
    CU_ASSERT_FALSE(d.unclear);
    close_drive();
}

/* Nothing is sent of a write that no message can hold. */
static void test_too_large(void)
{
    char *large = mem_new(1, MESSAGE_MAX);
    memset(large, 'x', MESSAGE_MAX);
    const struct write_value value = {STR("a"), {large, MESSAGE_MAX}, FIELD_STRING, false};
    const struct write_row row = {.write_id = STR("w-1"), .values = &value, .value_count = 1};
    const struct write_request request = {
        .op = WRITE_CREATE, .object = STR("things"), .rows = &row, .row_count = 1};
    open_drive(note_rows);
    d.request = &request;
    run("write:failed the rows of one write are larger than 17 MiB together: nothing was sent");
    UNIT_TEXT(buf_cstr(&seen), "");
    CU_ASSERT_FALSE(d.unclear);
    close_drive();
    free(large);
}

/* ---- what comes out of an answer ---- */

static fastenr_outcome emit_answer(const struct fastenr_write *write)
{
    (void)write;
    uint64_t handle = post();
    emit(handle, &done_rows);
    svc->release(host, handle);
    return FASTENR_OK;
}

static void test_results(void)
{
    open_drive(emit_answer);
    run("write:ok ");
    UNIT_TEXT(buf_cstr(&d.rows), "w-3 ok 77+ 1000000 {\"a\":\"1\"}|\nw-1 ok 75 1000000 |\n"
                                 "w-2 ok 76 0 |\n");
    CU_ASSERT(got_count == 2 && got[1] == FASTENR_OK);
    close_drive();
}

static fastenr_outcome emit_both(const struct fastenr_write *write)
{
    const struct fastenr_written refused = {.size = sizeof refused,
                                            .outcome = FASTENR_BAD_RECORD,
                                            .rows = FASTENR_STR("errors"),
                                            .write_id = FASTENR_STR("traces"),
                                            .message = FASTENR_STR("why")};
    (void)write;
    uint64_t handle = post();
    CU_ASSERT_EQUAL(emit(handle, &done_rows), 1);
    emit(handle, &refused);
    return FASTENR_OK;
}

/* Some done and some refused; an error may be of several rows, or of none. */
static void test_in_part(void)
{
    open_drive(emit_both);
    d.body = "{\"results\":[{\"trace\":\"w-2\",\"id\":\"76\"}],\"errors\":[{\"why\":\"no "
             "pat-123456 \\u0001\",\"traces\":[\"w-1\",\"w-3\"]},{\"why\":\"of none\"}]}";
    redact_add(STR("pat-123456"));
    run("write:ok ");
    redact_clear();
    UNIT_TEXT(buf_cstr(&d.rows), "w-2 ok 76 0 |\nw-1 bad-record  0 |no [secret]  \n"
                                 "w-3 bad-record  0 |no [secret]  \n");
    close_drive();
    open_drive(emit_both);
    d.body = "{\"results\":[{\"trace\":\"w-2\",\"id\":\"76\"}]}";
    run("write:ok ");
    CU_ASSERT(got_count == 3 && got[2] == FASTENR_GONE); /* no errors: none that can be told */
    close_drive();
}

static fastenr_outcome emit_by_place(const struct fastenr_write *write)
{
    struct fastenr_written spec = done_rows;
    (void)write;
    spec.write_id = text("");
    return emit(post(), &spec) > 0 ? FASTENR_OK : FASTENR_FAILED;
}

static void test_by_place(void)
{
    open_drive(emit_by_place);
    d.body = "{\"results\":[{\"id\":1},{\"id\":2},{\"id\":3}]}";
    run("write:ok ");
    UNIT_TEXT(buf_cstr(&d.rows), "w-1 ok 1 0 |\nw-2 ok 2 0 |\nw-3 ok 3 0 |\n");
    close_drive();
    open_drive(emit_by_place);
    d.body = "{\"results\":[{\"id\":1},{\"id\":2}]}";
    run("write:failed POST https://v.test/ answered 200: there are fewer results than the 3 rows "
        "of the write at 'results'; it begins with '{\"results\":[{\"id\":1},{\"id\":2}]}'");
    UNIT_TEXT(buf_cstr(&d.rows), "");
    CU_ASSERT_TRUE(d.unclear);
    close_drive();
}

/* ---- what is not believed ---- */

/* The connector says that all is well, and is not believed. */
static void expect_fault(const char *body, const char *end, const char *rows)
{
    open_drive(emit_answer);
    d.body = body;
    run(end);
    UNIT_TEXT(buf_cstr(&d.rows), rows);
    CU_ASSERT_TRUE(d.unclear);
    CU_ASSERT(got_count == 2 && got[1] == FASTENR_FAILED);
    close_drive();
}

static void test_not_asked(void)
{
    expect_fault("{\"results\":[{\"trace\":\"w-9\",\"id\":1},{\"trace\":\"w-2\",\"id\":2}]}",
                 "write:failed results of the write have a row that was not asked for: 'w-9'",
                 "w-2 ok 2 0 |\n");
    expect_fault("{\"results\":[{\"trace\":\"W \\u001b[2J\",\"id\":1}]}",
                 "write:failed results of the write have a row that was not asked for: '?'", "");
    expect_fault("{\"results\":[{\"trace\":\"w-2\",\"id\":1},{\"trace\":\"w-2\",\"id\":2}]}",
                 "write:failed results of the write have the row w-2 twice", "w-2 ok 1 0 |\n");
    expect_fault("{\"results\":[{\"trace\":[\"w-1\",\"w-1\"],\"id\":1}]}",
                 "write:failed results of the write have the row w-1 twice", "w-1 ok 1 0 |\n");
    expect_fault("{\"results\":[{\"trace\":\"w-1\"},{\"trace\":\"w-3\",\"id\":\"3\"}]}",
                 "write:failed the row w-1 is done, and its record has no id that can be used",
                 "w-3 ok 3 0 |\n");
    expect_fault("{\"results\":[{\"trace\":\"w-1\",\"id\":\"\\u0000\"}]}",
                 "write:failed the row w-1 is done, and its record has no id that can be used", "");
}

static void test_broken_answers(void)
{
    open_drive(emit_answer);
    d.body = "{\"results\":[{";
    run("write:ok "); /* it did not mind; the rows are unclear */
    CU_ASSERT(got[1] == FASTENR_FAILED && d.unclear && d.rows.len == 0);
    close_drive();
    open_drive(emit_answer);
    d.body = "{\"results\":7}";
    run("write:ok ");
    CU_ASSERT(got[1] == FASTENR_FAILED && d.unclear);
    close_drive();
    open_drive(emit_answer);
    d.body = "{\"results\":[{\"trace\":[\"w-1\",\"w-2\",\"w-3\",\"w-1\",\"w-2\"],\"id\":1}]}";
    run("write:ok ");
    CU_ASSERT(got[1] == FASTENR_FAILED && d.rows.len == 0);
    close_drive();
}

static fastenr_outcome say_junk(const struct fastenr_write *write)
{
    static const char half[] = "a\xc3";
    (void)write;
    say("w-1", FASTENR_GONE);
    say("w-1", FASTENR_OK);
    say("", FASTENR_OK);
    say("w-2", FASTENR_AUTH_FAILED);
    note(svc->written(host, text("w-3"), FASTENR_BAD_RECORD, text(""),
                      (struct fastenr_str){half, 2}));
    return FASTENR_OK;
}

static void test_said(void)
{
    open_drive(say_junk);
    run("write:failed results of the write have the row w-1 twice");
    UNIT_TEXT(buf_cstr(&d.rows), "w-1 gone 5 0 |the vendor's words\nw-3 bad-record  0 |a\n");
    CU_ASSERT(got[0] == FASTENR_OK && got[1] == FASTENR_FAILED && got[2] == FASTENR_FAILED &&
              got[3] == FASTENR_FAILED && got[4] == FASTENR_OK);
    CU_ASSERT_FALSE(d.unclear); /* nothing was sent */
    close_drive();
}

static fastenr_outcome say_outcome_99(const struct fastenr_write *write)
{
    (void)write;
    return say("w-1", 99);
}

static fastenr_outcome emit_long_path(const struct fastenr_write *write)
{
    static char path[PATH_MAX_LEN + 1];
    struct fastenr_written spec = done_rows;
    (void)write;
    memset(path, 'x', sizeof path);
    spec.message = (struct fastenr_str){path, sizeof path};
    emit(post(), &spec);
    return FASTENR_OK;
}

static fastenr_outcome emit_no_answer(const struct fastenr_write *write)
{
    (void)write;
    emit(77, &done_rows);
    return got[0];
}

static void test_convicted(void)
{
    open_drive(say_outcome_99);
    run("in write: it sent a broken result, or one outside of write" BOUNDS);
    close_drive();
    open_drive(emit_long_path);
    run("in write: it sent broken results, or some outside of write" BOUNDS);
    CU_ASSERT_TRUE(d.unclear);
    close_drive();
    open_drive(note_rows);
    d.check = true;
    run("in check: it sent a broken result, or one outside of write" BOUNDS);
    close_drive();
    open_drive(emit_no_answer);
    run("write:failed the connector reads results out of an answer that it does not have");
    close_drive();
}

/* ---- done or not ---- */

static fastenr_outcome only_post(const struct fastenr_write *write)
{
    (void)write;
    post();
    return got[0];
}

static void expect_unclear(enum outcome answer, int status, bool not_done, bool unclear)
{
    open_drive(only_post);
    d.answer = answer;
    d.status = status;
    d.not_done = not_done;
    run(answer == OUTCOME_OK       ? "write:ok "
        : answer == OUTCOME_FAILED ? "write:failed the vendor says no"
                                   : "write:retry-after the vendor says no");
    CU_ASSERT_EQUAL(d.unclear, unclear);
    close_drive();
}

static fastenr_outcome get_only(const struct fastenr_write *write)
{
    const struct fastenr_request request = {.size = sizeof request,
                                            .flags = FASTENR_REQUEST_SAFE,
                                            .method = FASTENR_STR("GET"),
                                            .url = FASTENR_STR("https://v.test/")};
    struct fastenr_response response;
    (void)write;
    return svc->http(host, &request, &response);
}

static fastenr_outcome not_waited_for(const struct fastenr_write *write)
{
    const struct fastenr_request request = {.size = sizeof request,
                                            .method = FASTENR_STR("POST"),
                                            .url = FASTENR_STR("https://v.test/")};
    uint64_t ticket;
    (void)write;
    return svc->http_start(host, &request, &ticket);
}

static void test_unclear(void)
{
    expect_unclear(OUTCOME_OK, 200, false, true);
    expect_unclear(OUTCOME_RETRY_AFTER, 503, false, true);
    expect_unclear(OUTCOME_RETRY_AFTER, 0, false, true);
    expect_unclear(OUTCOME_RETRY_AFTER, 503, true, false);
    expect_unclear(OUTCOME_RETRY_AFTER, 0, true, false);
    expect_unclear(OUTCOME_FAILED, 400, true, false);
    open_drive(get_only);
    run("write:ok ");
    CU_ASSERT_FALSE(d.unclear);
    close_drive();
    open_drive(not_waited_for);
    d.silent = true;
    run("write:ok ");
    CU_ASSERT_TRUE(d.unclear);
    close_drive();
    open_drive(not_waited_for);
    d.silent = d.not_done = true; /* it still waited for its turn */
    run("write:ok ");
    CU_ASSERT_FALSE(d.unclear);
    close_drive();
}

static fastenr_outcome emit_and_die(const struct fastenr_write *write)
{
    (void)write;
    emit(post(), &done_rows);
    carrier.crash_at = carrier.messages + 1;
    say("w-1", FASTENR_OK);
    return FASTENR_OK;
}

/* What was said before the end counts, and the rest is not known. */
static void test_dies(void)
{
    open_drive(emit_and_die);
    d.body = "{\"results\":[{\"trace\":\"w-2\",\"id\":2}]}";
    run("in write: died by signal 11 (SIGSEGV)");
    UNIT_TEXT(buf_cstr(&d.rows), "w-2 ok 2 0 |\n");
    CU_ASSERT_TRUE(d.unclear);
    close_drive();
}

static fastenr_outcome post_and_say(const struct fastenr_write *write)
{
    (void)write;
    post();
    say("w-2", FASTENR_RETRY_AFTER);
    return FASTENR_CANCELLED;
}

/* A request under way is given up; what is known of rows is still taken. */
static void test_cancelled(void)
{
    open_drive(post_and_say);
    d.silent = d.cancel = true;
    run("write:cancelled cancelled");
    CU_ASSERT(got[0] == FASTENR_CANCELLED && got[1] == FASTENR_CANCELLED);
    UNIT_TEXT(buf_cstr(&d.rows), "w-2 retry-after 5 0 |the vendor's words\n");
    CU_ASSERT_TRUE(d.unclear);
    close_drive();
}

/* The host cannot keep what it is told: the connector hears of it. */
static void test_not_kept(void)
{
    open_drive(emit_answer);
    d.taken = OUTCOME_FAILED;
    run("write:ok ");
    CU_ASSERT(got_count == 2 && got[1] == FASTENR_FAILED);
    close_drive();
}

const char *const unit_suite = "write";
const struct unit_test unit_tests[] = {
    {"rows reach the connector as they are", test_rows_in},
    {"rows that no message holds are refused", test_too_large},
    {"results are read out of an answer", test_results},
    {"rows that are done and rows that are refused", test_in_part},
    {"results by their place", test_by_place},
    {"rows that were not asked for, twice, without an id", test_not_asked},
    {"answers that are no results", test_broken_answers},
    {"what a connector says of rows is checked", test_said},
    {"broken messages end the connector", test_convicted},
    {"whether a row may be done", test_unclear},
    {"a connector that dies in a write", test_dies},
    {"a write that is cancelled", test_cancelled},
    {"a host that cannot keep results", test_not_kept},
    {NULL, NULL},
};
