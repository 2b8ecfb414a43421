/* SPDX-License-Identifier: Apache-2.0 */
#include "config/host.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/time.h"

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const lock_needs[] = {"optional", "required", NULL};

#define LOG_AT(member) offsetof(struct host_config, log.member) - offsetof(struct host_config, log)
#define WORKERS_AT(member)                                                                         \
    offsetof(struct host_config, workers.member) - offsetof(struct host_config, workers)
#define SYNC_AT(member)                                                                            \
    offsetof(struct host_config, sync.member) - offsetof(struct host_config, sync)

static const struct setting_table log_settings = {
    (const struct setting[]){{.key = "level",
                              .type = SETTING_CHOICE,
                              .offset = LOG_AT(level),
                              .default_text = "info",
                              .choices = log_levels,
                              .help = "the least weighty lines that `run` writes"},
                             {.key = "format",
                              .type = SETTING_CHOICE,
                              .offset = LOG_AT(format),
                              .default_text = "text",
                              .choices = log_formats,
                              .help = "lines for people, or one JSON object a line"},
                             {0}},
    sizeof(((struct host_config *)0)->log)};

static const struct setting_table worker_settings = {
    (const struct setting[]){
        {.key = "memory",
         .type = SETTING_SIZE,
         .offset = WORKERS_AT(memory),
         .default_text = "256MiB",
         .min = 16 << 20,
         .max = INT64_C(16) << 30,
         .help = "the most memory that one connector may take"},
        {.key = "hang",
         .type = SETTING_SPAN,
         .offset = WORKERS_AT(hang_us),
         .default_text = "30s",
         .min = 100 * US_PER_MS,
         .max = US_PER_HOUR,
         .help = "a connector that computes for longer without a record or an answer of the vendor "
                 "is ended"},
        {.key = "strict_jail",
         .type = SETTING_BOOL,
         .offset = WORKERS_AT(strict_jail),
         .default_text = "false",
         .help =
             "start no connector when the kernel lacks a layer of the jail (see `fastenr doctor`); "
             "otherwise a missing Landlock or namespace is logged and the others hold"},
        {0}},
    sizeof(((struct host_config *)0)->workers)};

static const struct setting_table secrets_settings = {
    (const struct setting[]){
        {.key = "key",
         .type = SETTING_TEXTS,
         .offset =
             offsetof(struct host_config, secrets.key) - offsetof(struct host_config, secrets),
         .help =
             "what tokens are sealed with in the store: \"file:PATH\", made by `fastenr secrets "
             "init`, or 64 hexadecimal digits from the environment; of several the first seals "
             "and all open. Without it systemd's credential fastenr.key, where there is one",
         .example = "\"file:fastenr.key\""},
        {0}},
    sizeof(((struct host_config *)0)->secrets)};

static const struct setting_table sync_settings = {
    (const struct setting[]){{.key = "threads",
                              .type = SETTING_INT,
                              .offset = SYNC_AT(threads),
                              .default_text = "2",
                              .min = 1,
                              .max = 16,
                              .help = "threads that parse and map records"},
                             {.key = "runs",
                              .type = SETTING_INT,
                              .offset = SYNC_AT(runs),
                              .default_text = "4",
                              .min = 1,
                              .max = 64,
                              .help = "connections that `run` syncs at a time; the others wait"},
                             {0}},
    sizeof(((struct host_config *)0)->sync)};

static const struct setting_table retention_settings = {
    (const struct setting[]){
        {.key = "log_bodies",
         .type = SETTING_SPAN,
         .flags = SETTING_OR_OFF,
         .offset = offsetof(struct retention, log_bodies),
         .default_text = "90d",
         .min = US_PER_DAY,
         .max = INT64_MAX,
         .help = "how long the log and the journal of what was sent keep values, before and after: "
                 "`why` tells them, and a run can be taken back while they are there"},
        {.key = "log",
         .type = SETTING_SPAN,
         .flags = SETTING_OR_OFF,
         .offset = offsetof(struct retention, log),
         .default_text = "400d",
         .min = US_PER_DAY,
         .max = INT64_MAX,
         .help = "how long it is known at all that something was changed or sent, and when, and "
                 "how a conflict was settled; not less than log_bodies. A record's last change, "
                 "and what an export has yet to look at, stay for as long as they are needed"},
        {.key = "runs",
         .type = SETTING_SPAN,
         .flags = SETTING_OR_OFF,
         .offset = offsetof(struct retention, runs),
         .default_text = "400d",
         .min = US_PER_DAY,
         .max = INT64_MAX,
         .help = "how long the run log is kept; not less than log_bodies. The last run of each "
                 "object, and its last full one, stay"},
        {.key = "quarantine",
         .type = SETTING_SPAN,
         .flags = SETTING_OR_OFF,
         .offset = offsetof(struct retention, quarantine),
         .default_text = "off",
         .min = US_PER_DAY,
         .max = INT64_MAX,
         .help = "records that were set aside and were not met since for this long are forgotten: "
                 "they come again when the vendor changes them, or with a full sync"},
        {0}},
    sizeof(struct retention)};

