/* SPDX-License-Identifier: Apache-2.0 */
#include "model/model.h"

static const char *const sizes[] = {"startup", "small", "medium", "large", "enterprise", NULL};
static const char *const account_statuses[] = {"active", "churned", "at_risk", "onboarding", NULL};
static const char *const contact_statuses[] = {"active", "inactive", "left_company", "unresponsive",
                                               NULL};
static const char *const channels[] = {"email", "phone", "slack", "teams", "in_person", NULL};

static const struct model_field account_fields[] = {
    {.id = 1, .name = "name", .kind = KIND_TEXT, .required = true, .help = "name of the company"},
    {.id = 2, .name = "domain", .kind = KIND_TEXT, .help = "its domain, lower case"},
    {.id = 3, .name = "industry", .kind = KIND_TEXT, .help = "industry"},
    {.id = 4, .name = "size", .kind = KIND_ENUM, .choices = sizes, .help = "size class"},
    {.id = 5, .name = "arr", .kind = KIND_MONEY, .help = "annual recurring revenue"},
    {.id = 6, .name = "mrr", .kind = KIND_MONEY, .help = "monthly recurring revenue"},
    {.id = 7,
     .name = "seat_count",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 1000000000,
     .help = "seats under contract"},
    {.id = 8, .name = "contract_start_date", .kind = KIND_DATE, .help = "begin of the contract"},
    {.id = 9, .name = "contract_end_date", .kind = KIND_DATE, .help = "end of the contract"},
    {.id = 10,
     .name = "status",
     .kind = KIND_ENUM,
     .choices = account_statuses,
     .help = "where the customer stands"},
    {.id = 11,
     .name = "health_score",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 100,
     .default_text = "50",
     .help = "0 (bad) to 100 (good)"},
    {.id = 12,
     .name = "churn_risk_score",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 100,
     .default_text = "0",
     .help = "0 (none) to 100 (certain)"},
    {.id = 13,
     .name = "parent_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the account above it"},
    {.id = 14, .name = "owner_email", .kind = KIND_EMAIL, .help = "who looks after it"},
};

static const struct model_field contact_fields[] = {
    {.id = 1,
     .name = "account_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the company the person works for"},
    {.id = 2, .name = "first_name", .kind = KIND_TEXT, .help = "first name"},
    {.id = 3, .name = "last_name", .kind = KIND_TEXT, .help = "last name"},
    {.id = 4, .name = "email", .kind = KIND_EMAIL, .help = "e-mail address"},
    {.id = 5, .name = "phone", .kind = KIND_PHONE, .help = "phone number"},
    {.id = 6, .name = "title", .kind = KIND_TEXT, .help = "job title"},
    {.id = 7, .name = "department", .kind = KIND_TEXT, .help = "department"},
    {.id = 8,
     .name = "manager_id",
     .kind = KIND_REFERENCE,
     .references = "contact",
     .help = "the person's manager"},
    {.id = 9, .name = "seniority_level", .kind = KIND_TEXT, .help = "seniority"},
    {.id = 10, .name = "decision_maker_level", .kind = KIND_TEXT, .help = "say in decisions"},
    {.id = 11,
     .name = "primary_contact",
     .kind = KIND_BOOLEAN,
     .help = "whether it is the account's first contact"},
    {.id = 12,
     .name = "contact_status",
     .kind = KIND_ENUM,
     .choices = contact_statuses,
     .help = "whether the person can be reached"},
    {.id = 13,
     .name = "preferred_communication",
     .kind = KIND_ENUM,
     .choices = channels,
     .help = "preferred channel"},
    {.id = 14, .name = "timezone", .kind = KIND_TEXT, .help = "time zone"},
    {.id = 15, .name = "linkedin_url", .kind = KIND_URL, .help = "LinkedIn page"},
    {.id = 16, .name = "notes", .kind = KIND_TEXT, .help = "notes"},
    {.id = 17, .name = "tags", .kind = KIND_LIST, .help = "tags"},
};

static const char *const deal_statuses[] = {"open", "won", "lost", NULL};
static const char *const engagement_types[] = {"meeting", "call", "email",    "note",
                                               "task",    "demo", "training", NULL};
static const char *const outcomes[] = {"positive", "neutral", "negative", "action_required", NULL};
static const char *const ticket_statuses[] = {"open", "pending", "solved", "closed", NULL};

static const struct model_field deal_fields[] = {
    {.id = 1,
     .name = "account_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the company it is made with"},
    {.id = 2, .name = "name", .kind = KIND_TEXT, .required = true, .help = "name of the deal"},
    {.id = 3, .name = "amount", .kind = KIND_MONEY, .help = "what it is worth"},
    {.id = 4, .name = "currency", .kind = KIND_TEXT, .help = "currency of the amount: EUR"},
    {.id = 5, .name = "stage", .kind = KIND_TEXT, .help = "stage in its pipeline"},
    {.id = 6, .name = "pipeline", .kind = KIND_TEXT, .help = "pipeline"},
    {.id = 7,
     .name = "probability",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 100,
     .help = "chance of winning it, in percent"},
    {.id = 8, .name = "close_date", .kind = KIND_DATE, .help = "when it closes, or did"},
    {.id = 9,
     .name = "status",
     .kind = KIND_ENUM,
     .choices = deal_statuses,
     .help = "open, won or lost"},
    {.id = 10, .name = "owner_email", .kind = KIND_EMAIL, .help = "who works on it"},
};

