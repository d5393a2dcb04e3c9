/* SPDX-License-Identifier: Apache-2.0 */
/* Notes are written with each tick, and cost something when they change. Whose turn an endpoint is
 * is looked at when a note has come, and every LOOK_MS, as members come and go without one. */
#include "fleet/fleet_health.h"

#include "fleet/fleet_checkers.h"
#include "fleet/fleet_parts.h"

#include <stdlib.h>

enum { LOOK_MS = 500 };

struct shared_checks {
    struct fleet_health *all;
    size_t i; /* of the health checks */
    uint32_t m;
    struct weir_fleet_board *board;
    struct checkers checkers;
    bool news;
    uint64_t looked_ms;
};

struct fleet_health {
    struct fleet *f;
    struct health *h;
    struct shared_checks *clusters; /* n of them */
    size_t n;
};

/* -- the board --------------------------------------------------------------------------------- */

static void on_note(void *ctx, struct weir_slice instance, struct weir_slice text)
{
    struct shared_checks *s = ctx;
    s->news = true;
    if (!checkers_hear(&s->checkers, slice_in(instance), slice_in(text)))
        fleet_note_error(s->all->f, FLEET_ERROR_ANSWER, s->board->thing.key);
}

static void on_blank(void *ctx)
{
    struct shared_checks *s = ctx;
    s->news = true;
    checkers_blank(&s->checkers);
}

static bool open_board(struct shared_checks *s, struct fleet_health *fh, size_t i)
{
    static const struct weir_fleet_board_ops ops = {.note = on_note, .blank = on_blank};
    char name[200];
    *s = (struct shared_checks){.all = fh, .i = i, .m = health_checkers(fh->h, i), .news = true};
    snprintf(name, sizeof name, "health/%.*s", SLICE_ARG(health_totals(fh->h, i).cluster));
    checkers_init(&s->checkers, fh->f->setup.instance);
    s->board = fleet_board_open(fh->f, slice_str(name), &ops, s);
    return s->board != NULL;
}

static size_t count_clusters(const struct health *h)
{
    size_t n = 0;
    for (size_t i = 0; i < health_clusters_n(h); i++)
        n += health_checkers(h, i) > 0;
    return n;
}

struct fleet_health *fleet_health_start(struct fleet *f, struct health *h)
{
    const size_t n = f && h ? count_clusters(h) : 0;
    if (!n)
        return NULL;
    struct fleet_health *fh = calloc(1, sizeof *fh);
    must(fh);
    *fh = (struct fleet_health){.f = f, .h = h, .clusters = calloc(n, sizeof *fh->clusters)};
    must(fh->clusters);
    for (size_t i = 0; i < health_clusters_n(h); i++)
        if (health_checkers(h, i) && open_board(&fh->clusters[fh->n], fh, i))
            fh->n++;
    return fh;
}

void fleet_health_free(struct fleet_health *fh)
{
    if (!fh)
        return;
    for (size_t i = 0; i < fh->n; i++) {
        weir_fleet_board_close(fh->clusters[i].board);
        checkers_fini(&fh->clusters[i].checkers);
    }
    free(fh->clusters);
    free(fh);
}

/* -- ticks ------------------------------------------------------------------------------------- */

static void say(const struct shared_checks *s)
{
    struct health *h = s->all->h;
    struct health_view v;
    struct slice name;
    struct text t;
    size_t unsaid = 0;
    text_init(&t);
    checkers_note_begin(&t);
    for (size_t at = 0; health_view(h, s->i, at, &name, &v); at++)
        unsaid += v.health != HEALTH_UNKNOWN && !checkers_note_add(&t, name, &v);
    checkers_note_end(&t);
    health_unsaid(h, s->i, unsaid);
    weir_fleet_post(s->board, slice_out(text_slice(&t)));
    text_fini(&t);
}

static bool is_member(const struct fleet *f, struct slice instance)
{
    list_each (pos, &f->members->notes)
        if (slice_eq(container_of(pos, struct fleet_note, node)->instance, instance))
            return true;
    return false;
}

static void look(struct shared_checks *s)
{
    const struct fleet *f = s->all->f;
    struct health_views views;
    struct health_view v;
    struct slice name;
    const bool joined = f->state == FLEET_JOINED;
    for (size_t i = 0; i < s->checkers.n; i++)
        s->checkers.all[i].alive = is_member(f, s->checkers.all[i].instance);
    for (size_t at = 0; health_view(s->all->h, s->i, at, &name, &v); at++) {
        if (joined)
            views = checkers_ask(&s->checkers, name, s->m);
        health_share(s->all->h, s->i, at, joined ? &views : NULL);
    }
}

void fleet_health_tick(struct fleet_health *fh)
{
    for (size_t i = 0; fh && i < fh->n; i++) {
        struct shared_checks *s = &fh->clusters[i];
        const uint64_t now_ms = fleet_now_ms(fh->f);
        say(s);
        if (!s->news && now_ms - s->looked_ms < LOOK_MS)
            continue;
        s->news = false;
        s->looked_ms = now_ms;
        look(s);
    }
}
