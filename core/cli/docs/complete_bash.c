/* SPDX-License-Identifier: Apache-2.0 */
/* For bash: three functions that look things up in the tables, and one that walks the line. */
#include "cli/docs/complete.h"
#include "model/model.h"

static const char *const place_names[] = {[PLACE_NONE] = "none",
                                          [PLACE_CONNECTION] = "connection",
                                          [PLACE_VENDOR_OBJECT] = "vendor_object",
                                          [PLACE_OBJECT] = "object",
                                          [PLACE_CONNECTOR] = "connector",
                                          [PLACE_APPROVED] = "approved",
                                          [PLACE_FILE] = "file",
                                          [PLACE_DIR] = "dir"};

/* The words that may stand after "fastenr", or after the first word of a command of two. */
static void write_commands(struct buf *out)
{
    buf_text(out, "# The commands, with - between two words.\n_fastenr_commands=\"");
    for (size_t i = 0, written = 0; commands[i]; i++) {
        if (commands[i]->hidden)
            continue;
        buf_text(out, written++ > 0 ? " " : "");
        command_joined(out, commands[i], '-');
    }
    buf_text(out, "\"\n\n");
}

static void write_case(struct buf *out, const struct command *command)
{
    if (!command) {
        buf_text(out, "    *)");
        return;
    }
    buf_text(out, "    ");
    command_joined(out, command, '-');
    buf_char(out, ')');
}

static void write_option_names(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    write_case(out, command);
    buf_text(out, " echo '");
    for (size_t i = 0; (o = command_option_at(command, i)); i++) {
        buf_printf(out, "%s--%s", i > 0 ? " " : "", o->name);
        if (o->letter)
            buf_printf(out, " -%c", o->letter);
    }
    buf_text(out, "' ;;\n");
}

