/* SPDX-License-Identifier: Apache-2.0 */
#include "base/csv.h"

#include <ctype.h>

/* Spreadsheets show twelve digits of a number, and keep fifteen. */
enum { DIGITS_LEAST = 12 };

/* ---- writing ---- */

/* A number that would lose digits, or the zeros before it. */
static bool is_lossy_number(struct str text)
{
    size_t digits = 0;
    while (digits < text.len && isdigit((unsigned char)text.ptr[digits]))
        digits++;
    return digits == text.len && (digits >= DIGITS_LEAST || (digits > 1 && text.ptr[0] == '0'));
}

/* Whether a spreadsheet would take it for something else than this text. */
static bool is_misread(struct str text)
{
    static const char *const wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D",
                                       "\xEF\xBC\xA0"}; /* = + - @, as wide as a hanzi */
    bool begins = text.len > 0 && memchr("=+-@\t\r\n'", text.ptr[0], 8) != NULL;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        begins = begins || str_starts(text, wide[i]);
    return begins || is_lossy_number(text);
}

static bool needs_quotes(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (memchr(",;\t\"\r\n", text.ptr[i], 6))
            return true;
    return text.len > 0 && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' ');
}

void csv_put(struct buf *out, struct str text, bool first)
{
    bool quotes = needs_quotes(text);
    if (!first)
        buf_char(out, ',');
    if (quotes)
        buf_char(out, '"');
    if (is_misread(text))
        buf_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_char(out, '"');
        buf_char(out, text.ptr[i]);
    }
    if (quotes)
        buf_char(out, '"');
}

void csv_end_row(struct buf *out)
{
    buf_text(out, "\r\n");
}

/* ---- reading ---- */

static struct str line_of(struct str text)
{
    ptrdiff_t end = str_find(text, '\n');
    return end < 0 ? text : str_slice(text, 0, (size_t)end);
}

struct csv_reader csv_open(struct str text, struct arena *arena)
{
    struct csv_reader r = {.line = 1, .column = 1, .separator = ',', .arena = arena};
    if (str_starts(text, "\xEF\xBB\xBF")) /* the mark that some programs begin UTF-8 with */
        text = str_slice(text, 3, text.len - 3);
    struct str first = line_of(text);
    if (str_find(first, ',') < 0 && str_find(first, ';') >= 0)
        r.separator = ';';
    else if (str_find(first, ',') < 0 && str_find(first, '\t') >= 0)
        r.separator = '\t';
    r.rest = text;
    return r;
}

static char take(struct csv_reader *r)
{
    char c = r->rest.ptr[0];
    r->rest = str_slice(r->rest, 1, r->rest.len - 1);
    if (c == '\n') {
        r->line++;
        r->column = 1;
    } else if (((unsigned char)c & 0xC0) != 0x80) { /* not inside of a character */
        r->column++;
    }
    return c;
}

static bool at_end_of_row(const struct csv_reader *r)
{
    return r->rest.len == 0 || r->rest.ptr[0] == '\n' || str_starts(r->rest, "\r\n");
}

static void end_row(struct csv_reader *r)
{
    while (r->rest.len > 0 && take(r) != '\n')
        ;
}

/* How much room the text of a cell that begins with a quote takes at most. */
static size_t longest(const struct csv_reader *r)
{
    bool quoted = false;
    size_t i = 0;
    while (i < r->rest.len &&
           (quoted || (r->rest.ptr[i] != r->separator && r->rest.ptr[i] != '\n')))
        if (r->rest.ptr[i++] == '"')
            quoted = !quoted;
    return i;
}

static int take_quoted(struct csv_reader *r, char *to, size_t *len)
{
    take(r);
    while (r->rest.len > 0) {
        char c = take(r);
        bool quote = c == '"';
        if (quote && (r->rest.len == 0 || r->rest.ptr[0] != '"'))
            return 0;
        if (quote)
            take(r);
        to[(*len)++] = c;
    }
    return -1;
}

static bool at_end_of_cell(const struct csv_reader *r)
{
    return at_end_of_row(r) || r->rest.ptr[0] == r->separator;
}

static int take_quoted_cell(struct csv_reader *r, struct csv_cell *cell, struct error *err)
{
    char *text = arena_new(r->arena, longest(r) + 1, 1);
    size_t len = 0;
    if (take_quoted(r, text, &len) != 0) {
        r->line = cell->line;
        r->column = cell->column;
        return error_set(err, "the quote that begins here does not end");
    }
    while (!at_end_of_cell(r))
        text[len++] = take(r);
    cell->text = (struct str){text, len};
    return 0;
}

static int take_cell(struct csv_reader *r, struct csv_cell *cell, struct error *err)
{
    *cell = (struct csv_cell){.text = {r->rest.ptr, 0}, .line = r->line, .column = r->column};
    if (r->rest.len > 0 && r->rest.ptr[0] == '"') {
        if (take_quoted_cell(r, cell, err) != 0)
            return -1;
    } else {
        while (!at_end_of_cell(r)) {
            take(r);
            cell->text.len++;
        }
    }
    if (cell->text.len > 0 && cell->text.ptr[0] == '\'')
        cell->text = str_slice(cell->text, 1, cell->text.len - 1);
    return 0;
}

int csv_row(struct csv_reader *r, struct csv_cell *cells, size_t most, size_t *ret_count,
            struct error *err)
{
    struct csv_cell beyond;
    while (r->rest.len > 0 && at_end_of_row(r))
        end_row(r);
    *ret_count = 0;
    if (r->rest.len == 0)
        return 0;
    for (;;) {
        struct csv_cell *cell = *ret_count < most ? &cells[(*ret_count)++] : &beyond;
        if (take_cell(r, cell, err) != 0)
            return -1;
        if (at_end_of_row(r))
            break;
        take(r);
    }
    end_row(r);
    return 1;
}
