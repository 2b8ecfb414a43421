/* SPDX-License-Identifier: Apache-2.0 */
/* All that can be wrong with the two-way part of a connection file, word by word. */
#include "export_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sync/setup.h"

static const struct descriptor *connector(void)
{
    static struct descriptor d;
    d = (struct descriptor){.id = STR("com.example.crm"),
                            .name = STR("Example"),
                            .version = STR("1"),
                            .category = 1,
                            .objects = fixture_object(),
                            .object_count = 1};
    return &d;
}

static void expect(const char *text, const char *expected)
{
    char path[] = "/tmp/fastenr-export-XXXXXX";
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct setup setup;
    struct buf out = BUF_INIT(64 * 1024);
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL_FATAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    CU_ASSERT_FATAL(connection_config_read(path, &config, &arena, &problems));
    config.name = STR("crm");
    setup_make(&config, connector(), &setup, &arena, &problems);
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&out, "%d:%d: %s\n", problems.items[i].line, problems.items[i].column,
                   problems.items[i].text);
    UNIT_TEXT(buf_cstr(&out), expected);
    unlink(path);
    problems_free(&problems);
    arena_free(&arena);
    buf_free(&out);
}

/* `object` begins at line 4 of the file, in column 5. */
static void mistakes(const char *object, const char *expected)
{
    struct buf text = BUF_INIT(64 * 1024);
    buf_printf(&text, "connection: crm\nconnector: t\nobjects: {companies: {\n    %s}}\n", object);
    expect(buf_cstr(&text), expected);
    buf_free(&text);
}

/* Of an object that goes both ways: what stands here begins in column 35. */
static void both(const char *object, const char *expected)
{
    struct buf text = BUF_INIT(16 * 1024);
    buf_printf(&text, "sync_direction: bidirectional, %s", object);
    mistakes(buf_cstr(&text), expected);
    buf_free(&text);
}

static void test_words(void)
{
    mistakes("sync_direction: exprt", "4:21: sync_direction cannot be 'exprt'; did you mean "
                                      "'export'?\n");
    mistakes("sync_direktion: export", "4:5: there is no setting 'sync_direktion' here; did you "
                                       "mean 'sync_direction'?\n");
    both("conflict_resolution: newest", "4:57: conflict_resolution cannot be 'newest'; known: "
                                        "last_modified, source_priority, manual_review\n");
    both("conflict_resolution: source_priority, priority: remote",
         "4:84: priority cannot be 'remote'; known: vendor, local\n");
    both("export: {creat: true}",
         "4:45: there is no setting 'creat' here; did you mean 'create'?\n");
    both("export: {create: maybe}", "4:53: create must be true or false\n");
    both("export: yes", "4:44: here is a single value: write a map, like key: value\n");
    both("guard: {max_export_percent: 101, max_export_changes: 0}",
         "4:64: max_export_percent must be from 1 to 100\n"
         "4:89: max_export_changes must be at least 1\n");
    both("mapping: {name: {from: a, merge_strategy: apend}}",
         "4:78: merge_strategy cannot be 'apend'; did you mean 'append'?\n");
    both("mapping: {name: {from: a, export: {too: b}}}",
         "4:71: there is no setting 'too' here; did you mean 'to'?\n");
    both("mapping: {name: {from: a, export: [b]}}", "4:70: export is a list: write one value\n");
    both("mapping: {name: {from: a, export: {to: [b]}}}", "4:75: to is a list: write one value\n");
    both("mapping: {name: {from: a, export: {map: b}}}", "4:76: map is a single value: write a "
                                                         "map\n");
    both("mapping: {name: {sync_direction: import, exports: b}}",
         "4:52: name has neither 'from' nor 'value': name the vendor's field, for example name: "
         "name\n"
         "4:77: there is no setting 'exports' here; did you mean 'export'?\n");
}

static void test_unwritable(void)
{
    struct connector_object *object = fixture_object();
    object->write_rows = 0;
    mistakes("sync_direction: export",
             "4:21: companies cannot be exported: the connector only reads them; write "
             "sync_direction: import\n");
    both("mapping: {name: {from: a, export: b, sync_direction: export}}, external_key: k",
         "4:21: companies cannot be exported: the connector only reads them; write "
         "sync_direction: import\n"
         "4:89: name is required: without it no new record could be imported; write "
         "sync_direction: bidirectional\n");
    expect("connector: t\nsync_direction: bidirectional\nobjects: {companies: {}}\n",
           "2:17: Example writes nothing to the vendor: write sync_direction: import\n");
    object->write_rows = 100;
    object->creates = object->updates = object->upserts = object->archives = false;
    mistakes("sync_direction: export",
             "4:21: companies cannot be exported: the connector only reads them; write "
             "sync_direction: import\n");
    object->updates = true;
    both("export: {create: true, archive: true}, external_key: k",
         "4:53: the connector cannot create companies: write create: false\n"
         "4:68: the connector cannot archive companies: write archive: false\n"
         "4:89: the connector does not write companies by a field of your choice: remove "
         "'external_key'\n");
    object->creates = object->upserts = object->archives = true;
}

