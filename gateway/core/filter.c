/* SPDX-License-Identifier: Apache-2.0 */
/* Filters: each takes a queue from front to back, piece by piece, and makes a new queue, which the
 * next one takes. So a filter is never called from inside another one, and what it passes on as it
 * got it is a reference to the same block. A filter's own bytes are copied.
 *
 * Invariant: a use hears `last` once, with its last piece, and is never called again. */
#include "core/filter.h"

#include "core/exchange.h"
#include "core/module/hooks.h"

struct filter {
    struct filter *next; /* in the order in which content meets them */
    const struct module_use *use;
    void *state;
};

struct way { /* one direction */
    struct filter *first;
    bool begun; /* no more filters may come */
    bool changes;
    bool ended;         /* `last` was given */
    struct bytes queue; /* outward: what waits for the client */
    /* what is kept */
    size_t limit;
    struct bytes kept;
    bool cut; /* something of it is missing */
    struct slice joined;
    /* while a filter runs */
    struct bytes *to;
    struct slice piece;
    struct block *block;
};

struct content {
    struct way ways[2]; /* by enum weir_direction */
};

static struct way *way_of(struct exchange *x, int direction)
{
    if (!x->content) {
        x->content = ARENA_NEW(&x->arena, struct content);
        for (int i = 0; i < 2; i++) {
            bytes_init(&x->content->ways[i].queue, x->inward.stock);
            bytes_init(&x->content->ways[i].kept, x->inward.stock);
        }
    }
    return &x->content->ways[direction];
}

static bool is_active(const struct way *w)
{
    return w->first || w->limit;
}

void filter_free(struct exchange *x)
{
    for (int i = 0; i < 2; i++) {
        bytes_clear(&x->content->ways[i].queue);
        bytes_clear(&x->content->ways[i].kept);
    }
}

/* -- asked for by hooks ------------------------------------------------------------------------ */

void filter_add(struct exchange *x, int direction, bool changes)
{
    struct way *w = way_of(x, direction);
    struct filter **at = &w->first;
    if (w->begun)
        return;
    for (const struct filter *f = w->first; f; f = f->next)
        if (f->use == x->hook && f->state == x->hook_state)
            return;
    if (direction == WEIR_TO_ORIGIN)
        while (*at)
            at = &(*at)->next;
    struct filter *f = ARENA_NEW(&x->arena, struct filter);
    *f = (struct filter){.next = *at, .use = x->hook, .state = x->hook_state};
    *at = f;
    w->changes = w->changes || changes;
}

void filter_keep(struct exchange *x, int direction, size_t limit)
{
    struct way *w = way_of(x, direction);
    if (limit > w->limit && !w->begun)
        w->limit = limit;
}

bool filter_pass(struct exchange *x, int direction, struct slice s)
{
    struct way *w = x->content ? &x->content->ways[direction] : NULL;
    if (!w || !w->to)
        return false;
    const bool of_piece =
        w->block && s.n && s.p >= w->piece.p && s.p + s.n <= w->piece.p + w->piece.n;
    if (!(of_piece ? bytes_append(w->to, w->block, s) : bytes_copy(w->to, s)))
        exchange_blame(x, WHY_OVERLOAD, "filter");
    return true;
}

struct slice filter_kept(struct exchange *x, int direction, bool *whole)
{
    struct way *w = x->content ? &x->content->ways[direction] : NULL;
    *whole = w && w->limit && w->ended && !w->cut;
    if (!w || !w->limit)
        return slice_of(NULL, 0);
    if (!w->joined.p) {
        char *to = arena_alloc(&x->arena, w->kept.n + 1);
        w->joined = slice_of(to, w->kept.n);
        while (w->kept.n) {
            const struct slice front = bytes_front(&w->kept);
            to = mempcpy(to, front.p, front.n);
            bytes_consume(&w->kept, front.n);
        }
    }
    return w->joined;
}

/* -- running ----------------------------------------------------------------------------------- */

static void keep(struct way *w, const struct bytes *in)
{
    const size_t room = w->limit - w->kept.n, n = in->n < room ? in->n : room;
    struct bytes all;
    if (!in->n || !w->limit || w->cut)
        return;
    bytes_init(&all, in->stock);
    const bool kept = bytes_share(&all, in) && bytes_move_n(&w->kept, &all, n);
    w->cut = !kept || n < in->n;
    bytes_clear(&all);
}

static void run_one(struct exchange *x, int direction, const struct filter *f, struct bytes *in,
                    bool last)
{
    struct way *w = &x->content->ways[direction];
    struct bytes out;
    bytes_init(&out, in->stock);
    w->to = &out;
    do {
        w->piece = bytes_front(in);
        w->block = bytes_front_block(in);
        hooks_content(x, f->use, f->state, direction, w->piece, last && w->piece.n == in->n);
        bytes_consume(in, w->piece.n);
    } while (in->n);
    w->to = NULL;
    *in = out;
}

