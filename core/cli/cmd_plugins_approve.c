/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr plugins approve|forget`: what the operator lets run, written into plugins.lock. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/installed.h"

static const struct command_option approve_options[] = {
    {"all", 0, NULL, "all that are installed, not only those that connections use"},
    {"yes", 0, NULL, "approve without asking, for scripts: look at the changes first"},
    {0}};

/* ---- choosing ---- */

struct choice {
    struct app *app;
    struct installed_list all;
    struct installed **items;
    size_t count;
    bool failed; /* one cannot be described */
};

/* However the path is written. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool is_named(const struct installed *item, const char *word)
{
    if (strchr(word, '/'))
        return is_same_file(item->path, word);
    return str_is(installed_name(item), word) || (!item->why && str_is(item->pin.id, word));
}

static void choose(struct choice *c, struct installed *item)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i] == item)
            return;
    if (item->why) {
        complain("refused: %s", item->why);
        c->failed = true;
        return;
    }
    c->items[c->count++] = item;
}

static int say_unknown(const struct choice *c, const char *word)
{
    const char **names = arena_new(&c->app->arena, 2 * c->all.count, sizeof names[0]);
    size_t count = 0;
    for (size_t i = 0; i < c->all.count; i++) {
        names[count++] = arena_str(&c->app->arena, installed_name(&c->all.items[i])).ptr;
        if (!c->all.items[i].why)
            names[count++] = c->all.items[i].pin.id.ptr;
    }
    const char *nearest = str_nearest(str_from(word), names, count);
    if (nearest)
        complain("there is no connector '%s'; did you mean '%s'?", word, nearest);
    else
        complain("there is no connector '%s'; `fastenr plugins list%s` has them", word,
                 c->app->hint);
    return EXIT_USAGE;
}

static int choose_named(struct choice *c, const char *word)
{
    bool found = false;
    for (size_t i = 0; i < c->all.count; i++)
        if (is_named(&c->all.items[i], word)) {
            choose(c, &c->all.items[i]);
            found = true;
        }
    return found ? 0 : say_unknown(c, word);
}

/* An entry of the lock is one file. */
static int refuse_twins(const struct choice *c)
{
    for (size_t i = 0; i < c->count; i++)
        for (size_t j = i + 1; j < c->count; j++)
            if (str_eq(c->items[i]->pin.id, c->items[j]->pin.id)) {
                complain("%s and %s both call themselves %.*s, and only one can be approved: name "
                         "it by its path",
                         c->items[i]->path, c->items[j]->path, STR_ARG(c->items[i]->pin.id));
                return EXIT_USAGE;
            }
    return 0;
}

static int choose_all(struct choice *c, const struct arguments *args)
{
    bool all = argument_given(args, "all");
    int rc = 0;
    if (all && args->word_count > 0) {
        complain("--all goes without the names of connectors");
        return EXIT_USAGE;
    }
    c->items = arena_new(&c->app->arena, c->all.count, sizeof(struct installed *));
    for (size_t i = 0; i < args->word_count && rc == 0; i++)
        rc = choose_named(c, args->words[i]);
    for (size_t i = 0; i < c->all.count && args->word_count == 0; i++)
        if (all || c->all.items[i].used)
            choose(c, &c->all.items[i]);
    if (rc == 0 && c->count == 0 && !c->failed) {
        complain("no connection uses a connector yet: name one, or give --all");
        return EXIT_USAGE;
    }
    return rc != 0 ? rc : refuse_twins(c);
}

/* ---- showing ---- */

static void show_change(const struct pin_change *c)
{
    if (c->before.ptr && c->now.ptr)
        out_printf(&std_out, "  ~ %-10s  %.*s\n    %-10s  was %.*s\n", c->part, STR_ARG(c->now), "",
                   STR_ARG(c->before));
    else
        out_printf(&std_out, "  %c %-10s  %.*s\n", c->now.ptr ? '+' : '-', c->part,
                   STR_ARG(c->now.ptr ? c->now : c->before));
}

/* Whether there is something to approve. */
static bool show(const struct choice *c, const struct installed *item)
{
    static const struct pin nothing;
    const struct pin *approved = plugins_lock_find(&c->app->catalog.lock, item->pin.id);
    if (item->approval == APPROVAL_GIVEN) {
        out_printf(&std_out, "%.*s %.*s is approved as it is\n", STR_ARG(item->pin.id),
                   STR_ARG(item->pin.version));
        return false;
    }
    struct pin_changes changes =
        pin_compare(approved ? approved : &nothing, &item->pin, &c->app->arena);
    out_style(&std_out, STYLE_BOLD);
    out_printf(&std_out, "%.*s", STR_ARG(item->pin.id));
    out_style(&std_out, STYLE_NONE);
    out_printf(&std_out, " %s: %s\n", approved ? "has changed" : "is new", item->path);
    for (size_t i = 0; i < changes.count; i++)
        show_change(&changes.items[i]);
    return true;
}

/* ---- approving ---- */

static int may_write(const struct app *app, size_t count, bool yes)
{
    if (yes)
        return 0;
    if (!isatty(STDIN_FILENO)) {
        out_flush(&std_out);
        complain("nothing is approved: there is no terminal to ask on. To approve what is shown "
                 "above: the same with --yes%s",
                 app->hint);
        return EXIT_USAGE;
    }
    if (ask_yes(count == 1 ? "Approve it?" : "Approve them?"))
        return 0;
    out_text(&std_out, "Nothing is approved, nothing was changed.\n");
    return EXIT_WORK_FAILED;
}

/* Alone from here on, until the descriptor is closed; -1 after saying why not. */
static int hold_lock(struct app *app)
{
    struct error err;
    int fd = plugins_lock_hold(app->dir, &app->catalog.lock, &app->arena, &err);
    if (fd < 0)
        complain("%s; nothing was changed", err.text);
    return fd;
}

static int write_lock(struct app *app)
{
    struct error err;
    if (plugins_lock_write(&app->catalog.lock, &err) == 0)
        return 0;
    complain("%s; nothing was changed: run this as a user who may write in %s", err.text, app->dir);
    return EXIT_WORK_FAILED;
}

static int approve(struct choice *c, bool yes)
{
    struct app *app = c->app;
    size_t count = 0;
    for (size_t i = 0; i < c->count; i++)
        count += show(c, c->items[i]);
    if (count == 0)
        return EXIT_DONE;
    int rc = may_write(app, count, yes);
    if (rc != 0)
        return rc;
    int held = hold_lock(app);
    if (held < 0)
        return EXIT_WORK_FAILED;
    for (size_t i = 0; i < c->count; i++)
        plugins_lock_put(&app->catalog.lock, &c->items[i]->pin, &app->arena);
    rc = write_lock(app);
    close(held);
    if (rc == 0)
        out_printf(&std_out,
                   "\nApproved, and written into %s: a connector that differs from it, or is not "
                   "in it, is not run.\n",
                   app->catalog.lock.path);
    return rc;
}

static int run_approve(struct app *app, const struct arguments *args)
{
    struct choice c = {.app = app};
    int rc = app_need_dir(app);
    if (rc == 0)
        rc = installed_read(app, &c.all);
    if (rc != 0)
        return rc;
    rc = choose_all(&c, args);
    if (rc == 0)
        rc = approve(&c, argument_given(args, "yes"));
    installed_free(&c.all);
    return rc == 0 && c.failed ? EXIT_WORK_FAILED : rc;
}

/* ---- forgetting ---- */

/* "hubspot" of "com.fastenr.hubspot": as its file is called, nearly always. */
static bool is_last_part(const char *word, struct str id)
{
    return str_ends(id, word) && id.len > strlen(word) && id.ptr[id.len - strlen(word) - 1] == '.';
}

static int say_not_in(const struct app *app, const char *word)
{
    const struct plugins_lock *lock = &app->catalog.lock;
    const char *names[256], *nearest = NULL;
    size_t count = 0;
    for (; count < lock->count && count < 256; count++) {
        names[count] = lock->pins[count].id.ptr;
        if (is_last_part(word, lock->pins[count].id))
            nearest = names[count];
    }
    if (!nearest)
        nearest = str_nearest(str_from(word), names, count);
    if (nearest)
        complain("'%s' is not in %s; did you mean '%s'?", word, lock->path, nearest);
    else
        complain("'%s' is not in %s; `fastenr plugins list%s` shows the ids", word, lock->path,
                 app->hint);
    return EXIT_USAGE;
}

static int forget(struct app *app, const struct arguments *args)
{
    for (size_t i = 0; i < args->word_count; i++)
        if (!plugins_lock_remove(&app->catalog.lock, str_from(args->words[i])))
            return say_not_in(app, args->words[i]);
    return write_lock(app);
}

static int run_forget(struct app *app, const struct arguments *args)
{
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    int held = hold_lock(app);
    if (held < 0)
        return EXIT_USAGE;
    rc = forget(app, args);
    close(held);
    for (size_t i = 0; i < args->word_count && rc == 0; i++)
        out_printf(&std_out, "%s is forgotten: it is not run until it is approved again\n",
                   args->words[i]);
    return rc;
}

const struct command cmd_plugins_approve = {
    .name = "plugins approve",
    .group = GROUP_HOST,
    .arguments = "[CONNECTOR...]",
    .summary = "approve connectors as they are now: only these are run",
    .text =
        "Shows what is new or has changed in connectors (by id, name or path; else those that "
        "connections\n"
        "use): hosts they may reach, OAuth URLs, credentials and options they ask for, version "
        "and the file's\n"
        "SHA-256. Asks, and writes it into plugins.lock beside fastenr.conf. From then on a "
        "connector that\n"
        "differs, or is not in it, is refused by every command and by a host that runs. Entries "
        "of others\n"
        "stay as they are. With plugins_lock = \"required\" in fastenr.conf nothing runs without "
        "the file.",
    .example = "fastenr plugins approve com.fastenr.hubspot",
    .most_words = WORDS_MOST,
    .options = approve_options,
    .run = run_approve};

const struct command cmd_plugins_forget = {
    .name = "plugins forget",
    .group = GROUP_HOST,
    .arguments = "CONNECTOR_ID...",
    .summary = "take an approval back",
    .text = "Takes the entries of these connectors out of plugins.lock, whether they are installed "
            "or not.\n"
            "They are not run any more; a run that is under way is ended at its next commit.",
    .example = "fastenr plugins forget com.example.crm",
    .least_words = 1,
    .most_words = WORDS_MOST,
    .run = run_forget};
