/* SPDX-License-Identifier: Apache-2.0 */
#include "csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "text.h"

enum { FIELDS_MAX = 64, FIELD_MAX = 4096, FILE_MAX = 256 * 1024 * 1024 };

enum column { COLUMN_NAME, COLUMN_DOMAIN, COLUMN_INDUSTRY, COLUMN_CITY, COLUMN_STATE, COLUMNS };

static const char *const column_names[COLUMNS][6] = {
    [COLUMN_NAME] = {"name", "security", "company", "company name", "organization"},
    [COLUMN_DOMAIN] = {"domain", "website", "url", "company domain name"},
    [COLUMN_INDUSTRY] = {"industry", "gics sector", "sector"},
    [COLUMN_CITY] = {"city", "headquarters location", "headquarters", "location"},
    [COLUMN_STATE] = {"state", "region", "state/region"},
};

struct reader {
    const char *at, *end;
    struct text fields[FIELDS_MAX];
    size_t count;
};

static void keep(struct text *field, char c)
{
    if (field->len < FIELD_MAX)
        text_char(field, c);
}

/* One field; true when another one follows in the row. */
static bool read_field(struct reader *r, struct text *field)
{
    bool quoted = r->at < r->end && *r->at == '"';
    field->len = 0;
    if (quoted)
        r->at++;
    while (r->at < r->end) {
        char c = *r->at++;
        if (quoted && c == '"') {
            if (r->at < r->end && *r->at == '"')
                keep(field, *r->at++);
            else
                quoted = false;
        } else if (!quoted && c == ',') {
            return true;
        } else if (!quoted && c == '\n') {
            return false;
        } else if (quoted || c != '\r') {
            keep(field, c);
        }
    }
    return false;
}

static bool read_row(struct reader *r)
{
    struct text spare = {0};
    bool more = true;
    if (r->at >= r->end)
        return false;
    for (r->count = 0; more; r->count += r->count < FIELDS_MAX)
        more = read_field(r, r->count < FIELDS_MAX ? &r->fields[r->count] : &spare);
    text_free(&spare);
    return true;
}

/* The position of a column by the order of its names, -1 when it is not there. */
static int find_column(struct reader *r, enum column column)
{
    for (const char *const *name = column_names[column]; *name; name++)
        for (size_t i = 0; i < r->count; i++)
            if (strcasecmp(text_end(&r->fields[i]), *name) == 0)
                return (int)i;
    return -1;
}

static char *take(struct reader *r, int column)
{
    if (column < 0 || (size_t)column >= r->count || r->fields[column].len == 0)
        return NULL;
    return mem_copy(r->fields[column].ptr, r->fields[column].len);
}

/* "https://www.acme.test/about" -> "acme.test" */
static void bare_domain(char *domain)
{
    char *start = strstr(domain, "://");
    start = start ? start + 3 : domain;
    if (strncasecmp(start, "www.", 4) == 0)
        start += 4;
    size_t len = strcspn(start, "/?#: ");
    memmove(domain, start, len);
    domain[len] = '\0';
}

/* "Saint Paul, Minnesota" -> city and state */
static void split_city(struct csv_company *row)
{
    char *comma = row->city ? strstr(row->city, ", ") : NULL;
    if (!comma)
        return;
    *comma = '\0';
    if (!row->state)
        row->state = mem_copy(comma + 2, strlen(comma + 2));
}

static void add_row(struct csv_companies *companies, struct reader *r, const int columns[COLUMNS])
{
    struct csv_company row = {.name = take(r, columns[COLUMN_NAME])};
    if (!row.name)
        return;
    row.domain = take(r, columns[COLUMN_DOMAIN]);
    row.industry = take(r, columns[COLUMN_INDUSTRY]);
    row.city = take(r, columns[COLUMN_CITY]);
    row.state = take(r, columns[COLUMN_STATE]);
    if (row.domain)
        bare_domain(row.domain);
    split_city(&row);
    if (companies->count == companies->cap) {
        companies->cap = companies->cap ? companies->cap * 2 : 64;
        companies->rows = mem_more(companies->rows, companies->cap * sizeof *companies->rows);
    }
    companies->rows[companies->count++] = row;
}

static int read_rows(struct reader *r, size_t max, struct csv_companies *ret)
{
    int columns[COLUMNS];
    if (r->end - r->at >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0)
        r->at += 3;
    if (!read_row(r))
        return -1;
    for (int c = 0; c < COLUMNS; c++)
        columns[c] = find_column(r, (enum column)c);
    if (columns[COLUMN_NAME] < 0)
        return -1;
    while (ret->count < max && read_row(r))
        add_row(ret, r, columns);
    return 0;
}

static int read_file(const char *path, struct text *ret, char *error, size_t error_size)
{
    FILE *f = fopen(path, "rb");
    size_t got = 1;
    if (!f) {
        snprintf(error, error_size, "cannot read %s: %s", path, strerror(errno));
        return -1;
    }
    while (got > 0 && ret->len < FILE_MAX) {
        text_need(ret, 65536);
        got = fread(ret->ptr + ret->len, 1, 65536, f);
        ret->len += got;
    }
    bool failed = ferror(f) || ret->len >= FILE_MAX;
    fclose(f);
    if (failed)
        snprintf(error, error_size, "cannot read %s: a read error, or it is over 256 MiB", path);
    return failed ? -1 : 0;
}

int csv_read(const char *path, size_t max, struct csv_companies *ret, char *error,
             size_t error_size)
{
    struct text file = {0};
    *ret = (struct csv_companies){0};
    if (read_file(path, &file, error, error_size) < 0) {
        text_free(&file);
        return -1;
    }
    struct reader r = {.at = file.ptr, .end = file.ptr + file.len};
    int failed = read_rows(&r, max, ret);
    if (failed)
        snprintf(error, error_size,
                 "%s has no column of company names: the first row must name one of "
                 "Name, Security, Company, Organization",
                 path);
    for (size_t i = 0; i < FIELDS_MAX; i++)
        text_free(&r.fields[i]);
    text_free(&file);
    return failed;
}

void csv_free(struct csv_companies *companies)
{
    for (size_t i = 0; i < companies->count; i++) {
        free(companies->rows[i].name);
        free(companies->rows[i].domain);
        free(companies->rows[i].industry);
        free(companies->rows[i].city);
        free(companies->rows[i].state);
    }
    free(companies->rows);
    *companies = (struct csv_companies){0};
}
