/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the host's file. */
#include "config/host.h"
#include "fuzz.h"

/* libconfig 1.5 itself leaks the text that it was scanning when it meets a syntax error. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct problems problems = {0};
    struct node *root =
        libconfig_read(fuzz_file((struct str){(const char *)data, size}), &arena, &problems);
    FUZZ_EXPECT(root || problems.count > 0);
    fuzz_taken = root != NULL;
    if (root) {
        struct host_config config = {0};
        const struct settings_context ctx = {"fastenr.conf", &arena, &problems};
        settings_read(&host_settings, root, &config, &ctx);
    }
    problems_free(&problems);
    arena_free(&arena);
    return 0;
}
