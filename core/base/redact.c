/* SPDX-License-Identifier: Apache-2.0 */
#include "base/redact.h"

#include <ctype.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/search.h"

enum { ENCODED_MAX = 64 * 1024 };

struct needle {
    struct str text;
    size_t uses;
};

static struct {
    struct needle *needles;
    size_t count, cap;
    struct str *long_texts; /* of the needles that are looked for in whole answers */
    size_t long_cap;
    struct search search;
    pthread_rwlock_t lock;
} list = {.lock = PTHREAD_RWLOCK_INITIALIZER};

typedef void (*needle_fn)(struct str needle);

static struct needle *find_needle(struct str text)
{
    for (size_t i = 0; i < list.count; i++)
        if (str_eq(list.needles[i].text, text))
            return &list.needles[i];
    return NULL;
}

static void add_needle(struct str text)
{
    if (text.len < REDACT_LEAST)
        return;
    struct needle *known = find_needle(text);
    if (known) {
        known->uses++;
        return;
    }
    list.needles = mem_grow(list.needles, &list.cap, list.count + 1, sizeof list.needles[0]);
    list.needles[list.count++] = (struct needle){{mem_strndup(text.ptr, text.len), text.len}, 1};
}

static void remove_needle(struct str text)
{
    struct needle *known = find_needle(text);
    if (!known || --known->uses > 0)
        return;
    mem_free_secret((char *)(uintptr_t)known->text.ptr);
    *known = list.needles[--list.count];
}

/* Base64 of a value inside a longer text depends on where it begins in a group of three: take the
 * part that stays the same at each of the three offsets. */
static void each_base64(struct str secret, needle_fn fn, void (*encode)(struct buf *, struct str))
{
    struct buf shifted = BUF_INIT(ENCODED_MAX), text = BUF_INIT(ENCODED_MAX);
    for (size_t offset = 0; offset < 3; offset++) {
        buf_clear(&shifted);
        buf_clear(&text);
        buf_append(&shifted, "\0\0", offset);
        buf_str(&shifted, secret);
        encode(&text, buf_view(&shifted));
        size_t head = offset == 0 ? 0 : offset + 1;
        size_t whole = shifted.len / 3 * 4;
        if (!text.full && whole > head)
            fn((struct str){text.ptr + head, whole - head});
    }
    buf_free(&shifted);
    buf_free(&text);
}

/* RFC 4648 section 5. */
static void encode_base64url(struct buf *out, struct str bytes)
{
    size_t start = out->len;
    encode_base64(out, bytes);
    for (size_t i = start; i < out->len; i++)
        out->ptr[i] = (char)(out->ptr[i] == '+' ? '-' : out->ptr[i] == '/' ? '_' : out->ptr[i]);
}

/* The digits of a triple may be of either case. */
static void each_percent(struct str secret, needle_fn fn)
{
    struct buf text = BUF_INIT(ENCODED_MAX);
    encode_percent(&text, secret);
    if (!text.full) {
        fn(buf_view(&text));
        for (size_t i = 2; i < text.len; i++)
            if (text.ptr[i - 1] == '%' || text.ptr[i - 2] == '%')
                text.ptr[i] = (char)tolower((unsigned char)text.ptr[i]);
        fn(buf_view(&text));
    }
    buf_free(&text);
}

/* As a JSON string has it. */
static void each_json(struct str secret, needle_fn fn)
{
    struct buf text = BUF_INIT(ENCODED_MAX);
    struct json_writer w = {.out = &text};
    json_put_str(&w, secret);
    if (!text.full && text.len > secret.len + 2)
        fn((struct str){text.ptr + 1, text.len - 2});
    buf_free(&text);
}

/* What is looked for in answers: one pass for all. */
static void prepare_search(void)
{
    size_t count = 0;
    list.long_texts =
        mem_grow(list.long_texts, &list.long_cap, list.count, sizeof list.long_texts[0]);
    for (size_t i = 0; i < list.count; i++)
        if (list.needles[i].text.len >= SEARCH_LEAST)
            list.long_texts[count++] = list.needles[i].text;
    search_prepare(&list.search, list.long_texts, count);
}

/* The value as it may stand in a text. */
static void each_needle(struct str secret, needle_fn fn)
{
    if (secret.len < REDACT_LEAST)
        return;
    pthread_rwlock_wrlock(&list.lock);
    fn(secret);
    each_json(secret, fn);
    each_percent(secret, fn);
    each_base64(secret, fn, encode_base64);
    each_base64(secret, fn, encode_base64url);
    prepare_search();
    pthread_rwlock_unlock(&list.lock);
}

void redact_add(struct str secret)
{
    each_needle(secret, add_needle);
}

void redact_remove(struct str secret)
{
    each_needle(secret, remove_needle);
}

void redact_clear(void)
{
    pthread_rwlock_wrlock(&list.lock);
    for (size_t i = 0; i < list.count; i++)
        mem_free_secret((char *)(uintptr_t)list.needles[i].text.ptr);
    free(list.needles);
    free(list.long_texts);
    list.needles = NULL;
    list.long_texts = NULL;
    list.count = list.cap = list.long_cap = 0;
    search_prepare(&list.search, NULL, 0);
    pthread_rwlock_unlock(&list.lock);
}

