/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/plan_show.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/format.h"
#include "cli/table.h"

enum { SHOW_JSON_MAX = 256 * 1024 * 1024 };

/* ---- counts ---- */

static struct plan_counts total_of(const struct sync_plan *plan)
{
    struct plan_counts total = {0};
    for (size_t i = 0; i < plan->object_count; i++)
        for (size_t s = 0; s < PLAN_SIDES; s++)
            for (size_t o = 0; o < PLAN_OPS; o++)
                total.ops[s][o] += plan->objects[i].counts.ops[s][o];
    return total;
}

static int64_t of_side(const struct plan_counts *counts, size_t side)
{
    int64_t sum = 0;
    for (size_t o = 0; o < PLAN_OPS; o++)
        sum += counts->ops[side][o];
    return sum;
}

/* A row for each object and side of which something would change; columns likewise. */
static void write_counts(const struct sync_plan *plan, const struct plan_counts *total)
{
    struct table t = {.indent = "  "};
    bool shown[PLAN_OPS];
    table_key_column(&t, "OBJECT", false);
    table_key_column(&t, "SIDE", false);
    for (size_t o = 0; o < PLAN_OPS; o++) {
        static const char *const titles[] = {[PLAN_CREATE] = "CREATE",
                                             [PLAN_UPDATE] = "UPDATE",
                                             [PLAN_LINK] = "LINK",
                                             [PLAN_RESTORE] = "RESTORE",
                                             [PLAN_DELETE] = "DELETE",
                                             [PLAN_ASSOCIATE] = "ASSOCIATE",
                                             [PLAN_DISSOCIATE] = "DISSOCIATE"};
        shown[o] = total->ops[PLAN_HERE][o] + total->ops[PLAN_THERE][o] > 0;
        if (shown[o])
            table_key_column(&t, titles[o], true);
    }
    for (size_t i = 0; i < plan->object_count; i++)
        for (size_t s = 0; s < PLAN_SIDES; s++) {
            const struct plan_object *object = &plan->objects[i];
            if (of_side(&object->counts, s) == 0)
                continue;
            table_str(&t, object->name);
            table_str(&t, str_from(plan_side_name((enum plan_side)s)));
            for (size_t o = 0; o < PLAN_OPS; o++)
                if (shown[o])
                    table_number(&t, object->counts.ops[s][o]);
        }
    table_write(&t, &std_out);
    table_free(&t);
}

/* ---- a change ---- */

static void write_value(const struct json *value)
{
    struct buf text = BUF_INIT(SHOW_JSON_MAX);
    json_write(&text, value);
    out_str(&std_out, buf_view(&text));
    buf_free(&text);
}

static bool write_field(void *arg, struct str name, const struct json *pair)
{
    const struct json *before = json_element(pair, 0), *after = json_element(pair, 1);
    enum style style = !before ? STYLE_GOOD : after ? STYLE_WARN : STYLE_BAD;
    const struct json *known = json_member(arg, name);
    out_styled(&std_out, style, !before ? "  + " : after ? "  ~ " : "  - ");
    out_str(&std_out, name);
    out_text(&std_out, ": ");
    if (before) {
        out_style(&std_out, STYLE_BAD);
        write_value(before);
        out_style(&std_out, STYLE_NONE);
    }
    if (before && after)
        out_text(&std_out, " -> ");
    if (after) {
        out_style(&std_out, STYLE_GOOD);
        write_value(known ? known : after);
        out_style(&std_out, STYLE_NONE);
    }
    if (known) {
        out_text(&std_out, ", of ");
        write_value(after);
    }
    out_text(&std_out, "\n");
    return true;
}

static enum style style_of(enum plan_op op)
{
    if (op == PLAN_DELETE || op == PLAN_DISSOCIATE)
        return STYLE_BAD;
    return op == PLAN_UPDATE ? STYLE_WARN : STYLE_GOOD;
}

/* A record that changes with another one is told by our side, and by the other one. */
static void write_which(const struct plan_entry *e)
{
    bool follows = e->side == PLAN_HERE && e->external_id.len == 0;
    struct str ours = e->record_id.len > 0 ? e->record_id : STR("(new)");
    struct str theirs = e->external_id.len > 0 ? e->external_id : STR("(new)");
    if (follows)
        out_printf(&std_out, " %.*s %.*s", STR_ARG(e->model), STR_ARG(ours));
    else
        out_printf(&std_out, " %.*s %.*s", STR_ARG(e->object), STR_ARG(theirs));
    out_style(&std_out, STYLE_NONE);
    out_style(&std_out, STYLE_DIM);
    if (follows)
        out_printf(&std_out, "  with %.*s %.*s", STR_ARG(e->object), STR_ARG(e->unit));
    else
        out_printf(&std_out, "  %.*s %.*s", STR_ARG(e->model), STR_ARG(ours));
}

