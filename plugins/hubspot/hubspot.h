/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the HubSpot connector share: the instance, requests and their failures, and the
 * few texts that they build and take apart. Only the SDK's headers and the C library are used.
 */
#ifndef HUBSPOT_H
#define HUBSPOT_H

#include "fastenr/connector.h"
#include "fastenr/json.h"

#define HUBSPOT_ORIGIN "https://api.hubapi.com"

enum {
    HUBSPOT_URL_MAX = 8000,           /* HubSpot answers 414 from about twice this on */
    HUBSPOT_BODY_MAX = 64 * 1024,     /* of a batch read: 100 ids and the properties */
    HUBSPOT_SEARCH_BODY_MAX = 3000,   /* HubSpot refuses a longer search */
    HUBSPOT_LIST_PAGE = 100,          /* the most that a list or a batch read gives */
    HUBSPOT_TIMED_PAGE = 50,          /* the same with the histories of properties */
    HUBSPOT_SEARCH_PAGE = 200,        /* the most that a search gives */
    HUBSPOT_WRITE_BATCH = 100,        /* the most that a batch writes */
    HUBSPOT_ASSOCIATION_PAGES = 60,   /* of one record's: four objects' make 240 answers a page */
    HUBSPOT_ID_MAX = 20,              /* digits of an id */
    HUBSPOT_CURSOR_MAX = 256,         /* bytes of `paging.next.after` */
    HUBSPOT_NAME_MAX = 255,           /* bytes of a property's name that the host takes */
    HUBSPOT_PROPERTIES_MAX = 1000,    /* that an object of HubSpot's may have */
    HUBSPOT_CUSTOM_TEXTS = 96 * 1024, /* their names, in a schema */
    HUBSPOT_OBJECT_NAME_MAX = 100,    /* bytes of an object's name in a connection file */
    HUBSPOT_CUSTOM_NAMES = 256        /* custom objects that are told apart: accounts have fewer */
};

/* A custom object that was asked for, and what HubSpot calls it. */
struct hubspot_custom_name {
    char name[HUBSPOT_OBJECT_NAME_MAX + 1];
    char id[32];
};

/* The custom object of the operation under way. */
struct hubspot_custom {
    struct fastenr_object object; /* `name` is its objectTypeId */
    struct fastenr_str title;     /* path of a record's name; empty: it has none */
    struct fastenr_str properties[HUBSPOT_PROPERTIES_MAX];
    uint32_t property_count;
    struct fastenr_str fields[2 * HUBSPOT_PROPERTIES_MAX]; /* of the selector */
    uint32_t field_count;
    char texts[HUBSPOT_CUSTOM_TEXTS];
    uint64_t used;
};

struct hubspot {
    const struct fastenr_services *services;
    struct fastenr_host *host;
    const char *objects_url; /* an object's name follows */
    char url[HUBSPOT_URL_MAX];
    char body[HUBSPOT_BODY_MAX];
    struct hubspot_custom custom;
    struct hubspot_custom_name custom_names[HUBSPOT_CUSTOM_NAMES];
    uint32_t custom_name_count;
    char account_id[32];
    char account_name[256];
};

/* ---- hubspot_objects.c ---- */

enum {
    HUBSPOT_ASSOCIATED = 4, /* the first four are what others name */
    HUBSPOT_CRM = 9,        /* read by the list and the search; what follows are reference tables */
    HUBSPOT_OWNERS = HUBSPOT_CRM,
    HUBSPOT_DEAL_STAGES,
    HUBSPOT_TICKET_STAGES,
    HUBSPOT_CUSTOM, /* the row that stands for the account's own */
    HUBSPOT_OBJECTS
};
extern const struct fastenr_object hubspot_objects[HUBSPOT_OBJECTS];

/* The row of an object: the descriptor's, or one of the account's own objects. */
fastenr_outcome hubspot_object(struct hubspot *h, struct fastenr_str name,
                               const struct fastenr_object **ret_object);

/* What the field "associations.NAME" is about; NULL when the field is a property. */
const struct fastenr_object *hubspot_associated(struct fastenr_str field);
#define HUBSPOT_ASSOCIATIONS "associations."

/* ---- hubspot_request.c ---- */

/* Ends an operation with words of our own: `return hubspot_fail(...)`. */
__attribute__((format(printf, 3, 4))) fastenr_outcome hubspot_fail(struct hubspot *h,
                                                                   fastenr_outcome outcome,
                                                                   const char *format, ...);

enum hubspot_retry {
    HUBSPOT_RETRIED,    /* a read: the host repeats it after any passing fault */
    HUBSPOT_TRIED_ONCE, /* not worth waiting for */
    HUBSPOT_WRITTEN     /* it must not be done twice */
};

struct hubspot_request {
    struct fastenr_str url;
    struct fastenr_str body; /* JSON, sent by POST; empty: GET */
    struct fastenr_str bucket;
    enum hubspot_retry retry;
    struct fastenr_str scope; /* what HubSpot wants for it, named when it refuses */
};

extern const struct fastenr_str hubspot_burst;  /* bucket of everything but searches */
extern const struct fastenr_str hubspot_search; /* bucket of searches */

