/* SPDX-License-Identifier: Apache-2.0 */
#include "two_way_field.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* ---- who is who ---- */

void sight_free(struct sight *sight)
{
    free(sight->ours);
    for (size_t c = 0; c < SIDES_MOST; c++) {
        free(sight->sides[c].theirs);
        free(sight->sides[c].links);
    }
    *sight = (struct sight){0};
}

static size_t add_record(struct model *m, enum kind kind)
{
    if (m->count == MODEL_RECORDS_MOST) {
        fprintf(stderr, "the model has room for %d records\n", MODEL_RECORDS_MOST);
        abort();
    }
    m->records[m->count] = (struct model_record){.kind = kind};
    return m->count++;
}

static struct model_record *find_key(struct model *m, enum kind kind, int64_t key)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->records[i].gone && m->records[i].kind == kind && m->records[i].key == key &&
            key != 0)
            return &m->records[i];
    return NULL;
}

static struct model_record *find_id(struct model *m, size_t side, enum kind kind, const char *id)
{
    for (size_t i = 0; i < m->count; i++)
        if (!m->records[i].gone && m->records[i].kind == kind && id &&
            m->records[i].sides[side].id == id)
            return &m->records[i];
    return NULL;
}

static size_t number_of(const struct model *m, const struct model_record *r)
{
    return (size_t)(r - m->records);
}

void model_make_due(struct model *m, struct model_record *r, size_t but)
{
    for (size_t c = 0; c < m->side_count; c++)
        if (c != but && m->followed[c])
            r->sides[c].due = true;
}

size_t model_made_here(struct model *m, enum kind kind, int64_t key)
{
    size_t i = add_record(m, kind);
    m->records[i].key = key;
    m->records[i].here = LIVES_HERE;
    model_make_due(m, &m->records[i], SIDES_MOST);
    return i;
}

size_t model_made_there(struct model *m, size_t side, enum kind kind, const char *id)
{
    size_t i = add_record(m, kind);
    m->records[i].sides[side].id = id;
    m->records[i].sides[side].there = LIVES_THERE;
    return i;
}

void model_decided(struct model *m, size_t side, size_t record, size_t field, const char *value,
                   bool ours)
{
    struct model_record *r = &m->records[record];
    struct side *s = &r->sides[side];
    enum spelling spelling = model_fields[r->kind][field].spelling;
    for (size_t i = 0; i < s->guess_count[field]; i++) {
        struct agreed *a = &s->guesses[field][i];
        a->held = false;
        a->ours = model_read(spelling, a->theirs);
    }
    s->due = true;
    if (ours)
        return;
    r->values[field] = value;
    model_make_due(m, r, side);
}

void model_touched_here(struct model *m, enum kind kind, int64_t key, size_t field,
                        const char *value, int64_t now_us)
{
    struct model_record *r = find_key(m, kind, key);
    if (!r)
        return;
    r->touched[field].value = value;
    r->touched[field].at_us = now_us;
}

void model_changing(struct model *m, size_t record, size_t side, size_t field, const char *value)
{
    struct model_record *r = &m->records[record];
    struct meanwhile *list =
        side == SIDES_MOST ? &r->meanwhile[field] : &r->sides[side].meanwhile[field];
    if (list->count < MEANWHILE)
        list->values[list->count++] = value;
    if (side == SIDES_MOST)
        model_make_due(m, r, SIDES_MOST);
}

/* ---- what stands where ---- */

static const char *named_here(struct model *m, size_t field, enum kind kind, const char *value)
{
    if (!value || model_fields[kind][field].spelling != AS_REFERENCE)
        return value;
    const struct model_record *r = find_key(m, COMPANY, strtoll(value, NULL, 10));
    return r ? word_printf("=%zu", number_of(m, r)) : word_printf("key %s", value);
}

static const char *company_there(struct model *m, size_t side, const char *id)
{
    const struct model_record *r = id ? find_id(m, side, COMPANY, id) : NULL;
    if (r)
        return word_printf("=%zu", number_of(m, r));
    return id ? word_printf("id %s", id) : NULL;
}

static const char *named_there(struct model *m, size_t side, size_t field, enum kind kind,
                               const char *value)
{
    bool reference = model_fields[kind][field].spelling == AS_REFERENCE;
    return reference ? company_there(m, side, value) : value;
}

