/* SPDX-License-Identifier: Apache-2.0 */
/* What a fleet costs its Redis: so many instances in one process, each with so many cells and
 * windows, which is what so many shared circuits are, ticking as real ones do. Prints a line for
 * each of these, which last SECONDS each:
 *
 *     quiet    no requests
 *     good     all circuits have requests, and all of them go well
 *     bad      ... and one circuit in a hundred has failures, on all instances
 *     moving   quiet, but ten circuits a second change their state
 *
 * "of a core" is Redis's own figure. "apart" counts how often an instance was that meanwhile: then
 * the machine was too slow for so many, and the line says little. p50 and p99 are of the time from
 * an offer until another instance has heard of it, over all that hear: at 100 instances most of it
 * is that they hear one after the other, in this one process.
 *
 * usage: fleet_cost ADDRESS INSTANCES CIRCUITS SECONDS     of a Redis that nobody else uses */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "core/module/module.h"
#include "fleet/fleet_parts.h"

enum { TICK_MS = 100, SPAN_MS = 10000, CALLS = 5, MOVES_PER_S = 10, DELAYS_MAX = 1 << 20 };

struct instance;
struct circuit {
    struct instance *of;
    size_t number;
    struct weir_fleet_cell *cell;
    struct weir_fleet_window *window;
};

struct instance {
    struct worker w;
    struct weir_process *p;
    struct fleet *fleet;
    char name[32];
    uint64_t next_ms;
    struct circuit *circuits;
};

static struct loop lp;
static struct fleet_conf conf;
static struct instance *instances;
static size_t instances_n, circuits_n, sums;
static uint64_t *moved_us; /* of each circuit: when its change was heard to be taken */
static uint64_t *delays_us;
static size_t delays_n;
static const struct weir_module desc = {.name = "breaker"};
static const struct module module = {.desc = &desc};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* -- what instances hear ----------------------------------------------------------------------- */

static void on_record(void *ctx, const struct weir_fleet_record *r)
{
    const struct circuit *c = ctx;
    if (r->version && moved_us[c->number] && delays_n < DELAYS_MAX)
        delays_us[delays_n++] = now_us() - moved_us[c->number];
}

/* A message may be here before the answer to the offer: the time is that of the offer. */
static void on_offered(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    (void)ctx, (void)taken, (void)r;
}

static void on_summed(void *ctx, uint64_t epoch, const struct weir_fleet_counts *all)
{
    (void)ctx, (void)epoch, (void)all;
    sums++;
}

static const struct weir_fleet_cell_ops cell_ops = {.record = on_record, .offered = on_offered};
static const struct weir_fleet_window_ops window_ops = {.summed = on_summed};

/* -- instances --------------------------------------------------------------------------------- */

static void open_circuits(struct instance *in)
{
    char name[64];
    in->circuits = calloc(circuits_n, sizeof *in->circuits);
    must(in->circuits);
    for (size_t i = 0; i < circuits_n; i++) {
        struct circuit *c = &in->circuits[i];
        const int n = snprintf(name, sizeof name, "cluster/backend-%zu", i);
        const struct weir_slice key = {name, (size_t)n};
        *c = (struct circuit){.of = in, .number = i};
        c->cell = weir_fleet_cell_open(in->p, key, &cell_ops, c);
        c->window = weir_fleet_window_open(in->p, key, SPAN_MS, &window_ops, c);
    }
}

static void start(struct instance *in, size_t i)
{
    snprintf(in->name, sizeof in->name, "edge-%03zu", i);
    in->p = (struct weir_process *)&in->w;
    in->w = (struct worker){.loop = &lp, .control = true, .acting = &module};
    random_seed(&in->w.random, i);
    in->fleet = fleet_new(&(struct fleet_setup){
        .w = &in->w, .conf = &conf, .instance = slice_str(in->name), .version = "0", .since_s = 1});
    must(in->fleet);
    open_circuits(in);
    in->next_ms = lp.clock.mono_us / 1000 + i * TICK_MS / instances_n;
}

static bool all_joined(void)
{
    for (size_t i = 0; i < instances_n; i++)
        if (instances[i].fleet->state != FLEET_JOINED)
            return false;
    return true;
}

