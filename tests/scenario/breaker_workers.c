/* SPDX-License-Identifier: Apache-2.0 */
/* One circuit for four workers, under many requests at once. */
#include "breaker_case.h"

#include <stdio.h>

BREAKER_SUITE(breaker_workers);

enum { CONNECTIONS = 24, EACH = 10, PROBES = 3 };

/* So many requests at a time on connections to all workers; how many were answered 200. */
static unsigned burst(const char *target)
{
    struct talk *t[CONNECTIONS];
    unsigned good = 0;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        t[i] = talk_open();
    for (unsigned k = 0; k < EACH; k++)
        for (unsigned i = 0; i < CONNECTIONS; i++)
            talk_send(t[i], "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", target);
    for (unsigned k = 0; k < EACH; k++)
        for (unsigned i = 0; i < CONNECTIONS; i++)
            good += talk_response(t[i])->status == 200;
    for (unsigned i = 0; i < CONNECTIONS; i++)
        talk_close(t[i]);
    return good;
}

Test(breaker_workers, see_one_transition_and_exactly_its_probes)
{
    breaker_start(4, "circuit = { open_on = { min_requests = 20; }; open_for = \"400ms\"; probes = "
                     "3; };");
    origin_script(breaker_app, "status=500");
    burst("/");
    cr_assert_eq(breaker_transitions("open"), 1);
    cr_assert_eq(rig_log_count("breaker_open"), 1);
    const unsigned had = origin_requests(breaker_app);
    breaker_await_time();
    origin_script(breaker_app, "delay=150");
    const unsigned good = burst("/"); /* the probes are answered when all others have asked */
    const unsigned probes = (unsigned)breaker_metric("probes_total", "cluster=\"app\"");
    cr_assert_eq(probes, PROBES);
    cr_assert_eq(origin_requests(breaker_app), had + good);
    cr_assert_eq(breaker_transitions("half_open"), 1);
    cr_assert_eq(breaker_transitions("closed"), 1);
    cr_assert_eq(rig_log_count("breaker_closed"), 1);
}

/* A backend that is dead: after it has opened once, each round of probes is all that goes there. */
Test(breaker_workers, leave_a_dead_backend_alone)
{
    breaker_start(4,
                  "circuit = { open_on = { min_requests = 20; }; open_for = \"100ms\"; max_open = "
                  "\"100ms\"; probes = 2; jitter = \"0%\"; };");
    origin_script(breaker_app, "abort");
    burst("/");
    const unsigned before = origin_requests(breaker_app);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(burst("/"), 0);
    breaker_await_time();
    const unsigned rounds = (unsigned)breaker_transitions("half_open");
    cr_assert(origin_requests(breaker_app) - before <= 2 * (rounds + 1), "%u in %u rounds",
              origin_requests(breaker_app) - before, rounds);
    cr_assert_eq(breaker_transitions("open"), rounds);
    cr_assert_eq(breaker_transitions("closed"), 0);
}
