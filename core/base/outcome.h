/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_OUTCOME_H
#define BASE_OUTCOME_H

/* What an operation or a request came to; the values are those of the SDK's outcomes. */
enum outcome {
    OUTCOME_OK = 0,
    OUTCOME_RETRY_AFTER = 1,
    OUTCOME_RATE_LIMITED = 2,
    OUTCOME_AUTH_FAILED = 3,
    OUTCOME_BAD_CONFIG = 4,
    OUTCOME_BAD_RECORD = 5,
    OUTCOME_GONE = 6,
    OUTCOME_CANCELLED = 7,
    OUTCOME_FAILED = 8
};

const char *outcome_name(enum outcome outcome);

#endif
