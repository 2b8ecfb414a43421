/* SPDX-License-Identifier: Apache-2.0 */
/* A library whose constructor does harm, for a connector that needs it. */
#include <unistd.h>

__attribute__((constructor)) static void loaded(void)
{
    char path[] = "/bin/true";
    char *argv[] = {path, NULL};
    execve(path, argv, argv + 1);
}
