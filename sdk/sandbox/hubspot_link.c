/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that write associations (v4). No modified time moves. */
#include <stdlib.h>

#include "hubspot_association.h"

enum { INPUTS_MAX = 2000 };

enum life life_by_id(const struct hubspot *h, enum object_type type, const char *id,
                     uint32_t *ret_index)
{
    size_t len = strspn(id, "0123456789");
    if (len == 0 || len > 19 || id[len] != '\0')
        return LIFE_MERGED;
    uint64_t number = strtoull(id, NULL, 10);
    *ret_index = store_index_from(h, type, number);
    if (*ret_index >= h->tables[type].total || store_id(h, type, *ret_index) != number)
        return LIFE_MERGED;
    return store_life(h, type, *ret_index);
}

bool living_by_id(const struct hubspot *h, enum object_type type, const char *id,
                  uint32_t *ret_index)
{
    return life_by_id(h, type, id, ret_index) == LIFE_LIVING;
}

uint32_t link_labels(enum object_type type, enum object_type to, struct json_object *types)
{
    uint32_t labels = 0;
    size_t count =
        json_object_is_type(types, json_type_array) ? json_object_array_length(types) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *o = json_object_array_get_idx(types, i), *id = NULL;
        if (!json_object_is_type(o, json_type_object))
            return 0;
        const char *category = member_text(o, "associationCategory");
        json_object_object_get_ex(o, "associationTypeId", &id);
        uint32_t bit =
            category && id ? label_bit(type, to, category, json_object_get_int64(id)) : 0;
        if (bit == 0)
            return 0;
        labels |= bit;
    }
    return labels;
}

bool link_apply(struct hubspot *h, enum object_type type, uint32_t index,
                const struct wanted_link *wanted)
{
    if (association_is_kept(type, wanted->to))
        return association_add(h, type, index, wanted->to, wanted->target, wanted->labels);
    return association_add(h, wanted->to, wanted->target, type, index, wanted->labels);
}

static void link_take(struct hubspot *h, enum object_type type, uint32_t index,
                      const struct wanted_link *wanted)
{
    if (association_is_kept(type, wanted->to))
        association_remove(h, type, index, wanted->to, wanted->target, wanted->labels);
    else
        association_remove(h, wanted->to, wanted->target, type, index, wanted->labels);
}

/* ---- one pair ---- */

struct pair {
    struct hubspot *h;
    enum object_type type, to;
    enum link_request what;
    const char *from_id, *to_id;
    struct json_object *types; /* of LINK_CREATE and LINK_LABELS_ARCHIVE */
    uint32_t index;
    struct wanted_link wanted;
    const char *wrong, *category; /* NULL, or why it cannot be */
};

static bool refuse(struct pair *p, const char *category, const char *wrong)
{
    p->category = category;
    p->wrong = wrong;
    return false;
}

static bool find_pair(struct pair *p)
{
    bool taking = p->what == LINK_ARCHIVE || p->what == LINK_LABELS_ARCHIVE;
    p->wanted.to = p->to;
    p->wanted.labels = p->what == LINK_CREATE || p->what == LINK_LABELS_ARCHIVE
                           ? link_labels(p->type, p->to, p->types)
                           : LABEL_NONE;
    if (!p->from_id || !p->to_id)
        return refuse(p, "VALIDATION_ERROR", "from.id and to.id are wanted");
    if (p->wanted.labels == 0)
        return refuse(p, "VALIDATION_ERROR",
                      "types: associationCategory and associationTypeId of this pair of objects "
                      "are wanted");
    if (!living_by_id(p->h, p->type, p->from_id, &p->index) ||
        !living_by_id(p->h, p->to, p->to_id, &p->wanted.target))
        return taking ? false
                      : refuse(p, "OBJECT_NOT_FOUND",
                               "One or more of the records do not exist: from or to");
    return true;
}

