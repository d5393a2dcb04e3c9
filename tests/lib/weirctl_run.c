/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/weirctl_run.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/lib/rig.h"

static char said[16 * 1024];

int weirctl_run(const char *fmt, ...)
{
    char args[512], command[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(args, sizeof args, fmt, ap);
    va_end(ap);
    snprintf(command, sizeof command, "exec 2>&1 </dev/null; timeout 30 %s -s %s %s",
             WEIRCTL_BINARY, rig_path("admin.sock"), args);
    FILE *f = popen(command, "r"); /* NOLINT: a fixed text */
    cr_assert(f);
    said[fread(said, 1, sizeof said - 1, f)] = 0;
    const int status = pclose(f);
    cr_assert(WIFEXITED(status), "%x: %s", (unsigned)status, said);
    return WEXITSTATUS(status);
}

const char *weirctl_said(void)
{
    return said;
}
