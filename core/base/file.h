/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/error.h"

/* Appends a whole regular file; fails when it is larger than the buffer may grow. */
int file_read(const char *path, struct buf *out, struct error *err);

/* Puts a file of this content and mode in the place of the one that is there, if any: the whole of
 * it or nothing, also when the machine stops meanwhile. */
int file_replace(const char *path, struct str content, mode_t mode, struct error *err);

/* "dir/name", or name itself when it is absolute; freed by the caller. */
char *file_join(const char *dir, const char *name);

/* The directory part of a path, "." when there is none; freed by the caller. */
char *file_dir(const char *path);

/* "PREFIX/name" of a program installed as PREFIX/bin/program: where it finds its parts. NULL with
 * an error when the system does not say where the program is; freed by the caller. */
char *file_of_program(const char *name, struct error *err);

/* Whether there is a regular file. */
bool file_exists(const char *path);

#endif
