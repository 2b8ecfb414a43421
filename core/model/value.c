/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/time.h"

#define MONEY_MAX INT64_C(999999999999) /* decimal(12,2) in minor units */

bool value_eq(const struct value *a, const struct value *b)
{
    if (a->state != b->state)
        return false;
    if (a->state == VALUE_INTEGER)
        return a->integer == b->integer;
    return a->state == VALUE_NULL || str_eq(a->text, b->text);
}

/* ---- decimals ---- */

struct decimal {
    bool negative;
    __int128 digits;
    int places;
};

/* "-12.50", "1e3"; up to 30 significant digits. */
static bool parse_decimal(struct str text, struct decimal *ret)
{
    struct decimal d = {0};
    int seen = 0, exponent_value = 0;
    size_t i = 0;
    bool point = false;
    if (i < text.len && (text.ptr[i] == '-' || text.ptr[i] == '+'))
        d.negative = text.ptr[i++] == '-';
    for (; i < text.len && (isdigit((unsigned char)text.ptr[i]) || (text.ptr[i] == '.' && !point));
         i++) {
        if (text.ptr[i] == '.') {
            point = true;
            continue;
        }
        if (++seen > 30)
            return false;
        d.digits = d.digits * 10 + (text.ptr[i] - '0');
        d.places += point;
    }
    if (seen == 0)
        return false;
    if (i < text.len && (text.ptr[i] == 'e' || text.ptr[i] == 'E')) {
        int64_t exponent;
        struct str rest = str_slice(text, i + 1, text.len - i - 1);
        if (rest.len > 0 && rest.ptr[0] == '+')
            rest = str_slice(rest, 1, rest.len - 1);
        if (!str_to_i64(rest, &exponent) || exponent < -30 || exponent > 30)
            return false;
        exponent_value = (int)exponent;
        i = text.len;
    }
    d.places -= exponent_value;
    *ret = d;
    return i == text.len;
}

bool decimal_scale(struct str text, struct str factor, int places, int64_t *ret_units)
{
    struct decimal a, b;
    const __int128 most = ((__int128)1 << 126) / 10;
    if (!parse_decimal(text, &a) || !parse_decimal(factor, &b))
        return false;
    if (b.digits != 0 && a.digits > most / b.digits)
        return false;
    __int128 digits = a.digits * b.digits;
    int shift = places - (a.places + b.places);
    for (; shift > 0 && digits != 0; shift--) {
        if (digits > most)
            return false;
        digits *= 10;
    }
    for (; shift < -1 && digits != 0; shift++)
        digits /= 10;
    if (shift == -1)
        digits = digits / 10 + (digits % 10 >= 5);
    if (digits > INT64_MAX)
        return false;
    *ret_units = a.negative != b.negative ? -(int64_t)digits : (int64_t)digits;
    return true;
}

/* A quotient: its digits, and how many stand before the point (maybe less than none). */
struct quotient {
    unsigned char digits[96];
    int count, point;
    bool ends;
};

enum { FRACTION_DIGITS = 60, SIGNIFICANT_DIGITS = 30 };

static struct quotient divide(uint64_t dividend, __int128 divisor)
{
    struct quotient q = {0};
    char whole[24];
    uint64_t first = divisor > (__int128)dividend ? 0 : (uint64_t)(dividend / divisor);
    __int128 rest = (__int128)dividend - (__int128)first * divisor;
    q.point = q.count = snprintf(whole, sizeof whole, "%" PRIu64, first);
    for (int i = 0; i < q.count; i++)
        q.digits[i] = (unsigned char)(whole[i] - '0');
    for (int i = 0; i < FRACTION_DIGITS && rest != 0; i++) {
        rest *= 10; /* the divisor has 30 digits at most */
        q.digits[q.count++] = (unsigned char)(rest / divisor);
        rest %= divisor;
    }
    q.ends = rest == 0;
    return q;
}

