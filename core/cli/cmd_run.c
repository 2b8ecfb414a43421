/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr run`: the host in the foreground. */
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/service.h"
#include "cli/signals.h"

static void on_signal(void *arg, int number)
{
    struct service *s = arg;
    if (number == SIGHUP) {
        log_line(LOG_INFO, "run", "SIGHUP: reading the configuration again");
        service_reload(s);
        return;
    }
    if (s->stopping)
        _exit(128 + number); /* the store is whole at any instant, and workers end with us */
    log_line(LOG_INFO, "run", "%s: stopping; what has been read is kept",
             number == SIGTERM ? "SIGTERM" : "SIGINT");
    service_stop(s);
}

static int prepare(struct app *app)
{
    int rc = app_store(app, true);
    if (rc == 0)
        rc = app_transport(app);
    if (rc == 0)
        log_setup(&app->world, (enum log_level)(app->catalog.host.log.level + LOG_DEBUG),
                  app->catalog.host.log.format == 1);
    return rc;
}

static int serve(struct app *app, struct notify *notify)
{
    struct service service;
    struct signals signals;
    struct error err;
    if (signals_watch(&signals, app->world.loop, on_signal, &service, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    int rc = service_open(&service, app, notify);
    if (rc == 0) {
        service_ready(&service);
        service_run(&service);
        log_line(LOG_INFO, "run", "stopped");
    }
    signals_unwatch(&signals);
    service_close(&service);
    return rc;
}

static int run_run(struct app *app, const struct arguments *args)
{
    struct notify notify;
    struct error err;
    (void)args;
    int rc = app_read(app);
    if (rc != 0)
        return rc;
    /* Before there is a thread: it takes variables out of the environment. */
    if (notify_open(&notify, app->world.loop, &err) != 0)
        log_line(LOG_WARN, "run", "%s; no service manager is told anything", err.text);
    rc = prepare(app);
    if (rc == 0)
        rc = serve(app, &notify);
    notify_close(&notify);
    return rc;
}

const struct command cmd_run = {
    .name = "run",
    .group = GROUP_SYNC,
    .arguments = "",
    .summary = "keep all connections in step, by their schedules",
    .text =
        "Runs in the foreground and syncs each enabled connection when it is due; for a service "
        "manager. What\n"
        "it does goes to standard error as `log` in fastenr.conf says (text or JSON). SIGTERM "
        "and Ctrl-C\n"
        "end it in good order, a second one at once. Changed connection files and connectors "
        "are read again\n"
        "by themselves, and on SIGHUP; a run that is under way ends with what it began with. A "
        "changed\n"
        "configuration that has problems is not taken: they are logged, and the one before "
        "stays in force.\n"
        "\n"
        "Where $NOTIFY_SOCKET is set (systemd, Type=notify) the service manager is told when it is "
        "ready,\n"
        "reads its configuration again or stops, and its watchdog is fed: docs/operations.md.",
    .example = "fastenr run -c /etc/fastenr",
    .run = run_run};
