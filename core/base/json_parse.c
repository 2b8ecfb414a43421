/* SPDX-License-Identifier: Apache-2.0 */
/* From text to a document. yajl reads the text, which anyone may have sent, and says what it finds;
 * we keep it: strings and numbers stay in one copy of the text, all else is the document's arena's,
 * so that a document is freed at once. What that costs is bounded by the length of the text,
 * whatever names an object has. */
#include <stdlib.h>
#include <yajl/yajl_parse.h>

#include "base/encode.h"
#include "base/json_internal.h"
#include "base/mem.h"

enum { LINEAR_MOST = 32 /* members that are searched one after another */ };

struct builder {
    struct json_document *document;
    char *text; /* the copy, and a space after it */
    size_t len;
    struct json *stack; /* what belongs to open arrays and objects, the innermost last; names too */
    size_t count, cap;
    size_t bases[JSON_DEPTH]; /* of what is open: its first place on the stack */
    size_t depth;
    bool too_deep;
};

/* ---- objects ---- */

uint32_t json_name_hash(struct str name)
{
    uint32_t hash = 2166136261u; /* FNV-1a: only to tell names apart soon */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619u;
    return hash;
}

static int compare_names(const struct json_member *a, const struct json_member *b)
{
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return str_cmp((struct str){a->name, a->len}, (struct str){b->name, b->len});
}

/* By name, then by place. */
static int by_name(const void *a, const void *b, void *arg)
{
    const struct json_member *members = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int c = compare_names(&members[x], &members[y]);
    return c != 0 ? c : (x > y) - (x < y);
}

