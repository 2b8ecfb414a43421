/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an object's rules, and as a record that they are applied to: YAML, a byte 0x1e,
 * JSON. */
#include "fuzz.h"
#include "sync/mapping.h"

static void apply(const struct mapping *m, struct str text)
{
    static const uint8_t key[SIPHASH_KEY] = {1};
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
    }
    json_free(root);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct connector_object vendor = {.name = {"things", 6}};
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
