/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vendor.h"

enum { MILLION = 1000000, SLOW_MS = 2000, HANG_MS = 120000, MS_MAX = 3600000 };

static const char *const kind_names[] = {
    [FAULT_STATUS] = "status",       [FAULT_TRUNCATE] = "truncate",
    [FAULT_RESET] = "reset",         [FAULT_RESET_BODY] = "reset_body",
    [FAULT_MALFORMED] = "malformed", [FAULT_SLOW] = "slow",
    [FAULT_HTML] = "html",           [FAULT_HANG] = "hang",
    [FAULT_LOST] = "lost",           [FAULT_PARTIAL] = "partial",
    [FAULT_ECHO] = "echo",
};

enum { KINDS = sizeof kind_names / sizeof *kind_names };

/* ---- reading a wish ---- */

/* False when it is there and no whole number from `min` to `max`. */
static bool take_number(struct json_object *o, const char *name, int64_t min, int64_t max,
                        int64_t *ret)
{
    const char *text = member_text(o, name);
    char *end;
    if (!text)
        return true;
    *ret = strtoll(text, &end, 10);
    return *text && *end == '\0' && *ret >= min && *ret <= max;
}

static bool take_rate(struct json_object *o, uint64_t *ret)
{
    const char *text = member_text(o, "rate");
    char *end;
    if (!text)
        return true;
    double rate = strtod(text, &end);
    if (*text == '\0' || *end || !(rate > 0 && rate <= 1))
        return false;
    *ret = (uint64_t)(rate * MILLION + 0.5);
    return *ret > 0;
}

static bool take_text(struct json_object *o, const char *name, char *out, size_t size)
{
    const char *text = member_text(o, name);
    if (!text)
        return true;
    snprintf(out, size, "%s", text);
    return strlen(text) < size && !strpbrk(text, "\"\\");
}

static bool take_kind(struct json_object *o, enum fault_kind *ret)
{
    const char *kind = member_text(o, "kind");
    size_t k = 0;
    while (kind && k < KINDS && strcmp(kind_names[k], kind) != 0)
        k++;
    *ret = (enum fault_kind)k;
    return k < KINDS;
}

static bool all_known(struct json_object *o)
{
    static const char *const known[] = {"kind",   "path",        "type", "method",
                                        "status", "policy",      "rate", "count",
                                        "after",  "retry_after", "ms",   "member"};
    json_object_object_foreach(o, name, value)
    {
        size_t i = 0;
        (void)value;
        while (i < sizeof known / sizeof *known && strcmp(known[i], name) != 0)
            i++;
        if (i == sizeof known / sizeof *known)
            return false;
    }
    return true;
}

static const char *read_wish(struct json_object *o, struct fault *f)
{
    int64_t status = 0, count = 0, after = 0, ms = -1;
    if (!all_known(o))
        return "known are: kind, path, type, method, status, policy, rate, count, after, "
               "retry_after, ms, member";
    if (!take_kind(o, &f->kind))
        return "kind: status, truncate, reset, reset_body, malformed, slow, html, hang, lost, "
               "partial or echo is wanted";
    if (!take_number(o, "status", 400, 599, &status))
        return "status: a number from 400 to 599 is wanted";
    if (!take_rate(o, &f->rate))
        return "rate: more than 0 and at most 1 is wanted, such as 0.02";
    if (!take_number(o, "count", 1, INT64_MAX, &count))
        return "count: at least 1 is wanted";
    if (!take_number(o, "after", 0, INT64_MAX, &after))
        return "after: at least 0 is wanted";
    if (!take_number(o, "retry_after", 0, INT32_MAX, &f->retry_after))
        return "retry_after: seconds are wanted";
    if (!take_number(o, "ms", 0, MS_MAX, &ms))
        return "ms: from 0 to an hour is wanted";
    if (!take_text(o, "path", f->path, sizeof f->path) ||
        !take_text(o, "type", f->type, sizeof f->type) ||
        !take_text(o, "member", f->member, sizeof f->member))
        return "path, type, member: a shorter text without quotes is wanted";
    if (!take_text(o, "method", f->method, sizeof f->method))
        return "method: one such as POST is wanted";
    if (!take_text(o, "policy", f->policy, sizeof f->policy))
        return "policy: a plain word is wanted";
    f->status = status == 0 && f->kind != FAULT_ECHO ? 503 : (int)status;
    f->after = (uint64_t)after;
    f->left = count > 0 ? (uint64_t)count : f->rate > 0 ? UINT64_MAX : 1;
    f->ms = (uint32_t)(ms >= 0 ? ms : f->kind == FAULT_HANG ? HANG_MS : SLOW_MS);
    return NULL;
}

/* The place of its count; false when there are too many kinds. */
static bool find_label(struct faults *faults, const struct fault *f, size_t *ret)
{
    char text[FAULT_LABEL];
    if (f->kind == FAULT_STATUS)
        snprintf(text, sizeof text, "%d%s%s", f->status, f->policy[0] ? " " : "", f->policy);
    else if (f->kind == FAULT_LOST)
        snprintf(text, sizeof text, "%s %d", kind_names[f->kind], f->status);
    else
        snprintf(text, sizeof text, "%s", kind_names[f->kind]);
    size_t i = 0;
    while (i < faults->label_count && strcmp(faults->labels[i].text, text) != 0)
        i++;
    if (i == FAULT_LABELS_MAX)
        return false;
    if (i == faults->label_count)
        memcpy(faults->labels[faults->label_count++].text, text, sizeof text);
    *ret = i;
    return true;
}