static void test_writes(void)
{
    both("export: {create: false, update: false}",
         "4:44: nothing is left that an export of companies may do: write sync_direction: import "
         "instead\n");
    both("external_key: locked",
         "4:50: 'locked' cannot be written: external_key needs a unique field of its own\n");
    both("external_key: links.up",
         "4:50: 'links.up' cannot be written: external_key needs a unique field of its own\n");
    both("external_key: id",
         "4:50: 'id' cannot be written: external_key needs a unique field of its own\n");
    mistakes("export: {archive: true}, external_key: k, guard: {max_export_changes: 5, "
             "max_export_percent: 5}",
             "4:13: 'export' is about exports, and companies only imports: write "
             "sync_direction: bidirectional, or remove it\n"
             "4:44: 'external_key' is about exports, and companies only imports: write "
             "sync_direction: bidirectional, or remove it\n"
             "4:75: 'max_export_changes' is about exports, and companies only imports: write "
             "sync_direction: bidirectional, or remove it\n"
             "4:98: 'max_export_percent' is about exports, and companies only imports: write "
             "sync_direction: bidirectional, or remove it\n");
    both("default_mapping: false, mapping: {name: calc_name}",
         "4:21: companies exports nothing: none of its rules can be turned round and written; "
         "give a rule an 'export', or write sync_direction: import\n");
    expect("connector: t\nsync_direction: export\nobjects:\n  companies: {default_mapping: "
           "false, mapping: {name: locked}}\n",
           "4:3: companies exports nothing: none of its rules can be turned round and written; "
           "give a rule an 'export', or write sync_direction: import\n");
}

static void test_rule_directions(void)
{
    mistakes("mapping: {name: {from: a, sync_direction: bidirectional}}",
             "4:47: name cannot be 'bidirectional': companies only imports, and a rule does no "
             "more than its object\n");
    mistakes("mapping: {name: {from: a, sync_direction: export}}",
             "4:47: name cannot be 'export': companies only imports, and a rule does no more than "
             "its object\n");
    mistakes("sync_direction: export, mapping: {name: {from: a, sync_direction: import}}",
             "4:71: name cannot be 'import': companies only exports, and a rule does no more than "
             "its object\n");
    mistakes("mapping: {name: {from: a, export: b}}",
             "4:39: 'export' does nothing here: name only imports; write sync_direction: "
             "bidirectional or export for it or for companies, or remove it\n");
    both("mapping: {industry: {from: a, sync_direction: import, export: b}}",
         "4:98: 'export' does nothing here: industry only imports; write sync_direction: "
         "bidirectional or export for it or for companies, or remove it\n");
    both("mapping: {name: {from: a, sync_direction: export}}",
         "4:78: name is required: without it no new record could be imported; write "
         "sync_direction: bidirectional\n");
}

static void test_policies(void)
{
    both("mapping: {name: {from: a, merge_strategy: append}}",
         "4:78: 'append' is for lists; name is text\n");
    both("mapping: {custom_fields: {x: {from: a, type: integer, merge_strategy: merge}}}",
         "4:106: 'merge' is for lists; x is integer\n");
    both("mapping: {name: {from: a, merge_strategy: overwrite}}", "");
    both("priority: local",
         "4:46: 'priority' goes with conflict_resolution: source_priority, which neither "
         "companies nor a rule of it has; add that, or remove it\n");
    both("priority: local, mapping: {name: {from: a, conflict_resolution: source_priority}}", "");
    both("mapping: {name: {from: a, priority: local}}",
         "4:72: 'priority' goes with conflict_resolution: source_priority; add that, or remove "
         "it\n");
    both("mapping: {domain: {sync_direction: export, conflict_resolution: manual_review}}",
         "4:100: domain only exports, so nothing contradicts it: remove 'conflict_resolution'\n");
    expect("connector: t\npriority: local\nobjects: {companies: {}}\n",
           "2:11: 'priority' goes with conflict_resolution: source_priority, which nothing here "
           "has; add that, or remove it\n");
    expect("connector: t\npriority: local\nobjects: {companies: {conflict_resolution: "
           "source_priority}}\n",
           "");
}

