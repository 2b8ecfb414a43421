/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's file: what was written is read, each unit together; and whatever is done to the file, or
 * wherever it is brought, it is refused before anything of it is used. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"
#include "sync/plan_file.h"

#define AT INT64_C(1772323200000000)

static struct store here = {.id = {{1, 2, 3}}, .hash_key = {7, 7, 7}};
static struct error err;
static char dir[64], path[100];

static void note(struct sync_plan *plan, enum plan_side side, enum plan_op op, const char *id,
                 const char *record, const char *fields)
{
    const struct plan_note n = {.side = side,
                                .op = op,
                                .model = model_object(STR("account")),
                                .external_id = str_from(id),
                                .record_id = str_from(record),
                                .record = side == PLAN_THERE ? 5 : 0,
                                .fields = str_from(fields)};
    struct plan_note *added = plan_add(&plan->notes, &n);
    added->line = plan_line(added, STR("companies"), &plan->notes.arena);
}

static void take(struct sync_plan *plan)
{
    CU_ASSERT_EQUAL_FATAL(plan_take(plan, STR("companies"), here.hash_key, &err), 0);
}

static void begin(struct sync_plan *plan)
{
    const struct plan_origin origin = {
        .connection = STR("crm"), .mapping = STR("abc"), .by = STR("fred"), .at = AT};
    snprintf(dir, sizeof dir, "/tmp/fastenr-plan-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/plan", dir);
    *plan = (struct sync_plan){.file = plan_file_new(path, &here, &origin, &err)};
    CU_ASSERT_PTR_NOT_NULL_FATAL(plan->file);
}

static void end(struct sync_plan *plan)
{
    plan_free(plan);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(dir), 0); /* nothing else is left there */
}

/* Two records here, in two batches, and one there that is made and associated later. */
static void make(struct sync_plan *plan)
{
    begin(plan);
    note(plan, PLAN_HERE, PLAN_UPDATE, "2", "r2", "{\"name\":[\"a\",\"b\"]}");
    note(plan, PLAN_HERE, PLAN_CREATE, "1", "", "{\"name\":[null,\"c\"]}");
    take(plan);
    note(plan, PLAN_THERE, PLAN_CREATE, "", "r3", "{\"name\":[null,\"d\"]}");
    note(plan, PLAN_THERE, PLAN_UPDATE, "4", "r4", "{\"name\":[\"e\",\"f\"]}");
    take(plan);
    note(plan, PLAN_THERE, PLAN_ASSOCIATE, "", "r3", "{\"to\":[null,{\"record\":\"r4\"}]}");
    take(plan);
    CU_ASSERT_EQUAL_FATAL(plan_file_close(plan->file, plan, &err), 0);
}

static bool count_line(void *arg, struct str line)
{
    (void)line;
    ++*(int *)arg;
    return true;
}

static void test_comes_back(void)
{
    struct sync_plan plan;
    struct plan_reading r;
    struct buf text = BUF_INIT(10000);
    struct plan_entry e;
    struct stat st;
    static const char *const ids[] = {"1", "2", "r3", "r3", "r4"};
    static const bool firsts[] = {true, true, true, false, true};
    int lines = 0;
    make(&plan);
    CU_ASSERT_EQUAL(stat(path, &st), 0);
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0600);
    CU_ASSERT_EQUAL(plan_file_each(plan.file, count_line, &lines, &err), 0);
    CU_ASSERT_EQUAL(lines, 5);
    CU_ASSERT_EQUAL_FATAL(plan_reading_open(&r, path, &here, &err), 0);
    UNIT_TEXT(r.origin.connection.ptr, "crm");
    UNIT_TEXT(r.origin.mapping.ptr, "abc");
    CU_ASSERT_EQUAL(r.origin.at, AT);
    CU_ASSERT_EQUAL_FATAL(r.count, 5);
    for (size_t i = 0; i < r.count; i++) {
        CU_ASSERT_EQUAL_FATAL(plan_reading_line(&r, i, &text, &err), 0);
        CU_ASSERT_EQUAL_FATAL(plan_entry_read(buf_view(&text), &e, &err), 0);
        CU_ASSERT(str_is(e.unit, ids[i]));
        CU_ASSERT_EQUAL(r.rows[i].first, firsts[i]);
        CU_ASSERT_EQUAL(e.record, e.side == PLAN_THERE ? 5 : 0);
        plan_entry_free(&e);
    }
    buf_free(&text);
    plan_reading_close(&r);
    end(&plan);
}

