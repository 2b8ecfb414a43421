/* SPDX-License-Identifier: Apache-2.0 */
/* `fastenr erase`: takes a person's data out of the store. */
#include <inttypes.h>

#include "base/json.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "sync/erase.h"

static const struct command_option options[] = {
    {"yes", 0, NULL, "erase; without it the command only says what would go"}, {0}};

static void say_json(const struct erase_counts *c, bool erased)
{
    struct buf text = BUF_INIT(4096);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "erased");
    json_put_bool(&w, erased);
    json_key(&w, "contacts");
    json_put_int(&w, c->records);
    json_key(&w, "links");
    json_put_int(&w, c->links);
    json_key(&w, "log_rows");
    json_put_int(&w, c->log_rows);
    json_key(&w, "quarantined");
    json_put_int(&w, c->quarantined);
    json_key(&w, "still_mentioned");
    json_put_int(&w, c->mentions);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* An owner, what is taken of one, a text: a sync would bring it again. */
static void say_mentions(const struct erase_counts *c)
{
    if (c->mentions == 0)
        return;
    bool one = c->mentions == 1;
    complain("warning: %" PRId64
             " other record%s %s the address in a field (an owner, a text), and "
             "%s left as %s: take it away at the vendor's, then sync",
             c->mentions, one ? "" : "s", one ? "has" : "have", one ? "is" : "are",
             one ? "it is" : "they are");
}

/* Without the address: output ends up in logs. */
static void say(struct app *app, const struct erase_counts *c, bool erased)
{
    bool none = c->records + c->links + c->log_rows + c->quarantined == 0;
    if (none) {
        out_text(&std_out, c->mentions == 0 ? "nothing in the store has this address\n"
                                            : "no contact in the store has this address\n");
        return;
    }
    out_printf(&std_out,
               "%s: %" PRId64 " contact%s, %" PRId64 " link%s to vendors, %" PRId64
               " log row%s, %" PRId64 " in quarantine\n",
               erased ? "erased" : "would be erased", c->records, c->records == 1 ? "" : "s",
               c->links, c->links == 1 ? "" : "s", c->log_rows, c->log_rows == 1 ? "" : "s",
               c->quarantined);
    if (erased)
        out_text(&std_out, "A sync does not bring the vendors' records back. Backups of the store "
                           "still hold them.\n");
    else
        out_printf(&std_out, "Nothing was changed. To erase for good: the same with --yes%s\n",
                   app->hint);
}

static int run_erase(struct app *app, const struct arguments *args)
{
    bool yes = argument_given(args, "yes");
    struct erase_counts counts;
    struct error err;
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (erase_person(&app->host, str_from(args->words[0]), !yes, &counts, &err) != 0) {
        complain("%s", err.text);
        return EXIT_WORK_FAILED;
    }
    if (app->json)
        say_json(&counts, yes);
    else
        say(app, &counts, yes);
    say_mentions(&counts);
    return EXIT_DONE;
}

const struct command cmd_erase = {
    .name = "erase",
    .group = GROUP_LOOK,
    .arguments = "ADDRESS",
    .summary = "take a person's data out of the store for good",
    .text =
        "Takes the contacts with this e-mail address out of records, links, the log and the\n"
        "quarantine, and rewrites the store so that no byte of them stays in its files. Of the\n"
        "vendors' records only a keyed hash of the id is kept, so that a sync does not bring\n"
        "them back. Records of others that have the address in a field, like an owner, are\n"
        "counted and stay. The vendors are not asked: erase the person there too. Without\n"
        "--yes it says what would go.",
    .example = "fastenr erase ada@example.com --yes",
    .json = "one JSON object with what was, or would be, erased",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_erase};
