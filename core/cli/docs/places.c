/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs/complete.h"

#include <string.h>

void command_joined(struct buf *out, const struct command *command, char between)
{
    for (const char *p = command->name; *p; p++)
        buf_char(out, *p == ' ' ? between : *p);
}

bool command_begins_group(size_t i, char ret_group[GROUP_MOST])
{
    const char *name = commands[i]->name;
    size_t len = strcspn(name, " ");
    if (name[len] != ' ' || len >= GROUP_MOST)
        return false;
    memcpy(ret_group, name, len);
    ret_group[len] = '\0';
    return i == 0 || strncmp(commands[i - 1]->name, name, len + 1) != 0;
}

struct named_place {
    const char *name;
    enum place place;
};

static enum place find(const struct named_place *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(name, names[i].name))
            return names[i].place;
    return PLACE_NONE;
}

static enum place argument_place(struct str name, bool after_connection)
{
    static const struct named_place names[] = {
        {"CONNECTION", PLACE_CONNECTION},    {"OBJECT", PLACE_OBJECT},
        {"PLUGIN.so|NAME", PLACE_CONNECTOR}, {"CONNECTOR", PLACE_CONNECTOR},
        {"CONNECTOR_ID", PLACE_APPROVED},    {"FILE", PLACE_FILE}};
    enum place place = find(names, sizeof names / sizeof names[0], name);
    return place == PLACE_OBJECT && after_connection ? PLACE_VENDOR_OBJECT : place;
}

struct places places_of(const struct command *command)
{
    struct places p = {0};
    const char *at = command->arguments;
    bool after_connection = false;
    while (*at && p.count < PLACES_MOST) {
        struct str word = {at, strcspn(at, " ")};
        at += word.len;
        at += strspn(at, " ");
        if (str_starts(word, "["))
            word = str_slice(word, 1, word.len - 2);
        p.repeats = str_ends(word, "...");
        if (p.repeats)
            word.len -= 3;
        p.kinds[p.count] = argument_place(word, after_connection);
        after_connection = after_connection || p.kinds[p.count] == PLACE_CONNECTION;
        p.count++;
    }
    return p;
}

enum place place_of_value(const struct command_option *option)
{
    static const struct named_place names[] = {
        {"config", PLACE_DIR}, {"connection", PLACE_CONNECTION}, {"object", PLACE_VENDOR_OBJECT}};
    return option->value ? find(names, sizeof names / sizeof names[0], str_from(option->name))
                         : PLACE_NONE;
}
