/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet_endure.h"

#include <stdlib.h>
#include <string.h>

/* What the log has of one fault, at most: that the connection and the fleet are lost, and are there
 * again, and what was refused or lost, by kind. */
enum { LINES_MAX = 10 };

static bool shows(enum fleet_effect effect)
{
    switch (effect) {
    case DISCONNECTED:
        return three_fleet("connected") == 0 && three_fleet("joined") == 0;
    case APART:
        return three_fleet("joined") == 0;
    case ALONE:
        return three_fleet("joined") == 1 && !three_follows();
    default:
        return three_follows();
    }
}

static bool is_victim(const struct fleet_fault *f, unsigned i)
{
    return !f->victims || i < f->victims;
}

/* Long enough for whatever is done, or said, again and again. */
static void go_on(const struct fleet_fault *f)
{
    unsigned before[THREE];
    enum { ERRORS = 4 };
    for (unsigned i = 0; i < THREE; i++)
        before[i] = fault_proxy_taken(three_proxy[i]);
    THREE_EACH(i)
    {
        if (!is_victim(f, i))
            continue;
        if (f->attempts)
            AWAIT(fault_proxy_taken(three_proxy[i]) >= before[i] + 2 * f->attempts);
        if (f->error)
            AWAIT(rig_metric(f->error) >= ERRORS);
    }
}

static void expect_few_lines(const struct fleet_fault *f, const unsigned before[THREE])
{
    THREE_EACH(i)
    {
        const unsigned lines = three_logged() - before[i];
        char *log = rig_read("stderr");
        cr_assert_leq(lines, LINES_MAX, "%s", log);
        cr_assert(!is_victim(f, i) || !f->said || strstr(log, f->said), "%s", log);
        cr_assert(f->said || !lines, "%s", log);
        free(log);
    }
}

/* By one instance each, whoever was first, and the same at most once. */
static void expect_put_back(void)
{
    enum { RECORDS = 2 }; /* the circuit's and the decision's */
    unsigned back = 0, lost = 0;
    THREE_EACH(i)
    {
        back += (unsigned)three_fleet("put_back_total");
        lost += rig_log_count(" fleet_cell_lost ") > 0;
    }
    cr_assert(back >= 1 && back <= RECORDS, "%u", back);
    cr_assert_geq(lost, 1);
}

static void expect_effect(const struct fleet_fault *f)
{
    THREE_EACH(i)
    if (is_victim(f, i))
        AWAIT(shows(f->effect));
    else
        AWAIT(three_follows());
}

void fleet_endure(const struct fleet_fault *f, const char *top)
{
    unsigned lines[THREE];
    three_start(top);
    THREE_EACH(i)
    lines[i] = three_logged();
    if (f->begin)
        f->begin();
    expect_effect(f);
    three_serve();
    rig_instance(0);
    const char *told = f->told              ? f->told
                       : f->effect <= APART ? "The fleet: apart, told when Redis is back."
                                            : "The fleet: told.";
    const char *said = three_decide(three_v1);
    cr_assert(strstr(said, told), "%s", said);
    go_on(f);
    if (f->look)
        f->look();
    three_serve();
    if (f->end)
        f->end();
    three_agree(three_v1);
    expect_few_lines(f, lines);
    if (f->lost)
        expect_put_back();
    three_work();
}

/* -- faults that many tests have --------------------------------------------------------------- */

void fleet_network(enum proxy_fault fault)
{
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_set(three_proxy[i], fault);
}

void fleet_network_is_well(void)
{
    fleet_network(FAULT_NONE);
}

void fleet_network_refuses(void)
{
    fleet_network(FAULT_REFUSE);
    for (unsigned i = 0; i < THREE; i++)
        fault_proxy_cut(three_proxy[i]);
}

void fleet_look_again(void)
{
    redis_server_say(rig_fleet_redis(), "PUBLISH weir:events x");
}
