/* SPDX-License-Identifier: Apache-2.0 */
/* What nobody can say: what a sync has seen of a record that was deleted here while it was under
 * way, and what it has written that it did not hear of. The model lets it be either. */
#include <stdlib.h>

#include "two_way_field.h"

void model_deleting(struct model *m, size_t record)
{
    m->records[record].vague = true;
    model_make_due(m, &m->records[record], SIDES_MOST);
}

/* It was perhaps written, and went with the record, or with the company that it refers to. */
static void guess_written(struct side *s, size_t f, enum spelling spelling, const char *ours)
{
    const char *written = model_write(spelling, ours);
    if (written != BAD_WORD)
        model_add_guess(s, f, ours, written, false);
}

/* The sync has perhaps seen what stands there, and perhaps taken it; or has written ours. */
void model_guess_anew(struct model_record *r, struct side *s, size_t f)
{
    enum spelling spelling = model_fields[r->kind][f].spelling;
    const char *there = model_read(spelling, s->values[f]);
    model_add_guess(s, f, there, s->values[f], false);
    model_add_guess(s, f, r->values[f], s->values[f], false);
    model_add_guess(s, f, r->values[f], s->values[f], true); /* a conflict from before */
    guess_written(s, f, spelling, r->values[f]);
    for (size_t i = 0; i < r->meanwhile[f].count; i++)
        guess_written(s, f, spelling, r->meanwhile[f].values[i]);
}

/* Of a list its elements alone are known by what was written. */
static const char *as_written(enum spelling spelling, const char *ours)
{
    return spelling == AS_LIST ? model_read(spelling, model_write(spelling, ours)) : ours;
}

void model_agree_on_written(struct model_record *r, struct side *s)
{
    for (size_t f = 0; f < model_field_count[r->kind]; f++) {
        enum spelling spelling = model_fields[r->kind][f].spelling;
        if (spelling == AS_REFERENCE)
            continue;
        s->guesses[f][0].ours = as_written(spelling, r->values[f]);
        for (size_t i = 0; i < r->meanwhile[f].count; i++)
            model_add_guess(s, f, as_written(spelling, r->meanwhile[f].values[i]), NULL, false);
    }
}

/* It refers to what was deleted meanwhile, and associations go with their companies. */
bool model_refers_to_vague(const struct model_record *all, const struct model_record *r,
                           size_t side, size_t f)
{
    const char *values[] = {r->values[f], r->sides[side].values[f]};
    bool vague = false;
    for (int i = 0; i < 2 && model_fields[r->kind][f].spelling == AS_REFERENCE; i++)
        vague |= values[i] && *values[i] == '=' && all[strtoul(values[i] + 1, NULL, 10)].vague;
    return vague;
}

void model_note_vague(struct model *m, struct model_record *r)
{
    for (size_t c = 0; c < m->side_count && r->vague; c++) {
        struct side *s = &r->sides[c];
        s->fresh = s->id ? 3 : s->fresh;
        for (size_t f = 0; f < model_field_count[r->kind] && s->id; f++)
            model_guess_anew(r, s, f);
    }
    r->vague = false;
}

void model_look_at_made(struct model *m, size_t record, const struct sight *sight)
{
    struct model_record *r = &m->records[record];
    for (size_t i = 0; i < sight->ours_count; i++)
        for (size_t f = 0; f < model_field_count[r->kind]; f++)
            if (sight->ours[i].kind == r->kind && sight->ours[i].key == r->key)
                model_look_at_value(m, r, f, &sight->ours[i]);
    r->was_here = true;
}

void model_add_late(struct states *list, struct state s)
{
    s.ours = s.agreed.theirs;
    add_state(list, s);
    s.theirs = s.agreed.ours = s.ours;
    add_state(list, s);
}
