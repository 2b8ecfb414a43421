/* SPDX-License-Identifier: Apache-2.0 */
/* One value of a field, and how texts become values. Nothing here knows a vendor. */
#ifndef MODEL_VALUE_H
#define MODEL_VALUE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "model/model.h"

enum value_state {
    VALUE_NULL,
    VALUE_INTEGER, /* all kinds that are not text */
    VALUE_TEXT
};

struct value {
    enum value_state state;
    int64_t integer;
    struct str text; /* of VALUE_TEXT */
};

bool value_eq(const struct value *a, const struct value *b);

/* Text to a value of a kind, as it is written outside: "12000.50", "2026-01-31", "true". Texts are
 * kept as they are, KIND_LIST must be a JSON array of texts. -1 with what is wrong with it ("'x' is
 * no whole number"). The value's text is `text`'s, or the arena's. */
int value_parse(enum field_kind kind, struct str text, struct arena *arena, struct value *ret_value,
                struct error *err);

/* Range, choices, formats and lengths of a field. -1 with what is wrong. */
int value_validate(const struct model_field *field, const struct value *value, struct error *err);

int validate_email(struct str text, struct error *err);
int validate_phone(struct str text, struct error *err);
int validate_url(struct str text, struct error *err);

/* As it is written outside, for people: appends nothing for null. References give their number. */
void value_write(struct buf *out, enum field_kind kind, const struct value *value);

/* As a JSON value. */
void value_write_json(struct json_writer *w, enum field_kind kind, const struct value *value);

/* "123.4" times "0.01" and other decimals, exactly, rounded half away from zero to `places`; false
 * when `text` is no decimal number or the result does not fit. The result is in units of
 * 10^-places. */
bool decimal_scale(struct str text, struct str factor, int places, int64_t *ret_units);

enum { DECIMAL_TEXT = 256 };

/* The other way: a decimal text without exponent of which decimal_scale makes `units`. It is the
 * exact one, or, where that has no end, the shortest. False when there is none. */
bool decimal_unscale(int64_t units, struct str factor, int places, char ret_text[DECIMAL_TEXT]);

#endif
