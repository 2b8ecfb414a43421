/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <openssl/evp.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/blob.h"
#include "base/encode.h"
#include "base/hash.h"
#include "base/json_internal.h"
#include "base/mem.h"
#include "base/loop_uv.h"
#include "base/redact.h"
#include "base/search.h"
#include "base/time.h"
#include "base/uuid.h"

static void test_numbers(void)
{
    int64_t i;
    double d;
    CU_ASSERT(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    CU_ASSERT(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    CU_ASSERT(!str_to_i64(STR("9223372036854775808"), &i));
    CU_ASSERT(!str_to_i64(STR(""), &i));
    CU_ASSERT(!str_to_i64(STR("1 "), &i));
    CU_ASSERT(str_to_double(STR("1.5e3"), &d) && d == 1500);
    CU_ASSERT(!str_to_double(STR("inf"), &d));
    CU_ASSERT(!str_to_double(STR("0x10"), &d));
    CU_ASSERT(!str_to_double(STR("1e999"), &d));
}

static void test_utf8(void)
{
    CU_ASSERT(str_is_utf8(STR("Zürich \xf0\x9f\x8f\x94")));
    CU_ASSERT(!str_is_utf8(STR("\xc0\x80")));         /* overlong */
    CU_ASSERT(!str_is_utf8(STR("\xed\xa0\x80")));     /* surrogate */
    CU_ASSERT(!str_is_utf8(STR("\xf4\x90\x80\x80"))); /* past U+10FFFF */
    CU_ASSERT(!str_is_utf8(STR("\xe2\x82")));         /* cut */
}

static void test_nearest(void)
{
    static const char *const words[] = {"frequency", "filter", "mapping", "match"};
    UNIT_TEXT(str_nearest(STR("freqency"), words, 4), "frequency");
    UNIT_TEXT(str_nearest(STR("mathc"), words, 4), "match");
    CU_ASSERT_PTR_NULL(str_nearest(STR("zzzzzz"), words, 4));
}

static void test_buf_ceiling(void)
{
    struct buf b = BUF_INIT(4);
    buf_text(&b, "abc");
    CU_ASSERT(!b.full);
    buf_text(&b, "de");
    CU_ASSERT(b.full);
    UNIT_TEXT(buf_cstr(&b), "abc");
    buf_char(&b, 'd'); /* stays refused: the text would have a hole */
    UNIT_TEXT(buf_cstr(&b), "abc");
    buf_free(&b);
}

static void test_times(void)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: refused */
    } cases[] = {
        {"2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678Z"},
        {"2026-01-02T03:04:05.000+0000", "2026-01-02T03:04:05Z"},
        {"2026-01-02T03:04:05.1234567+02:00", "2026-01-02T01:04:05.123456Z"},
        {"2024-02-29", "2024-02-29T00:00:00Z"},
        {"2023-02-29", NULL},
        {"2026-01-02T24:00:00Z", NULL},
        {"2026-01-02T03:04:05", NULL},
        {"2026-01-02T03:04:05Zx", NULL},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"},
        {"Invalid Date", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t us;
        char text[TIME_TEXT];
        bool ok = time_parse_rfc3339(str_from(cases[i].text), &us);
        CU_ASSERT_EQUAL(ok, cases[i].expected != NULL);
        if (ok && cases[i].expected)
            UNIT_TEXT(time_format(us, text), cases[i].expected);
    }
}

static void test_http_date(void)
{
    int64_t us;
    char text[TIME_TEXT];
    /* The example of RFC 9110 section 5.6.7. */
    CU_ASSERT(time_parse_http_date(STR("Sun, 06 Nov 1994 08:49:37 GMT"), &us));
    CU_ASSERT_EQUAL(us, 784111777 * US_PER_SECOND);
    UNIT_TEXT(time_format_http(us, text), "Sun, 06 Nov 1994 08:49:37 GMT");
    CU_ASSERT(!time_parse_http_date(STR("Sun, 06 Nev 1994 08:49:37 GMT"), &us));
}

static void test_civil_round_trip(void)
{
    bool same = true;
    for (int64_t day = -719162; day < 2932897; day += 13) {
        struct civil c = time_civil(day * US_PER_DAY + 12345678);
        int64_t us;
        same = same && time_from_civil(&c, &us) && us == day * US_PER_DAY + 12345678;
    }
    CU_ASSERT(same);
    CU_ASSERT_EQUAL(time_civil(0).weekday, 4); /* 1970-01-01 was a Thursday */
}

static void test_spans(void)
{
    int64_t us;
    char text[TIME_TEXT];
    CU_ASSERT(time_parse_span(STR("90s"), &us) && us == 90 * US_PER_SECOND);
    CU_ASSERT(time_parse_span(STR("250ms"), &us) && us == 250 * US_PER_MS);
    CU_ASSERT(time_parse_span(STR("7d"), &us) && us == 7 * US_PER_DAY);
    CU_ASSERT(!time_parse_span(STR("5 minutes"), &us));
    CU_ASSERT(!time_parse_span(STR("m"), &us));
    UNIT_TEXT(time_format_span(200 * US_PER_SECOND, text), "3 min 20 s");
    UNIT_TEXT(time_format_span(5 * US_PER_MINUTE, text), "5 min");
    UNIT_TEXT(time_format_span(24 * US_PER_HOUR, text), "24 h");
    UNIT_TEXT(time_format_span(10 * US_PER_SECOND, text), "10 s");
    UNIT_TEXT(time_format_span(1234 * US_PER_MS, text), "1.2 s");
}

/* OpenSSL has SipHash too: an implementation that is not ours. */
static void test_siphash(void)
{
    uint8_t key[SIPHASH_KEY], message[64];
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mac);
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    for (unsigned len = 0; len < sizeof message; len++) {
        uint8_t expected[8] = {0};
        size_t size = 8;
        OSSL_PARAM params[] = {OSSL_PARAM_construct_size_t("size", &size), OSSL_PARAM_END};
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);
        CU_ASSERT(EVP_MAC_init(ctx, key, sizeof key, params) == 1);
        CU_ASSERT(EVP_MAC_update(ctx, message, len) == 1);
        CU_ASSERT(EVP_MAC_final(ctx, expected, &size, sizeof expected) == 1);
        EVP_MAC_CTX_free(ctx);
        uint64_t hash = siphash(key, (struct str){(const char *)message, len});
        for (unsigned i = 0; i < 8; i++)
            CU_ASSERT_EQUAL((uint8_t)(hash >> (8 * i)), expected[i]);
        message[len] = (uint8_t)len;
    }
    EVP_MAC_free(mac);
}

