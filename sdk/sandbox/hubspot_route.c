/* SPDX-License-Identifier: Apache-2.0 */
#include "hubspot_route.h"

#include "hubspot_write.h"

/* ---- what serves ---- */

static void list(struct hubspot *h, const struct route *r, const struct call *call,
                 struct answer *a)
{
    hubspot_list(h, r->type, call, a);
}

static void get(struct hubspot *h, const struct route *r, const struct call *call, struct answer *a)
{
    hubspot_get(h, r->type, r->rest, call, a);
}

static void search(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    hubspot_search(h, r->type, call, a);
}

static void batch_read(struct hubspot *h, const struct route *r, const struct call *call,
                       struct answer *a)
{
    hubspot_batch_read(h, r->type, call, a);
}

static void merge(struct hubspot *h, const struct route *r, const struct call *call,
                  struct answer *a)
{
    hubspot_merge(h, r->type, call, a);
}

static void create(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    hubspot_create(h, r->type, call, a);
}

static void update(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    hubspot_update(h, r->type, r->rest, call, a);
}

static void archive(struct hubspot *h, const struct route *r, const struct call *call,
                    struct answer *a)
{
    (void)call;
    hubspot_archive(h, r->type, r->rest, a);
}

static void batch_create(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_batch_write(h, r->type, DEED_CREATE, call, a);
}

static void batch_update(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_batch_write(h, r->type, DEED_UPDATE, call, a);
}

static void batch_upsert(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_batch_write(h, r->type, DEED_UPSERT, call, a);
}

static void batch_archive(struct hubspot *h, const struct route *r, const struct call *call,
                          struct answer *a)
{
    hubspot_batch_archive(h, r->type, call, a);
}

static void properties(struct hubspot *h, const struct route *r, const struct call *call,
                       struct answer *a)
{
    (void)call;
    hubspot_properties(h, r->type, a);
}

static void property(struct hubspot *h, const struct route *r, const struct call *call,
                     struct answer *a)
{
    (void)call;
    hubspot_property(h, r->type, r->rest, a);
}

static void property_create(struct hubspot *h, const struct route *r, const struct call *call,
                            struct answer *a)
{
    hubspot_property_create(h, r->type, call, a);
}

static void property_archive(struct hubspot *h, const struct route *r, const struct call *call,
                             struct answer *a)
{
    (void)call;
    hubspot_property_archive(h, r->type, r->rest, a);
}

static void groups(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    (void)call;
    hubspot_groups(h, r->type, a);
}

static void group_create(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_group_create(h, r->type, call, a);
}

static void associations(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_associations(h, r->type, r->id, r->to, call, a);
}

static void associations_batch(struct hubspot *h, const struct route *r, const struct call *call,
                               struct answer *a)
{
    hubspot_associations_batch(h, r->type, r->to, call, a);
}

static void labels(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    (void)h;
    (void)call;
    hubspot_labels(r->type, r->to, a);
}

static void links_create(struct hubspot *h, const struct route *r, const struct call *call,
                         struct answer *a)
{
    hubspot_links_batch(h, r->type, r->to, LINK_CREATE, call, a);
}

static void links_default(struct hubspot *h, const struct route *r, const struct call *call,
                          struct answer *a)
{
    hubspot_links_batch(h, r->type, r->to, LINK_DEFAULT, call, a);
}

static void links_archive(struct hubspot *h, const struct route *r, const struct call *call,
                          struct answer *a)
{
    hubspot_links_batch(h, r->type, r->to, LINK_ARCHIVE, call, a);
}

static void links_unlabel(struct hubspot *h, const struct route *r, const struct call *call,
                          struct answer *a)
{
    hubspot_links_batch(h, r->type, r->to, LINK_LABELS_ARCHIVE, call, a);
}

static void link_put(struct hubspot *h, const struct route *r, const struct call *call,
                     struct answer *a)
{
    hubspot_link(h, r->type, r->id, r->to, r->to_id, LINK_CREATE, call, a);
}

static void link_put_default(struct hubspot *h, const struct route *r, const struct call *call,
                             struct answer *a)
{
    hubspot_link(h, r->type, r->id, r->to, r->to_id, LINK_DEFAULT, call, a);
}

static void link_delete(struct hubspot *h, const struct route *r, const struct call *call,
                        struct answer *a)
{
    hubspot_link(h, r->type, r->id, r->to, r->to_id, LINK_ARCHIVE, call, a);
}

static void owners(struct hubspot *h, const struct route *r, const struct call *call,
                   struct answer *a)
{
    (void)r;
    hubspot_owners(h, call, a);
}

static void pipelines(struct hubspot *h, const struct route *r, const struct call *call,
                      struct answer *a)
{
    (void)call;
    hubspot_pipelines(h, r->type, a);
}

static void schemas(struct hubspot *h, const struct route *r, const struct call *call,
                    struct answer *a)
{
    (void)r;
    (void)call;
    hubspot_schemas(h, &a->body);
}