static void journal(struct pair *p, const char *outcome, int status)
{
    static const char *const deeds[] = {[LINK_CREATE] = "associate",
                                        [LINK_DEFAULT] = "associate",
                                        [LINK_ARCHIVE] = "dissociate",
                                        [LINK_LABELS_ARCHIVE] = "unlabel"};
    struct text what = {0};
    struct written w = {.deed = deeds[p->what],
                        .type = hubspot_models[p->type].name,
                        .id = p->from_id,
                        .outcome = outcome,
                        .why = p->wrong ? p->category : NULL,
                        .status = status};
    text_printf(&what, "{\"to\":\"%s\",\"id\":", hubspot_models[p->to].name);
    text_json(&what, p->to_id ? p->to_id : "", p->to_id ? strlen(p->to_id) : 0);
    text_add(&what, ",\"labels\":");
    label_write_names(p->type, p->to, p->wanted.labels, &what);
    text_char(&what, '}');
    w.properties = text_end(&what);
    sandbox_journal(p->h->sandbox, &w);
    sandbox_count(p->h->sandbox, STAT_WRITTEN, !p->wrong);
    text_free(&what);
}

/* Whether it was done; an association that is taken away may not have been there. */
static bool do_pair(struct pair *p)
{
    bool found = find_pair(p);
    if (p->wrong)
        return false;
    if (p->what == LINK_ARCHIVE || p->what == LINK_LABELS_ARCHIVE) {
        if (found)
            link_take(p->h, p->type, p->index, &p->wanted);
        return true;
    }
    return link_apply(p->h, p->type, p->index, &p->wanted) ||
           refuse(p, "VALIDATION_ERROR",
                  "The sandbox takes at most 50 associations of this record with that object");
}

static void write_error(const struct pair *p, struct text *out)
{
    text_printf(out, "{\"status\":\"error\",\"category\":\"%s\",\"message\":", p->category);
    text_json(out, p->wrong, strlen(p->wrong));
    text_add(out, ",\"context\":{\"fromObjectId\":[");
    text_json(out, p->from_id ? p->from_id : "", p->from_id ? strlen(p->from_id) : 0);
    text_add(out, "],\"toObjectId\":[");
    text_json(out, p->to_id ? p->to_id : "", p->to_id ? strlen(p->to_id) : 0);
    text_add(out, "]}}");
}

static void write_labels_between(const struct pair *p, struct text *out)
{
    text_printf(
        out,
        "{\"fromObjectTypeId\":\"%s\",\"fromObjectId\":%llu,\"toObjectTypeId\":\"%s\","
        "\"toObjectId\":%llu,\"labels\":",
        hubspot_models[p->type].type_id, (unsigned long long)store_id(p->h, p->type, p->index),
        hubspot_models[p->to].type_id, (unsigned long long)store_id(p->h, p->to, p->wanted.target));
    label_write_names(p->type, p->to, p->wanted.labels, out);
    text_char(out, '}');
}

static void write_default(enum object_type type, const char *from, enum object_type to,
                          const char *to_id, struct text *out)
{
    const char *category;
    int id = label_default(type, to, &category);
    text_printf(out,
                "{\"from\":{\"id\":\"%s\"},\"to\":{\"id\":\"%s\"},\"associationSpec\":"
                "{\"associationCategory\":\"%s\",\"associationTypeId\":%d}}",
                from, to_id, category, id);
}

/* A default association is told of in both directions. */
static void write_result(const struct pair *p, struct text *out)
{
    if (p->what != LINK_DEFAULT) {
        write_labels_between(p, out);
        return;
    }
    write_default(p->type, p->from_id, p->to, p->to_id, out);
    text_char(out, ',');
    write_default(p->to, p->to_id, p->type, p->from_id, out);
}

/* ---- batches ---- */

struct links {
    struct pair pair; /* what all have in common */
    struct text results, errors;
    size_t done, refused;
    int status;
};

static void add_pair(struct links *l, const char *from_id, struct json_object *to,
                     struct json_object *types)
{
    struct pair p = l->pair;
    p.from_id = from_id;
    p.to_id = json_object_is_type(to, json_type_object) ? member_text(to, "id") : NULL;
    p.types = types;
    if (do_pair(&p)) {
        text_add(&l->results, l->done++ ? "," : "");
        if (p.what == LINK_CREATE || p.what == LINK_DEFAULT)
            write_result(&p, &l->results);
    } else {
        text_add(&l->errors, l->refused++ ? "," : "");
        write_error(&p, &l->errors);
    }
    journal(&p, p.wrong ? "error" : "done", p.wrong ? 207 : l->status);
}

