/* SPDX-License-Identifier: Apache-2.0 */
/* Attaches to pages: what is to it, what belongs to a page before, nothing, and more than it may.
 * It logs each outcome. */
#define WHEN_READ return attach_all()
#include "fastenr/connector.h"

static fastenr_outcome attach_all(void);
#include "fixture.h"

static const struct fastenr_str field = FASTENR_STR("x");

static uint64_t get(void)
{
    struct fastenr_request request = {.size = sizeof request,
                                      .method = FASTENR_STR("GET"),
                                      .url = FASTENR_STR("https://things.test/")};
    struct fastenr_response response = {0};
    services->http(host, &request, &response);
    return response.handle;
}

static fastenr_outcome attach(uint64_t handle, struct fastenr_str to)
{
    struct fastenr_attach spec = {.size = sizeof spec, .field = to};
    return services->attach(host, handle, &spec);
}

static void tell(fastenr_outcome outcome)
{
    static const struct fastenr_str words[] = {FASTENR_STR("ok"), FASTENR_STR("failed"),
                                               FASTENR_STR("other")};
    services->log(host, FASTENR_LOG_INFO,
                  words[outcome == FASTENR_OK       ? 0
                        : outcome == FASTENR_FAILED ? 1
                                                    : 2]);
}

static void emit(void)
{
    struct fastenr_page page = {.size = sizeof page};
    struct fastenr_page_result result = {.size = sizeof result};
    tell(services->emit_page(host, get(), &page, &result));
}

static fastenr_outcome attach_all(void)
{
    const struct fastenr_str none = {"", 0};
    uint64_t handle = get();
    tell(attach(handle, field));
    tell(attach(handle, field)); /* it is consumed */
    tell(attach(12345, field));  /* never given */
    handle = get();
    tell(attach(handle, none)); /* to no field */
    services->release(host, handle);
    emit();
    emit(); /* nothing is left of the page before */
    fastenr_outcome outcome = FASTENR_OK;
    for (int i = 0; i < 1000 && outcome == FASTENR_OK; i++) {
        handle = get();
        outcome = attach(handle, field);
    }
    services->release(host, handle);
    emit();
    return attach(0, field);
}