static void test_encodings(void)
{
    struct buf b = BUF_INIT(100);
    encode_base64(&b, STR("any carnal pleas"));
    UNIT_TEXT(buf_cstr(&b), "YW55IGNhcm5hbCBwbGVhcw==");
    buf_clear(&b);
    encode_percent(&b, STR("a b/ü"));
    UNIT_TEXT(buf_cstr(&b), "a%20b%2F%C3%BC");
    buf_clear(&b);
    decode_percent(&b, STR("a%20b%2F%c3%BC+%2%zz%"));
    UNIT_TEXT(buf_cstr(&b), "a b/ü+%2%zz%");
    buf_clear(&b);
    uint8_t digest[SHA256_SIZE];
    CU_ASSERT(sha256(STR("abc"), digest) == 0);
    encode_hex(&b, (struct str){(const char *)digest, sizeof digest});
    UNIT_TEXT(buf_cstr(&b), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    buf_free(&b);
}

static void test_uuid(void)
{
    char text[UUID_TEXT];
    struct uuid parsed;
    /* RFC 9562 appendix A.6. */
    uint8_t random[10] = {0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    struct uuid id = uuid_v7(INT64_C(0x017F22E279B0) * US_PER_MS, random);
    UNIT_TEXT(uuid_format(&id, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    CU_ASSERT(uuid_parse(STR("017F22E2-79B0-7cc3-98c4-dc0c0c07398f"), &parsed));
    CU_ASSERT(memcmp(&parsed, &id, sizeof id) == 0);
    CU_ASSERT(!uuid_parse(STR("017F22E279B0-7cc3-98c4-dc0c0c07398f--"), &parsed));
}

static void test_json_read(void)
{
    const struct json *root;
    struct error err;
    CU_ASSERT(
        json_parse(STR("{\"a\":{\"b\":[1,{\"c\":\"x\\u0000y\"}]},\"big\":18446744073709551615,"
                       "\"f\":12.50,\"n\":null,\"a.b\":7}"),
                   &root, &err) == 0);
    CU_ASSERT_EQUAL(json_string(json_path(root, STR("a.b[1].c"))).len, 3);
    CU_ASSERT_EQUAL(json_int(json_path(root, STR("a.b[0]"))), 1);
    CU_ASSERT_PTR_NULL(json_path(root, STR("a.b[2].c")));
    CU_ASSERT_PTR_NULL(json_path(root, STR("a.x.c")));
    CU_ASSERT_EQUAL(json_kind(json_member(root, STR("big"))), JSON_DOUBLE);
    CU_ASSERT_EQUAL(json_kind(json_member(root, STR("n"))), JSON_NULL);
    CU_ASSERT_EQUAL(json_int(json_member(root, STR("a.b"))), 7);
    CU_ASSERT(str_is(json_number_text(json_member(root, STR("f"))), "12.50"));
    json_free(root);
}

static struct str written(const struct json *value, struct buf *out)
{
    buf_clear(out);
    json_write(out, value);
    return buf_view(out);
}

static void test_json_strings(void)
{
    const struct json *root;
    struct buf out = BUF_INIT(1000);
    CU_ASSERT_FATAL(json_parse(STR("[\"\\u00e9\\ud83d\\ude00\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", "
                                   "\"\\u0009\\u0000\", \"\u00e9\", \"\"]"),
                               &root, NULL) == 0);
    CU_ASSERT(str_is(json_string(json_element(root, 0)), "\u00e9\U0001f600"));
    CU_ASSERT(str_is(json_string(json_element(root, 1)), "\"\\/\b\f\n\r\t"));
    CU_ASSERT(str_is(written(json_element(root, 1), &out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\""));
    CU_ASSERT(str_is(written(json_element(root, 2), &out), "\"\\t\\u0000\""));
    CU_ASSERT(str_is(json_string(json_element(root, 3)), "\u00e9"));
    CU_ASSERT(str_is(json_string(json_element(root, 4)), ""));
    json_free(root);
    buf_free(&out);
}

/* A half is no character; what stands beside it is kept. */
static void test_json_surrogates(void)
{
    static const struct {
        const char *text, *string;
    } cases[] = {{"\\ud83d!", "\ufffd!"},
                 {"\\udc00\\ud800\\u0041", "\ufffd\ufffdA"},
                 {"\\uD83D\\uD83D\\uDE00", "\ufffd\U0001f600"},
                 {"\\uDE00\\ud83d", "\ufffd\ufffd"},
                 {"\\ud83d\\n", "\ufffd\n"},
                 {"\\\\ud83d", "\\ud83d"},
                 {"\\\\\\ud83d", "\\\ufffd"},
                 {"\\ud7ff\\ue000", "\xed\x9f\xbf\xee\x80\x80"}};
    struct buf text = BUF_INIT(100);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct json *root;
        buf_clear(&text);
        buf_printf(&text, "\"%s\"", cases[i].text);
        CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
        CU_ASSERT(str_is(json_string(root), cases[i].string));
        json_free(root);
    }
    buf_free(&text);
}

static void test_json_numbers(void)
{
    static const char text[] = "[0,-7,9223372036854775807,-9223372036854775808,"
                               "9223372036854775808,1e5,-0.50E+2,12345678901234567890123]";
    const struct json *root;
    struct buf out = BUF_INIT(1000);
    CU_ASSERT_FATAL(json_parse(str_from(text), &root, NULL) == 0);
    for (size_t i = 0; i < json_length(root); i++)
        CU_ASSERT_EQUAL(json_kind(json_element(root, i)), i < 4 ? JSON_INT : JSON_DOUBLE);
    CU_ASSERT_EQUAL(json_int(json_element(root, 2)), INT64_MAX);
    CU_ASSERT_EQUAL(json_int(json_element(root, 3)), INT64_MIN);
    CU_ASSERT_EQUAL(json_int(json_element(root, 4)), 0);
    CU_ASSERT(str_is(json_number_text(json_element(root, 6)), "-0.50E+2"));
    CU_ASSERT(str_is(written(root, &out), text)); /* every digit is kept */
    json_free(root);
    buf_free(&out);
}

/* An object of `count` members k0.., each three times: the last value counts, in the first place.
 */
static void check_twins(int count)
{
    struct buf text = BUF_INIT(100000), wanted = BUF_INIT(100000), out = BUF_INIT(100000);
    const struct json *root;
    char name[16];
    for (int i = 0; i < 3 * count; i++)
        buf_printf(&text, "%c\"k%d\":%d", i > 0 ? ',' : '{', i % count, i);
    for (int i = 0; i < count; i++)
        buf_printf(&wanted, "%c\"k%d\":%d", i > 0 ? ',' : '{', i, 2 * count + i);
    buf_char(&text, '}');
    buf_char(&wanted, '}');
    CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
    CU_ASSERT(str_eq(written(root, &out), buf_view(&wanted)));
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "k%d", i);
        CU_ASSERT_EQUAL(json_int(json_member(root, str_from(name))), 2 * count + i);
    }
    CU_ASSERT_FALSE(json_has(root, STR("k")));
    json_free(root);
    buf_free(&text);
    buf_free(&wanted);
    buf_free(&out);
}

static void check_many_of_one_name(int count)
{
    struct buf text = BUF_INIT(16 * 1024 * 1024), out = BUF_INIT(100);
    const struct json *root;
    for (int i = 0; i < count; i++)
        buf_printf(&text, "%c\"k\":%d", i > 0 ? ',' : '{', i % 10);
    buf_char(&text, '}');
    CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
    CU_ASSERT(str_is(written(root, &out), "{\"k\":9}"));
    json_free(root);
    buf_free(&text);
    buf_free(&out);
}

static void test_json_members(void)
{
    const struct json *root;
    CU_ASSERT_FATAL(json_parse(STR("{\"n\":null,\"a\\u0000b\":1,\"\":[{}]}"), &root, NULL) == 0);
    CU_ASSERT(json_has(root, STR("n")) && !json_has(root, STR("m")));
    CU_ASSERT_PTR_NULL(json_member(root, STR("n")));
    CU_ASSERT_EQUAL(json_int(json_member(root, ((struct str){"a\0b", 3}))), 1);
    CU_ASSERT_EQUAL(json_length(json_member(root, STR(""))), 1);
    json_free(root);
    check_twins(3);
    check_twins(500); /* so many that they are sorted */
    check_many_of_one_name(1000000);
}

static void test_json_put_member(void)
{
    struct buf text = BUF_INIT(10000), out = BUF_INIT(10000);
    const struct json *root, *value;
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "%c\"k%d\":%d", i > 0 ? ',' : '{', i, i);
    buf_char(&text, '}');
    CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
    CU_ASSERT_FATAL(json_parse(STR("[\"x\"]"), &value, NULL) == 0);
    CU_ASSERT(json_put_member(root, STR("new"), value));
    CU_ASSERT_FATAL(json_parse(STR("{\"y\":2}"), &value, NULL) == 0);
    CU_ASSERT(json_put_member(root, STR("k7"), value));
    CU_ASSERT(json_put_member(root, STR("k8"), NULL));
    CU_ASSERT(str_is(json_string(json_path(root, STR("new[0]"))), "x"));
    CU_ASSERT_EQUAL(json_int(json_path(root, STR("k7.y"))), 2);
    CU_ASSERT(json_has(root, STR("k8")) && !json_member(root, STR("k8")));
    CU_ASSERT_EQUAL(json_int(json_member(root, STR("k99"))), 99);
    CU_ASSERT_FALSE(json_put_member(json_member(root, STR("new")), STR("a"), NULL));
    json_free(root);
    buf_free(&text);
    buf_free(&out);
}

static void test_json_refuses(void)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "[1,]",
                                      "{\"a\":1,}",
                                      "nul",
                                      "1 2",
                                      "\"\xff\"",
                                      "[01]",
                                      "[-01]",
                                      "[1.]",
                                      "[.5]",
                                      "[1e]",
                                      "[-]",
                                      "[NaN]",
                                      "[+1]",
                                      "\"\\x\"",
                                      "\"\\u12g4\"",
                                      "\"\\u12",
                                      "{'a':1}",
                                      "{1:2}",
                                      "[1}",
                                      "{\"a\" 1}",
                                      "[true",
                                      "[/**/1]",
                                      "\"a",
                                      "[",
                                      "\"\\",
                                      "{\"a\":1 \"b\"}",
                                      "[tru]",
                                      "]",
                                      "\"a\tb\"",
                                      "\"\\ud8zz\"",
                                      "\"\\ud83d",
                                      "\"\\ud8",
                                      "\\",
                                      "12\"",
                                      "\"abc\"\"",
                                      "[] \"x",
                                      "{}\"\\u",
                                      "1 tru",
                                      "1\v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct json *root;
        struct error err;
        CU_ASSERT(json_parse(str_from(bad[i]), &root, &err) == -1);
    }
    const struct json *root;
    CU_ASSERT(json_parse((struct str){"[\"a\0b\"]", 7}, &root, NULL) == -1);
    CU_ASSERT(json_parse((struct str){"1\0", 2}, &root, NULL) == -1);
}

