/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as JSON: what is accepted is found again by its names, and written in a form that means
 * the same. */
#include "base/json.h"
#include "fuzz.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct walk {
    const struct json *object;
    size_t members;
};

static void look_at(const struct json *value);

static bool look_at_member(void *arg, struct str name, const struct json *value)
{
    struct walk *w = arg;
    w->members++;
    FUZZ_EXPECT(json_has(w->object, name));
    FUZZ_EXPECT(json_member(w->object, name) == value); /* each name once */
    FUZZ_EXPECT(name.ptr[name.len] == '\0');
    look_at(value);
    return true;
}

static void look_at(const struct json *value)
{
    struct walk w = {.object = value};
    switch (json_kind(value)) {
    case JSON_STRING:
        FUZZ_EXPECT(str_is_utf8(json_string(value)));
        FUZZ_EXPECT(json_string(value).ptr[json_string(value).len] == '\0');
        return;
    case JSON_INT:
    case JSON_DOUBLE:
        FUZZ_EXPECT(json_number_text(value).len > 0);
        return;
    case JSON_ARRAY:
        for (size_t i = 0; i < json_length(value); i++)
            look_at(json_element(value, i));
        return;
    case JSON_OBJECT:
        json_each(value, look_at_member, &w);
        return;
    default:
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once = BUF_INIT(TEXT_MAX), again = BUF_INIT(TEXT_MAX);
    const struct json *root = NULL, *copy = NULL;
    struct error err = {0};
    if (json_parse((struct str){(const char *)data, size}, &root, &err) != 0) {
        FUZZ_EXPECT(err.text[0] != '\0');
        return 0;
    }
    look_at(root);
    json_write(&once, root);
    FUZZ_EXPECT(json_parse(buf_view(&once), &copy, NULL) == 0);
    json_write(&again, copy);
    FUZZ_EXPECT(once.full || str_eq(buf_view(&once), buf_view(&again)));
    json_free(root);
    json_free(copy);
    buf_free(&once);
    buf_free(&again);
    return 0;
}
