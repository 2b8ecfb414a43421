/* SPDX-License-Identifier: Apache-2.0 */
/* Help, written from the table of commands. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"

const char help_about[] =
    "fastenr keeps a company's customer data in step with the tools it uses. A connection file\n"
    "(YAML) says which connector to run, with which credentials and when, and what becomes of\n"
    "the records. They are kept in a store, an SQLite file, with a log of every change.\n"
    "Each connector runs jailed, in a process of its own.";

const struct help_line help_steps[] = {
    {"fastenr check", "is the configuration right?"},
    {"fastenr test CONNECTION", "does the vendor let us in?"},
    {"fastenr preview CONNECTION OBJECT", "what would its records become?"},
    {"fastenr sync CONNECTION", "bring them in"},
    {NULL, NULL}};

const struct help_line help_exits[] = {
    {"0", "done"}, {"1", "the work failed"}, {"2", "wrong usage or configuration"}, {NULL, NULL}};

static void write_options(const struct command *command)
{
    struct table t = {.indent = "  "};
    table_key_column(&t, NULL, false);
    table_column(&t, NULL, false);
    for (const struct command_option *o = command->options; o && o->name; o++) {
        char letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        table_printf(&t, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                     o->value ? o->value : "");
        table_str(&t, str_from(o->help));
    }
    if (command->json) {
        table_str(&t, STR("    --json"));
        table_str(&t, str_from(command->json));
    }
    table_str(&t, STR("-c, --config DIR"));
    table_str(&t, STR("folder with fastenr.conf and the connections; by default $FASTENR_CONF,"));
    table_str(&t, STR(""));
    table_str(&t, STR("else ./conf.d, else /etc/fastenr"));
    table_str(&t, STR("-h, --help"));
    table_str(&t, STR("this text"));
    table_write(&t, &std_out);
    table_free(&t);
}

void help_write(const struct command *command)
{
    out_styled(&std_out, STYLE_BOLD, "Usage:");
    out_printf(&std_out, " fastenr %s%s%s [OPTION...]\n\n%s\n\n", command->name,
               *command->arguments ? " " : "", command->arguments, command->text);
    out_styled(&std_out, STYLE_BOLD, "Options:");
    out_text(&std_out, "\n");
    write_options(command);
    out_text(&std_out, "\n");
    out_styled(&std_out, STYLE_BOLD, "Example:");
    out_printf(&std_out, "\n  %s\n", command->example);
}

static void write_names(const char *group, const char *first_word)
{
    struct table t = {.indent = "  "};
    table_key_column(&t, NULL, false);
    table_column(&t, NULL, false);
    size_t len = first_word ? strlen(first_word) : 0;
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden || (group && strcmp(commands[i]->group, group) != 0))
            continue;
        if (first_word &&
            (strncmp(commands[i]->name, first_word, len) != 0 || commands[i]->name[len] != ' '))
            continue;
        table_printf(&t, "%s%s%s", commands[i]->name, *commands[i]->arguments ? " " : "",
                     commands[i]->arguments);
        table_str(&t, str_from(commands[i]->summary));
    }
    table_write(&t, &std_out);
    table_free(&t);
}

void help_write_group(const char *group)
{
    out_styled(&std_out, STYLE_BOLD, "Usage:");
    out_printf(&std_out, " fastenr %s COMMAND [OPTION...]\n\n", group);
    write_names(NULL, group);
    out_printf(&std_out, "\n`fastenr %s COMMAND --help` says more of each.\n", group);
}

void help_write_all(void)
{
    out_styled(&std_out, STYLE_BOLD, "Usage:");
    out_printf(&std_out, " fastenr COMMAND [ARGUMENT...] [OPTION...]\n\n%s\n", help_about);
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        if (i > 0 && strcmp(commands[i]->group, commands[i - 1]->group) == 0)
            continue;
        out_text(&std_out, "\n");
        out_styled(&std_out, STYLE_BOLD, commands[i]->group);
        out_text(&std_out, "\n");
        write_names(commands[i]->group, NULL);
    }
    out_text(&std_out, "\n");
    out_styled(&std_out, STYLE_BOLD, "Where to begin");
    out_text(&std_out, "\n");
    for (const struct help_line *step = help_steps; step->name; step++)
        out_printf(&std_out, "  %-38s %s\n", step->name, step->text);
    out_text(&std_out, "\nEvery command takes -c DIR, the folder with fastenr.conf and the "
                       "connections; by default\n"
                       "$FASTENR_CONF, else ./conf.d, else /etc/fastenr. `fastenr COMMAND --help` "
                       "says more of each.\n"
                       "Exit status: ");
    for (const struct help_line *exit = help_exits; exit->name; exit++)
        out_printf(&std_out, "%s%s %s", exit > help_exits ? ", " : "", exit->name, exit->text);
    out_text(&std_out, ".\n");
}
