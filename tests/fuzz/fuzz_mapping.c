/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an object's rules, and as a record that they are applied to: YAML, a byte 0x1e,
 * JSON. What the record becomes is written back, and must become the same once more. */
#include "fuzz.h"
#include "sync/export_map.h"

static const uint8_t key[SIPHASH_KEY] = {1};

/* The record with one field as it is written. NULL: it is none any more. */
static const struct json *written_record(struct str record, struct str field, struct str text)
{
    const struct json *root = NULL, *value = NULL;
    struct buf quoted = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &quoted};
    json_put_str(&w, text);
    FUZZ_EXPECT(json_parse(record, &root, NULL) == 0);
    FUZZ_EXPECT(json_parse(buf_view(&quoted), &value, NULL) == 0);
    FUZZ_EXPECT(json_put_member(root, field, value));
    buf_free(&quoted);
    return root;
}

static void round_trip(const struct mapping *m, const struct export_rule *e,
                       const struct mapped *mapped, struct str record)
{
    const struct rule *rule = &m->rules[e->rule];
    const struct value *value = &mapped->values[e->rule];
    struct arena arena = {0};
    struct mapped again;
    struct str text, field;
    bool clear;
    struct error err = {0};
    if (export_value(rule, e, value, &arena, &text, &clear, &err) != 0) {
        FUZZ_EXPECT(err.text[0] != '\0');
    } else if (e->comes_back && !clear && rule->from_count == 1) {
        const struct json *root = written_record(record, rule->from[0], text);
        if (mapping_apply(m, key, root, &arena, &again, &field, &err) == MAP_OK) {
            const struct value *back = &again.values[e->rule];
            FUZZ_EXPECT(rule->index < 0 ? value_eq(value, back) : export_same(rule, value, back));
        }
        json_free(root);
    }
    arena_free(&arena);
}

static void apply(const struct mapping *m, struct str text)
{
    struct arena arena = {0};
    struct mapped mapped;
    struct str field;
    struct error err = {0};
    const struct json *root = NULL;
    if (json_parse(text, &root, NULL) != 0)
        return;
    if (json_kind(root) == JSON_OBJECT) {
        enum map_result r = mapping_apply(m, key, root, &arena, &mapped, &field, &err);
        FUZZ_EXPECT(r != MAP_INVALID || err.text[0] != '\0');
        fuzz_taken = r == MAP_OK;
        if (fuzz_taken)
            FUZZ_EXPECT(mapped.shadow.len == m->rule_count * SHADOW_ENTRY);
        for (size_t i = 0; fuzz_taken && i < m->export_count; i++)
            round_trip(m, &m->exports[i], &mapped, text);
    }
    json_free(root);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct str read_only[] = {{"calc_*", 6}}, associations[] = {{"links", 5}};
    static const struct connector_object vendor = {.name = {"things", 6},
                                                   .creates = true,
                                                   .upserts = true,
                                                   .archives = true,
                                                   .write_rows = 100,
                                                   .associations = associations,
                                                   .association_count = 1,
                                                   .read_only = read_only,
                                                   .read_only_count = 1};
    struct str rest = {(const char *)data, size}, rules;
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct mapping mapping = {0};
    fuzz_taken = false;
    if (size > 64 * 1024 || !str_next(&rest, 0x1e, &rules))
        return 0;
    if (connection_config_read(fuzz_file(rules), &config, &arena, &problems) &&
        config.objects.count > 0) {
        mapping_compile(&config, &config.objects.items[0], &vendor, model_object(STR("account")),
                        &mapping, &arena, &problems);
        if (problems.count == 0)
            apply(&mapping, rest);
    }
    problems_free(&problems);
    arena_free(&arena);
    return 0;
}
