/* SPDX-License-Identifier: Apache-2.0 */
/* How long it takes until others have heard of what one offers, with ticks by the clock as the
 * control process has them, on a network and a Redis with nothing else to do. It prints p50 and
 * p99. */
#include "fleet_case.h"

#include <stdlib.h>

enum { OFFERS = 10 };

static struct timer ticks[2];
static uint64_t offered_us, heard_us;
static struct {
    uint64_t v[OFFERS];
    size_t n;
} from_offer, from_taking;
static uint64_t taken_us;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_tick(struct timer *t)
{
    fleet_tick(sides[t - ticks].fleet);
    timer_start(&lp, t, conf.tick);
}

static void on_heard(void *ctx, const struct weir_fleet_record *r)
{
    ((struct side *)ctx)->heard.version = r->version;
    heard_us = now_us();
}

static void on_taken(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    (void)ctx, (void)r;
    cr_assert(taken);
    taken_us = now_us();
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double share_ms(uint64_t *v, double share)
{
    qsort(v, OFFERS, sizeof *v, by_size);
    return (double)v[(size_t)(share * (OFFERS - 1) + 0.5)] / 1000;
}

#define LOOP_UNTIL(cond)                                                                           \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (ev_run(lp.ev, EVRUN_ONCE), !(cond))                                                 \
            cr_assert(now_ms() < end_, "waited in vain for: %s\n%s", #cond, logged);               \
    } while (0)

Test(fleet_latency, is_a_tick_and_a_round_trip_at_most, .fini = sides_end)
{
    static const struct weir_fleet_cell_ops ops = {.record = on_heard, .offered = on_taken};
    sides_begin(2, NULL);
    for (size_t i = 0; i < 2; i++) {
        sides[i].cell = weir_fleet_cell_open(sides[i].p, W("cb"), &ops, &sides[i]);
        timer_init(&ticks[i], on_tick);
        timer_start(&lp, &ticks[i], 1 + 40 * i);
    }
    LOOP_UNTIL(all_joined());
    srand(1);
    for (int i = 0; i < OFFERS; i++) {
        const uint64_t at_us =
            now_us() + (uint64_t)(rand() % 100000); /* at any time between ticks */
        while (now_us() < at_us)
            ev_run(lp.ev, EVRUN_NOWAIT);
        heard_us = taken_us = 0;
        offered_us = now_us();
        cr_assert(offer(&sides[0], "open"));
        LOOP_UNTIL(heard_us && taken_us);
        from_offer.v[from_offer.n++] = heard_us - offered_us;
        from_taking.v[from_taking.n++] =
            heard_us > taken_us ? heard_us - taken_us : taken_us - heard_us;
    }
    const double p50 = share_ms(from_offer.v, 0.5), p99 = share_ms(from_offer.v, 0.99);
    printf("fleet: heard by another after the offer: p50 %.1f ms, p99 %.1f ms; after it was taken: "
           "p50 %.2f ms, p99 %.2f ms\n",
           p50, p99, share_ms(from_taking.v, 0.5), share_ms(from_taking.v, 0.99));
    cr_assert_lt(p50, 5 * conf.tick);
}
