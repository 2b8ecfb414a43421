/* SPDX-License-Identifier: Apache-2.0 */
/* Connectors in real, jailed workers: what is refused, what an end of each kind is called, and that
 * nothing gets out. FAULT_PLUGINS and WORKER_PATH come from the build. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/loop_uv.h"
#include "base/mem.h"
#include "base/time.h"
#include "plugin/process.h"
#include "plugin/protocol.h"
#include "plugin/registry.h"
#include "plugin/wire.h"

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

static const char *fixture_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, FAULT_PLUGINS "/%s", name);
    return path;
}

/* Describes a fixture; the error without its path, or "" when it was described. */
static const char *refusal(const char *name, struct connector_info *ret_info)
{
    static struct error err;
    struct worker_limits limits = WORKER_LIMITS_DEFAULT;
    limits.hang_us = 300 * US_PER_MS;
    err.text[0] = '\0';
    const char *path = fixture_path(name);
    if (registry_describe(&world, carrier, &limits, path, ret_info, &err) == 0)
        return "";
    CU_ASSERT(str_starts(str_from(err.text), path));
    CU_ASSERT_PTR_NULL(strchr(err.text, '\n'));
    return err.text + strlen(path) + 2;
}

static void test_described(void)
{
    struct connector_info info;
    UNIT_TEXT(refusal("idle.so", &info), "");
    CU_ASSERT(str_is(info.descriptor.id, "com.fastenr.test.fixture"));
    CU_ASSERT_EQUAL(info.descriptor.object_count, 1);
    CU_ASSERT_PTR_NOT_NULL(descriptor_object(&info.descriptor, STR("things")));
    uint32_t must = JAIL_NO_NEW_PRIVS | JAIL_RLIMITS | JAIL_SECCOMP | JAIL_NOBODY;
    CU_ASSERT_EQUAL(info.jail_layers & must, must);
    connector_info_free(&info);
}

static void test_refused(void)
{
    struct connector_info info;
    UNIT_TEXT(refusal("no_entry.so", &info),
              "it does not export fastenr_connector(): it is a shared "
              "object, but no connector");
    UNIT_TEXT(
        refusal("other_major.so", &info),
        "it is built for connector ABI 7.4, this host has 0.4: install a build of the connector "
        "for ABI 0");
    UNIT_TEXT(refusal("newer_minor.so", &info),
              "it wants connector ABI 0.99, this host has only 0.4: upgrade fastenr, or install an "
              "older build of the connector");
    UNIT_TEXT(
        refusal("needs_extension.so", &info),
        "it needs the extension fastenr.notify/0, which this host does not have: upgrade fastenr");
}

static void test_no_connector_files(void)
{
    struct connector_info info;
    struct error err;
    char path[] = "/tmp/fastenr-test-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "#!/bin/sh\n", 10), 10);
    CU_ASSERT(registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, path, &info, &err) == -1);
    CU_ASSERT(str_ends(str_from(err.text), ": it is no ELF file, so no connector"));
    close(fd);
    unlink(path);
    CU_ASSERT(registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, path, &info, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "No such file"));
    CU_ASSERT(registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, "/tmp", &info, &err) ==
              -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "it is a folder"));
    CU_ASSERT(
        registry_describe(&world, carrier, &WORKER_LIMITS_DEFAULT, "/bin/true", &info, &err) == -1);
}

static void test_ends_while_loading(void)
{
    struct connector_info info;
    UNIT_TEXT(refusal("dies_at_once.so", &info), "in load: died by signal 6 (SIGABRT)");
    UNIT_TEXT(refusal("hangs_at_once.so", &info),
              "in describe: it spent more than 0.3 s outside host calls: it hangs, or its limit "
              "(workers.hang) is too low");
    UNIT_TEXT(refusal("junk_at_once.so", &info),
              "in load: it wrote junk to its socket: the connector is broken or hostile");
    UNIT_TEXT(refusal("executes.so", &info),
              "in describe: killed by signal 31 (SIGSYS): it tried what the jail forbids");
}

static void test_spy(void)
{
    struct connector_info info;
    unlink("/tmp/fastenr-spy");
    UNIT_TEXT(refusal("spies.so", &info), "");
    /* EACCES (13) from Landlock, EPERM (1) from seccomp; clone has no permission either. */
    char *version = strndup(info.descriptor.version.ptr, info.descriptor.version.len);
    UNIT_TEXT(version, "read=13 write=1 inet=1 unix=1 fork=1 lib=1 stat=1 inet2=1 limits=1 ");
    free(version);
    CU_ASSERT(access("/tmp/fastenr-spy", F_OK) != 0);
    connector_info_free(&info);
}

/* ---- operations ---- */

struct drive {
    struct worker *worker;
    struct image image;
    struct buf said;
    bool over;
    struct named_text option; /* empty: none */
};

static void on_started(void *arg, struct descriptor *descriptor, uint32_t layers, const char *text)
{
    struct drive *d = arg;
    (void)layers;
    CU_ASSERT_PTR_NOT_NULL_FATAL(descriptor);
    descriptor_free(descriptor);
    buf_printf(&d->said, "started%s ", text);
    worker_create(d->worker, &d->option, d->option.name.len > 0);
}

