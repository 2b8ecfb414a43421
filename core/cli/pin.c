/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/pin.h"

#include <stdlib.h>

#include "base/encode.h"
#include "cli/out.h"

enum { VERSION_MAX = 128, SENTENCE_MAX = 2000, ITEM_MAX = 300 };

/* ---- making ---- */

/* In the lock for ever, so not those of messages to people. */
static const char *kind_of(enum option_type type)
{
    static const char *const names[] = {[OPTION_STRING] = "text",
                                        [OPTION_INT] = "int",
                                        [OPTION_BOOL] = "bool",
                                        [OPTION_DURATION] = "duration",
                                        [OPTION_ENUM] = "enum"};
    return names[type];
}

static int by_bytes(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    return str_cmp(*x, *y);
}

/* Sorted, so that the file changes only where the connector does. */
static void sort(struct text_list *list)
{
    if (list->count > 0)
        qsort(list->items, list->count, sizeof list->items[0], by_bytes);
}

static struct text_list new_list(struct arena *arena, size_t most)
{
    return (struct text_list){.items = arena_new(arena, most, sizeof(struct str))};
}

static struct text_list hosts_of(const struct descriptor *d, struct arena *arena)
{
    struct text_list list = new_list(arena, d->host_count);
    for (uint32_t i = 0; i < d->host_count; i++)
        list.items[list.count++] = arena_str(arena, d->hosts[i]);
    sort(&list);
    return list;
}

static struct text_list oauth_of(const struct descriptor *d, struct arena *arena)
{
    struct text_list list = new_list(arena, (size_t)2 * d->auth_count);
    for (uint32_t i = 0; i < d->auth_count; i++) {
        const struct connector_oauth *o = d->auth[i].oauth;
        if (!o)
            continue;
        list.items[list.count++] = arena_str(arena, o->authorize_url);
        list.items[list.count++] = arena_str(arena, o->token_url);
    }
    sort(&list);
    return list;
}

static struct text_list secrets_of(const struct descriptor *d, struct arena *arena)
{
    size_t most = 0;
    for (uint32_t i = 0; i < d->auth_count; i++)
        most += d->auth[i].secret_count;
    struct text_list list = new_list(arena, most);
    for (uint32_t i = 0; i < d->auth_count; i++)
        for (uint32_t j = 0; j < d->auth[i].secret_count; j++)
            list.items[list.count++] = str_from(arena_printf(
                arena, "%.*s.%.*s", STR_ARG(d->auth[i].name), STR_ARG(d->auth[i].secrets[j].name)));
    sort(&list);
    return list;
}

static struct text_list options_of(const struct descriptor *d, struct arena *arena)
{
    struct text_list list = new_list(arena, d->option_count);
    for (uint32_t i = 0; i < d->option_count; i++)
        list.items[list.count++] = str_from(arena_printf(
            arena, "%.*s: %s", STR_ARG(d->options[i].name), kind_of(d->options[i].type)));
    sort(&list);
    return list;
}

/* The one text here that the descriptor's checks leave free. */
static struct str version_of(const struct descriptor *d, struct arena *arena)
{
    struct buf clean = BUF_INIT(4 * VERSION_MAX);
    struct str version = d->version;
    if (version.len > VERSION_MAX)
        version.len = VERSION_MAX;
    text_clean(&clean, version, false);
    struct str copy = arena_str(arena, buf_view(&clean));
    buf_free(&clean);
    return copy;
}

struct pin pin_of(const struct connector_info *info, struct arena *arena)
{
    const struct descriptor *d = &info->descriptor;
    struct buf hex = BUF_INIT(2 * SHA256_SIZE);
    encode_hex(&hex, (struct str){(const char *)info->image.sha256, SHA256_SIZE});
    struct pin pin = {.id = arena_str(arena, d->id),
                      .version = version_of(d, arena),
                      .sha256 = arena_str(arena, buf_view(&hex)),
                      .hosts = hosts_of(d, arena),
                      .oauth = oauth_of(d, arena),
                      .secret = secrets_of(d, arena),
                      .option = options_of(d, arena)};
    buf_free(&hex);
    return pin;
}

/* ---- comparing ---- */

static bool has(const struct text_list *list, struct str text)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i], text))
            return true;
    return false;
}

static void add(struct pin_changes *changes, struct arena *arena, struct pin_change change)
{
    changes->items =
        arena_grow(arena, changes->items, &changes->cap, changes->count + 1, sizeof change);
    changes->items[changes->count++] = change;
}

static void compare_lists(struct pin_changes *changes, const char *part,
                          const struct text_list *before, const struct text_list *now,
                          struct arena *arena)
{
    for (size_t i = 0; i < now->count; i++)
        if (!has(before, now->items[i]))
            add(changes, arena, (struct pin_change){.part = part, .now = now->items[i]});
    for (size_t i = 0; i < before->count; i++)
        if (!has(now, before->items[i]))
            add(changes, arena, (struct pin_change){.part = part, .before = before->items[i]});
}

struct pin_changes pin_compare(const struct pin *before, const struct pin *now, struct arena *arena)
{
    struct pin_changes changes = {0};
    compare_lists(&changes, "host", &before->hosts, &now->hosts, arena);
    compare_lists(&changes, "OAuth URL", &before->oauth, &now->oauth, arena);
    compare_lists(&changes, "credential", &before->secret, &now->secret, arena);
    compare_lists(&changes, "option", &before->option, &now->option, arena);
    if (!str_eq(before->version, now->version))
        add(&changes, arena, (struct pin_change){"version", before->version, now->version});
    if (!str_eq(before->sha256, now->sha256))
        add(&changes, arena, (struct pin_change){"sha256", before->sha256, now->sha256});
    return changes;
}

static void write_change(struct buf *out, const struct pin_change *c)
{
    struct str text = c->now.ptr ? c->now : c->before;
    if (text.len > ITEM_MAX)
        text.len = ITEM_MAX;
    if (c->now.ptr && c->before.ptr)
        buf_printf(out, "its %s is %.*s, approved was %.*s", c->part, STR_ARG(c->now),
                   STR_ARG(c->before));
    else
        buf_printf(out, "it %s %s: %.*s", c->now.ptr ? "asks for a new" : "no longer has the",
                   c->part, STR_ARG(text));
}

void pin_write_changes(struct buf *out, const struct pin_changes *changes)
{
    size_t start = out->len;
    for (size_t i = 0; i < changes->count; i++) {
        if (out->len - start > SENTENCE_MAX) {
            buf_printf(out, "; and %zu more", changes->count - i);
            return;
        }
        buf_text(out, i > 0 ? "; " : "");
        write_change(out, &changes->items[i]);
    }
}
