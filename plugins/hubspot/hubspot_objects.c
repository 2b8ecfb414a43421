/* SPDX-License-Identifier: Apache-2.0 */
/* What the connector reads and writes: the objects, how their properties become canonical fields,
 * and which of them HubSpot fills itself. */
#include "hubspot.h"

#define MAP(field, property)                                                                       \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property)                                    \
    }
#define MAP_KEY(field, property)                                                                   \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property),                                   \
        .transform = FASTENR_STR("trim,lower")                                                     \
    }
#define MAP_ACCOUNT MAP_COMPANY("account_id", HUBSPOT_ASSOCIATIONS "companies")
#define MAP_CONTACT                                                                                \
    {                                                                                              \
        .to = FASTENR_STR("contact_id"), .from = FASTENR_STR(HUBSPOT_ASSOCIATIONS "contacts"),     \
        .lookup = FASTENR_STR("contacts")                                                          \
    }
#define MAP_COMPANY(field, property)                                                               \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property),                                   \
        .lookup = FASTENR_STR("companies")                                                         \
    }

/* A field of the owner, or of the stage, and not its id. */
#define MAP_TAKE(field, property, object, taken)                                                   \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property), .lookup = FASTENR_STR(object),    \
        .take = FASTENR_STR(taken)                                                                 \
    }
#define MAP_OWNER(field) MAP_TAKE(field, "hubspot_owner_id", "owners", "email")

#define MAP_AS(field, property, words)                                                             \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property), .map = FASTENR_STR(words)         \
    }
#define MAP_ALWAYS(field, text)                                                                    \
    {                                                                                              \
        .to = FASTENR_STR(field), .value = FASTENR_STR(text)                                       \
    }
#define MAP_OR(field, property, otherwise)                                                         \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property),                                   \
        .default_value = FASTENR_STR(otherwise)                                                    \
    }
#define MAP_LOWER(field, property)                                                                 \
    {                                                                                              \
        .to = FASTENR_STR(field), .from = FASTENR_STR(property), .transform = FASTENR_STR("lower") \
    }

/* numberofemployees are no seats and annualrevenue is the customer's own, no revenue from it: they
 * stay custom fields. */