/* `in` becomes what the filters make of it. */
static void run(struct exchange *x, int direction, struct bytes *in, bool last)
{
    struct way *w = &x->content->ways[direction];
    keep(w, in);
    for (const struct filter *f = w->first; f; f = f->next)
        if (in->n || last)
            run_one(x, direction, f, in, last);
    w->ended = last;
}

static void clear_filters(struct way *w)
{
    w->first = NULL;
    w->changes = false;
}

/* -- inward ------------------------------------------------------------------------------------ */

void filter_inward_begin(struct exchange *x)
{
    struct way *w = &x->content->ways[WEIR_TO_ORIGIN];
    struct plan *p = &x->plan;
    if (p->body == BODY_NONE || p->upgrade.n)
        clear_filters(w);
    if (!is_active(w) || w->begun)
        return;
    w->begun = true;
    if (w->changes && p->body == BODY_LENGTH)
        p->body = BODY_CHUNKED;
    struct bytes in = x->inward;
    bytes_init(&x->inward, in.stock);
    run(x, WEIR_TO_ORIGIN, &in, x->request_done);
    bytes_clear(&x->kept); /* what the filters give takes its place */
    exchange_pass_body(x, &in);
}

static struct way *inward_way(struct exchange *x)
{
    struct way *w = &x->content->ways[WEIR_TO_ORIGIN];
    return w->begun && !w->ended && !x->tunnel ? w : NULL;
}

bool filter_inward(struct exchange *x, struct block *b, struct slice s)
{
    struct bytes in;
    if (!inward_way(x))
        return false;
    bytes_init(&in, x->inward.stock);
    if (!bytes_append(&in, b, s))
        exchange_blame(x, WHY_OVERLOAD, "pieces");
    run(x, WEIR_TO_ORIGIN, &in, false);
    exchange_pass_body(x, &in);
    return true;
}

void filter_inward_end(struct exchange *x)
{
    struct bytes in;
    if (!inward_way(x))
        return;
    bytes_init(&in, x->inward.stock);
    run(x, WEIR_TO_ORIGIN, &in, true);
    exchange_pass_body(x, &in);
}

/* -- outward ----------------------------------------------------------------------------------- */

static void weaken_etag(struct exchange *x)
{
    const struct slice name = SLICE("etag");
    const struct field *f = fields_find(&x->reply.fields, name);
    if (!f || !slice_starts(f->value, SLICE("\"")))
        return;
    const char *weak = arena_printf(&x->arena, "W/%.*s", SLICE_ARG(f->value));
    fields_set(&x->reply.fields, &x->arena, f->name, slice_str(weak));
}

/* The head that HEAD and 304 get is that of the content they stand for. */
void filter_outward_begin(struct exchange *x)
{
    struct way *w = &x->content->ways[WEIR_TO_CLIENT];
    struct reply *r = &x->reply;
    if (r->body == BODY_TUNNEL)
        *w = (struct way){.queue = w->queue, .kept = w->kept};
    w->begun = is_active(w);
    if (w->changes) {
        r->has_length = false;
        weaken_etag(x);
        if (r->body == BODY_LENGTH)
            r->body = BODY_CHUNKED;
    }
    if (r->body == BODY_NONE)
        clear_filters(w);
}

struct bytes *filter_outward(struct exchange *x, struct attempt *at, size_t limit)
{
    struct way *w = &x->content->ways[WEIR_TO_CLIENT];
    if (!w->begun)
        return NULL;
    if (!w->ended && w->queue.n < limit && (at->body.n || at->ended)) {
        struct bytes in = at->body;
        bytes_init(&at->body, in.stock);
        run(x, WEIR_TO_CLIENT, &in, at->ended);
        bytes_move(&w->queue, &in);
    }
    return &w->queue;
}

size_t filter_left(const struct exchange *x, const struct attempt *at, bool *ended)
{
    const struct way *w = x->content ? &x->content->ways[WEIR_TO_CLIENT] : NULL;
    *ended = at->ended && (!w || !w->begun || w->ended);
    return at->body.n + (w ? w->queue.n : 0);
}

void filter_own(struct exchange *x)
{
    struct way *w = &x->content->ways[WEIR_TO_CLIENT];
    struct reply *r = &x->reply;
    if (!w->begun)
        return;
    struct bytes in = x->own;
    bytes_init(&x->own, in.stock);
    run(x, WEIR_TO_CLIENT, &in, true);
    bytes_move(&x->own, &in);
    if (r->body == BODY_CHUNKED) {
        r->body = BODY_LENGTH;
        r->has_length = true;
        r->content_length = x->own.n;
    }
}
