/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conflicts that the vendor's times of fields decide (merge_times.c). Records with such ones are
 * left by the merge of a read, and are among those that the export looks at; of what a look leaves,
 * the vendor is asked for these times, in one read more, which is merged by them. A vendor that
 * refuses is not asked again by that run: the times of the records count then.
 */
#include "base/log.h"
#include "sync/run_internal.h"

bool run_waits_for_times(const struct run *run)
{
    const struct run_object *object = run_current(run);
    return object->setup->vendor->tells_times && run_export_wanted(run, object) &&
           run->times == TIMES_LATER;
}

void run_times_begin(struct run *run)
{
    page_list_clear(&run->kept);
    time_wants_clear(&run->wants);
    if (run->times == TIMES_ASKED)
        run->times = TIMES_LATER;
}

static void read_again(struct run *run)
{
    const struct time_wants *wants = &run->wants;
    bool timed = run->times == TIMES_ASKED;
    const struct selector selector = {.mode = READ_IDS,
                                      .ids = wants->ids,
                                      .id_count = wants->id_count,
                                      .timed = wants->fields,
                                      .timed_count = timed ? wants->field_count : 0};
    run_read_start(run, &selector);
}

bool run_times_ask(struct run *run)
{
    if (run->times != TIMES_LATER || run->wants.id_count == 0)
        return false;
    run->times = TIMES_ASKED;
    if (run_goes_on(run))
        read_again(run);
    return true;
}

/* Others pass, or end any read. */
static bool is_refusal(enum outcome outcome)
{
    return outcome == OUTCOME_FAILED || outcome == OUTCOME_BAD_CONFIG ||
           outcome == OUTCOME_BAD_RECORD || outcome == OUTCOME_GONE;
}

bool run_times_refused(struct run *run)
{
    if (run->times != TIMES_ASKED || !is_refusal(run->read_outcome))
        return false;
    log_line(LOG_WARN, run_name(run),
             "%s; it does not tell when fields got their values: conflicts of this run are decided "
             "by the modified times of the records",
             run->read_text);
    run->times = TIMES_REFUSED;
    if (run_goes_on(run))
        read_again(run);
    return true;
}