/* A record that was not there, or was deleted in between, has all of its values since it is. */
void model_look_at_value(struct model *m, struct model_record *r, size_t f,
                         const struct sight_ours *o)
{
    const char *value = named_here(m, f, o->kind, o->values[f]);
    if (r->touched[f].at_us > 0 && r->touched[f].value == o->values[f])
        r->changed_us[f] = r->touched[f].at_us;
    else if (value != r->seen[f] || !r->was_here)
        r->changed_us[f] = o->updated_us;
    r->touched[f].at_us = 0;
    r->values[f] = r->seen[f] = value;
}

static void look_here(struct model *m, const struct sight *sight)
{
    bool found[MODEL_RECORDS_MOST];
    for (size_t i = 0; i < m->count; i++) {
        struct model_record *r = &m->records[i];
        found[i] = false;
        if (r->here == LIVES_HERE)
            r->here = DELETED_HERE;
    }
    for (size_t i = 0; i < sight->ours_count; i++) {
        const struct sight_ours *o = &sight->ours[i];
        struct model_record *r = find_key(m, o->kind, o->key);
        if (!r)
            continue;
        r->here = o->deleted ? TOMBSTONE_HERE : LIVES_HERE;
        for (size_t f = 0; f < model_field_count[o->kind]; f++)
            model_look_at_value(m, r, f, o);
        found[number_of(m, r)] = true;
    }
    for (size_t i = 0; i < m->count; i++)
        m->records[i].was_here = found[i];
}

static void look_there(struct model *m, size_t c, const struct sight *sight)
{
    for (size_t i = 0; i < sight->sides[c].theirs_count; i++) {
        const struct sight_theirs *t = &sight->sides[c].theirs[i];
        struct model_record *r = find_id(m, c, t->kind, t->id);
        if (!r)
            continue;
        r->sides[c].unnoticed |=
            r->sides[c].there != LIVES_THERE && t->there == LIVES_THERE && !r->sides[c].was_linked;
        r->sides[c].unnoticed &= !r->sides[c].linked;
        struct model_record *winner = find_id(m, c, t->kind, t->into);
        if (winner && r->sides[c].there != MERGED_THERE)
            winner->sides[c].fresh = 3; /* it may have got what nobody looks at here */
        r->sides[c].there = t->there;
        r->sides[c].into = t->into;
        r->sides[c].next = company_there(m, c, t->next);
        memcpy(r->sides[c].changed_us, t->changed_us, sizeof t->changed_us);
        for (size_t f = 0; f < model_field_count[t->kind] && t->there == LIVES_THERE; f++)
            r->sides[c].values[f] = named_there(m, c, f, t->kind, t->values[f]);
    }
}

static void look_everywhere(struct model *m, const struct sight *sight)
{
    look_here(m, sight);
    for (size_t c = 0; c < m->side_count; c++)
        look_there(m, c, sight);
}

static bool changed_here(const struct model_record *was, const struct model_record *is)
{
    bool changed = was->here != is->here;
    for (size_t f = 0; f < model_field_count[is->kind]; f++)
        changed |= was->values[f] != is->values[f];
    return changed;
}

void model_look(struct model *m, const struct sight *sight)
{
    static struct model was;
    was = *m;
    look_everywhere(m, sight);
    for (size_t i = 0; i < m->count; i++)
        if (changed_here(&was.records[i], &m->records[i]))
            model_make_due(m, &m->records[i], SIDES_MOST);
}

/* ---- one record ---- */

/* Vendors tell the time by the second. */
static enum winner winner_of(const struct rule *rule, const struct model_record *r, size_t f,
                             size_t side, int64_t ahead_us)
{
    enum { CLOSE_US = 3000000 };
    int64_t ahead = r->changed_us[f] + ahead_us - r->sides[side].changed_us[f];
    if (rule->plan->policy == THEIRS_COUNT)
        return THEIRS_WINS;
    if (rule->plan->policy == OURS_COUNT)
        return OURS_WINS;
    return ahead > CLOSE_US ? OURS_WINS : ahead < -CLOSE_US ? THEIRS_WINS : EITHER_WINS;
}

struct look {
    struct model *m;
    size_t side;
    bool clean, full;
    FILE *out;
    bool ok;
};

static const char *shown(const char *text)
{
    return text ? text : "(none)";
}

static void say(struct look *l, const struct model_record *r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct look *l, const struct model_record *r, const char *format, ...)
{
    va_list args;
    l->ok = false;
    fprintf(l->out, "record %zu (%s, key %lld, id %s at vendor %zu): ", number_of(l->m, r),
            r->kind == COMPANY ? "company" : "contact", (long long)r->key,
            shown(r->sides[l->side].id), l->side);
    va_start(args, format);
    vfprintf(l->out, format, args);
    va_end(args);
    fputc('\n', l->out);
}