/* Rounded to that many digits from the first that is not 0. */
static struct quotient shorten(const struct quotient *q, int significant)
{
    struct quotient r = *q;
    int first = 0;
    while (first < q->count - 1 && q->digits[first] == 0)
        first++;
    if (first + significant >= q->count)
        return r;
    r.count = first + significant;
    if (q->digits[r.count] < 5)
        return r;
    int i = r.count - 1;
    while (i >= 0 && r.digits[i] == 9)
        r.digits[i--] = 0;
    if (i >= 0) {
        r.digits[i]++;
        return r;
    }
    memmove(r.digits + 1, r.digits, (size_t)r.count);
    r.digits[0] = 1;
    r.count++;
    r.point++;
    return r;
}

/* Without needless zeros; those that stand for no digit are few, as decimals have 30 digits and
 * exponents up to 30. */
static void write_quotient(const struct quotient *q, bool negative, char text[DECIMAL_TEXT])
{
    struct buf out = BUF_INIT(DECIMAL_TEXT);
    int first = 0, last = q->count;
    while (first < q->count && first < q->point - 1 && q->digits[first] == 0)
        first++;
    while (last > 0 && last > q->point && q->digits[last - 1] == 0)
        last--;
    buf_text(&out, negative ? "-" : "");
    if (q->point <= 0)
        buf_char(&out, '0');
    for (int i = first; i < q->point; i++)
        buf_char(&out, (char)('0' + (i < q->count ? q->digits[i] : 0)));
    if (last > q->point)
        buf_char(&out, '.');
    for (int i = q->point; i < last; i++)
        buf_char(&out, (char)('0' + (i >= 0 ? q->digits[i] : 0)));
    snprintf(text, DECIMAL_TEXT, "%s", buf_cstr(&out));
    buf_free(&out);
}

static bool scales_to(const char *text, struct str factor, int places, int64_t units)
{
    int64_t back;
    return decimal_scale(str_from(text), factor, places, &back) && back == units;
}

bool decimal_unscale(int64_t units, struct str factor, int places, char ret_text[DECIMAL_TEXT])
{
    struct decimal by;
    if (!parse_decimal(factor, &by) || by.digits == 0)
        return false;
    uint64_t magnitude = units < 0 ? -(uint64_t)units : (uint64_t)units;
    struct quotient q = divide(magnitude, by.digits);
    bool negative = (units < 0) != by.negative && units != 0;
    q.point += by.places - places;
    write_quotient(&q, negative, ret_text);
    if (q.ends && scales_to(ret_text, factor, places, units))
        return true;
    for (int i = 1; i <= SIGNIFICANT_DIGITS; i++) {
        struct quotient shorter = shorten(&q, i);
        write_quotient(&shorter, negative, ret_text);
        if (scales_to(ret_text, factor, places, units))
            return true;
    }
    return false;
}

/* ---- parsing ---- */

static int cannot(struct error *err, struct str text, const char *what)
{
    int shown = text.len > 60 ? 60 : (int)text.len;
    return error_set(err, "'%.*s'%s is no %s", shown, text.ptr, text.len > 60 ? "..." : "", what);
}

static bool parse_bool(struct str text, int64_t *ret_value)
{
    static const char *const words[2][3] = {{"false", "no", "0"}, {"true", "yes", "1"}};
    for (int truth = 0; truth < 2; truth++)
        for (int i = 0; i < 3; i++)
            if (str_eq_nocase(text, str_from(words[truth][i]))) {
                *ret_value = truth;
                return true;
            }
    return false;
}

/* "25" and "25.0", as some vendors write whole numbers, but not "25.5". */
static bool parse_whole(struct str text, int64_t *ret_value)
{
    int64_t millionths;
    if (str_to_i64(text, ret_value))
        return true;
    if (!decimal_scale(text, STR("1"), 6, &millionths) || millionths % 1000000 != 0)
        return false;
    *ret_value = millionths / 1000000;
    return true;
}

static bool parse_object(struct str text)
{
    const struct json *root = NULL;
    bool ok = json_parse(text, &root, NULL) == 0 && json_kind(root) == JSON_OBJECT;
    json_free(root);
    return ok;
}

static bool parse_list(struct str text)
{
    const struct json *root = NULL;
    bool ok = json_parse(text, &root, NULL) == 0 && json_kind(root) == JSON_ARRAY;
    for (size_t i = 0; ok && i < json_length(root); i++)
        ok = json_kind(json_element(root, i)) == JSON_STRING;
    json_free(root);
    return ok;
}

