/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: <weir/fleet.h>. What is counted waits here, and leaves at most once per tick, so Redis
 * doesn't notice how many requests there are; while nobody in the fleet has bad news
 * (fleet_window.h has the drawing) it doesn't notice anything. With a tick, of a window in trouble:
 *
 *     bad news here          all that isn't sent; the buckets of the span and the run are read
 *     just heard of it       all that isn't sent
 *     another bucket begins  those that have ended
 *
 * Rows: what was counted before there was trouble says nothing of a row that begins with it,
 * whoever has failed first. So good calls break it only if they are counted later. */
#include "fleet/fleet_window.h"

enum { SPAN_LEAST_MS = 100 };

static struct weir_fleet_window *window_at(struct list *node)
{
    return container_of(node, struct weir_fleet_window, thing.node);
}

struct weir_fleet_window *weir_fleet_window_open(struct weir_process *p, struct weir_slice name,
                                                 uint64_t span_ms,
                                                 const struct weir_fleet_window_ops *ops, void *ctx)
{
    struct fleet *f = fleet_of(p);
    struct weir_fleet_window *w =
        f ? fleet_thing_new(f, sizeof *w, 'w', slice_in(name), &f->windows) : NULL;
    if (!w)
        return NULL;
    w->ops = ops;
    w->ctx = ctx;
    w->span_ms = span_ms < SPAN_LEAST_MS ? SPAN_LEAST_MS : span_ms;
    return w;
}

void weir_fleet_window_close(struct weir_fleet_window *w)
{
    if (w)
        fleet_thing_close(&w->thing);
}

/* -- counting ---------------------------------------------------------------------------------- */

static void begin_epoch(struct weir_fleet_window *w, uint64_t epoch)
{
    w->epoch = epoch;
    w->ring = (struct fleet_ring){0};
    w->row = (struct weir_fleet_counts){0};
    w->urgent = w->wanted = false;
}

static void count_row(struct weir_fleet_window *w, const struct weir_fleet_counts *counts,
                      bool urgent)
{
    const struct weir_fleet_counts row = {.run = counts->run, .broken = counts->broken};
    const bool goes_on = w->urgent || fleet_window_has_row(w);
    if (!goes_on)
        w->row = (struct weir_fleet_counts){0};
    if (goes_on || urgent)
        fleet_counts_add(&w->row, &row);
}

void weir_fleet_window_add(struct weir_fleet_window *w, uint64_t epoch,
                           const struct weir_fleet_counts *counts, bool urgent)
{
    const struct fleet *f = w->thing.fleet;
    if (f->state != FLEET_JOINED)
        return;
    if (epoch != w->epoch)
        begin_epoch(w, epoch);
    fleet_ring_add(&w->ring, fleet_bucket_at(w->span_ms, fleet_redis_ms(f)), counts);
    count_row(w, counts, urgent);
    w->urgent |= urgent;
}

/* -- ticks ------------------------------------------------------------------------------------- */

/* Sums may be read: nobody's good calls are missing. */
static bool is_complete(const struct weir_fleet_window *w)
{
    return fleet_now_ms(w->thing.fleet) >= w->trouble.complete_ms;
}

static bool is_due(const struct weir_fleet_window *w, uint64_t bucket)
{
    if (w->urgent || (w->wanted && is_complete(w)))
        return true;
    if (fleet_window_troubled(w))
        return w->trouble.heard || w->sent != bucket;
    return w->row.broken && fleet_window_has_row(w);
}

/* Does this instance hear of the trouble it is in? Then what it has is from before. */
static bool send_history(struct weir_fleet_window *w)
{
    const bool heard = w->trouble.heard && fleet_window_troubled(w);
    if (heard) {
        w->trouble.heard = false;
        w->row.broken = false;
    }
    return heard;
}

/* Others may have failed until a bucket after they were heard of last. A break after that is the
 * last one that is needed: quiet may come. */
static void send_row(struct weir_fleet_window *w)
{
    const uint64_t quiet_ms = fleet_now_ms(w->thing.fleet) - w->trouble.last_ms;
    if (w->row.broken && !w->row.run && quiet_ms >= fleet_bucket_ms(w->span_ms))
        w->trouble.row = false;
    fleet_window_send_row(w);
}

static void send_news(struct weir_fleet_window *w, uint64_t bucket)
{
    if (w->urgent)
        fleet_window_announce(w, bucket);
    const bool all = send_history(w) || w->urgent;
    if (fleet_window_troubled(w))
        for (uint64_t i = all ? 0 : 1; i < FLEET_BUCKETS; i++)
            fleet_window_send_bucket(w, bucket - i);
    send_row(w);
    w->sent = bucket;
    w->wanted |= w->urgent;
    w->urgent = false;
}

static void leave(struct weir_fleet_window *w, uint64_t bucket)
{
    send_news(w, bucket);
    if (!w->wanted || !is_complete(w))
        return;
    w->wanted = false;
    fleet_window_read(w, bucket);
}

void fleet_windows_tick(struct fleet *f)
{
    if (f->state != FLEET_JOINED)
        return;
    list_each_safe (pos, &f->windows) {
        struct weir_fleet_window *w = window_at(pos);
        const uint64_t bucket = fleet_bucket_at(w->span_ms, fleet_redis_ms(f));
        if (w->thing.closed || !is_due(w, bucket))
            continue;
        if (fleet_pipe_full(f))
            return;
        leave(w, bucket);
        list_remove(pos); /* so that each has its turn when not all find a place */
        list_push(&f->windows, pos);
    }
}

/* What was counted before stays: it is as true afterwards. */
void fleet_windows_apart(struct fleet *f)
{
    list_each (pos, &f->windows) {
        struct weir_fleet_window *w = window_at(pos);
        w->trouble = (struct fleet_trouble){0};
        w->row = (struct weir_fleet_counts){0};
        w->urgent = w->wanted = false;
    }
}
