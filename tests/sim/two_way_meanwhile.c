/* SPDX-License-Identifier: Apache-2.0 */
/* What is done in the middle of a sync, and what must come of it whatever else happens: where
 * nobody but a program here has changed a field, its value stays. */
#include <stdlib.h>

#include "two_way_play.h"

static const char *const tables[KINDS] = {"account", "contact"};
static const char *const objects[KINDS] = {"companies", "contacts"};

/* ---- changes ---- */

static struct alone *find_alone(struct play *p, size_t record, size_t f)
{
    for (size_t i = 0; i < p->alone_count; i++)
        if (p->alone[i].record == record && p->alone[i].field == f)
            return &p->alone[i];
    return NULL;
}

/* Both sides have agreed on what stands there. */
static bool is_agreed(const struct play *p, const struct model_record *r, size_t f)
{
    for (size_t side = 0; side < p->town.side_count; side++) {
        const struct side *s = &r->sides[side];
        if (s->id &&
            (s->guess_count[f] != 1 || s->guesses[f][0].held ||
             s->guesses[f][0].ours != r->values[f] || s->guesses[f][0].theirs != s->values[f]))
            return false;
    }
    return true;
}

/* One that nobody has changed elsewhere. */
static bool is_quiet_record(const struct play *p, const struct model_record *r)
{
    bool quiet = true;
    for (size_t f = 0; f < model_field_count[r->kind]; f++)
        quiet = quiet && is_agreed(p, r, f) && r->sides[p->syncing].meanwhile[f].count == 0;
    /* An association goes with its company, which is a change there. */
    quiet = quiet && (r->kind != CONTACT || !r->sides[p->syncing].values[0]);
    quiet = quiet && r->sides[p->syncing].linked; /* what is made there comes back with defaults */
    for (size_t side = 0; side < p->town.side_count; side++)
        quiet = quiet && r->sides[side].fresh == 0 && !r->sides[side].turned &&
                !r->sides[side].doubtful && r->sides[side].there != MERGED_THERE;
    return quiet;
}

/* Records are made and deleted here while the host syncs. */
static void live_meanwhile(struct play *p)
{
    struct sight sight;
    if (one_in(p, 2)) {
        size_t made = create_here(p);
        see_here(&p->town, &sight);
        model_look_at_made(p->model, made, &sight);
        sight_free(&sight);
        return;
    }
    enum kind kind = (enum kind)any(p, KINDS);
    struct model_record *r = draw_living(p, kind, SIDES_MOST);
    if (!r || ask_sql(&p->town, word_printf("SELECT count(*) FROM %s WHERE key = %lld AND "
                                            "deleted_at IS NULL",
                                            tables[kind], (long long)r->key)) == 0)
        return;
    size_t record = (size_t)(r - p->model->records);
    for (size_t i = 0; i < p->alone_count; i++)
        if (p->alone[i].record == record)
            p->alone[i].record = MODEL_RECORDS_MOST;
    if (is_quiet_record(p, r) && p->alone_count < ALONE_MOST)
        p->alone[p->alone_count++] = (struct alone){record, DELETED, NULL};
    delete_record(p, r);
    model_deleting(p->model, record);
}

/* A vendor's value, from before, is not to come back. */
static void note_alone(struct play *p, const struct model_record *r, size_t side, size_t f,
                       const char *value)
{
    size_t record = (size_t)(r - p->model->records);
    struct alone *known = find_alone(p, record, f);
    if (known && side == SIDES_MOST)
        known->value = value;
    else if (known)
        known->record = MODEL_RECORDS_MOST; /* it is a conflict, or nearly */
    else if (side != SIDES_MOST && (known = find_alone(p, record, DELETED)))
        known->record = MODEL_RECORDS_MOST; /* it comes back for that */
    else if (side == SIDES_MOST && is_agreed(p, r, f) && r->meanwhile[f].count == 0 &&
             r->sides[p->syncing].meanwhile[f].count == 0 && p->alone_count < ALONE_MOST)
        p->alone[p->alone_count++] = (struct alone){record, f, value};
}

