/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that came, one JSON object a line, to be sent again elsewhere. */
#ifndef SANDBOX_RECORD_H
#define SANDBOX_RECORD_H

#include <microhttpd.h>
#include <stdio.h>

#include "sandbox.h"

/* {"method","target","headers":{...},"body"}, flushed. Credentials are left out; requests to the
 * control door are none of the vendor's. 0, or -1 with errno. */
int record_request(FILE *out, struct MHD_Connection *connection,
                   const struct sandbox_request *request);

#endif
