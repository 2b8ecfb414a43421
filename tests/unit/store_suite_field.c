/* SPDX-License-Identifier: Apache-2.0 */
/* What every engine must do with what is known of vendors' fields. */
#include "store_suite.h"

static bool list_field(void *arg, const struct field_row *row)
{
    buf_printf(arg, "%.*s/%.*s.%.*s %d%.*s %d since %d now %d%.*s #%d; ", STR_ARG(row->connection),
               STR_ARG(row->vendor_object), STR_ARG(row->name), row->type, STR_ARG(row->values),
               (int)row->pause, (int)row->since, row->now_type, STR_ARG(row->now_values),
               (int)row->rules_hash);
    return true;
}

static void put_fields(struct field_row *rows, size_t count, int64_t at, int64_t hash)
{
    const struct field_snapshot snapshot = {
        .looked_at = at, .mapping_hash = hash, .rows = rows, .count = count};
    OK(ENGINE->begin(store, &err));
    OK(ENGINE->set_fields(store, companies.id, &snapshot, &err));
    OK(ENGINE->commit(store, &err));
}

void test_vendor_fields(void)
{
    struct field_row rows[] = {
        {.name = STR("Zip"), .type = 1},
        {.name = STR("industry"),
         .type = 6,
         .values = STR("[\"A\",\"\xc3\xbc\"]"),
         .pause = FIELD_NEW_VALUES,
         .since = 7,
         .now_type = 6,
         .now_values = STR("[\"B\"]"),
         .rules_hash = -9,
         .sparse = true},
        {.name = STR("name"), .type = 1, .pause = FIELD_REMOVED, .since = 8},
    };
    struct field_snapshot found;
    struct buf out = BUF_INIT(2000);
    put_dictionaries();
    OK(ENGINE->load_fields(store, companies.id, &found, &arena, &err));
    CU_ASSERT(found.looked_at == 0 && found.count == 0);
    put_fields(rows, 3, INT64_C(1) << 50, INT64_MIN);
    store_close(store);
    open_store();
    OK(ENGINE->load_fields(store, companies.id, &found, &arena, &err));
    CU_ASSERT(found.looked_at == INT64_C(1) << 50 && found.mapping_hash == INT64_MIN);
    CU_ASSERT_EQUAL_FATAL(found.count, 3);
    CU_ASSERT(str_is(found.rows[0].name, "Zip") && str_is(found.rows[2].name, "name"));
    CU_ASSERT(found.rows[1].stream == companies.id && found.rows[1].rules_hash == -9);
    CU_ASSERT(found.rows[1].sparse && !found.rows[0].sparse);
    OK(ENGINE->each_field(store, STR("crm"), list_field, &out, &err));
    OK(ENGINE->each_field(store, STR("none"), list_field, &out, &err));
    UNIT_TEXT(buf_cstr(&out),
              "crm/companies.Zip 1 0 since 0 now 0 #0; "
              "crm/companies.industry 6[\"A\",\"\xc3\xbc\"] 3 since 7 now 6[\"B\"] #-9; "
              "crm/companies.name 1 1 since 8 now 0 #0; ");
    /* What is written takes the place of all that was there. */
    put_fields(rows, 1, 5, 6);
    buf_clear(&out);
    OK(ENGINE->each_field(store, STR(""), list_field, &out, &err));
    UNIT_TEXT(buf_cstr(&out), "crm/companies.Zip 1 0 since 0 now 0 #0; ");
    OK(ENGINE->load_fields(store, companies.id, &found, &arena, &err));
    CU_ASSERT(found.looked_at == 5 && found.mapping_hash == 6 && found.count == 1);
    OK(ENGINE->load_fields(store, companies.id + 1, &found, &arena, &err));
    CU_ASSERT(found.looked_at == 0 && found.count == 0);
    buf_free(&out);
}
