/* SPDX-License-Identifier: Apache-2.0 */
#include "base/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

struct blob {
    atomic_int references;
    size_t max;
    struct buf memory;
    int fd; /* -1 while in memory */
    size_t size;
    void *mapped; /* of a spooled blob, once viewed */
};

struct blob *blob_new(size_t max)
{
    struct blob *blob = MEM_NEW(struct blob);
    atomic_init(&blob->references, 1);
    blob->max = max;
    blob->memory = BUF_INIT(BLOB_IN_MEMORY);
    blob->fd = -1;
    return blob;
}

static int write_all(int fd, struct str bytes, struct error *err)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_set(err, "cannot spool an answer to a temporary file: %s",
                             strerror(errno));
        bytes = str_slice(bytes, (size_t)done, bytes.len - (size_t)done);
    }
    return 0;
}

static int spool(struct blob *blob, struct error *err)
{
    const char *dir = getenv("TMPDIR");
    blob->fd = open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (blob->fd < 0)
        return error_set(err, "cannot make a temporary file in %s for a large answer: %s",
                         dir ? dir : "/tmp", strerror(errno));
    int rc = write_all(blob->fd, buf_view(&blob->memory), err);
    buf_free(&blob->memory);
    return rc;
}

int blob_append(struct blob *blob, struct str piece, struct error *err)
{
    if (piece.len > blob->max - blob->size)
        return error_set(err, "the answer is larger than the %zu bytes allowed", blob->max);
    blob->size += piece.len;
    if (blob->fd < 0 && blob->size > BLOB_IN_MEMORY && spool(blob, err) != 0)
        return -1;
    if (blob->fd >= 0)
        return write_all(blob->fd, piece, err);
    buf_str(&blob->memory, piece);
    return 0;
}

int blob_view(struct blob *blob, struct str *ret_bytes, struct error *err)
{
    if (blob->fd >= 0 && !blob->mapped) {
        void *mapped = mmap(NULL, blob->size, PROT_READ, MAP_PRIVATE, blob->fd, 0);
        if (mapped == MAP_FAILED)
            return error_set(err, "cannot map a large answer: %s", strerror(errno));
        blob->mapped = mapped;
    }
    *ret_bytes = blob->mapped ? (struct str){blob->mapped, blob->size} : buf_view(&blob->memory);
    return 0;
}

size_t blob_size(const struct blob *blob)
{
    return blob->size;
}

struct blob *blob_ref(struct blob *blob)
{
    if (blob)
        atomic_fetch_add(&blob->references, 1);
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (!blob || atomic_fetch_sub(&blob->references, 1) != 1)
        return;
    if (blob->mapped)
        munmap(blob->mapped, blob->size);
    if (blob->fd >= 0)
        close(blob->fd);
    buf_free(&blob->memory);
    free(blob);
}
