/* SPDX-License-Identifier: Apache-2.0 */
/* Real companies from a CSV file (RFC 4180, header row): columns are found by their names. */
#ifndef SANDBOX_CSV_H
#define SANDBOX_CSV_H

#include <stddef.h>

/* Any text but the name may be NULL. */
struct csv_company {
    char *name, *domain, *industry, *city, *state;
};

struct csv_companies {
    struct csv_company *rows;
    size_t count, cap;
};

/* Reads at most `max` rows. 0, or -1 with a text for people in `error`. */
int csv_read(const char *path, size_t max, struct csv_companies *ret, char *error,
             size_t error_size);
void csv_free(struct csv_companies *companies);

#endif