static struct rule rule_of(const struct look *l, const struct model_record *r, size_t f)
{
    return (struct rule){&l->m->plans[l->side].kinds[r->kind].fields[f],
                         model_fields[r->kind][f].spelling};
}

/* A value that cannot be written holds up all that is to be written of its record. */
static bool is_held_up(const struct look *l, const struct model_record *r)
{
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        struct rule rule = rule_of(l, r, f);
        if (!rule.plan->used || !(rule.plan->way & EXPORTS))
            continue;
        if (model_write(rule.spelling, r->values[f]) == BAD_WORD)
            return true;
    }
    return false;
}

/* It lives there though it is deleted here. */
static bool stays_there(const struct model *m, const struct model_record *r, size_t side)
{
    return r->here == DELETED_HERE && r->sides[side].there == LIVES_THERE &&
           !m->plans[side].kinds[r->kind].archives;
}

bool model_has_twin(const struct model *m, const struct model_record *r, size_t side)
{
    size_t key = model_key_field[r->kind];
    enum spelling spelling = model_fields[r->kind][key].spelling;
    for (size_t i = 0; i < m->count && r->kind == CONTACT && r->values[key]; i++) {
        const struct model_record *other = &m->records[i];
        const char *there = model_read(spelling, other->sides[side].values[key]);
        if (other == r || other->gone || other->kind != r->kind || !other->sides[side].id)
            continue;
        if (other->here == LIVES_HERE && other->values[key] == r->values[key])
            return true;
        if (stays_there(m, other, side) && there == r->values[key])
            return true;
    }
    return false;
}

/* A reference waits until its record is there. */
static bool waits(const struct look *l, const struct model_record *r, size_t f)
{
    const char *value = r->values[f];
    if (model_fields[r->kind][f].spelling != AS_REFERENCE)
        return false;
    if (r->sides[l->side].next)
        return true;
    return value &&
           (*value != '=' || !l->m->records[strtoul(value + 1, NULL, 10)].sides[l->side].linked);
}

static void print_field(struct look *l, const struct model_record *before,
                        const struct model_record *after, size_t f, const struct states *possible)
{
    const struct side *was = &before->sides[l->side], *is = &after->sides[l->side];
    say(l, after, "%s", model_fields[after->kind][f].name);
    fprintf(l->out, "    before: here '%s', there '%s'\n    now:    here '%s', there '%s'\n",
            shown(before->values[f]), shown(was->values[f]), shown(after->values[f]),
            shown(is->values[f]));
    for (size_t i = 0; i < was->guess_count[f]; i++)
        fprintf(l->out, "    agreed: here '%s', there '%s'%s\n", shown(was->guesses[f][i].ours),
                shown(was->guesses[f][i].theirs), was->guesses[f][i].held ? ", held" : "");
    for (size_t i = 0; i < possible->count; i++)
        fprintf(l->out, "    model:  here '%s', there '%s'%s\n", shown(possible->all[i].ours),
                shown(possible->all[i].theirs), possible->all[i].agreed.held ? ", held" : "");
}

/* Which of the possible states is seen, and what is agreed on by these. */
static void keep_seen(struct look *l, const struct model_record *before, struct model_record *after,
                      size_t f, const struct states *possible)
{
    struct side *side = &after->sides[l->side];
    size_t n = 0;
    for (size_t i = 0; i < possible->count && n < GUESSES_MOST; i++)
        if (possible->all[i].ours == after->values[f] && possible->all[i].theirs == side->values[f])
            side->guesses[f][n++] = possible->all[i].agreed;
    side->guess_count[f] = n;
    if (n == 0)
        print_field(l, before, after, f, possible);
}

/* The sync has archived the company there, and with it went the association. */
static bool is_hidden(const struct look *l, const char *value, enum spelling spelling)
{
    return spelling == AS_REFERENCE && value && *value == '=' &&
           l->m->records[strtoul(value + 1, NULL, 10)].sides[l->side].there != LIVES_THERE;
}

