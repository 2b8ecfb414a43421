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
    const struct {
        const char *name;
        int64_t count;
    } counts[] = {
        {"contacts", c->records},  {"owners", c->owners},           {"links", c->links},
        {"log_rows", c->log_rows}, {"quarantined", c->quarantined}, {"payloads", c->payloads},
        {"emptied", c->emptied},   {"still_mentioned", c->mentions}};
    struct buf text = BUF_INIT(4096);
    struct json_writer w = {.out = &text};
    json_open(&w, '{');
    json_key(&w, "erased");
    json_put_bool(&w, erased);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_key(&w, counts[i].name);
        json_put_int(&w, counts[i].count);
    }
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
}

/* A sync would bring it again. */
static void say_mentions(const struct erase_counts *c)
{
    if (c->mentions == 0)
        return;
    bool one = c->mentions == 1;
    complain("warning: %" PRId64
             " other record%s %s the address in a text, and %s left as %s: take "
             "it away at the vendor's, then sync",
             c->mentions, one ? "" : "s", one ? "has" : "have", one ? "is" : "are",
             one ? "it is" : "they are");
}

/* "1 contact, " */
static void say_count(int64_t count, const char *one, const char *many, const char *behind)
{
    out_printf(&std_out, "%" PRId64 " %s%s", count, count == 1 ? one : many, behind);
}

static void say_counts(const struct erase_counts *c, bool erased)
{
    out_printf(&std_out, "%s: ", erased ? "erased" : "would be erased");
    if (c->owners == 0 || c->records > 0)
        say_count(c->records, "contact", "contacts", ", ");
    if (c->owners > 0)
        say_count(c->owners, "owner", "owners", ", ");
    say_count(c->links, "link to vendors", "links to vendors", ", ");
    say_count(c->log_rows, "log row", "log rows", ", ");
    say_count(c->quarantined, "in quarantine", "in quarantine", "\n");
    if (c->emptied + c->payloads == 0)
        return;
    out_printf(&std_out, "%s: ", erased ? "emptied" : "would be emptied");
    say_count(c->emptied, "other record, of what is theirs", "other records, of what is theirs",
              ", ");
    say_count(c->payloads, "other in quarantine", "others in quarantine", "\n");
}

/* Without the address: output ends up in logs. */
static void say(struct app *app, const struct erase_counts *c, bool erased)
{
    if (c->records + c->owners + c->links + c->log_rows + c->quarantined + c->emptied +
            c->payloads ==
        0) {
        out_text(&std_out, c->mentions == 0
                               ? "nothing in the store has this address\n"
                               : "no contact and no owner in the store has this address\n");
        return;
    }
    say_counts(c, erased);
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
    struct str address = str_trim(str_from(args->words[0]));
    struct erase_counts counts;
    struct error err;
    if (validate_email(address, &err) != 0) {
        complain("%s; give the one of the person: fastenr erase ada@example.com", err.text);
        return EXIT_USAGE;
    }
    int rc = app_store(app, false);
    if (rc != 0)
        return rc;
    if (erase_person(&app->host, address, !yes, &counts, &err) != 0) {
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
        "Takes the contacts and owners with this e-mail address out of records, links, the log "
        "and\n"
        "the quarantine, empties what other records refer to or take of them, and rewrites the\n"
        "store so that no byte of them stays in its files. Of the vendors' records only a keyed\n"
        "hash of the id is kept, so that a sync does not bring them back. Other records that have\n"
        "the address in a text are counted and stay. The vendors are not asked: erase the person\n"
        "there too. Without --yes it says what would go. No connection may be synced meanwhile.",
    .example = "fastenr erase ada@example.com --yes",
    .json = "one JSON object with what was, or would be, erased",
    .least_words = 1,
    .most_words = 1,
    .options = options,
    .run = run_erase};
