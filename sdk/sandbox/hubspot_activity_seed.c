/* SPDX-License-Identifier: Apache-2.0 */
/* What a seeded deal, ticket or engagement holds: as hubspot_seed.c, a function of (seed, type,
 * index); what follows from another property (a deal's stage) is that one's value now. */
#include <stdlib.h>

#include "hubspot_seed.h"

enum { DAY_MS = 86400000 };

static const char *const topics[] = {"renewal",  "onboarding", "pilot",   "upgrade", "migration",
                                     "training", "expansion",  "billing", "audit",   "integration"};
static const char *const verbs[] = {"Discuss", "Review", "Prepare", "Follow up on",
                                    "Plan",    "Close",  "Explain", "Question about"};

/* "Review the renewal of Q3". */
static bool sentence(struct text *out, uint64_t hash)
{
    pick(out, verbs, COUNT(verbs), hash);
    text_add(out, " the ");
    pick(out, topics, COUNT(topics), hash >> 8);
    text_add(out, " of Q");
    return number(out, 1 + (hash >> 16) % 4);
}

/* A few sentences of HTML, longer than a headline. */
static bool html(struct text *out, uint64_t hash)
{
    text_add(out, "<p>");
    for (uint64_t i = 0; i < 2 + hash % 3; i++) {
        text_add(out, i ? ".<br>" : "");
        sentence(out, mix(hash + i));
    }
    return add(out, " – as agreed.</p>");
}

/* Within a year before the seed's end and half a year after it. */
static bool moment(struct text *out, uint64_t hash, int64_t add_ms)
{
    int64_t span = 3 * (seed_end_ms - seed_start_ms) / 2;
    text_time(out, seed_start_ms + (int64_t)(hash % (uint64_t)span) / 60000 * 60000 + add_ms);
    return true;
}

static bool options_of(struct text *out, const struct record *r, unsigned field, uint64_t hash)
{
    return pick_option(out, hubspot_models[r->type].fields[field].options, hash);
}

/* ---- deals ---- */

/* The stage that the deal or the ticket is in now; NULL: none. One that was added to the property
 * alone is in no pipeline: it is taken for an open one of the first. */
static const struct stage *stage_of(const struct hubspot *h, const struct record *r, unsigned field)
{
    static const struct stage added[TYPES] = {
        [DEALS] = {.pipeline = "default", .probability = "0.5"}, [TICKETS] = {.pipeline = "0"}};
    struct text now = {0};
    record_value(h, r, field, &now);
    const struct stage *stage = hubspot_stage(r->type, text_end(&now));
    if (!stage && now.len > 0)
        stage = &added[r->type];
    text_free(&now);
    return stage;
}

static bool value_of_stage(const struct stage *stage, unsigned field, struct text *out)
{
    if (!stage)
        return false;
    if (field == DEAL_STAGE_PROBABILITY)
        return add(out, stage->probability);
    if (field == DEAL_PIPELINE)
        return add(out, stage->pipeline);
    return add(out,
               (field == DEAL_IS_CLOSED ? stage->closed : stage_is_won(stage)) ? "true" : "false");
}

static bool deal_value(const struct hubspot *h, const struct record *r, unsigned field,
                       struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case DEAL_AMOUNT:
        if (hash % 9 == 0)
            return false;
        number(out, (1 + hash % 900) * 250);
        return hash % 5 != 1 || add(out, ".50");
    case DEAL_CLOSEDATE:
        return hash % 7 != 0 && moment(out, hash >> 4, 0);
    case DEAL_NAME:
        return sentence(out, hash);
    case DEAL_DESCRIPTION:
        return hash % 3 == 0 && html(out, hash >> 3);
    case DEAL_STAGE_PROBABILITY:
    case DEAL_PIPELINE:
    case DEAL_IS_CLOSED:
    case DEAL_IS_CLOSED_WON:
        return value_of_stage(stage_of(h, r, DEAL_STAGE), field, out);
    case DEAL_MERGED_IDS:
        return false;
    case DEAL_OWNER:
        return hash % 5 != 0 && options_of(out, r, field, hash >> 8);
    default:
        return options_of(out, r, field, hash);
    }
}

/* ---- tickets ---- */

