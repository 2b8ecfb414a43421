/* SPDX-License-Identifier: Apache-2.0 */
/* From a vendor's record to canonical values and their shadow. The hot path of parsing threads. */
#include <ctype.h>
#include <stdlib.h>

#include "base/time.h"
#include "sync/mapping.h"

/* A text on its way from the vendor's value to ours may be absent: its ptr is NULL. */
static const struct str none = {NULL, 0};

/* ---- the vendor's value as text ---- */

/* Empty texts count as none: vendors clear a value that way. */
static struct str vendor_text(const struct json *value, struct arena *arena)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    struct str t = none;
    switch (json_kind(value)) {
    case JSON_NULL:
        return none;
    case JSON_STRING:
        t = json_string(value);
        return t.len > 0 ? t : none;
    case JSON_BOOL:
        return json_is_true(value) ? STR("true") : STR("false");
    case JSON_INT:
    case JSON_DOUBLE:
        return arena_str(arena, json_number_text(value));
    default:
        json_write(&out, value);
        t = arena_str(arena, buf_view(&out));
        buf_free(&out);
        return t;
    }
}

static struct str join_fields(const struct rule *rule, const struct json *fields,
                              struct arena *arena)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    for (size_t i = 0; i < rule->from_count; i++) {
        struct str part = vendor_text(json_member(fields, rule->from[i]), arena);
        if (part.len == 0)
            continue;
        if (out.len > 0)
            buf_str(&out, rule->join);
        buf_str(&out, part);
    }
    struct str joined = out.len > 0 ? arena_str(arena, buf_view(&out)) : none;
    buf_free(&out);
    return joined;
}

/* ---- steps and maps ---- */

enum { HEADLINE_BYTES = 80 };

/* Without half a word, or, where there is but one, without half a character. */
static size_t cut_words(const char *text, size_t len, size_t last_space)
{
    if (last_space > 0)
        return last_space;
    while (len > 0 && ((unsigned char)text[len - 1] & 0xC0) == 0x80)
        len--;
    return len > 0 && (unsigned char)text[len - 1] >= 0xC0 ? len - 1 : len;
}

/* The first words of a text or of HTML: a space for each run of spaces and tags. */
static struct str headline(struct str t, struct arena *arena)
{
    char *out = arena_new(arena, HEADLINE_BYTES, 1);
    size_t len = 0, last_space = 0;
    bool in_tag = false, gap = false;
    for (size_t i = 0; i < t.len; i++) {
        char c = t.ptr[i];
        bool space = in_tag || c == '<' || isspace((unsigned char)c);
        in_tag = (in_tag || c == '<') && c != '>';
        gap = (gap || space) && len > 0;
        if (space)
            continue;
        if (gap)
            last_space = len;
        if (len + gap >= HEADLINE_BYTES)
            return (struct str){out, cut_words(out, len, last_space)};
        if (gap)
            out[len++] = ' ';
        gap = false;
        out[len++] = c;
    }
    return (struct str){out, len};
}

static struct str apply_steps(const struct rule *rule, struct str t, struct arena *arena)
{
    for (size_t i = 0; i < rule->step_count && t.ptr; i++) {
        if (rule->steps[i] == STEP_TRIM)
            t = str_trim(t);
        else if (rule->steps[i] == STEP_HEADLINE)
            t = headline(t, arena);
        else
            t = arena_ascii(arena, t, rule->steps[i] == STEP_LOWER ? tolower : toupper);
    }
    return t.len > 0 ? t : none;
}

static int apply_map(const struct rule *rule, struct str *t, struct error *err)
{
    if (rule->map_count == 0 && !rule->map_other)
        return 0;
    const struct map_entry *entry = rule->map_other;
    for (size_t i = 0; i < rule->map_count; i++)
        if (str_eq(rule->map[i].from, *t))
            entry = &rule->map[i];
    if (!entry)
        return error_set(err, "'%.*s' is not in its map: add it, or '*'",
                         t->len > 60 ? 60 : (int)t->len, t->ptr);
    *t = entry->to_null ? none : entry->to;
    return 0;
}

