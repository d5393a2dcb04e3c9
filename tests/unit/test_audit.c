/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log's file: only ever appended to, turned, full, torn, and written by several. */

#include "base/audit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

static char folder[] = "/tmp/weir-test-audit-XXXXXX";
static char path[64];
static char said[1024];
static unsigned said_n;

static void sink(enum log_level level, struct slice line)
{
    (void)level;
    snprintf(said, sizeof said, "%.*s", SLICE_ARG(line));
    said_n++;
}

static void setup(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/audit.log", folder);
    log_set_sink(sink);
}

static void teardown(void)
{
    char command[96];

    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(audit, .init = setup, .fini = teardown);

static const char *content(const char *of)
{
    static char text[1 << 20];
    FILE *f = fopen(of, "r");
    const size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return text;
}

Test(audit, is_off_until_it_is_opened_and_when_it_is_told_so)
{
    audit_write(SLICE("nowhere\n"));
    cr_assert(audit_open("off") && !audit_is_open());
    cr_assert(audit_open(path) && audit_is_open());
    cr_assert(audit_open("off") && !audit_is_open());
    cr_assert_str_eq(content(path), "");
}

Test(audit, appends_to_what_is_there_and_is_readable_by_its_group)
{
    struct stat st;

    umask(0);
    cr_assert(audit_open(path));
    audit_write(SLICE("a\n"));
    cr_assert(audit_open("off"));
    cr_assert(audit_open(path));
    audit_write(SLICE("b\n"));
    cr_assert_str_eq(content(path), "a\nb\n");
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 0777, 0640);
}

Test(audit, goes_on_in_the_new_file_after_a_rotation)
{
    char old[80];

    snprintf(old, sizeof old, "%s.1", path);
    cr_assert(audit_open(path));
    audit_write(SLICE("a\n"));
    cr_assert_eq(rename(path, old), 0);
    audit_write(SLICE("b\n"));
    cr_assert(audit_reopen());
    audit_write(SLICE("c\n"));
    cr_assert_str_eq(content(old), "a\nb\n");
    cr_assert_str_eq(content(path), "c\n");
}

Test(audit, keeps_the_file_it_has_when_another_cannot_be_opened)
{
    char wrong[80];

    snprintf(wrong, sizeof wrong, "%s/none/audit.log", folder);
    cr_assert(audit_open(path));
    cr_assert(!audit_open(wrong));
    cr_assert_eq(errno, ENOENT);
    audit_write(SLICE("a\n"));
    cr_assert_str_eq(content(path), "a\n");
}

Test(audit, counts_what_a_full_disk_does_not_take_and_says_it_once)
{
    struct audit_state s = {0};

    audit_share(&s);
    cr_assert(audit_open("/dev/full"));
    audit_write(SLICE("a\n"));
    cr_assert(strstr(said, "audit_log_failed path=/dev/full error=\"No space left on device\""),
              "%s", said);
    audit_write(SLICE("b\n"));
    cr_assert_eq(said_n, 1);
    cr_assert_eq(atomic_load(&s.lost), 2);
    cr_assert(audit_open(path));
    audit_write(SLICE("c\n"));
    cr_assert(strstr(said, "audit_log_recovered") && strstr(said, "lost=2"), "%s", said);
    cr_assert_eq(atomic_load(&s.written), 1);
    cr_assert_str_eq(content(path), "c\n");
}

Test(audit, says_it_again_of_another_file)
{
    char link[80];

    snprintf(link, sizeof link, "%s/link", folder);
    cr_assert_eq(symlink("/dev/full", link), 0);
    cr_assert(audit_open("/dev/full"));
    audit_write(SLICE("a\n"));
    cr_assert(audit_reopen());
    audit_write(SLICE("b\n"));
    cr_assert_eq(said_n, 1);
    cr_assert(audit_open(link));
    audit_write(SLICE("c\n"));
    cr_assert_eq(said_n, 2);
    cr_assert(strstr(said, "audit_log_failed path=") && strstr(said, link), "%s", said);
}

/* A limit of the file's size takes a part of a line, as a full disk does. */
Test(audit, ends_a_torn_line_before_the_next_one)
{
    struct rlimit had;

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &had), 0);
    cr_assert(audit_open(path));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){4, had.rlim_max}), 0);
    audit_write(SLICE("abcdef\n"));
    audit_write(SLICE("lost\n"));
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &had), 0);
    audit_write(SLICE("whole\n"));
    audit_write(SLICE("again\n"));
    cr_assert_str_eq(content(path), "abcd\nwhole\nagain\n");
}

Test(audit, lines_of_several_processes_stay_whole)
{
    enum { WRITERS = 4, EACH = 200, LENGTH = 500 };
    char line[LENGTH + 1];
    unsigned n = 0;

    cr_assert(audit_open(path));
    for (unsigned w = 0; w < WRITERS; w++)
        if (fork() == 0) {
            memset(line, (int)('a' + w), LENGTH - 1);
            line[LENGTH - 1] = '\n';
            for (unsigned i = 0; i < EACH; i++)
                audit_write(slice_of(line, LENGTH));
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    for (const char *at = content(path); *at; at += LENGTH, n++) {
        cr_assert_eq(at[LENGTH - 1], '\n');
        for (unsigned i = 0; i < LENGTH - 1; i++)
            cr_assert_eq(at[i], at[0]);
    }
    cr_assert_eq(n, WRITERS * EACH);
}
