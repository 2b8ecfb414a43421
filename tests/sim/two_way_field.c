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
                 {"arr", "annualrevenue", AS_NUMBER},
                 {"custom_fields.tags", "labels", AS_LIST}},
    [CONTACT] = {{"account_id", "associations.companies", AS_REFERENCE},
                 {"first_name", "firstname", AS_TEXT},
                 {"last_name", "lastname", AS_TEXT},
                 {"email", "email", AS_ADDRESS},
                 {"title", "jobtitle", AS_TEXT},
                 {"custom_fields.city", "city", AS_TEXT},
                 {"tags", "labels", AS_LIST}}};
const size_t model_field_count[KINDS] = {[COMPANY] = 9, [CONTACT] = 7};
const size_t model_key_field[KINDS] = {[COMPANY] = 1, [CONTACT] = 3};

const char BAD_WORD[] = "(cannot be written)";
const char UNMET[] = "(never agreed on)";

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

/* ---- lists ---- */

enum { ELEMENTS_MOST = 40 };

struct elements {
    const char *items[ELEMENTS_MOST];
    size_t count;
};

static void add_element(struct elements *list, const char *text, size_t len)
{
    const char *element = trimmed(word_printf("%.*s", (int)len, text), false);
    if (list->count == ELEMENTS_MOST) {
        fprintf(stderr, "a list of more than %d\n", ELEMENTS_MOST);
        abort();
    }
    if (element)
        list->items[list->count++] = element;
}

static void cut(const char *text, const char *separator, struct elements *ret)
{
    ret->count = 0;
    while (text && *text) {
        size_t len = strcspn(text, separator);
        add_element(ret, text, len);
        text += len + (text[len] != '\0');
    }
}

/* Ours is ["a","b"]: of letters alone, so that what is between quotes is an element. */
static void elements_of(const char *ours, struct elements *ret)
{
    static const char between[] = "[],\" ";
    ret->count = 0;
    for (; ours && *ours; ours += strcspn(ours, between)) {
        ours += strspn(ours, between);
        if (*ours)
            add_element(ret, ours, strcspn(ours, between));
    }
}

static const char *listed(const struct elements *list, const char *open, const char *quote,
                          const char *separator, const char *close)
{
    char out[WORD_MAX];
    size_t n = (size_t)snprintf(out, sizeof out, "%s", open);
    for (size_t i = 0; i < list->count; i++)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s%s%s", i > 0 ? separator : "", quote,
                              list->items[i], quote);
    snprintf(out + n, sizeof out - n, "%s", close);
    return word(out);
}

static bool is_in(const struct elements *list, const char *element)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] == element)
            return true;
    return false;
}

/* What both have, and what one has that was not agreed on: the other one took that out. */
static const char *merged(const char *agreed, const char *ours, const char *theirs,
                          bool theirs_first)
{
    struct elements base, here, there, stay = {.count = 0};
    elements_of(agreed == UNMET ? NULL : agreed, &base);
    elements_of(ours, &here);
    elements_of(theirs, &there);
    for (int i = 0; i < 2; i++) {
        const struct elements *side = theirs_first == (i == 0) ? &there : &here;
        for (size_t j = 0; j < side->count; j++) {
            const char *e = side->items[j];
            bool stays = (is_in(&here, e) && is_in(&there, e)) || !is_in(&base, e);
            if (stays && !is_in(&stay, e))
                add_element(&stay, e, strlen(e));
        }
    }
    return stay.count > 0 ? listed(&stay, "[", "\"", ",", "]") : NULL;
}

const char *model_read(enum spelling spelling, const char *theirs)
{
    if (!theirs)
        return NULL;
    if (spelling == AS_DOMAIN || spelling == AS_ADDRESS)
        return trimmed(theirs, true);
    if (spelling == AS_LIST) {
        struct elements list;
        cut(theirs, ";", &list);
        return listed(&list, "[", "\"", ",", "]");
    }
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
    struct elements list;
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
    case AS_LIST:
        elements_of(ours, &list);
        return list.count > 0 ? listed(&list, "", "", ";", "") : NULL;
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
    } else if (rule->plan->strategy != ONE_OF_TWO) {
        s.ours = merged(s.agreed.ours, s.ours, there, rule->plan->strategy == THEIRS_FIRST);
        s.agreed.ours = there;
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
