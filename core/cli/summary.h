/* SPDX-License-Identifier: Apache-2.0 */
/* What a run did, told at its end. */
#ifndef CLI_SUMMARY_H
#define CLI_SUMMARY_H

#include "cli/app.h"
#include "cli/progress.h"

/* `progress` NULL: without times of the objects. */
void summary_write(struct app *app, const struct run_row *row, const struct progress *progress);
void summary_json(const struct run_row *row);

/* 0 when it went through, records set aside or not; else 1. */
int summary_exit(const struct run_row *row);

#endif