static void test_json_says_where(void)
{
    static const struct {
        const char *text, *said;
    } cases[] = {{"{\n\"a\": 1,\n\"b\": x}", "(byte 16, line 3)"},
                 {"[1,\n", "premature EOF (byte 4, line 2)"},
                 {"1 2", "something follows the value (byte 2, line 1)"},
                 {"[\"a\tb\"]", "invalid character inside string (byte 3, line 1)"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct json *root;
        struct error err;
        CU_ASSERT(json_parse(str_from(cases[i].text), &root, &err) == -1);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, cases[i].said));
    }
}

/* `count` times `open`: refused where it gets too deep, whatever its length. */
static void check_deep(const char *open, int count)
{
    struct buf text = BUF_INIT(16 * 1024 * 1024);
    const struct json *root;
    struct error err;
    for (int i = 0; i < count; i++)
        buf_text(&text, open);
    CU_ASSERT(json_parse(buf_view(&text), &root, &err) == -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, count > JSON_DEPTH ? "too deep" : "premature EOF"));
    buf_free(&text);
}

static void test_json_depth(void)
{
    struct buf text = BUF_INIT(1000);
    const struct json *root;
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_char(&text, '[');
    for (int i = 0; i < JSON_DEPTH; i++)
        buf_char(&text, ']');
    CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
    json_free(root);
    buf_free(&text);
    check_deep("[", JSON_DEPTH);
    check_deep("[", JSON_DEPTH + 1);
    check_deep("[", 16 * 1024 * 1024);
    check_deep("{\"a\":", 3 * 1024 * 1024);
}

