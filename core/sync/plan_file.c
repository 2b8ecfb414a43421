/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is written, and read back to be shown. Reading one to apply it is in plan_reading.c. */
#include "sync/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"

enum { BUFFER = 64 * 1024, CONFIG_MAX = 16 * 1024 * 1024, HEADER_MAX = 16 * 1024 };

struct plan_file {
    int fd;
    char *path, *temporary; /* NULL: it has no name */
    struct buf pending;
    struct mac *mac;
};

/* ---- what it is of ---- */

struct mac *plan_mac(const struct store *store)
{
    uint8_t key[SHA256_SIZE];
    struct buf secret = BUF_INIT(256);
    buf_text(&secret, "fastenr plan file 1");
    buf_append(&secret, store_hash_key(store), SIPHASH_KEY);
    struct mac *mac = sha256(buf_view(&secret), key) == 0
                          ? mac_new((struct str){(const char *)key, sizeof key})
                          : NULL;
    explicit_bzero(key, sizeof key);
    explicit_bzero(secret.ptr, secret.len);
    buf_free(&secret);
    return mac;
}

int plan_mapping(const struct setup *setup, char ret_hash[PLAN_MAPPING], struct error *err)
{
    struct buf text = BUF_INIT(CONFIG_MAX), hex = BUF_INIT(PLAN_MAPPING);
    uint8_t digest[SHA256_SIZE];
    int rc = file_read(setup->config->file, &text, err);
    buf_str(&text, setup->descriptor->id);
    buf_str(&text, setup->descriptor->version);
    for (size_t i = 0; i < setup->object_count && rc == 0; i++) {
        const struct mapping *m = &setup->objects[i].mapping;
        buf_printf(&text, " %llx %llx", (unsigned long long)m->rules_hash,
                   (unsigned long long)m->export_hash);
    }
    if (rc == 0 && (text.full || sha256(buf_view(&text), digest) != 0))
        rc = error_set(err, "the connection's file cannot be hashed");
    if (rc == 0) {
        encode_hex(&hex, (struct str){(const char *)digest, sizeof digest});
        snprintf(ret_hash, PLAN_MAPPING, "%s", buf_cstr(&hex));
    }
    buf_free(&text);
    buf_free(&hex);
    return rc;
}

/* ---- bytes ---- */

