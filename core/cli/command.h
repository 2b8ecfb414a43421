/* SPDX-License-Identifier: Apache-2.0 */
/* What a command is: one table entry, from which its options are parsed and its help is written. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"

struct app;
struct arguments;

enum { EXIT_DONE = 0, EXIT_WORK_FAILED = 1, EXIT_USAGE = 2 };

struct command_option {
    const char *name;  /* without its dashes */
    char letter;       /* 0: none */
    const char *value; /* what stands for its value in the help; NULL: a flag */
    const char *help;
};

struct command {
    const char *name; /* one word, or two: "quarantine list" */
    const char *group;
    const char *arguments; /* as in the usage line; "" for none */
    const char *summary;   /* for the list of commands */
    const char *text;      /* what it does, a few lines */
    const char *example;
    const char *json; /* help of --json; NULL: it has none */
    bool hidden;      /* for programs: no help lists it */
    size_t least_words, most_words;
    const struct command_option *options; /* ends with a NULL name */
    int (*run)(struct app *app, const struct arguments *args);
};

extern const struct command *const commands[]; /* ends with NULL */

/* The i-th option that a command takes, those of all commands first; NULL after the last. Of no
 * command: what may stand before one. */
const struct command_option *command_option_at(const struct command *command, size_t i);

enum { OPTIONS_MOST = 32, WORDS_MOST = 128 };

struct arguments {
    const struct command *command; /* NULL: none was named */
    const char *group;             /* "quarantine" when its second word is missing */
    bool help, version;
    const char *words[WORDS_MOST];
    size_t word_count;
    struct {
        const struct command_option *option;
        const char *value;
    } options[OPTIONS_MOST];
    size_t option_count;
};

/* -1 with what is wrong and what was probably meant. */
int arguments_parse(char *const *argv, struct arguments *ret_args, struct error *err);

bool argument_given(const struct arguments *args, const char *name);
/* The last value given; NULL: none. */
const char *argument_value(const struct arguments *args, const char *name);
/* A whole number from `least` up; -1 with a sentence. Absent: leaves *ret_value. */
int argument_number(const struct arguments *args, const char *name, int64_t least,
                    int64_t *ret_value, struct error *err);

/* ---- help, on standard output ---- */

struct help_line {
    const char *name, *text;
};

/* What fastenr is; where to begin; the exit statuses. The tables end with a NULL name. */
extern const char help_about[];
extern const struct help_line help_steps[], help_exits[];

void help_write_all(void);
void help_write_group(const char *group);
void help_write(const struct command *command);

#endif
