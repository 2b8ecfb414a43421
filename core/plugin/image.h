/* SPDX-License-Identifier: Apache-2.0 */
/* A connector's file as the host runs it: copied into a sealed memory file, so that what was hashed
 * is what runs, whatever happens to the file. */
#ifndef PLUGIN_IMAGE_H
#define PLUGIN_IMAGE_H

#include "base/error.h"
#include "base/hash.h"

enum { IMAGE_MAX = 64 * 1024 * 1024 };

struct image {
    char *path;
    int fd; /* sealed memfd, close-on-exec */
    uint8_t sha256[SHA256_SIZE];
};

/* Copies, seals and hashes; fails with one sentence when the file is no 64-bit ELF shared object.
 */
int image_load(const char *path, struct image *ret_image, struct error *err);
void image_free(struct image *image);

#endif