static int flush(struct plan_file *f, struct error *err)
{
    struct str bytes = buf_view(&f->pending);
    while (bytes.len > 0) {
        ssize_t done = write(f->fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return error_set(err, "cannot write %s: %s", f->path ? f->path : "a temporary file",
                             strerror(errno));
        bytes = str_slice(bytes, (size_t)done, bytes.len - (size_t)done);
    }
    buf_clear(&f->pending);
    return 0;
}

static int append(struct plan_file *f, struct str line, struct error *err)
{
    buf_str(&f->pending, line);
    buf_char(&f->pending, '\n');
    if (f->pending.full)
        return error_set(err, "a line of a plan is larger than %d MiB", PLAN_LINE_MAX >> 20);
    return f->pending.len >= BUFFER ? flush(f, err) : 0;
}

int plan_file_line(struct plan_file *f, struct str line, struct error *err)
{
    if (mac_add(f->mac, line) != 0 || mac_add(f->mac, STR("\n")) != 0)
        return error_set(err, "the crypto library cannot seal a plan: is memory out?");
    return append(f, line, err);
}

/* ---- life ---- */

static int open_file(struct plan_file *f, const char *path, struct error *err)
{
    const char *dir = getenv("TMPDIR");
    if (path) {
        size_t room = strlen(path) + sizeof ".XXXXXX";
        f->path = mem_strdup(path);
        f->temporary = mem_new(room, 1);
        snprintf(f->temporary, room, "%s.XXXXXX", path);
        f->fd = mkostemp(f->temporary, O_CLOEXEC); /* mode 0600 */
    } else {
        f->fd = open(dir ? dir : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    }
    if (f->fd >= 0)
        return 0;
    int rc = error_set(err, "cannot make a file %s %s: %s", path ? "beside" : "in",
                       path  ? path
                       : dir ? dir
                             : "/tmp",
                       strerror(errno));
    free(f->temporary);
    f->temporary = NULL;
    return rc;
}

static void put_text(struct json_writer *w, const char *name, struct str text)
{
    json_key(w, name);
    json_put_str(w, text);
}

static int write_header(struct plan_file *f, const struct store *store,
                        const struct plan_origin *origin, struct error *err)
{
    struct buf text = BUF_INIT(HEADER_MAX);
    struct json_writer w = {.out = &text};
    char id[UUID_TEXT], at[TIME_TEXT];
    json_open(&w, '{');
    json_key(&w, "fastenr_plan");
    json_put_int(&w, PLAN_FORMAT);
    put_text(&w, "store", str_from(uuid_format(&store->id, id)));
    put_text(&w, "connection", origin->connection);
    put_text(&w, "mapping", origin->mapping);
    put_text(&w, "made_at", str_from(time_format(origin->at, at)));
    put_text(&w, "by", origin->by);
    json_close(&w, '}');
    int rc = plan_file_line(f, buf_view(&text), err);
    buf_free(&text);
    return rc;
}

struct plan_file *plan_file_new(const char *path, const struct store *store,
                                const struct plan_origin *origin, struct error *err)
{
    struct plan_file *f = MEM_NEW(struct plan_file);
    f->pending = BUF_INIT(PLAN_LINE_MAX + BUFFER);
    f->fd = -1;
    f->mac = plan_mac(store);
    if (!f->mac)
        error_set(err, "the crypto library cannot seal a plan: is memory out?");
    else if (open_file(f, path, err) == 0 && write_header(f, store, origin, err) == 0)
        return f;
    plan_file_free(f);
    return NULL;
}

static void put_counts(struct json_writer *w, const struct plan_object *object)
{
    json_key_str(w, object->name);
    json_open(w, '{');
    for (size_t i = 0; i < PLAN_SIDES; i++) {
        json_key(w, plan_side_name((enum plan_side)i));
        json_open(w, '{');
        for (size_t j = 0; j < PLAN_OPS; j++) {
            if (object->counts.ops[i][j] == 0)
                continue;
            json_key(w, plan_op_name((enum plan_op)j));
            json_put_int(w, object->counts.ops[i][j]);
        }
        json_close(w, '}');
    }
    json_close(w, '}');
}

static int write_end(struct plan_file *f, const struct sync_plan *plan, struct error *err)
{
    struct buf text = BUF_INIT(PLAN_LINE_MAX), hex = BUF_INIT(256);
    struct json_writer w = {.out = &text};
    uint8_t code[MAC_SIZE];
    json_open(&w, '{');
    json_key(&w, "counts");
    json_open(&w, '{');
    for (size_t i = 0; i < plan->object_count; i++)
        put_counts(&w, &plan->objects[i]);
    json_close(&w, '}');
    json_close(&w, '}');
    int rc = plan_file_line(f, buf_view(&text), err);
    if (rc == 0 && mac_end(f->mac, code) != 0)
        rc = error_set(err, "the crypto library cannot seal a plan: is memory out?");
    if (rc == 0) {
        encode_hex(&hex, (struct str){(const char *)code, sizeof code});
        buf_clear(&text);
        buf_printf(&text, "{\"mac\":\"%s\"}", buf_cstr(&hex));
        rc = append(f, buf_view(&text), err);
    }
    buf_free(&text);
    buf_free(&hex);
    return rc;
}

int plan_file_close(struct plan_file *f, const struct sync_plan *plan, struct error *err)
{
    if (write_end(f, plan, err) != 0 || flush(f, err) != 0)
        return -1;
    if (!f->temporary)
        return 0;
    if (fsync(f->fd) != 0 || rename(f->temporary, f->path) != 0)
        return error_set(err, "cannot write %s: %s", f->path, strerror(errno));
    free(f->temporary);
    f->temporary = NULL;
    return 0;
}

void plan_file_free(struct plan_file *f)
{
    if (!f)
        return;
    if (f->temporary)
        unlink(f->temporary);
    if (f->fd >= 0)
        close(f->fd);
    mac_free(f->mac);
    buf_free(&f->pending);
    free(f->temporary);
    free(f->path);
    free(f);
}

/* ---- reading back ---- */

/* The first line and the last two are no changes. */
static bool is_change(struct str line)
{
    return str_starts(line, "{\"object\":");
}

int plan_file_each(struct plan_file *f, bool (*fn)(void *arg, struct str line), void *arg,
                   struct error *err)
{
    int fd = dup(f->fd), rc = 0;
    FILE *in = fd >= 0 && lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    if (!in) {
        if (fd >= 0)
            close(fd);
        return error_set(err, "cannot read a plan back: %s", strerror(errno));
    }
    while ((len = getline(&line, &room, in)) > 0) {
        struct str text = {line, (size_t)len - 1};
        if (is_change(text) && !fn(arg, text))
            break;
    }
    if (ferror(in))
        rc = error_set(err, "cannot read a plan back: %s", strerror(errno));
    free(line);
    fclose(in);
    return rc;
}