/* Those whose time has come. `before` is what modules do in their tick. */
static void turn(void (*before)(struct instance *in))
{
    loop_turn(&lp);
    const uint64_t now_ms = lp.clock.mono_us / 1000;
    for (size_t i = 0; i < instances_n; i++) {
        struct instance *in = &instances[i];
        if (now_ms < in->next_ms)
            continue;
        in->next_ms = now_ms - in->next_ms > TICK_MS ? now_ms + TICK_MS : in->next_ms + TICK_MS;
        if (before)
            before(in);
        fleet_tick(in->fleet);
        loop_turn(&lp);
    }
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

/* -- what they do ------------------------------------------------------------------------------ */

static void count(struct instance *in, bool bad)
{
    for (size_t i = 0; i < circuits_n; i++) {
        const bool fails = bad && i % 100 == 0;
        const struct weir_fleet_counts counts = {.sums = {CALLS, fails ? 1 : 0}, .broken = true};
        weir_fleet_window_add(in->circuits[i].window, 0, &counts, fails);
    }
}

static void do_good(struct instance *in)
{
    count(in, false);
}

static void do_bad(struct instance *in)
{
    count(in, true);
}

static void do_move(struct instance *in)
{
    static size_t at;
    static uint64_t next_us;
    const struct weir_claim fields[] = {{WEIR_SLICE("state"), WEIR_SLICE("open")},
                                        {WEIR_SLICE("lasts_ms"), WEIR_SLICE("5000")}};
    if (now_us() < next_us)
        return;
    next_us = now_us() + 1000000 / MOVES_PER_S;
    struct circuit *c = &in->circuits[at++ % circuits_n];
    moved_us[c->number] = now_us();
    if (!weir_fleet_offer(c->cell, fields, 2))
        moved_us[c->number] = 0;
}

/* -- what Redis says of itself ----------------------------------------------------------------- */

struct figures {
    bool there;
    double commands, in, out, cpu_s;
    uint64_t at_us;
};

static double figure(const char *text, const char *name)
{
    const char *p = strstr(text, name);
    return p ? strtod(p + strlen(name), NULL) : 0;
}

static void on_info(void *ctx, const struct redis_reply *r)
{
    struct figures *f = ctx;
    f->there = true;
    f->at_us = now_us();
    if (!r || r->kind != REDIS_TEXT)
        return;
    char *text = strndup(r->text.p, r->text.n);
    f->commands = figure(text, "total_commands_processed:");
    f->in = figure(text, "total_net_input_bytes:");
    f->out = figure(text, "total_net_output_bytes:");
    f->cpu_s = figure(text, "used_cpu_sys:") + figure(text, "used_cpu_user:");
    free(text);
}

static struct figures ask(void)
{
    struct figures f = {0};
    if (redis_command(instances[0].fleet->redis, on_info, &f, 2,
                      (struct slice[]){SLICE("INFO"), SLICE("all")}))
        while (!f.there)
            turn(NULL);
    return f;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_head(void)
{
    printf("%-8s %11s %10s %10s %10s %6s %8s %8s %8s\n", "", "commands/s", "MB/s in", "MB/s out",
           "of a core", "apart", "sums/s", "p50 ms", "p99 ms");
}

static void print_delays(void)
{
    if (!delays_n)
        return;
    qsort(delays_us, delays_n, sizeof delays_us[0], by_size);
    printf(" %8.1f %8.1f", (double)delays_us[delays_n / 2] / 1e3,
           (double)delays_us[delays_n * 99 / 100] / 1e3);
}

/* More than they were before: how often one was apart. */
static uint64_t joins(void)
{
    uint64_t n = 0;
    for (size_t i = 0; i < instances_n; i++)
        n += instances[i].fleet->joins;
    return n;
}

static void run(const char *name, unsigned seconds, void (*before)(struct instance *in))
{
    delays_n = 0;
    sums = 0;
    const uint64_t joins_before = joins();
    const struct figures a = ask();
    while (now_us() - a.at_us < seconds * 1000000ull)
        turn(before);
    const struct figures b = ask();
    const double s = (double)(b.at_us - a.at_us) / 1e6;
    printf("%-8s %11.0f %10.2f %10.2f %8.0f %% %6llu %8.0f", name, (b.commands - a.commands) / s,
           (b.in - a.in) / s / 1e6, (b.out - a.out) / s / 1e6, 100 * (b.cpu_s - a.cpu_s) / s,
           (unsigned long long)(joins() - joins_before), (double)sums / s);
    print_delays();
    putchar('\n');
    fflush(stdout);
}

/* -- setting up -------------------------------------------------------------------------------- */

static bool read_arguments(int argc, char **argv, unsigned *seconds)
{
    if (argc != 5)
        return false;
    instances_n = strtoul(argv[2], NULL, 10);
    circuits_n = strtoul(argv[3], NULL, 10);
    *seconds = (unsigned)strtoul(argv[4], NULL, 10);
    conf = (struct fleet_conf){.set = true,
                               .prefix = SLICE("weir:"),
                               .tick = TICK_MS,
                               .hold = 1000,
                               .commands = 16384,
                               .instances = 1024,
                               .redis = {.address = slice_str(argv[1]),
                                         .timeout = 5000,
                                         .retry_min = 10,
                                         .retry_max = 100,
                                         .reply_size = 64 << 20}};
    return instances_n && circuits_n && *seconds;
}

static void begin(void)
{
    log_set_level(LEVEL_WARN);
    loop_init(&lp, 0);
    instances = calloc(instances_n, sizeof *instances);
    moved_us = calloc(circuits_n, sizeof *moved_us);
    delays_us = calloc(DELAYS_MAX, sizeof *delays_us);
    must(instances && moved_us && delays_us);
    for (size_t i = 0; i < instances_n; i++)
        start(&instances[i], i);
    while (!all_joined())
        turn(NULL);
    const uint64_t began_us = now_us(); /* until cells are looked at in their turn */
    while (now_us() - began_us < FLEET_REPAIR_MS * 1000)
        turn(NULL);
}

int main(int argc, char **argv)
{
    unsigned seconds;
    if (!read_arguments(argc, argv, &seconds)) {
        fprintf(stderr, "usage: fleet_cost ADDRESS INSTANCES CIRCUITS SECONDS\n");
        return 2;
    }
    begin();
    print_head();
    run("quiet", seconds, NULL);
    run("good", seconds, do_good);
    run("bad", seconds, do_bad);
    run("moving", seconds, do_move);
    return 0;
}
