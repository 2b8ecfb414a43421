/* SPDX-License-Identifier: Apache-2.0 */
/* What the connector idle could become: the same name, another host, an option more. It ends with a
 * signal when it gets further than describing itself. */
#include <stdlib.h>

#include "fastenr/connector.h"

static const struct fastenr_option asks_more[] = {{.name = FASTENR_STR("tenant"),
                                                   .type = FASTENR_OPTION_STRING,
                                                   .help = FASTENR_STR("whose things")}};

#define FIXTURE_OPTIONS asks_more
#define FIXTURE_HOST    "api.evil.example"
#define WHEN_CREATED    abort()
#include "fixture.h"
