/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/image.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

#ifdef __x86_64__
enum { THIS_MACHINE = EM_X86_64 };
#elif defined __aarch64__
enum { THIS_MACHINE = EM_AARCH64 };
#else
#error "fastenr knows x86-64 and arm64 only: the jail's filters are made for these"
#endif

/* What the loader would map has to be in the file: touching a page that is not there ends the
 * worker with a signal, which says nothing to people. */
static bool is_whole(struct str bytes, const Elf64_Ehdr *head)
{
    size_t table = (size_t)head->e_phnum * sizeof(Elf64_Phdr);
    if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phoff > bytes.len ||
        table > bytes.len - head->e_phoff)
        return false;
    for (size_t i = 0; i < head->e_phnum; i++) {
        Elf64_Phdr part;
        memcpy(&part, bytes.ptr + head->e_phoff + i * sizeof part, sizeof part);
        if (part.p_type == PT_LOAD &&
            (part.p_offset > bytes.len || part.p_filesz > bytes.len - part.p_offset))
            return false;
    }
    return true;
}

static int check_elf(struct str bytes, struct error *err)
{
    Elf64_Ehdr head;
    if (bytes.len < sizeof head || memcmp(bytes.ptr, ELFMAG, SELFMAG) != 0)
        return error_set(err, "it is no ELF file, so no connector");
    memcpy(&head, bytes.ptr, sizeof head);
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != THIS_MACHINE)
        return error_set(err, "it is built for another machine");
    if (head.e_type != ET_DYN)
        return error_set(err, "it is no shared object (build it with -shared)");
    if (!is_whole(bytes, &head))
        return error_set(err, "its end is missing: copy or build it again");
    return 0;
}

static int write_sealed(struct str bytes, struct error *err)
{
    int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int fd = memfd_create("connector", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return error_set(err, "no memory file for it: %s", strerror(errno));
    for (size_t done = 0; done < bytes.len;) {
        ssize_t n = write(fd, bytes.ptr + done, bytes.len - done);
        if (n < 0) {
            error_set(err, "cannot copy it: %s", strerror(errno));
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fcntl(fd, F_ADD_SEALS, seals) != 0) {
        error_set(err, "cannot seal the copy: %s", strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int image_load(const char *path, struct image *ret_image, struct error *err)
{
    struct image image = {.fd = -1};
    struct buf bytes = BUF_INIT(IMAGE_MAX);
    int rc = -1;
    if (file_read(path, &bytes, err) != 0 || check_elf(buf_view(&bytes), err) != 0)
        goto out;
    if (sha256(buf_view(&bytes), image.sha256) != 0) {
        error_set(err, "cannot hash %s", path);
        goto out;
    }
    image.fd = write_sealed(buf_view(&bytes), err);
    if (image.fd < 0)
        goto out;
    image.path = mem_strdup(path);
    *ret_image = image;
    rc = 0;
out:
    buf_free(&bytes);
    return rc;
}

void image_free(struct image *image)
{
    if (image->path)
        close(image->fd);
    free(image->path);
    *image = (struct image){.fd = -1};
}
