/* SPDX-License-Identifier: Apache-2.0 */
/* A plan on the screen: how much would change, then what, field by field. */
#ifndef CLI_PLAN_SHOW_H
#define CLI_PLAN_SHOW_H

#include "cli/app.h"
#include "sync/plan_file.h"

/* At most `limit` changes. */
int plan_show(const struct app *app, const struct sync_plan *plan, const struct run_row *row,
              int64_t limit, struct error *err);

/* A line for each change, then one with the counts. */
int plan_show_json(const struct sync_plan *plan, const struct run_row *row, struct error *err);

/* One change, as people read it: of plan_file_each. */
void plan_show_change(const struct plan_entry *entry);

#endif