static bool ticket_value(const struct hubspot *h, const struct record *r, unsigned field,
                         struct text *out)
{
    uint64_t hash = value_hash(r, field);
    const struct stage *stage = NULL;
    if (field == TICKET_CLOSED_DATE || field == TICKET_PIPELINE)
        stage = stage_of(h, r, TICKET_PIPELINE_STAGE);
    switch (field) {
    case TICKET_CLOSED_DATE:
        return stage && stage->closed && moment(out, hash, 0);
    case TICKET_PIPELINE:
        return stage && add(out, stage->pipeline);
    case TICKET_CONTENT:
        return hash % 6 != 0 && sentence(out, hash >> 3);
    case TICKET_SUBJECT:
        return sentence(out, hash);
    case TICKET_MERGED_IDS:
        return false;
    case TICKET_PRIORITY:
    case TICKET_CATEGORY:
    case TICKET_OWNER:
        return hash % 4 != 0 && options_of(out, r, field, hash >> 8);
    default:
        return options_of(out, r, field, hash);
    }
}

/* ---- engagements ---- */

static bool call_value(const struct record *r, unsigned field, struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case CALL_BODY:
        return hash % 3 != 0 && html(out, hash >> 3);
    case CALL_DURATION:
        return hash % 6 != 0 && number(out, hash % 5400000);
    case CALL_TITLE:
        return hash % 4 != 0 && sentence(out, hash >> 3);
    case CALL_TIMESTAMP:
        return moment(out, hash, 0);
    case CALL_MERGED_IDS:
        return false;
    default:
        return hash % 7 != 0 && options_of(out, r, field, hash >> 8);
    }
}

static bool email_value(const struct record *r, unsigned field, struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case EMAIL_SUBJECT:
        return hash % 8 != 0 && sentence(out, hash >> 3);
    case EMAIL_TEXT:
        return sentence(out, hash);
    case EMAIL_TIMESTAMP:
        return moment(out, hash, 0);
    case EMAIL_MERGED_IDS:
        return false;
    default:
        return options_of(out, r, field, hash);
    }
}

static bool meeting_url(struct text *out, uint64_t hash)
{
    if (hash % 3 == 0)
        return false;
    text_add(out, "https://meet.example/room/");
    return number(out, hash >> 40);
}

/* The end is the start and so many quarters of an hour. */
static bool meeting_value(const struct record *r, unsigned field, struct text *out)
{
    uint64_t hash = value_hash(r, field), start = value_hash(r, MEETING_START_TIME);
    switch (field) {
    case MEETING_BODY:
        return hash % 3 != 0 && html(out, hash >> 3);
    case MEETING_START_TIME:
    case MEETING_TIMESTAMP:
        return moment(out, start, 0);
    case MEETING_END_TIME:
        return moment(out, start, (int64_t)(1 + hash % 8) * 900000);
    case MEETING_EXTERNAL_URL:
        return meeting_url(out, hash);
    case MEETING_LOCATION:
        return hash % 2 == 0 && pick(out, topics, COUNT(topics), hash >> 8);
    case MEETING_TITLE:
        return hash % 9 != 0 && sentence(out, hash >> 3);
    case MEETING_MERGED_IDS:
        return false;
    default:
        return options_of(out, r, field, hash);
    }
}

static bool note_value(const struct record *r, unsigned field, struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case NOTE_BODY:
        return hash % 20 != 0 && html(out, hash >> 3);
    case NOTE_TIMESTAMP:
        return moment(out, hash, 0);
    case NOTE_OWNER:
        return options_of(out, r, field, hash);
    default:
        return false;
    }
}

static bool task_value(const struct hubspot *h, const struct record *r, unsigned field,
                       struct text *out)
{
    uint64_t hash = value_hash(r, field);
    struct text status = {0};
    switch (field) {
    case TASK_BODY:
        return hash % 3 != 0 && html(out, hash >> 3);
    case TASK_COMPLETION_DATE:
        record_value(h, r, TASK_STATUS, &status);
        bool done = strcmp(text_end(&status), "COMPLETED") == 0;
        text_free(&status);
        return done && moment(out, hash, 0);
    case TASK_SUBJECT:
        return hash % 10 != 0 && sentence(out, hash >> 4);
    case TASK_TIMESTAMP:
        return moment(out, hash, DAY_MS);
    case TASK_MERGED_IDS:
        return false;
    default:
        return options_of(out, r, field, hash);
    }
}

bool activity_value(const struct hubspot *h, const struct record *r, unsigned field,
                    struct text *out)
{
    switch (r->type) {
    case DEALS:
        return deal_value(h, r, field, out);
    case TICKETS:
        return ticket_value(h, r, field, out);
    case CALLS:
        return call_value(r, field, out);
    case EMAILS:
        return email_value(r, field, out);
    case MEETINGS:
        return meeting_value(r, field, out);
    case NOTES:
        return note_value(r, field, out);
    default:
        return task_value(h, r, field, out);
    }
}
