/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets that lie in files of their own: the only line of such a file, without its end. What was
 * read is wiped by whoever asked, as soon as it was used. */
#include "config/sections.h"

#include <errno.h>
#include <stdio.h>

const char *secret_line_read(const char *path, struct secret_line *out)
{
    char *line = out->room;
    out->text = slice_of(NULL, 0);
    FILE *f = fopen(path, "re");
    if (!f)
        return strerror(errno);
    setvbuf(f, NULL, _IONBF, 0); /* no copy of it stays in memory that nobody wipes */
    size_t n = fread(line, 1, sizeof out->room, f);
    const int err = ferror(f) ? errno : 0;
    fclose(f);
    if (err)
        return strerror(err);
    if (n > 0 && n < sizeof out->room && line[n - 1] == '\n')
        n -= 1 + (n > 1 && line[n - 2] == '\r');
    const struct slice text = slice_of(line, n);
    if (n == 0)
        return "it is empty";
    if (slice_find(text, '\n') != n || slice_find(text, '\0') != n)
        return "more than one line";
    if (n > SECRET_MAX)
        return "more than 4096 bytes";
    out->text = text;
    return NULL;
}

void secret_line_wipe(struct secret_line *l)
{
    explicit_bzero(l, sizeof *l);
}