enum { NAME_PART = 8, NAME_PARTS = 14 /* two of each: 2^14 names of one hash */ };

/* The `number`th part, of 2^20. */
static void write_part(char *part, uint32_t number)
{
    char digits[NAME_PART + 1];
    snprintf(digits, sizeof digits, "%08x", number * 2654435761u);
    memcpy(part, digits, NAME_PART);
}

/* Two parts that lead to one hash after `prefix`. */
static void find_twins(struct str prefix, char twins[2][NAME_PART])
{
    uint32_t *seen = mem_new(1 << 20, sizeof *seen), *hashes = mem_new(1 << 20, sizeof *hashes);
    char name[NAME_PART * NAME_PARTS];
    memcpy(name, prefix.ptr, prefix.len);
    for (uint32_t n = 1; n < 1 << 20; n++) {
        write_part(name + prefix.len, n);
        uint32_t hash = json_name_hash((struct str){name, prefix.len + NAME_PART});
        uint32_t other = seen[hash >> 12];
        if (other != 0 && hashes[other] == hash) {
            write_part(twins[0], other);
            write_part(twins[1], n);
            break;
        }
        seen[hash >> 12] = n;
        hashes[n] = hash;
    }
    free(seen);
    free(hashes);
}

static struct str chosen_name(char *name, char twins[][2][NAME_PART], uint32_t choice)
{
    for (size_t i = 0; i < NAME_PARTS; i++)
        memcpy(name + i * NAME_PART, twins[i][choice >> i & 1], NAME_PART);
    return (struct str){name, NAME_PART * NAME_PARTS};
}