bool meanwhile_stays(struct play *p)
{
    bool ok = true;
    for (size_t i = 0; i < p->alone_count; i++) {
        const struct alone *a = &p->alone[i];
        if (a->record == MODEL_RECORDS_MOST)
            continue;
        const struct model_record *r = &p->model->records[a->record];
        if (a->field == DELETED && r->here == LIVES_HERE) {
            fprintf(stderr, "record %zu was deleted here, and is here again\n", a->record);
            ok = false;
        }
        if (a->field == DELETED || r->gone || r->here != LIVES_HERE ||
            r->values[a->field] == a->value)
            continue;
        fprintf(stderr,
                "record %zu: %s was set to '%s' here, and nobody else changed it: it is '%s'\n",
                a->record, model_fields[r->kind][a->field].name, a->value ? a->value : "(none)",
                r->values[a->field] ? r->values[a->field] : "(none)");
        ok = false;
    }
    p->alone_count = 0;
    return ok;
}

/* Some fields change while the host syncs. */
void meanwhile_change(struct town *t)
{
    struct play *p = (struct play *)t;
    if (t->lane && one_in(p, 3))
        live_meanwhile(p);
    for (uint64_t n = any(p, 3) + 1; n > 0; n--) {
        enum kind kind = (enum kind)any(p, KINDS);
        size_t side = one_in(p, 2) ? SIDES_MOST : (size_t)any(p, t->side_count);
        struct model_record *r = draw_living(p, kind, side);
        size_t f = (size_t)any(p, model_field_count[kind]);
        if (!r || r->vague || f == model_key_field[kind] ||
            model_fields[kind][f].spelling == AS_REFERENCE ||
            (side == SIDES_MOST &&
             ask_sql(t, word_printf("SELECT count(*) FROM %s WHERE key = %lld AND "
                                    "deleted_at IS NULL",
                                    tables[kind], (long long)r->key)) == 0))
            continue;
        if (r->meanwhile[f].count == MEANWHILE ||
            r->sides[p->syncing].meanwhile[f].count == MEANWHILE)
            continue; /* the model remembers no more */
        const char *value = draw_value(p, kind, f, side);
        int64_t rows = ask_sql(t, "SELECT max(seq) FROM log");
        if (side == SIDES_MOST)
            set_here(p, kind, r->key, f, value);
        else if (!set_there(p, side, r, f, value))
            continue;
        if (side == SIDES_MOST && rows == ask_sql(t, "SELECT max(seq) FROM log"))
            continue; /* it had that value */
        note_alone(p, r, side, f, value);
        model_changing(p->model, (size_t)(r - p->model->records), side, f,
                       side == SIDES_MOST || !value ? value : model_write(AS_TEXT, value));
    }
}

/* ---- late answers ---- */

/* What such requests of both objects get; of those that read, and of those that write. */
static void hinder(struct play *p, size_t side, bool reads, const char *how)
{
    static const char *const ways[2][3] = {{"\"path\":\"/crm/v3/objects/%s/batch/create\"",
                                            "\"path\":\"/crm/v3/objects/%s/batch/upsert\"",
                                            "\"path\":\"/crm/v3/objects/%s/batch/update\""},
                                           {"\"method\":\"GET\",\"path\":\"/crm/v3/objects/%s\"",
                                            "\"path\":\"/crm/v3/objects/%s/search\""}};
    for (enum kind k = COMPANY; k < KINDS; k++)
        for (size_t i = 0; i < 3 && ways[reads][i]; i++) {
            char which[200];
            snprintf(which, sizeof which, ways[reads][i], objects[k]);
            json_object_put(ask_vendor(&p->town, side, "POST", "/__sandbox/faults",
                                       word_printf("{%s,%s}", how, which)));
        }
}

/* Answers to what is written, and perhaps to the read, are old when they come; or the read is
 * answered only after it has tried several times. */
void meanwhile_slow_down(struct play *p, size_t side)
{
    uint64_t *chance = &p->town.lane_chance;
    const char *slow = word_printf("\"kind\":\"slow\",\"count\":20,\"ms\":%d",
                                   (int)(virtual_random(chance) % 2000) + 100);
    hinder(p, side, false, slow);
    switch (virtual_random(chance) % 3) {
    case 0:
        hinder(p, side, true, slow);
        break;
    case 1:
        hinder(p, side, true, "\"kind\":\"status\",\"status\":503,\"count\":3");
        break;
    default:
        break;
    }
}
