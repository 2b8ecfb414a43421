/* SPDX-License-Identifier: Apache-2.0 */
/* The program fastenr-sandbox: reads its flags, says what to try, serves. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

enum {
    EXIT_WRONG_USE = 2,
    PORT_DEFAULT = 8700,
    LAG_MAX_MS = 86400000,
    TTL_MAX_S = 31536000,
    FAULTS_MOST = 64
};

struct settings {
    const char *vendor;
    struct sandbox_options options;
    const char *faults[FAULTS_MOST];
    size_t fault_count;
    const char *requests; /* NULL: they are not written down */
    uint16_t port;
    int quiet, help;
};

static void print_vendors(FILE *out)
{
    fprintf(out, "Usage: fastenr-sandbox VENDOR [flags]\n\n"
                 "Plays a vendor's API on loopback, so that a connection can be tried and tested "
                 "without an account.\n\nVendors:\n");
    for (size_t i = 0; sandbox_vendor_name(i); i++)
        fprintf(out, "  %-10s %s\n", sandbox_vendor_name(i),
                sandbox_vendor_summary(sandbox_vendor_name(i)));
    fprintf(out, "\nExample:\n  fastenr-sandbox hubspot --companies 500\n\n"
                 "`fastenr-sandbox VENDOR --help` lists the flags.\n");
}

static void print_help(const char *vendor)
{
    printf("Usage: fastenr-sandbox %s [flags]\n\n%s.\n\n", vendor, sandbox_vendor_summary(vendor));
    fputs(
        "Flags:\n"
        "  --port P             port on 127.0.0.1 (default 8700; 0: any free one)\n"
        "  --seed S             all content follows from it (default 1)\n"
        "  --companies N        how many companies (default 1000)\n"
        "  --contacts N         how many contacts (default 2000)\n"
        "  --deals N            how many deals (default 500)\n"
        "  --tickets N          how many tickets (default 300)\n"
        "  --engagements N      how many calls, e-mails, meetings, notes and tasks together\n"
        "                       (default 1000)\n"
        "  --companies-from F   CSV file of real companies: a header row with Name (or Security,\n"
        "                       Company) and perhaps Domain, Industry (GICS Sector), City\n"
        "                       (Headquarters Location), State; they come first\n"
        "  --limits L           rate limits: real (default), off, or xN for N times the real ones\n"
        "  --lag MS             search does not see changes younger than this (default 0)\n"
        "  --same-modified N    the first N companies share one modified time (default 0)\n"
        "  --association-page N of one record's associations so many in one answer (default 500)\n"
        "  --dirty N            N contacts have a broken e-mail address (default 0)\n"
        "  --token-ttl SECONDS  how long an OAuth access token lives (default 1800)\n"
        "  --rotate             a refresh token is replaced when it is used, and dead\n"
        "  --rotate-forgiving   the same, but the one before works once more\n"
        "  --fault SPEC         answer some requests wrongly, such as kind=html,rate=0.02 or\n"
        "                       kind=status,status=429,policy=SECONDLY,count=3,after=10; may be\n"
        "                       given several times. Kinds: status, truncate, reset, reset_body,\n"
        "                       malformed, slow, html, hang, lost, partial, echo\n"
        "  --requests F         append each request to a file, a JSON object a line, without its\n"
        "                       credential\n"
        "  --quiet              print the address only\n"
        "  --help               this text\n\n",
        stdout);
    printf("Example:\n  fastenr-sandbox %s --port 8700 --companies 500 --limits off\n"
           "  curl -H 'Authorization: Bearer sandbox-token' 'http://127.0.0.1:8700%s'\n\n"
           "GET /__sandbox/ lists what a test can ask: truth, writes, mutate, faults, clock ...\n",
           vendor, sandbox_vendor_example(vendor));
}

__attribute__((format(printf, 1, 2))) static int wrong_use(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("fastenr-sandbox: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\nTry `fastenr-sandbox --help`.\n", stderr);
    va_end(args);
    return -1;
}

