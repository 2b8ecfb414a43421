/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a person on the terminal. */
#ifndef CLI_ASK_H
#define CLI_ASK_H

#include <stdbool.h>

/* Asks after what was written; anything but yes is no. Only where standard input is a terminal. */
bool ask_yes(const char *question);

#endif