static const struct fastenr_mapping company_mapping[] = {
    MAP("name", "name"),
    MAP_KEY("domain", "domain"),
    MAP("industry", "industry"),
    MAP_COMPANY("parent_id", "hs_parent_company_id"),
    MAP_OWNER("owner_email"),
    MAP("custom_fields.website", "website"),
    MAP("custom_fields.phone", "phone"),
    MAP("custom_fields.city", "city"),
    MAP("custom_fields.state", "state"),
    MAP("custom_fields.country", "country"),
    MAP("custom_fields.number_of_employees", "numberofemployees"),
    MAP("custom_fields.annual_revenue", "annualrevenue"),
    MAP("custom_fields.lifecycle_stage", "lifecyclestage"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};

static const struct fastenr_mapping contact_mapping[] = {
    MAP_COMPANY("account_id", "associatedcompanyid"),
    MAP("first_name", "firstname"),
    MAP("last_name", "lastname"),
    MAP_KEY("email", "email"),
    {.to = FASTENR_STR("phone"), .from = FASTENR_STR("phone"), .transform = FASTENR_STR("trim")},
    MAP("title", "jobtitle"),
    MAP("custom_fields.mobile_phone", "mobilephone"),
    MAP("custom_fields.city", "city"),
    MAP("custom_fields.country", "country"),
    MAP("custom_fields.lifecycle_stage", "lifecyclestage"),
    MAP("custom_fields.lead_status", "hs_lead_status"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};

/* hs_deal_stage_probability is a fraction of 1. */
static const struct fastenr_mapping deal_mapping[] = {
    MAP_ACCOUNT,
    MAP("name", "dealname"),
    MAP("amount", "amount"),
    MAP("currency", "deal_currency_code"),
    MAP("stage", "dealstage"),
    MAP("pipeline", "pipeline"),
    MAP_TAKE("stage", "dealstage", "deal_stages", "stage"),
    MAP_TAKE("pipeline", "dealstage", "deal_stages", "pipeline"),
    MAP_OWNER("owner_email"),
    {.to = FASTENR_STR("probability"),
     .from = FASTENR_STR("hs_deal_stage_probability"),
     .scale = FASTENR_STR("100")},
    MAP("close_date", "closedate"),
    {.to = FASTENR_STR("status"),
     .from = FASTENR_STR("hs_is_closed_won,hs_is_closed"),
     .join = FASTENR_STR("/"),
     .map = FASTENR_STR("true/true=won,true/false=won,false/true=lost,*=open"),
     .default_value = FASTENR_STR("open")},
    MAP("custom_fields.deal_type", "dealtype"),
    MAP("custom_fields.forecast_category", "hs_forecast_category"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};

/* Stages 1 to 4 are those of the pipeline that every account begins with. What stages of other
 * pipelines mean is the account's own, and ticket_stages tells it; without that they have no status
 * until a mapping says it. */
static const struct fastenr_mapping ticket_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP("subject", "subject"),
    MAP("description", "content"),
    MAP_AS("status", "hs_pipeline_stage", "1=open,2=pending,3=open,4=closed,*="),
    MAP_TAKE("status", "hs_pipeline_stage", "ticket_stages", "ticket_status"),
    MAP_OWNER("assignee_email"),
    MAP_LOWER("priority", "hs_ticket_priority"),
    MAP_LOWER("channel", "source_type"),
    MAP("opened_at", "createdate"),
    MAP("solved_at", "closed_date"),
    MAP("custom_fields.stage", "hs_pipeline_stage"),
    MAP("custom_fields.pipeline", "hs_pipeline"),
    MAP("custom_fields.category", "hs_ticket_category"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};

/* What has happened at hs_timestamp is completed then; a meeting or a task is planned for it. */
static const struct fastenr_mapping call_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP_ALWAYS("type", "call"),
    MAP_OR("title", "hs_call_title", "Call"),
    MAP("description", "hs_call_body"),
    MAP("completed_at", "hs_timestamp"),
    {.to = FASTENR_STR("duration_minutes"),
     .from = FASTENR_STR("hs_call_duration"), /* milliseconds */
     .scale = FASTENR_STR("0.0000166666667")},
    MAP("custom_fields.direction", "hs_call_direction"),
    MAP("custom_fields.status", "hs_call_status"),
    MAP("custom_fields.disposition", "hs_call_disposition"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};
static const struct fastenr_mapping email_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP_ALWAYS("type", "email"),
    MAP_OR("title", "hs_email_subject", "E-mail"),
    MAP("description", "hs_email_text"),
    MAP("completed_at", "hs_timestamp"),
    MAP("custom_fields.direction", "hs_email_direction"),
    MAP("custom_fields.status", "hs_email_status"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};
static const struct fastenr_mapping meeting_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP_ALWAYS("type", "meeting"),
    MAP_OR("title", "hs_meeting_title", "Meeting"),
    MAP("description", "hs_meeting_body"),
    MAP("scheduled_at", "hs_meeting_start_time"),
    MAP("meeting_url", "hs_meeting_external_url"),
    MAP("custom_fields.end_time", "hs_meeting_end_time"),
    MAP("custom_fields.location", "hs_meeting_location"),
    MAP("custom_fields.meeting_outcome", "hs_meeting_outcome"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};
static const struct fastenr_mapping note_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP_ALWAYS("type", "note"),
    {.to = FASTENR_STR("title"),
     .from = FASTENR_STR("hs_note_body"),
     .transform = FASTENR_STR("headline"),
     .default_value = FASTENR_STR("Note")},
    MAP("description", "hs_note_body"),
    MAP("completed_at", "hs_timestamp"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};
static const struct fastenr_mapping task_mapping[] = {
    MAP_ACCOUNT,
    MAP_CONTACT,
    MAP_ALWAYS("type", "task"),
    MAP_OR("title", "hs_task_subject", "Task"),
    MAP("description", "hs_task_body"),
    MAP("scheduled_at", "hs_timestamp"),
    MAP("completed_at", "hs_task_completion_date"),
    MAP("custom_fields.status", "hs_task_status"),
    MAP("custom_fields.priority", "hs_task_priority"),
    MAP("custom_fields.owner_id", "hubspot_owner_id"),
};

static const struct fastenr_mapping owner_mapping[] = {
    MAP_KEY("email", "email"),
    {.to = FASTENR_STR("name"),
     .from = FASTENR_STR("firstName,lastName"),
     .join = FASTENR_STR(" ")},
    MAP("user_id", "userId"),
    MAP_AS("active", "archived", "true=false,false=true"),
};

#define MAP_STAGE                                                                                  \
    MAP("object", "object"), MAP("pipeline", "pipelineLabel"), MAP("pipeline_id", "pipelineId"),   \
        MAP("stage", "label"), MAP("stage_id", "stageId"), MAP("display_order", "displayOrder"),   \
        MAP("closed", "isClosed")
static const struct fastenr_mapping deal_stage_mapping[] = {
    MAP_STAGE,
    {.to = FASTENR_STR("probability"),
     .from = FASTENR_STR("probability"),
     .scale = FASTENR_STR("100")},
    MAP("deal_status", "status"),
};
static const struct fastenr_mapping ticket_stage_mapping[] = {
    MAP_STAGE,
    MAP("ticket_status", "status"),
};

static const struct fastenr_mapping custom_mapping[] = {
    MAP_ALWAYS("object", "{object}"),
    MAP("title", HUBSPOT_TITLE),
    MAP("fields", HUBSPOT_ALL),
    MAP_ACCOUNT,
    MAP_CONTACT,
    {.to = FASTENR_STR("deal_id"),
     .from = FASTENR_STR(HUBSPOT_ASSOCIATIONS "deals"),
     .lookup = FASTENR_STR("deals")},
};

/* HubSpot's search sees a change only "a few moments" later, and integrations that trusted that
 * have lost records to minutes of lag. Re-reading five minutes costs a page or two. */
enum { INDEX_LAG_MS = 5 * 60 * 1000 };

/* ---- writing ---- */

/* What HubSpot calculates, says by the state of a record, or keeps elsewhere; and "{title}", which
 * is made here. Nobody needs to ask discover to know these. */
#define CALCULATED                                                                                 \
    FASTENR_STR("hs_object_id"), FASTENR_STR("createdate"), FASTENR_STR("hs_createdate"),          \
        FASTENR_STR("lastmodifieddate"), FASTENR_STR("hs_lastmodifieddate"),                       \
        FASTENR_STR("hs_merged_object_ids"), FASTENR_STR("hs_object_source"),                      \
        FASTENR_STR("hs_parent_company_id"), FASTENR_STR("associatedcompanyid"),                   \
        FASTENR_STR("hs_deal_stage_probability"), FASTENR_STR("hs_is_closed"),                     \
        FASTENR_STR("hs_is_closed_won"), FASTENR_STR("closed_date"),                               \
        FASTENR_STR("hs_task_completion_date"), FASTENR_STR(HUBSPOT_TITLE)
static const struct fastenr_str calculated[] = {CALCULATED};

#define TO_COMPANIES FASTENR_STR(HUBSPOT_ASSOCIATIONS "companies")
#define TO_CONTACTS  FASTENR_STR(HUBSPOT_ASSOCIATIONS "contacts")
#define TO_DEALS     FASTENR_STR(HUBSPOT_ASSOCIATIONS "deals")
#define TO_TICKETS   FASTENR_STR(HUBSPOT_ASSOCIATIONS "tickets")
static const struct fastenr_str company_links[] = {TO_CONTACTS, TO_DEALS, TO_TICKETS};
static const struct fastenr_str contact_links[] = {TO_COMPANIES, TO_DEALS, TO_TICKETS};
static const struct fastenr_str deal_links[] = {TO_COMPANIES, TO_CONTACTS, TO_TICKETS};
static const struct fastenr_str ticket_links[] = {TO_COMPANIES, TO_CONTACTS, TO_DEALS};
static const struct fastenr_str all_links[] = {TO_COMPANIES, TO_CONTACTS, TO_DEALS, TO_TICKETS};

/* HubSpot has no request that brings an archived record back. */
#define WRITE_FLAGS                                                                                \
    FASTENR_OBJECT_CREATE | FASTENR_OBJECT_UPDATE | FASTENR_OBJECT_UPSERT | FASTENR_OBJECT_ARCHIVE
#define WRITTEN_BY(scope, links)                                                                   \
    .write_rows = HUBSPOT_WRITE_BATCH, .write_scope = FASTENR_STR(scope),                          \
    .associations = FASTENR_TABLE(links), .read_only = FASTENR_TABLE(calculated)

#define READ_FLAGS                                                                                 \
    FASTENR_OBJECT_DELETED | FASTENR_OBJECT_DELETED_ALL | FASTENR_OBJECT_IDS | FASTENR_OBJECT_TIMED
#define OBJECT(object_name, object_label, object, modified_property, object_scope, rows, writing,  \
               links)                                                                              \
    {                                                                                              \
        .name = FASTENR_STR(object_name), .label = FASTENR_STR(object_label),                      \
        .canonical = FASTENR_STR(object), .key = FASTENR_STR("hs_object_id"),                      \
        .modified = FASTENR_STR(modified_property), .scope = FASTENR_STR(object_scope),            \
        .lookback_ms = INDEX_LAG_MS, .mapping = FASTENR_TABLE(rows),                               \
        .flags = READ_FLAGS | WRITE_FLAGS, WRITTEN_BY(writing, links)                              \
    }
/* Read whole each time, so that nothing can be missed. */
#define TABLE(object_name, object_label, object, id, object_scope, rows)                           \
    {                                                                                              \
        .name = FASTENR_STR(object_name), .label = FASTENR_STR(object_label),                      \
        .canonical = FASTENR_STR(object), .key = FASTENR_STR(id),                                  \
        .scope = FASTENR_STR(object_scope), .mapping = FASTENR_TABLE(rows)                         \
    }
#define MODIFIED       "hs_lastmodifieddate" /* contacts alone name it otherwise */
#define SCOPE_CONTACTS "crm.objects.contacts.read"
#define WRITE_CONTACTS "crm.objects.contacts.write"

const struct fastenr_object hubspot_objects[HUBSPOT_OBJECTS] = {
    OBJECT("companies", "Companies", "account", MODIFIED, "crm.objects.companies.read",
           company_mapping, "crm.objects.companies.write", company_links),
    OBJECT("contacts", "Contacts", "contact", "lastmodifieddate", SCOPE_CONTACTS, contact_mapping,
           WRITE_CONTACTS, contact_links),
    OBJECT("deals", "Deals", "deal", MODIFIED, "crm.objects.deals.read", deal_mapping,
           "crm.objects.deals.write", deal_links),
    OBJECT("tickets", "Tickets", "ticket", MODIFIED, "tickets", ticket_mapping, "tickets",
           ticket_links),
    OBJECT("calls", "Calls", "engagement", MODIFIED, SCOPE_CONTACTS, call_mapping, WRITE_CONTACTS,
           all_links),
    OBJECT("emails", "E-mails", "engagement", MODIFIED, "sales-email-read", email_mapping,
           WRITE_CONTACTS, all_links),
    OBJECT("meetings", "Meetings", "engagement", MODIFIED, SCOPE_CONTACTS, meeting_mapping,
           WRITE_CONTACTS, all_links),
    OBJECT("notes", "Notes", "engagement", MODIFIED, SCOPE_CONTACTS, note_mapping, WRITE_CONTACTS,
           all_links),
    OBJECT("tasks", "Tasks", "engagement", MODIFIED, SCOPE_CONTACTS, task_mapping, WRITE_CONTACTS,
           all_links),
    TABLE("owners", "Owners", "owner", "id", "crm.objects.owners.read", owner_mapping),
    TABLE("deal_stages", "Stages of deal pipelines", "pipeline_stage", "stageId",
          "crm.objects.deals.read", deal_stage_mapping),
    TABLE("ticket_stages", "Stages of ticket pipelines", "pipeline_stage", "stageId", "tickets",
          ticket_stage_mapping),
    {.name = FASTENR_STR("*"),
     .label = FASTENR_STR("Custom objects, by id, full name or name: 2-3465404, "
                          "p8675309_subscription, subscription"),
     .canonical = FASTENR_STR("custom_record"),
     .key = FASTENR_STR("hs_object_id"),
     .modified = FASTENR_STR(MODIFIED),
     .scope = FASTENR_STR("crm.objects.custom.read"),
     .lookback_ms = INDEX_LAG_MS,
     .mapping = FASTENR_TABLE(custom_mapping),
     .flags = READ_FLAGS | WRITE_FLAGS | FASTENR_OBJECT_CUSTOM,
     WRITTEN_BY("crm.objects.custom.write", all_links)},
};

static const struct fastenr_object *find(const char *name, uint64_t len)
{
    for (size_t i = 0; i < HUBSPOT_OBJECTS; i++)
        if (len == hubspot_objects[i].name.len &&
            memcmp(name, hubspot_objects[i].name.ptr, (size_t)len) == 0)
            return &hubspot_objects[i];
    return NULL;
}

const struct fastenr_object *hubspot_associated(struct fastenr_str field)
{
    uint64_t before = sizeof HUBSPOT_ASSOCIATIONS - 1;
    if (field.len <= before || memcmp(field.ptr, HUBSPOT_ASSOCIATIONS, (size_t)before) != 0)
        return NULL;
    const struct fastenr_object *object = find(field.ptr + before, field.len - before);
    return object && object < hubspot_objects + HUBSPOT_ASSOCIATED ? object : NULL;
}

fastenr_outcome hubspot_object(struct hubspot *h, struct fastenr_str name,
                               const struct fastenr_object **ret_object)
{
    *ret_object = find(name.ptr, name.len);
    return *ret_object ? FASTENR_OK : hubspot_find_custom(h, name, ret_object);
}
