/* SPDX-License-Identifier: Apache-2.0 */
/* OAuth 2 (RFC 6749) as texts: the URL that a person opens, the forms of token requests, and what a
 * token endpoint answers. Sending and keeping is sync/token.h's business. */
#ifndef NET_OAUTH_H
#define NET_OAUTH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/world.h"

enum {
    OAUTH_FORM_MAX = 32 * 1024,
    OAUTH_URL_MAX = 16 * 1024,
    OAUTH_TOKEN_MAX = 8 * 1024, /* of one token */
    OAUTH_SCOPES_MAX = 8 * 1024,
    OAUTH_RANDOM = 44 /* 32 random bytes as base64url, and a NUL */
};

/* An answer which says that the refresh token is dead; beside "error":"invalid_grant". */
struct oauth_dead_rule {
    int status;
    struct str path, equals;
};

/* A client of an authorization server. Borrowed. */
struct oauth_client {
    struct str authorize_url, token_url;
    struct str id, secret;
    struct str scopes, optional_scopes; /* as they are sent: with the vendor's separator */
    bool pkce;
    const struct oauth_dead_rule *dead;
    size_t dead_count;
};

/* 32 random bytes as text: a state, a code verifier. */
void oauth_random(struct world *world, char out[OAUTH_RANDOM]);

/* BASE64URL(SHA256(verifier)), RFC 7636 section 4.2. */
int oauth_challenge(const char *verifier, char out[OAUTH_RANDOM]);

/* The URL for the person. `challenge` NULL: without PKCE. */
void oauth_authorize_url(struct buf *out, const struct oauth_client *client,
                         const char *redirect_uri, const char *state, const char *challenge);

/* Bodies of token requests; they hold secrets. `verifier` NULL: without PKCE. */
void oauth_code_form(struct buf *out, const struct oauth_client *client, struct str code,
                     const char *redirect_uri, const char *verifier);
void oauth_refresh_form(struct buf *out, const struct oauth_client *client, struct str refresh);

struct oauth_grant {
    struct str access, refresh; /* refresh: empty when the answer has none: the old one stays */
    int64_t lifetime_us;        /* 0: not said */
    struct str scopes;          /* with spaces; empty: not said */
};

enum oauth_verdict {
    OAUTH_GRANTED,
    OAUTH_DEAD,    /* the refresh token (or the code) is refused for good */
    OAUTH_REFUSED, /* the client is: a person must correct id or secret */
    OAUTH_PASSING, /* a fault of the vendor or the network: later */
    OAUTH_STRANGE  /* no answer that one can use */
};

/* What an answer means; the texts of the grant and *ret_why, which never holds a token, are the
 * arena's. */
enum oauth_verdict oauth_read_answer(const struct oauth_client *client, int status, struct str body,
                                     struct arena *arena, struct oauth_grant *ret_grant,
                                     const char **ret_why);

/* Whether `scopes`, words with spaces between them, has this one. */
bool oauth_has_scope(struct str scopes, struct str scope);

#endif
