/* SPDX-License-Identifier: Apache-2.0 */
#include "export_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct connector_object *fixture_object(void)
{
    static struct connector_mapping rows[] = {
        {.to = {"name", 4}, .from = {"name", 4}},
        {.to = {"domain", 6}, .from = {"site", 4}, .transform = {"trim,lower", 10}},
        {.to = {"industry", 8}, .from = {"sector,branch", 13}, .join = {"/", 1}},
        {.to = {"parent_id", 9}, .from = {"links.up", 8}, .lookup = {"companies", 9}},
        {.to = {"status", 6},
         .from = {"stage", 5},
         .map = {"2=active,1=active,3=churned,*=onboarding", 40}},
        {.to = {"custom_fields.city", 18}, .from = {"town", 4}},
        {.to = {"custom_fields.score", 19}, .from = {"calc_score", 10}},
        {.to = {"custom_fields.stage", 19}, .from = {"stage", 5}},
    };
    static struct str read_only[] = {{"locked", 6}, {"calc_*", 6}},
                      associations[] = {{"links.up", 8}};
    static struct connector_object object = {.name = {"companies", 9},
                                             .canonical = {"account", 7},
                                             .key = {"id", 2},
                                             .modified = {"updated", 7},
                                             .mapping = rows,
                                             .mapping_count = sizeof rows / sizeof rows[0],
                                             .creates = true,
                                             .updates = true,
                                             .upserts = true,
                                             .archives = true,
                                             .write_rows = 100,
                                             .associations = associations,
                                             .association_count = 1,
                                             .read_only = read_only,
                                             .read_only_count = 2};
    return &object;
}

struct compiled *compiled_file(const char *model, const char *text)
{
    struct compiled *c = calloc(1, sizeof *c);
    char path[] = "/tmp/fastenr-export-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(c && fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    CU_ASSERT_FATAL(connection_config_read(path, &c->config, &c->arena, &c->problems));
    CU_ASSERT_EQUAL_FATAL(c->config.objects.count, 1);
    mapping_compile(&c->config, &c->config.objects.items[0], fixture_object(),
                    model_object(str_from(model)), &c->mapping, &c->arena, &c->problems);
    unlink(path);
    return c;
}

struct compiled *compiled_object(const char *model, const char *object)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "connection: crm\nconnector: test\nobjects:\n  companies: {%s}\n", object);
    struct compiled *c = compiled_file(model, buf_cstr(&text));
    buf_free(&text);
    for (size_t i = 0; i < c->problems.count; i++)
        fprintf(stderr, "%s: %s\n", object, c->problems.items[i].text);
    CU_ASSERT_EQUAL_FATAL(c->problems.count, 0);
    return c;
}

void compiled_free(struct compiled *c)
{
    problems_free(&c->problems);
    arena_free(&c->arena);
    free(c);
}