static void check_field(struct look *l, const struct model_record *before,
                        struct model_record *after, size_t f)
{
    static struct states possible;
    const struct side *side = &before->sides[l->side];
    int64_t clock_ahead = l->m->plans[l->side].clock_ahead_us;
    struct rule rule = rule_of(l, before, f);
    bool seen_only_whole = rule.spelling == AS_REFERENCE && !l->full;
    bool clean = l->clean && !seen_only_whole && !is_held_up(l, before);
    if (!rule.plan->used)
        return;
    bool hidden = is_hidden(l, side->values[f], rule.spelling);
    clean = clean && !hidden;
    possible.count = 0;
    for (size_t i = 0; i < side->guess_count[f]; i++) {
        struct state s = {before->values[f], side->values[f], side->guesses[f][i]};
        if (hidden)
            add_state(&possible, (struct state){s.ours, NULL, s.agreed});
        if (hidden && side->next)
            add_state(&possible, (struct state){s.ours, side->next, s.agreed});
        if (rule.spelling == AS_REFERENCE && !s.ours && !s.agreed.ours && s.agreed.theirs)
            model_add_late(&possible, s);
        if (clean)
            after_whole(&rule, s, winner_of(&rule, before, f, l->side, clock_ahead),
                        waits(l, after, f), &possible);
        else
            add_state(&possible, s);
    }
    const struct changes changes = {&before->meanwhile[f], &side->meanwhile[f]};
    if (!clean)
        after_part(&rule, &changes, &possible);
    keep_seen(l, before, after, f, &possible);
}

/* ---- two that are found to be one ---- */

static bool may_match(const struct look *l, const struct model_record *theirs,
                      const struct model_record *ours)
{
    size_t f = model_key_field[theirs->kind];
    const char *key =
        model_read(model_fields[theirs->kind][f].spelling, theirs->sides[l->side].values[f]);
    return !ours->gone && ours != theirs && ours->kind == theirs->kind &&
           ours->here == LIVES_HERE && !ours->sides[l->side].id && key && ours->values[f] == key;
}

/* At the first meeting what the vendor has counts; what it lacks it gets. */
static void meet(struct look *l, struct model_record *r)
{
    struct side *s = &r->sides[l->side];
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        struct rule rule = rule_of(l, r, f);
        const char *there = model_read(rule.spelling, s->values[f]);
        bool imports = rule.plan->way & IMPORTS, both = rule.plan->way == BOTH_WAYS;
        s->guess_count[f] = 1;
        s->guesses[f][0] = (struct agreed){.ours = there, .theirs = s->values[f]};
        if (imports && there)
            s->guesses[f][0] = (struct agreed){.ours = r->values[f]}; /* theirs has changed */
        else if ((imports && !both) || (!imports && !r->values[f]))
            s->guesses[f][0].ours = r->values[f];
        if (both && there && r->values[f] && rule.plan->strategy != ONE_OF_TWO)
            s->guesses[f][0].ours = UNMET; /* both count */
    }
}

/* What the host has made and does not know of became a record of its own, as ours is gone. */
static void part(struct look *l, struct model_record *from, int64_t key)
{
    struct model_record *r = &l->m->records[add_record(l->m, from->kind)];
    r->key = key;
    r->sides[l->side] = from->sides[l->side];
    r->sides[l->side].doubtful = false;
    from->sides[l->side] = (struct side){0};
    const char *old = word_printf("=%zu", number_of(l->m, from));
    const char *new = word_printf("=%zu", number_of(l->m, r));
    for (size_t i = 0; i < l->m->count; i++) {
        struct side *s = &l->m->records[i].sides[l->side];
        s->next = s->next == old ? new : s->next;
        for (size_t f = 0; f < FIELDS_MOST; f++)
            s->values[f] = s->values[f] == old ? new : s->values[f];
    }
}

void model_add_guess(struct side *s, size_t f, const char *ours, const char *theirs, bool held)
{
    if (s->guess_count[f] < GUESSES_MOST)
        s->guesses[f][s->guess_count[f]++] = (struct agreed){ours, theirs, held};
}

/* That a merge turned a reference is perhaps taken for a change, on either side. */
static void rename_guess(struct side *s, size_t f, size_t g, const char *old, const char *new,
                         bool merged)
{
    const struct agreed was = s->guesses[f][g];
    struct agreed *a = &s->guesses[f][g];
    a->ours = was.ours == old ? new : was.ours;
    a->theirs = was.theirs == old ? new : was.theirs;
    s->turned |= was.theirs == old;
    if (merged && was.ours == old)
        model_add_guess(s, f, old, a->theirs, was.held);
    if (merged && was.theirs == old)
        model_add_guess(s, f, a->ours, old, was.held);
    if (merged && was.ours == old && was.theirs == old)
        model_add_guess(s, f, old, old, was.held);
}

