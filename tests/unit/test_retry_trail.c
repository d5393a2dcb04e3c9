/* SPDX-License-Identifier: Apache-2.0 */
/* The attempts of an exchange, as the access log has them. */
#include "retry/trail.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct trail t;

Test(retry_trail, has_outcome_endpoint_and_duration_of_each_attempt)
{
    trail_add(&t, "connect", 0, (struct weir_slice)WEIR_SLICE("10.0.0.1:80"), 999);
    trail_add(&t, NULL, 200, (struct weir_slice)WEIR_SLICE("10.0.0.2:80"), 12345);
    const char text[] = "connect@10.0.0.1:80/0.9ms 200@10.0.0.2:80/12.3ms";
    cr_assert_eq(t.n, strlen(text));
    cr_assert_eq(memcmp(t.text, text, t.n), 0, "%.*s", (int)t.n, t.text);
}

Test(retry_trail, says_when_there_was_more_than_it_has_room_for)
{
    char name[200];
    memset(name, 'e', sizeof name);
    for (unsigned i = 0; i < 10; i++)
        trail_add(&t, NULL, 503, (struct weir_slice){name, sizeof name}, UINT64_MAX);
    cr_assert(t.n <= sizeof t.text && t.full);
    cr_assert_eq(memcmp(t.text + t.n - 4, " ...", 4), 0);
    const size_t n = t.n;
    trail_add(&t, NULL, 503, (struct weir_slice)WEIR_SLICE("e"), 1);
    cr_assert_eq(t.n, n);
}
