/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of companies and contacts, as HubSpot defines them, and how they are described. */
#include "hubspot.h"

const char *const hubspot_lifecycles[] = {
    "subscriber",         "lead",        "marketingqualifiedlead",
    "salesqualifiedlead", "opportunity", "customer",
    "evangelist",         "other",       NULL};
const char *const hubspot_lead_statuses[] = {"NEW",       "OPEN",        "IN_PROGRESS",
                                             "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT",
                                             "CONNECTED", "BAD_TIMING",  NULL};
const char *const hubspot_industries[] = {"ACCOUNTING",
                                          "AUTOMOTIVE",
                                          "BANKING",
                                          "BIOTECHNOLOGY",
                                          "CHEMICALS",
                                          "COMPUTER_SOFTWARE",
                                          "CONSTRUCTION",
                                          "CONSUMER_GOODS",
                                          "EDUCATION_MANAGEMENT",
                                          "FINANCIAL_SERVICES",
                                          "FOOD_BEVERAGES",
                                          "HOSPITAL_HEALTH_CARE",
                                          "INFORMATION_TECHNOLOGY_AND_SERVICES",
                                          "INSURANCE",
                                          "LOGISTICS_AND_SUPPLY_CHAIN",
                                          "MACHINERY",
                                          "OIL_ENERGY",
                                          "REAL_ESTATE",
                                          "RETAIL",
                                          "TELECOMMUNICATIONS",
                                          "UTILITIES",
                                          NULL};
const char *const hubspot_owner_ids[] = {"61047281", "61047295", "61048810", "61050334",
                                         "61052907", "61039944", "61040127", NULL};
static const char *const booleans[] = {"true", "false", NULL};
static const char *const company_types[] = {"PROSPECT", "PARTNER", "RESELLER",
                                            "VENDOR",   "OTHER",   NULL};
static const char *const sources[] = {"IMPORT", "CRM_UI", "FORM", "INTEGRATION", NULL};
static const char *const languages[] = {"en", "de", "fr", "es", "sv", "ja", NULL};

#define COMPANY "companyinformation"
#define CONTACT "contactinformation"

