/* SPDX-License-Identifier: Apache-2.0 */
/* The neighbour of the corpus: a connector that behaves, with records enough that it reads all the
 * while. They are numbered, so that a lost one and one out of its place show. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fastenr/connector.h"

enum { RECORDS_A_ROUND = 20, ROUND_MS = 50 };

static const struct fastenr_option options[] = {
    {.name = FASTENR_STR("rounds"), .type = FASTENR_OPTION_STRING, .help = FASTENR_STR("-")}};
static const struct fastenr_mapping mapping[] = {
    {.to = FASTENR_STR("email"), .from = FASTENR_STR("mail")}};
static const struct fastenr_object objects[] = {{.name = FASTENR_STR("people"),
                                                 .label = FASTENR_STR("People"),
                                                 .canonical = FASTENR_STR("contact"),
                                                 .key = FASTENR_STR("id"),
                                                 .mapping = FASTENR_TABLE(mapping)}};

static fastenr_outcome read_rounds(void);

#define FIXTURE_ID      "com.fastenr.test.steady"
#define FIXTURE_OPTIONS options
#define FIXTURE_OBJECTS objects
#define WHEN_READ       return read_rounds()
#include "fixture.h"

static fastenr_outcome emit(long number)
{
    char id[16], fields[64];
    int id_len = snprintf(id, sizeof id, "%06ld", number);
    int len = snprintf(fields, sizeof fields, "{\"mail\":\"n%06ld@steady.test\"}", number);
    const struct fastenr_record record = {
        .size = sizeof record, .id = {id, (uint64_t)id_len}, .fields = {fields, (uint64_t)len}};
    return services->emit_record(host, &record);
}

static fastenr_outcome read_rounds(void)
{
    static const struct timespec pause = {.tv_nsec = ROUND_MS * 1000000L};
    static const struct fastenr_str name = FASTENR_STR("rounds");
    struct fastenr_str rounds;
    long number = 0;
    if (services->option(host, name, &rounds) != FASTENR_OK)
        return FASTENR_BAD_CONFIG;
    for (long left = strtol(rounds.ptr, NULL, 10); left > 0; left--) {
        for (int i = 0; i < RECORDS_A_ROUND; i++)
            if (emit(++number) != FASTENR_OK)
                return FASTENR_FAILED;
        fastenr_outcome outcome = services->checkpoint(host, rounds);
        if (outcome != FASTENR_OK)
            return outcome;
        nanosleep(&pause, NULL);
    }
    return FASTENR_OK;
}
