/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access token of an OAuth connection while it is in use: read from the store, refreshed before
 * it expires and once on a 401, sealed and committed before it is used.
 *
 * However many requests wait, one refresh is under way. Another host may refresh too: the store is
 * read again before each refresh, and written only where nobody wrote in between. A refresh token
 * that the vendor refuses is tried once more (the vendor may have rotated it, and the host died
 * before the new one was committed); then the connection has the problem "reconnect" in the store,
 * until `fastenr connect`.
 */
#ifndef SYNC_TOKEN_H
#define SYNC_TOKEN_H

#include "store/secret.h"
#include "sync/host.h"
#include "sync/setup.h"

/* The name of the secret in the store. */
#define TOKEN_SECRET STR("oauth")

/* The token of a connection that has setup->oauth, shared by all who use it at a time. What it
 * needs of the setup is copied. */
struct token *token_open(struct sync_host *host, const struct setup *setup);
struct credential_source *token_source(struct token *token);

/* What was granted, with spaces; empty: not known (yet). */
struct str token_scopes(const struct token *token);

/* A refresh that is under way goes on: what the vendor has issued must not be lost. NULL is
 * allowed. */
void token_close(struct token *token);

/* Before the loop or the transport ends: turns the loop until all that were closed are done, at
 * most half a minute. */
void tokens_finish(struct sync_host *host);

/* As when the host dies: nothing is finished. For tests. */
void tokens_abandon(struct sync_host *host);

/* Seals and commits what a person has just consented to, and the problem is gone. Not while runs
 * are under way. */
int token_save(struct sync_host *host, struct str connection, const struct oauth_grant *grant,
               struct error *err);

/* A form to the token endpoint; `form` and the client are borrowed. */
struct client_request token_request(const struct oauth_client *oauth, const struct buf *form,
                                    bool safe);

/* The policy of requests to the token endpoint; the arena owns what is not the setup's. */
void token_policy(const struct setup *setup, struct client_policy *ret_policy, struct arena *arena);

#endif
