/* SPDX-License-Identifier: Apache-2.0 */
/* The connector's side without a process: structs of an older header, shorter than today's, are
 * read as if their new members were zero. What follows them in memory is poison. */
#include "unit.h"

#include <string.h>

#include "plugin/descriptor.h"
#include "plugin/wire.h"
#include "worker/describe.h"
#include "worker/serve.h"
#include "worker/services.h"

enum { FIRST_OBJECT = 120, OLD_OBJECT = 128, OLD_OPS = 48, OLD_PAGE = 88, OBJECTS = 2 };

/* ---- a host that says what it is told to ---- */

static struct buf said;          /* the last message of the connector's side */
static struct message orders[8]; /* for it, one after the other */
static size_t order_count, next_order;

static int channel_send(struct channel *channel, uint32_t kind, uint32_t call, struct str payload)
{
    (void)channel;
    buf_clear(&said);
    buf_str(&said, payload);
    if (kind >= SERVICE_LOG) { /* every service is granted */
        struct message *m = &orders[order_count++];
        *m = MESSAGE_INIT;
        m->kind = HOST_REPLY;
        m->call = call;
        wire_put_u32(&m->payload, FASTENR_OK);
    }
    return 0;
}

static int channel_receive(struct channel *channel, struct message *into)
{
    (void)channel;
    if (next_order == order_count)
        return -1;
    struct message *m = &orders[next_order++];
    buf_clear(&into->payload);
    into->kind = m->kind;
    into->call = m->call;
    buf_str(&into->payload, buf_view(&m->payload));
    buf_free(&m->payload);
    return 0;
}

static struct channel channel = {channel_send, channel_receive};

static struct buf *order(uint32_t kind)
{
    struct message *m = &orders[order_count++];
    *m = MESSAGE_INIT;
    m->kind = kind;
    return &m->payload;
}

static void begin(void)
{
    said = BUF_INIT(1 << 20);
    order_count = next_order = 0;
}

/* ---- the connector ---- */

static struct buf read_with; /* the selector of its last read */

static fastenr_outcome create(const struct fastenr_services *services, struct fastenr_host *host,
                              void **ret_instance)
{
    (void)services;
    (void)host;
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
    return FASTENR_OK;
}

static fastenr_outcome discover(void *instance, struct fastenr_str object)
{
    (void)instance;
    (void)object;
    return FASTENR_OK;
}

static fastenr_outcome read_records(void *instance, const struct fastenr_selector *s)
{
    const struct fastenr_str *ids = s->ids.rows;
    (void)instance;
    buf_printf(&read_with, "%u %d %d:", s->mode, FASTENR_HAS(s, ids), (int)s->since_us);
    for (uint32_t i = 0; i < s->ids.count; i++)
        buf_printf(&read_with, " %.*s", (int)ids[i].len, ids[i].ptr);
    const struct fastenr_str *timed = s->timed.rows;
    for (uint32_t i = 0; i < s->timed.count; i++)
        buf_printf(&read_with, " when %.*s?", (int)timed[i].len, timed[i].ptr);
    return FASTENR_OK;
}

static fastenr_outcome write_records(void *instance, const struct fastenr_write *write)
{
    (void)instance;
    (void)write;
    return FASTENR_OK;
}

static const struct fastenr_ops ops = {
    sizeof(struct fastenr_ops), 0, create, destroy, check, discover, read_records, write_records};
static const struct fastenr_ops reading_ops = {
    sizeof(struct fastenr_ops), 0, create, destroy, check, discover, read_records, NULL};

static struct fastenr_connector connector = {.magic = FASTENR_MAGIC,
                                             .abi_major = FASTENR_ABI_MAJOR,
                                             .abi_minor = FASTENR_ABI_MINOR,
                                             .size = sizeof(struct fastenr_connector),
                                             .id = FASTENR_STR("com.fastenr.test.side"),
                                             .name = FASTENR_STR("Side"),
                                             .version = FASTENR_STR("1.0.0"),
                                             .category = FASTENR_CRM,
                                             .ops = &ops};

static const struct fastenr_connector *entry(void)
{
    return &connector;
}

/* ---- rows of objects ---- */