/* ---- forms ---- */

static bool parse_epoch(struct str t, int64_t unit, int64_t *ret_us)
{
    struct value count;
    /* "1718000000000.0" too: some vendors write whole numbers as floats. */
    if (value_parse(KIND_INTEGER, t, NULL, &count, NULL) != 0)
        return false;
    if (__builtin_mul_overflow(count.integer, unit, ret_us))
        return false;
    return *ret_us >= TIME_MIN_US && *ret_us <= TIME_MAX_US;
}

static bool all_digits(struct str t)
{
    for (size_t i = 0; i < t.len; i++)
        if (!isdigit((unsigned char)t.ptr[i]))
            return false;
    return t.len > 0;
}

/* YYYY, MM and DD stand for digits, everything else for itself. */
static bool parse_pattern(struct str t, struct str pattern, int64_t *ret_us)
{
    struct civil c = {0};
    if (t.len != pattern.len)
        return false;
    for (size_t i = 0; i < pattern.len; i++) {
        char p = pattern.ptr[i], d = t.ptr[i];
        if (p != 'Y' && p != 'M' && p != 'D') {
            if (p != d)
                return false;
            continue;
        }
        if (!isdigit((unsigned char)d))
            return false;
        int digit = d - '0';
        if (p == 'Y')
            c.year = c.year * 10 + digit;
        else if (p == 'M')
            c.month = c.month * 10 + digit;
        else
            c.day = c.day * 10 + digit;
    }
    return time_from_civil(&c, ret_us);
}

static int64_t floor_days(int64_t us)
{
    return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

static int parse_when(const struct rule *rule, struct str t, struct value *ret, struct error *err)
{
    int64_t us = 0;
    bool ok;
    if (rule->date == DATE_PATTERN)
        ok = parse_pattern(t, rule->date_pattern, &us);
    else if (rule->date == DATE_EPOCH_S)
        ok = parse_epoch(t, US_PER_SECOND, &us);
    else if (rule->date == DATE_EPOCH_MS || (all_digits(t) && t.len > 8))
        ok = parse_epoch(t, US_PER_MS, &us);
    else
        ok = time_parse_rfc3339(t, &us);
    if (!ok)
        return error_set(err, "'%.*s' is no %s", t.len > 60 ? 60 : (int)t.len, t.ptr,
                         model_kind_name(rule->field.kind));
    *ret = (struct value){.state = VALUE_INTEGER,
                          .integer = rule->field.kind == KIND_DATE ? floor_days(us) : us};
    return 0;
}

/* A whole number, or one made whole by the scale; money in minor units. */
static int parse_scaled(const struct rule *rule, struct str t, struct arena *arena,
                        struct value *ret, struct error *err)
{
    int places = rule->field.kind == KIND_MONEY ? 2 : 0;
    bool scaled = !str_is(rule->scale, "1");
    if (!scaled && places == 0)
        return value_parse(KIND_INTEGER, t, arena, ret, err);
    ret->state = VALUE_INTEGER;
    if (decimal_scale(t, rule->scale, places, &ret->integer))
        return 0;
    return error_set(err, "'%.*s' is no number that fits", t.len > 60 ? 60 : (int)t.len, t.ptr);
}

static int parse_number(const struct rule *rule, struct str t, struct arena *arena,
                        struct value *ret, struct error *err)
{
    double number, factor;
    if (!str_to_double(t, &number) || !str_to_double(rule->scale, &factor))
        return value_parse(KIND_NUMBER, t, arena, ret, err);
    double scaled = number * factor;
    if (scaled - scaled != 0) /* infinite: no JSON number */
        return error_set(err, "'%.*s' is no number that fits", STR_ARG(t));
    *ret =
        (struct value){.state = VALUE_TEXT, .text = str_from(arena_printf(arena, "%.15g", scaled))};
    return 0;
}

/* A text cut at the separator, or a JSON array of texts as it is. */
static int parse_list(const struct rule *rule, struct str t, struct arena *arena, struct value *ret,
                      struct error *err)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &out};
    if (rule->split.len == 0)
        return value_parse(KIND_LIST, t, arena, ret, err);
    json_open(&w, '[');
    while (t.ptr) {
        const char *at = memmem(t.ptr, t.len, rule->split.ptr, rule->split.len);
        struct str part = str_trim(str_slice(t, 0, at ? (size_t)(at - t.ptr) : t.len));
        if (part.len > 0)
            json_put_str(&w, part);
        size_t used = at ? (size_t)(at - t.ptr) + rule->split.len : t.len;
        t = at ? str_slice(t, used, t.len - used) : none;
    }
    json_close(&w, ']');
    *ret = (struct value){.state = VALUE_TEXT, .text = arena_str(arena, buf_view(&out))};
    bool full = out.full;
    buf_free(&out);
    return full ? error_set(err, "the list is too long") : 0;
}

