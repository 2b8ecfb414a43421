/* SPDX-License-Identifier: Apache-2.0 */
/* From a canonical value to the vendor's text, and the proof that it would come back. */
#include "sync/export_map.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"

enum { SHOWN = 60 }; /* bytes of a text in a message */

/* ---- same values ---- */

static bool is_whole(double x)
{
    const double most = 9007199254740992.0; /* 2^53: there are no fractions above it */
    return x >= most || x <= -most || x == (double)(int64_t)x;
}

/* Fractions by the 15 digits that a vendor's have; whole numbers, which may be ids, by all. */
static bool same_number(struct str a, struct str b)
{
    double x, y;
    char left[32], right[32];
    if (!str_to_double(a, &x) || !str_to_double(b, &y))
        return false;
    if (x == y || is_whole(x) || is_whole(y))
        return x == y;
    snprintf(left, sizeof left, "%.15g", x);
    snprintf(right, sizeof right, "%.15g", y);
    return strcmp(left, right) == 0;
}

static bool same_json(struct str a, struct str b)
{
    struct buf left = BUF_INIT(RECORD_TEXT_MAX), right = BUF_INIT(RECORD_TEXT_MAX);
    const struct json *x = NULL, *y = NULL;
    bool same = json_parse(a, &x, NULL) == 0 && json_parse(b, &y, NULL) == 0;
    json_write(&left, x);
    json_write(&right, y);
    same = same && str_eq(buf_view(&left), buf_view(&right));
    json_free(x);
    json_free(y);
    buf_free(&left);
    buf_free(&right);
    return same;
}

bool export_same(const struct rule *rule, const struct value *a, const struct value *b)
{
    if (a->state != VALUE_TEXT || b->state != VALUE_TEXT || rule_refers(rule))
        return value_eq(a, b);
    if (rule->field.kind == KIND_NUMBER)
        return same_number(a->text, b->text);
    if (rule->field.kind == KIND_LIST)
        return str_eq(a->text, b->text) || same_json(a->text, b->text);
    return str_eq(a->text, b->text);
}

/* ---- our value ---- */

static bool fits_kind(enum field_kind kind, enum json_kind json)
{
    switch (kind) {
    case KIND_INTEGER:
    case KIND_NUMBER:
        return json == JSON_INT || json == JSON_DOUBLE;
    case KIND_BOOLEAN:
        return json == JSON_BOOL;
    case KIND_LIST:
        return json == JSON_ARRAY;
    default:
        return json == JSON_STRING;
    }
}

/* A custom field is kept as JSON, whoever wrote it: here it is one of its rule's type again. */
static int custom_value(const struct rule *rule, struct str text, struct arena *arena,
                        struct value *ret, struct error *err)
{
    const struct json *root = NULL;
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    enum field_kind kind = rule->field.kind;
    int rc = json_parse(text, &root, err);
    if (rc == 0 && json_kind(root) != JSON_NULL && !fits_kind(kind, json_kind(root)))
        rc = error_set(err, "its value here is no %s", model_kind_name(kind));
    *ret = (struct value){.state = VALUE_NULL};
    if (rc == 0 && json_kind(root) != JSON_NULL) {
        json_get_text(root, STR(""), &out);
        text = arena_str(arena, buf_view(&out));
        if (kind == KIND_NUMBER) /* all of its digits */
            *ret = (struct value){.state = VALUE_TEXT, .text = text};
        else
            rc = value_parse(kind, text, arena, ret, err);
    }
    json_free(root);
    buf_free(&out);
    return rc;
}

static int our_value(const struct rule *rule, const struct value *canonical, struct arena *arena,
                     struct value *ret, struct error *err)
{
    *ret = *canonical;
    if (canonical->state == VALUE_NULL)
        return 0;
    bool is_text = canonical->state == VALUE_TEXT;
    if (rule->field.kind == KIND_REFERENCE)
        return is_text ? 0 : error_set(err, "the record that it refers to is not at the vendor");
    if (rule->index < 0 && is_text)
        return custom_value(rule, canonical->text, arena, ret, err);
    return is_text == model_is_text(rule->field.kind)
               ? 0
               : error_set(err, "its value here is no %s", model_kind_name(rule->field.kind));
}

/* ---- the vendor's forms ---- */