int value_parse(enum field_kind kind, struct str text, struct arena *arena, struct value *ret_value,
                struct error *err)
{
    struct value v = {.state = VALUE_INTEGER};
    double number;
    bool ok = true;
    switch (kind) {
    case KIND_INTEGER:
    case KIND_REFERENCE:
        ok = parse_whole(text, &v.integer);
        break;
    case KIND_MONEY:
        ok = decimal_scale(text, STR("1"), 2, &v.integer);
        break;
    case KIND_BOOLEAN:
        ok = parse_bool(text, &v.integer);
        break;
    case KIND_DATE:
        ok = time_parse_date(text, &v.integer);
        break;
    case KIND_TIME:
        ok = time_parse_rfc3339(text, &v.integer);
        break;
    case KIND_NUMBER:
        ok = str_to_double(text, &number);
        v = (struct value){.state = VALUE_TEXT, .text = text};
        if (ok) /* one form for one number, as JSON has it */
            v.text = str_from(arena_printf(arena, "%.15g", number));
        break;
    case KIND_JSON:
        ok = parse_object(text);
        v = (struct value){.state = VALUE_TEXT, .text = text};
        break;
    case KIND_LIST:
        ok = parse_list(text);
        v = (struct value){.state = VALUE_TEXT, .text = text};
        break;
    default:
        v = (struct value){.state = VALUE_TEXT, .text = text};
        break;
    }
    if (!ok)
        return cannot(err, text, model_kind_name(kind));
    *ret_value = v;
    return 0;
}

/* ---- validation ---- */

static bool only(struct str s, const char *others)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (!(isalnum(c) || c >= 0x80 || (c != '\0' && strchr(others, c))))
            return false;
    }
    return s.len > 0;
}

/* Labels of letters, digits and hyphens (RFC 1123 section 2.1), two at least. */
static bool is_domain(struct str s)
{
    struct str label;
    size_t labels = 0;
    if (s.len == 0 || s.len > 253)
        return false;
    while (str_next(&s, '.', &label)) {
        if (label.len > 63 || !only(label, "-") || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return false;
        labels++;
    }
    return labels >= 2;
}

/* RFC 5321 section 4.1.2 without quoted local parts and address literals, which no CRM keeps;
 * letters beyond ASCII as RFC 6531 allows. */
int validate_email(struct str text, struct error *err)
{
    ptrdiff_t at = str_find(text, '@');
    struct str local = str_slice(text, 0, at < 0 ? 0 : (size_t)at);
    struct str domain = at < 0 ? STR("") : str_slice(text, local.len + 1, text.len - local.len - 1);
    if (text.len > 254 || local.len > 64 || !only(local, ".!#$%&'*+/=?^_`{|}~-") ||
        local.ptr[0] == '.' || local.ptr[local.len - 1] == '.' ||
        memmem(local.ptr, local.len, "..", 2) || !is_domain(domain))
        return cannot(err, text, "e-mail address");
    return 0;
}

/* Digits as people write them, with an optional extension; 5 to 20 of them (E.164 has 15 at most,
 * an extension some more). */
int validate_phone(struct str text, struct error *err)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (isdigit((unsigned char)c))
            digits++;
        else if (c == '+' ? digits > 0 : (c == '\0' || !strchr(" -.()/x#ext,;", c)))
            return cannot(err, text, "phone number");
    }
    return digits >= 5 && digits <= 20 ? 0 : cannot(err, text, "phone number");
}

/* http or https with a host (RFC 3986); a CRM holds no other. */
int validate_url(struct str text, struct error *err)
{
    size_t scheme = str_starts(text, "https://") ? 8 : str_starts(text, "http://") ? 7 : 0;
    struct str rest = str_slice(text, scheme, text.len - scheme);
    bool ok = scheme > 0 && rest.len > 0 &&
              (isalnum((unsigned char)rest.ptr[0]) || rest.ptr[0] == '[' ||
               (unsigned char)rest.ptr[0] >= 0x80);
    for (size_t i = 0; ok && i < rest.len; i++)
        ok = (unsigned char)rest.ptr[i] > ' ' && !strchr("<>\"\\^`{|}", rest.ptr[i]);
    return ok ? 0 : cannot(err, text, "URL (http:// or https://)");
}

