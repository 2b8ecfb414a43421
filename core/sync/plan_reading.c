/* SPDX-License-Identifier: Apache-2.0 */
/* A plan is read to be applied: checked as a whole, then line by line where each stands. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/mem.h"
#include "sync/plan_file.h"

enum { PIECE = 64 * 1024 };

struct checking {
    struct plan_reading *reading;
    const char *path;
    struct mac *mac;
    uint64_t at; /* of the line */
    bool headed; /* the first line was read */
    bool counted;
    bool ended; /* the last line was read */
    bool odd;   /* a line is not what it should be: of an edited file, or of a later fastenr */
    uint8_t code[MAC_SIZE];
};

/* ---- lines ---- */

static int read_header(struct checking *c, struct str line, struct error *err)
{
    struct plan_reading *r = c->reading;
    const struct json *root = NULL;
    char id[UUID_TEXT];
    bool is_plan = json_parse(line, &root, NULL) == 0 && json_has(root, STR("fastenr_plan"));
    int64_t format = is_plan ? json_int(json_member(root, STR("fastenr_plan"))) : 0;
    struct str store = json_string(json_member(root, STR("store")));
    int rc = 0;
    uuid_format(&r->store->id, id);
    if (!is_plan)
        rc = error_set(err, "%s is no plan: `fastenr sync --plan-out FILE` makes one", c->path);
    else if (format != PLAN_FORMAT)
        rc = error_set(err, "%s has the format %lld, this fastenr reads %d: make the plan anew",
                       c->path, (long long)format, PLAN_FORMAT);
    else if (!str_is(store, id))
        rc = error_set(err, "%s was made with another store: make the plan anew with this one",
                       c->path);
    if (rc == 0) {
        struct str when = json_string(json_member(root, STR("made_at")));
        r->origin = (struct plan_origin){
            .connection = arena_str(&r->arena, json_string(json_member(root, STR("connection")))),
            .mapping = arena_str(&r->arena, json_string(json_member(root, STR("mapping")))),
            .by = arena_str(&r->arena, json_string(json_member(root, STR("by"))))};
        c->odd |= !time_parse_rfc3339(when, &r->origin.at);
        time_format(r->origin.at, r->when);
    }
    json_free(root);
    return rc;
}

static int object_of(struct plan_reading *r, struct str name)
{
    for (size_t i = 0; i < r->object_count; i++)
        if (str_eq(r->objects[i], name))
            return (int)i;
    r->objects = arena_grow(&r->arena, r->objects, &r->object_cap, r->object_count + 1,
                            sizeof r->objects[0]);
    r->objects[r->object_count] = arena_str(&r->arena, name);
    return (int)r->object_count++;
}

static void read_change(struct checking *c, struct str line)
{
    struct plan_reading *r = c->reading;
    struct plan_entry e;
    if (plan_entry_read(line, &e, NULL) != 0) {
        c->odd = true;
        return;
    }
    int object = object_of(r, e.object);
    c->odd |= object > UINT16_MAX || e.unit.len == 0 || c->counted;
    r->rows = mem_grow(r->rows, &r->cap, r->count + 1, sizeof r->rows[0]);
    r->rows[r->count++] = (struct plan_row){.at = c->at,
                                            .hash = siphash(store_hash_key(r->store), line),
                                            .len = (uint32_t)line.len,
                                            .object = (uint16_t)object,
                                            .unit = siphash(store_hash_key(r->store), e.unit),
                                            .side = (uint8_t)e.side};
    plan_entry_free(&e);
}

static void read_code(struct checking *c, struct str line)
{
    const struct json *root = NULL;
    bool ok = json_parse(line, &root, NULL) == 0 &&
              decode_hex(json_string(json_member(root, STR("mac"))), c->code, sizeof c->code);
    c->ended = ok;
    json_free(root);
}

static int read_line(struct checking *c, struct str line, struct error *err)
{
    if (c->ended) {
        c->odd = true;
        return 0;
    }
    if (str_starts(line, "{\"mac\":")) {
        read_code(c, line);
        return 0;
    }
    if (mac_add(c->mac, line) != 0 || mac_add(c->mac, STR("\n")) != 0)
        return error_set(err, "the crypto library cannot check a plan: is memory out?");
    if (!c->headed) {
        c->headed = true;
        return read_header(c, line, err);
    }
    if (str_starts(line, "{\"counts\":"))
        c->counted = true;
    else
        read_change(c, line);
    return 0;
}