/* One contact, the first: a list of references would need a table of its own, and what lists them
 * today is the vendor. */
static const struct model_field engagement_fields[] = {
    {.id = 1,
     .name = "account_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the company it was with"},
    {.id = 2,
     .name = "contact_id",
     .kind = KIND_REFERENCE,
     .references = "contact",
     .help = "the first person it was with"},
    {.id = 3,
     .name = "type",
     .kind = KIND_ENUM,
     .choices = engagement_types,
     .required = true,
     .help = "what kind of activity"},
    {.id = 4, .name = "title", .kind = KIND_TEXT, .required = true, .help = "what it is about"},
    {.id = 5, .name = "description", .kind = KIND_TEXT, .help = "its text"},
    {.id = 6, .name = "outcome", .kind = KIND_ENUM, .choices = outcomes, .help = "how it went"},
    {.id = 7, .name = "scheduled_at", .kind = KIND_TIME, .help = "when it is to happen"},
    {.id = 8, .name = "completed_at", .kind = KIND_TIME, .help = "when it happened"},
    {.id = 9,
     .name = "duration_minutes",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 1000000,
     .help = "how long it took"},
    {.id = 10, .name = "attendees", .kind = KIND_LIST, .help = "who took part"},
    {.id = 11, .name = "tags", .kind = KIND_LIST, .help = "tags"},
    {.id = 12, .name = "meeting_url", .kind = KIND_URL, .help = "where it takes place"},
};

static const struct model_field ticket_fields[] = {
    {.id = 1,
     .name = "account_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the company it came from"},
    {.id = 2,
     .name = "contact_id",
     .kind = KIND_REFERENCE,
     .references = "contact",
     .help = "the first person it came from"},
    {.id = 3, .name = "subject", .kind = KIND_TEXT, .required = true, .help = "what it is about"},
    {.id = 4, .name = "description", .kind = KIND_TEXT, .help = "its text"},
    {.id = 5,
     .name = "status",
     .kind = KIND_ENUM,
     .choices = ticket_statuses,
     .help = "where it stands"},
    {.id = 6, .name = "priority", .kind = KIND_TEXT, .help = "priority, as the vendor names it"},
    {.id = 7, .name = "channel", .kind = KIND_TEXT, .help = "where it came in"},
    {.id = 8, .name = "assignee_email", .kind = KIND_EMAIL, .help = "who works on it"},
    {.id = 9, .name = "opened_at", .kind = KIND_TIME, .help = "when it was opened"},
    {.id = 10, .name = "solved_at", .kind = KIND_TIME, .help = "when it was solved"},
    {.id = 11, .name = "satisfaction", .kind = KIND_TEXT, .help = "what the customer said of it"},
};

/* Whatever has no object of its own here: the vendor's fields as they are. */
static const struct model_field custom_record_fields[] = {
    {.id = 1,
     .name = "object",
     .kind = KIND_TEXT,
     .required = true,
     .help = "what it is, in the vendor's word"},
    {.id = 2, .name = "title", .kind = KIND_TEXT, .help = "its name"},
    {.id = 3, .name = "fields", .kind = KIND_JSON, .help = "the vendor's fields that have a value"},
    {.id = 4,
     .name = "account_id",
     .kind = KIND_REFERENCE,
     .references = "account",
     .help = "the company it belongs to"},
    {.id = 5,
     .name = "contact_id",
     .kind = KIND_REFERENCE,
     .references = "contact",
     .help = "the first person it belongs to"},
    {.id = 6,
     .name = "deal_id",
     .kind = KIND_REFERENCE,
     .references = "deal",
     .help = "the first deal it belongs to"},
};

/* Who looks after records, as their vendor keeps them. */
static const struct model_field owner_fields[] = {
    {.id = 1, .name = "email", .kind = KIND_EMAIL, .help = "e-mail address"},
    {.id = 2, .name = "name", .kind = KIND_TEXT, .help = "first and last name"},
    {.id = 3, .name = "user_id", .kind = KIND_TEXT, .help = "id as a user, where that is another"},
    {.id = 4, .name = "active", .kind = KIND_BOOLEAN, .help = "whether the person is still there"},
};

