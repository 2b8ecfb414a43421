/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs/manual.h"

#include <stdio.h>
#include <string.h>

#include "cli/docs/roff.h"
#include "config/connection.h"
#include "config/host.h"
#include "config/reference.h"

/* ---- commands ---- */

void manual_page_name(const struct command *command, char name[64])
{
    snprintf(name, 64, "fastenr-%s", command->name);
    for (char *p = name; *p; p++)
        if (*p == ' ')
            *p = '-';
}

static void option(struct buf *out, const struct command_option *o, const char *help)
{
    buf_text(out, ".It ");
    if (o->letter)
        buf_printf(out, "Fl %c , ", o->letter);
    buf_text(out, "Fl \\-");
    roff_word(out, str_from(o->name));
    if (o->value) {
        buf_text(out, " Ar ");
        roff_word(out, str_from(o->value));
    }
    buf_char(out, '\n');
    roff_text(out, help);
}

static void options(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    buf_text(out, ".Sh OPTIONS\n.Bl -tag -width Ds\n");
    for (size_t i = 0; (o = command_option_at(command, i)); i++)
        option(out, o, command && strcmp(o->name, "json") == 0 ? command->json : o->help);
    buf_text(out, ".El\n");
}

static void exit_statuses(struct buf *out)
{
    buf_text(out, ".Sh EXIT STATUS\n.Bl -tag -width Ds\n");
    for (const struct help_line *exit = help_exits; exit->name; exit++) {
        buf_printf(out, ".It %s\n", exit->name);
        roff_text(out, exit->text);
    }
    buf_text(out, ".El\n");
}

void manual_command(struct buf *out, const struct command *command, const char *date)
{
    char name[64];
    manual_page_name(command, name);
    roff_head(out, name, 1, date, command->summary);
    buf_printf(out, ".Sh SYNOPSIS\n.Nm fastenr Cm %s\n", command->name);
    roff_arguments(out, command->arguments);
    buf_text(out, ".Op Ar OPTION ...\n.Sh DESCRIPTION\n");
    roff_text(out, command->text);
    options(out, command);
    exit_statuses(out);
    buf_text(out, ".Sh EXAMPLES\n.Dl ");
    roff_word(out, str_from(command->example));
    buf_text(out, "\n.Sh SEE ALSO\n.Xr fastenr 1 ,\n.Xr fastenr-connection 5 ,\n"
                  ".Xr fastenr.conf 5\n");
}

/* "sync CONNECTION [OBJECT...]" as the head of a list's item. */
static void item(struct buf *out, const struct command *command)
{
    struct buf lines = BUF_INIT(1024);
    char name[64];
    buf_printf(out, ".It Cm %s", command->name);
    roff_arguments(&lines, command->arguments);
    for (const char *p = buf_cstr(&lines); *p; p++) {
        if (*p == '.' && (p == lines.ptr || p[-1] == '\n'))
            buf_char(out, ' ');
        else if (*p != '\n')
            buf_char(out, *p);
    }
    buf_free(&lines);
    buf_char(out, '\n');
    roff_text(out, command->summary);
    manual_page_name(command, name);
    buf_printf(out, ".Pq Xr %s 1\n", name);
}

static void command_list(struct buf *out)
{
    const char *group = NULL;
    buf_text(out, ".Sh COMMANDS\n");
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        if (!group || strcmp(group, commands[i]->group) != 0) {
            buf_printf(out, "%s.Ss %s\n.Bl -tag -width Ds\n", group ? ".El\n" : "",
                       commands[i]->group);
            group = commands[i]->group;
        }
        item(out, commands[i]);
    }
    buf_text(out, ".El\n");
}

void manual_program(struct buf *out, const char *date)
{
    roff_head(out, "fastenr", 1, date, "keep customer data in step with the tools a company uses");
    buf_text(out, ".Sh SYNOPSIS\n.Nm\n.Ar COMMAND\n.Op Ar ARGUMENT ...\n.Op Ar OPTION ...\n"
                  ".Sh DESCRIPTION\n");
    roff_text(out, help_about);
    command_list(out);
    options(out, NULL);
    exit_statuses(out);
    buf_text(out, ".Sh EXAMPLES\n.Bl -tag -width Ds\n");
    for (const struct help_line *step = help_steps; step->name; step++) {
        buf_text(out, ".It Li \"");
        roff_word(out, str_from(step->name));
        buf_text(out, "\"\n");
        roff_text(out, step->text);
    }
    buf_text(out, ".El\n.Sh SEE ALSO\n.Xr fastenr-sandbox 1 ,\n.Xr fastenr-connection 5 ,\n"
                  ".Xr fastenr.conf 5\n");
}

