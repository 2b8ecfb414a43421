/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a connection file. */
#include "config/connection.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct connection_config config;
    struct buf text = BUF_INIT(16 * 1024 * 1024);
    bool read = connection_config_read(fuzz_file((struct str){(const char *)data, size}), &config,
                                       &arena, &problems);
    FUZZ_EXPECT(read || problems.count > 0);
    fuzz_taken = read;
    problems_sort(&problems);
    for (size_t i = 0; i < problems.count; i++)
        problem_write(&text, &problems.items[i]);
    buf_free(&text);
    problems_free(&problems);
    arena_free(&arena);
    return 0;
}
