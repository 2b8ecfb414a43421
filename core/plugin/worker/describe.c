/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/describe.h"

#include <stddef.h>
#include <string.h>

#include "plugin/wire.h"

/* The order of puts here is the order of gets in plugin/descriptor.c. */

static void put_str(struct buf *out, struct fastenr_str s)
{
    wire_put_str(out, (struct str){s.ptr, (size_t)s.len});
}

typedef void (*put_row_fn)(struct buf *out, const void *row);

static void put_table(struct buf *out, struct fastenr_table table, put_row_fn put_row)
{
    const char *row = table.rows;
    wire_put_u32(out, table.count);
    for (uint32_t i = 0; i < table.count && !out->full; i++, row += table.stride)
        put_row(out, row);
}

static void put_text_row(struct buf *out, const void *row)
{
    put_str(out, *(const struct fastenr_str *)row);
}

static void put_option(struct buf *out, const void *row)
{
    const struct fastenr_option *option = row;
    put_str(out, option->name);
    wire_put_u32(out, option->type);
    wire_put_u32(out, option->flags);
    put_str(out, option->default_value);
    wire_put_i64(out, option->min);
    wire_put_i64(out, option->max);
    put_table(out, option->choices, put_text_row);
    put_str(out, option->help);
}

static void put_secret(struct buf *out, const void *row)
{
    const struct fastenr_secret *secret = row;
    put_str(out, secret->name);
    put_str(out, secret->help);
}

static void put_auth_header(struct buf *out, const void *row)
{
    const struct fastenr_auth_header *header = row;
    put_str(out, header->name);
    put_str(out, header->value);
}

static void put_dead(struct buf *out, const void *row)
{
    const struct fastenr_oauth_dead *dead = row;
    wire_put_u32(out, (uint32_t)dead->status);
    put_str(out, dead->path);
    put_str(out, dead->equals);
}

/* A row of ABI 0.1 ends before its `oauth`. */
static const struct fastenr_oauth *oauth_of(const struct fastenr_table *table, const void *row)
{
    const struct fastenr_auth *auth = row;
    return table->stride >= sizeof *auth ? auth->oauth : NULL;
}

static void put_oauth(struct buf *out, const struct fastenr_oauth *oauth)
{
    wire_put_u32(out, oauth != NULL);
    if (!oauth)
        return;
    wire_put_u32(out, oauth->flags);
    wire_put_u32(out, oauth->grants);
    put_str(out, oauth->authorize_url);
    put_str(out, oauth->token_url);
    put_table(out, oauth->scopes, put_text_row);
    put_table(out, oauth->optional_scopes, put_text_row);
    put_str(out, oauth->scope_separator);
    put_table(out, oauth->dead, put_dead);
}

static void put_auth(struct buf *out, const void *row)
{
    const struct fastenr_auth *auth = row;
    put_str(out, auth->name);
    put_str(out, auth->help);
    put_table(out, auth->secrets, put_secret);
    put_table(out, auth->headers, put_auth_header);
}

static void put_host(struct buf *out, const void *row)
{
    put_str(out, ((const struct fastenr_host_pattern *)row)->name);
}

static void put_limit(struct buf *out, const void *row)
{
    const struct fastenr_limit *limit = row;
    put_str(out, limit->name);
    wire_put_u32(out, limit->kind);
    wire_put_u32(out, limit->flags);
    wire_put_u64(out, limit->requests);
    wire_put_u64(out, limit->per_ms);
    put_str(out, limit->header_limit);
    put_str(out, limit->header_remaining);
    put_str(out, limit->header_per_ms);
}

static void put_response(struct buf *out, const void *row)
{
    const struct fastenr_response_rule *rule = row;
    wire_put_u32(out, (uint32_t)rule->status_min);
    wire_put_u32(out, (uint32_t)rule->status_max);
    put_str(out, rule->path);
    put_str(out, rule->equals);
    wire_put_u32(out, (uint32_t)rule->outcome);
    wire_put_u32(out, rule->flags);
    wire_put_i64(out, rule->retry_after_ms);
    put_str(out, rule->message);
}

static void put_mapping(struct buf *out, const void *row)
{
    const struct fastenr_mapping *mapping = row;
    put_str(out, mapping->to);
    put_str(out, mapping->from);
    put_str(out, mapping->transform);
    put_str(out, mapping->lookup);
    put_str(out, mapping->value);
    put_str(out, mapping->default_value);
    put_str(out, mapping->join);
    put_str(out, mapping->map);
    put_str(out, mapping->scale);
    put_str(out, mapping->take);
}

/* Rows that may be of an older, shorter struct: members past its end are empty. */
static void put_grown(struct buf *out, struct fastenr_table table, size_t size, put_row_fn put_row)
{
    const char *row = table.rows;
    wire_put_u32(out, table.count);
    for (uint32_t i = 0; i < table.count && !out->full; i++, row += table.stride) {
        union {
            struct fastenr_mapping mapping;
            struct fastenr_object object;
        } copy;
        memset(&copy, 0, sizeof copy);
        memcpy(&copy, row, table.stride < size ? table.stride : size);
        put_row(out, &copy);
    }
}

