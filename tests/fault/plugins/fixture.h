/* SPDX-License-Identifier: Apache-2.0 */
/* A connector that does nothing, for those that do one thing wrong: include it and override what
 * differs. `WHEN_*` bodies run in the phase they name. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "fastenr/connector.h"

#ifndef FIXTURE_MAJOR
#define FIXTURE_MAJOR FASTENR_ABI_MAJOR
#endif
#ifndef FIXTURE_MINOR
#define FIXTURE_MINOR FASTENR_ABI_MINOR
#endif
#ifndef FIXTURE_MAGIC
#define FIXTURE_MAGIC FASTENR_MAGIC
#endif
#ifndef FIXTURE_ID
#define FIXTURE_ID "com.fastenr.test.fixture"
#endif
#ifndef WHEN_ENTERED
#define WHEN_ENTERED
#endif
#ifndef WHEN_CREATED
#define WHEN_CREATED
#endif
#ifndef WHEN_CHECKED
#define WHEN_CHECKED
#endif
#ifndef WHEN_DISCOVERED
#define WHEN_DISCOVERED
#endif
#ifndef WHEN_READ
#define WHEN_READ
#endif
#ifndef WHEN_DESTROYED
#define WHEN_DESTROYED
#endif

static const struct fastenr_services *services;
static struct fastenr_host *host;

static fastenr_outcome fixture_create(const struct fastenr_services *svc, struct fastenr_host *h,
                                      void **ret_instance)
{
    services = svc;
    host = h;
    *ret_instance = NULL;
    WHEN_CREATED;
    return FASTENR_OK;
}

static void fixture_destroy(void *instance)
{
    (void)instance;
    WHEN_DESTROYED;
}

static fastenr_outcome fixture_check(void *instance, struct fastenr_check *ret_check)
{
    static const char account[] = "fixture";
    (void)instance;
    WHEN_CHECKED;
    ret_check->account_id.ptr = account;
    ret_check->account_id.len = sizeof account - 1;
    return FASTENR_OK;
}

static fastenr_outcome fixture_discover(void *instance, struct fastenr_str object)
{
    (void)instance;
    (void)object;
    WHEN_DISCOVERED;
    return FASTENR_OK;
}

static fastenr_outcome fixture_read(void *instance, const struct fastenr_selector *selector)
{
    (void)instance;
    (void)selector;
    WHEN_READ;
    return FASTENR_OK;
}

#ifdef WHEN_WRITTEN
static fastenr_outcome fixture_write(void *instance, const struct fastenr_write *write)
{
    (void)instance;
    (void)write;
    WHEN_WRITTEN;
    return FASTENR_OK;
}
#define FIXTURE_WRITES .flags = FASTENR_OBJECT_CREATE, .write_rows = 100,
#else
#define fixture_write NULL
#define FIXTURE_WRITES
#endif

static const struct fastenr_ops fixture_ops = {.size = sizeof(struct fastenr_ops),
                                               .create = fixture_create,
                                               .destroy = fixture_destroy,
                                               .check = fixture_check,
                                               .discover = fixture_discover,
                                               .read = fixture_read,
                                               .write = fixture_write};

#ifndef FIXTURE_OBJECTS
static const struct fastenr_object fixture_objects[] = {
    {.name = FASTENR_STR("things"),
     .label = FASTENR_STR("Things"),
     .canonical = FASTENR_STR("account"),
     .key = FASTENR_STR("id"),
     FIXTURE_WRITES},
};
#define FIXTURE_OBJECTS fixture_objects
#endif

#ifdef FIXTURE_EXTENSION
static const struct fastenr_str fixture_extensions[] = {FASTENR_STR(FIXTURE_EXTENSION)};
#endif

#ifdef FIXTURE_HOST
static const struct fastenr_host_pattern fixture_hosts[] = {{FASTENR_STR(FIXTURE_HOST)}};
#endif

#ifndef FIXTURE_NO_ENTRY
static struct fastenr_connector fixture = {
    .magic = FIXTURE_MAGIC,
    .abi_major = FIXTURE_MAJOR,
    .abi_minor = FIXTURE_MINOR,
    .size = sizeof(struct fastenr_connector),
    .id = FASTENR_STR(FIXTURE_ID),
    .name = FASTENR_STR("Fixture"),
    .version = FASTENR_STR("1.0.0"),
    .category = FASTENR_PLATFORM,
    .objects = FASTENR_TABLE(FIXTURE_OBJECTS),
#ifdef FIXTURE_OPTIONS
    .options = FASTENR_TABLE(FIXTURE_OPTIONS),
#endif
#ifdef FIXTURE_HOST
    .hosts = FASTENR_TABLE(fixture_hosts),
#endif
#ifdef FIXTURE_EXTENSION
    .required_extensions = FASTENR_TABLE(fixture_extensions),
#endif
    .ops = &fixture_ops,
};

FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void);
FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void)
{
    WHEN_ENTERED;
    return &fixture;
}
#endif

#endif