/* Whoever refers to the one refers to the other: it was found to be that, or was merged into it. */
static void rename_record(struct model *m, size_t from, size_t to, bool merged)
{
    const char *old = word_printf("=%zu", from), *new = word_printf("=%zu", to);
    for (size_t i = 0; i < m->count; i++)
        for (size_t f = 0; f < FIELDS_MOST; f++) {
            struct model_record *r = &m->records[i];
            r->values[f] = r->values[f] == old ? new : r->values[f];
            r->seen[f] = r->seen[f] == old ? new : r->seen[f];
            for (size_t c = 0; c < m->side_count; c++) {
                struct side *s = &r->sides[c];
                s->values[f] = s->values[f] == old ? new : s->values[f];
                s->next = s->next == old ? new : s->next;
                for (size_t g = s->guess_count[f]; g-- > 0;)
                    rename_guess(s, f, g, old, new, merged);
            }
        }
}

static void absorb(struct look *l, struct model_record *ours, struct model_record *theirs)
{
    ours->sides[l->side] = theirs->sides[l->side];
    theirs->gone = true;
    rename_record(l->m, number_of(l->m, theirs), number_of(l->m, ours), false);
    meet(l, ours);
}

/* ---- lives ---- */

static const struct sight_link *link_of_id(const struct sight *sight, size_t c, enum kind kind,
                                           const char *id)
{
    for (size_t i = 0; i < sight->sides[c].link_count; i++)
        if (sight->sides[c].links[i].kind == kind && sight->sides[c].links[i].id == id)
            return &sight->sides[c].links[i];
    return NULL;
}

static bool is_here(const struct sight *sight, const struct model_record *r)
{
    for (size_t i = 0; i < sight->ours_count; i++)
        if (sight->ours[i].kind == r->kind && sight->ours[i].key == r->key)
            return !sight->ours[i].deleted;
    return false;
}

static bool linked_elsewhere(const struct look *l, const struct model_record *r)
{
    for (size_t c = 0; c < l->m->side_count; c++)
        if (c != l->side && r->sides[c].linked)
            return true;
    return false;
}

/* An association with a company that the sync may archive there. */
static bool may_vanish(const struct look *l, const char *value, enum spelling spelling)
{
    return spelling == AS_REFERENCE && value && *value == '=' &&
           l->m->records[strtoul(value + 1, NULL, 10)].here != LIVES_HERE;
}

/* Whether the vendor's record has changed since it was last seen. What only a full read finds, and
 * what was perhaps seen already, is MAYBE. */
enum moved { MOVED_NOT, MOVED_MAYBE, MOVED };

static enum moved moved_there(const struct look *l, const struct model_record *r)
{
    const struct side *s = &r->sides[l->side];
    enum moved moved = s->fresh > 0 || s->turned ? MOVED_MAYBE : MOVED_NOT;
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        struct rule rule = rule_of(l, r, f);
        size_t differ = 0;
        if (!rule.plan->used || !(rule.plan->way & IMPORTS))
            continue;
        for (size_t i = 0; i < s->guess_count[f]; i++)
            differ += model_read(rule.spelling, s->values[f]) !=
                      model_read(rule.spelling, s->guesses[f][i].theirs);
        bool sure = differ == s->guess_count[f] && rule.spelling != AS_REFERENCE;
        if ((differ > 0 || may_vanish(l, s->values[f], rule.spelling)) && moved != MOVED)
            moved = sure ? MOVED : MOVED_MAYBE;
    }
    return moved;
}

/* A record that was not here before the import: it is what the vendor's is. */
static void begin_here(struct look *l, struct model_record *r)
{
    struct side *s = &r->sides[l->side];
    r->here = LIVES_HERE;
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        struct rule rule = rule_of(l, r, f);
        const char *there = model_read(rule.spelling, s->values[f]);
        r->values[f] = rule.plan->used && rule.plan->way & IMPORTS ? there : NULL;
        s->guess_count[f] = 1;
        s->guesses[f][0] = (struct agreed){.ours = r->values[f], .theirs = s->values[f]};
    }
}

/* A record that was not there before the export: it has what was written. */
static void begin_there(struct look *l, struct model_record *r)
{
    struct side *s = &r->sides[l->side];
    s->there = LIVES_THERE;
    s->linked = true;
    s->fresh = 3;
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        s->values[f] = NULL;
        s->guess_count[f] = 1;
        s->guesses[f][0] = (struct agreed){0};
    }
}