static void write_options(struct buf *out)
{
    buf_text(out, "_fastenr_options() {\n    case $1 in\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            write_option_names(out, commands[i]);
    write_option_names(out, NULL);
    buf_text(out, "    esac\n}\n\n");
}

/* "COMMAND/--name | COMMAND/-n) echo kind ;;"; before the command the option alone. */
static void write_option_values(struct buf *out, const struct command *command)
{
    const struct command_option *o;
    struct buf of = BUF_INIT(100);
    if (command) {
        command_joined(&of, command, '-');
        buf_char(&of, '/');
    }
    for (size_t i = 0; (o = command_option_at(command, i)); i++) {
        if (!o->value)
            continue;
        buf_printf(out, "    %s--%s", buf_cstr(&of), o->name);
        if (o->letter)
            buf_printf(out, " | %s-%c", buf_cstr(&of), o->letter);
        buf_printf(out, ") echo %s ;;\n", place_names[place_of_value(o)]);
    }
    buf_free(&of);
}

static void write_values(struct buf *out)
{
    buf_text(out, "# What an option's value is; nothing: it takes none.\n"
                  "_fastenr_value() {\n    case $1/$2 in\n");
    for (size_t i = 0; commands[i]; i++)
        if (!commands[i]->hidden)
            write_option_values(out, commands[i]);
    buf_text(out, "    esac\n    [ -n \"$1\" ] || case $2 in\n");
    write_option_values(out, NULL);
    buf_text(out, "    esac\n}\n\n");
}

static void write_places(struct buf *out)
{
    buf_text(out, "# What the arguments of a command are; + after the last: it may be repeated.\n"
                  "_fastenr_places() {\n    case $1 in\n");
    for (size_t i = 0; commands[i]; i++) {
        struct places p = places_of(commands[i]);
        if (commands[i]->hidden || p.count == 0)
            continue;
        write_case(out, commands[i]);
        buf_text(out, " echo '");
        for (size_t j = 0; j < p.count; j++)
            buf_printf(out, "%s%s", j > 0 ? " " : "", place_names[p.kinds[j]]);
        buf_text(out, p.repeats ? " +' ;;\n" : "' ;;\n");
    }
    buf_text(out, "    esac\n}\n\n");
}

static void write_objects(struct buf *out)
{
    buf_text(out, "_fastenr_model=\"");
    for (size_t i = 0; i < model_object_count; i++)
        buf_printf(out, "%s%s", i > 0 ? " " : "", model_objects[i].name);
    buf_text(out, "\"\n\n");
}

static const char walk[] =
    "# _fastenr_list PLACE WORD: what can stand there.\n"
    "_fastenr_list() {\n"
    "    local names=\n"
    "    case $1 in\n"
    "    connection) names=$(\"${COMP_WORDS[0]}\" complete connections \"${folder[@]}\" "
    "2>/dev/null) ;;\n"
    "    vendor_object) [ -z \"$connection\" ] ||\n"
    "        names=$(\"${COMP_WORDS[0]}\" complete objects \"$connection\" \"${folder[@]}\" "
    "2>/dev/null) ;;\n"
    "    object) names=$_fastenr_model ;;\n"
    "    connector) names=$(\"${COMP_WORDS[0]}\" complete connectors \"${folder[@]}\" 2>/dev/null) "
    ";;\n"
    "    approved) names=$(\"${COMP_WORDS[0]}\" complete approved \"${folder[@]}\" 2>/dev/null) "
    ";;\n"
    "    esac\n"
    "    case $1 in\n"
    "    dir) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- \"$2\") ;;\n"
    "    file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- \"$2\") ;;\n"
    "    connector)\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$2\")\n"
    "        [ ${#COMPREPLY[@]} -gt 0 ] ||\n"
    "            { compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- \"$2\"); }\n"
    "        ;;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$2\") ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "# _fastenr_argument COMMAND COUNT WORD: an argument after so many others.\n"
    "_fastenr_argument() {\n"
    "    local places at=$2\n"
    "    read -ra places <<<\"$(_fastenr_places \"$1\")\"\n"
    "    [ \"${#places[@]}\" -gt 0 ] || return 0\n"
    "    if [ \"${places[-1]}\" = + ] && [ \"$at\" -ge $((${#places[@]} - 2)) ]; then\n"
    "        at=$((${#places[@]} - 2))\n"
    "    fi\n"
    "    [ \"$at\" -ge \"${#places[@]}\" ] || _fastenr_list \"${places[at]}\" \"$3\"\n"
    "}\n"
    "\n"
    "# _fastenr_command GROUP WORD: the next word of a command.\n"
    "_fastenr_command() {\n"
    "    local names='' name\n"
    "    for name in $_fastenr_commands; do\n"
    "        case $1/$name in\n"
    "        /*-*) names+=\" ${name%%-*}\" ;;\n"
    "        /*) names+=\" $name\" ;;\n"
    "        *) [ \"${name%%-*}\" != \"$1\" ] || names+=\" ${name#*-}\" ;;\n"
    "        esac\n"
    "    done\n"
    "    [ -n \"$1\" ] || names+=' help'\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$names\" -- \"$2\" | sort -u)\n"
    "}\n"
    "\n"
    "_fastenr() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command='' group='' connection='' count=0 i "
    "value=''\n"
    "    local -a folder=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        local this=${COMP_WORDS[i]}\n"
    "        if [ -n \"$value\" ]; then\n"
    "            # \"--name=value\" comes as three words\n"
    "            [ \"$this\" != = ] || continue\n"
    "            [ \"$value\" != dir ] || folder=(-c \"$this\")\n"
    "            [ \"$value\" != connection ] || connection=$this\n"
    "            value=''\n"
    "        elif [ \"${this:0:1}\" = - ]; then\n"
    "            value=$(_fastenr_value \"$command\" \"$this\")\n"
    "        elif [ -n \"$command\" ]; then\n"
    "            [ -n \"$connection\" ] || connection=$this\n"
    "            count=$((count + 1))\n"
    "        elif [ -n \"$group\" ]; then\n"
    "            command=$group-$this\n"
    "        elif [ \"$this\" = help ]; then\n"
    "            continue\n"
    "        elif [[ \" $_fastenr_commands \" == *\" $this \"* ]]; then\n"
    "            command=$this\n"
    "        else\n"
    "            group=$this\n"
    "        fi\n"
    "    done\n"
    "    if [ -n \"$value\" ]; then\n"
    "        [ \"$word\" != = ] || word=''\n"
    "        _fastenr_list \"$value\" \"$word\"\n"
    "    elif [ \"${word:0:1}\" = - ]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$(_fastenr_options \"$command\")\" -- "
    "\"$word\")\n"
    "    elif [ -n \"$command\" ]; then\n"
    "        _fastenr_argument \"$command\" \"$count\" \"$word\"\n"
    "    else\n"
    "        _fastenr_command \"$group\" \"$word\"\n"
    "    fi\n"
    "}\n"
    "complete -F _fastenr fastenr\n";

void complete_bash(struct buf *out)
{
    buf_text(out, "# bash completion for fastenr; generated from its table of commands.\n"
                  "# shellcheck shell=bash\n\n");
    write_commands(out);
    write_objects(out);
    write_options(out);
    write_values(out);
    write_places(out);
    buf_text(out, walk);
}
