/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/docs/roff.h"

#include <ctype.h>

static void put_char(struct buf *out, char c)
{
    static const struct {
        char plain;
        const char *escape;
    } special[] = {{'\\', "\\e"},  {'-', "\\-"},   {'\'', "\\(aq"}, {'"', "\\(dq"},
                   {'^', "\\(ha"}, {'~', "\\(ti"}, {'|', "\\(ba"}};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (special[i].plain == c) {
            buf_text(out, special[i].escape);
            return;
        }
    buf_char(out, c);
}

void roff_word(struct buf *out, struct str text)
{
    if (text.len > 0 && (text.ptr[0] == '.' || text.ptr[0] == '\''))
        buf_text(out, "\\&");
    for (size_t i = 0; i < text.len; i++)
        put_char(out, text.ptr[i]);
}

/* ---- running text ---- */

struct filler {
    struct buf *out;
    bool bold, begun; /* a line has been begun */
};

static void end_line(struct filler *f)
{
    if (f->begun)
        buf_char(f->out, '\n');
    f->begun = false;
}

static void put_word(struct filler *f, struct str word)
{
    if (f->begun)
        buf_char(f->out, ' ');
    else if (word.ptr[0] == '.' || word.ptr[0] == '\'')
        buf_text(f->out, "\\&");
    f->begun = true;
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] != '`') {
            put_char(f->out, word.ptr[i]);
            continue;
        }
        f->bold = !f->bold;
        buf_text(f->out, f->bold ? "\\fB" : "\\fR");
    }
}

static bool ends_sentence(struct str word, const char *rest)
{
    while (*rest == ' ' || *rest == '\n')
        rest++;
    return word.len > 1 && word.ptr[word.len - 1] == '.' &&
           (isupper((unsigned char)*rest) || *rest == '`');
}

void roff_text(struct buf *out, const char *text)
{
    struct filler f = {.out = out};
    while (*text) {
        size_t space = strspn(text, " \n"), line_ends = 0;
        for (size_t i = 0; i < space; i++)
            line_ends += text[i] == '\n';
        text += space;
        if (line_ends > 1 && *text) {
            end_line(&f);
            buf_text(out, ".Pp\n");
        }
        struct str word = {text, strcspn(text, " \n")};
        if (word.len == 0)
            break;
        text += word.len;
        put_word(&f, word);
        if (!f.bold && ends_sentence(word, text))
            end_line(&f);
    }
    end_line(&f);
}

/* ---- lines of macros ---- */

static void argument(struct buf *out, struct str word)
{
    bool optional = str_starts(word, "["), more;
    if (optional)
        word = str_slice(word, 1, word.len - 2);
    more = str_ends(word, "...");
    if (more)
        word.len -= 3;
    buf_text(out, optional ? ".Op Ar " : ".Ar ");
    roff_word(out, word);
    buf_text(out, more ? " ...\n" : "\n");
}

void roff_arguments(struct buf *out, const char *arguments)
{
    while (*arguments) {
        struct str word = {arguments, strcspn(arguments, " ")};
        argument(out, word);
        arguments += word.len;
        arguments += strspn(arguments, " ");
    }
}

void roff_head(struct buf *out, const char *page, int section, const char *date,
               const char *summary)
{
    buf_printf(out, ".\\\" Generated from the tables that fastenr works by.\n.Dd %s\n.Dt ", date);
    for (const char *p = page; *p; p++)
        buf_char(out, (char)toupper((unsigned char)*p));
    buf_printf(out, " %d\n.Os fastenr\n.Sh NAME\n.Nm %s\n.Nd ", section, page);
    roff_word(out, str_from(summary));
    buf_char(out, '\n');
}