void plan_show_change(const struct plan_entry *e)
{
    out_text(&std_out, "\n");
    out_style(&std_out, STYLE_BOLD);
    out_printf(&std_out, "%s: ", plan_side_name(e->side));
    out_styled(&std_out, style_of(e->op), plan_op_name(e->op));
    out_style(&std_out, STYLE_BOLD);
    write_which(e);
    if (e->why.len > 0)
        out_printf(&std_out, ", %.*s there", STR_ARG(e->why));
    out_style(&std_out, STYLE_NONE);
    out_text(&std_out, "\n");
    json_each(e->fields, write_field, (void *)e->shown);
}

struct showing {
    int64_t left;
};

static bool show_line(void *arg, struct str line)
{
    struct showing *s = arg;
    struct plan_entry e;
    if (s->left-- <= 0 || plan_entry_read(line, &e, NULL) != 0)
        return false;
    plan_show_change(&e);
    plan_entry_free(&e);
    return true;
}

/* ---- the whole ---- */

static void warn(int64_t count, const char *one, const char *many)
{
    char text[FORMAT_TEXT];
    if (count == 0)
        return;
    out_styled(&std_out, STYLE_WARN, "warning: ");
    out_printf(&std_out, "%s %s\n", format_count(count, text), count == 1 ? one : many);
}

static void write_warnings(const struct sync_plan *plan, const struct run_counts *read)
{
    if (plan->guard[0] || read->quarantined + read->refused + read->waiting > 0)
        out_text(&std_out, "\n");
    warn(read->quarantined, "record would be set aside in quarantine",
         "records would be set aside in quarantine");
    warn(read->refused, "write would be refused", "writes would be refused");
    warn(read->waiting, "conflict would wait for a decision",
         "conflicts would wait for a decision");
    if (!plan->guard[0])
        return;
    out_styled(&std_out, STYLE_WARN, "warning: ");
    out_printf(&std_out, "%s\n", plan->guard);
}

int plan_show(const struct app *app, const struct sync_plan *plan, const struct run_row *row,
              int64_t limit, struct error *err)
{
    const struct plan_counts total = total_of(plan);
    struct showing s = {.left = limit};
    int64_t here = of_side(&total, PLAN_HERE), there = of_side(&total, PLAN_THERE);
    int64_t more = here + there - limit;
    const struct run_counts read = run_total(row);
    char text[3][FORMAT_TEXT], span[TIME_TEXT];
    if (here + there > 0)
        write_counts(plan, &total);
    if (plan_file_each(plan->file, show_line, &s, err) != 0)
        return -1;
    if (more > 0)
        out_printf(&std_out, "\n%s more not shown (--limit)\n", format_count(more, text[0]));
    write_warnings(plan, &read);
    out_printf(&std_out, "%s%.*s: %s compared in %s, %s change%s here, %s there; nothing written\n",
               here + there > 0 ? "\n" : "", STR_ARG(row->connection),
               format_count(read.read, text[0]),
               time_format_span(run_took(row, world_now(&app->world)), span),
               format_count(here, text[1]), here == 1 ? "" : "s", format_count(there, text[2]));
    return 0;
}

static bool put_line(void *arg, struct str line)
{
    struct buf *text = arg;
    buf_clear(text);
    buf_str(text, line);
    out_json(&std_out, text);
    return true;
}

static void put_counts(struct json_writer *w, const struct plan_counts *counts)
{
    for (size_t s = 0; s < PLAN_SIDES; s++) {
        json_key(w, plan_side_name((enum plan_side)s));
        json_open(w, '{');
        for (size_t o = 0; o < PLAN_OPS; o++) {
            json_key(w, plan_op_name((enum plan_op)o));
            json_put_int(w, counts->ops[s][o]);
        }
        json_close(w, '}');
    }
}

int plan_show_json(const struct sync_plan *plan, const struct run_row *row, struct error *err)
{
    struct buf text = BUF_INIT(SHOW_JSON_MAX);
    const struct plan_counts total = total_of(plan);
    const struct run_counts read = run_total(row);
    int rc = plan_file_each(plan->file, put_line, &text, err);
    struct json_writer w = {.out = &text};
    buf_clear(&text);
    json_open(&w, '{');
    json_key(&w, "connection");
    json_put_str(&w, row->connection);
    json_key(&w, "status");
    json_put_text(&w, run_status_name(row->status));
    json_key(&w, "compared");
    json_put_int(&w, read.read);
    json_key(&w, "quarantined");
    json_put_int(&w, read.quarantined);
    json_key(&w, "refused");
    json_put_int(&w, read.refused);
    json_key(&w, "waiting");
    json_put_int(&w, read.waiting);
    put_counts(&w, &total);
    json_key(&w, "objects");
    json_open(&w, '{');
    for (size_t i = 0; i < plan->object_count; i++) {
        json_key_str(&w, plan->objects[i].name);
        json_open(&w, '{');
        put_counts(&w, &plan->objects[i].counts);
        json_close(&w, '}');
    }
    json_close(&w, '}');
    json_key(&w, "guard");
    json_put_text(&w, plan->guard[0] ? plan->guard : NULL);
    json_close(&w, '}');
    out_json(&std_out, &text);
    buf_free(&text);
    return rc;
}