/* Takes the lines that are whole out of what was read. */
static int take_lines(struct checking *c, struct buf *text, struct error *err)
{
    struct str rest = buf_view(text);
    char *end;
    int rc = 0;
    while (rest.len > 0 && rc == 0 && (end = memchr(rest.ptr, '\n', rest.len)) != NULL) {
        size_t len = (size_t)(end - rest.ptr);
        rc = read_line(c, (struct str){rest.ptr, len}, err);
        c->at += len + 1;
        rest = str_slice(rest, len + 1, rest.len - len - 1);
    }
    size_t left = rest.len;
    if (left > 0 && rest.ptr != text->ptr)
        memmove(text->ptr, rest.ptr, left);
    text->len = left;
    return rc;
}

static int read_all(struct checking *c, struct error *err)
{
    struct buf text = BUF_INIT(PLAN_LINE_MAX + PIECE);
    int rc = 0;
    while (rc == 0) {
        if (!buf_reserve(&text, PIECE)) {
            rc = error_set(err, "%s is no plan: a line of it is too long", c->path);
            break;
        }
        ssize_t got = read(c->reading->fd, text.ptr + text.len, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            rc = error_set(err, "cannot read %s: %s", c->path, strerror(errno));
        if (got <= 0)
            break;
        text.len += (size_t)got;
        rc = take_lines(c, &text, err);
    }
    c->odd |= text.len > 0; /* half a line */
    buf_free(&text);
    return rc;
}

/* ---- the whole ---- */

static int check_code(struct checking *c, struct error *err)
{
    uint8_t code[MAC_SIZE];
    if (!c->headed)
        return error_set(err, "%s is no plan: it is empty", c->path);
    if (mac_end(c->mac, code) != 0)
        return error_set(err, "the crypto library cannot check a plan: is memory out?");
    if (!c->ended)
        return error_set(err, "%s is cut short: make the plan anew", c->path);
    if (!str_eq_secret((struct str){(const char *)code, sizeof code},
                       (struct str){(const char *)c->code, sizeof c->code}))
        return error_set(err,
                         "%s was changed since it was made: nothing of it is applied; make the "
                         "plan anew",
                         c->path);
    if (c->odd || !c->counted)
        return error_set(err, "%s holds what this fastenr does not know: make the plan anew",
                         c->path);
    return 0;
}

static int by_unit(const void *a, const void *b)
{
    const struct plan_row *x = a, *y = b;
    if (x->object != y->object)
        return x->object < y->object ? -1 : 1;
    if (x->side != y->side)
        return x->side < y->side ? -1 : 1;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_lead(const void *a, const void *b)
{
    const struct plan_row *x = a, *y = b;
    if (x->lead != y->lead)
        return x->lead < y->lead ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Units in the order of the file, and what belongs to one together. */
static void sort_rows(struct plan_reading *r)
{
    struct plan_row *rows = r->rows;
    if (r->count > 0)
        qsort(rows, r->count, sizeof rows[0], by_unit);
    for (size_t i = 0; i < r->count; i++) {
        bool same = i > 0 && rows[i].object == rows[i - 1].object &&
                    rows[i].side == rows[i - 1].side && rows[i].unit == rows[i - 1].unit;
        rows[i].lead = same ? rows[i - 1].lead : rows[i].at;
        rows[i].first = !same;
    }
    if (r->count > 0)
        qsort(rows, r->count, sizeof rows[0], by_lead);
}

static int open_regular(const char *path, struct error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set(err, "cannot read %s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        error_set(err, "%s is no file", path);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int plan_reading_open(struct plan_reading *r, const char *path, const struct store *store,
                      struct error *err)
{
    struct checking c = {.reading = r, .path = path, .mac = plan_mac(store)};
    int rc = -1;
    *r = (struct plan_reading){.store = store, .fd = open_regular(path, err)};
    if (!c.mac)
        error_set(err, "the crypto library cannot check a plan: is memory out?");
    else if (r->fd >= 0 && read_all(&c, err) == 0)
        rc = check_code(&c, err);
    mac_free(c.mac);
    if (rc == 0)
        sort_rows(r);
    else
        plan_reading_close(r);
    return rc;
}

int plan_reading_line(struct plan_reading *r, size_t row, struct buf *text, struct error *err)
{
    const struct plan_row *at = &r->rows[row];
    buf_clear(text);
    if (!buf_reserve(text, at->len))
        return error_set(err, "a line of the plan is too long");
    while (text->len < at->len) {
        ssize_t got =
            pread(r->fd, text->ptr + text->len, at->len - text->len, (off_t)(at->at + text->len));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(err, "cannot read the plan: %s",
                             got < 0 ? strerror(errno) : "it ends");
        text->len += (size_t)got;
    }
    text->ptr[text->len] = '\0';
    if (siphash(store_hash_key(r->store), buf_view(text)) != at->hash)
        return error_set(err, "the plan was changed while it was applied: make it anew");
    return 0;
}

void plan_reading_close(struct plan_reading *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->rows);
    arena_free(&r->arena);
    *r = (struct plan_reading){.fd = -1};
}