/* What the vendor lacks by now counts as never written. */
static void end_doubt(struct look *l, struct model_record *r)
{
    struct side *s = &r->sides[l->side];
    for (size_t f = 0; f < model_field_count[r->kind] && s->doubtful; f++)
        if (!s->values[f] && s->guess_count[f] < GUESSES_MOST)
            s->guesses[f][s->guess_count[f]++] = (struct agreed){0};
    s->doubtful = false;
}

/* It was merged into a record that was archived before anybody could tell. */
static bool is_hard_to_find(const struct look *l, const struct model_record *r)
{
    const struct side *s = &r->sides[l->side];
    const struct model_record *winner = find_id(l->m, l->side, r->kind, s->into);
    return s->there == MERGED_THERE && !l->full &&
           !(winner && winner->sides[l->side].there == LIVES_THERE);
}

static void live_import(struct look *l, struct model_record *r, const struct sight *sight)
{
    struct side *s = &r->sides[l->side];
    bool there = s->there == LIVES_THERE;
    const struct sight_link *link = link_of_id(sight, l->side, r->kind, s->id);
    if (there && !s->linked && s->unnoticed && !l->full && !(link && link->live))
        return;
    if (there && !s->linked) { /* it is new, or lives again */
        s->linked = true;
        end_doubt(l, r);
        if (r->here == NOT_HERE || r->here == DELETED_HERE)
            begin_here(l, r);
        r->here = LIVES_HERE;
    } else if (there && r->here == DELETED_HERE && moved_there(l, r) != MOVED_NOT) {
        if (moved_there(l, r) == MOVED || is_here(sight, r))
            begin_here(l, r);
    } else if (!there && s->linked && !(is_hard_to_find(l, r) && link && link->live)) {
        s->linked = false;
        s->was_linked = true;
        if (r->here == LIVES_HERE && !linked_elsewhere(l, r))
            r->here = TOMBSTONE_HERE;
    }
}

static void live_export(struct look *l, struct model_record *r)
{
    struct side *s = &r->sides[l->side];
    const struct plan *plan = &l->m->plans[l->side];
    bool due = s->due;
    s->due = false;
    if (!(plan->kinds[r->kind].way & EXPORTS) || !due)
        return;
    if (r->here == LIVES_HERE && !s->id && plan->kinds[r->kind].creates && !is_held_up(l, r) &&
        !model_has_twin(l->m, r, l->side))
        begin_there(l, r);
    if (r->here == DELETED_HERE && s->linked && s->there == LIVES_THERE &&
        plan->kinds[r->kind].archives) {
        s->there = ARCHIVED_THERE;
        s->linked = false;
        s->was_linked = true;
    }
}

/* After a sync of which is not known how far it came: its links tell. */
static void live_part(struct look *l, struct model_record *r, const struct sight *sight)
{
    struct side *s = &r->sides[l->side];
    const struct sight_link *link = s->id ? link_of_id(sight, l->side, r->kind, s->id) : NULL;
    bool live = link && link->live, was = s->linked;
    s->linked = live;
    s->was_linked |= was || live;
    if (live)
        end_doubt(l, r);
    if (live && r->here != LIVES_HERE && is_here(sight, r)) {
        if (r->here != TOMBSTONE_HERE)
            begin_here(l, r);
        r->here = LIVES_HERE;
    }
}

/* ---- what was seen ---- */

static bool has_written(struct look *l, const struct model_record *r, size_t f,
                        const struct sight_theirs *t)
{
    struct rule rule = rule_of(l, r, f);
    return !rule.plan->used || !(rule.plan->way & EXPORTS) || rule.spelling == AS_REFERENCE ||
           model_write(rule.spelling, r->values[f]) == t->values[f];
}

/* One that the host has written and does not know of, as the answer was lost: by its key, or by all
 * that it has where there is none. */
static struct model_record *find_maker(struct look *l, const struct sight_theirs *t)
{
    size_t key = model_key_field[t->kind];
    for (size_t i = 0; i < l->m->count; i++) {
        struct model_record *r = &l->m->records[i];
        bool same =
            !r->gone && r->kind == t->kind && r->key != 0 && !r->sides[l->side].id &&
            model_write(model_fields[t->kind][key].spelling, r->values[key]) == t->values[key];
        for (size_t f = 0; f < model_field_count[t->kind] && same && !t->values[key]; f++)
            same = has_written(l, r, f, t);
        if (same)
            return r;
    }
    return NULL;
}

