/* SPDX-License-Identifier: Apache-2.0 */
/* For zsh: a function for each command, made of _arguments. */
#include <string.h>

#include "cli/docs/complete.h"
#include "model/model.h"

static const char *const actions[] = {[PLACE_NONE] = "( )",
                                      [PLACE_CONNECTION] = "_fastenr_connections",
                                      [PLACE_VENDOR_OBJECT] = "_fastenr_objects",
                                      [PLACE_OBJECT] = "_fastenr_model",
                                      [PLACE_CONNECTOR] = "_fastenr_connectors",
                                      [PLACE_APPROVED] = "_fastenr_approved",
                                      [PLACE_FILE] = "_files",
                                      [PLACE_DIR] = "_files -/"};

/* Inside '...', and inside [...] and a:b of _arguments. */
static void quoted(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_text(out, "'\\''");
        else if (strchr("[]:\\", *text))
            buf_printf(out, "\\%c", *text);
        else
            buf_char(out, *text);
    }
}

static void option(struct buf *out, const struct command_option *o, const char *help)
{
    buf_text(out, "        ");
    if (o->letter)
        buf_printf(out, "'(-%c --%s)'{-%c,--%s}", o->letter, o->name, o->letter, o->name);
    else
        buf_printf(out, "--%s", o->name);
    buf_text(out, "'[");
    quoted(out, help);
    buf_char(out, ']');
    if (o->value) {
        buf_char(out, ':');
        quoted(out, o->value);
        buf_printf(out, ":%s", actions[place_of_value(o)]);
    }
    buf_text(out, "' \\\n");
}

static void options(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    for (size_t i = 0; (o = command_option_at(command, i)); i++)
        option(out, o, command && strcmp(o->name, "json") == 0 ? command->json : o->help);
}

static void write_function(struct buf *out, const struct command *command)
{
    struct places p = places_of(command);
    buf_printf(out, "_fastenr_do_");
    command_joined(out, command, '_');
    buf_text(out, "() {\n    _arguments -s \\\n");
    options(out, command);
    for (size_t i = 0; i < p.count; i++)
        buf_printf(out, "        '%s:argument:%s' \\\n", p.repeats && i + 1 == p.count ? "*" : "",
                   actions[p.kinds[i]]);
    buf_text(out, "        && return\n}\n\n");
}

/* Of the whole list, or of the commands of two words that begin with `group`. */
static void write_list(struct buf *out, const char *group)
{
    size_t len = group ? strlen(group) : 0;
    for (size_t i = 0; commands[i]; i++) {
        const char *name = commands[i]->name, *space = strchr(name, ' ');
        if (commands[i]->hidden || (space != NULL) != (group != NULL) ||
            (group && (strncmp(name, group, len) != 0 || name[len] != ' ')))
            continue;
        buf_text(out, "        '");
        quoted(out, group ? space + 1 : name);
        buf_char(out, ':');
        quoted(out, commands[i]->summary);
        buf_text(out, "'\n");
    }
}

static void write_groups(struct buf *out)
{
    char group[GROUP_MOST];
    for (size_t i = 0; commands[i]; i++) {
        if (!command_begins_group(i, group))
            continue;
        buf_printf(out, "_fastenr_do_%s() {\n    local -a names=(\n", group);
        write_list(out, group);
        buf_printf(out,
                   "    )\n    if (( CURRENT == 2 )); then\n        _describe command names\n"
                   "    else\n        local name=$words[2]\n        shift words\n"
                   "        (( CURRENT-- ))\n"
                   "        (( $+functions[_fastenr_do_%s_$name] )) && _fastenr_do_%s_$name\n"
                   "    fi\n}\n\n",
                   group, group);
    }
}

static void write_main(struct buf *out)
{
    char group[GROUP_MOST];
    buf_text(out, "_fastenr() {\n    local -a names=(\n");
    write_list(out, NULL);
    for (size_t i = 0; commands[i]; i++)
        if (command_begins_group(i, group)) {
            buf_printf(out, "        '%s:", group);
            quoted(out, commands[i]->group);
            buf_text(out, "'\n");
        }
    buf_text(out, "    )\n    local curcontext=$curcontext state line _fastenr_program=$words[1]\n"
                  "    typeset -A opt_args\n    _arguments -C -s \\\n");
    options(out, NULL);
    buf_text(out, "        '1: :->command' '*:: :->rest' && return\n"
                  "    case $state in\n"
                  "    command) _describe command names ;;\n"
                  "    rest)\n"
                  "        local name=$words[1]\n"
                  "        (( $+functions[_fastenr_do_$name] )) && _fastenr_do_$name\n"
                  "        ;;\n"
                  "    esac\n"
                  "}\n\n_fastenr \"$@\"\n");
}

static void write_lists(struct buf *out)
{
    buf_text(out,
             "_fastenr_ask() {\n"
             "    local folder=${opt_args[-c]:-${opt_args[--config]}}\n"
             "    ${_fastenr_program:-fastenr} complete \"$@\" ${folder:+-c} ${folder:+$folder} "
             "2>/dev/null\n"
             "}\n"
             "_fastenr_connections() { compadd -- ${(f)\"$(_fastenr_ask connections)\"} }\n"
             "_fastenr_objects() { compadd -- ${(f)\"$(_fastenr_ask objects $words[2])\"} }\n"
             "_fastenr_connectors() { compadd -- ${(f)\"$(_fastenr_ask connectors)\"}; _files -g "
             "'*.so' }\n"
             "_fastenr_approved() { compadd -- ${(f)\"$(_fastenr_ask approved)\"} }\n"
             "_fastenr_model() { compadd --");
    for (size_t i = 0; i < model_object_count; i++)
        buf_printf(out, " %s", model_objects[i].name);
    buf_text(out, " }\n\n");
}

void complete_zsh(struct buf *out)
{
    buf_text(out, "#compdef fastenr\n# Generated from fastenr's table of commands.\n\n");
    write_lists(out);
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            write_function(out, commands[i]);
    write_groups(out);
    write_main(out);
}