ptrdiff_t json_find_member(const struct json_object *o, struct str name)
{
    const struct json_member wanted = {
        .name = name.ptr, .len = (uint32_t)name.len, .hash = json_name_hash(name)};
    if (name.len > UINT32_MAX)
        return -1;
    for (size_t i = 0; i < o->count && !o->index; i++)
        if (o->members[i].hash == wanted.hash && compare_names(&o->members[i], &wanted) == 0)
            return (ptrdiff_t)i;
    for (size_t low = 0, high = o->index ? o->count : 0; low < high;) {
        size_t middle = low + (high - low) / 2;
        int c = compare_names(&o->members[o->index[middle]], &wanted);
        if (c == 0)
            return o->index[middle];
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* Of several members with one name the first place has the last value. */
static void unite_few(struct json_object *o, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json_member m = o->members[i];
        ptrdiff_t at = json_find_member(o, (struct str){m.name, m.len});
        if (at >= 0)
            o->members[at].value = m.value;
        else
            o->members[o->count++] = m;
    }
}

static void unite_many(struct json_object *o, size_t count, struct arena *arena)
{
    uint32_t *order = arena_new(arena, count, sizeof order[0]);
    uint32_t *first = arena_new(arena, count, sizeof first[0]); /* the place of one's first twin */
    uint32_t *place = arena_new(arena, count, sizeof place[0]); /* of first ones: in the result */
    struct json_member *members = o->members;
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, count, sizeof order[0], by_name, members);
    for (size_t i = 0; i < count; i++) {
        bool twin = i > 0 && compare_names(&members[order[i - 1]], &members[order[i]]) == 0;
        first[order[i]] = twin ? first[order[i - 1]] : order[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        if (first[i] == i) {
            place[i] = (uint32_t)o->count;
            members[o->count++] = members[i];
        } else {
            members[place[first[i]]].value = members[i].value;
        }
    }
    o->index = order;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (first[order[i]] == order[i])
            o->index[n++] = place[order[i]];
}

/* `from` has a name and a value for each member. */
static struct json_object *make_object(struct json_document *document, const struct json *from,
                                       size_t count)
{
    struct arena *arena = &document->arena;
    struct json_object *o = arena_new(arena, 1, sizeof *o);
    o->document = document;
    o->cap = count;
    o->members = arena_new(arena, count, sizeof o->members[0]);
    for (size_t i = 0; i < count; i++) {
        const struct json *name = &from[2 * i];
        o->members[i] =
            (struct json_member){.name = name->text,
                                 .len = name->len,
                                 .hash = json_name_hash((struct str){name->text, name->len}),
                                 .value = from[2 * i + 1]};
    }
    if (count > LINEAR_MOST)
        unite_many(o, count, arena);
    else
        unite_few(o, count);
    return o;
}

/* ---- what yajl calls; 0 ends it ---- */

static int push(struct builder *b, struct json value)
{
    b->stack = mem_grow(b->stack, &b->cap, b->count + 1, sizeof b->stack[0]);
    b->stack[b->count++] = value;
    return 1;
}

static int on_null(void *ctx)
{
    return push(ctx, (struct json){.kind = JSON_NULL});
}

static int on_bool(void *ctx, int truth)
{
    return push(ctx, (struct json){.kind = JSON_BOOL, .truth = truth != 0});
}

static int on_number(void *ctx, const char *digits, size_t len)
{
    int64_t value;
    bool fits = str_to_i64((struct str){digits, len}, &value);
    return push(
        ctx,
        (struct json){.kind = fits ? JSON_INT : JSON_DOUBLE, .len = (uint32_t)len, .text = digits});
}

/* Also for a member's name. A string without escapes is where it stood, and its end takes the
 * closing quote's place, which is read by then; any other is in yajl's own buffer. */
static int on_string(void *ctx, const unsigned char *bytes, size_t len)
{
    struct builder *b = ctx;
    const char *text = (const char *)bytes;
    size_t at = (uintptr_t)text - (uintptr_t)b->text;
    if (at < b->len)
        b->text[at + len] = '\0';
    else
        text = arena_str(&b->document->arena, (struct str){text, len}).ptr;
    return push(b, (struct json){.kind = JSON_STRING, .len = (uint32_t)len, .text = text});
}

static int on_open(void *ctx)
{
    struct builder *b = ctx;
    b->too_deep = b->depth == JSON_DEPTH;
    if (b->too_deep)
        return 0;
    b->bases[b->depth++] = b->count;
    return 1;
}

static int on_close_object(void *ctx)
{
    struct builder *b = ctx;
    size_t base = b->bases[--b->depth], count = (b->count - base) / 2;
    const struct json *from = count > 0 ? b->stack + base : NULL; /* there may be no stack yet */
    struct json_object *object = make_object(b->document, from, count);
    b->count = base;
    return push(b, (struct json){.kind = JSON_OBJECT, .object = object});
}

static int on_close_array(void *ctx)
{
    struct builder *b = ctx;
    size_t base = b->bases[--b->depth], count = b->count - base;
    struct json *elements = arena_new(&b->document->arena, count, sizeof elements[0]);
    if (count > 0)
        memcpy(elements, b->stack + base, count * sizeof elements[0]);
    b->count = base;
    return push(b, (struct json){.kind = JSON_ARRAY, .len = (uint32_t)count, .elements = elements});
}

static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                         .yajl_boolean = on_bool,
                                         .yajl_number = on_number,
                                         .yajl_string = on_string,
                                         .yajl_start_map = on_open,
                                         .yajl_map_key = on_string,
                                         .yajl_end_map = on_close_object,
                                         .yajl_start_array = on_open,
                                         .yajl_end_array = on_close_array};

/* yajl does not look whether it got the memory. */
static void *lib_resize(void *ctx, void *ptr, size_t size)
{
    (void)ctx;
    return mem_resize(ptr, 1, size);
}

static void *lib_new(void *ctx, size_t size)
{
    return lib_resize(ctx, NULL, size);
}

static void lib_free(void *ctx, void *ptr)
{
    (void)ctx;
    free(ptr);
}

/* ---- halves of surrogate pairs ---- */

/* Vendors cut texts in the middle of a pair; such a half is no character, and yajl makes of it what
 * is no UTF-8, or takes the next escape for its other half. In our copy it becomes \ufffd. */
