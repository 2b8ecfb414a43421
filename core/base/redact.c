/* SPDX-License-Identifier: Apache-2.0 */
#include "base/redact.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/mem.h"

enum { ENCODED_MAX = 64 * 1024 };

struct needle {
    struct str text;
    size_t uses;
};

static struct {
    struct needle *needles;
    size_t count, cap;
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
static void each_base64(struct str secret, needle_fn fn)
{
    struct buf shifted = BUF_INIT(ENCODED_MAX), text = BUF_INIT(ENCODED_MAX);
    for (size_t offset = 0; offset < 3; offset++) {
        buf_clear(&shifted);
        buf_clear(&text);
        buf_append(&shifted, "\0\0", offset);
        buf_str(&shifted, secret);
        encode_base64(&text, buf_view(&shifted));
        size_t head = offset == 0 ? 0 : offset + 1;
        size_t whole = shifted.len / 3 * 4;
        if (!text.full && whole > head)
            fn((struct str){text.ptr + head, whole - head});
    }
    buf_free(&shifted);
    buf_free(&text);
}

/* The value as it may stand in a text. */
static void each_needle(struct str secret, needle_fn fn)
{
    if (secret.len < REDACT_LEAST)
        return;
    pthread_rwlock_wrlock(&list.lock);
    struct buf percent = BUF_INIT(ENCODED_MAX);
    encode_percent(&percent, secret);
    fn(secret);
    if (!percent.full)
        fn(buf_view(&percent));
    each_base64(secret, fn);
    pthread_rwlock_unlock(&list.lock);
    buf_free(&percent);
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
    list.needles = NULL;
    list.count = list.cap = 0;
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
