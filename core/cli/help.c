/* SPDX-License-Identifier: Apache-2.0 */
/* Help, written from the table of commands. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/out.h"
#include "cli/width.h"

const char help_about[] =
    "fastenr keeps a company's customer data in step with the tools it uses. A connection file\n"
    "(YAML) says which connector to run, with which credentials and when, and what becomes of\n"
    "the records. They are kept in a store, an SQLite file or a PostgreSQL database, with a log\n"
    "of every change.\n"
    "Each connector runs jailed, in a process of its own.";

const struct help_line help_steps[] = {
    {"fastenr check", "is the configuration right?"},
    {"fastenr test CONNECTION", "does the vendor let us in?"},
    {"fastenr preview CONNECTION OBJECT", "what would its records become?"},
    {"fastenr sync CONNECTION", "bring them in"},
    {NULL, NULL}};

const struct help_line help_exits[] = {
    {"0", "done"}, {"1", "the work failed"}, {"2", "wrong usage or configuration"}, {NULL, NULL}};

/* ---- text in columns: help is read on terminals that show 80 ---- */

enum { HELP_WIDTH = 80, ROWS_MOST = 64, ROW_NAME_MAX = 80, INDENT = 2, GAP = 2 };

/* Fills lines with words, from `column` on, those after the first indented. An empty line parts
 * paragraphs; other line ends are spaces. */
static void write_filled(const char *text, int indent, int column)
{
    bool first = true; /* on its line */
    while (*text) {
        size_t space = strspn(text, " \n"), line_ends = 0;
        for (size_t i = 0; i < space; i++)
            line_ends += text[i] == '\n';
        text += space;
        struct str word = {text, strcspn(text, " \n")};
        int width = text_width(word);
        bool parts = line_ends > 1;
        if (word.len == 0)
            break;
        if (parts || (!first && column + 1 + width > HELP_WIDTH)) {
            out_printf(&std_out, "%s\n%*s", parts ? "\n" : "", indent, "");
            column = indent;
            first = true;
        }
        out_printf(&std_out, "%s%.*s", first ? "" : " ", STR_ARG(word));
        column += width + !first;
        first = false;
        text += word.len;
    }
    out_text(&std_out, "\n");
}

struct rows {
    struct row {
        char name[ROW_NAME_MAX];
        const char *text;
    } items[ROWS_MOST];
    size_t count;
};

__attribute__((format(printf, 3, 4))) static void add_row(struct rows *rows, const char *text,
                                                          const char *format, ...)
{
    va_list args;
    if (rows->count == ROWS_MOST)
        return;
    struct row *row = &rows->items[rows->count++];
    row->text = text;
    va_start(args, format);
    vsnprintf(row->name, sizeof row->name, format, args);
    va_end(args);
}

static void write_rows(const struct rows *rows)
{
    int widest = 0;
    for (size_t i = 0; i < rows->count; i++)
        if (text_width(str_from(rows->items[i].name)) > widest)
            widest = text_width(str_from(rows->items[i].name));
    int column = INDENT + widest + GAP;
    for (size_t i = 0; i < rows->count; i++) {
        out_printf(&std_out, "%*s%-*s", INDENT, "", widest + GAP, rows->items[i].name);
        write_filled(rows->items[i].text, column, column);
    }
}

/* ---- of one command ---- */

static void write_options(const struct command *command)
{
    struct rows rows = {0};
    for (const struct command_option *o = command->options; o && o->name; o++) {
        char letter[8] = "    ";
        if (o->letter)
            snprintf(letter, sizeof letter, "-%c, ", o->letter);
        add_row(&rows, o->help, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                o->value ? o->value : "");
    }
    if (command->json)
        add_row(&rows, command->json, "    --json");
    add_row(&rows,
            "folder with fastenr.conf and the connections; by default $FASTENR_CONF, else "
            "./conf.d, else /etc/fastenr",
            "-c, --config DIR");
    add_row(&rows, "this text", "-h, --help");
    write_rows(&rows);
}

void help_write(const struct command *command)
{
    out_styled(&std_out, STYLE_BOLD, "Usage:");
    out_printf(&std_out, " fastenr %s%s%s [OPTION...]\n\n", command->name,
               *command->arguments ? " " : "", command->arguments);
    write_filled(command->text, 0, 0);
    out_text(&std_out, "\n");
    out_styled(&std_out, STYLE_BOLD, "Options:");
    out_text(&std_out, "\n");
    write_options(command);
    out_text(&std_out, "\n");
    out_styled(&std_out, STYLE_BOLD, "Example:");
    out_printf(&std_out, "\n  %s\n", command->example);
}

/* ---- of several ---- */

static void write_names(const char *group, const char *first_word)
{
    struct rows rows = {0};
    size_t len = first_word ? strlen(first_word) : 0;
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden || (group && strcmp(commands[i]->group, group) != 0))
            continue;
        if (first_word &&
            (strncmp(commands[i]->name, first_word, len) != 0 || commands[i]->name[len] != ' '))
            continue;
        add_row(&rows, commands[i]->summary, "%s%s%s", commands[i]->name,
                *commands[i]->arguments ? " " : "", commands[i]->arguments);
    }
    write_rows(&rows);
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
    struct rows steps = {0};
    out_styled(&std_out, STYLE_BOLD, "Usage:");
    out_text(&std_out, " fastenr COMMAND [ARGUMENT...] [OPTION...]\n\n");
    write_filled(help_about, 0, 0);
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
        add_row(&steps, step->text, "%s", step->name);
    write_rows(&steps);
    out_text(&std_out, "\n");
    write_filled("Every command takes -c DIR, the folder with fastenr.conf and the connections; by "
                 "default $FASTENR_CONF, else ./conf.d, else /etc/fastenr. `fastenr COMMAND "
                 "--help` says more of each.",
                 0, 0);
    out_text(&std_out, "Exit status: ");
    for (const struct help_line *exit = help_exits; exit->name; exit++)
        out_printf(&std_out, "%s%s %s", exit > help_exits ? ", " : "", exit->name, exit->text);
    out_text(&std_out, ".\n");
}
