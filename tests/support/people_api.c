/* SPDX-License-Identifier: Apache-2.0 */
/*
 * people_api COUNT: the vendor of sdk/template, on a free port of loopback, with so many people.
 * One whose body has "refused" in it is refused; nothing that is written is kept. Prints its port;
 * ends when standard input does. Its token is "people-token".
 */
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE = 100, BODY_MAX = 64 * 1024 };

static long count;

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, char *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(body), body, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* The cursor is the number of people before the page. */
static void write_page(char *body, long after)
{
    int len = snprintf(body, BODY_MAX, "{\"people\":[");
    long end = after + PAGE < count ? after + PAGE : count;
    for (long i = after; i < end; i++)
        len += snprintf(body + len, BODY_MAX - (size_t)len,
                        "%s{\"id\":\"%ld\",\"changed\":\"2026-01-02T03:04:05Z\",\"person\":"
                        "{\"mail\":\"p%ld@people.example\",\"first\":\"P\",\"last\":\"No %ld\"}}",
                        i > after ? "," : "", i, i, i);
    len += snprintf(body + len, BODY_MAX - (size_t)len, "]");
    if (end < count)
        len += snprintf(body + len, BODY_MAX - (size_t)len, ",\"next\":\"%ld\"", end);
    snprintf(body + len, BODY_MAX - (size_t)len, "}");
}

static char person[BODY_MAX]; /* of the request; there is one thread */
static size_t person_len;

/* True while more of the request is to come. */
static bool take_body(const char *data, size_t *data_len, void **state)
{
    bool first = !*state;
    if (first)
        person_len = 0;
    *state = person;
    if (*data_len > 0 && *data_len < sizeof person - person_len)
        memcpy(person + person_len, data, *data_len);
    person_len += *data_len;
    person[person_len < sizeof person ? person_len : sizeof person - 1] = '\0';
    bool more = first || *data_len > 0;
    *data_len = 0;
    return more;
}

/* `rest` is what follows /v1/people: "/7" or nothing. Returns the status. */
static unsigned write_person(const char *rest, const char *method, char *body)
{
    long id = rest[0] == '/' ? strtol(rest + 1, NULL, 10) : count;
    bool made = rest[0] == '\0' && strcmp(method, "POST") == 0;
    if (!made && (id >= count || strcmp(method, "PATCH") != 0)) {
        strcpy(body, "{}");
        return 404;
    }
    if (strstr(person, "refused")) {
        strcpy(body, "{\"error\":\"the address is refused\"}");
        return 400;
    }
    snprintf(body, BODY_MAX, "{\"id\":\"%ld\"}", id);
    return made ? 201 : 200;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **state)
{
    static char body[BODY_MAX]; /* there is one thread */
    const char *token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    (void)arg, (void)version;
    if (take_body(data, data_len, state))
        return MHD_YES;
    if (!token || strcmp(token, "Bearer people-token") != 0)
        return answer(connection, 401, strcpy(body, "{}"));
    if (strcmp(url, "/v1/account") == 0)
        return answer(connection, 200, strcpy(body, "{\"id\":\"acme\",\"name\":\"Acme Ltd\"}"));
    if (strncmp(url, "/v1/people", 10) == 0 && strcmp(method, "GET") != 0)
        return answer(connection, write_person(url + 10, method, body), body);
    if (strcmp(url, "/v1/people") != 0)
        return answer(connection, 404, strcpy(body, "{}"));
    const char *after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after");
    write_page(body, after ? strtol(after, NULL, 10) : 0);
    return answer(connection, 200, body);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char byte;
    count = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, NULL,
                         MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "people_api: cannot listen\n");
        return 1;
    }
    printf("%d\n", (int)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    MHD_stop_daemon(daemon);
    return 0;
}
