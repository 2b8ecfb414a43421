/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/jail.h"

#include "plugin/protocol.h"

const struct jail_layer jail_layers[] = {
    {JAIL_NO_NEW_PRIVS, "no_new_privs", "a connector cannot gain rights by running another program",
     "no connector starts without it; use a Linux kernel of 3.5 or later", true},
    {JAIL_SECCOMP, "seccomp", "no sockets, files, processes or threads of a connector's own",
     "no connector starts without it; use a kernel with CONFIG_SECCOMP_FILTER", true},
    {JAIL_RLIMITS, "rlimits", "memory, CPU time and files are limited",
     "a connector could use up the machine's memory; check the limits of the service (ulimit -H)",
     false},
    {JAIL_LANDLOCK, "landlock", "while it loads, only library folders can be read",
     "seccomp still keeps files closed once it is loaded, but libraries that load with it may read "
     "files; use a kernel of 5.13 or later with landlock in its lsm= list",
     false},
    {JAIL_NAMESPACES, "namespaces", "a network of its own, with nothing in it",
     "seccomp still keeps sockets closed; allow unprivileged user namespaces "
     "(kernel.unprivileged_userns_clone=1, user.max_user_namespaces) for this second fence",
     false},
    {JAIL_NOBODY, "not root", "runs without root's rights",
     "run fastenr as a user of its own, not as root", false},
    {0}};

void jail_write_names(struct buf *out, uint32_t layers)
{
    const char *separator = "";
    for (const struct jail_layer *l = jail_layers; l->name; l++)
        if (layers & l->bit) {
            buf_printf(out, "%s%s", separator, l->name);
            separator = ", ";
        }
    separator = "; missing: ";
    for (const struct jail_layer *l = jail_layers; l->name; l++)
        if (!(layers & l->bit)) {
            buf_printf(out, "%s%s", separator, l->name);
            separator = ", ";
        }
}

void jail_put_json(struct json_writer *w, uint32_t layers)
{
    json_open(w, '{');
    for (const struct jail_layer *l = jail_layers; l->name; l++) {
        json_key(w, l->name);
        json_put_bool(w, (layers & l->bit) != 0);
    }
    json_close(w, '}');
}
