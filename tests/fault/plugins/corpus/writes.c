/* SPDX-License-Identifier: Apache-2.0 */
/* What a connector may say of rows that it was given, and what it may do in the middle of a write.
 * Its rows are w-1, w-2 and w-3. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harm.h"

harm_fn say_of_rows, say_without_end, post_and, emit_in_write;

extern fastenr_outcome failure;

static fastenr_outcome say(const char *write_id, fastenr_outcome outcome, const char *id)
{
    return scene.services->written(scene.host, text_of(write_id), outcome, text_of(id),
                                   text_of("words\n\033[2J"));
}

/* It goes on as if all were well: the host must know better. */
void say_of_rows(const char *lie)
{
    static char large[5000];
    memset(large, 'w', sizeof large - 1);
    say("w-1", FASTENR_OK, "1");
    if (strcmp(lie, "unasked") == 0)
        say("w-4", FASTENR_OK, "4");
    else if (strcmp(lie, "doubled") == 0)
        say("w-1", FASTENR_GONE, "1");
    else if (strcmp(lie, "junk") == 0)
        say("\xff\xfe\033[2J", FASTENR_OK, "4");
    else if (strcmp(lie, "long") == 0)
        say(large, FASTENR_OK, "4");
    else if (strcmp(lie, "no id") == 0)
        say("w-2", FASTENR_OK, "");
    else if (strcmp(lie, "outcome") == 0)
        say("w-2", FASTENR_AUTH_FAILED, "2");
    else
        say("w-2", 99, "2");
}

void say_without_end(const char *arg)
{
    (void)arg;
    for (;;)
        say("w-4", FASTENR_OK, "4");
}

static const struct fastenr_request request = {.size = sizeof request,
                                               .method = FASTENR_STR("POST"),
                                               .url = FASTENR_STR("https://vendor.test/"),
                                               .body = FASTENR_STR("{}")};

/* The vendor has the request then. */
void post_and(const char *what)
{
    static const struct fastenr_written spec = {
        .size = sizeof spec, .rows = FASTENR_STR("results"), .write_id = FASTENR_STR("id")};
    struct fastenr_response response = {0};
    uint32_t count;
    failure = scene.services->http(scene.host, &request, &response);
    if (strcmp(what, "crash") == 0)
        abort();
    for (volatile int busy = 1; busy && strcmp(what, "hang") == 0;)
        continue;
    note(scene.services->emit_written(scene.host, response.handle, &spec, &count) != FASTENR_OK,
         "emit_written");
    note(scene.services->emit_written(scene.host, response.handle + 7, &spec, &count) != FASTENR_OK,
         "emit_written");
}

/* What belongs to a read. */
void emit_in_write(const char *arg)
{
    const struct fastenr_record record = {
        .size = sizeof record, .id = FASTENR_STR("1"), .fields = FASTENR_STR("{}")};
    (void)arg;
    scene.services->emit_record(scene.host, &record);
    scene.services->checkpoint(scene.host, text_of("here"));
}
