/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation of files by size. */

#include "process/rotate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-rotate-XXXXXX";

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static void end(void)
{
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(rotate, .init = begin, .fini = end);

static void put(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static const char *get(const char *name)
{
    static char text[4][64];
    static unsigned at;
    char *to = text[at++ % 4];
    FILE *f = fopen(name, "r");
    if (!f)
        return "";
    to[fread(to, 1, sizeof text[0] - 1, f)] = '\0';
    fclose(f);
    return to;
}

Test(rotate, is_due_for_regular_files_of_the_size)
{
    put("log", "12345");
    cr_assert(rotate_due("log", 5) && !rotate_due("log", 6));
    cr_assert(!rotate_due("none", 0) && !rotate_due(folder, 0));
    cr_assert_eq(symlink("log", "link"), 0);
    cr_assert(!rotate_due("link", 0));
}

Test(rotate, counts_files_up_and_keeps_so_many)
{
    put("log", "a");
    cr_assert(rotate_file("log", 2));
    cr_assert_str_eq(get("log.1"), "a");
    cr_assert(access("log", F_OK) != 0);
    put("log", "b");
    cr_assert(rotate_file("log", 2));
    put("log", "c");
    cr_assert(rotate_file("log", 2));
    cr_assert_str_eq(get("log.1"), "c");
    cr_assert_str_eq(get("log.2"), "b");
    cr_assert(access("log.3", F_OK) != 0);
}

Test(rotate, goes_over_gaps)
{
    put("log", "a");
    put("log.2", "old");
    cr_assert(rotate_file("log", 3));
    cr_assert_str_eq(get("log.1"), "a");
    cr_assert_str_eq(get("log.3"), "old");
}

Test(rotate, leaves_the_file_where_it_is_when_it_cannot)
{
    put("log", "a");
    cr_assert_eq(mkdir("log.1", 0755), 0);
    cr_assert(!rotate_file("log", 1));
    cr_assert_str_eq(get("log"), "a");
    cr_assert(!rotate_file("none", 1));
}
