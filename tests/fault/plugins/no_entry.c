/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no connector. */
#include "fastenr/connector.h"

FASTENR_EXPORT int something_else(void);
FASTENR_EXPORT int something_else(void)
{
    return 0;
}