const struct setting_table host_settings = {
    (const struct setting[]){
        {.key = "store",
         .type = SETTING_TEXT,
         .offset = offsetof(struct host_config, store),
         .default_text = "sqlite:fastenr.db",
         .help =
             "where records, links and the log are kept: sqlite:PATH, relative to this folder, "
             "sqlite:///absolute/path, or postgresql://user:password@host:port/database, in its "
             "schema fastenr (see docs/stores.md)",
         .example = "\"sqlite:///var/lib/fastenr/fastenr.db\""},
        {.key = "connectors",
         .type = SETTING_TEXTS,
         .offset = offsetof(struct host_config, connectors),
         .help =
             "more folders with connectors (*.so), looked at before the one that fastenr came with",
         .example = "[\"/opt/acme/connectors\"]"},
        {.key = "plugins_lock",
         .type = SETTING_CHOICE,
         .offset = offsetof(struct host_config, plugins_lock),
         .default_text = "optional",
         .choices = lock_needs,
         .help =
             "whether there must be a plugins.lock beside this file, which `fastenr plugins "
             "approve` writes. Where there is one, a connector that differs from its entry, or has "
             "none, is not run; required: without the file none is run"},
        {.key = "organization",
         .type = SETTING_TEXT,
         .offset = offsetof(struct host_config, organization_text),
         .default_text = "00000000-0000-7000-8000-000000000001",
         .help = "UUID of the organisation whose data the connections of this folder sync"},
        {.key = "log",
         .type = SETTING_GROUP,
         .offset = offsetof(struct host_config, log),
         .table = &log_settings,
         .help = "what is logged, and how"},
        {.key = "workers",
         .type = SETTING_GROUP,
         .offset = offsetof(struct host_config, workers),
         .table = &worker_settings,
         .help = "limits of the processes that run connectors"},
        {.key = "secrets",
         .type = SETTING_GROUP,
         .offset = offsetof(struct host_config, secrets),
         .table = &secrets_settings,
         .help = "how the tokens of OAuth connections are kept"},
        {.key = "sync",
         .type = SETTING_GROUP,
         .offset = offsetof(struct host_config, sync),
         .table = &sync_settings,
         .help = "how much is done at once"},
        {.key = "retention",
         .type = SETTING_GROUP,
         .offset = offsetof(struct host_config, retention),
         .table = &retention_settings,
         .help = "how long things are kept; `off` or 0: for ever. `run` prunes what is older in "
                 "small steps, `fastenr prune` by hand"},
        {0}},
    sizeof(struct host_config)};

/* A folder that is not there would be passed over in silence, with every connector in it. */
static void check_folders(const struct settings_context *ctx, const char *dir,
                          const struct host_config *config, const struct node *root)
{
    const struct node *list = node_get(root, "connectors");
    for (size_t i = 0; i < config->connectors.count; i++) {
        struct stat st;
        const struct node *at =
            list && list->kind == NODE_LIST && i < list->count ? list->items[i] : list;
        char *path = file_join(dir, arena_str(ctx->arena, config->connectors.items[i]).ptr);
        if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
            settings_complain(ctx, at, "connectors: there is no folder %s", path);
        free(path);
    }
}

/* Rows cannot go before what they hold, and what is held is told by its run. */
static void check_retention(const struct settings_context *ctx, const struct retention *r,
                            const struct node *root)
{
    const struct {
        const char *key, *why;
        int64_t age;
    } longer[] = {{"log", "rows go after the values that they hold", r->log},
                  {"runs", "a run cannot be taken back without its row", r->runs}};
    const struct node *group = root ? node_get(root, "retention") : NULL;
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++) {
        const struct node *at = group ? node_get(group, longer[i].key) : NULL;
        if (longer[i].age == 0 || (r->log_bodies != 0 && longer[i].age >= r->log_bodies))
            continue;
        settings_complain(ctx, at ? at : group,
                          "retention.%s must not be less than log_bodies (%s): %s", longer[i].key,
                          r->log_bodies == 0 ? "off: for ever"
                                             : settings_span_text(r->log_bodies, ctx->arena),
                          longer[i].why);
    }
}

void host_config_read(const char *dir, struct host_config *ret_config, struct arena *arena,
                      struct problems *problems)
{
    char *path = file_join(dir, "fastenr.conf");
    struct settings_context ctx = {arena_text(arena, path), arena, problems};
    bool there = access(path, F_OK) == 0; /* as what, libconfig_read finds out */
    const struct node *root = there ? libconfig_read(ctx.file, arena, problems) : NULL;
    *ret_config = (struct host_config){0};
    settings_read(&host_settings, root, ret_config, &ctx);
    if (!uuid_parse(ret_config->organization_text, &ret_config->organization)) {
        const struct node *at = node_get(root, "organization");
        problem_add(problems, ctx.file, at ? at->line : 0, at ? at->column : 0,
                    "organization must be a UUID, like 018f3a4e-5c1d-7e2b-9a6f-0b1c2d3e4f50");
    }
    check_folders(&ctx, dir, ret_config, root);
    check_retention(&ctx, &ret_config->retention, root);
    free(path);
}