static struct fastenr_object object(const char *name, uint32_t flags)
{
    return (struct fastenr_object){.name = {name, strlen(name)},
                                   .canonical = FASTENR_STR("account"),
                                   .key = FASTENR_STR("id"),
                                   .flags = flags};
}

static void describe(struct fastenr_table objects, struct descriptor *ret_descriptor)
{
    struct buf out = BUF_INIT(1 << 20), why = BUF_INIT(1000);
    struct error err = {0};
    connector.objects = objects;
    CU_ASSERT_FALSE(describe_refusal(&connector, &why));
    describe_connector(&connector, &out);
    CU_ASSERT_EQUAL_FATAL(descriptor_decode(buf_view(&out), ret_descriptor, &err), 0);
    CU_ASSERT_EQUAL_FATAL(ret_descriptor->object_count, objects.count);
    buf_free(&out);
    buf_free(&why);
}

static void test_object_flags(void)
{
    const struct fastenr_object rows[] = {
        object("none", 0),
        object("deleted", FASTENR_OBJECT_DELETED),
        object("ids", FASTENR_OBJECT_IDS),
        object("whole", FASTENR_OBJECT_DELETED_ALL),
        object("*", FASTENR_OBJECT_CUSTOM),
        object("timed", FASTENR_OBJECT_IDS | FASTENR_OBJECT_TIMED),
        object("by what?", FASTENR_OBJECT_TIMED),
        object("unknown", 0xfffffc00)};
    struct descriptor d;
    describe((struct fastenr_table)FASTENR_TABLE(rows), &d);
    for (uint32_t i = 0; i < d.object_count; i++) {
        CU_ASSERT_EQUAL(d.objects[i].reads_deleted, i == 1);
        CU_ASSERT_EQUAL(d.objects[i].reads_ids, i == 2 || i == 5);
        CU_ASSERT_EQUAL(d.objects[i].tells_times, i == 5);
        CU_ASSERT_EQUAL(d.objects[i].deleted_is_whole, i == 3);
        CU_ASSERT_EQUAL(d.objects[i].is_custom, i == 4);
    }
    descriptor_free(&d);
}

/* Rows as a header made them whose struct ended after `stride` bytes. */
static void expect_short_rows(uint32_t stride, uint32_t flags)
{
    _Alignas(8) char rows[OBJECTS * sizeof(struct fastenr_object)];
    const char *const names[OBJECTS] = {"first", "second"};
    struct descriptor d;
    memset(rows, 0xff, sizeof rows);
    for (size_t i = 0; i < OBJECTS; i++) {
        const struct fastenr_object row = object(names[i], flags);
        memcpy(rows + i * stride, &row, stride);
    }
    describe((struct fastenr_table){rows, OBJECTS, stride}, &d);
    for (size_t i = 0; i < OBJECTS; i++) {
        const struct connector_object *o = &d.objects[i];
        CU_ASSERT(str_is(o->name, names[i]));
        CU_ASSERT_EQUAL(o->reads_deleted, flags != 0);
        CU_ASSERT_FALSE(o->reads_ids || o->deleted_is_whole || o->is_custom || o->creates);
        CU_ASSERT_EQUAL(o->write_rows + o->association_count + o->read_only_count, 0);
        CU_ASSERT_EQUAL(o->write_scope.len, 0);
    }
    descriptor_free(&d);
}

static void test_short_rows(void)
{
    expect_short_rows(FIRST_OBJECT, 0);
    expect_short_rows(OLD_OBJECT, FASTENR_OBJECT_DELETED);
}

/* An older table of operations ends before `write`, and what follows it in memory is no part of it.
 */
static void test_short_ops(void)
{
    const struct fastenr_object plain[] = {object("plain", 0)};
    struct fastenr_ops old = ops;
    struct descriptor d;
    old.write = write_records;
    old.size = OLD_OPS;
    connector.ops = &old;
    describe((struct fastenr_table)FASTENR_TABLE(plain), &d);
    CU_ASSERT_FALSE(d.writes);
    descriptor_free(&d);
    old.size = sizeof old;
    describe((struct fastenr_table)FASTENR_TABLE(plain), &d);
    CU_ASSERT_TRUE(d.writes);
    descriptor_free(&d);
    old.size = OLD_OPS - 1;
    struct buf why = BUF_INIT(1000);
    CU_ASSERT_TRUE(describe_refusal(&connector, &why));
    UNIT_TEXT(buf_cstr(&why),
              "its table of operations lacks create, destroy, check, discover or read");
    buf_free(&why);
    connector.ops = &ops;
}

