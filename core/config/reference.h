/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_REFERENCE_H
#define CONFIG_REFERENCE_H

#include "base/buf.h"

/* docs/configuration.md: every setting of fastenr.conf and of connection files, from the tables
 * that read them. */
void reference_write(struct buf *out);

#endif