/* Sends it and waits. A handle is given with FASTENR_OK alone: a refused answer is released. */
fastenr_outcome hubspot_send(struct hubspot *h, const struct hubspot_request *request,
                             uint64_t *ret_handle);
/* The same, and the HTTP status, 0 when there was no answer. */
fastenr_outcome hubspot_send_status(struct hubspot *h, const struct hubspot_request *request,
                                    uint64_t *ret_handle, int32_t *ret_status);

/* The same, but a handle is given of a refused answer, too, and nothing is explained. */
fastenr_outcome hubspot_send_any(struct hubspot *h, const struct hubspot_request *request,
                                 uint64_t *ret_handle, int32_t *ret_status);
/* Two refusals that a person cannot guess from HubSpot's own words get others. */
fastenr_outcome hubspot_explain(struct hubspot *h, fastenr_outcome outcome, int32_t status,
                                struct fastenr_str scope);

/* A value that every answer of that kind has: its absence is FAILED, never GONE. `what` names it
 * for people. */
fastenr_outcome hubspot_need(struct hubspot *h, uint64_t handle, const char *path, const char *what,
                             struct fastenr_str *ret_value);

struct hubspot_needed {
    const char *path;
    struct fastenr_str *ret_value;
};

/* Sends, and takes values that every answer of that kind has; sends again where one does not. */
fastenr_outcome hubspot_ask(struct hubspot *h, const struct hubspot_request *request,
                            const char *what, const struct hubspot_needed *needed, size_t count,
                            uint64_t *ret_handle);

/* ---- hubspot_text.c ---- */

struct fastenr_str hubspot_text(const char *text);
int32_t hubspot_equal(struct fastenr_str s, const char *text);

/* A URL in a buffer of the caller's; `len` grows past `cap` when it does not fit. */
struct hubspot_url {
    char *buf;
    uint64_t cap, len;
};
void hubspot_url_text(struct hubspot_url *url, const char *text);
/* Percent-encoded but for the unreserved characters (RFC 3986 section 2.3). */
void hubspot_url_value(struct hubspot_url *url, struct fastenr_str value);
int32_t hubspot_url_end(const struct hubspot_url *url, struct fastenr_str *ret_text);

/* Walks the elements of a JSON array. `broken` tells an end of the array from an end of sense. */
struct hubspot_array {
    const char *at, *end;
    int32_t begun;
    int32_t broken;
};
struct hubspot_array hubspot_array(struct fastenr_str json);
/* 1 and the element as JSON text, or 0 at the end. */
int32_t hubspot_array_next(struct hubspot_array *array, struct fastenr_str *ret_element);

/* A JSON string without its quotes and escapes. 0 when it is no string, does not fit, or holds half
 * of a surrogate pair. */
int32_t hubspot_unquote(struct fastenr_str json, char *buf, uint64_t cap,
                        struct fastenr_str *ret_text);

/* 1 to HUBSPOT_ID_MAX digits that do not begin with 0. */
int32_t hubspot_is_id(struct fastenr_str s);
/* Ids as numbers: whether a comes after b. */
int32_t hubspot_id_after(struct fastenr_str a, struct fastenr_str b);

/* A token of a page: 1 to HUBSPOT_CURSOR_MAX characters that a URL may have. */
int32_t hubspot_is_cursor(struct fastenr_str s);

/* A row of a table of texts. */
struct fastenr_str hubspot_text_at(const struct fastenr_table *texts, uint32_t i);

/* ---- hubspot_association.c ---- */

/* Joins to the page that is emitted next what the fields "associations.NAME" among `fields` want.
 * `ids`: those of its records, a JSON array of texts. */
fastenr_outcome hubspot_attach(struct hubspot *h, const struct fastenr_object *object,
                               const struct fastenr_table *fields, struct fastenr_str ids);

/* ---- hubspot_custom.c ---- */

/* Fields that are made: all properties, and what names a record. */
#define HUBSPOT_ALL   "*"
#define HUBSPOT_TITLE "{title}"

/* Looks an object up in the account's list; *ret_object is valid until the next operation. */
fastenr_outcome hubspot_find_custom(struct hubspot *h, struct fastenr_str name,
                                    const struct fastenr_object **ret_object);
/* Puts properties in the place of the fields that are made; 0 when they are too many. */
int32_t hubspot_expand_fields(struct hubspot *h, struct fastenr_selector *selector);
fastenr_outcome hubspot_emit_custom_fields(struct hubspot *h);

/* ---- hubspot_reference.c ---- */

/* Whether it is one of the tables that are read there. */
int32_t hubspot_is_reference(const struct fastenr_object *object);
fastenr_outcome hubspot_read_reference(struct hubspot *h, const struct fastenr_object *object,
                                       const struct fastenr_selector *selector);
fastenr_outcome hubspot_discover_reference(struct hubspot *h, const struct fastenr_object *object);

/* ---- operations ---- */

fastenr_outcome hubspot_discover(void *instance, struct fastenr_str object);
fastenr_outcome hubspot_read(void *instance, const struct fastenr_selector *selector);
fastenr_outcome hubspot_write(void *instance, const struct fastenr_write *write);

#endif
