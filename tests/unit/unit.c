/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

void unit_text(const char *actual, const char *expected, const char *file, int line)
{
    int equal = actual && strcmp(actual, expected) == 0;
    if (!equal)
        fprintf(stderr, "\n%s:%d:\n  expected: %s\n  actual:   %s\n", file, line, expected,
                actual ? actual : "(null)");
    CU_ASSERT(equal);
}

int main(void)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite(unit_suite, NULL, NULL);
    for (const struct unit_test *t = unit_tests; suite && t->name; t++)
        if (!CU_add_test(suite, t->name, t->run))
            suite = NULL;
    if (!suite) {
        fprintf(stderr, "%s: %s\n", unit_suite, CU_get_error_msg());
        return 2;
    }
    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_basic_run_tests();
    unsigned failed = CU_get_number_of_failures() + CU_get_number_of_tests_failed();
    unsigned run = CU_get_number_of_asserts();
    CU_cleanup_registry();
    return failed == 0 && run > 0 ? 0 : 1;
}
