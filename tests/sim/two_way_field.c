/* SPDX-License-Identifier: Apache-2.0 */
#include "two_way_field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

/* One seed uses a few hundred. */
enum { WORD_SLOTS = 1 << 13, WORD_MAX = 400 };

static char *words[WORD_SLOTS];
static size_t word_count;

const char *word(const char *text)
{
    uint32_t at = 2166136261u;
    if (!text)
        return NULL;
    for (const char *c = text; *c; c++)
        at = (at ^ (unsigned char)*c) * 16777619u;
    for (at %= WORD_SLOTS; words[at]; at = (at + 1) % WORD_SLOTS)
        if (strcmp(words[at], text) == 0)
            return words[at];
    /* A full table would be looked through for ever. */
    if (++word_count == WORD_SLOTS) {
        fprintf(stderr, "more than %d words in one seed\n", WORD_SLOTS);
        abort();
    }
    return words[at] = strdup(text);
}

void words_forget(void)
{
    for (size_t i = 0; i < WORD_SLOTS; i++)
        free(words[i]);
    memset(words, 0, sizeof words);
    word_count = 0;
}

const char *word_printf(const char *format, ...)
{
    char text[WORD_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return word(text);
}

/* ---- spelling ---- */

const struct field_info model_fields[KINDS][FIELDS_MOST] = {
    [COMPANY] = {{"name", "name", AS_TEXT},
                 {"domain", "domain", AS_DOMAIN},
                 {"industry", "industry", AS_TEXT},
                 {"custom_fields.city", "city", AS_TEXT},
                 {"custom_fields.phone", "phone", AS_TEXT},
                 {"seat_count", "numberofemployees", AS_NUMBER},
                 {"status", "type", AS_STATUS},
                 {"arr", "annualrevenue", AS_NUMBER}},
    [CONTACT] = {{"account_id", "associations.companies", AS_REFERENCE},
                 {"first_name", "firstname", AS_TEXT},
                 {"last_name", "lastname", AS_TEXT},
                 {"email", "email", AS_ADDRESS},
                 {"title", "jobtitle", AS_TEXT},
                 {"custom_fields.city", "city", AS_TEXT}}};
const size_t model_field_count[KINDS] = {[COMPANY] = 8, [CONTACT] = 6};
const size_t model_key_field[KINDS] = {[COMPANY] = 1, [CONTACT] = 3};

const char BAD_WORD[] = "(cannot be written)";

static const char *const statuses[][2] = {{"PARTNER", "active"},
                                          {"RESELLER", "active"},
                                          {"VENDOR", "churned"},
                                          {"PROSPECT", "onboarding"},
                                          {"OTHER", "at_risk"}};
enum { STATUSES = sizeof statuses / sizeof statuses[0] };

static const char *trimmed(const char *text, bool lower)
{
    char out[WORD_MAX];
    size_t n = 0;
    while (isspace((unsigned char)*text))
        text++;
    for (; *text && n + 1 < sizeof out; text++)
        out[n++] = (char)(lower ? tolower((unsigned char)*text) : *text);
    while (n > 0 && isspace((unsigned char)out[n - 1]))
        n--;
    out[n] = '\0';
    return n > 0 ? word(out) : NULL;
}

const char *model_read(enum spelling spelling, const char *theirs)
{
    if (!theirs)
        return NULL;
    if (spelling == AS_DOMAIN || spelling == AS_ADDRESS)
        return trimmed(theirs, true);
    for (size_t i = 0; spelling == AS_STATUS && i < STATUSES; i++)
        if (strcmp(statuses[i][0], theirs) == 0)
            return word(statuses[i][1]);
    return theirs;
}

static const char *domain_of(const char *url)
{
    char out[WORD_MAX];
    const char *scheme = strstr(url, "://");
    url = scheme ? scheme + 3 : url;
    url += strncmp(url, "www.", 4) == 0 ? 4 : 0;
    snprintf(out, sizeof out, "%.*s", (int)strcspn(url, "/?#"), url);
    return word(out);
}

const char *model_write(enum spelling spelling, const char *ours)
{
    if (!ours)
        return NULL;
    switch (spelling) {
    case AS_DOMAIN:
        return trimmed(ours, true) == ours ? domain_of(ours) : BAD_WORD;
    case AS_ADDRESS:
        return trimmed(ours, true) == ours ? ours : BAD_WORD;
    case AS_STATUS:
        for (size_t i = 0; i < STATUSES; i++)
            if (strcmp(statuses[i][1], ours) == 0)
                return word(statuses[i][0]);
        return BAD_WORD;
    case AS_TEXT:
        return trimmed(ours, false);
    default:
        return ours;
    }
}

/* ---- one field ---- */

/* What changed there comes here. */
static struct state take(const struct rule *rule, struct state s, bool ours_count)
{
    const char *there = model_read(rule->spelling, s.theirs);
    bool moved_here = s.ours != s.agreed.ours;
    bool moved_there = there != model_read(rule->spelling, s.agreed.theirs);
    s.agreed.theirs = s.theirs;
    if (!(rule->plan->way & IMPORTS) || !moved_there)
        return s;
    if (rule->plan->way == IMPORTS || !moved_here || s.ours == there) {
        s.ours = s.agreed.ours = there;
        s.agreed.held = false;
    } else if (there == s.agreed.ours) { /* as it was once more: only ours has changed */
        s.agreed.held = false;
    } else if (rule->plan->policy == A_PERSON_DECIDES) {
        s.agreed.held = true;
    } else if (ours_count) {
        s.agreed.ours = there;
    } else {
        s.ours = s.agreed.ours = there;
    }
    return s;
}

/* What changed here goes there. */
static struct state give(const struct rule *rule, struct state s)
{
    const char *written = model_write(rule->spelling, s.ours);
    if (!(rule->plan->way & EXPORTS) || s.agreed.held || s.ours == s.agreed.ours ||
        written == BAD_WORD)
        return s;
    if (model_read(rule->spelling, s.theirs) != s.ours)
        s.theirs = written;
    s.agreed = (struct agreed){.ours = s.ours, .theirs = s.theirs};
    return s;
}

static bool same_state(const struct state *a, const struct state *b)
{
    return a->ours == b->ours && a->theirs == b->theirs && a->agreed.ours == b->agreed.ours &&
           a->agreed.theirs == b->agreed.theirs && a->agreed.held == b->agreed.held;
}

void add_state(struct states *list, struct state s)
{
    for (size_t i = 0; i < list->count; i++)
        if (same_state(&list->all[i], &s))
            return;
    if (list->count == sizeof list->all / sizeof list->all[0]) {
        fprintf(stderr, "the model has too many guesses\n");
        abort();
    }
    list->all[list->count++] = s;
}

void after_whole(const struct rule *rule, struct state s, enum winner winner, bool waits,
                 struct states *ret)
{
    for (int ours = 0; ours < 2; ours++) {
        if (winner == (ours ? THEIRS_WINS : OURS_WINS))
            continue;
        struct state taken = take(rule, s, ours);
        add_state(ret, waits ? taken : give(rule, taken));
    }
}

static void after_changes(const struct changes *c, struct state s, struct states *list)
{
    struct state changed = s;
    for (size_t i = 0; i < c->ours->count; i++) {
        changed.ours = c->ours->values[i];
        add_state(list, changed);
    }
    changed = s;
    for (size_t i = 0; i < c->theirs->count; i++) {
        changed.theirs = c->theirs->values[i];
        add_state(list, changed);
    }
}

void after_part(const struct rule *rule, const struct changes *changes, struct states *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct state s = list->all[i], given = give(rule, s);
        after_changes(changes, s, list);
        if (rule->plan->policy != OURS_COUNT)
            add_state(list, take(rule, s, false));
        if (rule->plan->policy != THEIRS_COUNT)
            add_state(list, take(rule, s, true));
        add_state(list, given);
        given.agreed = s.agreed;
        add_state(list, given);
        if (rule->spelling != AS_REFERENCE || given.theirs == s.theirs)
            continue;
        given.theirs = NULL; /* the one association is gone, the other is not made yet */
        add_state(list, given);
        given.agreed.theirs = NULL;
        add_state(list, given);
    }
}
