/* SPDX-License-Identifier: Apache-2.0 */
#include "weirctl/installed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Noreturn void installed_become(const char *mode, const char *file)
{
    const char *given = getenv("WEIR");
    const char *weir = given && *given ? given : WEIR_SBINDIR "/weir";
    char *const argv[] = {(char *)weir, (char *)mode, "--config", (char *)file, NULL};
    execv(weir, argv);
    execvp("weir", argv);
    fprintf(stderr, "weirctl: can't run %s: %s; $WEIR names another\n", weir, strerror(errno));
    _exit(127);
}

bool installed_failed(void)
{
    fprintf(stderr, "weirctl: can't start the weir that reads the file: %s\n", strerror(errno));
    return false;
}
