/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr doctor`: whether this machine has what fastenr needs. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/jail.h"

enum { DOCTOR_JSON_MAX = 1024 * 1024, TEXT_MAX_BYTES = 4096 };

#define SPACE_WARN INT64_C(1000000000)
#define SPACE_FAIL INT64_C(100000000)

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct doctor {
    struct app *app;
    struct buf json_text;
    struct json_writer json;
    size_t warnings, failures;
};

static const char *const verdict_names[] = {"ok", "warn", "fail"};

/* One line, and what to do when it is not ok. */
static void report(struct doctor *d, enum verdict verdict, const char *subject, const char *remedy,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

static void report(struct doctor *d, enum verdict verdict, const char *subject, const char *remedy,
                   const char *format, ...)
{
    static const enum style styles[] = {STYLE_GOOD, STYLE_WARN, STYLE_BAD};
    struct buf text = BUF_INIT(TEXT_MAX_BYTES);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    d->warnings += verdict == VERDICT_WARN;
    d->failures += verdict == VERDICT_FAIL;
    if (d->app->json) {
        json_open(&d->json, '{');
        json_key(&d->json, "check");
        json_put_text(&d->json, subject);
        json_key(&d->json, "verdict");
        json_put_text(&d->json, verdict_names[verdict]);
        json_key(&d->json, "text");
        json_put_str(&d->json, buf_view(&text));
        json_key(&d->json, "remedy");
        json_put_text(&d->json, verdict == VERDICT_OK ? NULL : remedy);
        json_close(&d->json, '}');
    } else {
        out_styled(&std_out, styles[verdict], verdict_names[verdict]);
        out_printf(&std_out, "%*s%-20s %s\n", 6 - (int)strlen(verdict_names[verdict]), "", subject,
                   buf_cstr(&text));
        if (verdict != VERDICT_OK)
            out_printf(&std_out, "%*s-> %s\n", 27, "", remedy);
        out_flush(&std_out);
    }
    buf_free(&text);
}

/* ---- checks ---- */

static void check_kernel(struct doctor *d)
{
    struct utsname name;
    if (uname(&name) != 0)
        report(d, VERDICT_WARN, "kernel", "is this Linux?", "not known: %s", strerror(errno));
    else
        report(d, VERDICT_OK, "kernel", "", "%s %s on %s", name.sysname, name.release,
               name.machine);
}

/* Before 2024 no build of this program existed: such a clock has not been set. */
static void check_clock(struct doctor *d)
{
    char text[FORMAT_TEXT];
    int64_t now = world_now(&d->app->world);
    const int64_t least = INT64_C(1704067200) * US_PER_SECOND;
    bool sane = now > least && now < least + 50 * INT64_C(365) * US_PER_DAY;
    report(d, sane ? VERDICT_OK : VERDICT_FAIL, "clock",
           "set the clock (timedatectl set-ntp true): schedules, cursors and certificates need it",
           "%s UTC", format_time(now, text));
}

static void check_worker(struct doctor *d)
{
    const char *path = d->app->worker_path;
    bool there = access(path, X_OK) == 0;
    report(d, there ? VERDICT_OK : VERDICT_FAIL, "worker program",
           "install fastenr whole: bin/ and libexec/ belong together", "%s%s", path,
           there ? "" : " is missing or not executable");
}

static void check_jail(struct doctor *d)
{
    uint32_t layers = 0;
    struct error err;
    if (registry_probe_jail(&d->app->world, d->app->host.carrier, &layers, &err) != 0) {
        report(d, VERDICT_FAIL, "jail", "no connector can start; see the line above", "%s",
               err.text);
        return;
    }
    for (const struct jail_layer *l = jail_layers; l->name; l++) {
        char subject[64];
        bool there = (layers & l->bit) != 0;
        snprintf(subject, sizeof subject, "jail: %s", l->name);
        report(d,
               there       ? VERDICT_OK
               : l->needed ? VERDICT_FAIL
                           : VERDICT_WARN,
               subject, l->missing, "%s%s", there ? "" : "missing: ", l->what);
    }
}

static void check_connectors(struct doctor *d)
{
    struct app *app = d->app;
    struct connector_dirs dirs;
    size_t count, good = 0;
    if (app_dirs(app, &dirs) != 0)
        return;
    char **paths = registry_list(&dirs, &app->arena, &count);
    for (size_t i = 0; i < count; i++) {
        struct connector_info info;
        struct error err;
        if (registry_describe(&app->world, app->host.carrier, &app->host.limits, paths[i], &info,
                              &err) == 0) {
            good++;
            connector_info_free(&info);
        } else {
            report(d, VERDICT_FAIL, "connector", "install one that fits this host, or remove it",
                   "refused: %s", err.text);
        }
    }
    report(d, good > 0 ? VERDICT_OK : VERDICT_WARN, "connectors",
           "add a folder with connectors to `connectors` in fastenr.conf", "%zu usable%s%s", good,
           good > 0 ? "" : " in ", good > 0 ? "" : dirs.paths[dirs.count - 1]);
}

static void check_configuration(struct doctor *d)
{
    struct app *app = d->app;
    if (!app->dir) {
        report(d, VERDICT_WARN, "configuration",
               "make ./conf.d or /etc/fastenr, or say with -c where it is", "there is none");
        return;
    }
    if (app_all_connections(app) != 0)
        return;
    size_t wrong = app->catalog.problems.count;
    if (wrong > 0)
        report(d, VERDICT_FAIL, "configuration", "`fastenr check` shows each with its place",
               "%s: %zu problem%s", app->dir, wrong, wrong == 1 ? "" : "s");
    else
        report(d, app->catalog.count > 0 ? VERDICT_OK : VERDICT_WARN, "configuration",
               "put a connection's .yaml file there", "%s: %zu connection%s", app->dir,
               app->catalog.count, app->catalog.count == 1 ? "" : "s");
}

/* After check_configuration, which has the connections' connectors described. */
static void check_lock(struct doctor *d)
{
    const struct catalog *c = &d->app->catalog;
    const struct plugins_lock *lock = &c->lock;
    size_t refused = 0;
    if (!c->dir)
        return;
    for (const struct catalog_connector *k = c->connectors; k; k = k->next)
        refused += !k->usable;
    if (plugins_lock_stops_all(lock))
        report(d, VERDICT_FAIL, "plugins.lock", "`fastenr check` says what is wrong",
               "no connector is run: %s %s", lock->path,
               lock->state == LOCK_IS_ABSENT ? "is required and not there" : "has mistakes");
    else if (lock->state == LOCK_IS_ABSENT)
        report(d, VERDICT_WARN, "plugins.lock", "fastenr plugins approve",
               "not pinned: a connector's file that was changed would be run");
    else if (refused > 0)
        report(d, VERDICT_FAIL, "plugins.lock",
               "look at `fastenr plugins list`, then `fastenr plugins approve`",
               "%zu connector%s of connections not run: not approved, or not usable", refused,
               refused == 1 ? "" : "s");
    else
        report(d, VERDICT_OK, "plugins.lock", "", "%s: %zu approved", lock->path, lock->count);
}

static void check_space(struct doctor *d, const char *path)
{
    struct statvfs fs;
    char text[FORMAT_TEXT];
    char *dir = file_dir(path);
    if (statvfs(dir, &fs) != 0) {
        report(d, VERDICT_FAIL, "disk space", "make the store's folder", "%s: %s", dir,
               strerror(errno));
    } else {
        int64_t left = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
        report(d,
               left < SPACE_FAIL   ? VERDICT_FAIL
               : left < SPACE_WARN ? VERDICT_WARN
                                   : VERDICT_OK,
               "disk space", "make room: a sync that cannot write fails, though nothing is lost",
               "%s left for the store in %s", format_bytes(left, text), dir);
    }
    free(dir);
}

static void check_store(struct doctor *d)
{
    struct app *app = d->app;
    struct error err;
    struct buf summary = BUF_INIT(TEXT_MAX_BYTES);
    if (!app->catalog.dir)
        return;
    const char *url = arena_str(&app->arena, app->catalog.host.store).ptr;
    app->host.store = store_open_existing(url, app->dir, &app->world, &err);
    if (!app->host.store) {
        bool none = strstr(err.text, "there is no store") != NULL;
        report(d, none ? VERDICT_WARN : VERDICT_FAIL, "store",
               none ? "the first `fastenr sync` makes it"
                    : "correct `store` in fastenr.conf, or restore a backup",
               "%s", none ? "there is none yet" : err.text);
        return;
    }
    const char *path = store_location(app->host.store);
    if (store_verify(app->host.store, &summary, &err) == 0)
        report(d, VERDICT_OK, "store", "", "%s: whole, %s", path, buf_cstr(&summary));
    else
        report(d, VERDICT_FAIL, "store", "stop fastenr and restore a backup", "%s", err.text);
    if (store_is_file(app->host.store))
        check_space(d, path);
    buf_free(&summary);
}

static void check_certificates(struct doctor *d)
{
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (file_exists(places[i])) {
            report(d, VERDICT_OK, "TLS certificates", "", "%s", places[i]);
            return;
        }
    report(d, VERDICT_FAIL, "TLS certificates",
           "install the package ca-certificates, or set network.ca_file in each connection",
           "the system has none to trust: no vendor can be reached by https");
}

static int run_doctor(struct app *app, const struct arguments *args)
{
    struct doctor d = {.app = app, .json_text = BUF_INIT(DOCTOR_JSON_MAX)};
    (void)args;
    int rc = app->dir ? app_read(app) : app_start(app);
    if (rc != 0)
        return rc;
    d.json.out = &d.json_text;
    json_open(&d.json, '[');
    check_kernel(&d);
    check_clock(&d);
    check_worker(&d);
    check_jail(&d);
    check_connectors(&d);
    check_configuration(&d);
    check_lock(&d);
    check_store(&d);
    check_certificates(&d);
    json_close(&d.json, ']');
    if (app->json)
        out_json(&std_out, &d.json_text);
    else
        out_printf(&std_out, "\n%zu failed, %zu warning%s\n", d.failures, d.warnings,
                   d.warnings == 1 ? "" : "s");
    buf_free(&d.json_text);
    return d.failures > 0 ? EXIT_WORK_FAILED : EXIT_DONE;
}

const struct command cmd_doctor = {
    .name = "doctor",
    .group = GROUP_HOST,
    .arguments = "",
    .summary = "check this machine, the store and the installation",
    .text = "Looks at the kernel, the clock, the layers of the jail that connectors run in, the "
            "worker program,\n"
            "the connectors and whether they are approved, the configuration, the store (all of "
            "it is read),\n"
            "its disk space and the TLS certificates. Each line is ok, warn or fail, with what to "
            "do. Exit\n"
            "status 1 when one is fail.",
    .example = "fastenr doctor",
    .json = "one JSON array: check, verdict, text, remedy",
    .run = run_doctor};
