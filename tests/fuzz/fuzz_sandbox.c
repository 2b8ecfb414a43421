/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as requests to the vendor simulator, one after another: "METHOD target\nbody", with a
 * byte 0x1e between them. What belongs to it answers as a server would: whole, with a status. */
#include "fuzz.h"

#include <stdlib.h>

#include "base/mem.h"
#include "sandbox.h"

enum { REQUESTS_MAX = 16 };

static void ask(struct sandbox *s, struct str text)
{
    struct str line, method;
    struct sandbox_response response;
    if (!str_next(&text, '\n', &line) || !str_next(&line, ' ', &method))
        return;
    char *method_text = mem_strndup(method.ptr, method.len);
    char *target = mem_strndup(line.ptr, line.len);
    char *body = mem_strndup(text.ptr, text.len);
    const struct sandbox_request request = {.method = method_text,
                                            .target = target,
                                            .host = "127.0.0.1",
                                            .authorization = "Bearer sandbox-token",
                                            .body = body,
                                            .body_len = text.len};
    sandbox_handle(s, &request, &response);
    FUZZ_EXPECT(response.status >= 200 && response.status < 600);
    fuzz_taken |= response.status < 400;
    FUZZ_EXPECT(response.body || response.body_len == 0);
    char piece[4096];
    while (response.stream && sandbox_stream_read(response.stream, piece, sizeof piece) > 0)
        ;
    sandbox_response_free(&response);
    free(method_text);
    free(target);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, one;
    struct sandbox_options options;
    char error[300];
    fuzz_taken = false;
    if (size > 64 * 1024)
        return 0;
    sandbox_options_default(&options);
    options.companies = options.contacts = options.deals = 5;
    options.tickets = options.engagements = 5;
    options.limits_factor = 0;
    struct sandbox *s = sandbox_create("hubspot", &options, error, sizeof error);
    FUZZ_EXPECT(s);
    for (int i = 0; i < REQUESTS_MAX && str_next(&rest, 0x1e, &one); i++)
        ask(s, one);
    sandbox_destroy(s);
    return 0;
}
