/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"

#include <string.h>

static const struct command_option config_option = {
    "config", 'c', "DIR",
    "folder with fastenr.conf and the connections; by default $FASTENR_CONF, else ./conf.d, else "
    "/etc/fastenr"};
static const struct command_option help_option = {"help", 'h', NULL, "this text"};
static const struct command_option version_option = {"version", 0, NULL, "the version"};
static const struct command_option json_option = {"json", 0, NULL, "JSON instead of text"};

/* ---- finding a command ---- */

static size_t first_word(const char *name)
{
    return strcspn(name, " ");
}

/* The first words of all commands that are for people, each once. */
static size_t list_names(const char *names[WORDS_MOST], char room[WORDS_MOST][32])
{
    size_t count = 0;
    for (size_t i = 0; commands[i] && count < WORDS_MOST; i++) {
        size_t len = first_word(commands[i]->name);
        if (commands[i]->hidden)
            continue;
        if (count > 0 && strlen(names[count - 1]) == len &&
            memcmp(names[count - 1], commands[i]->name, len) == 0)
            continue;
        memcpy(room[count], commands[i]->name, len);
        room[count][len] = '\0';
        names[count] = room[count];
        count++;
    }
    return count;
}

static int unknown_command(const char *word, struct error *err)
{
    char room[WORDS_MOST][32];
    const char *names[WORDS_MOST];
    const char *nearest = str_nearest(str_from(word), names, list_names(names, room));
    if (nearest)
        return error_set(err, "there is no command '%.60s'; did you mean '%s'?", word, nearest);
    return error_set(err, "there is no command '%.60s'; `fastenr --help` lists them", word);
}

static int unknown_second(const char *first, const char *second, struct error *err)
{
    const char *names[WORDS_MOST];
    size_t count = 0, len = strlen(first);
    char list[200] = "";
    for (size_t i = 0; commands[i] && count < WORDS_MOST; i++)
        if (strncmp(commands[i]->name, first, len) == 0 && commands[i]->name[len] == ' ') {
            names[count] = commands[i]->name + len + 1;
            strncat(list, count > 0 ? ", " : "", sizeof list - strlen(list) - 1);
            strncat(list, names[count++], sizeof list - strlen(list) - 1);
        }
    const char *nearest = str_nearest(str_from(second), names, count);
    if (nearest)
        return error_set(err, "'%s' has no command '%.60s'; did you mean '%s %s'?", first, second,
                         first, nearest);
    return error_set(err, "'%s' has no command '%.60s'; it has: %s", first, second, list);
}

/* The command named by a word, or the first one of a group of two-word commands. */
static const struct command *find_first(const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; commands[i]; i++)
        if (first_word(commands[i]->name) == len && memcmp(commands[i]->name, word, len) == 0)
            return commands[i];
    return NULL;
}

static const struct command *find_second(const char *first, const char *second)
{
    size_t len = strlen(first);
    for (size_t i = 0; commands[i]; i++)
        if (strncmp(commands[i]->name, first, len) == 0 && commands[i]->name[len] == ' ' &&
            strcmp(commands[i]->name + len + 1, second) == 0)
            return commands[i];
    return NULL;
}

/* A word that may be the command, its second word, or an argument. */
static int take_word(struct arguments *args, const char *word, struct error *err)
{
    if (args->command) {
        if (args->word_count == WORDS_MOST)
            return error_set(err, "more than %d arguments", WORDS_MOST);
        args->words[args->word_count++] = word;
        return 0;
    }
    if (args->group) {
        args->command = find_second(args->group, word);
        return args->command ? 0 : unknown_second(args->group, word, err);
    }
    if (strcmp(word, "help") == 0) {
        args->help = true;
        return 0;
    }
    const struct command *found = find_first(word);
    if (!found)
        return unknown_command(word, err);
    if (strchr(found->name, ' '))
        args->group = word;
    else
        args->command = found;
    return 0;
}

/* ---- options ---- */

const struct command_option *command_option_at(const struct command *command, size_t i)
{
    const struct command_option *common[] = {&config_option, &help_option, &version_option};
    if (i < 3)
        return common[i];
    i -= 3;
    if (!command || command->json) {
        if (i == 0)
            return &json_option;
        i--;
    }
    if (!command || !command->options)
        return NULL;
    for (const struct command_option *o = command->options; o->name; o++)
        if (i-- == 0)
            return o;
    return NULL;
}

static const struct command_option *option_at(const struct arguments *args, size_t i)
{
    return command_option_at(args->command, i);
}

