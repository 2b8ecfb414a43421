/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test program shares: a table of tests, and main. */
#ifndef UNIT_H
#define UNIT_H

#include <CUnit/CUnit.h>

struct unit_test {
    const char *name;
    void (*run)(void);
};

/* Defined by each test program. */
extern const char *const unit_suite;
extern const struct unit_test unit_tests[]; /* ends with a NULL name */

/* Asserts that two texts are equal and shows both when they are not. */
#define UNIT_TEXT(actual, expected) unit_text((actual), (expected), __FILE__, __LINE__)
void unit_text(const char *actual, const char *expected, const char *file, int line);

#endif
