/* SPDX-License-Identifier: Apache-2.0 */
/* truth_compare [--last-run] DATABASE COMPANIES.ndjson CONTACTS.ndjson [DEALS.ndjson ...], in the
 * order of truth_object: 0 equal, 1 not, 2 cannot tell. */
#include "truth.h"

#include <string.h>

static int open_all(int count, char **names, FILE **ret_files)
{
    for (int i = 0; i < count; i++) {
        ret_files[i] = fopen(names[i], "r");
        if (!ret_files[i]) {
            perror(names[i]);
            return -1;
        }
    }
    return 0;
}

static void tell(const struct truth_report *report, int count, int rc)
{
    for (int i = 0; i < count; i++)
        printf("%ld %s, ", report->records[i], truth_object((size_t)i));
    printf("%ld in quarantine: %s\n", report->quarantined,
           rc == 0 ? "the store equals the truth" : "the store differs from the truth");
}

int main(int argc, char **argv)
{
    struct truth_report report;
    FILE *truths[TRUTH_OBJECTS] = {NULL};
    int flags = 0, rc = 2;
    if (argc > 1 && strcmp(argv[1], "--last-run") == 0) {
        flags = TRUTH_LAST_RUN;
        argv++;
        argc--;
    }
    int count = argc - 2;
    if (count < 1 || count > TRUTH_OBJECTS) {
        fprintf(stderr, "Usage: truth_compare [--last-run] DATABASE COMPANIES.ndjson "
                        "CONTACTS.ndjson [DEALS.ndjson ...]\n");
        return 2;
    }
    if (open_all(count, argv + 2, truths) == 0)
        rc = truth_compare(argv[1], truths, flags, &report, stderr);
    if (rc != 2)
        tell(&report, count, rc);
    for (int i = 0; i < count; i++)
        if (truths[i])
            fclose(truths[i]);
    return rc;
}