static int parse_text(const struct rule *rule, struct str t, struct arena *arena, struct value *ret,
                      struct error *err)
{
    if (rule_refers(rule)) { /* the vendor's id; the store finds the record */
        *ret = (struct value){.state = VALUE_TEXT, .text = t};
        if (memchr(t.ptr, 0, t.len))
            return error_set(err, "an id with a NUL byte is none");
        return t.len <= 255 ? 0 : error_set(err, "an id of %zu bytes is too long", t.len);
    }
    switch (rule->field.kind) {
    case KIND_DATE:
    case KIND_TIME:
        return parse_when(rule, t, ret, err);
    case KIND_MONEY:
    case KIND_INTEGER:
        return parse_scaled(rule, t, arena, ret, err);
    case KIND_NUMBER:
        return parse_number(rule, t, arena, ret, err);
    case KIND_LIST:
        return parse_list(rule, t, arena, ret, err);
    default:
        return value_parse(rule->field.kind, t, arena, ret, err);
    }
}

/* ---- checks ---- */

/* As `min`, `max` and `one_of` are written: money with its point. */
static int check_bounds(const struct rule *rule, const struct value *value, struct error *err)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    double number = 0;
    value_write(&out, rule->field.kind, value);
    bool is_number = str_to_double(buf_view(&out), &number);
    int rc = 0;
    if ((rule->has_min || rule->has_max) && !is_number)
        rc = error_set(err, "it is no number, and has a least or a greatest value");
    else if (rule->has_min && number < rule->min)
        rc = error_set(err, "%s is less than %.15g", buf_cstr(&out), rule->min);
    else if (rule->has_max && number > rule->max)
        rc = error_set(err, "%s is more than %.15g", buf_cstr(&out), rule->max);
    bool listed = rule->one_of.count == 0;
    for (size_t i = 0; i < rule->one_of.count; i++)
        listed = listed || str_eq(rule->one_of.items[i], buf_view(&out));
    if (rc == 0 && !listed)
        rc = error_set(err, "'%.60s' is none of its values (one_of)", buf_cstr(&out));
    buf_free(&out);
    return rc;
}

static int check_value(const struct rule *rule, const struct value *value, struct error *err)
{
    if (value->state == VALUE_NULL)
        return rule->required || rule->field.required
                   ? error_set(err, "it is required, and the vendor has no value")
                   : 0;
    if (rule_refers(rule))
        return 0;
    if (value_validate(&rule->field, value, err) != 0)
        return -1;
    if (rule->check == CHECK_EMAIL && validate_email(value->text, err) != 0)
        return -1;
    if (rule->check == CHECK_PHONE && validate_phone(value->text, err) != 0)
        return -1;
    if (rule->check == CHECK_URL && validate_url(value->text, err) != 0)
        return -1;
    if (rule->has_min || rule->has_max || rule->one_of.count > 0)
        return check_bounds(rule, value, err);
    return 0;
}