/* Records that came to be at the vendor. */
static void name_theirs(struct look *l, const struct sight *sight)
{
    for (size_t i = 0; i < sight->sides[l->side].theirs_count; i++) {
        const struct sight_theirs *t = &sight->sides[l->side].theirs[i];
        if (find_id(l->m, l->side, t->kind, t->id))
            continue;
        const struct sight_link *link = link_of_id(sight, l->side, t->kind, t->id);
        struct model_record *r = link ? find_key(l->m, t->kind, link->key) : find_maker(l, t);
        if (r && !r->sides[l->side].id) {
            begin_there(l, r);
            r->sides[l->side].id = t->id;
            r->sides[l->side].linked = false; /* until it is seen to be */
            r->sides[l->side].doubtful = !link;
            if (!link)
                model_agree_on_written(r, &r->sides[l->side]);
            continue;
        }
        fprintf(l->out, "vendor %zu: %s is there, and nobody made it%s\n", l->side, t->id,
                r ? ": its record is there already" : "");
        l->ok = false;
    }
}

/* Vendor's records that turn out to be records that we have, or new ones here. */
static void name_ours(struct look *l, const struct sight *sight)
{
    for (size_t i = 0; i < sight->sides[l->side].link_count; i++) {
        const struct sight_link *link = &sight->sides[l->side].links[i];
        struct model_record *theirs = find_id(l->m, l->side, link->kind, link->id);
        struct model_record *ours = find_key(l->m, link->kind, link->key);
        if (!theirs || theirs == ours)
            continue;
        if (ours && theirs->sides[l->side].there == MERGED_THERE)
            continue; /* the winner's */
        if (!ours && theirs->key == 0) {
            theirs->key = link->key;
        } else if (ours && theirs->key == 0 && may_match(l, theirs, ours)) {
            absorb(l, ours, theirs);
        } else if (!ours && theirs->sides[l->side].doubtful &&
                   (theirs->here != LIVES_HERE || theirs->vague)) {
            part(l, theirs, link->key);
        } else {
            say(l, theirs, "the host takes it for our %lld", (long long)link->key);
        }
    }
    for (size_t i = 0; i < sight->ours_count; i++)
        if (!find_key(l->m, sight->ours[i].kind, sight->ours[i].key)) {
            fprintf(l->out, "our %s %lld is here, and nobody made it\n",
                    sight->ours[i].kind == COMPANY ? "company" : "contact",
                    (long long)sight->ours[i].key);
            l->ok = false;
        }
}

static void note_links(struct look *l, const struct sight *sight)
{
    for (size_t i = 0; i < l->m->count; i++) {
        struct model_record *r = &l->m->records[i];
        struct side *s = &r->sides[l->side];
        const struct sight_link *link = s->id ? link_of_id(sight, l->side, r->kind, s->id) : NULL;
        s->was_linked |= s->linked;
        s->linked = link && link->live;
        s->was_linked |= link != NULL;
    }
}

/* ---- a sync ---- */

static const char *const here_words[] = {"not here", "here", "deleted here", "a tombstone here"};
static const char *const there_words[] = {"not there", "there", "archived there", "merged there"};

static void check_life(struct look *l, const struct model_record *wanted,
                       const struct model_record *is)
{
    const struct side *w = &wanted->sides[l->side], *s = &is->sides[l->side];
    bool gone = wanted->here != LIVES_HERE && is->here != LIVES_HERE;
    if (wanted->here != is->here && !gone)
        say(l, is, "it is %s, and should be %s", here_words[is->here], here_words[wanted->here]);
    if (w->there != s->there)
        say(l, is, "it is %s, and should be %s", there_words[s->there], there_words[w->there]);
    if (w->linked != s->linked)
        say(l, is, "it is %slinked, and should be the other way", s->linked ? "" : "not ");
}

static bool was_set_to(const struct meanwhile *list, const char *value)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->values[i] == value)
            return true;
    return false;
}