static int read_number(const char *flag, const char *text, uint64_t max, uint64_t *ret)
{
    size_t len = strspn(text, "0123456789");
    errno = 0;
    *ret = strtoull(text, NULL, 10);
    if (len == 0 || text[len] || errno || *ret > max)
        return wrong_use("--%s %s: a whole number from 0 to %llu is wanted", flag, text,
                         (unsigned long long)max);
    return 0;
}

static int read_limits(const char *text, uint32_t *ret)
{
    uint64_t factor = 0;
    if (strcmp(text, "real") == 0)
        factor = 1;
    else if (text[0] == 'x') {
        if (read_number("limits", text + 1, SANDBOX_LIMITS_FACTOR_MAX, &factor) < 0)
            return -1;
        if (factor == 0)
            return wrong_use("--limits x0 would refuse everything; `off` has no limits");
    } else if (strcmp(text, "off") != 0)
        return wrong_use("--limits %s: real, off or xN is wanted, such as x10", text);
    *ret = (uint32_t)factor;
    return 0;
}

static const struct option flags[] = {{"port", required_argument, NULL, 'p'},
                                      {"seed", required_argument, NULL, 's'},
                                      {"companies", required_argument, NULL, 'c'},
                                      {"contacts", required_argument, NULL, 'n'},
                                      {"deals", required_argument, NULL, 'D'},
                                      {"tickets", required_argument, NULL, 't'},
                                      {"engagements", required_argument, NULL, 'e'},
                                      {"limits", required_argument, NULL, 'l'},
                                      {"companies-from", required_argument, NULL, 'f'},
                                      {"lag", required_argument, NULL, 'g'},
                                      {"same-modified", required_argument, NULL, 'm'},
                                      {"association-page", required_argument, NULL, 'a'},
                                      {"dirty", required_argument, NULL, 'd'},
                                      {"token-ttl", required_argument, NULL, 'x'},
                                      {"rotate", no_argument, NULL, 'r'},
                                      {"rotate-forgiving", no_argument, NULL, 'R'},
                                      {"fault", required_argument, NULL, 'F'},
                                      {"requests", required_argument, NULL, 'Q'},
                                      {"quiet", no_argument, NULL, 'q'},
                                      {"help", no_argument, NULL, 'h'},
                                      {0}};

static int read_count(const char *name, uint64_t max, uint32_t *ret)
{
    uint64_t n;
    if (read_number(name, optarg, max, &n) < 0)
        return -1;
    *ret = (uint32_t)n;
    return 0;
}

static int read_port(const char *name, uint16_t *ret)
{
    uint32_t n;
    if (read_count(name, UINT16_MAX, &n) < 0)
        return -1;
    *ret = (uint16_t)n;
    return 0;
}

static int read_flag(struct settings *s, int flag, const char *name)
{
    struct sandbox_options *o = &s->options;
    switch (flag) {
    case 'q':
        s->quiet = 1;
        return 0;
    case 'r':
    case 'R':
        o->rotate = flag == 'r' ? SANDBOX_ROTATE_STRICT : SANDBOX_ROTATE_FORGIVING;
        return 0;
    case 'F':
        if (s->fault_count == FAULTS_MOST)
            return wrong_use("--fault: at most %d are taken", FAULTS_MOST);
        s->faults[s->fault_count++] = optarg;
        return 0;
    case 'Q':
        s->requests = optarg;
        return 0;
    case 'x':
        return read_count(name, TTL_MAX_S, &o->token_ttl_s);
    case 'f':
        o->companies_from = optarg;
        return 0;
    case 'l':
        return read_limits(optarg, &o->limits_factor);
    case 's':
        return read_number(name, optarg, UINT64_MAX, &o->seed);
    case 'p':
        return read_port(name, &s->port);
    case 'g':
        return read_count(name, LAG_MAX_MS, &o->lag_ms);
    case 'c':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->companies);
    case 'n':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->contacts);
    case 'D':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->deals);
    case 't':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->tickets);
    case 'e':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->engagements);
    case 'm':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->same_modified);
    case 'a':
        return read_count(name, SANDBOX_ASSOCIATION_PAGE_MAX, &o->association_page);
    case 'd':
        return read_count(name, SANDBOX_RECORDS_MAX, &o->dirty);
    default:
        s->help = 1;
        return 0;
    }
}