/* ---- one rule, one record ---- */

/* One value; of several the first, where only one has room. */
static struct str field_text(const struct rule *rule, const struct json *fields,
                             struct arena *arena)
{
    const struct json *value = json_member(fields, rule->from[0]);
    if (rule_refers(rule) && json_kind(value) == JSON_ARRAY)
        value = json_element(value, 0);
    return vendor_text(value, arena);
}

/* ---- an object of fields ---- */

struct members {
    const struct mapping *mapping;
    struct member {
        struct str name;
        const struct json *value;
    } * items;
    size_t count, cap;
    struct arena *arena;
};

static int by_member(const void *a, const void *b)
{
    return str_cmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

/* Those without a value are left out, as everywhere. */
static void add_member(struct members *all, struct str name, const struct json *value)
{
    enum json_kind kind = json_kind(value);
    if (kind == JSON_NULL || (kind == JSON_STRING && json_string(value).len == 0))
        return;
    all->items =
        arena_grow(all->arena, all->items, &all->cap, all->count + 1, sizeof all->items[0]);
    all->items[all->count++] = (struct member){name, value};
}

/* Whether it was made here, or is an id of another record. */
static bool is_reference(const struct mapping *m, struct str name)
{
    for (size_t i = 0; i < m->rule_count; i++)
        if (rule_refers(&m->rules[i]) && m->rules[i].from_count > 0 &&
            str_eq(m->rules[i].from[0], name))
            return true;
    return str_is(name, FIELD_TITLE);
}

static bool note_member(void *arg, struct str name, const struct json *value)
{
    struct members *all = arg;
    if (!is_reference(all->mapping, name))
        add_member(all, name, value);
    return true;
}

/* In one order, whatever the vendor's is. */
static int object_of(const struct members *all, struct arena *arena, struct str *ret_text,
                     struct error *err)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX), text = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &out};
    if (all->count > 0)
        qsort(all->items, all->count, sizeof all->items[0], by_member);
    json_open(&w, '{');
    for (size_t i = 0; i < all->count; i++) {
        buf_clear(&text);
        json_write(&text, all->items[i].value);
        json_key_str(&w, all->items[i].name);
        json_put_raw(&w, buf_view(&text));
    }
    json_close(&w, '}');
    bool fits = !out.full && !text.full;
    *ret_text = fits && all->count > 0 ? arena_str(arena, buf_view(&out)) : none;
    buf_free(&out);
    buf_free(&text);
    return fits ? 0
                : error_set(err, "the fields are larger than %d MiB together",
                            RECORD_TEXT_MAX >> 20);
}

static int fields_object(const struct mapping *m, const struct rule *rule,
                         const struct json *fields, struct arena *arena, struct str *ret_text,
                         struct error *err)
{
    struct members all = {.mapping = m, .arena = arena};
    if (rule->from_count == 1 && str_is(rule->from[0], FIELD_ALL))
        json_each(fields, note_member, &all);
    else
        for (size_t i = 0; i < rule->from_count; i++)
            add_member(&all, rule->from[i], json_member(fields, rule->from[i]));
    return object_of(&all, arena, ret_text, err);
}

static int apply_text(const struct rule *rule, struct str t, struct arena *arena, struct value *ret,
                      struct error *err)
{
    *ret = (struct value){.state = VALUE_NULL};
    t = apply_steps(rule, t, arena);
    if (t.ptr && apply_map(rule, &t, err) != 0)
        return -1;
    if (!t.ptr && rule->has_default)
        t = rule->default_value;
    if (t.ptr && parse_text(rule, t, arena, ret, err) != 0)
        return -1;
    return check_value(rule, ret, err);
}