/* ---- settings ---- */

static void setting(struct buf *out, const struct setting *row, const char *path)
{
    struct buf form = BUF_INIT(1000), help = BUF_INIT(4000);
    buf_text(out, ".It Cm ");
    roff_word(out, str_from(path));
    reference_form(&form, row, "");
    if (row->default_text)
        buf_printf(&form, "; default `%s`", row->default_text);
    else if (row->flags & SETTING_REQUIRED)
        buf_text(&form, "; required");
    buf_printf(&help, "(%s)\n", buf_cstr(&form));
    buf_text(&help, row->help);
    if (row->example)
        buf_printf(&help, ".\nExample: `%s`", row->example);
    buf_char(out, '\n');
    roff_text(out, buf_cstr(&help));
    buf_free(&form);
    buf_free(&help);
}

/* The settings of groups follow their group, each named by its whole path. */
static void settings(struct buf *out, const struct setting_table *table, const char *path)
{
    for (const struct setting *row = table->rows; row->key; row++) {
        struct buf name = BUF_INIT(256);
        buf_printf(&name, "%s%s%s", path, *path ? "." : "", row->key);
        setting(out, row, buf_cstr(&name));
        if (row->type == SETTING_NAMED)
            buf_text(&name, ".NAME");
        if (row->type == SETTING_GROUP || row->type == SETTING_NAMED)
            settings(out, row->table, buf_cstr(&name));
        buf_free(&name);
    }
}

static void setting_list(struct buf *out, const char *title, const struct setting_table *table)
{
    buf_printf(out, ".Sh %s\n.Bl -tag -width Ds\n", title);
    settings(out, table, "");
    buf_text(out, ".El\n");
}

void manual_host(struct buf *out, const char *date)
{
    roff_head(out, "fastenr.conf", 5, date, "settings of the fastenr host");
    buf_text(out, ".Sh DESCRIPTION\n");
    roff_text(out, reference_introduction);
    setting_list(out, "SETTINGS", &host_settings);
    buf_text(out, ".Sh SEE ALSO\n.Xr fastenr 1 ,\n.Xr fastenr-connection 5\n");
}

void manual_connection(struct buf *out, const char *date)
{
    roff_head(out, "fastenr-connection", 5, date, "a connection of fastenr to a vendor");
    buf_text(out, ".Sh DESCRIPTION\n");
    roff_text(out, reference_introduction);
    setting_list(out, "SETTINGS", &connection_settings);
    setting_list(out, "A RULE IN MAPPING", &mapping_rule_settings);
    setting_list(out, "EXPORT OF A RULE", &rule_export_settings);
    buf_text(out, ".Sh SEE ALSO\n.Xr fastenr 1 ,\n.Xr fastenr-describe 1 ,\n"
                  ".Xr fastenr.conf 5\n");
}

/* ---- the sandbox ---- */

void manual_sandbox(struct buf *out, struct str help, const char *date)
{
    roff_head(out, "fastenr-sandbox", 1, date, "play the API of a vendor on this machine");
    buf_text(out, ".Sh SYNOPSIS\n.Nm\n.Ar VENDOR\n.Op Ar FLAG ...\n.Sh DESCRIPTION\n"
                  ".Bd -literal\n");
    while (help.len > 0) {
        const char *end = memchr(help.ptr, '\n', help.len);
        size_t len = end ? (size_t)(end - help.ptr) : help.len;
        roff_word(out, str_slice(help, 0, len));
        buf_char(out, '\n');
        help = str_slice(help, len + (end != NULL), help.len - len - (end != NULL));
    }
    buf_text(out, ".Ed\n.Sh SEE ALSO\n.Xr fastenr 1\n");
}
