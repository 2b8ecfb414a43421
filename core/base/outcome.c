/* SPDX-License-Identifier: Apache-2.0 */
#include "base/outcome.h"

#include <stddef.h>

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {"ok",          "retry-after", "rate-limited",
                                        "auth-failed", "bad-config",  "bad-record",
                                        "gone",        "cancelled",   "failed"};
    return (size_t)outcome < sizeof names / sizeof names[0] ? names[outcome] : "unknown";
}