static int apply_rule(const struct mapping *m, const struct rule *rule, const struct json *fields,
                      struct arena *arena, struct value *ret, struct error *err)
{
    struct str t = none;
    if (rule->has_value)
        t = rule->value;
    else if (rule->field.kind == KIND_JSON) {
        if (fields_object(m, rule, fields, arena, &t, err) != 0)
            return -1;
    } else if (rule->from_count == 1)
        t = field_text(rule, fields, arena);
    else
        t = join_fields(rule, fields, arena);
    return apply_text(rule, t, arena, ret, err);
}

int rule_check(const struct rule *rule, struct str text, struct error *err)
{
    struct arena arena = {0};
    struct value value;
    int rc = apply_text(rule, text, &arena, &value, err);
    arena_free(&arena);
    return rc;
}

bool rule_takes(const struct rule *rule, struct str text)
{
    return text.len == 0 || rule_check(rule, text, NULL) == 0;
}

/* A custom field's value is kept as the JSON text that goes into custom_fields. */
static void to_json_text(const struct rule *rule, struct value *value, struct arena *arena)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    struct json_writer w = {.out = &out};
    if (value->state == VALUE_NULL)
        return;
    value_write_json(&w, rule->field.kind, value);
    *value = (struct value){.state = VALUE_TEXT, .text = arena_str(arena, buf_view(&out))};
    buf_free(&out);
}

int rule_read(const struct rule *rule, struct str text, struct arena *arena,
              struct value *ret_value, struct error *err)
{
    return apply_text(rule, text.len > 0 ? text : none, arena, ret_value, err);
}

static uint64_t hash_value(const uint8_t key[SIPHASH_KEY], const struct value *value)
{
    if (value->state == VALUE_TEXT)
        return siphash(key, value->text);
    if (value->state == VALUE_NULL)
        return 0;
    return siphash(key, (struct str){(const char *)&value->integer, sizeof value->integer});
}

/* What is seen of a taken field is the id, and what is taken: another field of the same record is
 * another value. */
static uint64_t hash_rule_value(const uint8_t key[SIPHASH_KEY], const struct rule *rule,
                                const struct value *value)
{
    uint64_t hash = hash_value(key, value);
    if (rule->take.len == 0 || value->state == VALUE_NULL)
        return hash;
    return hash ^ siphash(key, rule->lookup) ^ (siphash(key, rule->take) << 1);
}

uint64_t rule_hash(const uint8_t key[SIPHASH_KEY], const struct value *value)
{
    return hash_value(key, value);
}

int rule_seen_value(const struct rule *rule, struct str text, struct arena *arena,
                    struct value *ret_value)
{
    if (rule_read(rule, text, arena, ret_value, NULL) != 0)
        return -1;
    if (rule->index < 0)
        to_json_text(rule, ret_value, arena);
    return 0;
}

int rule_seen_hash(const struct rule *rule, const uint8_t key[SIPHASH_KEY], struct str text,
                   struct arena *arena, uint64_t *ret_hash)
{
    struct value value;
    if (rule_seen_value(rule, text, arena, &value) != 0)
        return -1;
    *ret_hash = hash_rule_value(key, rule, &value);
    return 0;
}

void shadow_pack(char entry[SHADOW_ENTRY], uint16_t id, uint64_t hash)
{
    entry[0] = (char)id;
    entry[1] = (char)(id >> 8);
    for (int i = 0; i < 8; i++)
        entry[2 + i] = (char)(hash >> (8 * i));
}

static bool holds(const struct condition *c, const struct json *fields, struct arena *arena)
{
    struct str t = vendor_text(json_member(fields, c->field), arena);
    if (c->kind != COND_VALUES)
        return (t.ptr != NULL) == (c->kind == COND_EXISTS);
    for (size_t i = 0; i < c->values.count; i++)
        if (str_eq(c->values.items[i], t))
            return !c->negated;
    return c->negated;
}

