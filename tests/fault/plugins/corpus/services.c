/* SPDX-License-Identifier: Apache-2.0 */
/* The host's own services, used against it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "harm.h"

harm_fn emit_slowly, fetch, fetch_other, fetch_with, use_handle, hoard_handles, hoard_requests,
    flood, emit_tiny, emit_large, fail_with, lie_in_descriptor, harmless;

extern fastenr_outcome failure;

void harmless(const char *arg)
{
    (void)arg;
}

static struct fastenr_request request_to(const char *url)
{
    return (struct fastenr_request){.size = sizeof(struct fastenr_request),
                                    .flags = FASTENR_REQUEST_SAFE,
                                    .method = FASTENR_STR("GET"),
                                    .url = text_of(url)};
}

/* The host's own words are the reason then. */
static void send_request(const struct fastenr_request *request)
{
    struct fastenr_response response = {0};
    failure = scene.services->http(scene.host, request, &response);
}

void fetch(const char *url)
{
    struct fastenr_request request = request_to(url);
    send_request(&request);
}

/* Not the host that the descriptor asks for. */
void fetch_other(const char *url)
{
    fetch(url);
}

/* Something that would make one request two, or another. */
void fetch_with(const char *what)
{
    struct fastenr_request request = request_to("https://vendor.test/");
    struct fastenr_header header = {FASTENR_STR("X-A"), FASTENR_STR("b")};
    request.headers = (struct fastenr_table){&header, 1, sizeof header};
    if (strcmp(what, "method") == 0)
        request.method = text_of("GET / HTTP/1.0\r\n");
    else if (strcmp(what, "value") == 0)
        header.value = text_of("b\r\nHost: canary.test");
    else if (strcmp(what, "name") == 0)
        header.name = text_of("X-A: b\r\nHost");
    else
        header.name = text_of(what);
    send_request(&request);
}

void use_handle(const char *handle)
{
    struct fastenr_str value;
    struct fastenr_page page = {.size = sizeof page};
    struct fastenr_page_result result = {.size = sizeof result};
    uint64_t number = (uint64_t)strtoull(handle, NULL, 0);
    scene.services->release(scene.host, number);
    note(scene.services->json_get(scene.host, number, text_of("a"), &value) != FASTENR_OK,
         "json_get");
    note(scene.services->emit_page(scene.host, number, &page, &result) != FASTENR_OK, "emit_page");
    struct fastenr_response response;
    note(scene.services->http_wait(scene.host, number, &response) != FASTENR_OK, "http_wait");
}

void hoard_handles(const char *count)
{
    struct fastenr_request request = request_to("https://vendor.test/slow");
    uint64_t ticket;
    for (long i = number_of(count); i > 0 && failure == FASTENR_OK; i--)
        failure = scene.services->http_start(scene.host, &request, &ticket);
}

/* Requests of 8 MiB each that wait for a slow vendor. */
void hoard_requests(const char *count)
{
    struct fastenr_request request = request_to("https://vendor.test/slow");
    uint64_t ticket;
    char *body = calloc(1, 8 << 20);
    request.body = (struct fastenr_str){body, 8 << 20};
    for (long i = number_of(count); i > 0 && failure == FASTENR_OK; i--)
        failure = scene.services->http_start(scene.host, &request, &ticket);
}

/* With a record now and then: not to be taken for a hang. */
static void show_life(long number)
{
    char id[24];
    snprintf(id, sizeof id, "life%ld", number);
    const struct fastenr_record record = {
        .size = sizeof record, .id = text_of(id), .fields = FASTENR_STR("{}")};
    scene.services->emit_record(scene.host, &record);
    scene.services->checkpoint(scene.host, text_of("here"));
}

void flood(const char *which)
{
    for (long i = 0; i < scene.many; i++) {
        if (i % 100 == 0)
            show_life(i);
        if (strcmp(which, "log") == 0)
            scene.services->log(scene.host, FASTENR_LOG_WARN, text_of("flood, flood, flood"));
        else if (strcmp(which, "progress") == 0)
            scene.services->progress(scene.host, (uint64_t)i);
        else if (strcmp(which, "release") == 0)
            scene.services->release(scene.host, (uint64_t)i + 1);
        else
            scene.services->checkpoint(scene.host, text_of("here"));
    }
}

void emit_tiny(const char *fields)
{
    char id[24];
    for (long i = 0; i < scene.many && failure == FASTENR_OK; i++) {
        snprintf(id, sizeof id, "t%ld", i);
        const struct fastenr_record record = {
            .size = sizeof record, .id = text_of(id), .fields = text_of(fields)};
        failure = scene.services->emit_record(scene.host, &record);
    }
}

/* Long enough for its file to be overwritten meanwhile. */
void emit_slowly(const char *rounds)
{
    static const struct timespec pause = {.tv_nsec = 100000000L};
    scene.many = 1;
    for (long i = number_of(rounds); i > 0 && failure == FASTENR_OK; i--) {
        emit_tiny("{}");
        failure = scene.services->checkpoint(scene.host, text_of("here"));
        nanosleep(&pause, NULL);
    }
}

/* One record of so many bytes. */
void emit_large(const char *size)
{
    size_t len = (size_t)number_of(size);
    char *fields = malloc(len + 1);
    memset(fields, 'x', len);
    memcpy(fields, "{\"note\":\"", 9);
    memcpy(fields + len - 2, "\"}", 3);
    const struct fastenr_record record = {
        .size = sizeof record, .id = FASTENR_STR("large"), .fields = {fields, len}};
    failure = scene.services->emit_record(scene.host, &record);
    if (failure != FASTENR_OK)
        note(1, "emit_record");
    free(fields);
}

/* Words that would be a line of their own in a log, move a terminal's cursor, or be no text. */
void fail_with(const char *what)
{
    const char *text = strcmp(what, "newline") == 0  ? "first\n2026-01-01 info hubspot: run 1 ok"
                       : strcmp(what, "escape") == 0 ? "first\033[2J\033]0;gone\007"
                                                     : "first\xff\xfe\xc0\x80";
    scene.services->log(scene.host, FASTENR_LOG_WARN, text_of(text));
    failure = scene.services->fail(scene.host, FASTENR_FAILED, text_of(text));
}

void lie_in_descriptor(const char *lie)
{
    static const struct fastenr_host_pattern address[] = {
        {FASTENR_STR("[::ffff:169.254.169.254]")}};
    static char huge[8192];
    struct fastenr_connector *c = scene.descriptor;
    memset(huge, 'x', sizeof huge);
    if (strcmp(lie, "magic") == 0)
        c->magic = 0;
    else if (strcmp(lie, "size") == 0)
        c->size = 16;
    else if (strcmp(lie, "count") == 0)
        c->objects.count = UINT32_MAX;
    else if (strcmp(lie, "stride") == 0)
        c->objects.stride = 0;
    else if (strcmp(lie, "rows") == 0)
        c->limits.count = 3;
    else if (strcmp(lie, "pointer") == 0)
        c->name.ptr = (const char *)8;
    else if (strcmp(lie, "length") == 0)
        c->name.len = UINT64_MAX / 2;
    else if (strcmp(lie, "text") == 0)
        c->name = (struct fastenr_str){huge, sizeof huge};
    else if (strcmp(lie, "ops") == 0)
        c->ops = NULL;
    else
        c->hosts = (struct fastenr_table)FASTENR_TABLE(address);
}
