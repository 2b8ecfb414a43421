/* SPDX-License-Identifier: Apache-2.0 */
#include "harm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scene scene;

static char refused_text[300], through_text[300];

static void add(char *text, size_t room, const char *what, const char *why)
{
    size_t used = strlen(text);
    if (used < room)
        snprintf(text + used, room - used, " %s%s", what, why);
}

void note(int refused, const char *what)
{
    if (refused)
        add(refused_text, sizeof refused_text, what, "");
    else
        add(through_text, sizeof through_text, what, "");
}

void attempt(const char *what, long rc)
{
    char why[32];
    int error = errno;
    if (rc >= 0)
        snprintf(why, sizeof why, "=%ld", rc);
    else
        snprintf(why, sizeof why, "=%s", strerrorname_np(error));
    if (rc < 0 && (error == EPERM || error == EACCES || error == ENOSYS))
        add(refused_text, sizeof refused_text, what, why);
    else
        add(through_text, sizeof through_text, what, why);
}

const char *attempts(void)
{
    static char text[700];
    if (through_text[0])
        snprintf(text, sizeof text, "GOT THROUGH:%s", through_text);
    else if (refused_text[0])
        snprintf(text, sizeof text, "refused:%s", refused_text);
    return text;
}

long number_of(const char *arg)
{
    return strtol(arg, NULL, 0);
}

struct fastenr_str text_of(const char *text)
{
    return (struct fastenr_str){text, strlen(text)};
}
