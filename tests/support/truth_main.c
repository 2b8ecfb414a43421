/* SPDX-License-Identifier: Apache-2.0 */
/* truth_compare [--last-run] DATABASE COMPANIES.ndjson CONTACTS.ndjson: 0 equal, 1 not, 2 cannot
 * tell. */
#include "truth.h"

#include <string.h>

int main(int argc, char **argv)
{
    struct truth_report report;
    int flags = 0;
    if (argc == 5 && strcmp(argv[1], "--last-run") == 0) {
        flags = TRUTH_LAST_RUN;
        argv++;
        argc--;
    }
    if (argc != 4) {
        fprintf(stderr,
                "Usage: truth_compare [--last-run] DATABASE COMPANIES.ndjson CONTACTS.ndjson\n");
        return 2;
    }
    FILE *companies = fopen(argv[2], "r"), *contacts = fopen(argv[3], "r");
    int rc = 2;
    if (!companies || !contacts)
        perror(companies ? argv[3] : argv[2]);
    else
        rc = truth_compare(argv[1], companies, contacts, flags, &report, stderr);
    if (companies)
        fclose(companies);
    if (contacts)
        fclose(contacts);
    if (rc != 2)
        printf("%ld companies, %ld contacts, %ld in quarantine: %s\n", report.companies,
               report.contacts, report.quarantined,
               rc == 0 ? "the store equals the truth" : "the store differs from the truth");
    return rc;
}
