/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's owners and pipelines. */
#include "unit.h"
#include "sandbox_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sandbox *s;

static void open_small(void)
{
    s = make_small(50, 20);
}

static int count_owners(const char *query)
{
    char target[120];
    snprintf(target, sizeof target, "/crm/v3/owners?%s", query);
    struct got got = ask(s, "GET", target, NULL);
    CU_ASSERT_EQUAL(got.status, 200);
    int count = (int)length_at(&got, "results");
    done(&got);
    return count;
}

static void test_owners(void)
{
    open_small();
    CU_ASSERT_EQUAL(count_owners(""), 5);
    CU_ASSERT_EQUAL(count_owners("archived=true"), 2);
    CU_ASSERT_EQUAL(count_owners("email=owner2@sandbox.example"), 1);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/owners?limit=501", NULL), 400);
    struct got got = ask(s, "GET", "/crm/v3/owners?limit=3", NULL);
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.0.email"), "owner1@sandbox.example");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.0.userId"), "4700100");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "paging.next.after"), "3");
    done(&got);
    CU_ASSERT_EQUAL(count_owners("limit=3&after=3"), 2);
    sandbox_destroy(s);
}

static void test_owners_change(void)
{
    open_small();
    struct got got = ask(s, "POST", "/__sandbox/mutate",
                         "{\"owners\":7,\"archive\":{\"owners\":2},\"deal_stages\":3}");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "owners"), "7");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "left"), "2");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "stages"), "3");
    done(&got);
    CU_ASSERT_EQUAL(count_owners(""), 3);
    CU_ASSERT_EQUAL(count_owners("archived=true"), 4);
    char *all = truth(s, "owners");
    CU_ASSERT_PTR_NOT_NULL(strstr(all, "\"owner1.1@sandbox.example\""));
    free(all);
    all = truth(s, "owners/ended");
    CU_ASSERT_STRING_EQUAL(all, "");
    free(all);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/__sandbox/truth/ticket_stages/ended", NULL), 200);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/__sandbox/truth/owners/started", NULL), 404);
    CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/mutate", "{\"owners\":\"x\"}"), 400);
    sandbox_destroy(s);
}

static void test_pipelines(void)
{
    open_small();
    struct got got = ask(s, "GET", "/crm/v3/pipelines/deals", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results"), 2);
    CU_ASSERT_EQUAL(length_at(&got, "results.0.stages"), 7);
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.0.stages.5.id"), "closedwon");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.0.stages.5.metadata.isClosed"), "true");
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.1.stages.0.displayOrder"), "0");
    CU_ASSERT_EQUAL(length_at(&got, "results.1.stages"), 4);
    done(&got);
    got = ask(s, "GET", "/crm/v3/pipelines/tickets", NULL);
    CU_ASSERT_EQUAL(length_at(&got, "results.1.stages"), 3);
    CU_ASSERT_STRING_EQUAL(text_at(&got, "results.0.stages.3.metadata.ticketState"), "CLOSED");
    done(&got);
    CU_ASSERT_EQUAL(status_of(s, "GET", "/crm/v3/pipelines/companies", NULL), 404);
    sandbox_destroy(s);
}

/* A deal stands in the pipeline of its stage. */
static void test_deals_follow(void)
{
    struct sandbox_options o;
    bool renewals = false;
    sandbox_options_default(&o);
    o.limits_factor = 0;
    s = make(&o);
    struct got got =
        ask(s, "GET", "/crm/v3/objects/deals?limit=100&properties=dealstage,pipeline,hs_is_closed",
            NULL);
    for (size_t i = 0; i < length_at(&got, "results"); i++) {
        char path[80];
        snprintf(path, sizeof path, "results.%zu.properties.dealstage", i);
        bool second = text_at(&got, path)[0] == '1';
        snprintf(path, sizeof path, "results.%zu.properties.pipeline", i);
        CU_ASSERT_STRING_EQUAL(text_at(&got, path), second ? "75e28846" : "default");
        renewals = renewals || second;
    }
    CU_ASSERT(renewals);
    done(&got);
    sandbox_destroy(s);
}

/* An option that was added to a stage's property is in no pipeline. */
static void test_added_stage(void)
{
    static const char *const added[][3] = {
        {"deals", "dealstage", "hs_is_closed"},
        {"tickets", "hs_pipeline_stage", "hs_pipeline"},
    };
    struct sandbox_options o;
    sandbox_options_default(&o);
    o.limits_factor = 0;
    s = make(&o);
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        char text[200];
        snprintf(text, sizeof text,
                 "{\"type\":\"%s\",\"property\":\"%s\",\"do\":\"add_option\",\"option\":"
                 "\"99\",\"records\":1}",
                 added[i][0], added[i][1]);
        CU_ASSERT_EQUAL(status_of(s, "POST", "/__sandbox/properties", text), 200);
        snprintf(text, sizeof text, "/crm/v3/objects/%s?limit=1&properties=%s,%s", added[i][0],
                 added[i][1], added[i][2]);
        struct got got = ask(s, "GET", text, NULL);
        snprintf(text, sizeof text, "results.0.properties.%s", added[i][1]);
        CU_ASSERT_STRING_EQUAL(text_at(&got, text), "99");
        snprintf(text, sizeof text, "results.0.properties.%s", added[i][2]);
        CU_ASSERT_STRING_EQUAL(text_at(&got, text), i == 0 ? "false" : "0");
        done(&got);
    }
    sandbox_destroy(s);
}

const char *const unit_suite = "sandbox: owners and pipelines";
const struct unit_test unit_tests[] = {{"owners", test_owners},
                                       {"owners that change", test_owners_change},
                                       {"pipelines", test_pipelines},
                                       {"deals follow their stage", test_deals_follow},
                                       {"a stage of no pipeline", test_added_stage},
                                       {NULL, NULL}};