static void account(struct hubspot *h, const struct route *r, const struct call *call,
                    struct answer *a)
{
    (void)h;
    (void)r;
    (void)call;
    hubspot_account(&a->body);
}

/* ---- by path and method ---- */

/* What a rest of a path is served by. "*" is a rest without a slash. */
struct entry {
    const char *rest, *method;
    serve_fn serve;
    enum stat stat;
    bool writes;
};

static const struct entry objects[] = {
    {"", "GET", list, STAT_LIST, false},
    {"", "POST", create, STAT_OTHER, true},
    {"search", "POST", search, STAT_SEARCH, false},
    {"merge", "POST", merge, STAT_OTHER, true},
    {"batch/read", "POST", batch_read, STAT_BATCH_READ, false},
    {"batch/create", "POST", batch_create, STAT_OTHER, true},
    {"batch/update", "POST", batch_update, STAT_OTHER, true},
    {"batch/upsert", "POST", batch_upsert, STAT_OTHER, true},
    {"batch/archive", "POST", batch_archive, STAT_OTHER, true},
    {"*", "GET", get, STAT_GET, false},
    {"*", "PATCH", update, STAT_OTHER, true},
    {"*", "DELETE", archive, STAT_OTHER, true},
    {0},
};

static const struct entry of_properties[] = {
    {"", "GET", properties, STAT_PROPERTIES, false},
    {"", "POST", property_create, STAT_PROPERTIES, true},
    {"groups", "GET", groups, STAT_PROPERTIES, false},
    {"groups", "POST", group_create, STAT_PROPERTIES, true},
    {"*", "GET", property, STAT_PROPERTIES, false},
    {"*", "DELETE", property_archive, STAT_PROPERTIES, true},
    {0},
};

static const struct entry of_associations[] = {
    {"batch/read", "POST", associations_batch, STAT_ASSOCIATIONS, false},
    {"batch/create", "POST", links_create, STAT_ASSOCIATIONS, true},
    {"batch/associate/default", "POST", links_default, STAT_ASSOCIATIONS, true},
    {"batch/archive", "POST", links_archive, STAT_ASSOCIATIONS, true},
    {"batch/labels/archive", "POST", links_unlabel, STAT_ASSOCIATIONS, true},
    {"labels", "GET", labels, STAT_ASSOCIATIONS, false},
    {0},
};

/* Of a record, of a pair of records, and of a pair by default. */
static const struct entry of_record[] = {{"", "GET", associations, STAT_ASSOCIATIONS, false}, {0}};
static const struct entry of_pair[] = {{"*", "PUT", link_put, STAT_ASSOCIATIONS, true},
                                       {"*", "DELETE", link_delete, STAT_ASSOCIATIONS, true},
                                       {0}};
static const struct entry of_default[] = {{"*", "PUT", link_put_default, STAT_ASSOCIATIONS, true},
                                          {0}};

static const struct entry of_owners[] = {{"", "GET", owners, STAT_REFERENCE, false}, {0}};
static const struct entry of_pipelines[] = {{"", "GET", pipelines, STAT_REFERENCE, false}, {0}};
static const struct entry of_schemas[] = {{"", "GET", schemas, STAT_REFERENCE, false}, {0}};
static const struct entry of_account[] = {{"", "GET", account, STAT_ACCOUNT, false}, {0}};

/* A rest with a name of its own is that, not a record with that id. */
static void choose(const struct entry *entries, const char *rest, const char *method,
                   struct route *r)
{
    bool named = false;
    r->rest = rest;
    for (const struct entry *e = entries; e->rest; e++) {
        bool any = strcmp(e->rest, "*") == 0;
        if (any ? named || !*rest || strchr(rest, '/') : strcmp(e->rest, rest) != 0)
            continue;
        named = named || !any;
        r->exists = true;
        if (strcmp(e->method, method) != 0)
            continue;
        r->serve = e->serve;
        r->stat = e->stat;
        r->writes = e->writes;
        return;
    }
}

static bool after_prefix(const char *path, const char *const *prefixes, const char **ret)
{
    for (; *prefixes; prefixes++) {
        size_t len = strlen(*prefixes);
        if (strncmp(path, *prefixes, len) == 0) {
            *ret = path + len;
            return true;
        }
    }
    return false;
}

/* Takes a segment off the front of *rest; false when it is longer than `out`. */
static bool take(const char **rest, char *out, size_t size)
{
    size_t len = strcspn(*rest, "/");
    if (len >= size)
        return false;
    memcpy(out, *rest, len);
    out[len] = '\0';
    *rest += len + ((*rest)[len] == '/');
    return true;
}

static bool take_type(const char **rest, enum object_type *ret)
{
    char name[32];
    int type = take(rest, name, sizeof name) ? model_type(name) : -1;
    *ret = type >= 0 ? (enum object_type)type : COMPANIES;
    return type >= 0;
}

