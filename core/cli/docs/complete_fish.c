/* SPDX-License-Identifier: Apache-2.0 */
/* For fish: a line for each command and option. */
#include <string.h>

#include "cli/docs/complete.h"
#include "model/model.h"

/* Inside '...'. */
static void quoted(struct buf *out, const char *text)
{
    buf_char(out, '\'');
    for (; *text; text++)
        buf_printf(out, *text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
    buf_char(out, '\'');
}

static void values(struct buf *out, const struct command *command, enum place place)
{
    int words = command && strchr(command->name, ' ') ? 2 : 1;
    switch (place) {
    case PLACE_CONNECTION:
        buf_text(out, " -a '(__fastenr_ask connections)'");
        break;
    case PLACE_VENDOR_OBJECT:
        buf_printf(out, " -a '(__fastenr_ask objects (__fastenr_argument %d))'", words);
        break;
    case PLACE_CONNECTOR:
        buf_text(out, " -F -a '(__fastenr_ask connectors)'");
        break;
    case PLACE_APPROVED:
        buf_text(out, " -a '(__fastenr_ask approved)'");
        break;
    case PLACE_OBJECT:
        buf_text(out, " -a '");
        for (size_t i = 0; i < model_object_count; i++)
            buf_printf(out, "%s%s", i > 0 ? " " : "", model_objects[i].name);
        buf_text(out, "'");
        break;
    case PLACE_FILE:
        buf_text(out, " -F");
        break;
    case PLACE_DIR:
        buf_text(out, " -a '(__fish_complete_directories)'");
        break;
    case PLACE_NONE:
        break;
    }
}

/* "-n '__fastenr_in quarantine list'": where the line has that command. */
static void where(struct buf *out, const struct command *command)
{
    if (command)
        buf_printf(out, " -n '__fastenr_in %s'", command->name);
}

static void option(struct buf *out, const struct command *command, const struct command_option *o,
                   const char *help)
{
    buf_text(out, "complete -c fastenr");
    where(out, command);
    buf_printf(out, " -l %s", o->name);
    if (o->letter)
        buf_printf(out, " -s %c", o->letter);
    if (o->value)
        buf_text(out, " -x");
    if (o->value)
        values(out, command, place_of_value(o));
    buf_text(out, " -d ");
    quoted(out, help);
    buf_char(out, '\n');
}

static void write_command(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    struct places p = places_of(command);
    const char *space = strchr(command->name, ' ');
    if (space)
        buf_printf(out, "complete -c fastenr -n '__fastenr_in %.*s' -a %s -d ",
                   (int)(space - command->name), command->name, space + 1);
    else
        buf_printf(out, "complete -c fastenr -n '__fastenr_in' -a %s -d ", command->name);
    quoted(out, command->summary);
    buf_char(out, '\n');
    for (size_t i = 0; (o = command_option_at(command, i)); i++)
        if (i >= 3) /* those of every command are written once */
            option(out, command, o, strcmp(o->name, "json") == 0 ? command->json : o->help);
    for (size_t i = 0; i < p.count; i++) {
        buf_printf(out, "complete -c fastenr -n '__fastenr_at %zu%s %s'", i,
                   p.repeats && i + 1 == p.count ? "+" : "", command->name);
        values(out, command, p.kinds[i]);
        buf_char(out, '\n');
    }
}

static const char functions[] =
    "# The words of the line that are no options, without the program.\n"
    "function __fastenr_words\n"
    "    set -l skip\n"
    "    for word in (commandline -opc)[2..]\n"
    "        if set -q skip[1]\n"
    "            set -e skip\n"
    "        else if contains -- $word $__fastenr_valued\n"
    "            set skip yes\n"
    "        else if not string match -q -- '-*' $word; and test $word != help\n"
    "            echo $word\n"
    "        end\n"
    "    end\n"
    "end\n"
    "# Whether the line begins with this command (none: has no word yet).\n"
    "function __fastenr_in\n"
    "    set -l words (__fastenr_words)\n"
    "    test (count $argv) -gt 0; or test (count $words) -eq 0; or return 1\n"
    "    test (count $argv) -eq 0; or test \"$words[1..\"(count $argv)\"]\" = \"$argv\" "
    "2>/dev/null\n"
    "end\n"
    "# __fastenr_at N COMMAND: whether its N-th argument, from 0, comes next; N+: or a later one.\n"
    "function __fastenr_at\n"
    "    __fastenr_in $argv[2..]; or return 1\n"
    "    set -l given (math (count (__fastenr_words)) - (count $argv[2..]))\n"
    "    set -l at (string trim -c + -- $argv[1])\n"
    "    test $given -eq $at; or begin; string match -q '*+' -- $argv[1]; and test $given -gt $at; "
    "end\n"
    "end\n"
    "# The first argument of a command of so many words.\n"
    "function __fastenr_argument\n"
    "    set -l words (__fastenr_words)\n"
    "    echo $words[(math $argv[1] + 1)]\n"
    "end\n"
    "function __fastenr_ask\n"
    "    set -l line (commandline -opc)\n"
    "    set -l folder\n"
    "    for i in (seq 2 (count $line))\n"
    "        if contains -- $line[$i] -c --config; and test $i -lt (count $line)\n"
    "            set folder -c $line[(math $i + 1)]\n"
    "        end\n"
    "    end\n"
    "    $line[1] complete $argv $folder 2>/dev/null\n"
    "end\n\n";

static void write_valued(struct buf *out)
{
    buf_text(out, "# Options that take a value.\nset -g __fastenr_valued");
    for (size_t i = 0; commands[i]; i++) {
        const struct command_option *o;
        for (size_t j = i > 0 ? 3 : 0; (o = command_option_at(commands[i], j)); j++)
            if (o->value && o->letter)
                buf_printf(out, " --%s -%c", o->name, o->letter);
            else if (o->value)
                buf_printf(out, " --%s", o->name);
    }
    buf_text(out, "\n");
}

void complete_fish(struct buf *out)
{
    const struct command_option *o;
    char group[GROUP_MOST];
    buf_text(out, "# fish completion for fastenr; generated from its table of commands.\n\n");
    write_valued(out);
    buf_text(out, functions);
    buf_text(out, "complete -c fastenr -f\n");
    for (size_t i = 0; i < 3 && (o = command_option_at(NULL, i)); i++)
        option(out, NULL, o, o->help);
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        if (command_begins_group(i, group)) {
            buf_printf(out, "complete -c fastenr -n '__fastenr_in' -a %s -d ", group);
            quoted(out, commands[i]->group);
            buf_char(out, '\n');
        }
        write_command(out, commands[i]);
    }
}