static int unknown_option(const struct arguments *args, struct str name, struct error *err)
{
    const char *names[OPTIONS_MOST];
    const struct command_option *option;
    const char *where = args->command ? args->command->name : "";
    size_t count = 0;
    for (; count < OPTIONS_MOST && (option = option_at(args, count)); count++)
        names[count] = option->name;
    const char *nearest = str_nearest(name, names, count);
    if (nearest)
        return error_set(err, "'%s' has no option '--%.*s'; did you mean '--%s'?",
                         *where ? where : "fastenr", STR_ARG(name), nearest);
    return error_set(err, "'%s' has no option '--%.*s'; `fastenr %s%s--help` lists them",
                     *where ? where : "fastenr", STR_ARG(name), where, *where ? " " : "");
}

static int keep_option(struct arguments *args, const struct command_option *option,
                       const char *value, struct error *err)
{
    if (option == &help_option)
        args->help = true;
    else if (option == &version_option)
        args->version = true;
    if (args->option_count == OPTIONS_MOST)
        return error_set(err, "more than %d options", OPTIONS_MOST);
    args->options[args->option_count].option = option;
    args->options[args->option_count++].value = value;
    return 0;
}

/* "--name", "--name=value", "--name value"; moves *argv past a value of its own. */
static int take_long(struct arguments *args, char *const **argv, struct error *err)
{
    const char *text = **argv + 2, *equals = strchr(text, '=');
    struct str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    const struct command_option *option = NULL;
    for (size_t i = 0; (option = option_at(args, i)); i++)
        if (str_is(name, option->name))
            break;
    if (!option)
        return unknown_option(args, name, err);
    if (!option->value && equals)
        return error_set(err, "--%s takes no value", option->name);
    if (!option->value || equals)
        return keep_option(args, option, equals ? equals + 1 : NULL, err);
    if (!(*argv)[1])
        return error_set(err, "--%s needs a value: --%s %s", option->name, option->name,
                         option->value);
    return keep_option(args, option, *++*argv, err);
}

/* "-c DIR", "-cDIR", "-h". */
static int take_short(struct arguments *args, char *const **argv, struct error *err)
{
    const char *text = **argv + 1;
    const struct command_option *option = NULL;
    for (size_t i = 0; (option = option_at(args, i)); i++)
        if (option->letter == *text)
            break;
    if (!option)
        return error_set(err, "'%s' has no option '-%.20s'; `fastenr %s%s--help` lists them",
                         args->command ? args->command->name : "fastenr", text,
                         args->command ? args->command->name : "", args->command ? " " : "");
    if (!option->value)
        return text[1] ? error_set(err, "write '-%c' alone, not '-%.20s'", *text, text)
                       : keep_option(args, option, NULL, err);
    if (text[1])
        return keep_option(args, option, text + 1, err);
    if (!(*argv)[1])
        return error_set(err, "-%c needs a value: -%c %s", *text, *text, option->value);
    return keep_option(args, option, *++*argv, err);
}

static int check_words(const struct arguments *args, struct error *err)
{
    const struct command *c = args->command;
    if (!c || args->help || args->version)
        return 0;
    if (args->word_count < c->least_words)
        return error_set(err, "'%s' needs %s: fastenr %s %s", c->name,
                         c->least_words == 1 ? "an argument" : "more arguments", c->name,
                         c->arguments);
    if (args->word_count > c->most_words)
        return error_set(err, "'%.60s' is one argument too many: fastenr %s%s%s",
                         args->words[c->most_words], c->name, *c->arguments ? " " : "",
                         c->arguments);
    if (argument_given(args, "json") && !c->json)
        return error_set(err, "'%s' has no option '--json'", c->name);
    return 0;
}

int arguments_parse(char *const *argv, struct arguments *ret_args, struct error *err)
{
    bool words_only = false;
    *ret_args = (struct arguments){0};
    for (; *argv; argv++) {
        int rc;
        if (words_only || (*argv)[0] != '-' || (*argv)[1] == '\0')
            rc = take_word(ret_args, *argv, err);
        else if (strcmp(*argv, "--") == 0)
            rc = 0, words_only = true;
        else if ((*argv)[1] == '-')
            rc = take_long(ret_args, &argv, err);
        else
            rc = take_short(ret_args, &argv, err);
        if (rc != 0)
            return -1;
    }
    return check_words(ret_args, err);
}

bool argument_given(const struct arguments *args, const char *name)
{
    for (size_t i = 0; i < args->option_count; i++)
        if (strcmp(args->options[i].option->name, name) == 0)
            return true;
    return false;
}

const char *argument_value(const struct arguments *args, const char *name)
{
    for (size_t i = args->option_count; i-- > 0;)
        if (strcmp(args->options[i].option->name, name) == 0)
            return args->options[i].value;
    return NULL;
}

int argument_number(const struct arguments *args, const char *name, int64_t least,
                    int64_t *ret_value, struct error *err)
{
    const char *text = argument_value(args, name);
    int64_t value;
    if (!text)
        return 0;
    if (!str_to_i64(str_from(text), &value) || value < least)
        return error_set(err, "--%s must be a whole number from %lld up, not '%.40s'", name,
                         (long long)least, text);
    *ret_value = value;
    return 0;
}