static void mend_halves(char *text, const char *end)
{
    char *at = text;
    while ((at = memchr(at, '\\', (size_t)(end - at)))) {
        struct str rest = {at, (size_t)(end - at)};
        int32_t unit = decode_json_unit(rest);
        bool high = unit >> 10 == 0xd800 >> 10, low = unit >> 10 == 0xdc00 >> 10;
        if (high && decode_json_unit(str_slice(rest, 6, rest.len - 6)) >> 10 == 0xdc00 >> 10) {
            at += 12;
            continue;
        }
        if (high || low)
            memcpy(at + 2, "fffd", 4);
        at += unit >= 0 ? 6 : 2; /* `end` is past a space that ends no escape */
    }
}

/* ---- a document ---- */

static void free_document(struct json_document *d)
{
    while (d) {
        struct json_document *next = d->next;
        free_document(d->put);
        arena_free(&d->arena);
        free(d);
        d = next;
    }
}

static int parse_error(const char *why, size_t at, struct str text, struct error *err)
{
    size_t line = 1, len = strcspn(why, "\n");
    if (at > text.len)
        at = text.len;
    for (size_t i = 0; i < at; i++)
        line += text.ptr[i] == '\n';
    if (len > 0 && why[len - 1] == '.')
        len--;
    return error_set(err, "not valid JSON: %.*s (byte %zu, line %zu)", (int)len, why, at, line);
}

static int yajl_said(yajl_handle yajl, size_t at, struct str text, struct error *err)
{
    unsigned char *why = yajl_get_error(yajl, 0, NULL, 0);
    int rc = parse_error((const char *)why, at, text, err);
    yajl_free_error(yajl, why);
    return rc;
}

/* yajl takes a string without an end for no more than white space. */
static int check_rest(size_t at, struct str text, struct error *err)
{
    while (at < text.len && memchr(" \t\r\n", text.ptr[at], 4))
        at++;
    return at < text.len ? parse_error("something follows the value", at, text, err) : 0;
}

static int build(struct builder *b, struct str text, struct error *err)
{
    yajl_alloc_funcs memory = {.malloc = lib_new, .realloc = lib_resize, .free = lib_free};
    yajl_handle yajl = yajl_alloc(&callbacks, &memory, b);
    yajl_config(yajl, yajl_dont_validate_strings, 1);  /* str_is_utf8 has, and is stricter */
    yajl_config(yajl, yajl_allow_trailing_garbage, 1); /* check_rest does not */
    bool whole = yajl_parse(yajl, (const unsigned char *)b->text, b->len) == yajl_status_ok;
    size_t at = yajl_get_bytes_consumed(yajl);
    int rc;
    if (b->too_deep)
        rc = parse_error("it is nested too deep", at, text, err);
    else if (!whole || yajl_complete_parse(yajl) != yajl_status_ok)
        rc = yajl_said(yajl, at, text, err);
    else
        rc = check_rest(at, text, err);
    yajl_free(yajl);
    return rc;
}

int json_parse(struct str text, const struct json **ret_root, struct error *err)
{
    if (text.len > INT32_MAX - 1)
        return error_set(err, "JSON text of %zu bytes is too long", text.len);
    if (!str_is_utf8(text))
        return error_set(err, "not valid JSON: it is not UTF-8");
    struct json_document *d = MEM_NEW(struct json_document);
    struct builder b = {.document = d, .len = text.len + 1};
    b.text = (char *)(uintptr_t)arena_str(&d->arena, text).ptr; /* our own copy */
    b.text[text.len] = ' '; /* in place of its NUL: a number that ends the text ends there */
    mend_halves(b.text, b.text + b.len);
    int rc = build(&b, text, err);
    if (rc == 0)
        d->root = b.stack[0];
    free(b.stack);
    if (rc == 0)
        *ret_root = d->root.kind == JSON_NULL ? NULL : &d->root;
    if (rc != 0 || d->root.kind == JSON_NULL)
        free_document(d);
    return rc;
}

void json_free(const struct json *root)
{
    free_document((struct json_document *)(uintptr_t)root); /* a document begins with its root */
}
