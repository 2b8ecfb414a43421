/* SPDX-License-Identifier: Apache-2.0 */
/* Times as int64 microseconds since 1970-01-01T00:00:00Z, and their texts. Nothing here asks a
 * clock. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include "base/str.h"

#define US_PER_MS     INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR   (60 * US_PER_MINUTE)
#define US_PER_DAY    (24 * US_PER_HOUR)

/* Times outside the years 1 to 9999 are refused everywhere. */
#define TIME_MIN_US (INT64_C(-62135596800) * US_PER_SECOND)
#define TIME_MAX_US (INT64_C(253402300800) * US_PER_SECOND - 1)

struct civil {
    int64_t year;
    int month, day; /* 1..12, 1..31 */
    int hour, minute, second, microsecond;
    int weekday; /* 0 is Sunday */
};

struct civil time_civil(int64_t us);

int time_days_in_month(int64_t year, int month);

/* False when the date does not exist. */
bool time_from_civil(const struct civil *c, int64_t *ret_us);

/* RFC 3339 date-time ("2026-01-02T03:04:05.678Z", any offset, also "+0000"), or a bare date. */
bool time_parse_rfc3339(struct str text, int64_t *ret_us);

/* "2026-01-02" to days since 1970-01-01. */
bool time_parse_date(struct str text, int64_t *ret_days);

/* RFC 9110 section 5.6.7, the preferred form: "Sun, 06 Nov 1994 08:49:37 GMT". */
bool time_parse_http_date(struct str text, int64_t *ret_us);

enum { TIME_TEXT = 32 };

/* "2026-01-02T03:04:05Z"; with fractions of 3 or 6 digits where there are any. */
const char *time_format(int64_t us, char out[TIME_TEXT]);
const char *time_format_date(int64_t days, char out[TIME_TEXT]);
const char *time_format_http(int64_t us, char out[TIME_TEXT]);

/* "1.2 s", "3 min 20 s", "2 h 5 min" for people. */
const char *time_format_span(int64_t us, char out[TIME_TEXT]);

/* "250ms", "90s", "5m", "12h", "7d" to microseconds. */
bool time_parse_span(struct str text, int64_t *ret_us);

#endif
