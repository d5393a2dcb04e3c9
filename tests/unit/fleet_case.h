/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_FLEET_CASE_H
#define WEIR_TESTS_UNIT_FLEET_CASE_H

/* Several instances of Weir in one process, on one loop, around a real redis-server: each is a
 * struct fleet with a worker of its own. They tick as fast as the answers come, not by the clock.
 *
 *     sides_begin(3, NULL);
 *     TICK_UNTIL(all_joined());
 *     ... sides[0].p ...
 */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "core/module/module.h"
#include "fleet/fleet_parts.h"
#include "tests/lib/redis_server.h"
#include "tests/lib/wait.h"

enum { SIDES = 10 };

/* What a cell has said. */
struct heard {
    unsigned records, offers, taken, dropped; /* dropped: offered() without a record */
    uint64_t version, lineage, age_ms;
    unsigned takes; /* answers to them */
    uint64_t took_of, first, n;
    char by[64], fields[512]; /* "state=open n=3 " */
};

struct side {
    struct worker w;
    struct weir_process *p;
    struct fleet *fleet;
    struct fleet_decided *decided; /* NULL, unless the test gives one */
    char name[32];
    struct weir_fleet_cell *cell;
    struct heard heard;
};

static struct loop lp;
static struct redis_server *server;
static struct fleet_conf conf;
static struct side sides[SIDES];
static size_t sides_n;
static char logged[16 * 1024];
static const struct weir_module test_desc = {.name = "test"};
static const struct module test_module = {.desc = &test_desc};

#define W(s) ((struct weir_slice)WEIR_SLICE(s))

static inline void on_log(enum log_level level, struct slice line)
{
    const size_t n = strlen(logged);
    (void)level;
    snprintf(logged + n, sizeof logged - n, "%.*s\n", SLICE_ARG(line));
}

static inline void tick_all(void)
{
    for (size_t i = 0; i < sides_n; i++)
        fleet_tick(sides[i].fleet);
    loop_turn(&lp);
}

static inline bool any_busy(void)
{
    for (size_t i = 0; i < sides_n; i++)
        if (sides[i].fleet && fleet_pipe_busy(sides[i].fleet))
            return true;
    return false;
}

#define TICK_UNTIL(cond)                                                                           \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (tick_all(), !(cond)) {                                                              \
            cr_assert(now_ms() < end_, "waited in vain for: %s\n%s", #cond, logged);               \
            sleep_ms(1);                                                                           \
        }                                                                                          \
    } while (0)
