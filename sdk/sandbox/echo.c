/* SPDX-License-Identifier: Apache-2.0 */
/* The fault `echo`: a vendor that repeats credentials in its answers, in every usual writing. */
#include "vendor.h"

#include <stdlib.h>

static void add_base64(struct text *out, const char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        unsigned char in[3] = {0};
        memcpy(in, bytes + i, len - i < 3 ? len - i : 3);
        text_char(out, digits[in[0] >> 2]);
        text_char(out, digits[(in[0] & 3) << 4 | in[1] >> 4]);
        text_char(out, i + 1 < len ? digits[(in[1] & 15) << 2 | in[2] >> 6] : '=');
        text_char(out, i + 2 < len ? digits[in[2] & 63] : '=');
    }
}

/* As text_percent, or with the digits in lower case. */
static void add_percent(struct text *out, const char *value, bool lower)
{
    size_t start = out->len;
    text_percent(out, value);
    for (size_t i = start + 2; lower && i < out->len; i++) {
        char *c = &out->ptr[i];
        if ((c[-1] == '%' || c[-2] == '%') && *c >= 'A' && *c <= 'F')
            *c = (char)(*c - 'A' + 'a');
    }
}

static void add_writings(struct text *out, const char *value)
{
    struct text within = {0};
    if (!value || value[0] == '\0')
        return;
    text_add(out, value);
    text_char(out, ' ');
    for (size_t i = 0; i < 3; i++) { /* at each place in a group of three */
        within.len = 0;
        text_bytes(&within, "xx", i);
        text_add(&within, value);
        add_base64(out, within.ptr, within.len);
        text_char(out, ' ');
    }
    add_percent(out, value, false);
    text_char(out, ' ');
    add_percent(out, value, true);
    text_char(out, ' ');
    text_free(&within);
}

/* The bearer's token, with and without its scheme, or what a form holds. */
static void collect(const struct call *call, struct text *out)
{
    static const char *const fields[] = {"client_secret", "refresh_token", "code"};
    const char *authorization = call->request->authorization;
    struct call form;
    if (authorization) {
        const char *space = strchr(authorization, ' ');
        add_writings(out, authorization);
        add_writings(out, space ? space + 1 : NULL);
    }
    call_form(call, &form);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        add_writings(out, call_arg(&form, fields[i]));
    free(form.path);
}

void echo_credentials(const struct call *call, const char *member, struct answer *a)
{
    struct text echo = {0}, mark = {0}, old = a->body;
    size_t done = 0;
    collect(call, &echo);
    text_printf(&mark, "\"%s\":\"", member);
    a->body = (struct text){0};
    for (const char *at;
         old.len > done && (at = memmem(old.ptr + done, old.len - done, mark.ptr, mark.len));) {
        size_t end = (size_t)(at - old.ptr) + mark.len;
        text_bytes(&a->body, old.ptr + done, end - done);
        size_t start = a->body.len;
        text_bytes(&a->body, echo.ptr, echo.len);
        text_escape_from(&a->body, start);
        done = end;
    }
    text_bytes(&a->body, old.ptr + done, old.len - done);
    answer_header(a, "X-Echo", "%.*s", (int)echo.len, echo.len > 0 ? echo.ptr : "");
    text_free(&echo);
    text_free(&mark);
    text_free(&old);
}