static void on_finished(void *arg, const struct operation_result *result)
{
    struct drive *d = arg;
    buf_printf(&d->said, "%s:%s ", phase_name(result->phase), outcome_name(result->outcome));
    struct selector selector = {.mode = READ_FULL, .object = STR("things")};
    if (result->phase == PHASE_CREATE)
        worker_check(d->worker);
    else if (result->phase == PHASE_CHECK)
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

static const struct worker_events drive_events = {
    .started = on_started, .finished = on_finished, .ended = on_ended};

/* What is said of a connector driven through create, check, read and stop. */
static void drive_with(const struct worker_events *events, const char *name, const char *expected)
{
    struct error err;
    struct drive d = {.said = BUF_INIT(1000)};
    struct worker_limits limits = {.memory = 64u << 20, .hang_us = 300 * US_PER_MS};
    CU_ASSERT_FATAL(image_load(fixture_path(name), &d.image, &err) == 0);
    d.worker = worker_start(&world, carrier, &d.image, &limits, events, &d, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d.worker);
    loop_run(world.loop, &d.over);
    UNIT_TEXT(buf_cstr(&d.said), expected);
    worker_free(d.worker);
    loop_turn(world.loop, 0);
    image_free(&d.image);
    buf_free(&d.said);
}

static void drive(const char *name, const char *expected)
{
    drive_with(&drive_events, name, expected);
}

static void test_operations(void)
{
    drive("idle.so", "started create:ok check:ok read:ok stopped");
    drive("exits.so", "started create:ok in check: exited with code 7");
    drive("junk.so",
          "started create:ok in check: it wrote junk to its socket: the connector is broken "
          "or hostile");
    drive("hangs.so", "started create:ok check:ok in read: it spent more than 0.3 s outside host "
                      "calls: it hangs, or its limit (workers.hang) is too low");
}

/* ---- attaching ---- */

static void on_log(void *arg, int level, struct str text)
{
    struct drive *d = arg;
    (void)level;
    buf_printf(&d->said, "%.*s ", STR_ARG(text));
}

static void on_http(void *arg, struct ticket *ticket)
{
    struct blob *blob = blob_new(1000);
    (void)arg;
    CU_ASSERT(blob_append(blob, STR("[]"), NULL) == 0);
    worker_http_done(ticket, OUTCOME_OK, 200, blob, "");
}

static void on_page(void *arg, struct ticket *ticket, const struct page_spec *spec)
{
    struct drive *d = arg;
    const struct page_result result = {.next = STR(""), .last_id = STR("")};
    size_t attached = 0;
    (void)spec;
    for (const struct ticket *t = ticket->attached; t; t = t->next)
        attached++;
    buf_printf(&d->said, "page+%zu ", attached);
    ticket_free(ticket);
    worker_page_done(d->worker, OUTCOME_OK, &result);
}

static const struct worker_events attach_events = {.started = on_started,
                                                   .finished = on_finished,
                                                   .ended = on_ended,
                                                   .log = on_log,
                                                   .http = on_http,
                                                   .emit_page = on_page};

/* What is attached goes with the next page alone; what cannot be is refused, and harms nothing. */
static void test_attach(void)
{
    drive_with(&attach_events, "attaches.so",
               "started create:ok check:ok ok failed failed failed page+1 ok page+0 ok page+256 ok "
               "read:failed stopped");
}

/* More than a socket holds: the rest goes when the worker has read some. */
static void test_large_message(void)
{
    struct error err;
    struct drive d = {.said = BUF_INIT(1000)};
    char *text = mem_new(1, 4u << 20);
    memset(text, 'x', 4u << 20);
    d.option = (struct named_text){STR("text"), {text, 4u << 20}};
    CU_ASSERT_FATAL(image_load(fixture_path("idle.so"), &d.image, &err) == 0);
    d.worker =
        worker_start(&world, carrier, &d.image, &WORKER_LIMITS_DEFAULT, &drive_events, &d, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d.worker);
    loop_run(world.loop, &d.over);
    UNIT_TEXT(buf_cstr(&d.said), "started create:ok check:ok read:ok stopped");
    worker_free(d.worker);
    loop_turn(world.loop, 0);
    image_free(&d.image);
    buf_free(&d.said);
    free(text);
}

static void test_freed_while_running(void)
{
    struct error err;
    struct drive d = {.said = BUF_INIT(1000)};
    CU_ASSERT_FATAL(image_load(fixture_path("hangs.so"), &d.image, &err) == 0);
    d.worker =
        worker_start(&world, carrier, &d.image, &WORKER_LIMITS_DEFAULT, &drive_events, &d, &err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d.worker);
    while (!strstr(buf_cstr(&d.said), "check:ok"))
        loop_turn(world.loop, -1);
    worker_free(d.worker);
    loop_turn(world.loop, 0);
    CU_ASSERT(!d.over);
    image_free(&d.image);
    buf_free(&d.said);
}

static void test_many_starts(void)
{
    for (int i = 0; i < 50; i++) {
        struct connector_info info;
        CU_ASSERT(refusal("idle.so", &info)[0] == '\0');
        connector_info_free(&info);
    }
    int before = dup(0);
    close(before);
    for (int i = 0; i < 50; i++) {
        struct connector_info info;
        refusal("dies_at_once.so", &info);
    }
    int after = dup(0);
    close(after);
    CU_ASSERT_EQUAL(before, after); /* no descriptor is left behind */
}

/* ---- messages ---- */

/* However few descriptors are left, the system's own words are passed on. */
static void test_few_descriptors(void)
{
    struct rlimit before, few;
    size_t told = 0, described = 0;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    int next = dup(STDERR_FILENO);
    CU_ASSERT_FATAL(next >= 0);
    close(next);
    for (int left = 0; left < 20; left++) {
        struct connector_info info;
        few = before;
        few.rlim_cur = (rlim_t)(next + left);
        CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &few), 0);
        const char *text = refusal("idle.so", &info);
        CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
        CU_ASSERT_PTR_NULL(strstr(text, "Bad file descriptor"));
        told += strstr(text, "Too many open files") != NULL;
        described += text[0] == '\0';
        if (text[0] == '\0')
            connector_info_free(&info);
    }
    CU_ASSERT(told >= 4);
    CU_ASSERT(described > 0);
}

