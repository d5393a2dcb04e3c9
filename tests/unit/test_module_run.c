/* SPDX-License-Identifier: Apache-2.0 */
/* The life of modules in a process. */
#include <criterion/criterion.h>

#include "core/generation.h"
#include "core/module/module.h"
#include "core/worker.h"

static char trace[64];
static struct worker w;
static struct module first, second, third;

static void note(char what, const struct module *expected)
{
    const size_t n = strlen(trace);
    cr_assert_eq(module_caller(&w), expected);
    trace[n] = what;
}

static void *start_first(struct weir_process *p, const void *global)
{
    cr_assert_eq(worker_of(p), &w);
    cr_assert_str_eq(global, "settings");
    note('a', &first);
    return trace;
}

static void *start_second(struct weir_process *p, const void *global)
{
    (void)p;
    cr_assert_null(global);
    note('b', &second);
    return NULL;
}

static void tick_first(struct weir_process *p, void *local)
{
    (void)p;
    cr_assert_eq(local, trace);
    note('t', &first);
}

static void stop_first(struct weir_process *p, void *local)
{
    (void)p;
    cr_assert_eq(local, trace);
    note('A', &first);
}

static void stop_second(struct weir_process *p, void *local)
{
    (void)p;
    cr_assert_null(local);
    note('B', &second);
}

static const struct weir_module first_desc = {
    .start = start_first, .tick = tick_first, .stop = stop_first};
static const struct weir_module second_desc = {.start = start_second, .stop = stop_second};
static const struct weir_module third_desc = {.name = "idle"};

static struct generation g;
static struct loaded_module loaded[] = {{&first, "settings"}, {&third, NULL}, {&second, NULL}};
static struct module_plan plan = {.modules = loaded, .n = array_n(loaded)};

static void begin(void)
{
    first.desc = &first_desc;
    second.desc = &second_desc;
    third.desc = &third_desc;
    g.modules = &plan;
    w.g = &g;
}

Test(module_run, starts_in_order_and_stops_the_other_way_round)
{
    begin();
    modules_start(&w);
    cr_assert_str_eq(trace, "ab");
    cr_assert_eq(w.locals[0], trace);
    cr_assert_null(w.locals[1]);
    modules_stop(&w);
    cr_assert_str_eq(trace, "abBA");
    cr_assert_null(w.locals);
    cr_assert_null(module_caller(&w));
    modules_stop(&w);
    cr_assert_str_eq(trace, "abBA");
}

Test(module_run, ticks_only_those_that_want_it)
{
    begin();
    cr_assert(modules_want_ticks(&w));
    modules_start(&w);
    modules_tick(&w);
    modules_tick(&w);
    cr_assert_str_eq(trace, "abtt");
    modules_stop(&w);
    plan.n = 0;
    cr_assert(!modules_want_ticks(&w));
}

Test(module_run, does_nothing_without_modules)
{
    w.g = &g;
    cr_assert(!modules_want_ticks(&w));
    modules_start(&w);
    modules_tick(&w);
    modules_stop(&w);
    cr_assert_str_eq(trace, "");
}
