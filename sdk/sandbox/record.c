/* SPDX-License-Identifier: Apache-2.0 */
#include "record.h"

#include <string.h>
#include <strings.h>

#include "text.h"

struct headers {
    struct text *out;
    bool any;
};

/* What tells who asks, and what the next connection has of its own. */
static bool is_left_out(const char *name)
{
    static const char *const names[] = {"Authorization", "Cookie",         "Proxy-Authorization",
                                        "Host",          "Content-Length", "Connection"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

static enum MHD_Result add_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct headers *h = arg;
    (void)kind;
    if (is_left_out(name))
        return MHD_YES;
    if (h->any)
        text_char(h->out, ',');
    h->any = true;
    text_json(h->out, name, strlen(name));
    text_char(h->out, ':');
    text_json(h->out, value ? value : "", value ? strlen(value) : 0);
    return MHD_YES;
}

int record_request(FILE *out, struct MHD_Connection *connection,
                   const struct sandbox_request *request)
{
    struct text line = {0};
    struct headers headers = {.out = &line};
    if (strncmp(request->target, "/__sandbox", 10) == 0)
        return 0;
    text_add(&line, "{\"method\":");
    text_json(&line, request->method, strlen(request->method));
    text_add(&line, ",\"target\":");
    text_json(&line, request->target, strlen(request->target));
    text_add(&line, ",\"headers\":{");
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &headers);
    text_add(&line, "},\"body\":");
    text_json(&line, request->body ? request->body : "", request->body ? request->body_len : 0);
    text_add(&line, "}\n");
    bool whole = fwrite(line.ptr, 1, line.len, out) == line.len && fflush(out) == 0;
    text_free(&line);
    return whole ? 0 : -1;
}
