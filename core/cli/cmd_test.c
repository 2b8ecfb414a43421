/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr test`: whether a connection works, step by step. */
#include <string.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "sync/trial.h"

enum { TEST_JSON_MAX = 4 * 1024 * 1024 };

struct testing {
    struct app *app;
    struct buf text;
    struct json_writer json;
    size_t warnings, failures;
};

static const char *const verdicts[] = {[TRIAL_OK] = "ok",
                                       [TRIAL_WARNING] = "warn",
                                       [TRIAL_FAILED] = "failed",
                                       [TRIAL_SKIPPED] = "skipped"};

static void json_step(struct json_writer *w, const struct trial_result *r)
{
    json_open(w, '{');
    json_key(w, "step");
    json_put_text(w, trial_step_name(r->step));
    json_key(w, "subject");
    json_put_str(w, r->subject);
    json_key(w, "verdict");
    json_put_text(w, verdicts[r->verdict]);
    json_key(w, "milliseconds");
    json_put_double(w, (double)r->took_us / (double)US_PER_MS);
    json_key(w, "text");
    json_put_text(w, r->text);
    json_key(w, "remedy");
    json_put_text(w, r->remedy && *r->remedy ? r->remedy : NULL);
    json_close(w, '}');
}

static void write_step(const struct trial_result *r)
{
    static const enum style styles[] = {[TRIAL_OK] = STYLE_GOOD,
                                        [TRIAL_WARNING] = STYLE_WARN,
                                        [TRIAL_FAILED] = STYLE_BAD,
                                        [TRIAL_SKIPPED] = STYLE_DIM};
    struct buf subject = BUF_INIT(512);
    buf_printf(&subject, "%s%s%.*s", trial_step_name(r->step), r->subject.len > 0 ? " " : "",
               STR_ARG(r->subject));
    out_styled(&std_out, styles[r->verdict], verdicts[r->verdict]);
    out_printf(&std_out, "%*s", 8 - (int)strlen(verdicts[r->verdict]), "");
    if (r->verdict == TRIAL_SKIPPED)
        out_printf(&std_out, "%10s", "");
    else
        out_printf(&std_out, "%7.1f ms", (double)r->took_us / (double)US_PER_MS);
    out_printf(&std_out, "  %-24s %s\n", buf_cstr(&subject), r->text ? r->text : "");
    if (r->remedy && *r->remedy)
        out_printf(&std_out, "%20s-> %s\n", "", r->remedy);
    out_flush(&std_out);
    buf_free(&subject);
}

static void on_step(void *arg, const struct trial_result *r)
{
    struct testing *t = arg;
    t->warnings += r->verdict == TRIAL_WARNING;
    t->failures += r->verdict == TRIAL_FAILED;
    if (t->app->json)
        json_step(&t->json, r);
    else
        write_step(r);
}

static int run_test(struct app *app, const struct arguments *args)
{
    struct testing t = {.app = app, .text = BUF_INIT(TEST_JSON_MAX)};
    struct catalog_connection *connection;
    int rc = app_connection(app, args->words[0], &connection);
    if (rc == 0)
        rc = app_tokens(app, &connection->setup);
    if (rc == 0)
        rc = app_transport(app);
    if (rc != 0)
        return rc;
    t.json.out = &t.text;
    json_open(&t.json, '[');
    rc = trial_run(&app->host, &connection->setup, &connection->connector->info.image, on_step, &t);
    json_close(&t.json, ']');
    if (app->json)
        out_json(&std_out, &t.text);
    else if (rc != 0)
        out_printf(&std_out, "\n%s: %zu failed; the steps that need %s were not tried\n",
                   args->words[0], t.failures, t.failures == 1 ? "it" : "them");
    else
        out_printf(&std_out, "\n%s works%s. Next: fastenr preview %s %.*s%s\n", args->words[0],
                   t.warnings > 0 ? ", with warnings" : "", args->words[0],
                   STR_ARG(connection->setup.objects[0].item->name), app->hint);
    buf_free(&t.text);
    return rc == 0 ? EXIT_DONE : EXIT_WORK_FAILED;
}

const struct command cmd_test = {
    .name = "test",
    .group = GROUP_SYNC,
    .arguments = "CONNECTION",
    .summary = "try a connection step by step: network, credential, fields, access",
    .text = "Resolves the vendor's host, connects, checks its certificate, starts the connector in "
            "its jail,\n"
            "uses the credential, and for each object looks for the fields that the mapping reads "
            "and reads one\n"
            "record. Each step says how long it took; one that fails says what to do. Nothing is "
            "written.",
    .example = "fastenr test hubspot",
    .json = "one JSON array: step, subject, verdict, milliseconds, text, remedy",
    .least_words = 1,
    .most_words = 1,
    .run = run_test};
