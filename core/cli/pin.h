/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator approves of a connector: its file, and what it asks for. */
#ifndef CLI_PIN_H
#define CLI_PIN_H

#include "config/settings.h"
#include "plugin/registry.h"

/* The texts are some arena's. */
struct pin {
    struct str id, version;
    struct str sha256;       /* of the file, in hexadecimal */
    struct text_list hosts;  /* that it may reach */
    struct text_list oauth;  /* URLs of consent and of tokens */
    struct text_list secret; /* "private_app.token": credentials of a connection */
    struct text_list option; /* "page_size: int" */
};

/* Of a connector that described itself; the hash is that of the sealed copy which then runs. */
struct pin pin_of(const struct connector_info *info, struct arena *arena);

/* One difference. `before` has no ptr for what came, `now` has none for what went. */
struct pin_change {
    const char *part; /* "host", "OAuth URL", "credential", "option", "version", "sha256" */
    struct str before, now;
};

struct pin_changes {
    struct pin_change *items;
    size_t count, cap;
};

/* What it asks for first, its hash last; the order within lists is no difference. A zeroed `before`
 * gives all of `now`. */
struct pin_changes pin_compare(const struct pin *before, const struct pin *now,
                               struct arena *arena);

/* "it asks for a new host: api.example.com; its version is 1.1, approved was 1.0". What does not
 * fit is counted. */
void pin_write_changes(struct buf *out, const struct pin_changes *changes);

#endif
