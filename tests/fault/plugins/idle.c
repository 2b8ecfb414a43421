/* SPDX-License-Identifier: Apache-2.0 */
/* Does nothing wrong. */
#include "fixture.h"
