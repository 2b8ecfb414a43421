/* SPDX-License-Identifier: Apache-2.0 */
/* Owners and pipelines: short lists of the account, which records refer to. Their names and
 * addresses change on demand; nothing of a record that refers to them does then. */
#include "hubspot.h"

#include <stdlib.h>

enum { OWNERS_PAGE_MAX = 500 };

/* The last two left before the seed's end, and still own what they did. */
static const struct {
    const char *id, *first, *last;
    bool left;
} people[OWNERS] = {
    {"61047281", "Ada", "Park", false},   {"61047295", "Ben", "Osei", false},
    {"61048810", "Carla", "Weiß", false}, {"61050334", "Dev", "Rao", false},
    {"61052907", "Eve", "Holm", false},   {"61039944", "Femi", "Lund", true},
    {"61040127", "Gus", "Abe", true},
};

#define SALES    "default", "Sales Pipeline"
#define RENEWALS "75e28846", "Renewals"
#define SUPPORT  "0", "Support Pipeline"
#define SETUP    "17804431", "Onboarding"

static const struct stage stages[STAGES] = {
    {DEALS, SALES, "appointmentscheduled", "Appointment Scheduled", "0.2", false},
    {DEALS, SALES, "qualifiedtobuy", "Qualified To Buy", "0.4", false},
    {DEALS, SALES, "presentationscheduled", "Presentation Scheduled", "0.6", false},
    {DEALS, SALES, "decisionmakerboughtin", "Decision Maker Bought-In", "0.8", false},
    {DEALS, SALES, "contractsent", "Contract Sent", "0.9", false},
    {DEALS, SALES, "closedwon", "Closed Won", "1.0", true},
    {DEALS, SALES, "closedlost", "Closed Lost", "0.0", true},
    {DEALS, RENEWALS, "114603201", "Due", "0.7", false},
    {DEALS, RENEWALS, "114603202", "In talks – \"maybe\"", "0.85", false},
    {DEALS, RENEWALS, "114603203", "Renewed", "1.0", true},
    {DEALS, RENEWALS, "114603204", "Left", "0.0", true},
    {TICKETS, SUPPORT, "1", "New", NULL, false},
    {TICKETS, SUPPORT, "2", "Waiting on contact", NULL, false},
    {TICKETS, SUPPORT, "3", "Waiting on us", NULL, false},
    {TICKETS, SUPPORT, "4", "Closed", NULL, true},
    {TICKETS, SETUP, "57610021", "Kick-off", NULL, false},
    {TICKETS, SETUP, "57610022", "Training", NULL, false},
    {TICKETS, SETUP, "57610023", "Live", NULL, true},
};

/* ---- owners ---- */

void references_init(struct hubspot *h)
{
    for (size_t i = 0; i < OWNERS; i++)
        h->references.left[i] = people[i].left;
}

static void write_email(const struct hubspot *h, size_t i, struct text *out)
{
    text_printf(out, "owner%zu", i + 1);
    if (h->references.renamed_owners[i] > 0)
        text_printf(out, ".%u", h->references.renamed_owners[i]);
    text_add(out, "@sandbox.example");
}

static void write_owner(const struct hubspot *h, size_t i, struct text *out)
{
    bool left = h->references.left[i];
    text_printf(out, "{\"id\":\"%s\",\"email\":\"", people[i].id);
    write_email(h, i, out);
    text_printf(out, "\",\"type\":\"PERSON\",\"firstName\":\"%s\",\"lastName\":\"%s\",\"userId\":",
                people[i].first, people[i].last);
    if (left)
        text_add(out, "null");
    else
        text_printf(out, "%zu", 4700100 + i);
    text_printf(out,
                ",\"userIdIncludingInactive\":%zu,\"createdAt\":\"2023-01-10T08:00:00.000Z\","
                "\"updatedAt\":\"2024-06-01T08:00:00.000Z\",\"archived\":%s,\"teams\":[]}",
                4700100 + i, left ? "true" : "false");
}

/* Where a page begins: an index, as the `after` of the one before said. */
void hubspot_owners(struct hubspot *h, const struct call *call, struct answer *a)
{
    const char *after = call_arg(call, "after"), *wanted = call_arg(call, "limit");
    const char *archived = call_arg(call, "archived"), *email = call_arg(call, "email");
    size_t at = after ? strtoul(after, NULL, 10) : 0,
           limit = wanted ? strtoul(wanted, NULL, 10) : 0;
    bool left = archived && strcmp(archived, "true") == 0;
    size_t shown = 0;
    struct text address = {0};
    if (wanted && (limit == 0 || limit > OWNERS_PAGE_MAX)) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "limit: from 1 to %d", OWNERS_PAGE_MAX);
        return;
    }
    text_add(&a->body, "{\"results\":[");
    for (; at < OWNERS && shown < (limit ? limit : PAGE_MAX); at++) {
        address.len = 0;
        write_email(h, at, &address);
        if (h->references.left[at] != left || (email && strcmp(email, text_end(&address)) != 0))
            continue;
        text_add(&a->body, shown++ ? "," : "");
        write_owner(h, at, &a->body);
    }
    text_char(&a->body, ']');
    if (at < OWNERS)
        text_printf(&a->body, ",\"paging\":{\"next\":{\"after\":\"%zu\"}}", at);
    text_char(&a->body, '}');
    sandbox_count(h->sandbox, STAT_RECORDS, shown);
    text_free(&address);
}

/* ---- pipelines ---- */

const struct stage *hubspot_stage(enum object_type type, const char *id)
{
    for (size_t i = 0; i < STAGES; i++)
        if (stages[i].type == type && strcmp(stages[i].id, id) == 0)
            return &stages[i];
    return NULL;
}