static void write_pattern(struct buf *out, struct str pattern, const struct civil *c)
{
    char year[24], month[24], day[24];
    size_t y = 0, m = 0, d = 0;
    snprintf(year, sizeof year, "%04" PRId64, c->year);
    snprintf(month, sizeof month, "%02d", c->month);
    snprintf(day, sizeof day, "%02d", c->day);
    for (size_t i = 0; i < pattern.len; i++) {
        char p = pattern.ptr[i];
        buf_char(out, p == 'Y' ? year[y++] : p == 'M' ? month[m++] : p == 'D' ? day[d++] : p);
    }
}

static int write_when(const struct rule *rule, int64_t value, struct buf *out, struct error *err)
{
    char text[TIME_TEXT];
    bool is_date = rule->field.kind == KIND_DATE;
    int64_t us = value;
    if ((is_date && __builtin_mul_overflow(value, US_PER_DAY, &us)) || us < TIME_MIN_US ||
        us > TIME_MAX_US)
        return error_set(err, "it is out of the years 1 to 9999");
    struct civil c = time_civil(us);
    switch (rule->date) {
    case DATE_EPOCH_MS:
        buf_printf(out, "%" PRId64, us / US_PER_MS);
        break;
    case DATE_EPOCH_S:
        buf_printf(out, "%" PRId64, us / US_PER_SECOND);
        break;
    case DATE_PATTERN:
        write_pattern(out, rule->date_pattern, &c);
        break;
    case DATE_ISO:
        buf_text(out, is_date ? time_format_date(value, text) : time_format(us, text));
        break;
    }
    return 0;
}

static int write_scaled(const struct rule *rule, int64_t units, struct buf *out, struct error *err)
{
    char text[DECIMAL_TEXT];
    if (!decimal_unscale(units, rule->scale, rule->field.kind == KIND_MONEY ? 2 : 0, text))
        return error_set(err, "divided by its scale %.*s it is no number that fits",
                         STR_ARG(rule->scale));
    buf_text(out, text);
    return 0;
}

/* "1.5e+20" without its exponent. */
static void write_plain(struct buf *out, double number)
{
    char text[32];
    snprintf(text, sizeof text, "%.14e", number); /* d.ddd...e+-dd */
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    int decimals = exponent > 14 ? 0 : 14 - exponent;
    struct buf all = BUF_INIT(1024);
    buf_printf(&all, "%.*f", decimals, number);
    struct str s = buf_view(&all);
    while (decimals > 0 && s.ptr[s.len - 1] == '0')
        s.len--;
    if (s.ptr[s.len - 1] == '.')
        s.len--;
    buf_str(out, s);
    buf_free(&all);
}

static int write_number(const struct rule *rule, struct str text, struct buf *out,
                        struct error *err)
{
    double number, factor;
    if (!str_to_double(text, &number) || !str_to_double(rule->scale, &factor) || factor == 0)
        return error_set(err, "it is no number that can be scaled back");
    double quotient = number / factor;
    if (quotient - quotient != 0) /* infinite */
        return error_set(err, "divided by its scale %.*s it is no number that fits",
                         STR_ARG(rule->scale));
    write_plain(out, quotient);
    return 0;
}

static int write_list(const struct rule *rule, struct str text, struct buf *out, struct error *err)
{
    const struct json *root = NULL;
    int rc = json_parse(text, &root, err);
    if (rc == 0 && json_kind(root) != JSON_ARRAY)
        rc = error_set(err, "its value here is no list");
    if (rule->split.len == 0)
        json_write(out, root);
    for (size_t i = 0; rc == 0 && rule->split.len > 0 && i < json_length(root); i++) {
        const struct json *item = json_element(root, i);
        if (json_kind(item) != JSON_STRING)
            rc = error_set(err, "its value here is no list of texts");
        if (i > 0)
            buf_str(out, rule->split);
        buf_str(out, json_string(item));
    }
    json_free(root);
    return rc;
}

static int write_value(const struct rule *rule, const struct value *value, struct buf *out,
                       struct error *err)
{
    switch (rule->field.kind) {
    case KIND_INTEGER:
    case KIND_MONEY:
        return write_scaled(rule, value->integer, out, err);
    case KIND_NUMBER:
        return write_number(rule, value->text, out, err);
    case KIND_BOOLEAN:
        buf_text(out, value->integer ? "true" : "false");
        return 0;
    case KIND_DATE:
    case KIND_TIME:
        return write_when(rule, value->integer, out, err);
    case KIND_LIST:
        return write_list(rule, value->text, out, err);
    default:
        buf_str(out, value->text);
        return 0;
    }
}

/* ---- maps ---- */

