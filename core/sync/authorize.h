/* SPDX-License-Identifier: Apache-2.0 */
/* The code flow (RFC 6749 section 4.1, RFC 8252 section 7.3): a person consents in a browser, which
 * is then redirected to a listener of this machine; the code is exchanged for tokens and these are
 * kept. Turns the loop until it is over, so not to be called from a callback. */
#ifndef SYNC_AUTHORIZE_H
#define SYNC_AUTHORIZE_H

#include "plugin/image.h"
#include "sync/host.h"
#include "sync/setup.h"

struct authorize_request {
    uint16_t port;  /* of the redirect; 0: any free one */
    bool localhost; /* the redirect says localhost rather than 127.0.0.1 */
    int64_t timeout_us;
    const bool *stop; /* ends it early */
    /* Once, when the URL can be opened. */
    void (*ready)(void *arg, const char *url, const char *redirect);
    void *arg;
};

/* 0: the connection has tokens. `ret_scopes` gets what was granted, empty when not said. */
int authorize(struct sync_host *host, const struct setup *setup,
              const struct authorize_request *request, struct buf *ret_scopes, struct error *err);

/* Whose account the credential opens: "26482, app.hubspot.com". Starts the connector for it. */
int account_look(struct sync_host *host, const struct setup *setup, const struct image *image,
                 struct buf *ret_id, struct buf *ret_name, struct error *err);

#endif
