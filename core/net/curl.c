/* SPDX-License-Identifier: Apache-2.0 */
#include "net/curl.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/time.h"

enum { HEADERS_MAX = 64 * 1024, CONNECTIONS_KEPT = 16 };

/* Connections are kept by the rule they were opened under: one that a private range was allowed for
 * must not serve a connection without that right. */
struct pool {
    struct pool *next;
    struct curl_transport *owner;
    struct egress egress;
    CURLM *multi;
    struct timer timer;
    struct transfer *transfers;
    struct watched *watched;
};

/* A socket that curl wants to be told about. */
struct watched {
    struct watched *next;
    struct pool *pool;
    curl_socket_t fd;
    struct watch *watch;
};

struct curl_transport {
    struct transport transport;
    struct world *world;
    struct pool *pools;
};

struct transfer {
    struct transfer *next;
    struct pool *pool;
    CURL *easy;
    struct curl_slist *header_list;
    char error[CURL_ERROR_SIZE];
    transfer_fn done;
    void *arg;
    struct egress egress;
    struct error refused; /* why the host ended it */
    int socket_errno;     /* why there is no socket; 0: there is */
    struct blob *body;
    struct arena arena; /* of the answer's headers */
    struct http_header *headers;
    size_t header_count, header_cap, header_bytes;
};

struct str transfer_header(const struct transfer_result *result, const char *name)
{
    for (size_t i = 0; i < result->header_count; i++)
        if (str_is(result->headers[i].name, name))
            return result->headers[i].value;
    return (struct str){NULL, 0};
}

/* ---- what curl calls ---- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = arg;
    (void)purpose;
    if (egress_check(&t->egress, &address->addr, &t->refused) != 0)
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    t->socket_errno = fd < 0 ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

/* Curl does not tell a socket that there was not from a server that there is not. */
static const char *words_of(struct transfer *t, CURLcode code)
{
    if (t->socket_errno != 0)
        snprintf(t->error, sizeof t->error, "cannot open a socket: %s", strerror(t->socket_errno));
    return t->error[0] ? t->error : curl_easy_strerror(code);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t len = size * count;
    return blob_append(t->body, (struct str){bytes, len}, &t->refused) == 0 ? len : 0;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    struct str line = str_trim((struct str){bytes, size * count});
    ptrdiff_t colon = str_find(line, ':');
    t->header_bytes += line.len;
    if (t->header_bytes > HEADERS_MAX) {
        error_set(&t->refused, "the answer has more than %d bytes of headers", HEADERS_MAX);
        return 0;
    }
    if (str_starts(line, "HTTP/")) /* also after "100 Continue": a new set begins */
        t->header_count = 0;
    if (colon <= 0)
        return size * count;
    struct str name = arena_ascii(&t->arena, str_slice(line, 0, (size_t)colon), tolower);
    struct str value = str_slice(line, name.len + 1, line.len - name.len - 1);
    t->headers = arena_grow(&t->arena, t->headers, &t->header_cap, t->header_count + 1,
                            sizeof t->headers[0]);
    t->headers[t->header_count++] =
        (struct http_header){name, arena_str(&t->arena, str_trim(value))};
    return size * count;
}

/* ---- ends ---- */

static void release(struct transfer *t)
{
    struct transfer **at = &t->pool->transfers;
    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    curl_multi_remove_handle(t->pool->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->header_list);
    blob_unref(t->body);
    arena_free(&t->arena);
    free(t);
}

/* The next try meets the same certificate. */
static bool is_distrust(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_PINNEDPUBKEYNOTMATCH;
}

static bool is_unsent(const struct transfer *t)
{
    long sent = 0;
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    return sent == 0;
}

static enum transfer_fault fault_of(const struct transfer *t, CURLcode code)
{
    if (code == CURLE_OK)
        return FAULT_NONE;
    if (t->refused.text[0] != '\0' || is_distrust(code))
        return FAULT_REFUSED;
    return is_unsent(t) ? FAULT_NOT_SENT : FAULT_BROKEN;
}

static void finish(struct transfer *t, CURLcode code)
{
    long status = 0;
    struct transfer_result result = {.fault = fault_of(t, code),
                                     .unsent = is_unsent(t),
                                     .headers = t->headers,
                                     .header_count = t->header_count};
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    result.status = (int)status;
    if (is_distrust(code))
        error_set(&t->refused,
                  "%s; check this machine's clock and certificates, or set network.ca_file to the "
                  "authority that signed the server's",
                  words_of(t, code));
    if (result.fault == FAULT_NONE)
        result.body = blob_ref(t->body);
    else if (result.fault == FAULT_REFUSED)
        result.text = t->refused.text;
    else
        result.text = words_of(t, code);
    t->done(t->arg, &result);
    release(t);
}

