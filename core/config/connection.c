/* SPDX-License-Identifier: Apache-2.0 */
#include "config/connection.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/time.h"

static bool is_name(struct str s)
{
    if (s.len == 0 || s.len > 64 || !isalnum((unsigned char)s.ptr[0]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!isalnum((unsigned char)s.ptr[i]) && !strchr("-_.", s.ptr[i]))
            return false;
    return true;
}

/* "hubspot" of "/etc/fastenr/hubspot.yaml". */
static struct str stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_from(slash ? slash + 1 : path);
    const char *dot = strrchr(name.ptr, '.');
    return dot ? str_slice(name, 0, (size_t)(dot - name.ptr)) : name;
}

static void check_name(struct connection_config *c, struct arena *arena, struct problems *problems)
{
    const struct node *at = node_get(c->root, "connection");
    if (c->name.len == 0 && !at)
        c->name = arena_str(arena, stem(c->file)); /* terminated, as every name is */
    if (!is_name(c->name))
        problem_add(problems, c->file, at ? at->line : 1, at ? at->column : 1,
                    "'%.*s' is no name for a connection: use letters, digits, - and _, 64 at most",
                    STR_ARG(c->name));
}

static void check_schedule(const struct connection_config *c, struct problems *problems)
{
    const struct node *frequency = node_get(c->root, "frequency"),
                      *cron = node_get(c->root, "cron"), *every = node_get(c->root, "every"),
                      *jitter = node_get(c->root, "jitter");
    if (every && frequency && c->schedule.frequency != FREQUENCY_REALTIME)
        problem_add(problems, c->file, every->line, every->column,
                    "'every' and 'frequency' (line %d) contradict each other: keep one",
                    frequency->line);
    if (cron && c->schedule.frequency != FREQUENCY_CRON)
        problem_add(problems, c->file, cron->line, cron->column,
                    "'cron' goes with 'frequency: cron': add that line, or remove this one");
    if (frequency && c->schedule.frequency == FREQUENCY_CRON && !cron)
        problem_add(problems, c->file, frequency->line, frequency->column,
                    "'frequency: cron' needs 'cron', for example cron: \"*/15 * * * *\"");
    if (jitter && c->schedule.every_us > 0 && c->schedule.jitter_us >= c->schedule.every_us)
        problem_add(problems, c->file, jitter->line, jitter->column,
                    "'jitter' must be less than 'every' (%.*s)", STR_ARG(every->text));
}

void policy_inherit(const struct node *map, struct sync_policy *policy,
                    const struct sync_policy *above)
{
    if (!node_given(map, "sync_direction"))
        policy->direction = above->direction;
    if (!node_given(map, "conflict_resolution"))
        policy->conflict = above->conflict;
    if (!node_given(map, "priority"))
        policy->priority = above->priority;
}

bool connection_config_read(const char *path, struct connection_config *ret_config,
                            struct arena *arena, struct problems *problems)
{
    struct settings_context ctx = {arena_text(arena, path), arena, problems};
    struct connection_config c = {.schedule = {.jitter_us = -1}};
    const struct node *root = yaml_read(path, arena, problems);
    if (!root)
        return false;
    settings_read(&connection_settings, root, &c, &ctx);
    if (root->kind != NODE_MAP)
        return false;
    char *dir = file_dir(path);
    c.file = ctx.file;
    c.dir = arena_text(arena, dir);
    c.root = root;
    for (size_t i = 0; i < c.objects.count; i++) {
        struct object_config *object = c.objects.items[i].item;
        if (!node_get(c.objects.items[i].node, "lookback"))
            object->lookback_us = -1;
        policy_inherit(c.objects.items[i].node, &object->policy, &c.policy);
    }
    check_name(&c, arena, problems);
    check_schedule(&c, problems);
    free(dir);
    *ret_config = c;
    return true;
}

static int is_connection_file(const struct dirent *entry)
{
    struct str name = str_from(entry->d_name);
    return name.ptr[0] != '.' && (str_ends(name, ".yaml") || str_ends(name, ".yml"));
}

static const struct connection_config *namesake_before(const struct connection_list *list, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (str_eq(list->items[i].name, list->items[j].name))
            return &list->items[j];
    return NULL;
}

static void check_names_differ(const struct connection_list *list, struct problems *problems)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct connection_config *c = &list->items[i], *other = namesake_before(list, i);
        const struct node *at = node_get(c->root, "connection");
        if (other)
            problem_add(problems, c->file, at ? at->line : 1, at ? at->column : 1,
                        "the connection '%.*s' is in %s already: give one of them another name",
                        STR_ARG(c->name), other->file);
    }
}

void connection_list_read(const char *dir, struct connection_list *ret_list, struct arena *arena,
                          struct problems *problems)
{
    struct dirent **entries = NULL;
    struct connection_list list = {0};
    int n = scandir(dir, &entries, is_connection_file, alphasort);
    if (n < 0)
        problem_add(problems, dir, 0, 0,
                    "cannot read the folder: %s; say with -c where the configuration is",
                    strerror(errno));
    list.items = arena_new(arena, n > 0 ? (size_t)n : 0, sizeof list.items[0]);
    for (int i = 0; i < n; i++) {
        char *path = file_join(dir, entries[i]->d_name);
        if (connection_config_read(path, &list.items[list.count], arena, problems))
            list.count++;
        free(path);
        free(entries[i]);
    }
    free(entries);
    check_names_differ(&list, problems);
    *ret_list = list;
}

const struct connection_config *connection_find(const struct connection_list *list, struct str name)
{
    for (size_t i = 0; i < list->count; i++)
        if (str_eq(list->items[i].name, name))
            return &list->items[i];
    return NULL;
}
