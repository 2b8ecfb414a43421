/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the small texts that people and vendors write: cron expressions, times, spans; and
 * as an answer that may hold a credential, where the quick search must find what the obvious one
 * does. */
#include "fuzz.h"

#include "base/json.h"
#include "base/redact.h"
#include "base/search.h"
#include "base/time.h"
#include "schedule/cron.h"

static void read_cron(struct str text)
{
    struct cron cron;
    struct error err = {0};
    if (cron_parse(text, &cron, &err) != 0) {
        FUZZ_EXPECT(err.text[0] != '\0');
        return;
    }
    fuzz_taken = true;
    for (int field = 0; field < CRON_FIELDS; field++)
        FUZZ_EXPECT(cron.sets[field] != 0);
    int64_t at = INT64_C(1767225600) * US_PER_SECOND;
    for (int i = 0; i < 3 && at != SCHEDULE_NEVER; i++) {
        int64_t next = cron_next(&cron, at);
        FUZZ_EXPECT(next > at && (next == SCHEDULE_NEVER || next % US_PER_MINUTE == 0));
        at = next;
    }
}

static void read_times(struct str text)
{
    int64_t value;
    char again[TIME_TEXT];
    if (time_parse_rfc3339(text, &value)) {
        int64_t second;
        fuzz_taken = true;
        time_format(value, again);
        FUZZ_EXPECT(time_parse_rfc3339(str_from(again), &second) && second == value);
    }
    if (time_parse_http_date(text, &value)) {
        fuzz_taken = true;
        FUZZ_EXPECT(value % US_PER_SECOND == 0);
    }
    if (time_parse_span(text, &value)) {
        fuzz_taken = true;
        FUZZ_EXPECT(value >= 0);
    }
    fuzz_taken |= time_parse_date(text, &value);
}

static void search(struct str text)
{
    static const struct str texts[] = {{"abababab", 8}, {"abababababab", 12}, {"bbbbbbbbb", 9}};
    static struct search s;
    const char *first = NULL;
    struct str found = {0};
    if (s.count == 0)
        search_prepare(&s, texts, 3);
    for (size_t i = 0; i < 3; i++) {
        const char *at = memmem(text.ptr, text.len, texts[i].ptr, texts[i].len);
        if (at && (!first || at < first))
            first = at;
    }
    FUZZ_EXPECT(search_first(&s, text, &found) == (first != NULL));
    FUZZ_EXPECT(!first || found.ptr == first);
}

/* What was JSON stays JSON, and holds no credential. */
static void strike_out(struct str text)
{
    static const struct str secret = {"pat/secret+01", 13};
    static bool begun;
    const struct json *root = NULL;
    struct buf out = BUF_INIT(text.len);
    if (!begun)
        redact_add(secret);
    begun = true;
    if (redact_answer(&out, text)) {
        fuzz_taken = true;
        FUZZ_EXPECT(!out.full && !memmem(out.ptr, out.len, secret.ptr, secret.len));
        if (json_parse(text, &root, NULL) == 0) {
            json_free(root);
            FUZZ_EXPECT(json_parse(buf_view(&out), &root, NULL) == 0);
            json_free(root);
        }
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    fuzz_taken = false;
    if (size > 64 * 1024)
        return 0;
    read_cron(text);
    read_times(text);
    search(text);
    strike_out(text);
    return 0;
}
