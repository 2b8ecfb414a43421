/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ask.h"

#include <stdio.h>

#include "cli/out.h"

bool ask_yes(const char *question)
{
    char answer[16] = "";
    out_printf(&std_out, "\n%s [y/N] ", question);
    out_flush(&std_out);
    if (!fgets(answer, sizeof answer, stdin))
        return false;
    struct str word = str_trim(str_from(answer));
    return str_eq_nocase(word, STR("y")) || str_eq_nocase(word, STR("yes"));
}
