/* SPDX-License-Identifier: Apache-2.0 */
#include "config/problems.h"

void problem_vadd(struct problems *p, const char *file, int line, int column, const char *format,
                  va_list args)
{
    struct buf text = BUF_INIT(4096);
    buf_vprintf(&text, format, args);
    if (text.full) { /* it quotes the file, which may hold anything */
        buf_clear(&text);
        buf_text(&text, "what stands here is too long to be right");
    }
    p->items = arena_grow(&p->arena, p->items, &p->cap, p->count + 1, sizeof p->items[0]);
    p->items[p->count++] = (struct problem){.file = arena_text(&p->arena, file),
                                            .line = line,
                                            .column = column,
                                            .text = arena_text(&p->arena, buf_cstr(&text))};
    buf_free(&text);
}

void problem_add(struct problems *p, const char *file, int line, int column, const char *format,
                 ...)
{
    va_list args;
    va_start(args, format);
    problem_vadd(p, file, line, column, format, args);
    va_end(args);
}

static bool comes_after(const struct problem *a, const struct problem *b)
{
    int files = strcmp(a->file, b->file);
    if (files != 0)
        return files > 0;
    if (a->line != b->line)
        return a->line > b->line;
    return a->column > b->column;
}

void problems_sort(struct problems *p)
{
    for (size_t i = 1; i < p->count; i++) { /* insertion: few, nearly sorted, and stable */
        struct problem item = p->items[i];
        size_t j = i;
        for (; j > 0 && comes_after(&p->items[j - 1], &item); j--)
            p->items[j] = p->items[j - 1];
        p->items[j] = item;
    }
}

void problem_write(struct buf *out, const struct problem *problem)
{
    buf_text(out, problem->file);
    if (problem->line > 0)
        buf_printf(out, ":%d:%d", problem->line, problem->column);
    buf_printf(out, ": %s", problem->text);
}

void problems_free(struct problems *p)
{
    arena_free(&p->arena);
    *p = (struct problems){0};
}