static void drop_used_up(struct faults *faults)
{
    size_t kept = 0;
    for (size_t i = 0; i < faults->count; i++)
        if (faults->all[i].left > 0)
            faults->all[kept++] = faults->all[i];
    faults->count = kept;
}

const char *fault_add(struct faults *faults, struct json_object *wish)
{
    struct fault f = {.path = "/", .member = "message", .retry_after = -1};
    const char *wrong = read_wish(wish, &f);
    drop_used_up(faults);
    if (!wrong && faults->count == FAULTS_MAX)
        wrong = "there are 64 faults already: DELETE /__sandbox/faults clears them";
    if (!wrong && !find_label(faults, &f, &f.label))
        wrong = "there were 128 kinds of faults already: start the sandbox anew";
    if (wrong)
        return wrong;
    f.salt = ++faults->added;
    faults->all[faults->count++] = f;
    return NULL;
}

struct json_object *fault_parse(const char *spec)
{
    struct json_object *o = json_object_new_object();
    char *copy = mem_copy(spec, strlen(spec)), *rest = copy, *part;
    while (o && (part = strsep(&rest, ","))) {
        char *value = strchr(part, '=');
        if (!value || value == part) {
            json_object_put(o);
            o = NULL;
            break;
        }
        *value++ = '\0';
        json_object_object_add(o, part, json_object_new_string(value));
    }
    free(copy);
    return o;
}

/* ---- taking ---- */

static bool has_segment(const char *path, const char *type)
{
    size_t len = strlen(type);
    for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/'))
        if (strncmp(at + 1, type, len) == 0 && (at[1 + len] == '/' || at[1 + len] == '\0'))
            return true;
    return false;
}

static uint64_t scatter(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* Whether the request that was seen last is the next one to have the fault, or past it. */
static bool is_due(const struct faults *faults, const struct fault *f)
{
    if (f->left == 0 || f->seen <= f->after)
        return false;
    if (f->rate == 0)
        return true;
    uint64_t within = scatter(faults->seed * 0x9E3779B97F4A7C15u + (f->salt << 40) + f->fired);
    uint64_t place = (f->fired * MILLION + within % MILLION) / f->rate;
    return f->seen - f->after > place;
}

/* Only a batch of writes can be done in part. */
static bool matches(const struct fault *f, const char *method, const char *path)
{
    if (strncmp(path, f->path, strlen(f->path)) != 0 ||
        (f->type[0] && !has_segment(path, f->type)) ||
        (f->method[0] && strcmp(method, f->method) != 0))
        return false;
    const char *batch = strstr(path, "/batch/");
    return f->kind != FAULT_PARTIAL ||
           (batch && (strcmp(batch, "/batch/create") == 0 || strcmp(batch, "/batch/update") == 0 ||
                      strcmp(batch, "/batch/upsert") == 0));
}

const struct fault *fault_take(struct faults *faults, const char *method, const char *path)
{
    struct fault *taken = NULL;
    for (size_t i = 0; i < faults->count; i++) {
        struct fault *f = &faults->all[i];
        if (!matches(f, method, path))
            continue;
        f->seen++;
        if (!taken && is_due(faults, f))
            taken = f;
    }
    if (!taken)
        return NULL;
    if (taken->left != UINT64_MAX) /* no end */
        taken->left--;
    taken->fired++;
    faults->labels[taken->label].count++;
    return taken;
}

/* ---- showing ---- */

static void show_one(const struct fault *f, struct text *out)
{
    text_add(out, "{\"path\":");
    text_json(out, f->path, strlen(f->path));
    if (f->type[0]) {
        text_add(out, ",\"type\":");
        text_json(out, f->type, strlen(f->type));
    }
    if (f->method[0])
        text_printf(out, ",\"method\":\"%s\"", f->method);
    text_printf(out, ",\"kind\":\"%s\"", kind_names[f->kind]);
    if (f->kind == FAULT_STATUS || f->kind == FAULT_LOST)
        text_printf(out, ",\"status\":%d", f->status);
    if (f->rate > 0)
        text_printf(out, ",\"rate\":%.6g", (double)f->rate / MILLION);
    if (f->left != UINT64_MAX)
        text_printf(out, ",\"left\":%llu", (unsigned long long)f->left);
    text_printf(out, ",\"fired\":%llu}", (unsigned long long)f->fired);
}

void fault_show(const struct faults *faults, struct text *out)
{
    text_add(out, "{\"faults\":[");
    for (size_t i = 0; i < faults->count; i++) {
        if (i > 0)
            text_char(out, ',');
        show_one(&faults->all[i], out);
    }
    text_add(out, "]}");
}

void fault_show_counts(const struct faults *faults, struct text *out)
{
    text_char(out, '{');
    for (size_t i = 0; i < faults->label_count; i++)
        text_printf(out, "%s\"%s\":%llu", i ? "," : "", faults->labels[i].text,
                    (unsigned long long)faults->labels[i].count);
    text_char(out, '}');
}

void fault_clear(struct faults *faults)
{
    faults->count = 0;
}

void fault_reset_counts(struct faults *faults)
{
    for (size_t i = 0; i < faults->label_count; i++)
        faults->labels[i].count = 0;
}
