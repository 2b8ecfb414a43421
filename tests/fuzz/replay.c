/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over kept inputs, for builds without libFuzzer: replay FOLDER... */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "fuzz.h"

enum { INPUT_MAX = 64 * 1024 * 1024 };

static int replay_file(const char *path, bool good)
{
    struct buf input = BUF_INIT(INPUT_MAX);
    struct error err;
    int rc = file_read(path, &input, &err);
    if (rc != 0)
        fprintf(stderr, "%s\n", err.text);
    else
        LLVMFuzzerTestOneInput((const uint8_t *)buf_cstr(&input), input.len);
    if (rc == 0 && good && !fuzz_taken) {
        fprintf(stderr, "%s: it is to be valid and was refused: make it anew\n", path);
        rc = -1;
    }
    buf_free(&input);
    return rc;
}

static int replay_folder(const char *folder, int *count)
{
    DIR *dir = opendir(folder);
    int rc = dir ? 0 : -1;
    if (!dir)
        perror(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = file_join(folder, entry->d_name);
        if (replay_file(path, strncmp(entry->d_name, "good", 4) == 0) != 0)
            rc = -1;
        free(path);
        ++*count;
    }
    if (dir)
        closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0, count = 0;
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i], &count) != 0)
            rc = 1;
    printf("%d inputs\n", count);
    return count > 0 ? rc : 1;
}
