/* SPDX-License-Identifier: Apache-2.0 */
/* An object of the account's own: subscriptions, with properties that no other object has. */
#include "hubspot.h"

#include "hubspot_seed.h"
#include "hubspot_write.h"

static const char *const plans[] = {"basic", "plus", "all-in", NULL};
static const char *const booleans[] = {"true", "false", NULL};
#define GROUP "subscription_information"

const struct field hubspot_subscription_fields[SUBSCRIPTION_FIELDS] = {
    [SUBSCRIPTION_AUTO_RENEW] = {"auto_renew", "Renews by itself", "booleancheckbox", GROUP,
                                 booleans, TYPE_BOOL, .flags = FIELD_MUTABLE},
    [SUBSCRIPTION_FEE] = {"fee", "Fee a month", "number", GROUP, .type = TYPE_NUMBER,
                          .flags = FIELD_MUTABLE},
    [SUBSCRIPTION_CREATED] = {"hs_createdate", "Object create date/time", "date", GROUP,
                              .type = TYPE_DATETIME,
                              .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [SUBSCRIPTION_MODIFIED] = {"hs_lastmodifieddate", "Object last modified date/time", "date",
                               GROUP, .type = TYPE_DATETIME,
                               .flags = FIELD_READ_ONLY | FIELD_DEFAULT | FIELD_ALWAYS},
    [SUBSCRIPTION_MERGED_IDS] = {"hs_merged_object_ids", "Merged record IDs", "checkbox", GROUP,
                                 .flags = FIELD_READ_ONLY},
    [SUBSCRIPTION_OBJECT_ID] = {"hs_object_id", "Record ID", "number", GROUP, .type = TYPE_NUMBER,
                                .flags =
                                    FIELD_READ_ONLY | FIELD_UNIQUE | FIELD_DEFAULT | FIELD_ALWAYS},
    [SUBSCRIPTION_OWNER] = {"hubspot_owner_id", "Owner", "select", GROUP, hubspot_owner_ids,
                            TYPE_ENUMERATION, .flags = FIELD_MUTABLE},
    [SUBSCRIPTION_PLAN] = {"plan", "Plan", "select", GROUP, plans, TYPE_ENUMERATION,
                           .flags = FIELD_MUTABLE},
    [SUBSCRIPTION_NAME] = {"subscription_name", "Name", "text", GROUP,
                           .flags = FIELD_MUTABLE | FIELD_DEFAULT},
};

bool subscription_value(const struct record *r, unsigned field, struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case SUBSCRIPTION_FEE:
        return hash % 6 != 0 && number(out, 10 + hash % 900);
    case SUBSCRIPTION_AUTO_RENEW:
    case SUBSCRIPTION_PLAN:
    case SUBSCRIPTION_OWNER:
        return hash % 5 != 0 &&
               pick_option(out, hubspot_subscription_fields[field].options, hash >> 8);
    case SUBSCRIPTION_NAME:
        text_add(out, "Seats – \"no. ");
        number(out, 1 + hash % 5000);
        return add(out, "\"");
    default:
        return false;
    }
}

void hubspot_schemas(const struct hubspot *h, struct text *out)
{
    const struct model *m = &h->models[SUBSCRIPTIONS];
    const char *between = "";
    text_printf(out,
                "{\"results\":[{\"labels\":{\"singular\":\"Subscription\",\"plural\":"
                "\"Subscriptions\"},\"requiredProperties\":[\"subscription_name\"],"
                "\"primaryDisplayProperty\":\"subscription_name\",\"archived\":false,\"id\":"
                "\"3465404\",\"fullyQualifiedName\":\"%s\",\"objectTypeId\":\"%s\",\"name\":"
                "\"subscription\",\"properties\":[",
                m->name, m->type_id);
    for (unsigned i = 0; i < m->count; i++) {
        if (h->changes[SUBSCRIPTIONS][i].removed)
            continue;
        text_add(out, between);
        property_write(h, SUBSCRIPTIONS, i, out);
        between = ",";
    }
    text_add(out, "],\"associations\":[]}]}");
}