static void test_not_reversible(void)
{
    const char *say = "say with 'export' which field is written\n";
    static const char *const rules[][2] = {
        {"{from: [a, b], join: ' ', sync_direction: export}",
         "it is put together from several fields"},
        {"{value: x, sync_direction: export}", "it is a constant"},
        {"{from: a, transform: headline, sync_direction: export}", "'headline' leaves words out"},
        {"{from: '{title}', sync_direction: export}", "it is made of several fields"},
        {"{from: a, map: {'*': x}, sync_direction: export}",
         "its map has no vendor value for any of ours"},
        {"{from: a, map: {x: ~}, sync_direction: export}",
         "its map has no vendor value for any of ours"},
        {"{from: locked, sync_direction: export}", "'locked' cannot be written"},
        {"{from: calc_, sync_direction: export}", "'calc_' cannot be written"},
        {"{from: updated, sync_direction: export}", "'updated' cannot be written"},
        {"{from: links.up, sync_direction: export}",
         "'links.up' links records, and it is no reference"}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        char object[300], expected[400];
        const char *at = strstr(rules[i][0], "sync_direction: ") + strlen("sync_direction: ");
        snprintf(object, sizeof object, "mapping: {industry: %s}", rules[i][0]);
        snprintf(expected, sizeof expected, "4:%d: industry cannot be exported: %s; %s",
                 (int)(at - rules[i][0]) + 36 + (int)strlen("mapping: {industry: "), rules[i][1],
                 say);
        both(object, expected);
    }
    both("mapping: {arr: {from: a, scale: 0, sync_direction: bidirectional}}",
         "4:87: arr cannot be exported: a scale of 0 cannot be undone; say with 'export' which "
         "field is written\n");
}

static void test_own_exports(void)
{
    both("mapping: {industry: {from: a, export: locked}}",
         "4:74: industry cannot be exported: 'locked' cannot be written\n");
    both("mapping: {industry: {from: a, export: links.up}}",
         "4:74: industry cannot be exported: 'links.up' links records, and it is no reference\n");
    both("external_key: k, mapping: {industry: {from: a, export: k}}",
         "4:91: industry cannot be exported: 'k' holds our record's id (external_key)\n");
    both("mapping: {industry: {from: [a, b], join: '/', export: {value: x}}}",
         "4:90: industry cannot be exported: it is put together from several fields; say with "
         "'to' which field is written\n");
    both("mapping: {industry: {from: a, export: {value: x}}}",
         "4:74: industry cannot be exported: its constant would come back in the place of our "
         "value (write sync_direction: export); say with 'to' which field is written\n");
    both("mapping: {industry: {from: a, sync_direction: export, export: {value: x}}}", "");
    both("mapping: {industry: {from: a, export: {to: b, map: {x: y}, value: z}}}",
         "4:74: export of industry has both 'map' and 'value': keep one\n");
    both("mapping: {status: {from: a, export: {to: b, map: {activ: x}}}}",
         "4:86: status: 'activ' is no value that is allowed; did you mean 'active'?\n");
    both("mapping: {seat_count: {from: a, export: {to: b, map: {few: x}}}}",
         "4:90: seat_count: 'few' is no integer\n");
    both("mapping: {status: {from: a, export: {to: b, map: {active: [x]}}}}",
         "4:94: a value of map is a list: write one value\n");
    both("mapping: {parent_id: {from: a, lookup: companies, export: {to: b, map: {x: y}}}}",
         "4:107: 'map' of an export is for single values; parent_id is reference\n");
    both("mapping: {status: {from: a, map: {x: active, y: churned}, export: {map: {active: y}}}}",
         "4:108: status: 'active', written as 'y', would come back as 'churned'\n");
    both("mapping: {status: {from: a, map: {x: active}, export: {map: {active: ~}}}}",
         "4:96: status: 'active', written as '', would come back as no value\n");
}

static void test_one_source(void)
{
    both("mapping: {industry: a, custom_fields: {x: a}}",
         "4:75: industry and x would both be written to 'a': write sync_direction: import for one "
         "of them, or 'export' with another field\n");
    both("mapping: {custom_fields: {x: {from: b, export: a}}, industry: a}",
         "4:88: x and industry would both be written to 'a': write sync_direction: import for one "
         "of them, or 'export' with another field\n");
    both("mapping: {custom_fields: {x: {from: a, sync_direction: import}}, industry: a}", "");
}

static void test_all_at_once(void)
{
    both("external_key: locked, priority: local, mapping: {name: {from: a, merge_strategy: "
         "append}, industry: {from: [a, b], join: '/', sync_direction: export}}",
         "4:50: 'locked' cannot be written: external_key needs a unique field of its own\n"
         "4:68: 'priority' goes with conflict_resolution: source_priority, which neither "
         "companies nor a rule of it has; add that, or remove it\n"
         "4:117: 'append' is for lists; name is text\n"
         "4:178: industry cannot be exported: it is put together from several fields; say with "
         "'export' which field is written\n");
}

const char *const unit_suite = "export_config";
const struct unit_test unit_tests[] = {{"wrong words", test_words},
                                       {"what the connector cannot write", test_unwritable},
                                       {"what an export may do", test_writes},
                                       {"directions of rules", test_rule_directions},
                                       {"policies", test_policies},
                                       {"rules that cannot be turned round", test_not_reversible},
                                       {"exports of their own", test_own_exports},
                                       {"two sources of one field", test_one_source},
                                       {"all at once", test_all_at_once},
                                       {NULL, NULL}};