static void test_frames(void)
{
    static char frame[FRAME_MAX];
    struct buf payload = BUF_INIT(MESSAGE_MAX);
    struct message joined = MESSAGE_INIT;
    bool more = false;
    size_t offset = 0;
    int frames = 0, whole = 0;
    for (int i = 0; i < 200000; i++)
        buf_char(&payload, (char)i);
    do {
        size_t len = frame_cut(5, 9, buf_view(&payload), &offset, frame);
        whole = frame_join(&joined, &more, (struct str){frame, len});
        frames++;
    } while (offset < payload.len);
    CU_ASSERT_EQUAL(whole, 1);
    CU_ASSERT_EQUAL(frames, 4);
    CU_ASSERT(str_eq(buf_view(&joined.payload), buf_view(&payload)));
    CU_ASSERT_EQUAL(frame_join(&joined, &more, STR("short")), -1);
    frame[12] ^= 1; /* a length that is not the frame's */
    CU_ASSERT_EQUAL(frame_join(&joined, &more, (struct str){frame, 100}), -1);
    buf_free(&payload);
    buf_free(&joined.payload);
}

static void test_wire_bounds(void)
{
    struct buf b = BUF_INIT(100);
    wire_put_u32(&b, 7);
    wire_put_str(&b, STR("abc"));
    struct wire_reader r = {.rest = buf_view(&b)};
    CU_ASSERT_EQUAL(wire_u32(&r), 7);
    CU_ASSERT(str_is(wire_str(&r, 3), "abc"));
    CU_ASSERT(wire_done(&r));
    r = (struct wire_reader){.rest = buf_view(&b)};
    wire_u32(&r);
    CU_ASSERT_EQUAL(wire_str(&r, 2).len, 0); /* longer than allowed */
    CU_ASSERT(r.bad);
    for (size_t cut = 0; cut < b.len; cut++) {
        r = (struct wire_reader){.rest = str_slice(buf_view(&b), 0, cut)};
        wire_u32(&r);
        wire_str(&r, 3);
        CU_ASSERT(r.bad);
    }
    buf_free(&b);
}

static void in_world(void (*test)(void))
{
    open_world();
    test();
    close_world();
}

#define IN_WORLD(name)                                                                             \
    static void world_##name(void)                                                                 \
    {                                                                                              \
        in_world(name);                                                                            \
    }

IN_WORLD(test_described)
IN_WORLD(test_refused)
IN_WORLD(test_no_connector_files)
IN_WORLD(test_ends_while_loading)
IN_WORLD(test_spy)
IN_WORLD(test_operations)
IN_WORLD(test_attach)
IN_WORLD(test_large_message)
IN_WORLD(test_freed_while_running)
IN_WORLD(test_many_starts)
IN_WORLD(test_few_descriptors)

const char *const unit_suite = "plugin";
const struct unit_test unit_tests[] = {
    {"messages are cut into frames and joined", test_frames},
    {"the wire reader stays in bounds", test_wire_bounds},
    {"a connector is described in its jail", world_test_described},
    {"connectors for another host are refused in one line", world_test_refused},
    {"files that are no connectors are refused in one line", world_test_no_connector_files},
    {"an end while loading has a phase and a cause", world_test_ends_while_loading},
    {"a constructor gets no file and no socket", world_test_spy},
    {"an end in an operation has a phase and a cause", world_test_operations},
    {"answers are attached to the next page", world_test_attach},
    {"a message may be larger than a socket holds", world_test_large_message},
    {"a worker may be freed while it runs", world_test_freed_while_running},
    {"a hundred starts and crashes leave nothing behind", world_test_many_starts},
    {"few descriptors are told of as that", world_test_few_descriptors},
    {NULL, NULL},
};
