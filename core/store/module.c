/* SPDX-License-Identifier: Apache-2.0 */
/* Loads the PostgreSQL engine, and keeps the URL's password out of sight. */
#include <dlfcn.h>
#include <stdlib.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/redact.h"
#include "store/postgres.h"

enum { URL_MAX = 4096 };

/* Redacts a secret as it stands in the URL and as it is meant. */
static void hide(struct str secret)
{
    struct buf plain = BUF_INIT(URL_MAX);
    redact_add(secret);
    decode_percent(&plain, secret);
    redact_add(buf_view(&plain));
    buf_free(&plain);
}

/* The password of "user:password@", and those among the parameters. */
static void hide_passwords(struct str url)
{
    const char *after = memmem(url.ptr, url.len, "://", 3);
    size_t begin = after ? (size_t)(after - url.ptr) + 3 : 0;
    struct str rest = str_slice(url, begin, url.len - begin);
    ptrdiff_t query = str_find(rest, '?');
    size_t end = query < 0 ? rest.len : (size_t)query;
    ptrdiff_t colon = str_find(str_slice(rest, 0, end), ':');
    const char *at = memrchr(rest.ptr, '@', end);
    if (colon >= 0 && at && at > rest.ptr + colon)
        hide(str_slice(rest, (size_t)colon + 1, (size_t)(at - rest.ptr - colon - 1)));
    struct str parameters = str_slice(rest, end, rest.len - end), one;
    if (parameters.len > 0)
        parameters = str_slice(parameters, 1, parameters.len - 1);
    while (str_next(&parameters, '&', &one)) {
        ptrdiff_t equals = str_find(one, '=');
        if (equals >= 8 && memmem(one.ptr, (size_t)equals, "password", 8))
            hide(str_slice(one, (size_t)equals + 1, one.len - (size_t)equals - 1));
    }
}

static const struct postgres_module *load(const char *path, struct error *err)
{
    if (!file_exists(path)) {
        error_set(err,
                  "this fastenr came without its PostgreSQL engine: there is no %s; install it, or "
                  "write store = \"sqlite:fastenr.db\"",
                  path);
        return NULL;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct postgres_module *module = handle ? dlsym(handle, POSTGRES_MODULE_SYMBOL) : NULL;
    if (!module) {
        error_set(err,
                  "cannot load the PostgreSQL engine: %s; install PostgreSQL's client library "
                  "(Debian: libpq5)",
                  dlerror());
        return NULL;
    }
    if (module->size == POSTGRES_MODULE_SIZE && strcmp(module->version, FASTENR_VERSION) == 0)
        return module;
    error_set(err, "%s is of another fastenr (%s, this is %s): install both of one version", path,
              module->size == POSTGRES_MODULE_SIZE ? module->version : "other build",
              FASTENR_VERSION);
    return NULL;
}

struct store *postgres_open(const char *url, bool existing, struct world *world, struct error *err)
{
    hide_passwords(str_from(url));
    char *path = file_of_program("lib/fastenr/store_postgres.so", err);
    const struct postgres_module *module = path ? load(path, err) : NULL;
    free(path);
    return module ? module->open(url, existing, world, err) : NULL;
}
