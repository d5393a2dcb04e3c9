/* SPDX-License-Identifier: Apache-2.0 */
/* Log files that the gateway rotates by size: no line is lost, torn or written twice, whoever
 * writes when the file goes. */
#include "tests/lib/load.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void begin(void)
{
    rig_begin();
    origin_start("app");
}

TestSuite(logs_rotate, .init = begin, .fini = rig_end, .timeout = 120);

/* Whole lines in the access log and all that it was renamed to; `torn` counts others. */
static long lines_in_all(long *torn)
{
    glob_t found;
    long lines = 0;
    char *line = NULL;
    size_t cap = 0;
    *torn = 0;
    char pattern[512];
    snprintf(pattern, sizeof pattern, "%s*", rig_path("access.log"));
    cr_assert_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *f = fopen(found.gl_pathv[i], "r");
        for (ssize_t n; f && (n = getline(&line, &cap, f)) > 0; lines++)
            *torn += line[0] != '{' || n < 3 || strcmp(line + n - 2, "}\n") != 0 ||
                     strstr(line + 1, "{\"time\"") != NULL;
        if (f)
            fclose(f);
    }
    free(line);
    globfree(&found);
    return lines;
}

Test(logs_rotate, loses_no_line_while_four_workers_write)
{
    long torn;
    rig_start(.workers = 4, .log = "rotate = { size = \"100k\"; keep = 1000; };");
    load_start(.clients = 16);
    AWAIT(rig_metric("weir_log_rotations_total") >= 3);
    const struct load_result r = load_stop();
    cr_assert_eq(r.failed, 0, "%s", r.first);
    AWAIT(lines_in_all(&torn) == r.ok);
    cr_assert_eq(torn, 0);
    cr_assert_eq(rig_metric("weir_log_rotations_failed_total"), 0);
    cr_assert_eq(rig_metric("weir_access_log_dropped_total"), 0);
}

Test(logs_rotate, keeps_so_many_files)
{
    rig_start(.workers = 1, .log = "rotate = { size = \"4k\"; keep = 2; };");
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 20; k++)
            cr_assert_eq(get("/")->status, 200);
        AWAIT(rig_metric("weir_log_rotations_total") >= i + 1);
    }
    cr_assert(access(rig_path("access.log.1"), F_OK) == 0);
    cr_assert(access(rig_path("access.log.2"), F_OK) == 0);
    cr_assert(access(rig_path("access.log.3"), F_OK) != 0);
}

Test(logs_rotate, says_when_a_file_cannot_be_renamed_and_goes_on)
{
    rig_start(.workers = 1, .log = "rotate = { size = \"4k\"; keep = 1; };");
    cr_assert_eq(mkdir(rig_path("access.log.1"), 0755), 0);
    for (int k = 0; k < 20; k++)
        cr_assert_eq(get("/")->status, 200);
    rig_await_log("log_rotate_failed");
    cr_assert_geq(rig_metric("weir_log_rotations_failed_total"), 1);
    cr_assert_eq(get("/")->status, 200);
    AWAIT(rig_access_lines() == 21);
}
