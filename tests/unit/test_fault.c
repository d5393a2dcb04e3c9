/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: all are kept, in order; and the guesses at misspelt names. */

#include "base/fault.h"

#include <criterion/criterion.h>

Test(fault, errors_and_warnings_are_kept_in_order_and_counted)
{
    struct faults fs;
    char file[] = "weir.conf";

    faults_init(&fs);
    cr_assert_null(fs.first);
    faults_add(&fs, file, 35, "retry.attempts is %d; allowed 0 to %d", 12, 5);
    faults_warn(&fs, file, 7, "old");
    faults_add(&fs, NULL, 0, "no listeners");
    file[0] = 'x'; /* it was copied */

    cr_assert_eq(fs.errors, 2);
    cr_assert_eq(fs.warnings, 1);
    const struct fault *f = fs.first;
    cr_assert_str_eq(f->file, "weir.conf");
    cr_assert_eq(f->line, 35);
    cr_assert(!f->warning);
    cr_assert_str_eq(f->text, "retry.attempts is 12; allowed 0 to 5");
    cr_assert(f->next->warning);
    cr_assert_null(f->next->next->file);
    cr_assert_null(f->next->next->next);
    faults_fini(&fs);
    cr_assert_null(fs.first);
    cr_assert_eq(fs.errors, 0);
}

Test(fault, lines_say_where_and_what)
{
    struct faults fs;

    faults_init(&fs);
    faults_add(&fs, "a.conf", 3, "bad");
    faults_warn(&fs, "a.conf", 0, "odd");
    faults_add(&fs, NULL, 0, "lost");
    const struct fault *f = fs.first;
    cr_assert_str_eq(fault_line(f, &fs.arena), "a.conf:3: error: bad");
    cr_assert_str_eq(fault_line(f->next, &fs.arena), "a.conf: warning: odd");
    cr_assert_str_eq(fault_line(f->next->next, &fs.arena), "error: lost");
    faults_fini(&fs);
}

Test(fault, may_be_filled_again_after_fini)
{
    struct faults fs;

    faults_init(&fs);
    faults_add(&fs, "f", 1, "one");
    faults_fini(&fs);
    faults_add(&fs, "f", 2, "two");
    cr_assert_eq(fs.errors, 1);
    cr_assert_str_eq(fs.first->text, "two");
    faults_fini(&fs);
}

static const char *const names[] = {
    "listen", "cluster", "clusters", "retry", "timeout", "on", "max_connections_per_source", NULL,
};

static const char *nearest(const char *word)
{
    const char *name = nearest_name(slice_str(word), names);
    return name ? name : "(none)";
}

Test(fault, near_names_are_found)
{
    cr_assert_str_eq(nearest("listen"), "listen");
    cr_assert_str_eq(nearest("lsiten"), "listen");  /* swapped */
    cr_assert_str_eq(nearest("lisen"), "listen");   /* missing */
    cr_assert_str_eq(nearest("listten"), "listen"); /* extra */
    cr_assert_str_eq(nearest("lister"), "listen");  /* wrong */
    cr_assert_str_eq(nearest("LISTEN"), "listen");
    cr_assert_str_eq(nearest("timeouts"), "timeout");
    cr_assert_str_eq(nearest("lsitne"), "listen"); /* two */
    cr_assert_str_eq(nearest("cluters"), "clusters");
    cr_assert_str_eq(nearest("max_conns_per_source"), "max_connections_per_source");
}

Test(fault, far_names_are_not)
{
    cr_assert_str_eq(nearest(""), "(none)");
    cr_assert_str_eq(nearest("ist"), "(none)");
    cr_assert_str_eq(nearest("backend"), "(none)");
    cr_assert_str_eq(nearest("no"), "on");
    cr_assert_str_eq(nearest("xy"), "(none)");
    cr_assert_str_eq(nearest("tmout"), "timeout");
    cr_assert_str_eq(nearest("tmot"), "(none)");
}

Test(fault, the_nearest_of_several_wins)
{
    cr_assert_str_eq(nearest("cluster"), "cluster");
    cr_assert_str_eq(nearest("clusterss"), "clusters");
}

Test(fault, overlong_words_and_names_are_passed_over)
{
    char word[200];
    const char *const long_names[] = {word, NULL};

    memset(word, 'a', sizeof word);
    word[199] = '\0';
    cr_assert_null(nearest_name(slice_str(word), names));
    cr_assert_null(nearest_name(slice_of(word, 64), long_names));
    word[64] = '\0';
    cr_assert_eq(nearest_name(slice_of(word, 64), long_names), word);
}
