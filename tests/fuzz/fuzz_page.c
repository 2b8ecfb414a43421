/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a vendor's answer, parsed and mapped by a fixed mapping that has every kind of rule.
 * An input that begins with '!' is a single record's fields. */
#include "fuzz.h"
#include "sync/page.h"

static const char file[] =
    "connector: x\n"
    "objects:\n"
    "  things:\n"
    "    filter: {stage: {not: [x, y]}}\n"
    "    mapping:\n"
    "      name: {from: [a, b], join: ' ', transform: [trim, upper]}\n"
    "      domain: {from: d, transform: lower, format: url, invalid: null}\n"
    "      size: {from: s, map: {A: small, B: ~, '*': large}, default: medium}\n"
    "      arr: {from: m, scale: 0.01, min: 0, max: 100000}\n"
    "      mrr: m\n"
    "      seat_count: n\n"
    "      contract_start_date: t\n"
    "      contract_end_date: {from: t, date: DD.MM.YYYY, invalid: null}\n"
    "      health_score: {from: n, scale: 10, invalid: null}\n"
    "      parent_id: {from: p, lookup: things}\n"
    "      owner_email: {from: e, invalid: null}\n"
    "      custom_fields:\n"
    "        i: {from: n, type: integer, invalid: null}\n"
    "        f: {from: m, type: number, scale: 1e300, invalid: null}\n"
    "        y: {from: y, type: boolean, invalid: null}\n"
    "        w: {from: t, type: time, date: epoch_ms, invalid: null}\n"
    "        l: {from: l, type: list, split: ';'}\n"
    "        k: {from: l, type: list, invalid: null}\n"
    "        o: {from: o, one_of: [p, q], invalid: null}\n"
    "        x: x\n"
    "        called: {from: '{title}', invalid: null}\n";

static const uint8_t key[SIPHASH_KEY] = {1};

/* Compiled once; its memory is kept for the life of the process. */
static const struct mapping *mapping(void)
{
    static struct arena arena;
    static struct connection_config config;
    static struct mapping compiled;
    struct problems problems = {0};
    static const struct connector_object vendor = {.name = {"things", 6}, .is_custom = true};
    if (compiled.rule_count > 0)
        return &compiled;
    FUZZ_EXPECT(connection_config_read(fuzz_file(str_from(file)), &config, &arena, &problems));
    mapping_compile(&config, &config.objects.items[0], &vendor, model_object(STR("account")),
                    &compiled, &arena, &problems);
    FUZZ_EXPECT(problems.count == 0 && compiled.rule_count > 0);
    return &compiled;
}

/* What goes into the store must be text, and custom fields JSON. */
static void check_values(const struct mapping *m, const struct mapped *mapped)
{
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct value *v = &mapped->values[i];
        const struct json *root = NULL;
        if (v->state != VALUE_TEXT)
            continue;
        FUZZ_EXPECT(str_is_utf8(v->text));
        if (m->rules[i].index < 0)
            FUZZ_EXPECT(json_parse(v->text, &root, NULL) == 0);
        json_free(root);
    }
}

static void check_page(const struct page *page, const struct mapping *m)
{
    uint32_t rejected = 0;
    for (size_t i = 0; i < page->count; i++) {
        const struct page_record *record = &page->records[i];
        rejected += record->rejected;
        FUZZ_EXPECT(record->merged_count <= 1000);
        for (size_t j = 0; j < record->merged_count; j++)
            FUZZ_EXPECT(record->merged[j].len > 0 && record->merged[j].len < 256);
        if (record->result == MAP_OK)
            check_values(m, &record->mapped);
        if (record->result == MAP_INVALID)
            FUZZ_EXPECT(record->why.len > 0);
    }
    FUZZ_EXPECT(page->result.rejected == rejected && page->result.count == page->count);
}

static struct page *parse(struct str input)
{
    static const struct page_spec spec = {.records = {"r", 1},
                                          .id = {"id", 2},
                                          .modified = {"at", 2},
                                          .fields = {"f", 1},
                                          .next = {"next[0].after", 13},
                                          .merged = {"f.merged", 8},
                                          .title = {"f.called", 8}};
    struct error err;
    if (str_starts(input, "!")) {
        struct str text = str_slice(input, 1, input.len - 1);
        const struct emitted_record record = {.id = text.len < 300 ? text : STR("1"),
                                              .fields = text};
        struct page *page = page_of_records(&record, 1);
        page_parse_records(page);
        fuzz_taken = true;
        return page;
    }
    struct blob *body = blob_new(64 * 1024 * 1024);
    FUZZ_EXPECT(blob_append(body, input, &err) == 0);
    struct page *page = page_new(body);
    fuzz_taken = page_parse(page, &spec, NULL, &err) == 0;
    if (fuzz_taken)
        return page;
    FUZZ_EXPECT(err.text[0] != '\0');
    page_free(page);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mapping *m = mapping();
    struct page *page = parse((struct str){(const char *)data, size});
    if (page) {
        page_map(page, m, key);
        check_page(page, m);
    }
    page_free(page);
    return 0;
}