/* Without ticks. */
#define TURN_UNTIL(cond)                                                                           \
    do {                                                                                           \
        const uint64_t end_ = now_ms() + DEADLINE_MS;                                              \
        while (loop_turn(&lp), !(cond)) {                                                          \
            cr_assert(now_ms() < end_, "waited in vain for: %s\n%s", #cond, logged);               \
            sleep_ms(1);                                                                           \
        }                                                                                          \
    } while (0)

/* One tick of each, and all its answers. */
static inline void tick_once(void)
{
    TURN_UNTIL(!any_busy());
    tick_all();
    TURN_UNTIL(!any_busy());
}

/* The quiet that is needed to say that something does not come: several round trips of everybody.
 */
static inline void tick_on(void)
{
    for (int i = 0; i < 5; i++)
        tick_once();
}

static inline bool joined(const struct side *s)
{
    return s->fleet->state == FLEET_JOINED;
}

static inline bool all_joined(void)
{
    for (size_t i = 0; i < sides_n; i++)
        if (!joined(&sides[i]))
            return false;
    return true;
}

static inline void side_start(struct side *s, size_t i)
{
    snprintf(s->name, sizeof s->name, "edge-%zu", i);
    s->p = (struct weir_process *)&s->w;
    s->w = (struct worker){.loop = &lp, .control = true, .acting = &test_module};
    random_seed(&s->w.random, i);
    s->fleet = fleet_new(&(struct fleet_setup){.w = &s->w,
                                               .conf = &conf,
                                               .instance = slice_str(s->name),
                                               .version = "1.2.3",
                                               .config = 0xabc,
                                               .since_s = 1700000000,
                                               .decided = s->decided});
    cr_assert(s->fleet);
}

static inline void side_stop(struct side *s)
{
    fleet_free(s->fleet);
    s->fleet = NULL;
}

static inline void sides_start(size_t n)
{
    for (; sides_n < n; sides_n++)
        side_start(&sides[sides_n], sides_n);
}

/* `lines`: more of redis.conf. */
static inline void sides_begin(size_t n, const char *lines)
{
    loop_init(&lp, 0);
    log_set_sink(on_log);
    server = redis_server_start(lines);
    conf = (struct fleet_conf){.set = true,
                               .prefix = SLICE("weir:"),
                               .tick = 100,
                               .hold = 1000,
                               .commands = 16384,
                               .instances = 1024,
                               .redis = {.address = slice_str(redis_server_address(server)),
                                         .timeout = 500,
                                         .retry_min = 10,
                                         .retry_max = 50,
                                         .reply_size = 8 << 20}};
    sides_start(n);
}

static inline void sides_end(void)
{
    for (size_t i = 0; i < sides_n; i++)
        side_stop(&sides[i]);
    loop_turn(&lp);
    loop_fini(&lp);
    redis_servers_end();
    log_set_sink(NULL);
}

/* -- cells ------------------------------------------------------------------------------------- */

static inline void write_down(struct heard *h, const struct weir_fleet_record *r)
{
    struct text t;
    text_init_fixed(&t, h->fields, sizeof h->fields - 1);
    for (size_t i = 0; i < r->fields_n; i++)
        text_printf(&t, "%.*s=%.*s ", (int)r->fields[i].name.n, r->fields[i].name.p,
                    (int)r->fields[i].value.n, r->fields[i].value.p);
    h->fields[t.n] = '\0';
    h->version = r->version;
    h->lineage = r->lineage;
    h->age_ms = r->age_ms;
    snprintf(h->by, sizeof h->by, "%.*s", (int)r->by.n, r->by.p);
}

static inline void on_record(void *ctx, const struct weir_fleet_record *r)
{
    struct side *s = ctx;
    cr_assert_eq(s->w.acting, &test_module, "it is the module's code that runs");
    s->heard.records++;
    write_down(&s->heard, r);
}

static inline void on_offered(void *ctx, bool taken, const struct weir_fleet_record *r)
{
    struct side *s = ctx;
    s->heard.offers++;
    s->heard.taken += taken;
    s->heard.dropped += r == NULL;
    if (r)
        write_down(&s->heard, r);
}

static inline void on_took(void *ctx, uint64_t version, uint64_t first, uint64_t n)
{
    struct side *s = ctx;
    s->heard.takes++;
    s->heard.took_of = version;
    s->heard.first = first;
    s->heard.n = n;
}

static const struct weir_fleet_cell_ops cell_ops = {
    .record = on_record, .offered = on_offered, .took = on_took};

static inline void cells_open(const char *name)
{
    for (size_t i = 0; i < sides_n; i++) {
        struct side *s = &sides[i];
        s->cell = weir_fleet_cell_open(s->p, (struct weir_slice){name, strlen(name)}, &cell_ops, s);
        cr_assert(s->cell);
    }
}

static inline bool offer(struct side *s, const char *state)
{
    const struct weir_claim fields[] = {{W("state"), {state, strlen(state)}}};
    return weir_fleet_offer(s->cell, fields, 1);
}

/* How many have heard of this version. */
static inline size_t heard_of(uint64_t version)
{
    size_t n = 0;
    for (size_t i = 0; i < sides_n; i++)
        n += sides[i].heard.version == version;
    return n;
}

/* The one that all of them have heard of last, after this one; 0: they haven't. */
static inline uint64_t agreed_after(uint64_t version)
{
    const uint64_t last = sides[0].heard.version;
    return last > version && heard_of(last) == sides_n ? last : 0;
}

/* One of them makes a new version, and all hear of it. */
static inline uint64_t change(struct side *s, const char *state)
{
    const unsigned before = s->heard.taken;
    cr_assert(offer(s, state));
    TICK_UNTIL(s->heard.taken == before + 1);
    TICK_UNTIL(heard_of(s->heard.version) == sides_n);
    return s->heard.version;
}

/* Somebody else writes this version of "cb", and says nothing. */
static inline void write_by_hand(uint64_t version, const char *state)
{
    redis_server_say(server,
                     "HSET weir:c:test:cb f 1 n %llu since %llu by other at 5 run %s "
                     ".state %s",
                     (unsigned long long)version, (unsigned long long)version,
                     sides[0].fleet->server.run, state);
}

/* What can't be read may have been about any of them, so they look at all. */
static inline void look_again(void)
{
    redis_server_say(server, "PUBLISH weir:events x");
}

#endif
