/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastenr-docs DIR DATE: writes what is generated from the tables that fastenr works by into DIR:
 * man1/ and man5/, completion/. Standard input is what `fastenr-sandbox --help` prints. Part of the
 * build; not installed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/docs/complete.h"
#include "cli/docs/manual.h"

enum { DOCUMENT_MAX = 1024 * 1024 };

static const char *dir;

static void die(const char *what)
{
    fprintf(stderr, "fastenr-docs: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void make_dir(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        die(path);
}

/* Writes and empties `text`. */
static void keep(const char *name, struct buf *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    if (text->full)
        errno = EFBIG;
    if (!file || text->full || fwrite(text->ptr, 1, text->len, file) != text->len ||
        fclose(file) != 0)
        die(path);
    buf_clear(text);
}

static void read_input(struct buf *text)
{
    ssize_t got = 1;
    while (got > 0 && buf_reserve(text, 4096)) {
        got = read(STDIN_FILENO, text->ptr + text->len, 4096);
        if (got > 0)
            text->len += (size_t)got;
    }
    if (got < 0 || text->len == 0)
        die("standard input");
}

static void write_manual(const char *date)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX), help = BUF_INIT(DOCUMENT_MAX);
    make_dir("man1");
    make_dir("man5");
    manual_program(&text, date);
    keep("man1/fastenr.1", &text);
    for (size_t i = 0; commands[i]; i++) {
        char name[64], path[80];
        if (commands[i]->hidden)
            continue;
        manual_page_name(commands[i], name);
        snprintf(path, sizeof path, "man1/%s.1", name);
        manual_command(&text, commands[i], date);
        keep(path, &text);
    }
    manual_host(&text, date);
    keep("man5/fastenr.conf.5", &text);
    manual_connection(&text, date);
    keep("man5/fastenr-connection.5", &text);
    read_input(&help);
    manual_sandbox(&text, buf_view(&help), date);
    keep("man1/fastenr-sandbox.1", &text);
    buf_free(&text);
    buf_free(&help);
}

static void write_completion(void)
{
    struct buf text = BUF_INIT(DOCUMENT_MAX);
    make_dir("completion");
    complete_bash(&text);
    keep("completion/fastenr.bash", &text);
    complete_zsh(&text);
    keep("completion/_fastenr", &text);
    complete_fish(&text);
    keep("completion/fastenr.fish", &text);
    buf_free(&text);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "fastenr-docs DIR DATE <SANDBOX-HELP\n");
        return 2;
    }
    dir = argv[1];
    write_manual(argv[2]);
    write_completion();
    return 0;
}