static void test_each_change_once(void)
{
    struct sync_plan plan;
    begin(&plan);
    for (int i = 0; i < 2; i++) {
        note(&plan, PLAN_HERE, PLAN_UPDATE, "2", "r2", "{\"name\":[\"a\",\"b\"]}");
        note(&plan, PLAN_THERE, PLAN_CREATE, "", "r3", "{\"name\":[null,\"d\"]}");
        take(&plan);
    }
    note(&plan, PLAN_THERE, PLAN_CREATE, "", "r3", "{\"name\":[null,\"another\"]}");
    note(&plan, PLAN_HERE, PLAN_DELETE, "5", "r5", "");
    note(&plan, PLAN_HERE, PLAN_DELETE, "6", "r5", "");
    take(&plan);
    CU_ASSERT_EQUAL(plan_total(&plan.objects[0].counts), 3);
    end(&plan);
}

static void test_without_an_end_there_is_none(void)
{
    struct sync_plan plan;
    struct stat st;
    begin(&plan);
    note(&plan, PLAN_HERE, PLAN_UPDATE, "2", "r2", "{\"name\":[\"a\",\"b\"]}");
    take(&plan);
    CU_ASSERT_NOT_EQUAL(stat(path, &st), 0);
    end(&plan);
}

/* ---- what is not read ---- */

static void expect_refused(const struct store *store, const char *why)
{
    struct plan_reading r;
    err.text[0] = '\0';
    CU_ASSERT_EQUAL(plan_reading_open(&r, path, store, &err), -1);
    if (!strstr(err.text, why))
        UNIT_TEXT(err.text, why);
}

static void put(struct str text)
{
    CU_ASSERT_EQUAL_FATAL(file_replace(path, text, 0600, &err), 0);
}

static void test_every_byte_counts(void)
{
    struct sync_plan plan;
    struct buf text = BUF_INIT(100000);
    struct plan_reading r;
    make(&plan);
    CU_ASSERT_EQUAL_FATAL(file_read(path, &text, &err), 0);
    size_t whole = text.len, last = whole - 1;
    while (text.ptr[last - 1] != '\n')
        last--;
    for (size_t i = 0; i < whole; i++) {
        char was = text.ptr[i];
        text.ptr[i] = was == 'x' ? 'y' : 'x';
        put(buf_view(&text));
        CU_ASSERT_EQUAL(plan_reading_open(&r, path, &here, &err), -1);
        text.ptr[i] = was;
    }
    for (size_t len = 0; len < whole; len++) {
        put((struct str){text.ptr, len});
        CU_ASSERT_EQUAL(plan_reading_open(&r, path, &here, &err), -1);
    }
    put((struct str){text.ptr, last});
    expect_refused(&here, "is cut short");
    buf_text(&text, "{\"object\":\"companies\"}\n");
    put(buf_view(&text));
    CU_ASSERT_EQUAL(plan_reading_open(&r, path, &here, &err), -1);
    put((struct str){text.ptr, whole});
    CU_ASSERT_EQUAL(plan_reading_open(&r, path, &here, &err), 0);
    plan_reading_close(&r);
    buf_free(&text);
    end(&plan);
}

static void test_of_another_store(void)
{
    struct store other = here, copy = here;
    struct sync_plan plan;
    make(&plan);
    other.id.bytes[0]++;
    expect_refused(&other, "another store");
    copy.hash_key[0]++; /* one that only has the same id */
    expect_refused(&copy, "was changed since it was made");
    end(&plan);
}

static void test_of_another_kind(void)
{
    struct sync_plan plan;
    make(&plan);
    put(STR(""));
    expect_refused(&here, "is empty");
    put(STR("hello\n"));
    expect_refused(&here, "is no plan");
    put(STR("{\"fastenr_plan\":2}\n"));
    expect_refused(&here, "has the format 2");
    unlink(path);
    expect_refused(&here, "cannot read");
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    expect_refused(&here, "is no file");
    rmdir(path);
    end(&plan);
}

static void test_a_line_that_changes_later(void)
{
    struct sync_plan plan;
    struct plan_reading r;
    struct buf text = BUF_INIT(10000);
    make(&plan);
    CU_ASSERT_EQUAL_FATAL(plan_reading_open(&r, path, &here, &err), 0);
    FILE *f = fopen(path, "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fseek(f, (long)r.rows[1].at + 5, SEEK_SET);
    fputc('~', f);
    fclose(f);
    CU_ASSERT_EQUAL(plan_reading_line(&r, 0, &text, &err), 0);
    CU_ASSERT_EQUAL(plan_reading_line(&r, 1, &text, &err), -1);
    buf_free(&text);
    plan_reading_close(&r);
    end(&plan);
}

const char *const unit_suite = "plan";
const struct unit_test unit_tests[] = {
    {"what was written comes back, each unit together", test_comes_back},
    {"each change is told once", test_each_change_once},
    {"without an end there is no file", test_without_an_end_there_is_none},
    {"every byte of it counts", test_every_byte_counts},
    {"a plan of another store", test_of_another_store},
    {"a file of another kind", test_of_another_kind},
    {"a line that changes while it is applied", test_a_line_that_changes_later},
    {NULL, NULL}};