static const struct field company_fields[] = {
    [COMPANY_ADDRESS] = {"address", "Street Address", "text", COMPANY, .flags = FIELD_MUTABLE},
    [COMPANY_ANNUALREVENUE] = {"annualrevenue", "Annual Revenue", "number", COMPANY,
                               .type = TYPE_NUMBER, .flags = FIELD_MUTABLE},
    [COMPANY_CITY] = {"city", "City", "text", COMPANY, .flags = FIELD_MUTABLE},
    [COMPANY_COUNTRY] = {"country", "Country/Region", "text", COMPANY},
    [COMPANY_CREATEDATE] = {"createdate", "Create Date", "date", COMPANY, .type = TYPE_DATETIME,
                            .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [COMPANY_DESCRIPTION] = {"description", "Description", "textarea", COMPANY,
                             .flags = FIELD_MUTABLE},
    [COMPANY_DOMAIN] = {"domain", "Company Domain Name", "text", COMPANY, .flags = FIELD_DEFAULT},
    [COMPANY_FOUNDED_YEAR] = {"founded_year", "Year Founded", "text", COMPANY},
    [COMPANY_LASTMODIFIED] = {"hs_lastmodifieddate", "Last Modified Date", "date", COMPANY,
                              .type = TYPE_DATETIME,
                              .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [COMPANY_LEAD_STATUS] = {"hs_lead_status", "Lead Status", "radio", COMPANY,
                             hubspot_lead_statuses, TYPE_ENUMERATION, FIELD_MUTABLE},
    [COMPANY_MERGED_IDS] = {"hs_merged_object_ids", "Merged record IDs", "checkbox", COMPANY,
                            .type = TYPE_STRING, .flags = FIELD_READ_ONLY},
    [COMPANY_OBJECT_ID] = {"hs_object_id", "Record ID", "number", COMPANY, .type = TYPE_NUMBER,
                           .flags = FIELD_READ_ONLY | FIELD_UNIQUE | FIELD_DEFAULT | FIELD_ALWAYS},
    [COMPANY_OBJECT_SOURCE] = {"hs_object_source", "Record source", "select", COMPANY, sources,
                               TYPE_ENUMERATION, FIELD_READ_ONLY},
    [COMPANY_PARENT] = {"hs_parent_company_id", "Parent Company", "number", COMPANY,
                        .type = TYPE_NUMBER, .flags = FIELD_READ_ONLY},
    [COMPANY_OWNER] = {"hubspot_owner_id", "Company owner", "select", COMPANY, hubspot_owner_ids,
                       TYPE_ENUMERATION, FIELD_MUTABLE},
    [COMPANY_INDUSTRY] = {"industry", "Industry", "select", COMPANY, hubspot_industries,
                          TYPE_ENUMERATION, FIELD_MUTABLE},
    [COMPANY_IS_PUBLIC] = {"is_public", "Is Public", "booleancheckbox", COMPANY, booleans,
                           TYPE_BOOL},
    [COMPANY_LIFECYCLE] = {"lifecyclestage", "Lifecycle Stage", "radio", COMPANY,
                           hubspot_lifecycles, TYPE_ENUMERATION, FIELD_MUTABLE},
    [COMPANY_LINKEDIN] = {"linkedin_company_page", "LinkedIn Company Page", "text",
                          "socialmediainformation"},
    [COMPANY_NAME] = {"name", "Company name", "text", COMPANY,
                      .flags = FIELD_DEFAULT | FIELD_MUTABLE},
    [COMPANY_EMPLOYEES] = {"numberofemployees", "Number of Employees", "number", COMPANY,
                           .type = TYPE_NUMBER, .flags = FIELD_MUTABLE},
    [COMPANY_PHONE] = {"phone", "Phone Number", "text", COMPANY, .flags = FIELD_MUTABLE},
    [COMPANY_STATE] = {"state", "State/Region", "text", COMPANY},
    [COMPANY_TIMEZONE] = {"timezone", "Time Zone", "text", COMPANY},
    [COMPANY_TYPE] = {"type", "Type", "select", COMPANY, company_types, TYPE_ENUMERATION,
                      FIELD_MUTABLE},
    [COMPANY_WEBSITE] = {"website", "Website URL", "text", COMPANY},
    [COMPANY_ZIP] = {"zip", "Postal Code", "text", COMPANY, .flags = FIELD_MUTABLE},
};

static const struct field contact_fields[] = {
    [CONTACT_ADDRESS] = {"address", "Street Address", "text", CONTACT, .flags = FIELD_MUTABLE},
    [CONTACT_COMPANY_ID] = {"associatedcompanyid", "Primary Associated Company ID", "number",
                            CONTACT, .type = TYPE_NUMBER, .flags = FIELD_READ_ONLY},
    [CONTACT_CITY] = {"city", "City", "text", CONTACT, .flags = FIELD_MUTABLE},
    [CONTACT_COMPANY] = {"company", "Company Name", "text", CONTACT},
    [CONTACT_COUNTRY] = {"country", "Country/Region", "text", CONTACT},
    [CONTACT_CREATEDATE] = {"createdate", "Create Date", "date", CONTACT, .type = TYPE_DATETIME,
                            .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [CONTACT_EMAIL] = {"email", "Email", "text", CONTACT, .flags = FIELD_UNIQUE | FIELD_DEFAULT},
    [CONTACT_FIRSTNAME] = {"firstname", "First Name", "text", CONTACT,
                           .flags = FIELD_DEFAULT | FIELD_MUTABLE},
    [CONTACT_OPTOUT] = {"hs_email_optout", "Unsubscribed from all email", "booleancheckbox",
                        "emailinformation", booleans, TYPE_BOOL, FIELD_READ_ONLY},
    [CONTACT_LANGUAGE] = {"hs_language", "Preferred language", "select", CONTACT, languages,
                          TYPE_ENUMERATION, FIELD_MUTABLE},
    [CONTACT_LEAD_STATUS] = {"hs_lead_status", "Lead Status", "radio", "sales_properties",
                             hubspot_lead_statuses, TYPE_ENUMERATION, FIELD_MUTABLE},
    [CONTACT_MERGED_IDS] = {"hs_merged_object_ids", "Merged record IDs", "checkbox", CONTACT,
                            .type = TYPE_STRING, .flags = FIELD_READ_ONLY},
    [CONTACT_OBJECT_ID] = {"hs_object_id", "Record ID", "number", CONTACT, .type = TYPE_NUMBER,
                           .flags = FIELD_READ_ONLY | FIELD_UNIQUE | FIELD_DEFAULT | FIELD_ALWAYS},
    [CONTACT_OBJECT_SOURCE] = {"hs_object_source", "Record source", "select", CONTACT, sources,
                               TYPE_ENUMERATION, FIELD_READ_ONLY},
    [CONTACT_TIMEZONE] = {"hs_timezone", "Time Zone", "text", CONTACT},
    [CONTACT_OWNER] = {"hubspot_owner_id", "Contact owner", "select", "sales_properties",
                       hubspot_owner_ids, TYPE_ENUMERATION, FIELD_MUTABLE},
    [CONTACT_JOBTITLE] = {"jobtitle", "Job Title", "text", CONTACT, .flags = FIELD_MUTABLE},
    [CONTACT_LASTMODIFIED] = {"lastmodifieddate", "Last Modified Date", "date", CONTACT,
                              .type = TYPE_DATETIME,
                              .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [CONTACT_LASTNAME] = {"lastname", "Last Name", "text", CONTACT,
                          .flags = FIELD_DEFAULT | FIELD_MUTABLE},
    [CONTACT_LIFECYCLE] = {"lifecyclestage", "Lifecycle Stage", "radio", CONTACT,
                           hubspot_lifecycles, TYPE_ENUMERATION, FIELD_MUTABLE},
    [CONTACT_MOBILEPHONE] = {"mobilephone", "Mobile Phone Number", "phonenumber", CONTACT,
                             .flags = FIELD_MUTABLE},
    [CONTACT_PHONE] = {"phone", "Phone Number", "phonenumber", CONTACT, .flags = FIELD_MUTABLE},
    [CONTACT_SALUTATION] = {"salutation", "Salutation", "text", CONTACT},
    [CONTACT_STATE] = {"state", "State/Region", "text", CONTACT},
    [CONTACT_WEBSITE] = {"website", "Website URL", "text", CONTACT},
    [CONTACT_ZIP] = {"zip", "Postal Code", "text", CONTACT, .flags = FIELD_MUTABLE},
};

const struct model hubspot_models[TYPES] = {
    [COMPANIES] = {"companies", "company", "0-2", "crm.objects.companies.read",
                   "crm.objects.companies.write", company_fields, COMPANY_FIELDS,
                   COMPANY_LASTMODIFIED, COMPANY_CREATEDATE, COMPANY_OBJECT_ID, COMPANY_MERGED_IDS},
    [CONTACTS] = {"contacts", "contact", "0-1", "crm.objects.contacts.read",
                  "crm.objects.contacts.write", contact_fields, CONTACT_FIELDS,
                  CONTACT_LASTMODIFIED, CONTACT_CREATEDATE, CONTACT_OBJECT_ID, CONTACT_MERGED_IDS},
    [DEALS] = {"deals", "deal", "0-3", "crm.objects.deals.read", "crm.objects.deals.write",
               hubspot_deal_fields, DEAL_FIELDS, DEAL_MODIFIED, DEAL_CREATED, DEAL_OBJECT_ID,
               DEAL_MERGED_IDS},
    [TICKETS] = {"tickets", "ticket", "0-5", "tickets", "tickets", hubspot_ticket_fields,
                 TICKET_FIELDS, TICKET_MODIFIED, TICKET_CREATED, TICKET_OBJECT_ID,
                 TICKET_MERGED_IDS},
    [CALLS] = {"calls", "call", "0-48", "crm.objects.contacts.read", "crm.objects.contacts.write",
               hubspot_call_fields, CALL_FIELDS, CALL_MODIFIED, CALL_CREATED, CALL_OBJECT_ID,
               CALL_MERGED_IDS},
    [EMAILS] = {"emails", "email", "0-49", "sales-email-read", "crm.objects.contacts.write",
                hubspot_email_fields, EMAIL_FIELDS, EMAIL_MODIFIED, EMAIL_CREATED, EMAIL_OBJECT_ID,
                EMAIL_MERGED_IDS},
    [MEETINGS] = {"meetings", "meeting", "0-47", "crm.objects.contacts.read",
                  "crm.objects.contacts.write", hubspot_meeting_fields, MEETING_FIELDS,
                  MEETING_MODIFIED, MEETING_CREATED, MEETING_OBJECT_ID, MEETING_MERGED_IDS},
    [NOTES] = {"notes", "note", "0-46", "crm.objects.contacts.read", "crm.objects.contacts.write",
               hubspot_note_fields, NOTE_FIELDS, NOTE_MODIFIED, NOTE_CREATED, NOTE_OBJECT_ID,
               NOTE_MERGED_IDS},
    [TASKS] = {"tasks", "task", "0-27", "crm.objects.contacts.read", "crm.objects.contacts.write",
               hubspot_task_fields, TASK_FIELDS, TASK_MODIFIED, TASK_CREATED, TASK_OBJECT_ID,
               TASK_MERGED_IDS},
    [SUBSCRIPTIONS] = {"p8675309_subscription", "p_subscription", "2-3465404",
                       "crm.objects.custom.read", "crm.objects.custom.write",
                       hubspot_subscription_fields, SUBSCRIPTION_FIELDS, SUBSCRIPTION_MODIFIED,
                       SUBSCRIPTION_CREATED, SUBSCRIPTION_OBJECT_ID, SUBSCRIPTION_MERGED_IDS},
};

int model_type(const char *name)
{
    for (int i = 0; i < TYPES; i++) {
        const struct model *m = &hubspot_models[i];
        if (strcmp(name, m->name) == 0 || strcmp(name, m->singular) == 0 ||
            strcmp(name, m->type_id) == 0)
            return i;
    }
    return -1;
}

int model_property(const struct model *m, const char *name, size_t len)
{
    for (unsigned i = 0; i < m->count; i++)
        if (strncmp(m->fields[i].name, name, len) == 0 && m->fields[i].name[len] == '\0')
            return (int)i;
    return -1;
}

uint64_t model_mask(const struct model *m, unsigned flags)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < m->count; i++)
        if (m->fields[i].flags & flags)
            mask |= UINT64_C(1) << i;
    return mask;
}

/* ---- descriptions ---- */

static void write_option(const char *option, size_t at, struct text *out)
{
    text_printf(out, "%s{\"label\":\"%s\",\"value\":\"%s\",\"displayOrder\":%zu,\"hidden\":false}",
                at ? "," : "", option, option, at);
}

static void write_options(const struct field *f, const struct property_change *change,
                          struct text *out)
{
    size_t n = 0;
    text_add(out, ",\"options\":[");
    while (f->options && f->options[n]) {
        write_option(f->options[n], n, out);
        n++;
    }
    for (size_t i = 0; i < change->option_count; i++)
        write_option(change->options[i], n + i, out);
    text_char(out, ']');
}

void model_write_property(const struct model *m, unsigned field,
                          const struct property_change *change, struct text *out)
{
    const struct field *f = &m->fields[field];
    int type = change->type > 0 ? change->type - 1 : (int)f->type;
    bool fixed = (f->flags & FIELD_READ_ONLY) != 0;
    text_printf(out,
                "{\"updatedAt\":\"2025-03-11T09:21:47.102Z\",\"createdAt\":\"2019-08-06T02:41:"
                "08.029Z\",\"name\":\"%s\",\"label\":\"%s\",\"type\":\"%s\",\"fieldType\":\"%s\","
                "\"description\":\"%s of the %s\",\"groupName\":\"%s\"",
                f->name, f->label, hubspot_type_names[type], f->field_type, f->label, m->singular,
                f->group);
    write_options(f, change, out);
    text_printf(out,
                ",\"displayOrder\":-1,\"calculated\":false,\"externalOptions\":%s,\"archived\":"
                "false,\"hasUniqueValue\":%s,\"hidden\":%s,\"hubspotDefined\":true,"
                "\"modificationMetadata\":{\"archivable\":true,\"readOnlyDefinition\":true,"
                "\"readOnlyValue\":%s},\"formField\":%s,\"dataSensitivity\":\"non_sensitive\"}",
                f->options == hubspot_owner_ids ? "true" : "false",
                f->flags & FIELD_UNIQUE ? "true" : "false", "false", fixed ? "true" : "false",
                fixed ? "false" : "true");
}
