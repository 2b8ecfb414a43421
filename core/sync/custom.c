/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/custom.h"

int custom_read(const struct model_object *object, int64_t record, struct str text,
                const struct json **ret_root, struct error *err)
{
    *ret_root = NULL;
    if (text.len == 0 ||
        (json_parse(text, ret_root, NULL) == 0 && json_kind(*ret_root) == JSON_OBJECT))
        return 0;
    json_free(*ret_root);
    *ret_root = NULL;
    return error_set(err,
                     "the custom_fields of %s %lld in the store are no JSON object: mend them, or "
                     "set them to NULL",
                     object->name, (long long)record);
}

struct edit {
    struct json_writer *w;
    struct custom_change *changes;
    size_t count;
};

static void put_changed(struct json_writer *w, struct custom_change *change)
{
    change->made = true;
    if (change->json.len == 0)
        return;
    json_key(w, change->name);
    json_put_raw(w, change->json);
}

static bool copy_member(void *arg, struct str name, const struct json *value)
{
    struct edit *e = arg;
    for (size_t i = 0; i < e->count; i++)
        if (str_is(name, e->changes[i].name)) {
            put_changed(e->w, &e->changes[i]);
            return true;
        }
    struct buf text = BUF_INIT(CUSTOM_MAX);
    json_write(&text, value);
    json_key_str(e->w, name);
    json_put_raw(e->w, buf_view(&text));
    buf_free(&text);
    return true;
}

bool custom_edit(const struct json *old, struct custom_change *changes, size_t count,
                 struct arena *arena, struct str *ret_text)
{
    struct buf out = BUF_INIT(CUSTOM_MAX);
    struct json_writer w = {.out = &out};
    struct edit e = {&w, changes, count};
    json_open(&w, '{');
    json_each(old, copy_member, &e);
    for (size_t i = 0; i < count; i++)
        if (!changes[i].made)
            put_changed(&w, &changes[i]);
    json_close(&w, '}');
    bool fits = !out.full;
    *ret_text = fits && out.len > 2 ? arena_str(arena, buf_view(&out)) : STR("");
    buf_free(&out);
    return fits;
}