static void put_object(struct buf *out, const void *row)
{
    const struct fastenr_object *object = row;
    put_str(out, object->name);
    put_str(out, object->label);
    put_str(out, object->canonical);
    put_str(out, object->key);
    put_str(out, object->modified);
    put_str(out, object->scope);
    wire_put_i64(out, object->lookback_ms);
    put_grown(out, object->mapping, sizeof(struct fastenr_mapping), put_mapping);
    wire_put_u32(out, object->flags);
    wire_put_u32(out, object->write_rows);
    put_str(out, object->write_scope);
    put_table(out, object->associations, put_text_row);
    put_table(out, object->read_only, put_text_row);
}

/* A row shorter than the first ABI's cannot be read. */
static bool strides_fit(const struct fastenr_connector *c)
{
    const struct {
        struct fastenr_table table;
        size_t least;
    } tables[] = {
        {c->options, sizeof(struct fastenr_option)},
        {c->auth, offsetof(struct fastenr_auth, oauth)}, /* ABI 0.1 */
        {c->hosts, sizeof(struct fastenr_host_pattern)},
        {c->limits, sizeof(struct fastenr_limit)},
        {c->responses, sizeof(struct fastenr_response_rule)},
        {c->objects, offsetof(struct fastenr_object, flags)}, /* ABI 0.1 */
        {c->required_extensions, sizeof(struct fastenr_str)},
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (tables[i].table.count > 0 &&
            (!tables[i].table.rows || tables[i].table.stride < tables[i].least))
            return false;
    return true;
}

static bool oauth_fits(const struct fastenr_table *auth)
{
    const char *row = auth->rows;
    for (uint32_t i = 0; i < auth->count; i++, row += auth->stride) {
        const struct fastenr_oauth *oauth = oauth_of(auth, row);
        if (oauth && oauth->size < sizeof *oauth)
            return false;
    }
    return true;
}

static bool has_ops(const struct fastenr_ops *ops)
{
    const size_t least = offsetof(struct fastenr_ops, write); /* ABI 0.2 */
    return ops && ops->size >= least && ops->create && ops->destroy && ops->check &&
           ops->discover && ops->read;
}

bool describe_writes(const struct fastenr_connector *c)
{
    return FASTENR_HAS(c->ops, write) && c->ops->write;
}

bool describe_refusal(const struct fastenr_connector *c, struct buf *out)
{
    if (!c || c->magic != FASTENR_MAGIC)
        buf_text(out, FASTENR_ENTRY "() gives no fastenr descriptor: rebuild it against the SDK");
    else if (c->abi_major != FASTENR_ABI_MAJOR)
        buf_printf(
            out,
            "it is built for connector ABI %u.%u, this host has %u.%u: install a build of the "
            "connector for ABI %u",
            c->abi_major, c->abi_minor, FASTENR_ABI_MAJOR, FASTENR_ABI_MINOR, FASTENR_ABI_MAJOR);
    else if (c->abi_minor > FASTENR_ABI_MINOR)
        buf_printf(out,
                   "it wants connector ABI %u.%u, this host has only %u.%u: upgrade fastenr, or "
                   "install an older build of the connector",
                   c->abi_major, c->abi_minor, FASTENR_ABI_MAJOR, FASTENR_ABI_MINOR);
    else if (c->size < sizeof(struct fastenr_connector) || !strides_fit(c) || !oauth_fits(&c->auth))
        buf_printf(out, "its descriptor is shorter than ABI %u.%u says: rebuild it against the SDK",
                   c->abi_major, c->abi_minor);
    else if (!has_ops(c->ops))
        buf_text(out, "its table of operations lacks create, destroy, check, discover or read");
    else if (c->required_extensions.count > 0)
        buf_printf(out,
                   "it needs the extension %.*s, which this host does not have: upgrade fastenr",
                   (int)((const struct fastenr_str *)c->required_extensions.rows)->len,
                   ((const struct fastenr_str *)c->required_extensions.rows)->ptr);
    else
        return false;
    return true;
}

void describe_connector(const struct fastenr_connector *c, struct buf *out)
{
    put_str(out, c->id);
    put_str(out, c->name);
    put_str(out, c->version);
    wire_put_u32(out, c->category);
    put_table(out, c->options, put_option);
    put_table(out, c->auth, put_auth);
    put_table(out, c->hosts, put_host);
    put_table(out, c->limits, put_limit);
    put_table(out, c->responses, put_response);
    put_grown(out, c->objects, sizeof(struct fastenr_object), put_object);
    const char *row = c->auth.rows;
    for (uint32_t i = 0; i < c->auth.count && !out->full; i++, row += c->auth.stride)
        put_oauth(out, oauth_of(&c->auth, row));
    wire_put_u32(out, describe_writes(c));
}
