/* SPDX-License-Identifier: Apache-2.0 */
/* What all runs of one host share; main makes it, and everything here only borrows it. */
#ifndef SYNC_HOST_H
#define SYNC_HOST_H

#include "net/budget.h"
#include "net/transport.h"
#include "plugin/worker.h"
#include "store/seal.h"
#include "store/store.h"

struct token;

struct sync_host {
    struct world *world;
    struct transport *transport;
    struct carrier *carrier;
    struct store *store; /* while runs are under way the store executor's alone; NULL where nothing
                            is kept (preview, test) */
    const struct keyring *keys; /* that secrets are sealed with; NULL: none */
    struct token *tokens;       /* of OAuth connections that are in use, see token.h */
    struct budgets budgets;
    struct worker_limits limits;
    struct uuid organization;
    bool strict_jail; /* start no connector when a layer of the jail is missing */
};

#endif