/* Names that somebody chose for their hash: a search one after another would take minutes. */
static void test_json_chosen_names(void)
{
    static char twins[NAME_PARTS][2][NAME_PART];
    char name[NAME_PART * NAME_PARTS];
    struct buf text = BUF_INIT(8 * 1024 * 1024);
    const struct json *root;
    uint32_t hash = 0;
    for (size_t i = 0; i < NAME_PARTS; i++) {
        struct str prefix = {chosen_name(name, twins, 0).ptr, i * NAME_PART};
        find_twins(prefix, twins[i]);
    }
    for (uint32_t n = 0; n < 1 << NAME_PARTS; n++) {
        struct str chosen = chosen_name(name, twins, n);
        hash = n == 0 ? json_name_hash(chosen) : hash;
        CU_ASSERT_EQUAL(json_name_hash(chosen), hash);
        buf_printf(&text, "%c\"%.*s\":%u", n > 0 ? ',' : '{', (int)chosen.len, chosen.ptr, n);
    }
    buf_char(&text, '}');
    CU_ASSERT_FATAL(json_parse(buf_view(&text), &root, NULL) == 0);
    for (uint32_t n = 0; n < 1 << NAME_PARTS; n++)
        CU_ASSERT_EQUAL(json_int(json_member(root, chosen_name(name, twins, n))), n);
    json_free(root);
    buf_free(&text);
}

