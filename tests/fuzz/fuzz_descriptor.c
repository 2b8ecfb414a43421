/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as what a connector says of itself; and a connection set up against what passes. */
#include "fuzz.h"
#include "sync/setup.h"

#define REST                                                                                       \
    "limits: {burst: 5/1s}\n"                                                                      \
    "objects: {things: {}, others: {match: [name]}, owners: {}, mine: {}}\n"

static const char *const files[] = {
    "connector: x\noptions: {a: 1}\nauth: {key: {token: abcdef}}\n" REST,
    "connector: x\nauth: {oauth: {client_id: a, client_secret: abcdef, token_path: /t}}\n" REST,
};

static void set_up(const char *file, const struct descriptor *descriptor)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct setup setup;
    FUZZ_EXPECT(connection_config_read(fuzz_file(str_from(file)), &config, &arena, &problems));
    setup_make(&config, descriptor, &setup, &arena, &problems);
    problems_free(&problems);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct descriptor descriptor;
    struct error err = {0};
    fuzz_taken = descriptor_decode((struct str){(const char *)data, size}, &descriptor, &err) == 0;
    if (!fuzz_taken) {
        FUZZ_EXPECT(err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        set_up(files[i], &descriptor);
    descriptor_free(&descriptor);
    return 0;
}