/* ---- what is said of writing ---- */

static const struct fastenr_str written_links[] = {FASTENR_STR("associations.companies")};
static const struct fastenr_str not_written[] = {FASTENR_STR("id"), FASTENR_STR("hs_*")};

static struct fastenr_object written_object(uint32_t flags, uint32_t rows)
{
    struct fastenr_object o = object("things", flags);
    o.write_rows = rows;
    o.write_scope = (struct fastenr_str)FASTENR_STR("things.write");
    o.read_only = (struct fastenr_table)FASTENR_TABLE(not_written);
    return o;
}

static void test_writes(void)
{
    struct fastenr_object rows[] = {
        written_object(FASTENR_OBJECT_CREATE | FASTENR_OBJECT_UPDATE | FASTENR_OBJECT_UPSERT |
                           FASTENR_OBJECT_ARCHIVE | FASTENR_OBJECT_RESTORE,
                       1000)};
    struct descriptor d;
    rows[0].associations = (struct fastenr_table)FASTENR_TABLE(written_links);
    describe((struct fastenr_table)FASTENR_TABLE(rows), &d);
    const struct connector_object *o = &d.objects[0];
    CU_ASSERT_TRUE(d.writes && o->creates && o->updates && o->upserts && o->archives &&
                   o->restores);
    CU_ASSERT_EQUAL(o->write_rows, 1000);
    CU_ASSERT(str_is(o->write_scope, "things.write"));
    CU_ASSERT_TRUE(descriptor_is_association(o, STR("associations.companies")));
    CU_ASSERT_FALSE(descriptor_is_association(o, STR("associations.deals")));
    CU_ASSERT_TRUE(descriptor_is_read_only(o, STR("id")));
    CU_ASSERT_TRUE(descriptor_is_read_only(o, STR("hs_")) &&
                   descriptor_is_read_only(o, STR("hs_object_id")));
    CU_ASSERT_FALSE(descriptor_is_read_only(o, STR("ids")) ||
                    descriptor_is_read_only(o, STR("hs")) ||
                    descriptor_is_read_only(o, STR("name")));
    descriptor_free(&d);
}

/* Why a descriptor with this one object is refused. */
static void expect_refused(const struct fastenr_object *row, const char *expected)
{
    struct buf out = BUF_INIT(1 << 20);
    struct descriptor d;
    struct error err = {0};
    connector.objects = (struct fastenr_table){row, 1, sizeof *row};
    describe_connector(&connector, &out);
    CU_ASSERT_EQUAL(descriptor_decode(buf_view(&out), &d, &err), -1);
    UNIT_TEXT(err.text, expected);
    connector.objects = (struct fastenr_table){0};
    buf_free(&out);
}

static void test_writes_refused(void)
{
    static const uint32_t flags[] = {FASTENR_OBJECT_CREATE, FASTENR_OBJECT_UPDATE,
                                     FASTENR_OBJECT_UPSERT, FASTENR_OBJECT_ARCHIVE,
                                     FASTENR_OBJECT_RESTORE};
    struct fastenr_object row = written_object(FASTENR_OBJECT_CREATE, 0);
    expect_refused(&row, "its object things takes 0 rows a write, and not 1 to 1000");
    row.write_rows = 1001;
    expect_refused(&row, "its object things takes 1001 rows a write, and not 1 to 1000");
    connector.ops = &reading_ops;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        row = written_object(flags[i], 1);
        expect_refused(&row, "its object things is written, and it has no operation for that");
    }
    row = written_object(0, 1);
    row.associations = (struct fastenr_table)FASTENR_TABLE(written_links);
    expect_refused(&row, "its object things is written, and it has no operation for that");
    connector.ops = &ops;
}