static void test_json_write(void)
{
    struct buf out = BUF_INIT(1000);
    struct json_writer w = {.out = &out};
    json_open(&w, '{');
    json_key(&w, "text");
    json_put_str(&w, STR("a\"\\\n\x01ü"));
    json_key(&w, "list");
    json_open(&w, '[');
    json_put_int(&w, -5);
    json_put_bool(&w, true);
    json_put_null(&w);
    json_close(&w, ']');
    json_close(&w, '}');
    UNIT_TEXT(buf_cstr(&out), "{\"text\":\"a\\\"\\\\\\n\\u0001ü\",\"list\":[-5,true,null]}");
    buf_free(&out);
}

static void test_redact(void)
{
    struct buf b = BUF_INIT(1000);
    redact_add(STR("pat-eu1/secret+value"));
    redact_add(STR("short"));
    redact(&b, STR("got pat-eu1/secret+value and pat-eu1%2Fsecret%2Bvalue, short"));
    UNIT_TEXT(buf_cstr(&b), "got [secret] and [secret], short");
    const char *before[] = {"", "a", "ab"};
    for (int i = 0; i < 3; i++) { /* base64 of a longer text that holds the value */
        struct buf plain = BUF_INIT(100), text = BUF_INIT(200);
        buf_printf(&plain, "%spat-eu1/secret+value.", before[i]);
        encode_base64(&text, buf_view(&plain));
        CU_ASSERT(redact_needed(buf_view(&text)));
        buf_free(&plain);
        buf_free(&text);
    }
    CU_ASSERT(!redact_needed(STR("nothing here")));
    redact_clear();
    buf_free(&b);
}

/* `wanted` NULL: nothing is found. */
static void answer_becomes(const char *body, const char *wanted)
{
    struct buf out = BUF_INIT(1000);
    CU_ASSERT_EQUAL(redact_answer(&out, str_from(body)), wanted != NULL);
    UNIT_TEXT(buf_cstr(&out), wanted ? wanted : "");
    buf_free(&out);
}

static void test_redact_answer(void)
{
    answer_becomes("{\"a\":\"pat-eu1/secret+value\"}", NULL);
    redact_add(STR("pat-eu1/secret+value"));
    redact_add(STR("pat-eu1/secret+value-and-more"));
    redact_add(STR("tiny-1"));
    answer_becomes("", NULL);
    answer_becomes("pat-eu1/secret+valu", NULL);
    answer_becomes("tiny-1 may be a word of a record", NULL);
    answer_becomes("pat-eu1/secret+value", "[secret]");
    answer_becomes("{\"a\":\"Bearer pat-eu1/secret+value\"}", "{\"a\":\"Bearer [secret]\"}");
    answer_becomes("[pat-eu1/secret+value-and-more,pat-eu1/secret+valuepat-eu1/secret+value]",
                   "[[secret],[secret][secret]]");
    answer_becomes("a=pat-eu1%2Fsecret%2Bvalue&b=pat-eu1%2fsecret%2bvalue&c=%2F",
                   "a=[secret]&b=[secret]&c=%2F");
    answer_becomes("{\"a\":\"pat-eu1\\/secret\\u002Bvalue\",\"b\":\"\\\\\\/\\n\"}",
                   "{\"a\":\"[secret]\",\"b\":\"\\\\/\\n\"}");
    answer_becomes("{\"a\":\"\\u0070at-eu1/secret\\u002bvalue\"}", "{\"a\":\"[secret]\"}");
    answer_becomes("{\"a\":\"\\\\u0070at-eu1/secret+value \\u00e4 \\u002\"}", NULL);
    redact_remove(STR("pat-eu1/secret+value"));
    redact_remove(STR("pat-eu1/secret+value-and-more"));
    answer_becomes("pat-eu1/secret+value", NULL);
    redact_clear();
}

