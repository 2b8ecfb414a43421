/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jail, put on from inside the worker, before a byte of a connector runs.
 *
 * Stage one: no new privileges, no core dumps, own user and network namespace where the kernel
 * allows it, not root, rlimits, Landlock (reading and executing below the library folders, nothing
 * else), seccomp (dlopen's calls; no socket, no thread, no process). In it constructors, IFUNC
 * resolvers and libraries run. Stage two takes opening files and mapping code away as well. A
 * constructor that tampers with stage two gains only what stage one let it do anyway.
 */
#ifndef WORKER_JAIL_H
#define WORKER_JAIL_H

#include <stdint.h>

#include "base/error.h"

/* Returns the JAIL_* layers that hold. Fails when seccomp or no_new_privs cannot be had: without
 * them nothing is loaded. */
int jail_stage_one(uint64_t memory_limit, uint32_t *ret_layers, struct error *err);
int jail_stage_two(struct error *err);

#endif
