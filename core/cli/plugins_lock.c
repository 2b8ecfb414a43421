/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plugins_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/file.h"

/* ---- reading ---- */

#define PIN_AT(member) .offset = offsetof(struct pin, member)

static const struct setting_table pin_settings = {
    (const struct setting[]){
        {.key = "id",
         .type = SETTING_TEXT,
         PIN_AT(id),
         .flags = SETTING_REQUIRED,
         .help = "which connector this is"},
        {.key = "version",
         .type = SETTING_TEXT,
         PIN_AT(version),
         .flags = SETTING_REQUIRED,
         .help = "the version that was approved"},
        {.key = "sha256",
         .type = SETTING_TEXT,
         PIN_AT(sha256),
         .flags = SETTING_REQUIRED,
         .help = "the SHA-256 of its file"},
        {.key = "hosts",
         .type = SETTING_TEXTS,
         PIN_AT(hosts),
         .help = "the hosts that it may reach"},
        {.key = "oauth",
         .type = SETTING_TEXTS,
         PIN_AT(oauth),
         .help = "its URLs of consent and of tokens"},
        {.key = "credentials",
         .type = SETTING_TEXTS,
         PIN_AT(secret),
         .help = "the credentials that it may ask for"},
        {.key = "options", .type = SETTING_TEXTS, PIN_AT(option), .help = "its options"},
        {0}},
    sizeof(struct pin)};

struct lock_file {
    const struct node *plugins;
};

static const struct setting_table lock_settings = {
    (const struct setting[]){{.key = "plugins",
                              .type = SETTING_NODE,
                              .offset = offsetof(struct lock_file, plugins),
                              .flags = SETTING_REQUIRED,
                              .help = "the list of approved connectors"},
                             {0}},
    sizeof(struct lock_file)};

static void check_pin(const struct plugins_lock *lock, const struct pin *pin,
                      const struct node *node, const struct settings_context *ctx)
{
    uint8_t digest[SHA256_SIZE];
    const struct node *id = node_get(node, "id"), *hash = node_get(node, "sha256");
    if (hash && !decode_hex(pin->sha256, digest, sizeof digest))
        settings_complain(ctx, hash, "sha256 must be 64 hexadecimal digits");
    if (id && pin->id.len > 0 && plugins_lock_find(lock, pin->id))
        settings_complain(ctx, id, "the connector '%.*s' stands twice: remove one",
                          STR_ARG(pin->id));
}

static void read_pins(struct plugins_lock *lock, const struct node *list,
                      const struct settings_context *ctx)
{
    if (list->kind != NODE_LIST) {
        settings_complain(ctx, list, "plugins is %s: write a list, like ( { id = ...; } )",
                          node_kind_name(list));
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        struct pin pin = {0};
        settings_read(&pin_settings, list->items[i], &pin, ctx);
        check_pin(lock, &pin, list->items[i], ctx);
        plugins_lock_put(lock, &pin, ctx->arena);
    }
}

static void read_file(struct plugins_lock *lock, struct arena *arena, struct problems *problems)
{
    struct settings_context ctx = {lock->path, arena, problems};
    struct lock_file file = {0};
    size_t before = problems->count;
    const struct node *root = libconfig_read(lock->path, arena, problems);
    if (root)
        settings_read(&lock_settings, root, &file, &ctx);
    if (file.plugins)
        read_pins(lock, file.plugins, &ctx);
    lock->state = problems->count == before ? LOCK_IS_READ : LOCK_IS_BROKEN;
}

/* A link to nothing, or what cannot be looked at, is no lock that is absent. */
static bool is_absent(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 && errno == ENOENT;
}

void plugins_lock_read(const char *dir, bool required, struct plugins_lock *ret_lock,
                       struct arena *arena, struct problems *problems)
{
    char *path = file_join(dir, PLUGINS_LOCK_NAME);
    *ret_lock = (struct plugins_lock){.path = arena_text(arena, path), .required = required};
    free(path);
    if (!is_absent(ret_lock->path))
        read_file(ret_lock, arena, problems);
    else if (required)
        problem_add(
            problems, ret_lock->path, 0, 0,
            "there is no such file, and fastenr.conf has plugins_lock = \"required\": look "
            "at the connectors with `fastenr plugins list`, then `fastenr plugins approve`");
}

/* ---- writing ---- */

/* Of the folder: the file is another one after each change. */
static int hold_folder(const char *dir, struct error *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
    if (fd < 0)
        return error_set(err, "cannot open %s: %s", dir, strerror(errno));
    do {
        rc = flock(fd, LOCK_EX);
    } while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return fd;
    error_set(err, "cannot lock %s: %s", dir, strerror(errno));
    close(fd);
    return -1;
}

int plugins_lock_hold(const char *dir, struct plugins_lock *lock, struct arena *arena,
                      struct error *err)
{
    struct problems problems = {0};
    int fd = hold_folder(dir, err);
    if (fd < 0)
        return -1;
    plugins_lock_read(dir, lock->required, lock, arena, &problems);
    problems_free(&problems);
    if (lock->state != LOCK_IS_BROKEN)
        return fd;
    error_set(err, "%s has mistakes, which `fastenr check` shows: correct them first", lock->path);
    close(fd);
    return -1;
}

static void write_text(struct buf *out, struct str text)
{
    buf_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c == '$' && i + 1 < text.len && text.ptr[i + 1] == '{')
            buf_text(out, "$$"); /* else it would be read as a reference */
        else
            buf_char(out, (char)c);
    }
    buf_char(out, '"');
}

static void write_one(struct buf *out, const char *key, struct str text)
{
    buf_printf(out, "    %s = ", key);
    write_text(out, text);
    buf_text(out, ";\n");
}

