/* SPDX-License-Identifier: Apache-2.0 */
/* Instances whose clocks differ by hours: what lasts for a time lasts as long everywhere, and what
 * was said last is what stands. */
#include "fleet_three.h"

#include <stdio.h>
#include <stdlib.h>

#include "breaker_case.h"

static void begin(void)
{
    three_begin();
#ifdef __SANITIZE_ADDRESS__
    three_end();
    cr_skip_test("AddressSanitizer wants to be preloaded first");
#endif
    setenv("LD_PRELOAD", TEST_SKEW, 1);
}

TestSuite(fleet_faults_clocks, .init = begin, .fini = three_end, .timeout = 120);

/* Its log has its own time. */
static int hour_of_log(void)
{
    int hour = -1;
    char *log = rig_read("stderr");
    cr_assert_eq(sscanf(log, "%*4d-%*2d-%*2dT%2d:", &hour), 1, "%s", log);
    free(log);
    return hour;
}

static void expect_skew(void)
{
    int hours[THREE];
    THREE_EACH(i)
    hours[i] = hour_of_log();
    cr_assert(hours[0] != hours[1] && hours[1] != hours[2]);
}

Test(fleet_faults_clocks, that_differ_by_hours_make_no_difference)
{
    rig_name("lasts", "300ms");
    three_start(RIG_FLEET);
    expect_skew();
    three_fail("/spare?status=500");
    AWAIT(three_are(THREE_HALF_OPEN, "spare"));
    while (!three_are(THREE_CLOSED, "spare"))
        THREE_EACH(i)
    breaker_send(1, "/spare", 200);
    cr_assert_eq(three_changes("transitions_total", "spare"), 3, "open, half open, closed");
    for (unsigned i = 0; i < THREE; i++) {
        struct origin *v = i % 2 ? three_v2 : three_v1;
        rig_instance(i);
        three_decide(v);
        AWAIT(three_go_to(v));
    }
}