static void collect_ended(struct pool *pool)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(pool->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *t;
        CURLcode code = message->data.result; /* the message is gone when the handle is */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
        finish(t, code);
    }
}

/* ---- curl and the loop ---- */

static void act(struct pool *pool, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(pool->multi, fd, events, &running);
    collect_ended(pool);
}

static void on_timer(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket(void *arg, int events)
{
    struct watched *w = arg;
    act(w->pool, w->fd,
        (events & LOOP_READABLE ? CURL_CSELECT_IN : 0) |
            (events & LOOP_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static int want_timer(CURLM *multi, long timeout_ms, void *arg)
{
    struct pool *pool = arg;
    (void)multi;
    if (timeout_ms < 0)
        loop_timer_stop(pool->owner->world->loop, &pool->timer);
    else
        loop_timer(pool->owner->world->loop, &pool->timer, timeout_ms * US_PER_MS);
    return 0;
}

static void unwatch(struct watched *w)
{
    struct watched **at = &w->pool->watched;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    loop_unwatch(w->pool->owner->world->loop, w->watch);
    free(w);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct pool *pool = arg;
    struct watched *w = known;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            unwatch(w);
        return 0;
    }
    if (!w) {
        w = MEM_NEW(struct watched);
        *w = (struct watched){.next = pool->watched, .pool = pool, .fd = fd};
        pool->watched = w;
        curl_multi_assign(pool->multi, fd, w);
    } else {
        loop_unwatch(pool->owner->world->loop, w->watch);
    }
    int events =
        (what & CURL_POLL_IN ? LOOP_READABLE : 0) | (what & CURL_POLL_OUT ? LOOP_WRITABLE : 0);
    w->watch = loop_watch(pool->owner->world->loop, fd, events, on_socket, w);
    return w->watch ? 0 : -1;
}

static struct pool *pool_for(struct curl_transport *ct, const struct egress *egress)
{
    struct pool *pool = ct->pools;
    while (pool && !egress_eq(&pool->egress, egress))
        pool = pool->next;
    if (pool)
        return pool;
    CURLM *multi = curl_multi_init();
    if (!multi)
        return NULL;
    pool = MEM_NEW(struct pool);
    *pool = (struct pool){.next = ct->pools, .owner = ct, .egress = *egress, .multi = multi};
    pool->timer = (struct timer){.fn = on_timer, .arg = pool};
    ct->pools = pool;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return pool;
}

/* ---- starting ---- */

/* What every connection of the host to the outside has in common. */
static void set_common(CURL *easy, const char *ca_file)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* none, whatever the environment says */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* With a CAPATH curl 7.88 reads all certificates anew for each connection: 25 ms of CPU. */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
}

static void add_header(struct transfer *t, struct str name, struct str value)
{
    struct buf line = BUF_INIT(HEADERS_MAX);
    buf_str(&line, name);
    /* "Name;" is curl's way to send a header without a value. */
    buf_text(&line, value.len > 0 ? ": " : ";");
    buf_str(&line, value);
    t->header_list = curl_slist_append(t->header_list, buf_cstr(&line));
    buf_free(&line);
}

static void set_body(struct transfer *t, const struct transfer_request *request)
{
    if (request->body.len == 0 && !str_is(request->method, "POST"))
        return;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.ptr : "");
    /* No round trip before a body. Without this curl may add the header; one that is there and
     * empty is refused by some servers (417). */
    t->header_list = curl_slist_append(t->header_list, "Expect:");
}

static void set_request(struct transfer *t, const struct transfer_request *request)
{
    char text[64];
    struct str ca = request->ca_file;
    char *ca_file = ca.len > 0 ? mem_strndup(ca.ptr, ca.len) : NULL;
    char *url = mem_strndup(request->url.ptr, request->url.len);
    set_common(t->easy, ca_file);
    snprintf(text, sizeof text, "%.*s", STR_ARG(request->method));
    curl_easy_setopt(t->easy, CURLOPT_URL, url);
    set_body(t, request);
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, text);
    curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)(request->timeout_us / US_PER_MS));
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(request->connect_timeout_us / US_PER_MS));
    for (size_t i = 0; i < request->header_count; i++)
        add_header(t, request->headers[i].name, request->headers[i].value);
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->header_list);
    free(ca_file);
    free(url);
}