/* JSON stays JSON where a credential begins or ends within an escape. */
static void test_redact_escapes(void)
{
    redact_add(STR("c-eu1/secret+value\\"));
    answer_becomes("\"\\u0b0c-eu1/secret+value\\\\\"", "\"[secret]\"");
    answer_becomes("\"\\\\u0b0c-eu1/secret+value\\\\\"", "\"\\\\u0b0[secret]\"");
    answer_becomes("\"\\nc-eu1/secret+value\\\\\"", "\"\\n[secret]\"");
    answer_becomes("\"c-eu1/secret+value\\\"\"", "\"[secret]\"");
    answer_becomes("c-eu1/secret+value\\c-eu1/secret+value\\", "[secret][secret]");
    redact_add(STR("n-eu1/secret+value"));
    answer_becomes("\"\\n-eu1/secret+value\"", "\"[secret]\"");
    answer_becomes("\"\\\\n-eu1/secret+value\"", "\"\\\\[secret]\"");
    redact_clear();
}

/* Base64 in either alphabet, wherever the value begins in a group of three. */
static void test_redact_answer_base64(void)
{
    const char *before[] = {"", "a", "ab", "abc"};
    struct str secret = STR("pat~~~?~>?/secret+value");
    redact_add(secret);
    for (int i = 0; i < 4; i++) {
        struct buf plain = BUF_INIT(100), text = BUF_INIT(200), out = BUF_INIT(200);
        buf_printf(&plain, "%s%.*s.", before[i], STR_ARG(secret));
        encode_base64(&text, buf_view(&plain));
        CU_ASSERT(redact_answer(&out, buf_view(&text)));
        for (size_t j = 0; j < text.len; j++)
            text.ptr[j] = (char)(text.ptr[j] == '+' ? '-' : text.ptr[j] == '/' ? '_' : text.ptr[j]);
        CU_ASSERT(redact_answer(&out, buf_view(&text)));
        CU_ASSERT_PTR_NULL(strchr(buf_cstr(&out), '_'));
        buf_free(&plain);
        buf_free(&text);
        buf_free(&out);
    }
    redact_clear();
}

/* The quick search against the obvious one, on texts of few letters, where almost-matches abound.
 */
static void test_search(void)
{
    static const struct str texts[] = {
        {"abababab", 8}, {"ababababa", 9}, {"bbbbbbbbbbbb", 12}, {"aabbaabbaabb", 12}};
    static struct search s;
    uint32_t dice = 1;
    search_prepare(&s, texts, 4);
    for (int round = 0; round < 20000; round++) {
        char text[40];
        const char *first = NULL;
        struct str found = {0};
        for (size_t i = 0; i < sizeof text; i++, dice = dice * 1664525 + 1013904223)
            text[i] = (char)('a' + (dice >> 30) % 2);
        for (size_t i = 0; i < 4; i++) {
            const char *at = memmem(text, sizeof text, texts[i].ptr, texts[i].len);
            if (at && (!first || at < first))
                first = at;
        }
        CU_ASSERT_EQUAL_FATAL(search_first(&s, (struct str){text, sizeof text}, &found),
                              first != NULL);
        CU_ASSERT_FATAL(!first || found.ptr == first);
    }
}