/* A value for a message. */
static void show(struct buf *out, const struct rule *rule, const struct value *value)
{
    struct buf all = BUF_INIT(RECORD_TEXT_MAX);
    value_write(&all, rule->field.kind, value);
    if (value->state == VALUE_NULL)
        buf_text(out, "no value");
    else
        buf_printf(out, "'%.*s'", all.len > SHOWN ? SHOWN : (int)all.len, buf_cstr(&all));
    buf_free(&all);
}

static int not_in_map(const struct rule *rule, const struct export_rule *e,
                      const struct value *value, struct error *err)
{
    struct buf shown = BUF_INIT(512);
    show(&shown, rule, value);
    if (e->form == EXPORT_MAP)
        error_set(err, "%s is not in the map of its export: add it, or '*'", buf_cstr(&shown));
    else
        error_set(err, "nothing at the vendor becomes %s%s: add it to the map", buf_cstr(&shown),
                  rule->map_other || rule->has_default ? " but by '*' or the default" : "");
    buf_free(&shown);
    return -1;
}

/* By a map of the export, or by that of the rule turned round. */
static int write_mapped(const struct rule *rule, const struct export_rule *e,
                        const struct value *value, struct buf *out, struct error *err)
{
    const struct export_entry *entry = e->map_other;
    for (size_t i = 0; i < e->map_count; i++)
        if (export_same(rule, &e->map[i].ours, value)) {
            entry = &e->map[i];
            break;
        }
    if (!entry)
        return not_in_map(rule, e, value, err);
    buf_str(out, entry->theirs);
    return 0;
}

/* ---- there and back ---- */

/* Texts and lists that are empty are no value for a vendor. */
static bool is_empty(const struct rule *rule, const struct value *value)
{
    static const struct value empty = {.state = VALUE_TEXT, .text = {"[]", 2}};
    if (value->state != VALUE_TEXT || rule->field.kind != KIND_LIST)
        return value->state == VALUE_TEXT && value->text.len == 0;
    return rule->split.len > 0 && export_same(rule, value, &empty);
}

static int check_return(const struct rule *rule, const struct value *value, struct str text,
                        struct arena *arena, struct error *err)
{
    static const struct value nothing = {.state = VALUE_NULL};
    struct value back;
    struct error why = {0};
    struct buf shown = BUF_INIT(512), other = BUF_INIT(512);
    int rc = 0;
    if (text.len == 0 && is_empty(rule, value))
        value = &nothing;
    show(&shown, rule, value);
    if (rule_read(rule, text, arena, &back, &why) != 0) {
        rc =
            error_set(err, "%s, written as '%.*s', could not be read back: %s", buf_cstr(&shown),
                      text.len > SHOWN ? SHOWN : (int)text.len, text.ptr ? text.ptr : "", why.text);
    } else if (!export_same(rule, value, &back)) {
        show(&other, rule, &back);
        rc = error_set(err, "%s, written as '%.*s', would come back as %s", buf_cstr(&shown),
                       text.len > SHOWN ? SHOWN : (int)text.len, text.ptr ? text.ptr : "",
                       buf_cstr(&other));
    }
    buf_free(&shown);
    buf_free(&other);
    return rc;
}

static int write_text(const struct rule *rule, const struct export_rule *e,
                      const struct value *value, struct arena *arena, struct str *ret_text,
                      struct error *err)
{
    struct buf out = BUF_INIT(RECORD_TEXT_MAX);
    bool mapped = e->form == EXPORT_MAP ||
                  (e->form == EXPORT_INVERSE && (rule->map_count > 0 || rule->map_other));
    int rc = 0;
    if (value->state != VALUE_NULL)
        rc = mapped ? write_mapped(rule, e, value, &out, err) : write_value(rule, value, &out, err);
    if (rc == 0 && out.full)
        rc = error_set(err, "it is larger than %d MiB", RECORD_TEXT_MAX >> 20);
    *ret_text = arena_str(arena, buf_view(&out));
    buf_free(&out);
    return rc;
}

int export_value(const struct rule *rule, const struct export_rule *e,
                 const struct value *canonical, struct arena *arena, struct str *ret_text,
                 bool *ret_clear, struct error *err)
{
    struct value ours;
    struct str text = e->value;
    if (e->form != EXPORT_VALUE) {
        if (our_value(rule, canonical, arena, &ours, err) != 0 ||
            write_text(rule, e, &ours, arena, &text, err) != 0)
            return -1;
        if (e->comes_back && check_return(rule, &ours, text, arena, err) != 0)
            return -1;
    }
    *ret_text = text;
    *ret_clear = text.len == 0;
    return 0;
}