static struct transfer *transport_start(struct transport *transport,
                                        const struct transfer_request *request, transfer_fn done,
                                        void *arg)
{
    struct pool *pool = pool_for((struct curl_transport *)transport, request->egress);
    CURL *easy = pool ? curl_easy_init() : NULL;
    if (!easy)
        return NULL;
    struct transfer *t = MEM_NEW(struct transfer);
    *t = (struct transfer){.next = pool->transfers,
                           .pool = pool,
                           .easy = easy,
                           .done = done,
                           .arg = arg,
                           .egress = *request->egress,
                           .body = blob_new(request->body_max)};
    pool->transfers = t;
    set_request(t, request);
    /* A kept connection may have been closed by the other side meanwhile. When it ends before the
     * first byte of an answer libcurl takes it for one of those and sends the request once more;
     * but the vendor may have had it, and died of it. On a connection of its own it does not. */
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)request->once);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    curl_multi_add_handle(pool->multi, easy); /* asks for a timer: nothing happens before that */
    return t;
}

static void transport_cancel(struct transfer *t)
{
    release(t);
}

static void transport_free(struct transport *transport)
{
    struct curl_transport *ct = (struct curl_transport *)transport;
    while (ct->pools) {
        struct pool *pool = ct->pools;
        while (pool->transfers)
            release(pool->transfers);
        loop_timer_stop(ct->world->loop, &pool->timer);
        curl_multi_cleanup(pool->multi); /* closes connections, and may unwatch */
        while (pool->watched)
            unwatch(pool->watched);
        loop_timer_stop(ct->world->loop, &pool->timer);
        ct->pools = pool->next;
        free(pool);
    }
    free(ct);
    curl_global_cleanup();
}

struct transport *curl_transport_new(struct world *world, struct error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        error_set(err, "cannot start libcurl");
        return NULL;
    }
    struct curl_transport *ct = MEM_NEW(struct curl_transport);
    ct->transport = (struct transport){
        .start = transport_start, .cancel = transport_cancel, .free = transport_free};
    ct->world = world;
    return &ct->transport;
}

/* ---- probe ---- */

static int64_t phase_us(CURL *easy, CURLINFO from, CURLINFO to)
{
    curl_off_t start = 0, end = 0;
    if (from != 0)
        curl_easy_getinfo(easy, from, &start);
    curl_easy_getinfo(easy, to, &end);
    return end > start ? end - start : 0;
}

static void read_certificate(CURL *easy, struct probe_result *result)
{
    struct curl_certinfo *info = NULL;
    const char *subject = "", *expires = "";
    curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info);
    struct curl_slist *line = info && info->num_of_certs > 0 ? info->certinfo[0] : NULL;
    for (; line; line = line->next) {
        if (strncmp(line->data, "Subject:", 8) == 0)
            subject = line->data + 8;
        else if (strncmp(line->data, "Expire date:", 12) == 0)
            expires = line->data + 12;
    }
    snprintf(result->certificate, sizeof result->certificate, "%s, until %s", subject, expires);
}

static int read_probe(CURL *easy, CURLcode code, bool tls, struct transfer *t,
                      struct probe_result *result, struct error *err)
{
    char *ip = NULL;
    result->resolve_us = phase_us(easy, 0, CURLINFO_NAMELOOKUP_TIME_T);
    result->connect_us = phase_us(easy, CURLINFO_NAMELOOKUP_TIME_T, CURLINFO_CONNECT_TIME_T);
    result->tls_us = tls ? phase_us(easy, CURLINFO_CONNECT_TIME_T, CURLINFO_APPCONNECT_TIME_T) : 0;
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    snprintf(result->address, sizeof result->address, "%s", ip ? ip : "");
    if (code == CURLE_OK) {
        result->reached = PROBE_OK;
        if (tls)
            read_certificate(easy, result);
        return 0;
    }
    result->refused = t->refused.text[0] != '\0';
    if (code == CURLE_COULDNT_RESOLVE_HOST)
        result->reached = PROBE_RESOLVE;
    else
        result->reached = tls && result->address[0] ? PROBE_TLS : PROBE_CONNECT; /* it connected */
    return error_set(err, "%s", t->refused.text[0] ? t->refused.text : words_of(t, code));
}

int curl_probe(const char *origin, const struct egress *egress, const char *ca_file,
               struct probe_result *ret_result, struct error *err)
{
    struct transfer t = {.egress = *egress};
    CURL *easy = curl_easy_init();
    *ret_result = (struct probe_result){0};
    if (!easy)
        return error_set(err, "cannot start libcurl");
    set_common(easy, ca_file);
    curl_easy_setopt(easy, CURLOPT_URL, origin);
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, 15000L);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t.error);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &t);
    bool tls = strncmp(origin, "https:", 6) == 0;
    int rc = read_probe(easy, curl_easy_perform(easy), tls, &t, ret_result, err);
    curl_easy_cleanup(easy);
    return rc;
}