static int read_flags(int argc, char **argv, struct settings *s)
{
    int flag, at = 0;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":", flags, &at)) != -1) {
        if (flag == ':')
            return wrong_use("%s needs a value", argv[optind - 1]);
        if (flag == '?')
            return wrong_use("%s: there is no such flag", argv[optind - 1]);
        if (read_flag(s, flag, flags[at].name) < 0)
            return -1;
    }
    if (argc - optind > 1)
        return wrong_use("%s: only one vendor at a time", argv[optind + 1]);
    s->vendor = argv[optind];
    if (s->vendor && !sandbox_vendor_summary(s->vendor))
        return wrong_use("%s: there is no simulator of this vendor", s->vendor);
    if (!s->vendor && !s->help)
        return wrong_use("a vendor is wanted, such as hubspot");
    return 0;
}

static void print_start(const struct settings *s, uint16_t port)
{
    const struct sandbox_options *o = &s->options;
    printf("fastenr-sandbox: %s at http://127.0.0.1:%u\n", s->vendor, port);
    fflush(stdout);
    if (s->quiet)
        return;
    printf("  token      sandbox-token\n"
           "  records    %u companies, %u contacts, %u deals, %u tickets, %u engagements (seed "
           "%llu)\n",
           o->companies, o->contacts, o->deals, o->tickets, o->engagements,
           (unsigned long long)o->seed);
    if (o->limits_factor == 0)
        puts("  limits     off");
    else
        printf("  limits     x%u of a real account's\n", o->limits_factor);
    printf("  try        curl -H 'Authorization: Bearer sandbox-token' "
           "'http://127.0.0.1:%u%s'\n"
           "  control    curl http://127.0.0.1:%u/__sandbox/\n",
           port, sandbox_vendor_example(s->vendor), port);
    fflush(stdout);
}

static int add_faults(const struct settings *s, struct sandbox *sandbox)
{
    char error[400];
    for (size_t i = 0; i < s->fault_count; i++)
        if (sandbox_add_fault(sandbox, s->faults[i], error, sizeof error) < 0)
            return wrong_use("%s", error);
    return 0;
}

static int serve(const struct settings *s)
{
    char error[512] = "";
    int status = EXIT_FAILURE;
    struct server *server = NULL;
    FILE *requests = NULL;
    struct sandbox *sandbox = sandbox_create(s->vendor, &s->options, error, sizeof error);
    if (s->requests && !(requests = fopen(s->requests, "a")))
        snprintf(error, sizeof error, "%s: %s", s->requests, strerror(errno));
    else if (sandbox && add_faults(s, sandbox) < 0)
        status = EXIT_WRONG_USE;
    else if (sandbox)
        server = server_open(sandbox, s->port, error, sizeof error);
    if (server) {
        server_record(server, requests);
        print_start(s, server_port(server));
        if (server_run(server, error, sizeof error) == 0)
            status = EXIT_SUCCESS;
    }
    if (error[0])
        fprintf(stderr, "fastenr-sandbox: %s\n", error);
    server_close(server);
    if (requests)
        fclose(requests);
    sandbox_destroy(sandbox);
    return status;
}

int main(int argc, char **argv)
{
    struct settings s = {.port = PORT_DEFAULT};
    sandbox_options_default(&s.options);
    if (read_flags(argc, argv, &s) < 0)
        return EXIT_WRONG_USE;
    if (!s.help)
        return serve(&s);
    if (s.vendor)
        print_help(s.vendor);
    else
        print_vendors(stdout);
    return EXIT_SUCCESS;
}
