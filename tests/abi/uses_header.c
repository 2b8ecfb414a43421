/* SPDX-License-Identifier: Apache-2.0 */
/* A connector in the C that every mode of headers_compile.sh understands, C++ too: what a header
 * hides in macros and inline functions is only compiled where it is used. */
#include "fastenr/json.h"

static const struct fastenr_str choices[] = {FASTENR_STR("a"), FASTENR_STR("b")};
static const struct fastenr_option options[] = {{FASTENR_STR("mode"), FASTENR_OPTION_ENUM,
                                                 FASTENR_OPTION_REQUIRED, FASTENR_STR("a"), 0, 0,
                                                 FASTENR_TABLE(choices), FASTENR_STR("A or b.")}};

static const struct fastenr_services *services;
static struct fastenr_host *host;

static fastenr_outcome create(const struct fastenr_services *svc, struct fastenr_host *h,
                              void **ret_instance)
{
    services = svc;
    host = h;
    *ret_instance = NULL;
    return FASTENR_OK;
}

static void destroy(void *instance)
{
    (void)instance;
}

static fastenr_outcome check(void *instance, struct fastenr_check *ret_check)
{
    static const struct fastenr_str account = FASTENR_STR("account");
    (void)instance;
    ret_check->account_id = account;
    return FASTENR_OK;
}

static fastenr_outcome discover(void *instance, struct fastenr_str object)
{
    (void)instance;
    (void)object;
    return FASTENR_OK;
}

static fastenr_outcome read_all(void *instance, const struct fastenr_selector *selector)
{
    char buf[64];
    struct fastenr_str body;
    struct fastenr_json j = fastenr_json_begin(buf, sizeof buf);
    (void)instance;
    fastenr_json_open(&j, '{');
    fastenr_json_key(&j, "limit");
    fastenr_json_int(&j, (int64_t)selector->limit);
    fastenr_json_key(&j, "object");
    fastenr_json_str(&j, selector->object);
    fastenr_json_close(&j, '}');
    if (!fastenr_json_end(&j, &body))
        return FASTENR_FAILED;
    if (FASTENR_HAS(services, progress))
        services->progress(host, body.len);
    return FASTENR_OK;
}

static fastenr_outcome write_all(void *instance, const struct fastenr_write *write)
{
    static const struct fastenr_str none = {"", 0};
    const char *at = (const char *)write->rows.rows;
    uint32_t i;
    (void)instance;
    for (i = 0; i < write->rows.count; i++, at += write->rows.stride) {
        const struct fastenr_write_row *row = (const struct fastenr_write_row *)(const void *)at;
        fastenr_outcome outcome;
        if (!FASTENR_HAS(services, written))
            return FASTENR_FAILED;
        outcome = services->written(host, row->write_id, FASTENR_RETRY_AFTER, row->id, none);
        if (outcome != FASTENR_OK)
            return outcome;
    }
    return FASTENR_OK;
}

static const struct fastenr_ops ops = {
    sizeof(struct fastenr_ops), 0, create, destroy, check, discover, read_all, write_all,
};

static const struct fastenr_connector connector = {
    FASTENR_MAGIC,
    FASTENR_ABI_MAJOR,
    FASTENR_ABI_MINOR,
    sizeof(struct fastenr_connector),
    FASTENR_STR("com.example.plain"),
    FASTENR_STR("Plain"),
    FASTENR_STR("1.0.0"),
    FASTENR_PLATFORM,
    0,
    FASTENR_TABLE(options),
    {NULL, 0, 0},
    {NULL, 0, 0},
    {NULL, 0, 0},
    {NULL, 0, 0},
    {NULL, 0, 0},
    {NULL, 0, 0},
    &ops,
};

const struct fastenr_connector *fastenr_connector(void)
{
    return &connector;
}