/* What a deal or a ticket that stands there is: for all of them the same. */
static const struct model_field pipeline_stage_fields[] = {
    {.id = 1, .name = "object", .kind = KIND_TEXT, .help = "whose pipeline, in the vendor's word"},
    {.id = 2, .name = "pipeline", .kind = KIND_TEXT, .help = "the pipeline, as people see it"},
    {.id = 3, .name = "pipeline_id", .kind = KIND_TEXT, .help = "its id"},
    {.id = 4,
     .name = "stage",
     .kind = KIND_TEXT,
     .required = true,
     .help = "the stage, as people see it"},
    {.id = 5, .name = "stage_id", .kind = KIND_TEXT, .help = "its id"},
    {.id = 6,
     .name = "display_order",
     .kind = KIND_INTEGER,
     .help = "where it stands in its pipeline"},
    {.id = 7, .name = "closed", .kind = KIND_BOOLEAN, .help = "whether it is an end"},
    {.id = 8,
     .name = "probability",
     .kind = KIND_INTEGER,
     .min = 0,
     .max = 100,
     .help = "chance of winning a deal there, in percent"},
    {.id = 9,
     .name = "deal_status",
     .kind = KIND_ENUM,
     .choices = deal_statuses,
     .help = "what a deal there is: open, won or lost"},
    {.id = 10,
     .name = "ticket_status",
     .kind = KIND_ENUM,
     .choices = ticket_statuses,
     .help = "what a ticket there is"},
};

#define FIELDS(array) .fields = (array), .field_count = sizeof(array) / sizeof((array)[0])

const struct model_object model_objects[] = {
    {.id = 1,
     .name = "account",
     FIELDS(account_fields),
     .match = "domain",
     .help = "a customer company"},
    {.id = 2, .name = "contact", FIELDS(contact_fields), .match = "email", .help = "a person"},
    {.id = 3, .name = "deal", FIELDS(deal_fields), .help = "an opportunity"},
    {.id = 4, .name = "engagement", FIELDS(engagement_fields), .help = "an activity"},
    /* 5 is kept for goal. */
    {.id = 6, .name = "ticket", FIELDS(ticket_fields), .help = "a customer's request"},
    {.id = 7,
     .name = "custom_record",
     FIELDS(custom_record_fields),
     .help = "a record of an object that the vendor's account has of its own"},
    /* 8 and 9 are kept for survey_response and metric. */
    {.id = 10,
     .name = "owner",
     FIELDS(owner_fields),
     .is_table = true,
     .help = "who looks after records"},
    {.id = 11,
     .name = "pipeline_stage",
     FIELDS(pipeline_stage_fields),
     .is_table = true,
     .help = "a stage of a pipeline"},
};
const size_t model_object_count = sizeof model_objects / sizeof model_objects[0];

_Static_assert(sizeof account_fields / sizeof account_fields[0] <= MODEL_FIELDS_MAX, "account");
_Static_assert(sizeof contact_fields / sizeof contact_fields[0] <= MODEL_FIELDS_MAX, "contact");
_Static_assert(sizeof deal_fields / sizeof deal_fields[0] <= MODEL_FIELDS_MAX, "deal");
_Static_assert(sizeof engagement_fields / sizeof engagement_fields[0] <= MODEL_FIELDS_MAX,
               "engagement");
_Static_assert(sizeof ticket_fields / sizeof ticket_fields[0] <= MODEL_FIELDS_MAX, "ticket");
_Static_assert(sizeof custom_record_fields / sizeof custom_record_fields[0] <= MODEL_FIELDS_MAX,
               "custom_record");
_Static_assert(sizeof owner_fields / sizeof owner_fields[0] <= MODEL_FIELDS_MAX, "owner");
_Static_assert(sizeof pipeline_stage_fields / sizeof pipeline_stage_fields[0] <= MODEL_FIELDS_MAX,
               "pipeline_stage");

const struct model_object *model_object(struct str name)
{
    for (size_t i = 0; i < model_object_count; i++)
        if (str_is(name, model_objects[i].name))
            return &model_objects[i];
    return NULL;
}

const struct model_object *model_object_by_id(uint16_t id)
{
    for (size_t i = 0; i < model_object_count; i++)
        if (model_objects[i].id == id)
            return &model_objects[i];
    return NULL;
}

int model_field(const struct model_object *object, struct str name)
{
    for (size_t i = 0; i < object->field_count; i++)
        if (str_is(name, object->fields[i].name))
            return (int)i;
    return -1;
}

const char *model_kind_name(enum field_kind kind)
{
    static const char *const names[] = {
        [KIND_TEXT] = "text",        [KIND_INTEGER] = "integer", [KIND_MONEY] = "money",
        [KIND_BOOLEAN] = "boolean",  [KIND_DATE] = "date",       [KIND_TIME] = "time",
        [KIND_ENUM] = "enum",        [KIND_EMAIL] = "e-mail",    [KIND_PHONE] = "phone",
        [KIND_URL] = "URL",          [KIND_LIST] = "list",       [KIND_REFERENCE] = "reference",
        [KIND_JSON] = "JSON object", [KIND_NUMBER] = "number"};
    return names[kind];
}

bool model_is_text(enum field_kind kind)
{
    switch (kind) {
    case KIND_INTEGER:
    case KIND_MONEY:
    case KIND_BOOLEAN:
    case KIND_DATE:
    case KIND_TIME:
    case KIND_REFERENCE:
        return false;
    default:
        return true;
    }
}
