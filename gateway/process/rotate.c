/* SPDX-License-Identifier: Apache-2.0 */
/* Renaming of log files, from the highest number down, so that each name is free when it is taken.
 */
#include "process/rotate.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

bool rotate_due(const char *path, uint64_t size)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size >= size;
}

/* False: it is too long for a path. */
static bool name_of(char (*out)[PATH_MAX], const char *path, unsigned number)
{
    const int n = number ? snprintf(*out, sizeof *out, "%s.%u", path, number)
                         : snprintf(*out, sizeof *out, "%s", path);
    if (n < (int)sizeof *out)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* rename(2) takes the place of what is there: the highest number goes by that. */
bool rotate_file(const char *path, unsigned keep)
{
    char from[PATH_MAX], to[PATH_MAX];
    for (unsigned number = keep; number > 0; number--) {
        if (!name_of(&from, path, number - 1) || !name_of(&to, path, number))
            return false;
        if (rename(from, to) != 0 && (errno != ENOENT || number == 1))
            return false;
    }
    return true;
}