/* ---- scopes ---- */

static const char *scope_of(enum object_type type, bool writes)
{
    return writes ? hubspot_models[type].write_scope : hubspot_models[type].read_scope;
}

static const char *schema_scope(enum object_type type)
{
    static const char *const scopes[TYPES] = {[COMPANIES] = "crm.schemas.companies.write",
                                              [CONTACTS] = "crm.schemas.contacts.write",
                                              [DEALS] = "crm.schemas.deals.write",
                                              [SUBSCRIPTIONS] = "crm.schemas.custom.write"};
    return scopes[type] ? scopes[type] : hubspot_models[type].write_scope;
}

/* ---- finding ---- */

/* "{from}/{to}/..." */
static void find_associations(const char *rest, const char *method, struct route *r)
{
    if (!take_type(&rest, &r->type) || !take_type(&rest, &r->to) ||
        !association_is_known(r->type, r->to))
        return;
    choose(of_associations, rest, method, r);
    r->scopes[0] = scope_of(r->type, r->writes);
    r->scopes[1] = r->writes ? scope_of(r->to, true) : NULL;
}

/* "{type}/{id}/associations/{to}", ".../associations/{to}/{id}" and
 * ".../associations/default/{to}/{id}". */
static void find_pair(const char *rest, const char *method, struct route *r)
{
    static const char word[] = "associations/", preset[] = "default/";
    const struct entry *entries = of_record;
    if (!take_type(&rest, &r->type) || !take(&rest, r->id, sizeof r->id) ||
        strncmp(rest, word, sizeof word - 1) != 0)
        return;
    rest += sizeof word - 1;
    bool by_default = strncmp(rest, preset, sizeof preset - 1) == 0;
    if (by_default)
        rest += sizeof preset - 1;
    if (!take_type(&rest, &r->to) || !association_is_known(r->type, r->to))
        return;
    if (by_default || *rest)
        entries = by_default ? of_default : of_pair;
    choose(entries, rest, method, r);
    if (!take(&rest, r->to_id, sizeof r->to_id))
        r->serve = NULL;
    r->scopes[0] = scope_of(r->type, r->writes);
    r->scopes[1] = r->writes ? scope_of(r->to, true) : NULL;
}

static void find_object(const char *rest, const char *method, struct route *r)
{
    if (!take_type(&rest, &r->type))
        return;
    choose(objects, rest, method, r);
    r->is_search = r->serve == search;
    r->scopes[0] = scope_of(r->type, r->writes);
}

static void find_property(const char *rest, const char *method, struct route *r)
{
    if (!take_type(&rest, &r->type))
        return;
    choose(of_properties, rest, method, r);
    r->scopes[0] = r->writes ? schema_scope(r->type) : scope_of(r->type, false);
}

struct route route_find(const char *path, const char *method)
{
    static const char *const v4_associations[] = {"/crm/v4/associations/", NULL};
    static const char *const v4_objects[] = {"/crm/v4/objects/", NULL};
    static const char *const v3_objects[] = {"/crm/v3/objects/", "/crm/objects/2026-03/",
                                             "/crm/objects/2026-09/", NULL};
    static const char *const v3_properties[] = {"/crm/v3/properties/", "/crm/properties/2026-03/",
                                                NULL};
    static const char *const accounts[] = {"/account-info/v3/details",
                                           "/account-info/2026-03/details", NULL};
    static const char *const v3_owners[] = {"/crm/v3/owners", NULL};
    static const char *const v3_pipelines[] = {"/crm/v3/pipelines/", NULL};
    static const char *const v3_schemas[] = {"/crm/v3/schemas", "/crm-object-schemas/v3/schemas",
                                             NULL};
    struct route r = {.stat = STAT_OTHER};
    const char *rest;
    if (after_prefix(path, v3_objects, &rest)) {
        find_object(rest, method, &r);
    } else if (after_prefix(path, v3_properties, &rest)) {
        find_property(rest, method, &r);
    } else if (after_prefix(path, v4_associations, &rest)) {
        find_associations(rest, method, &r);
    } else if (after_prefix(path, v4_objects, &rest)) {
        find_pair(rest, method, &r);
    } else if (after_prefix(path, accounts, &rest)) {
        choose(of_account, rest, method, &r);
    } else if (after_prefix(path, v3_owners, &rest)) {
        choose(of_owners, rest + (strcmp(rest, "/") == 0), method, &r);
        r.scopes[0] = "crm.objects.owners.read";
    } else if (after_prefix(path, v3_schemas, &rest)) {
        choose(of_schemas, rest, method, &r);
        r.scopes[0] = "crm.schemas.custom.read";
    } else if (after_prefix(path, v3_pipelines, &rest) && take_type(&rest, &r.type) &&
               (r.type == DEALS || r.type == TICKETS)) {
        choose(of_pipelines, "", method, &r);
        r.scopes[0] = hubspot_models[r.type].read_scope;
    }
    return r;
}