static void test_too_short(void)
{
    const struct fastenr_object rows[] = {object("only", 0)};
    struct buf why = BUF_INIT(1000);
    connector.objects = (struct fastenr_table){rows, 1, FIRST_OBJECT - 1};
    CU_ASSERT_TRUE(describe_refusal(&connector, &why));
    CU_ASSERT(str_starts(buf_view(&why), "its descriptor is shorter than ABI"));
    connector.objects = (struct fastenr_table){0};
    buf_free(&why);
}

/* ---- pages ---- */

/* What the host gets of a page of this size. */
static void expect_paths(uint32_t size, const char *merged, const char *title, const char *times)
{
    struct fastenr_page page = {.size = size,
                                .records = FASTENR_STR("r"),
                                .id = FASTENR_STR("id"),
                                .next = FASTENR_STR("n"),
                                .merged = FASTENR_STR("m"),
                                .title = FASTENR_STR("t"),
                                .times = FASTENR_STR("ts"),
                                .time = FASTENR_STR("at")};
    struct fastenr_page_result result = {.size = sizeof result};
    begin();
    struct fastenr_host *host = services_new(&channel);
    CU_ASSERT_EQUAL(services_table()->emit_page(host, 7, &page, &result), FASTENR_OK);
    struct wire_reader r = {.rest = buf_view(&said)};
    struct str text = {0};
    CU_ASSERT_EQUAL(wire_u64(&r), 7);
    for (int i = 0; i < 5; i++)
        text = wire_str(&r, 100);
    CU_ASSERT(str_is(text, "n"));
    CU_ASSERT(str_is(wire_str(&r, 100), merged));
    CU_ASSERT(str_is(wire_str(&r, 100), title));
    CU_ASSERT(str_is(wire_str(&r, 100), times));
    CU_ASSERT(str_is(wire_str(&r, 100), size == sizeof page ? "at" : ""));
    CU_ASSERT(wire_done(&r));
    services_free(host);
    buf_free(&said);
}

static void test_short_page(void)
{
    expect_paths(sizeof(struct fastenr_page), "m", "t", "ts");
    expect_paths(offsetof(struct fastenr_page, time), "m", "t", "ts");
    expect_paths(offsetof(struct fastenr_page, times), "m", "t", "");
    expect_paths(offsetof(struct fastenr_page, title), "m", "", "");
    expect_paths(OLD_PAGE, "", "", "");
    expect_paths(OLD_PAGE + 8, "", "", "");
}

/* ---- selectors ---- */

static void put_read(uint32_t mode, const char *const *ids, uint32_t count)
{
    struct buf *out = order(OP_READ);
    wire_put_u32(out, mode);
    wire_put_str(out, STR("things"));
    wire_put_u32(out, 1);
    wire_put_str(out, STR("name"));
    wire_put_i64(out, 5);
    wire_put_i64(out, 6);
    wire_put_str(out, STR(""));
    wire_put_u64(out, 0);
    wire_put_u32(out, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_str(out, str_from(ids[i]));
    wire_put_u32(out, count > 0);
    if (count > 0)
        wire_put_str(out, STR("name"));
}

static void test_selector(void)
{
    static const char *const ids[] = {"7", "x-8"};
    begin();
    read_with = BUF_INIT(1000);
    order(OP_DESCRIBE);
    wire_put_u32(order(OP_CREATE), 0);
    put_read(FASTENR_READ_IDS, ids, 2);
    put_read(FASTENR_READ_DELETED, NULL, 0);
    order(OP_DESTROY);
    worker_serve(&channel, entry);
    UNIT_TEXT(buf_cstr(&read_with), "4 1 5: 7 x-8 when name?3 1 5:");
    CU_ASSERT_EQUAL(next_order, order_count);
    buf_free(&read_with);
    buf_free(&said);
}

const char *const unit_suite = "worker side";
const struct unit_test unit_tests[] = {
    {"flags of objects", test_object_flags},
    {"shorter rows of objects are read as zeros", test_short_rows},
    {"a shorter table of operations has no write", test_short_ops},
    {"what is said of writing", test_writes},
    {"what is said of writing and cannot be", test_writes_refused},
    {"rows shorter than the first ABI's are refused", test_too_short},
    {"a shorter page has no merged ids, title or times", test_short_page},
    {"mode, ids and timed fields of a read", test_selector},
    {NULL, NULL},
};
