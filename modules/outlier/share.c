/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken over is no verdict of this instance, and isn't said; what its own probes find
 * afterwards is. So a note is always backed by what its instance has seen, and two can't keep an
 * endpoint out by believing each other. */
#include "outlier/share.h"

#include <stdio.h>
#include <stdlib.h>

#include "outlier/act.h"

static uint64_t now_ms(const struct outlier_share *s)
{
    return weir_now_us(s->p) / 1000;
}

/* -- the board --------------------------------------------------------------------------------- */

/* As long as the board is read for the first time it has verdicts of any age. */
static void on_note(void *ctx, struct weir_slice instance, struct weir_slice text)
{
    struct outlier_share *s = ctx;
    const bool listening = weir_fleet_members(s->p) > 0;
    if (votes_hear(&s->votes, instance, text, listening ? now_ms(s) : 0))
        return;
    weir_count(s->p, s->o->shared_counters, COUNT_NOTES_UNREAD, 1);
    weir_log(WEIR_LOG_TRACE, "outlier_note_unread",
             "cluster %.*s: there is no sense in what %.*s says", SLICE_ARG(s->o->name),
             SLICE_ARG(instance));
}

static void on_blank(void *ctx)
{
    votes_blank(&((struct outlier_share *)ctx)->votes);
}

struct outlier_share *outlier_share_open(struct weir_process *p, const struct outlier *o)
{
    static const struct weir_fleet_board_ops ops = {.note = on_note, .blank = on_blank};
    const bool shares = o->fleet.present && o->cells && o->shared && weir_fleet(p);
    struct outlier_share *s = shares ? calloc(1, sizeof *s) : NULL;
    if (!s)
        return NULL;
    *s = (struct outlier_share){.p = p, .o = o};
    s->board = weir_fleet_board_open(p, o->name, &ops, s);
    if (!s->board) {
        free(s);
        return NULL;
    }
    return s;
}

void outlier_share_close(struct outlier_share *s)
{
    if (!s)
        return;
    weir_fleet_board_close(s->board);
    votes_free(&s->votes);
    free(s);
}

/* -- endpoints --------------------------------------------------------------------------------- */

static bool next(const struct outlier_share *s, size_t *at, struct subject *to)
{
    struct weir_endpoint_info info;
    while (weir_endpoint_each(s->p, s->o->cluster, at, &info)) {
        struct outlier_cell *cell = weir_endpoint_cell(s->o->cells, info.slot);
        *to = (struct subject){s->p, s->o, info.slot, info.name, cell};
        if (cell)
            return true;
    }
    return false;
}

/* -- saying ------------------------------------------------------------------------------------ */

/* Whoever is half-open is being asked, and has no verdict yet. */
static bool is_verdict(const struct ejection_state *st)
{
    return ejection_is_out(st->phase) && st->cause != KIND_OPERATOR && st->cause != KIND_FLEET;
}

static void count_left_out(struct outlier_share *s, size_t n)
{
    if (n > s->left_out) {
        weir_count(s->p, s->o->shared_counters, COUNT_UNSAID, n - s->left_out);
        weir_log(WEIR_LOG_WARN, "outlier_unsaid",
                 "cluster %.*s: %zu ejected endpoints find no room in the note for the fleet, "
                 "which has %d bytes",
                 SLICE_ARG(s->o->name), n, WEIR_FLEET_NOTE_MAX);
    }
    s->left_out = n;
}

/* With nobody ejected, too: the process before this one may have left a note. */
static void say(struct outlier_share *s)
{
    char text[WEIR_FLEET_NOTE_MAX];
    struct votes_note note;
    struct subject ep;
    votes_note_begin(&note, sizeof text);
    for (size_t at = 0; s->o->enabled && next(s, &at, &ep);) {
        const struct ejection_state st = ejection_look(&ep.cell->ejection);
        if (is_verdict(&st))
            votes_note_add(&note, ep.name, kind_word(st.cause), atomic_load(&ep.cell->ejections));
    }
    const size_t n = votes_note_end(&note, text);
    if (n)
        weir_fleet_post(s->board, (struct weir_slice){text, n});
    count_left_out(s, note.left_out);
}

/* -- taking over ------------------------------------------------------------------------------- */

static bool has_room(const struct outlier_share *s)
{
    const struct pool pool = outlier_pool(s->p, s->o);
    return atomic_load(&s->o->shared->ejected) < outlier_cap(s->o, &pool);
}

/* When there is no room that is counted once, and then it waits until there is some. */
static void look(struct outlier_share *s, const struct subject *ep)
{
    char figures[VOTES_NAMES_MAX + 64];
    struct votes_found f;
    if (!ejection_possible(ejection_look(&ep->cell->ejection).phase))
        return;
    votes_find(&s->votes, ep->name, atomic_load(&ep->cell->back_ms), &f);
    if (f.n < (size_t)s->o->fleet.quorum || (!f.fresh && !has_room(s)))
        return;
    votes_act(&s->votes, ep->name);
    snprintf(figures, sizeof figures, "%zu other instance%s: %s", f.n,
             f.n == 1 ? " has ejected it" : "s have ejected it", f.names);
    outlier_eject(ep, &(struct reason){KIND_FLEET, 1000000, figures});
}

void outlier_share_tick(struct outlier_share *s)
{
    struct subject ep;
    if (!s)
        return;
    say(s);
    for (size_t at = 0; s->o->enabled && s->votes.n && next(s, &at, &ep);)
        look(s, &ep);
}
