/* SPDX-License-Identifier: Apache-2.0 */
#include "fault/inject.h"

#include <inttypes.h>

#include "common/slice.h"

static bool take_place(const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct fault_process *fp = u->local;
    struct injection *s = u->state;
    if (!s->placed && fp)
        s->placed = places_take(&f->cell->places, fp->rows[f->number], (uint32_t)f->max_active);
    return s->placed;
}

static void set_what(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    if (f->wish_field.n)
        return;
    s->what = f->what;
    if (f->how_long.max_ms)
        s->what.delay_ms = delay_draw(&f->how_long, weir_random(weir_process_of(x)));
}

/* -- marks ------------------------------------------------------------------------------------ */

static struct weir_slice abort_text(struct weir_exchange *x, const struct fault *f,
                                    const struct weir_attempt_fault *w)
{
    switch (w->abort) {
    case WEIR_ABORT_STATUS:
        return weir_printf(x, "%s %d", f->name.p, w->status);
    case WEIR_ABORT_GRPC:
        return weir_printf(x, "%s grpc %d", f->name.p, w->status);
    case WEIR_ABORT_RESET:
        return weir_printf(x, "%s reset", f->name.p);
    case WEIR_ABORT_TRUNCATE:
        return weir_printf(x, "%s truncate %" PRIu64, f->name.p, w->truncate_at);
    case WEIR_ABORT_NONE:
        break;
    }
    return (struct weir_slice){0};
}

static void note_in_log(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct injection *s = u->state;
    const struct weir_attempt_fault *w = &s->what;
    if (w->delay_ms)
        weir_log_set(x, u, LOG_DELAY, weir_printf(x, "%s %" PRIu64 "ms", f->name.p, w->delay_ms));
    if (w->abort)
        weir_log_set(x, u, LOG_ABORT, abort_text(x, f, w));
    if (w->bytes_per_second)
        weir_log_set(x, u, LOG_RATE, weir_printf(x, "%s %" PRIu64, f->name.p, w->bytes_per_second));
    if (f->at == AT_UPSTREAM)
        weir_log_set(x, u, LOG_ATTEMPTS, weir_printf(x, "%u", s->times));
}

static void count(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct injection *s = u->state;
    const struct weir_attempt_fault *w = &s->what;
    struct weir_process *p = weir_process_of(x);
    weir_count(p, f->counters, COUNT_INJECTED, 1);
    if (w->delay_ms)
        weir_count(p, f->counters, COUNT_DELAYED, 1);
    if (w->abort)
        weir_count(p, f->counters,
                   w->abort == WEIR_ABORT_TRUNCATE ? COUNT_TRUNCATED : COUNT_ABORTED, 1);
    if (w->bytes_per_second)
        weir_count(p, f->counters, COUNT_SLOWED, 1);
}

/* -- one fault -------------------------------------------------------------------------------- */

bool injection_begin(struct weir_exchange *x, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    struct injection *s = u->state;
    if (!take_place(u)) {
        weir_count(weir_process_of(x), f->counters, COUNT_DROPPED, 1);
        return false;
    }
    set_what(x, u);
    s->times++;
    weir_injected_set(x);
    count(x, u);
    note_in_log(x, u);
    return true;
}

void injection_end(const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct fault_process *fp = u->local;
    struct injection *s = u->state;
    weir_timer_stop(&s->timer);
    if (s->placed)
        places_give(&f->cell->places, fp->rows[f->number]);
    s->placed = false;
}
