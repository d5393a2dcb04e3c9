/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of reloads and upgrades, from the master to whoever asked. */
#include "process/report.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct report r;

/* What is there for `number`; "" when nothing is yet. */
static const char *read_of(uint64_t number, bool *ok)
{
    static char text[REPORT_MAX + 1];
    struct text t;
    text_init(&t);
    const bool there = report_read(&r, number, &t, ok);
    snprintf(text, sizeof text, "%.*s", there ? (int)t.n : 0, t.p ? t.p : "");
    text_fini(&t);
    return text;
}

Test(report, is_there_when_what_was_asked_for_is_over)
{
    bool ok;
    const uint64_t number = report_next(&r);
    cr_assert_str_eq(read_of(number, &ok), "");
    report_begin(&r);
    cr_assert_str_eq(read_of(number, &ok), "");
    report_end(&r, true, SLICE("{\"a\":1}"));
    cr_assert_str_eq(read_of(number, &ok), "{\"a\":1}");
    cr_assert(ok);
}

/* Who asks while one is under way wants the next one: the file may have been read already. */
Test(report, of_one_under_way_is_not_for_who_asks_now)
{
    bool ok;
    report_begin(&r);
    const uint64_t number = report_next(&r);
    report_end(&r, true, SLICE("{}"));
    cr_assert_str_eq(read_of(number, &ok), "");
    report_begin(&r);
    report_end(&r, false, SLICE("{\"b\":2}"));
    cr_assert_str_eq(read_of(number, &ok), "{\"b\":2}");
    cr_assert(!ok);
}

Test(report, tells_faults_with_their_places)
{
    bool ok;
    struct faults faults;
    faults_init(&faults);
    faults_add(&faults, "weir.conf", 3, "what is \"x\"?");
    faults_warn(&faults, "weir.conf", 4, "hm");
    faults_add(&faults, NULL, 0, "no place");
    report_begin(&r);
    report_failure(&r, "it failed", &faults);
    cr_assert_str_eq(read_of(1, &ok),
                     "{\"error\":\"it failed\",\"errors\":[{\"file\":\"weir.conf\",\"line\":3,"
                     "\"text\":\"what is \\\"x\\\"?\"},{\"text\":\"no place\"}]}");
    cr_assert(!ok);
    faults_fini(&faults);
}

/* A file of thousands of mistakes, each as long as may be and of characters that JSON makes six of.
 */
Test(report, of_many_long_faults_fits)
{
    bool ok;
    struct faults faults;
    char text[5000];
    memset(text, 1, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    faults_init(&faults);
    for (int i = 0; i < 3000; i++)
        faults_add(&faults, "weir.conf", i, "%s", text);
    report_begin(&r);
    report_failure(&r, text, &faults);
    const char *json = read_of(1, &ok);
    cr_assert(strstr(json, "more, which the log tells\"}]}"), "%s", json + strlen(json) - 60);
    faults_fini(&faults);
}

Test(report, takes_in_members_that_were_written_before_when_they_fit)
{
    char large[REPORT_MAX];
    struct text t;
    text_init(&t);
    json_open(&t, '{');
    json_key(&t, "a");
    json_int(&t, 1);
    report_part(&t, SLICE("\"b\":2"));
    report_part(&t, SLICE(""));
    memset(large, 'x', sizeof large);
    report_part(&t, slice_of(large, sizeof large));
    json_key(&t, "c");
    json_int(&t, 3);
    json_close(&t, '}');
    cr_assert(slice_eq(text_slice(&t), SLICE("{\"a\":1,\"b\":2,\"c\":3}")));
    text_fini(&t);
}