/* The earliest credential in the text; at the same place, the longest. */
static bool find_first(struct str text, struct str *ret_found)
{
    const char *best = NULL;
    size_t best_len = 0;
    for (size_t i = 0; i < list.count; i++) {
        struct str needle = list.needles[i].text;
        const char *at = memmem(text.ptr, text.len, needle.ptr, needle.len);
        if (at && (!best || at < best || (at == best && needle.len > best_len))) {
            best = at;
            best_len = needle.len;
        }
    }
    *ret_found = (struct str){best, best_len};
    return best != NULL;
}

void redact(struct buf *out, struct str text)
{
    struct str found;
    pthread_rwlock_rdlock(&list.lock);
    while (text.len > 0 && find_first(text, &found)) {
        buf_append(out, text.ptr, (size_t)(found.ptr - text.ptr));
        buf_text(out, "[secret]");
        size_t done = (size_t)(found.ptr - text.ptr) + found.len;
        text = str_slice(text, done, text.len - done);
    }
    buf_str(out, text);
    pthread_rwlock_unlock(&list.lock);
}

bool redact_needed(struct str text)
{
    struct str found;
    pthread_rwlock_rdlock(&list.lock);
    bool needed = text.len > 0 && find_first(text, &found);
    pthread_rwlock_unlock(&list.lock);
    return needed;
}

/* ---- whole answers ---- */

/* A JSON escape that stands for a visible character which needs none: "\/", "\u002b". `*ret_len` is
 * how long it is. 0: it is none. */
static char needless_escape(struct str at, size_t *ret_len)
{
    uint8_t code;
    *ret_len = 2;
    if (at.len >= 2 && at.ptr[1] == '/')
        return '/';
    if (at.len < 6 || memcmp(at.ptr, "\\u00", 4) != 0)
        return 0;
    char digits[2] = {(char)tolower((unsigned char)at.ptr[4]),
                      (char)tolower((unsigned char)at.ptr[5])};
    *ret_len = 6;
    bool visible = decode_hex((struct str){digits, 2}, &code, 1) && code > ' ' && code < 0x7f;
    return visible && code != '"' && code != '\\' ? (char)code : 0;
}

/* Writes the text without its needless escapes; false, with nothing written, when it has none. */
static bool unescape(struct buf *out, struct str text)
{
    size_t done = 0, len;
    const char *at;
    for (size_t i = 0; i < text.len && (at = memchr(text.ptr + i, '\\', text.len - i));) {
        size_t place = (size_t)(at - text.ptr);
        char plain = needless_escape(str_slice(text, place, text.len - place), &len);
        i = place + (plain ? len : 2); /* "\\" stands for itself, whatever follows it */
        if (!plain)
            continue;
        buf_str(out, str_slice(text, done, place - done));
        buf_char(out, plain);
        done = i;
    }
    if (done == 0)
        return false;
    buf_str(out, str_slice(text, done, text.len - done));
    return true;
}

/* Whether the character before `at` is a backslash that begins an escape. */
static bool escape_begins(struct str text, size_t at)
{
    size_t run = 0;
    while (run < at && text.ptr[at - run - 1] == '\\')
        run++;
    return run % 2 == 1;
}

/* Where a JSON escape begins that would be cut at `at`; `at`: none would. */
static size_t before_escape(struct str text, size_t at)
{
    enum { LONGEST = 5 /* "\u1234" cut before its last digit */ };
    for (size_t back = 1; back <= LONGEST && back <= at; back++) {
        size_t place = at - back;
        bool is_long = back == 1 || text.ptr[place + 1] == 'u';
        if (text.ptr[place] == '\\')
            return is_long && escape_begins(text, place + 1) ? place : at;
    }
    return at;
}

static bool begins_with_one(struct str text, size_t at)
{
    struct str next;
    return search_first(&list.search, str_slice(text, at, text.len - at), &next) &&
           next.ptr == text.ptr + at;
}

static bool strike_out(struct buf *out, struct str text)
{
    struct str found;
    bool any = false;
    while (search_first(&list.search, text, &found)) {
        size_t place = (size_t)(found.ptr - text.ptr), done = place + found.len;
        size_t before = before_escape(text, place);
        if (done < text.len && escape_begins(text, done) && !begins_with_one(text, done))
            done++;
        buf_str(out, str_slice(text, 0, before));
        buf_text(out, "[secret]");
        text = str_slice(text, done, text.len - done);
        any = true;
    }
    if (any)
        buf_str(out, text);
    return any;
}

bool redact_answer(struct buf *out, struct str body)
{
    struct buf plain = BUF_INIT(body.len);
    pthread_rwlock_rdlock(&list.lock);
    bool any =
        list.search.count > 0 && strike_out(out, unescape(&plain, body) ? buf_view(&plain) : body);
    pthread_rwlock_unlock(&list.lock);
    buf_free(&plain);
    return any;
}
