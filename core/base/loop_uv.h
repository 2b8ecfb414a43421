/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOOP_UV_H
#define BASE_LOOP_UV_H

#include "base/error.h"
#include "base/loop.h"

/* The real loop: libuv for descriptors and waiting, the machine's clocks, and threads:
 * `pool_threads` for EXECUTOR_POOL and one for EXECUTOR_STORE, each started with its first job.
 * NULL on failure. */
struct loop *loop_uv_new(int pool_threads, struct error *err);

#endif
