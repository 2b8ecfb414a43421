/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a connector is: it needs nothing but the SDK's one header. */
#include "fastenr/connector.h"

struct tiny {
    const struct fastenr_services *services;
    struct fastenr_host *host;
};

static fastenr_outcome create(const struct fastenr_services *services, struct fastenr_host *host,
                              void **ret_instance)
{
    static struct tiny tiny; /* one instance a process */
    tiny.services = services;
    tiny.host = host;
    *ret_instance = &tiny;
    return FASTENR_OK;
}

static void destroy(void *instance)
{
    (void)instance;
}

static fastenr_outcome check(void *instance, struct fastenr_check *ret_check)
{
    (void)instance;
    ret_check->account_id = (struct fastenr_str)FASTENR_STR("tiny");
    return FASTENR_OK;
}

static fastenr_outcome discover(void *instance, struct fastenr_str object)
{
    struct tiny *t = instance;
    struct fastenr_field field = {
        .size = sizeof field, .type = FASTENR_FIELD_STRING, .name = FASTENR_STR("mail")};
    (void)object;
    return t->services->emit_field(t->host, &field);
}

static fastenr_outcome read(void *instance, const struct fastenr_selector *selector)
{
    static const struct fastenr_record people[] = {
        {.size = sizeof people[0],
         .id = FASTENR_STR("1"),
         .fields = FASTENR_STR("{\"mail\":\"ada@tiny.test\",\"first\":\"Ada\"}")},
        {.size = sizeof people[0],
         .id = FASTENR_STR("2"),
         .fields = FASTENR_STR("{\"mail\":\"bob@tiny.test\",\"first\":\"Bob\"}")},
        {.size = sizeof people[0],
         .id = FASTENR_STR("3"),
         .fields = FASTENR_STR("{\"mail\":\"cy@tiny.test\",\"first\":\"Cy\"}")},
    };
    struct tiny *t = instance;
    fastenr_outcome outcome = FASTENR_OK;
    (void)selector;
    for (int i = 0; i < 3 && outcome == FASTENR_OK; i++)
        outcome = t->services->emit_record(t->host, &people[i]);
    return outcome;
}

static const struct fastenr_mapping mapping[] = {
    {.to = FASTENR_STR("email"), .from = FASTENR_STR("mail")},
    {.to = FASTENR_STR("first_name"), .from = FASTENR_STR("first")},
};
static const struct fastenr_object objects[] = {
    {.name = FASTENR_STR("people"),
     .label = FASTENR_STR("People"),
     .canonical = FASTENR_STR("contact"),
     .key = FASTENR_STR("id"),
     .mapping = FASTENR_TABLE(mapping)},
};
static const struct fastenr_ops ops = {.size = sizeof ops,
                                       .create = create,
                                       .destroy = destroy,
                                       .check = check,
                                       .discover = discover,
                                       .read = read};
static const struct fastenr_connector tiny = {
    .magic = FASTENR_MAGIC,
    .abi_major = FASTENR_ABI_MAJOR,
    .abi_minor = FASTENR_ABI_MINOR,
    .size = sizeof tiny,
    .id = FASTENR_STR("com.fastenr.test.tiny"),
    .name = FASTENR_STR("Tiny"),
    .version = FASTENR_STR("1.0.0"),
    .category = FASTENR_PLATFORM,
    .objects = FASTENR_TABLE(objects),
    .ops = &ops,
};

FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void);
FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void)
{
    return &tiny;
}