static void test_blob_spools(void)
{
    struct error err;
    struct str all;
    struct blob *blob = blob_new(BLOB_IN_MEMORY + 100);
    char *piece = calloc(1, 1024 * 1024);
    memset(piece, 'x', 1024 * 1024);
    for (int i = 0; i < 8; i++)
        CU_ASSERT(blob_append(blob, (struct str){piece, 1024 * 1024}, &err) == 0);
    CU_ASSERT(blob_append(blob, STR("end"), &err) == 0);
    CU_ASSERT(blob_view(blob, &all, &err) == 0);
    CU_ASSERT_EQUAL(all.len, BLOB_IN_MEMORY + 3);
    CU_ASSERT(str_ends(all, "xxend"));
    CU_ASSERT(blob_append(blob, (struct str){piece, 98}, &err) == -1); /* past the maximum */
    blob_unref(blob);
    free(piece);
}

static void test_arena(void)
{
    struct arena a = {0};
    for (size_t i = 0; i < 2000; i++) {
        char *p = arena_new(&a, 1, i);
        CU_ASSERT((uintptr_t)p % _Alignof(max_align_t) == 0);
        memset(p, 0xff, i);
    }
    UNIT_TEXT(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    arena_free(&a);
}

/* ---- loop ---- */

struct trace {
    struct buf text;
    struct loop *loop;
    bool stop;
};

static void note_a(void *arg)
{
    buf_char(&((struct trace *)arg)->text, 'a');
}

static void note_b(void *arg)
{
    buf_char(&((struct trace *)arg)->text, 'b');
}

static void work_nothing(void *arg)
{
    (void)arg;
}

static void job_done(void *arg)
{
    struct trace *t = arg;
    buf_char(&t->text, 'j');
    t->stop = true;
}

static void test_loop(void)
{
    struct error err;
    struct trace t = {.text = BUF_INIT(100), .loop = loop_uv_new(2, &err)};
    struct timer late = {.fn = note_b, .arg = &t}, early = {.fn = note_a, .arg = &t},
                 stopped = {.fn = note_b, .arg = &t};
    loop_timer(t.loop, &late, 20 * US_PER_MS);
    loop_timer(t.loop, &early, 1 * US_PER_MS);
    loop_timer(t.loop, &stopped, 1 * US_PER_MS);
    loop_timer_stop(t.loop, &stopped);
    while (loop_timer_started(&late))
        loop_turn(t.loop, -1);
    UNIT_TEXT(buf_cstr(&t.text), "ab");
    struct job job = {.work = work_nothing, .done = job_done, .arg = &t};
    loop_post(t.loop, note_a, &t);
    loop_submit(t.loop, EXECUTOR_POOL, &job);
    loop_run(t.loop, &t.stop);
    UNIT_TEXT(buf_cstr(&t.text), "abaj");
    loop_free(t.loop);
    buf_free(&t.text);
}

const char *const unit_suite = "base";
const struct unit_test unit_tests[] = {
    {"whole numbers and decimals are read strictly", test_numbers},
    {"UTF-8 is checked as RFC 3629 says", test_utf8},
    {"the nearest word to a typing error", test_nearest},
    {"a buffer stops at its ceiling", test_buf_ceiling},
    {"RFC 3339 times", test_times},
    {"HTTP dates", test_http_date},
    {"dates survive a round trip", test_civil_round_trip},
    {"spans of time", test_spans},
    {"SipHash agrees with OpenSSL", test_siphash},
    {"base64, percent and hexadecimal", test_encodings},
    {"UUIDv7", test_uuid},
    {"JSON values by path", test_json_read},
    {"JSON strings and their escapes", test_json_strings},
    {"JSON strings with half a surrogate pair", test_json_surrogates},
    {"JSON numbers keep their digits", test_json_numbers},
    {"JSON members, also of one name", test_json_members},
    {"JSON members that are put in", test_json_put_member},
    {"JSON that is none is refused", test_json_refuses},
    {"JSON errors say where", test_json_says_where},
    {"JSON is as deep as is allowed", test_json_depth},
    {"JSON members whose names have one hash", test_json_chosen_names},
    {"JSON writer", test_json_write},
    {"credentials are taken out of text", test_redact},
    {"credentials are taken out of answers", test_redact_answer},
    {"credentials are taken out of answers, never half of an escape", test_redact_escapes},
    {"credentials are taken out of answers in base64", test_redact_answer_base64},
    {"many texts are found in one pass", test_search},
    {"a large body goes to a file", test_blob_spools},
    {"arena", test_arena},
    {"timers, posts and jobs", test_loop},
    {NULL, NULL},
};
