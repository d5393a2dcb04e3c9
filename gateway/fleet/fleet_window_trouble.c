/* SPDX-License-Identifier: Apache-2.0 */
/* Windows: who is in trouble, and since when. Messages may be lost; who has missed one hears the
 * next, a bucket later at most while there is bad news, and until then its good calls are missing
 * from the sums of others. */
#include "fleet/fleet_window.h"

/* Half ticks that all others have for sending what they had, from when they hear of trouble: one
 * tick until their next one, one for an answer that this has to wait for, and a half for being
 * late. */
enum { HALF_TICKS = 5 };

static bool is_in(const struct weir_fleet_window *w, uint64_t epoch)
{
    const struct fleet_trouble *t = &w->trouble;
    return t->last_ms && t->epoch == epoch &&
           fleet_now_ms(w->thing.fleet) - t->last_ms < fleet_bucket_ttl_ms(w->span_ms);
}

bool fleet_window_troubled(const struct weir_fleet_window *w)
{
    return is_in(w, w->epoch);
}

bool fleet_window_has_row(const struct weir_fleet_window *w)
{
    const struct fleet_trouble *t = &w->trouble;
    return is_in(w, w->epoch) ||
           (t->row && t->epoch == w->epoch &&
            fleet_now_ms(w->thing.fleet) - t->last_ms < FLEET_RUN_SPANS * w->span_ms);
}

static bool is_alone(const struct fleet *f)
{
    return weir_fleet_members((const struct weir_process *)f->w) == 1;
}

/* Does it begin with this? */
static bool note(struct weir_fleet_window *w, uint64_t epoch)
{
    const struct fleet *f = w->thing.fleet;
    const uint64_t now_ms = fleet_now_ms(f);
    struct fleet_trouble *t = &w->trouble;
    const bool begins = !is_in(w, epoch);
    if (begins)
        *t = (struct fleet_trouble){
            .epoch = epoch,
            .complete_ms = is_alone(f) ? now_ms : now_ms + f->conf->tick * HALF_TICKS / 2,
        };
    t->last_ms = now_ms ? now_ms : 1;
    t->told = fleet_bucket_at(w->span_ms, fleet_redis_ms(f));
    t->row = true;
    return begins;
}

/* -- telling and hearing ----------------------------------------------------------------------- */

static void tell_all(struct weir_fleet_window *w)
{
    struct text t;
    text_init(&t);
    json_open(&t, '{');
    json_key(&t, "w");
    json_slice(&t, w->thing.key);
    json_key(&t, "e");
    json_uint(&t, w->epoch);
    json_close(&t, '}');
    FLEET_ASK(&w->thing, NULL, SLICE("PUBLISH"), w->thing.fleet->channel, text_slice(&t));
    text_fini(&t);
}

/* When it was told in this bucket, by anybody, all have heard that, and take it for over at the
 * same time as this instance. */
void fleet_window_announce(struct weir_fleet_window *w, uint64_t bucket)
{
    w->trouble.row = true;
    if (fleet_window_troubled(w) && w->trouble.told == bucket)
        return;
    note(w, w->epoch);
    tell_all(w);
}

/* This instance's own messages come here, too, and change nothing. Epochs grow: an earlier one has
 * ended, and a later one this instance will come to. */
void fleet_window_message(struct fleet_thing *t, const json_t *message)
{
    struct weir_fleet_window *w = fleet_window_of(t);
    const json_t *e = json_object_get(message, "e");
    const json_int_t epoch = json_is_integer(e) ? json_integer_value(e) : -1;
    if (epoch < 0) {
        fleet_note_error(t->fleet, FLEET_ERROR_MESSAGE, t->key);
        return;
    }
    if ((uint64_t)epoch < w->epoch || t->fleet->state == FLEET_APART)
        return;
    if (note(w, (uint64_t)epoch))
        w->trouble.heard = true;
}
