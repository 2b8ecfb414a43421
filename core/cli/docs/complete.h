/* SPDX-License-Identifier: Apache-2.0 */
/* Completion scripts of shells, from the table of commands. */
#ifndef CLI_DOCS_COMPLETE_H
#define CLI_DOCS_COMPLETE_H

#include "base/buf.h"
#include "cli/command.h"

/* What stands in a place of the command line. */
enum place {
    PLACE_NONE, /* nothing that could be listed */
    PLACE_CONNECTION,
    PLACE_VENDOR_OBJECT, /* of the connection named before */
    PLACE_OBJECT,        /* of the model */
    PLACE_CONNECTOR,     /* its name, or a file */
    PLACE_APPROVED,      /* id of one that plugins.lock has */
    PLACE_FILE,
    PLACE_DIR
};

enum { PLACES_MOST = 4 };

struct places {
    enum place kinds[PLACES_MOST];
    size_t count;
    bool repeats; /* the last one */
};

/* A command's name as one word: "quarantine-list". */
void command_joined(struct buf *out, const struct command *command, char between);

enum { GROUP_MOST = 32 };

/* Whether the i-th command is the first of those of two words that begin with the same one, which
 * is given. */
bool command_begins_group(size_t i, char ret_group[GROUP_MOST]);

/* Of a command's arguments, as its usage line names them. */
struct places places_of(const struct command *command);
/* Of an option's value. */
enum place place_of_value(const struct command_option *option);

void complete_bash(struct buf *out);
void complete_zsh(struct buf *out);
void complete_fish(struct buf *out);

#endif
