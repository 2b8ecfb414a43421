/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text, and the few ways to write into it that an answer needs: JSON texts, numbers, times.
 */
#ifndef SANDBOX_TEXT_H
#define SANDBOX_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Memory that is there or the program ends: a simulator has nothing to save. */
void *mem_get(size_t size);
void *mem_more(void *ptr, size_t size);
char *mem_copy(const char *bytes, size_t len);

struct text {
    char *ptr; /* not ended by NUL unless text_end was called */
    size_t len, cap;
};

void text_grow(struct text *t, size_t more);
void text_free(struct text *t);

static inline void text_need(struct text *t, size_t more)
{
    if (t->cap - t->len < more)
        text_grow(t, more);
}

static inline void text_bytes(struct text *t, const char *bytes, size_t len)
{
    text_need(t, len);
    if (len > 0)
        memcpy(t->ptr + t->len, bytes, len);
    t->len += len;
}

static inline void text_add(struct text *t, const char *s)
{
    text_bytes(t, s, strlen(s));
}

static inline void text_char(struct text *t, char c)
{
    text_need(t, 1);
    t->ptr[t->len++] = c;
}

/* Writes the ending NUL, which is not counted, and returns the text. */
const char *text_end(struct text *t);

void text_u64(struct text *t, uint64_t n);
void text_i64(struct text *t, int64_t n);

/* Appends printf's text. */
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a quoted JSON string. */
void text_json(struct text *t, const char *bytes, size_t len);

/* Appends text percent-encoded, or with HTML's special characters as entities. */
void text_percent(struct text *t, const char *s);
void text_html(struct text *t, const char *s);

/* Escapes what was appended since `start` for use inside a JSON string. */
void text_escape_from(struct text *t, size_t start);

/* ---- times: milliseconds since 1970, UTC, years 1970 to 9999 ---- */

enum { TIME_TEXT = 24 }; /* 2026-01-02T03:04:05.678Z */

void time_write(char out[TIME_TEXT], int64_t ms);
void text_time(struct text *t, int64_t ms);

/* RFC 3339, a date alone, or digits (epoch milliseconds). */
bool time_parse(const char *s, int64_t *ret_ms);

/* RFC 9110: Sun, 06 Nov 1994 08:49:37 GMT. */
enum { TIME_HTTP_MAX = 40 };
void time_http(char out[TIME_HTTP_MAX], int64_t ms);

#endif
