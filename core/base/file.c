/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int read_bytes(int fd, struct buf *out, size_t size)
{
    if (!buf_reserve(out, size)) {
        errno = EFBIG;
        return -1;
    }
    size_t end = out->len + size;
    while (out->len < end) {
        ssize_t got = read(fd, out->ptr + out->len, end - out->len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0) /* became shorter meanwhile */
            break;
        out->len += (size_t)got;
    }
    out->ptr[out->len] = '\0';
    return 0;
}

int file_read(const char *path, struct buf *out, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(err, "cannot open %s: %s", path, strerror(errno));
    int rc = fstat(fd, &st);
    if (rc == 0 && !S_ISREG(st.st_mode))
        rc = error_set(err, "cannot read %s: it is %s; a regular file is wanted", path,
                       S_ISDIR(st.st_mode) ? "a folder" : "a pipe or a device");
    else if (rc == 0 && (rc = read_bytes(fd, out, (size_t)st.st_size)) < 0 && errno == EFBIG)
        error_set(err, "cannot read %s: it is too large, at most %zu bytes are read", path,
                  out->max);
    else if (rc < 0)
        error_set(err, "cannot read %s: %s", path, strerror(errno));
    close(fd);
    return rc;
}

/* What mkostemp makes a name of: in the same folder, since a rename stays within a file system. */
static char *file_beside(const char *path)
{
    static const char tail[] = ".XXXXXX";
    size_t len = strlen(path);
    char *name = mem_new(len + sizeof tail, 1);
    memcpy(name, path, len);
    memcpy(name + len, tail, sizeof tail);
    return name;
}

static int write_bytes(int fd, struct str content)
{
    while (content.len > 0) {
        ssize_t done = write(fd, content.ptr, content.len);
        if (done < 0 && errno != EINTR)
            return -1;
        if (done > 0)
            content = str_slice(content, (size_t)done, content.len - (size_t)done);
    }
    return 0;
}

/* A name is on the disk when its folder is. */
static int sync_folder(const char *path)
{
    char *dir = file_dir(path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    free(dir);
    return rc;
}

int file_replace(const char *path, struct str content, mode_t mode, struct error *err)
{
    char *temporary = file_beside(path);
    int fd = mkostemp(temporary, O_CLOEXEC), rc = -1;
    if (fd < 0) {
        error_set(err, "cannot make a file beside %s: %s", path, strerror(errno));
        goto out;
    }
    rc = write_bytes(fd, content) != 0 || fchmod(fd, mode) != 0 || fsync(fd) != 0 ? -1 : 0;
    if (rc == 0)
        rc = rename(temporary, path);
    if (rc == 0)
        rc = sync_folder(path);
    if (rc != 0) {
        error_set(err, "cannot write %s: %s", path, strerror(errno));
        unlink(temporary);
    }
    close(fd);
out:
    free(temporary);
    return rc;
}

char *file_join(const char *dir, const char *name)
{
    if (name[0] == '/')
        return mem_strdup(name);
    size_t dir_len = strlen(dir), name_len = strlen(name);
    char *path = mem_new(dir_len + name_len + 2, 1);
    snprintf(path, dir_len + name_len + 2, "%s/%s", dir, name);
    return path;
}

char *file_dir(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *file_of_program(const char *name, struct error *err)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0) {
        error_set(err, "cannot find the program's own folder: %s; is /proc mounted?",
                  strerror(errno));
        return NULL;
    }
    self[len] = '\0';
    char *bin = file_dir(self), *prefix = file_dir(bin);
    char *path = file_join(prefix, name);
    free(bin);
    free(prefix);
    return path;
}