static void check_record(struct look *l, struct model_record *wanted, struct model_record *is)
{
    const struct side *w = &wanted->sides[l->side];
    if (l->clean)
        check_life(l, wanted, is);
    if (wanted->vague) /* it may have come back, as it was there */
        return;
    for (size_t f = 0; f < model_field_count[is->kind] && !w->linked && is->here == LIVES_HERE; f++)
        if (wanted->here == LIVES_HERE && wanted->values[f] != is->values[f] &&
            !was_set_to(&wanted->meanwhile[f], is->values[f]))
            say(l, is, "%s was '%s' here, and is '%s'", model_fields[is->kind][f].name,
                shown(wanted->values[f]), shown(is->values[f]));
    if (wanted->here != LIVES_HERE || w->there != LIVES_THERE || !w->linked ||
        is->here != LIVES_HERE || !is->sides[l->side].linked)
        return;
    for (size_t f = 0; f < model_field_count[is->kind]; f++)
        if (model_refers_to_vague(wanted - number_of(l->m, is), wanted, l->side, f))
            model_guess_anew(is, &is->sides[l->side], f);
        else
            check_field(l, wanted, is, f);
}

/* Who referred to a record that was merged into another one, and is gone with that, refers to the
 * winner. */
static void turn_references(struct look *l, const struct model *was, struct model *wanted,
                            const struct sight *sight)
{
    for (size_t i = 0; i < wanted->count; i++) {
        struct model_record *r = &wanted->records[i];
        if (r->gone || r->kind != COMPANY || r->sides[l->side].there != MERGED_THERE ||
            !was->records[i].sides[l->side].linked || l->m->records[i].sides[l->side].linked ||
            l->m->records[i].here == LIVES_HERE)
            continue;
        const struct sight_link *link = link_of_id(sight, l->side, r->kind, r->sides[l->side].id);
        const struct model_record *winner = link ? find_key(wanted, COMPANY, link->key) : NULL;
        if (winner && winner != r) {
            rename_record(wanted, i, number_of(wanted, winner), true);
            rename_record(l->m, i, number_of(wanted, winner), true);
        }
    }
}

static void spread(struct look *l, const struct model_record *was, struct model_record *is)
{
    if (changed_here(was, is))
        model_make_due(l->m, is, l->side);
}

bool model_synced(struct model *m, size_t side, bool clean, bool full, const struct sight *sight,
                  FILE *out)
{
    static struct model was, wanted;
    struct look l = {.m = m, .side = side, .clean = clean, .full = full, .out = out, .ok = true};
    name_theirs(&l, sight);
    name_ours(&l, sight);
    was = *m;
    for (size_t i = 0; i < m->count; i++) {
        struct model_record *r = &m->records[i];
        if (r->gone)
            continue;
        if (clean) {
            r->sides[side].fresh -= r->sides[side].fresh > 0;
            live_import(&l, r, sight);
            r->sides[side].turned &= !full;
            live_export(&l, r);
        } else {
            live_part(&l, r, sight);
        }
    }
    wanted = *m;
    look_everywhere(m, sight);
    note_links(&l, sight);
    turn_references(&l, &was, &wanted, sight);
    for (size_t i = 0; i < m->count; i++) {
        if (m->records[i].gone)
            continue;
        check_record(&l, &wanted.records[i], &m->records[i]);
        model_note_vague(m, &m->records[i]);
        spread(&l, &was.records[i], &m->records[i]);
    }
    for (size_t i = 0; i < m->count; i++) {
        memset(m->records[i].meanwhile, 0, sizeof m->records[i].meanwhile);
        memset(m->records[i].sides[side].meanwhile, 0, sizeof m->records[i].sides[side].meanwhile);
    }
    m->followed[side] = true;
    return l.ok;
}

/* ---- quiet ---- */

static void check_equal(struct look *l, const struct model_record *r, size_t f)
{
    const struct side *s = &r->sides[l->side];
    struct rule rule = rule_of(l, r, f);
    if (!rule.plan->used || rule.plan->way != BOTH_WAYS || waits(l, r, f))
        return;
    if (model_read(rule.spelling, s->values[f]) != r->values[f] &&
        model_write(rule.spelling, r->values[f]) != s->values[f])
        say(l, r, "%s is '%s' here and '%s' there", model_fields[r->kind][f].name,
            shown(r->values[f]), shown(s->values[f]));
}

bool model_is_quiet(const struct model *m, FILE *out)
{
    struct look l = {.m = (struct model *)m, .out = out, .ok = true};
    for (size_t i = 0; i < m->count; i++)
        for (l.side = 0; l.side < m->side_count; l.side++) {
            const struct model_record *r = &m->records[i];
            if (r->gone || r->here != LIVES_HERE || !r->sides[l.side].linked)
                continue;
            for (size_t f = 0; f < model_field_count[r->kind]; f++)
                check_equal(&l, r, f);
        }
    return l.ok;
}