/* Whether a JSON text has \u0000 in a string. */
static bool escapes_nul(struct str json)
{
    for (size_t i = 0; i + 1 < json.len; i++) {
        if (json.ptr[i] != '\\')
            continue;
        if (str_starts(str_slice(json, i, json.len - i), "\\u0000"))
            return true;
        i++; /* what is escaped, which may be a backslash */
    }
    return false;
}

static int validate_text(const struct model_field *field, struct str text, struct error *err)
{
    bool json = field->kind == KIND_JSON || field->kind == KIND_LIST;
    size_t most = field->kind == KIND_JSON ? JSON_MAX : TEXT_MAX;
    if (text.len > most)
        return error_set(err, "it is longer than %zu bytes", most);
    /* PostgreSQL keeps none, neither as a byte nor escaped in JSON: so no store does. */
    if (memchr(text.ptr, 0, text.len) || (json && escapes_nul(text)))
        return error_set(err, "it holds a NUL byte");
    switch (field->kind) {
    case KIND_EMAIL:
        return validate_email(text, err);
    case KIND_PHONE:
        return validate_phone(text, err);
    case KIND_URL:
        return validate_url(text, err);
    case KIND_ENUM:
        for (const char *const *choice = field->choices; *choice; choice++)
            if (str_is(text, *choice))
                return 0;
        return cannot(err, text, "value that is allowed");
    default:
        return 0;
    }
}

int value_validate(const struct model_field *field, const struct value *value, struct error *err)
{
    if (value->state == VALUE_NULL)
        return field->required ? error_set(err, "it is required, and the vendor has no value") : 0;
    if (value->state == VALUE_TEXT)
        return validate_text(field, value->text, err);
    if (field->kind == KIND_MONEY && (value->integer > MONEY_MAX || value->integer < -MONEY_MAX))
        return error_set(err, "the amount has more than 10 digits before the point");
    if (field->kind == KIND_INTEGER && (field->min != 0 || field->max != 0) &&
        (value->integer < field->min || value->integer > field->max))
        return error_set(err, "%" PRId64 " is not from %" PRId64 " to %" PRId64, value->integer,
                         field->min, field->max);
    return 0;
}

/* ---- writing ---- */

static void write_money(struct buf *out, int64_t units)
{
    int64_t magnitude = units < 0 ? -units : units;
    buf_printf(out, "%s%" PRId64 ".%02d", units < 0 ? "-" : "", magnitude / 100,
               (int)(magnitude % 100));
}

void value_write(struct buf *out, enum field_kind kind, const struct value *value)
{
    char text[TIME_TEXT];
    if (value->state == VALUE_TEXT)
        buf_str(out, value->text);
    else if (value->state == VALUE_NULL)
        return;
    else if (kind == KIND_MONEY)
        write_money(out, value->integer);
    else if (kind == KIND_BOOLEAN)
        buf_text(out, value->integer ? "true" : "false");
    else if (kind == KIND_DATE)
        buf_text(out, time_format_date(value->integer, text));
    else if (kind == KIND_TIME)
        buf_text(out, time_format(value->integer, text));
    else
        buf_printf(out, "%" PRId64, value->integer);
}

void value_write_json(struct json_writer *w, enum field_kind kind, const struct value *value)
{
    struct buf text = BUF_INIT(JSON_MAX + 64);
    if (value->state == VALUE_NULL) {
        json_put_null(w);
        return;
    }
    value_write(&text, kind, value);
    bool raw = kind == KIND_INTEGER || kind == KIND_MONEY || kind == KIND_BOOLEAN ||
               kind == KIND_NUMBER || kind == KIND_LIST || kind == KIND_JSON ||
               kind == KIND_REFERENCE;
    if (raw)
        json_put_raw(w, buf_view(&text));
    else
        json_put_str(w, buf_view(&text));
    buf_free(&text);
}