/* An item a line, so that a comparison of two versions shows what came and went. */
static void write_list(struct buf *out, const char *key, const struct text_list *list)
{
    if (list->count == 0)
        return;
    buf_printf(out, "    %s = [\n", key);
    for (size_t i = 0; i < list->count; i++) {
        buf_text(out, "      ");
        write_text(out, list->items[i]);
        buf_text(out, i + 1 < list->count ? ",\n" : "\n");
    }
    buf_text(out, "    ];\n");
}

static void write_pin(struct buf *out, const struct pin *pin)
{
    buf_text(out, "  {\n");
    write_one(out, "id", pin->id);
    write_one(out, "version", pin->version);
    write_one(out, "sha256", pin->sha256);
    write_list(out, "hosts", &pin->hosts);
    write_list(out, "oauth", &pin->oauth);
    write_list(out, "credentials", &pin->secret);
    write_list(out, "options", &pin->option);
    buf_text(out, "  }");
}

int plugins_lock_write(const struct plugins_lock *lock, struct error *err)
{
    struct buf out = BUF_INIT(LIBCONFIG_MAX);
    int rc;
    buf_text(&out,
             "// The connectors that were approved, each with its file's hash and what it may ask\n"
             "// for. One that differs from its entry, or has none, is not run. Written by\n"
             "// `fastenr plugins approve`: look at changes with it, and keep this file under\n"
             "// version control beside the connections.\n\n"
             "plugins = (\n");
    for (size_t i = 0; i < lock->count; i++) {
        write_pin(&out, &lock->pins[i]);
        buf_text(&out, i + 1 < lock->count ? ",\n" : "\n");
    }
    buf_text(&out, ");\n");
    if (out.full)
        rc = error_set(err, "%s would be too large: at most %d bytes are read", lock->path,
                       LIBCONFIG_MAX);
    else
        rc = file_replace(lock->path, buf_view(&out), 0644, err);
    buf_free(&out);
    return rc;
}

/* ---- entries ---- */

/* Where an id stands, or would. */
static size_t position(const struct plugins_lock *lock, struct str id)
{
    size_t at = 0;
    while (at < lock->count && str_cmp(lock->pins[at].id, id) < 0)
        at++;
    return at;
}

const struct pin *plugins_lock_find(const struct plugins_lock *lock, struct str id)
{
    size_t at = position(lock, id);
    return at < lock->count && str_eq(lock->pins[at].id, id) ? &lock->pins[at] : NULL;
}

void plugins_lock_put(struct plugins_lock *lock, const struct pin *pin, struct arena *arena)
{
    size_t at = position(lock, pin->id);
    if (at == lock->count || !str_eq(lock->pins[at].id, pin->id)) {
        lock->pins = arena_grow(arena, lock->pins, &lock->cap, lock->count + 1, sizeof *pin);
        memmove(&lock->pins[at + 1], &lock->pins[at], (lock->count - at) * sizeof *pin);
        lock->count++;
    }
    lock->pins[at] = *pin;
}

bool plugins_lock_remove(struct plugins_lock *lock, struct str id)
{
    size_t at = position(lock, id);
    if (at == lock->count || !str_eq(lock->pins[at].id, id))
        return false;
    lock->count--;
    memmove(&lock->pins[at], &lock->pins[at + 1], (lock->count - at) * sizeof lock->pins[0]);
    return true;
}

/* ---- deciding ---- */

bool plugins_lock_stops_all(const struct plugins_lock *lock)
{
    return lock->state == LOCK_IS_BROKEN || (lock->state == LOCK_IS_ABSENT && lock->required);
}

enum approval plugins_lock_approval(const struct plugins_lock *lock, const struct pin *pin,
                                    struct arena *arena)
{
    const struct pin *approved = plugins_lock_find(lock, pin->id);
    if (lock->state == LOCK_IS_ABSENT)
        return APPROVAL_NOT_PINNED;
    if (!approved)
        return APPROVAL_NONE;
    return pin_compare(approved, pin, arena).count == 0 ? APPROVAL_GIVEN : APPROVAL_CHANGED;
}

const char *approval_name(enum approval approval)
{
    static const char *const names[] = {[APPROVAL_NOT_PINNED] = "not pinned",
                                        [APPROVAL_GIVEN] = "approved",
                                        [APPROVAL_CHANGED] = "changed",
                                        [APPROVAL_NONE] = "not approved"};
    return names[approval];
}

const char *plugins_lock_refusal(const struct plugins_lock *lock, const struct connector_info *info,
                                 struct arena *arena)
{
    struct pin pin = pin_of(info, arena);
    enum approval approval = plugins_lock_approval(lock, &pin, arena);
    if (approval == APPROVAL_GIVEN || approval == APPROVAL_NOT_PINNED)
        return NULL;
    if (approval == APPROVAL_NONE)
        return arena_printf(arena,
                            "the connector %.*s, %s, is not approved: it is not in %s. To see what "
                            "it asks for, and approve it: fastenr plugins approve %.*s",
                            STR_ARG(pin.id), info->image.path, lock->path, STR_ARG(pin.id));
    struct buf text = BUF_INIT(4096);
    struct pin_changes changes = pin_compare(plugins_lock_find(lock, pin.id), &pin, arena);
    pin_write_changes(&text, &changes);
    const char *why =
        arena_printf(arena,
                     "the connector %.*s, %s, is not what was approved: %s. If that "
                     "is wanted: fastenr plugins approve %.*s",
                     STR_ARG(pin.id), info->image.path, buf_cstr(&text), STR_ARG(pin.id));
    buf_free(&text);
    return why;
}
