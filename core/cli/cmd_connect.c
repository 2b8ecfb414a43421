/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr connect` and `fastenr disconnect`: a person lets an OAuth connection into an account. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/time.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "store/secret.h"
#include "sync/authorize.h"
#include "sync/token.h"

enum { CONNECT_JSON_MAX = 64 * 1024, PORT_MOST = 65535 };

static const struct command_option options[] = {
    {"port", 0, "P", "port of the redirect URL on this machine (default: any free one)"},
    {"localhost", 0, NULL, "the redirect URL says localhost, for vendors that take no 127.0.0.1"},
    {"timeout", 0, "TIME", "how long to wait for the consent, like 90s (default 5m)"},
    {0}};

struct connecting {
    struct app *app;
    const struct catalog_connection *connection;
    bool stop;
};

static void on_signal(void *arg, int number)
{
    struct connecting *c = arg;
    (void)number;
    c->stop = true;
}

/* With --json too, so that a program can open it: one object a line. */
static void on_ready(void *arg, const char *url, const char *redirect)
{
    struct connecting *c = arg;
    if (c->app->json) {
        struct buf text = BUF_INIT(CONNECT_JSON_MAX);
        struct json_writer w = {.out = &text};
        json_open(&w, '{');
        json_key(&w, "open");
        json_put_text(&w, url);
        json_key(&w, "redirect");
        json_put_text(&w, redirect);
        json_close(&w, '}');
        out_json(&std_out, &text);
        buf_free(&text);
    } else {
        out_printf(&std_out,
                   "Open this in a browser on this machine, and allow the access there:\n\n  %s\n\n"
                   "Waiting for the answer at %s\n",
                   url, redirect);
    }
    out_flush(&std_out);
}

static int read_request(const struct arguments *args, struct authorize_request *request,
                        struct error *err)
{
    const char *timeout = argument_value(args, "timeout");
    int64_t port = 0;
    request->timeout_us = 5 * US_PER_MINUTE;
    request->localhost = argument_given(args, "localhost");
    if (argument_number(args, "port", 0, &port, err) != 0)
        return -1;
    if (port > PORT_MOST)
        return error_set(err, "--port is at most %d", PORT_MOST);
    if (timeout &&
        (!time_parse_span(str_from(timeout), &request->timeout_us) || request->timeout_us <= 0))
        return error_set(err, "--timeout is a time like 90s or 10m, not '%s'", timeout);
    request->port = (uint16_t)port;
    return 0;
}

static void tell_connected(const struct connecting *c, struct str id, struct str name,
                           struct str scopes)
{
    const char *connection = c->connection->config->name.ptr;
    struct buf text = BUF_INIT(CONNECT_JSON_MAX);
    struct json_writer w = {.out = &text};
    if (!c->app->json) {
        out_printf(&std_out, "%s is connected to account %.*s%s%.*s. Next: fastenr test %s%s\n",
                   connection, STR_ARG(id), name.len > 0 ? ", " : "", STR_ARG(name), connection,
                   c->app->hint);
        return;
    }
    json_open(&w, '{');
    json_key(&w, "connection");
    json_put_text(&w, connection);
    json_key(&w, "account");
    json_put_str(&w, id);
    json_key(&w, "account_name");
    json_put_str(&w, name);
    json_key(&w, "scopes");
    json_put_str(&w, scopes);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

static int connect_now(struct connecting *c, struct authorize_request *request)
{
    struct app *app = c->app;
    struct buf scopes = BUF_INIT(OAUTH_SCOPES_MAX), id = BUF_INIT(1024), name = BUF_INIT(1024);
    struct error err = {0};
    const char *connection = c->connection->config->name.ptr;
    request->ready = on_ready;
    request->arg = c;
    request->stop = &c->stop;
    int rc = authorize(&app->host, &c->connection->setup, request, &scopes, &err);
    if (rc != 0) {
        complain("%s: %s", connection, err.text);
    } else {
        rc = account_look(&app->host, &c->connection->setup, &c->connection->connector->info.image,
                          &id, &name, &err);
        if (rc == 0)
            tell_connected(c, buf_view(&id), buf_view(&name), buf_view(&scopes));
        else
            complain("%s: the tokens are kept, but the account cannot be asked for: %s", connection,
                     err.text);
    }
    buf_free(&scopes);
    buf_free(&id);
    buf_free(&name);
    return rc == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

static int need_oauth(const struct catalog_connection *connection)
{
    if (connection->setup.oauth)
        return 0;
    complain("'%.*s' does not authenticate by OAuth: there is nothing to connect",
             STR_ARG(connection->config->name));
    return EXIT_USAGE;
}

static int need_key(const struct app *app)
{
    if (app->keys.count > 0)
        return 0;
    complain("there is no key to seal the tokens with, and they are never stored in clear: run "
             "`fastenr secrets init%s` first, or set secrets.key in fastenr.conf",
             app->hint);
    return EXIT_USAGE;
}

static int run_connect(struct app *app, const struct arguments *args)
{
    struct connecting c = {.app = app};
    struct catalog_connection *connection;
    struct authorize_request request = {0};
    struct signals signals;
    struct error err;
    if (read_request(args, &request, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    int rc = app_connection(app, args->words[0], &connection);
    if (rc == 0)
        rc = need_oauth(connection);
    if (rc == 0)
        rc = app_store(app, true);
    if (rc == 0)
        rc = need_key(app);
    if (rc == 0)
        rc = app_transport(app);
    if (rc != 0)
        return rc;
    c.connection = connection;
    if (signals_watch(&signals, app->world.loop, on_signal, &c, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    rc = connect_now(&c, &request);
    signals_unwatch(&signals);
    return rc;
}

static int run_disconnect(struct app *app, const struct arguments *args)
{
    struct error err;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    int had = secret_remove(app->host.store, str_from(args->words[0]), TOKEN_SECRET, &err);
    if (had < 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (had == 0) { /* those of a connection that is not configured any more are removed, too */
        rc = app_known(app, args->words[0], NULL);
        if (rc == 0)
            complain("'%s' has no tokens in the store", args->words[0]);
        return rc == 0 ? EXIT_WORK_FAILED : rc;
    }
    out_printf(&std_out,
               "The tokens of %s are removed here. To take the access back for good, uninstall the "
               "app at the vendor's.\n",
               args->words[0]);
    return EXIT_DONE;
}

const struct command cmd_connect = {
    .name = "connect",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION",
    .summary = "let an OAuth connection into an account: give consent in a browser",
    .text =
        "Prints the URL of the vendor's consent page and waits on 127.0.0.1 for the browser to "
        "come\n"
        "back from it; nothing is opened by itself. What the vendor then gives is sealed and kept\n"
        "in the store. Also after \"error: reconnect\". The redirect URL must be one that the\n"
        "vendor's app knows: give --port when it is fixed there.",
    .example = "fastenr connect hubspot --port 8745",
    .json = "one JSON object a line: first with the URL to open, then with the account",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_connect};

const struct command cmd_disconnect = {
    .name = "disconnect",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION",
    .summary = "forget the tokens of an OAuth connection",
    .text = "Removes them from the store. The vendor is not told: uninstall the app there as well.",
    .example = "fastenr disconnect hubspot",
    .least_words = 1,
    .most_words = 1,
    .run = run_disconnect};
