/* SPDX-License-Identifier: Apache-2.0 */
/* Copies a share of a route's requests to another cluster, and may compare what comes back:
 *
 *     mirror = ( { cluster = "reviews-next"; percent = "5%"; compare = { json = true; }; } );
 *
 * Which ones is an exact schedule over all workers (sample.h). A copy is a shadow: it goes its own
 * way, and nothing that happens to it reaches the client. How many are under way at a time is
 * limited (seats.h); what is over the limit is dropped and counted, never queued.
 *
 * It runs after other modules have changed the head (order 10), so copies are like what the cluster
 * gets. */
#include <weir/module.h>

#include <stdlib.h>
#include <unistd.h>

#include "mirror/diffs.h"
#include "mirror/flight.h"
#include "mirror/sample.h"
#include "common/slice.h"

enum { LOG_TO, LOG_DROPPED };
static const char *const log_fields[] = {"to", "dropped", NULL};

/* Of one exchange. */
struct mirroring {
    struct flight *flight; /* whose responses are compared; NULL: none */
};

/* -- a process -------------------------------------------------------------------------------- */

/* Only workers make copies. */
static void sit(struct mirror_process *mp)
{
    for (const struct mirror *m = mp->all->first; m; m = m->next) {
        mp->seats[m->number] = seats_sit(m->seats, (uint32_t)getpid());
        if (mp->seats[m->number] == SEAT_NONE)
            weir_log(WEIR_LOG_WARN, "mirror_no_seat",
                     "this worker makes no copies: %d processes do already", SEATS);
    }
}

static void *mirror_start(struct weir_process *p, const void *global)
{
    const struct mirrors *all = global;
    struct mirror_process *mp = calloc(1, sizeof *mp + all->n * sizeof *mp->seats);
    if (!mp)
        return NULL;
    *mp = (struct mirror_process){.p = p, .all = all, .seats = (int *)(mp + 1)};
    if (!weir_is_control(p))
        sit(mp);
    return mp;
}

static void mirror_stop(struct weir_process *p, void *local)
{
    struct mirror_process *mp = local;
    for (const struct mirror *m = mp ? mp->all->first : NULL; m; m = m->next)
        if (!weir_is_control(p))
            seats_leave(m->seats, mp->seats[m->number]);
    free(mp);
}

/* -- a request -------------------------------------------------------------------------------- */

static bool is_chosen_method(const struct mirror *m, struct weir_slice method)
{
    for (size_t i = 0; i < m->methods.n; i++)
        if (slice_eq(m->methods.v[i], method))
            return true;
    return m->methods.n == 0;
}

/* A connection that becomes something else can't be copied. Who asks for h2c doesn't get it. */
static bool is_upgrade(const struct weir_exchange *x)
{
    const struct weir_name name = weir_name(WEIR_SLICE("upgrade"));
    const struct weir_slice to = weir_field(x, WEIR_REQUEST, &name);
    return to.n && !slice_ieq(to, WEIR_SLICE("h2c"));
}

static bool is_drawn(const struct mirror *m)
{
    return sample_takes(atomic_fetch_add(m->position, 1), m->percent);
}

/* More than is copied, as far as its length is told: not even begun. */
static bool is_too_long(const struct mirror *m, const struct weir_exchange *x)
{
    const struct weir_name name = weir_name(WEIR_SLICE("content-length"));
    const struct weir_slice v = weir_field(x, WEIR_REQUEST, &name);
    uint64_t n = 0;
    for (size_t i = 0; i < v.n && n <= m->body_limit; i++)
        n = n * 10 + (uint64_t)(v.p[i] - '0'); /* checked when it was read */
    return n > m->body_limit;
}

static void drop(struct weir_exchange *x, const struct weir_use *u, enum mirror_count reason,
                 struct weir_slice word)
{
    const struct mirror *m = u->conf;
    weir_count(weir_process_of(x), m->counters, reason, 1);
    weir_log_set(x, u, LOG_DROPPED, word);
}

static void copy(struct weir_exchange *x, const struct weir_use *u)
{
    const struct mirror *m = u->conf;
    struct mirror_process *mp = u->local;
    struct mirroring *state = u->state;
    struct flight *f = NULL;
    if (is_too_long(m, x)) {
        drop(x, u, COUNT_DROPPED_BODY, WEIR_SLICE("body"));
        return;
    }
    if (!mp || !seats_take(m->seats, mp->seats[m->number], (uint32_t)m->concurrency)) {
        drop(x, u, COUNT_DROPPED_CONCURRENCY, WEIR_SLICE("concurrency"));
        return;
    }
    f = flight_start(x, m, mp);
    weir_log_set(x, u, f ? LOG_TO : LOG_DROPPED, f ? m->cluster_name : WEIR_SLICE("memory"));
    if (f && m->compare.present)
        state->flight = f;
}

static enum weir_verdict mirror_on_forward(struct weir_exchange *x, const struct weir_use *u)
{
    const struct mirror *m = u->conf;
    if (is_chosen_method(m, weir_method(x)) && !is_upgrade(x) && is_drawn(m)) {
        weir_count(weir_process_of(x), m->counters, COUNT_DRAWN, 1);
        copy(x, u);
    }
    return WEIR_NEXT;
}

/* What the gateway answers itself, and what another cluster answers that a module chose, says
 * nothing about the mirror. */
static void mirror_on_response(struct weir_exchange *x, const struct weir_use *u)
{
    const struct mirror *m = u->conf;
    const struct mirroring *state = u->state;
    if (state->flight && !weir_own_answer(x) && weir_cluster_of(x) == m->baseline)
        flight_primary_head(state->flight, x);
}

static void mirror_on_done(struct weir_exchange *x, const struct weir_use *u)
{
    const struct mirroring *state = u->state;
    if (state->flight)
        flight_primary(state->flight, x);
}

static const struct weir_command commands[] = {
    {.name = "diffs", .run = mirror_diffs, .help = "how mirrors' responses differ, with samples"},
    {0},
};

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "mirror",
    .summary = "copies requests to another cluster, and compares",
    .order = 10,
    .global = {.rows = mirrors_rows, .size = sizeof(struct mirrors)},
    .route = {.rows = mirror_rows, .size = sizeof(struct mirror), .list = true},
    .state_size = sizeof(struct mirroring),
    .log_fields = log_fields,
    .counters = mirror_counters,
    .commands = commands,
    .load_route = mirror_load,
    .explain = mirror_explain,
    .start = mirror_start,
    .stop = mirror_stop,
    .on_forward = mirror_on_forward,
    .on_response = mirror_on_response,
    .on_done = mirror_on_done,
};