static void add_input(struct links *l, struct json_object *input)
{
    struct json_object *from = NULL, *to = NULL, *types = NULL;
    if (json_object_is_type(input, json_type_object)) {
        json_object_object_get_ex(input, "from", &from);
        json_object_object_get_ex(input, "to", &to);
        json_object_object_get_ex(input, "types", &types);
    }
    const char *id = json_object_is_type(from, json_type_object) ? member_text(from, "id") : NULL;
    if (!json_object_is_type(to, json_type_array)) {
        add_pair(l, id, to, types);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(to); i++)
        add_pair(l, id, json_object_array_get_idx(to, i), types);
}

static void answer_links(struct links *l, const struct call *call, struct answer *a)
{
    a->response->status = l->refused > 0 ? 207 : l->status;
    if (a->response->status == 204)
        return;
    text_printf(&a->body, "{\"status\":\"COMPLETE\",\"results\":[%s]", text_end(&l->results));
    if (l->refused > 0)
        text_printf(&a->body, ",\"numErrors\":%zu,\"errors\":[%s]", l->refused,
                    text_end(&l->errors));
    text_add(&a->body, ",\"startedAt\":\"");
    text_time(&a->body, call->now_ms);
    text_add(&a->body, "\",\"completedAt\":\"");
    text_time(&a->body, call->now_ms);
    text_add(&a->body, "\"}");
}

static int status_of(enum link_request what)
{
    return what == LINK_CREATE ? 201 : what == LINK_DEFAULT ? 200 : 204;
}

void hubspot_links_batch(struct hubspot *h, enum object_type type, enum object_type to,
                         enum link_request what, const struct call *call, struct answer *a)
{
    const char *reason;
    struct json_object *inputs = NULL;
    struct json_object *body = parse_object(call->request->body, call->request->body_len, &reason);
    struct links l = {.pair = {.h = h, .type = type, .to = to, .what = what},
                      .status = status_of(what)};
    if (!body) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return;
    }
    json_object_object_get_ex(body, "inputs", &inputs);
    size_t count =
        json_object_is_type(inputs, json_type_array) ? json_object_array_length(inputs) : 0;
    if (count == 0 || count > INPUTS_MAX) {
        hubspot_error(h, a, 400, "VALIDATION_ERROR", "inputs: from 1 to %d pairs of records",
                      INPUTS_MAX);
    } else {
        for (size_t i = 0; i < count; i++)
            add_input(&l, json_object_array_get_idx(inputs, i));
        answer_links(&l, call, a);
    }
    text_free(&l.results);
    text_free(&l.errors);
    json_object_put(body);
}

void hubspot_link(struct hubspot *h, enum object_type type, const char *id, enum object_type to,
                  const char *to_id, enum link_request what, const struct call *call,
                  struct answer *a)
{
    const struct sandbox_request *request = call->request;
    const char *reason;
    struct pair p = {.h = h, .type = type, .to = to, .what = what, .from_id = id, .to_id = to_id};
    struct json_object *types =
        what == LINK_CREATE ? parse_array(request->body, request->body_len, &reason) : NULL;
    p.types = types;
    if (what == LINK_CREATE && !types) {
        hubspot_error(h, a, 400, NULL, "Invalid input JSON: %s", reason);
        return;
    }
    if (!do_pair(&p)) {
        hubspot_error(h, a, strcmp(p.category, "OBJECT_NOT_FOUND") == 0 ? 404 : 400, p.category,
                      "%s", p.wrong);
    } else {
        a->response->status = status_of(what);
        if (what == LINK_CREATE) {
            write_labels_between(&p, &a->body);
        } else if (what == LINK_DEFAULT) {
            struct links l = {.pair = p, .status = 200};
            write_result(&p, &l.results);
            answer_links(&l, call, a);
            text_free(&l.results);
        }
    }
    journal(&p, p.wrong ? "error" : "done", a->response->status);
    json_object_put(types);
}
