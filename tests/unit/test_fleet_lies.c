/* SPDX-License-Identifier: Apache-2.0 */
/* A Redis whose answers and messages say other things than were meant: nothing that is made of them
 * does harm here, and once it is honest again all agree. */
#include "fleet_case.h"

#include "tests/lib/fault_proxy.h"

enum { N = 3, ROUNDS = 400, EPOCHS = 3 };

static struct weir_fleet_window *windows[N];
static struct weir_fleet_counter *counters[N];
static struct weir_fleet_board *boards[N];

static void end(void)
{
    sides_end();
    fault_proxies_end();
}

TestSuite(fleet_lies, .fini = end);

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    (void)ctx, (void)epoch, (void)all;
}

static void on_number(void *ctx, uint64_t epoch, uint64_t first, uint64_t n)
{
    (void)ctx, (void)epoch, (void)first, (void)n;
}

static void on_lost(void *ctx, uint64_t epoch)
{
    (void)ctx, (void)epoch;
}

static void on_note(void *ctx, struct weir_slice instance, struct weir_slice text)
{
    (void)ctx;
    cr_assert(instance.n <= FLEET_NAME_MAX && text.n <= WEIR_FLEET_NOTE_MAX);
}

static void open_all(void)
{
    static const struct weir_fleet_window_ops window_ops = {.summed = on_summed};
    static const struct weir_fleet_counter_ops counter_ops = {.took = on_number, .lost = on_lost};
    static const struct weir_fleet_board_ops board_ops = {.note = on_note};
    cells_open("cb");
    for (size_t i = 0; i < N; i++) {
        struct side *s = &sides[i];
        windows[i] = weir_fleet_window_open(s->p, W("cb"), 1000, &window_ops, s);
        counters[i] = weir_fleet_counter_open(s->p, W("cb"), &counter_ops, s);
        boards[i] = weir_fleet_board_open(s->p, W("cb"), &board_ops, s);
    }
}

static void do_everything(size_t i, struct random *random)
{
    static const char *const texts[] = {"open", "closed", "half_open", "ramp_10"};
    const char *text = texts[random_below(random, array_n(texts))];
    const uint64_t epoch = random_below(random, EPOCHS);
    struct side *s = &sides[i];
    (void)offer(s, text);
    (void)!weir_fleet_cell_take(s->cell, s->heard.version, 1 + random_below(random, 5));
    (void)!weir_fleet_counter_take(counters[i], epoch, 1);
    weir_fleet_window_add(windows[i], epoch,
                          &(struct weir_fleet_counts){.sums = {1, 2, 3, 4}, .run = 1}, true);
    weir_fleet_post(boards[i], (struct weir_slice){text, strlen(text)});
}

static bool all_led(void)
{
    for (size_t i = 0; i < N; i++)
        if (!joined(&sides[i]) || !weir_fleet_until_ms(sides[i].cell))
            return false;
    return true;
}

Test(fleet_lies, do_no_harm, .timeout = 60)
{
    struct random random;
    random_seed(&random, 1);
    sides_begin(0, NULL);
    struct fault_proxy *p = fault_proxy_start(redis_server_address(server));
    conf.redis.address = slice_str(fault_proxy_address(p));
    sides_start(N);
    open_all();
    TICK_UNTIL(all_joined());
    fault_proxy_set(p, FAULT_LIE);
    for (int round = 0; round < ROUNDS; round++) {
        do_everything(random_below(&random, N), &random);
        tick_all();
        sleep_ms(1);
    }
    fault_proxy_set(p, FAULT_NONE);
    fault_proxy_cut(p); /* what was lied about before isn't heard any more */
    TICK_UNTIL((look_again(), all_led()));
    const unsigned taken = sides[0].heard.taken;
    TICK_UNTIL((offer(&sides[0], "open"), sides[0].heard.taken > taken));
    TICK_UNTIL(agreed_after(0) && strstr(sides[N - 1].heard.fields, "state=open "));
    unsigned long long errors = 0;
    for (int k = 0; k < FLEET_ERROR_N; k++)
        errors += sides[0].fleet->errors[k];
    cr_assert_gt(errors + sides[0].fleet->ups, 5, "there were lies");
}
