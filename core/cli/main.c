/* SPDX-License-Identifier: Apache-2.0 */
/* The program `fastenr`. */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/app.h"

static int show_help(const struct arguments *args)
{
    if (args->version)
        out_printf(&std_out, "fastenr %s\n", FASTENR_VERSION);
    else if (args->command)
        help_write(args->command);
    else if (args->group)
        help_write_group(args->group);
    else
        help_write_all();
    return EXIT_DONE;
}

static int no_command(const struct arguments *args)
{
    if (args->group)
        complain("'%s' needs a command; `fastenr %s --help` lists them", args->group, args->group);
    else
        complain("say what to do; `fastenr --help` lists the commands");
    return EXIT_USAGE;
}

static int run(char *const *argv)
{
    static struct arguments args;
    static struct app app;
    struct error err;
    if (arguments_parse(argv, &args, &err) != 0) {
        complain("%s", err.text);
        return EXIT_USAGE;
    }
    if (args.help || args.version)
        return show_help(&args);
    if (!args.command)
        return no_command(&args);
    int rc = EXIT_USAGE;
    if (app_open(&app, &args, &err) == 0)
        rc = args.command->run(&app, &args);
    else
        complain("%s", err.text);
    app_close(&app);
    return rc;
}

/* A standard descriptor that came closed would be given to the next file opened: the store would
 * read as input, or be written over by a message. What holds its place refuses the use that it is
 * there for, so that output which goes nowhere is still told of. */
static void hold_standard_descriptors(void)
{
    static const int refusing[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", refusing[fd]) != fd)
            _exit(EXIT_WORK_FAILED); /* without a place to say why */
}

/* With hardly any, the event loop's library ends the process without a word. */
static bool has_descriptors(void)
{
    enum { LEAST = 16 };
    int taken[LEAST], count = 0;
    while (count < LEAST && (taken[count] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    for (int i = 0; i < count; i++)
        close(taken[i]);
    if (count < LEAST)
        complain("no more than %d file descriptors are left: raise their limit (ulimit -n, or "
                 "LimitNOFILE of the service)",
                 count);
    return count == LEAST;
}

/* A memory image would hold the credentials and personal data. Where the system pipes such images
 * to a program the limit does not hold; a process that is not dumpable has none, and other programs
 * of the same user cannot read its memory either. */
static void leave_no_core(void)
{
    static const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        complain("a crash may leave a core file with credentials in it: the limit cannot be set");
}

/* After one record of 16 MiB malloc would take buffers of that size from its heap, and keep up to
 * twice as much for ever. */
static void give_memory_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
}

int main(int argc, char **argv)
{
    give_memory_back();
    hold_standard_descriptors();
    leave_no_core();
    signal(SIGPIPE, SIG_IGN); /* a closed pipe or socket shows as EPIPE */
    umask(077);               /* the store holds personal data */
    out_setup();
    if (!has_descriptors())
        return EXIT_WORK_FAILED;
    int rc = run(argv + (argc > 0 ? 1 : 0));
    return out_finish() == 0 ? rc : EXIT_WORK_FAILED;
}
