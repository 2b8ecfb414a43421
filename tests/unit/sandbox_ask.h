/* SPDX-License-Identifier: Apache-2.0 */
/* Asking the simulator in a test: requests, and values out of its answers. */
#ifndef SANDBOX_ASK_H
#define SANDBOX_ASK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox.h"

#define START_MS       INT64_C(1767400000000)
#define COMPANY_LIST   "/crm/v3/objects/companies"
#define COMPANY_SEARCH "/crm/v3/objects/companies/search"
#define CONTACT_SEARCH "/crm/v3/objects/contacts/search"

/* A filter of a search, as JSON. */
#define FILTER(name, op, more) "{\"propertyName\":\"" name "\",\"operator\":\"" op "\"" more "}"

struct got {
    int status;
    struct json_object *json; /* NULL when the body is no JSON */
    struct sandbox_response response;
};

/* A HubSpot that must come to be, its clock at START_MS. */
struct sandbox *make(const struct sandbox_options *options);

/* One without limits. */
struct sandbox *make_small(uint32_t companies, uint32_t contacts);

/* Sends a request; `done` frees the answer. The body may be NULL. */
struct got ask_as(struct sandbox *s, const char *authorization, const char *method,
                  const char *target, const char *body);
struct got ask(struct sandbox *s, const char *method, const char *target, const char *body);
void done(struct got *got);
int status_of(struct sandbox *s, const char *method, const char *target, const char *body);

/* A value by its path: "paging.next.after", "results.0.id". NULL when it is not there. */
struct json_object *at(struct json_object *o, const char *path);

/* Its text, "" when it is not there; the length of an array, 0 likewise. */
const char *text_at(const struct got *got, const char *path);
size_t length_at(const struct got *got, const char *path);

/* All records of a type as NDJSON; to be freed. */
char *truth(struct sandbox *s, const char *type);

/* How many of its companies were modified in [from, to]: texts as in the records. */
size_t truth_between(struct sandbox *s, const char *from, const char *to);

/* Searches companies by the filters of one group; `rest` follows filterGroups in the body. */
struct got search(struct sandbox *s, const char *filters, const char *rest);
long long total_of(struct sandbox *s, const char *filters);

#endif
