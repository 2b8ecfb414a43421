/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr describe`: everything a connector says of itself. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/time.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/describe_json.h"
#include "cli/jail.h"
#include "cli/table.h"

enum { TEXT_MAX_BYTES = 4096, DOCUMENT_MAX = 8 * 1024 * 1024 };

static void heading(const char *text)
{
    out_text(&std_out, "\n");
    out_styled(&std_out, STYLE_BOLD, text);
    out_text(&std_out, "\n");
}

/* "duration, from 0 to 5m, default 90s". */
static void option_form(struct buf *out, const struct connector_option *o)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    buf_text(out, option_type_name(o->type));
    if (o->min != 0 || o->max != 0) {
        if (o->type == OPTION_DURATION)
            buf_printf(out, ", %s to %s", time_format_span(o->min * US_PER_MS, from),
                       time_format_span(o->max * US_PER_MS, to));
        else
            buf_printf(out, ", %" PRId64 " to %" PRId64, o->min, o->max);
    }
    for (uint32_t i = 0; i < o->choice_count; i++)
        buf_printf(out, "%s%.*s", i > 0 ? " | " : ": ", STR_ARG(o->choices[i]));
}

static void write_options(const struct descriptor *d)
{
    struct table t = {.indent = "  "};
    if (d->option_count == 0)
        return;
    heading("Options (under `options:` of the connection file)");
    table_key_column(&t, "OPTION", false);
    table_column(&t, "FORM", false);
    table_column(&t, "DEFAULT", false);
    table_column(&t, "WHAT", false);
    for (uint32_t i = 0; i < d->option_count; i++) {
        const struct connector_option *o = &d->options[i];
        struct buf form = BUF_INIT(TEXT_MAX_BYTES);
        option_form(&form, o);
        table_str(&t, o->name);
        table_str(&t, buf_view(&form));
        table_str(&t, o->required ? STR("(required)") : o->default_value);
        table_str(&t, o->help);
        buf_free(&form);
    }
    table_write(&t, &std_out);
    table_free(&t);
}

static void write_auth(const struct descriptor *d)
{
    if (d->auth_count == 0)
        return;
    heading("Ways to authenticate (one, under `auth:`)");
    for (uint32_t i = 0; i < d->auth_count; i++) {
        const struct connector_auth *a = &d->auth[i];
        out_printf(&std_out, "  %.*s: %.*s\n", STR_ARG(a->name), STR_ARG(a->help));
        for (uint32_t j = 0; j < a->secret_count; j++)
            out_printf(&std_out, "    %.*s: %.*s\n", STR_ARG(a->secrets[j].name),
                       STR_ARG(a->secrets[j].text));
        if (a->oauth)
            out_printf(
                &std_out,
                "    token_path, scopes: instead of %.*s, and of the scopes of the objects\n",
                STR_ARG(a->oauth->token_url));
    }
}

static void write_hosts(const struct descriptor *d)
{
    if (d->host_count == 0)
        return;
    heading("Hosts that it may reach");
    for (uint32_t i = 0; i < d->host_count; i++)
        out_printf(&std_out, "  %.*s\n", STR_ARG(d->hosts[i]));
}

static void write_limits(const struct descriptor *d)
{
    struct table t = {.indent = "  "};
    if (d->limit_count == 0)
        return;
    heading("Rate limits that the host keeps (change them under `limits:`)");
    table_key_column(&t, "LIMIT", false);
    table_column(&t, "REQUESTS", false);
    table_column(&t, "COUNTS", false);
    for (uint32_t i = 0; i < d->limit_count; i++) {
        const struct connector_limit *l = &d->limits[i];
        char span[TIME_TEXT];
        table_str(&t, l->name);
        table_printf(&t, "%" PRIu64 " in %s%s", l->requests,
                     time_format_span((int64_t)l->per_ms * US_PER_MS, span),
                     l->kind == LIMIT_QUOTA ? " (quota)" : "");
        table_str(&t, str_from(l->always ? "every request" : "requests that name it"));
    }
    table_write(&t, &std_out);
    table_free(&t);
}

/* "trim, link to companies": what happens to the value, in the words of the connection file. */
static void write_how(struct table *t, const struct connector_mapping *m)
{
    struct buf how = BUF_INIT(4096);
    const struct {
        const char *before;
        struct str text;
    } parts[] = {{"", m->transform},
                 {m->take.len > 0 ? "look up in " : "link to ", m->lookup},
                 {"take ", m->take},
                 {"always ", m->value},
                 {"or else ", m->default_value},
                 {"map ", m->map},
                 {"times ", m->scale}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].text.len > 0)
            buf_printf(&how, "%s%s%.*s", how.len > 0 ? ", " : "", parts[i].before,
                       STR_ARG(parts[i].text));
    table_str(t, buf_view(&how));
    buf_free(&how);
}

static void write_mapping(const struct connector_object *o)
{
    struct table t = {.indent = "    "};
    table_key_column(&t, "VENDOR FIELD", false);
    table_column(&t, "", false);
    table_key_column(&t, "CANONICAL FIELD", false);
    table_column(&t, "HOW", false);
    for (uint32_t i = 0; i < o->mapping_count; i++) {
        const struct connector_mapping *m = &o->mapping[i];
        table_str(&t, m->from);
        table_str(&t, STR("->"));
        table_str(&t, m->to);
        write_how(&t, m);
    }
    if (t.cell_count > 0)
        table_write(&t, &std_out);
    table_free(&t);
}

static void write_objects(const struct descriptor *d)
{
    heading("Objects (under `objects:`), with their default mapping");
    for (uint32_t i = 0; i < d->object_count; i++) {
        const struct connector_object *o = &d->objects[i];
        char span[TIME_TEXT];
        out_text(&std_out, i > 0 ? "\n  " : "  ");
        out_style(&std_out, STYLE_BOLD);
        out_str(&std_out, o->name);
        out_style(&std_out, STYLE_NONE);
        out_printf(&std_out, " (%.*s) -> %.*s\n", STR_ARG(o->label), STR_ARG(o->canonical));
        out_printf(&std_out, "    key %.*s", STR_ARG(o->key));
        if (o->modified.len > 0)
            out_printf(&std_out, ", modified %.*s", STR_ARG(o->modified));
        else
            out_text(&std_out, ", no time of modification: always read in full");
        if (o->lookback_ms > 0)
            out_printf(&std_out, ", lookback %s",
                       time_format_span(o->lookback_ms * US_PER_MS, span));
        if (o->reads_deleted)
            out_text(&std_out, ", tells deleted records");
        if (o->tells_times)
            out_text(&std_out, ", tells when fields changed");
        if (o->scope.len > 0)
            out_printf(&std_out, ", needs the scope %.*s", STR_ARG(o->scope));
        out_text(&std_out, "\n");
        write_mapping(o);
    }
}

static void write_text(const struct connector_info *info)
{
    const struct descriptor *d = &info->descriptor;
    struct buf layers = BUF_INIT(400);
    out_style(&std_out, STYLE_BOLD);
    out_printf(&std_out, "%.*s %.*s", STR_ARG(d->name), STR_ARG(d->version));
    out_style(&std_out, STYLE_NONE);
    jail_write_names(&layers, info->jail_layers);
    out_printf(&std_out, "\n  id        %.*s\n  category  %s\n  file      %s\n  sha256    ",
               STR_ARG(d->id), category_name(d->category), info->image.path);
    for (size_t i = 0; i < SHA256_SIZE; i++)
        out_printf(&std_out, "%02x", info->image.sha256[i]);
    out_printf(&std_out, "\n  jail      %s\n", buf_cstr(&layers));
    buf_free(&layers);
    write_options(d);
    write_auth(d);
    write_hosts(d);
    write_limits(d);
    write_objects(d);
}

static int run_describe(struct app *app, const struct arguments *args)
{
    struct connector_dirs dirs;
    struct connector_info info;
    struct error err;
    struct str name = str_from(args->words[0]);
    int rc = app_dirs(app, &dirs);
    if (rc != 0)
        return rc;
    bool is_file = str_find(name, '/') >= 0 || str_ends(name, ".so");
    char *path = is_file ? mem_strdup(args->words[0]) : registry_find(&dirs, name, &err);
    if (!path) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    rc = registry_describe(&app->world, app->host.carrier, &app->host.limits, path, &info, &err);
    free(path);
    if (rc != 0) {
        complain("refused: %s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json) {
        struct buf text = BUF_INIT(DOCUMENT_MAX);
        describe_json(&text, &info);
        out_json(&std_out, &text);
        buf_free(&text);
    } else {
        write_text(&info);
    }
    connector_info_free(&info);
    return EXIT_DONE;
}

const struct command cmd_describe = {
    .name = "describe",
    .group = GROUP_HOST,
    .arguments = "PLUGIN.so|NAME",
    .summary = "show all that a connector says of itself",
    .text = "Loads a connector in its jail and shows its options with defaults and ranges, the "
            "credentials it\n"
            "needs, the hosts it may reach, the rate limits that the host keeps for it, its "
            "objects with their\n"
            "default mapping, the file's SHA-256, and the layers of the jail it ran in.",
    .example = "fastenr describe hubspot",
    .json = "one JSON document",
    .least_words = 1,
    .most_words = 1,
    .run = run_describe};