bool stage_is_won(const struct stage *stage)
{
    return stage->closed && stage->probability && stage->probability[0] == '1';
}

static void write_label(const struct hubspot *h, size_t i, struct text *out)
{
    struct text label = {0};
    text_add(&label, stages[i].label);
    if (h->references.renamed_stages[i] > 0)
        text_printf(&label, " (%u)", h->references.renamed_stages[i]);
    text_json(out, label.ptr, label.len);
    text_free(&label);
}

static void write_stage(const struct hubspot *h, size_t i, size_t order, struct text *out)
{
    const struct stage *s = &stages[i];
    text_add(out, "{\"label\":");
    write_label(h, i, out);
    text_printf(out, ",\"displayOrder\":%zu,\"metadata\":{", order);
    if (s->probability)
        text_printf(out, "\"isClosed\":\"%s\",\"probability\":\"%s\"}",
                    s->closed ? "true" : "false", s->probability);
    else
        text_printf(out, "\"ticketState\":\"%s\",\"isClosed\":\"%s\"}",
                    s->closed ? "CLOSED" : "OPEN", s->closed ? "true" : "false");
    text_printf(out,
                ",\"id\":\"%s\",\"createdAt\":\"2023-01-10T08:00:00.000Z\","
                "\"updatedAt\":\"2023-01-10T08:00:00.000Z\",\"archived\":false}",
                s->id);
}

void hubspot_pipelines(struct hubspot *h, enum object_type type, struct answer *a)
{
    const char *pipeline = NULL;
    size_t pipelines = 0, order = 0;
    text_add(&a->body, "{\"results\":[");
    for (size_t i = 0; i < STAGES; i++) {
        const struct stage *s = &stages[i];
        if (s->type != type)
            continue;
        bool begins = !pipeline || strcmp(pipeline, s->pipeline) != 0;
        if (begins) {
            text_printf(&a->body,
                        "%s{\"label\":\"%s\",\"displayOrder\":%zu,\"id\":\"%s\",\"archived\":false,"
                        "\"createdAt\":\"2023-01-10T08:00:00.000Z\",\"updatedAt\":\"2023-01-10T08:"
                        "00:00.000Z\",\"stages\":[",
                        pipeline ? "]}," : "", s->pipeline_label, pipelines++, s->pipeline);
            order = 0;
        }
        text_add(&a->body, begins ? "" : ",");
        write_stage(h, i, order++, &a->body);
        pipeline = s->pipeline;
    }
    text_add(&a->body, pipeline ? "]}]}" : "]}");
}

/* ---- changes ---- */

size_t references_change_owners(struct hubspot *h, uint64_t n, uint64_t seed, bool archive)
{
    size_t done = 0;
    for (size_t i = 0; i < OWNERS && done < n; i++) {
        size_t at = (i + seed) % OWNERS;
        if (archive && h->references.left[at])
            continue;
        if (archive)
            h->references.left[at] = true;
        else
            h->references.renamed_owners[at]++;
        done++;
    }
    return done;
}

size_t references_rename_stages(struct hubspot *h, enum object_type type, uint64_t n, uint64_t seed)
{
    size_t done = 0;
    for (size_t i = 0; i < STAGES && done < n; i++) {
        size_t at = (i * 5 + seed) % STAGES; /* 5 and 18 have no divisor in common */
        if (stages[at].type != type)
            continue;
        h->references.renamed_stages[at]++;
        done++;
    }
    return done;
}

/* ---- the truth ---- */

static void truth_of_owner(const struct hubspot *h, size_t i, struct text *out)
{
    bool left = h->references.left[i];
    text_printf(out, "{\"id\":\"%s\",\"properties\":{\"email\":\"", people[i].id);
    write_email(h, i, out);
    text_printf(out, "\",\"name\":\"%s %s\",\"left\":\"%s\"", people[i].first, people[i].last,
                left ? "true" : "false");
    if (!left)
        text_printf(out, ",\"user\":\"%zu\"", 4700100 + i);
    text_add(out, "}}\n");
}

static void truth_of_stage(const struct hubspot *h, size_t i, size_t order, struct text *out)
{
    const struct stage *s = &stages[i];
    text_printf(out,
                "{\"id\":\"%s\",\"properties\":{\"object\":\"%s\",\"pipeline\":\"%s\","
                "\"pipeline_label\":\"%s\",\"stage\":\"%s\",\"order\":\"%zu\",\"closed\":\"%s\"",
                s->id, hubspot_models[s->type].name, s->pipeline, s->pipeline_label, s->id, order,
                s->closed ? "true" : "false");
    if (s->probability)
        text_printf(out, ",\"probability\":\"%s\"", s->probability);
    text_add(out, ",\"label\":");
    write_label(h, i, out);
    text_add(out, "}}\n");
}

bool references_truth(const struct hubspot *h, const char *name, struct text *out)
{
    int type = strcmp(name, "deal_stages") == 0     ? DEALS
               : strcmp(name, "ticket_stages") == 0 ? TICKETS
                                                    : -1;
    size_t order = 0;
    if (strcmp(name, "owners") == 0) {
        for (size_t i = 0; i < OWNERS; i++)
            truth_of_owner(h, i, out);
        return true;
    }
    for (size_t i = 0; i < STAGES && type >= 0; i++) {
        if ((int)stages[i].type != type)
            continue;
        order = i > 0 && stages[i - 1].type == stages[i].type &&
                        strcmp(stages[i - 1].pipeline, stages[i].pipeline) == 0
                    ? order + 1
                    : 0;
        truth_of_stage(h, i, order, out);
    }
    return type >= 0;
}