enum map_result mapping_apply(const struct mapping *m, const uint8_t hash_key[SIPHASH_KEY],
                              const struct json *fields, struct arena *arena,
                              struct mapped *ret_mapped, struct str *ret_field, struct error *err)
{
    for (size_t i = 0; i < m->condition_count; i++)
        if (!holds(&m->conditions[i], fields, arena))
            return MAP_OUT_OF_SCOPE;
    struct value *values = arena_new(arena, m->rule_count, sizeof values[0]);
    char *shadow = arena_new(arena, m->rule_count, SHADOW_ENTRY);
    size_t custom_bytes = 0;
    for (size_t i = 0; i < m->rule_count; i++) {
        const struct rule *rule = &m->rules[i];
        if (rule->paused) /* the shadow keeps what it has: see drift_shadow */
            values[i] = (struct value){.state = VALUE_NULL};
        else if (apply_rule(m, rule, fields, arena, &values[i], err) != 0) {
            *ret_field = str_from(rule->field.name);
            bool counts = rule_imports(rule);
            if (counts &&
                (rule->invalid == INVALID_QUARANTINE || rule->required || rule->field.required))
                return MAP_INVALID;
            values[i] = (struct value){.state = VALUE_NULL};
        }
        if (rule->index < 0) {
            to_json_text(rule, &values[i], arena);
            custom_bytes += values[i].text.len;
        }
        shadow_pack(shadow + i * SHADOW_ENTRY, rule->field.id,
                    hash_rule_value(hash_key, rule, &values[i]));
    }
    if (custom_bytes > RECORD_TEXT_MAX) {
        *ret_field = STR("custom_fields");
        error_set(err, "they are larger than %d MiB together", RECORD_TEXT_MAX >> 20);
        return MAP_INVALID;
    }
    ret_mapped->values = values;
    ret_mapped->shadow = (struct str){shadow, m->rule_count * SHADOW_ENTRY};
    return MAP_OK;
}

bool shadow_moved(struct str old_shadow, struct str new_shadow, size_t rule)
{
    const char *entry = new_shadow.ptr + rule * SHADOW_ENTRY;
    for (size_t at = 0; at + SHADOW_ENTRY <= old_shadow.len; at += SHADOW_ENTRY)
        if (memcmp(old_shadow.ptr + at, entry, 2) == 0)
            return memcmp(old_shadow.ptr + at, entry, SHADOW_ENTRY) != 0;
    return true;
}

void shadow_entry(struct str shadow, size_t at, uint16_t *ret_id, uint64_t *ret_hash)
{
    const unsigned char *entry = (const unsigned char *)shadow.ptr + at * SHADOW_ENTRY;
    *ret_id = (uint16_t)(entry[0] | entry[1] << 8);
    *ret_hash = 0;
    for (int i = 0; i < 8; i++)
        *ret_hash |= (uint64_t)entry[2 + i] << (8 * i);
}

bool shadow_find(struct str shadow, uint16_t id, uint64_t *ret_hash)
{
    for (size_t at = 0; at + SHADOW_ENTRY <= shadow.len; at += SHADOW_ENTRY) {
        const unsigned char *entry = (const unsigned char *)shadow.ptr + at;
        uint16_t found = (uint16_t)(entry[0] | entry[1] << 8);
        if (found != id)
            continue;
        shadow_entry(shadow, at / SHADOW_ENTRY, &found, ret_hash);
        return true;
    }
    return false;
}

struct str shadow_set(struct str shadow, uint16_t id, uint64_t hash, struct arena *arena)
{
    char *copy = arena_new(arena, shadow.len + SHADOW_ENTRY, 1);
    size_t at = 0;
    if (shadow.len > 0)
        memcpy(copy, shadow.ptr, shadow.len);
    while (at < shadow.len && ((unsigned char)copy[at] | (unsigned char)copy[at + 1] << 8) != id)
        at += SHADOW_ENTRY;
    shadow_pack(copy + at, id, hash);
    return (struct str){copy, at < shadow.len ? shadow.len : shadow.len + SHADOW_ENTRY};
}
