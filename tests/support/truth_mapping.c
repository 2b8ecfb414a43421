/* SPDX-License-Identifier: Apache-2.0 */
#include "truth_mapping.h"

static const struct field company_fields[] = {
    {"name", "name", AS_IS, NULL},
    {"domain", "domain", LOWERED, NULL},
    {"industry", "industry", AS_IS, NULL},
    {"parent_id", "hs_parent_company_id", OF_COMPANY, NULL},
    {"owner_email", "hubspot_owner_id", OWNER_ADDRESS, NULL}};
static const struct field company_custom[] = {
    {"website", "website", AS_IS, NULL},
    {"phone", "phone", AS_IS, NULL},
    {"city", "city", AS_IS, NULL},
    {"state", "state", AS_IS, NULL},
    {"country", "country", AS_IS, NULL},
    {"number_of_employees", "numberofemployees", AS_IS, NULL},
    {"annual_revenue", "annualrevenue", AS_IS, NULL},
    {"lifecycle_stage", "lifecyclestage", AS_IS, NULL},
    {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field contact_fields[] = {
    {"account_id", "associatedcompanyid", OF_COMPANY, NULL},
    {"first_name", "firstname", AS_IS, NULL},
    {"last_name", "lastname", AS_IS, NULL},
    {"email", "email", LOWERED, NULL},
    {"phone", "phone", TRIMMED, NULL},
    {"title", "jobtitle", AS_IS, NULL}};
static const struct field contact_custom[] = {{"mobile_phone", "mobilephone", AS_IS, NULL},
                                              {"city", "city", AS_IS, NULL},
                                              {"country", "country", AS_IS, NULL},
                                              {"lifecycle_stage", "lifecyclestage", AS_IS, NULL},
                                              {"lead_status", "hs_lead_status", AS_IS, NULL},
                                              {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field deal_fields[] = {
    {"account_id", "companies", FIRST_COMPANY, NULL},
    {"name", "dealname", AS_IS, NULL},
    {"amount", "amount", MINOR_UNITS, NULL},
    {"currency", "deal_currency_code", AS_IS, NULL},
    {"stage", "dealstage", DEAL_LABEL, NULL},
    {"pipeline", "dealstage", DEAL_PIPELINE, NULL},
    {"owner_email", "hubspot_owner_id", OWNER_ADDRESS, NULL},
    {"probability", "hs_deal_stage_probability", PERCENT, NULL},
    {"close_date", "closedate", DAYS, NULL},
    {"status", "dealstage", DEAL_STATUS, NULL}};
static const struct field deal_custom[] = {
    {"deal_type", "dealtype", AS_IS, NULL},
    {"forecast_category", "hs_forecast_category", AS_IS, NULL},
    {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field ticket_fields[] = {
    {"account_id", "companies", FIRST_COMPANY, NULL},
    {"contact_id", "contacts", FIRST_CONTACT, NULL},
    {"subject", "subject", AS_IS, NULL},
    {"description", "content", AS_IS, NULL},
    {"status", "hs_pipeline_stage", TICKET_STATUS, NULL},
    {"assignee_email", "hubspot_owner_id", OWNER_ADDRESS, NULL},
    {"priority", "hs_ticket_priority", LOWERED, NULL},
    {"channel", "source_type", LOWERED, NULL},
    {"opened_at", "createdate", MICROSECONDS, NULL},
    {"solved_at", "closed_date", MICROSECONDS, NULL}};
static const struct field ticket_custom[] = {{"stage", "hs_pipeline_stage", AS_IS, NULL},
                                             {"pipeline", "hs_pipeline", AS_IS, NULL},
                                             {"category", "hs_ticket_category", AS_IS, NULL},
                                             {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field call_fields[] = {{"account_id", "companies", FIRST_COMPANY, NULL},
                                           {"contact_id", "contacts", FIRST_CONTACT, NULL},
                                           {"type", "call", CONSTANT, NULL},
                                           {"title", "hs_call_title", AS_IS, "Call"},
                                           {"description", "hs_call_body", AS_IS, NULL},
                                           {"completed_at", "hs_timestamp", MICROSECONDS, NULL},
                                           {"duration_minutes", "hs_call_duration", MINUTES, NULL}};
static const struct field call_custom[] = {{"direction", "hs_call_direction", AS_IS, NULL},
                                           {"status", "hs_call_status", AS_IS, NULL},
                                           {"disposition", "hs_call_disposition", AS_IS, NULL},
                                           {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field email_fields[] = {{"account_id", "companies", FIRST_COMPANY, NULL},
                                            {"contact_id", "contacts", FIRST_CONTACT, NULL},
                                            {"type", "email", CONSTANT, NULL},
                                            {"title", "hs_email_subject", AS_IS, "E-mail"},
                                            {"description", "hs_email_text", AS_IS, NULL},
                                            {"completed_at", "hs_timestamp", MICROSECONDS, NULL}};
static const struct field email_custom[] = {{"direction", "hs_email_direction", AS_IS, NULL},
                                            {"status", "hs_email_status", AS_IS, NULL},
                                            {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field meeting_fields[] = {
    {"account_id", "companies", FIRST_COMPANY, NULL},
    {"contact_id", "contacts", FIRST_CONTACT, NULL},
    {"type", "meeting", CONSTANT, NULL},
    {"title", "hs_meeting_title", AS_IS, "Meeting"},
    {"description", "hs_meeting_body", AS_IS, NULL},
    {"scheduled_at", "hs_meeting_start_time", MICROSECONDS, NULL},
    {"meeting_url", "hs_meeting_external_url", AS_IS, NULL}};
static const struct field meeting_custom[] = {
    {"end_time", "hs_meeting_end_time", AS_IS, NULL},
    {"location", "hs_meeting_location", AS_IS, NULL},
    {"meeting_outcome", "hs_meeting_outcome", AS_IS, NULL},
    {"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field note_fields[] = {{"account_id", "companies", FIRST_COMPANY, NULL},
                                           {"contact_id", "contacts", FIRST_CONTACT, NULL},
                                           {"type", "note", CONSTANT, NULL},
                                           {"title", "hs_note_body", FIRST_WORDS, "Note"},
                                           {"description", "hs_note_body", AS_IS, NULL},
                                           {"completed_at", "hs_timestamp", MICROSECONDS, NULL}};
static const struct field note_custom[] = {{"owner_id", "hubspot_owner_id", AS_IS, NULL}};
static const struct field task_fields[] = {
    {"account_id", "companies", FIRST_COMPANY, NULL},
    {"contact_id", "contacts", FIRST_CONTACT, NULL},
    {"type", "task", CONSTANT, NULL},
    {"title", "hs_task_subject", AS_IS, "Task"},
    {"description", "hs_task_body", AS_IS, NULL},
    {"scheduled_at", "hs_timestamp", MICROSECONDS, NULL},
    {"completed_at", "hs_task_completion_date", MICROSECONDS, NULL}};
static const struct field task_custom[] = {{"status", "hs_task_status", AS_IS, NULL},
                                           {"priority", "hs_task_priority", AS_IS, NULL},
                                           {"owner_id", "hubspot_owner_id", AS_IS, NULL}};

static const struct field subscription_fields[] = {
    {"object", "p8675309_subscription", CONSTANT, NULL},
    {"title", "subscription_name", AS_IS, NULL},
    {"fields", "", ALL_PROPERTIES, NULL},
    {"account_id", "companies", FIRST_COMPANY, NULL},
    {"contact_id", "contacts", FIRST_CONTACT, NULL},
    {"deal_id", "deals", FIRST_DEAL, NULL}};
static const struct field owner_fields[] = {{"email", "email", AS_IS, NULL},
                                            {"name", "name", AS_IS, NULL},
                                            {"user_id", "user", AS_IS, NULL},
                                            {"active", "left", NEGATED, NULL}};
static const struct field deal_stage_fields[] = {
    {"object", "object", AS_IS, NULL},           {"pipeline", "pipeline_label", AS_IS, NULL},
    {"pipeline_id", "pipeline", AS_IS, NULL},    {"stage", "label", AS_IS, NULL},
    {"stage_id", "stage", AS_IS, NULL},          {"display_order", "order", AS_IS, NULL},
    {"closed", "closed", BOOLEAN, NULL},         {"probability", "probability", PERCENT, NULL},
    {"deal_status", "stage", STAGE_STATUS, NULL}};
static const struct field ticket_stage_fields[] = {
    {"object", "object", AS_IS, NULL},        {"pipeline", "pipeline_label", AS_IS, NULL},
    {"pipeline_id", "pipeline", AS_IS, NULL}, {"stage", "label", AS_IS, NULL},
    {"stage_id", "stage", AS_IS, NULL},       {"display_order", "order", AS_IS, NULL},
    {"closed", "closed", BOOLEAN, NULL},      {"ticket_status", "stage", STAGE_STATUS, NULL}};

#define MODIFIED    "hs_lastmodifieddate"
#define ROWS(array) array, sizeof(array) / sizeof((array)[0])
const struct kind truth_kinds[TRUTH_OBJECTS] = {
    {"companies", "account", MODIFIED, ROWS(company_fields), ROWS(company_custom)},
    {"contacts", "contact", "lastmodifieddate", ROWS(contact_fields), ROWS(contact_custom)},
    {"deals", "deal", MODIFIED, ROWS(deal_fields), ROWS(deal_custom)},
    {"tickets", "ticket", MODIFIED, ROWS(ticket_fields), ROWS(ticket_custom)},
    {"calls", "engagement", MODIFIED, ROWS(call_fields), ROWS(call_custom)},
    {"emails", "engagement", MODIFIED, ROWS(email_fields), ROWS(email_custom)},
    {"meetings", "engagement", MODIFIED, ROWS(meeting_fields), ROWS(meeting_custom)},
    {"notes", "engagement", MODIFIED, ROWS(note_fields), ROWS(note_custom)},
    {"tasks", "engagement", MODIFIED, ROWS(task_fields), ROWS(task_custom)},
    {"p8675309_subscription", "custom_record", MODIFIED, ROWS(subscription_fields), NULL, 0},
    {"owners", "owner", NULL, ROWS(owner_fields), NULL, 0},
    {"deal_stages", "pipeline_stage", NULL, ROWS(deal_stage_fields), NULL, 0},
    {"ticket_stages", "pipeline_stage", NULL, ROWS(ticket_stage_fields), NULL, 0}};

const char *truth_object(size_t i)
{
    return truth_kinds[i].object;
}
