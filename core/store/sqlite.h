/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/store.h"

struct store *sqlite_open(const char *path, struct world *world, struct error *err);

#endif
