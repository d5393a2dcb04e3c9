/* SPDX-License-Identifier: Apache-2.0 */
/* The sink, and how a copy is fed. The sink takes whatever comes, at once, so nothing is ever held
 * up by it; of content it keeps the beginning, by reference, and drops the rest.
 *
 * Invariant: nothing that happens to a shadow reaches the exchange that it is a copy of: it is only
 * ever written to by that one, and never asked. So a copy whose origin takes nothing holds blocks
 * that the exchange let go long ago, which is why it is bounded twice: by its own limit, and by the
 * share of the worker's blocks below. */
#include "core/shadow.h"

#include "core/call_fields.h"
#include "core/module/module.h"
#include "core/module/module_slice.h"
#include "core/stats/stats.h"

static void sink_interim(struct exchange *x, uint16_t status, const struct fields *f);
static void sink_head(struct exchange *x, const struct reply *r);
static void sink_body(struct exchange *x, struct bytes *from);
static void sink_end(struct exchange *x, const struct fields *trailers);
static void sink_nothing(struct exchange *x);
static void on_finished(struct exchange *x);

static const struct client_ops sink_ops = {
    .send_interim = sink_interim,
    .send_head = sink_head,
    .send_body = sink_body,
    .send_end = sink_end,
    .resume = sink_nothing,
    .abort = sink_nothing,
    .finished = on_finished,
};

/* A connection that begins with a PROXY header is never shared with clients' requests: a copy knows
 * less of the client than what stands in theirs. */
static const uint64_t own_connection = UINT64_C(1) << 63;

/* -- making ------------------------------------------------------------------------------------ */

static bool may_be_made(const struct worker *w, const struct weir_call_options *o,
                        const struct module *caller)
{
    return !w->ending && o->cluster < w->g->config->clusters_n && o->timeout_ms &&
           call_fields_ok(o) && !module_plan_reserves(w->g->modules, o->cluster, caller);
}

static struct shadow *make(struct exchange *x, const struct weir_call_options *o,
                           const struct client_facts *facts)
{
    struct shadow *sh = ARENA_NEW(&x->arena, struct shadow);
    sh->x = x;
    list_init(&sh->node);
    sh->facts = *facts;
    sh->facts.connection = own_connection | x->id;
    sh->request_limit = SIZE_MAX;
    sh->response_limit = o->response_limit;
    bytes_init(&sh->content, &x->w->loop->stock);
    sh->done = o->done;
    sh->ctx = o->ctx;
    x->shadow = sh;
    x->client = sh;
    x->facts = &sh->facts;
    x->plan.timeout_ms = o->timeout_ms;
    return sh;
}

struct shadow *shadow_new(struct worker *w, const struct weir_call_options *o,
                          const struct module *caller, const struct client_facts *facts)
{
    struct exchange *x =
        may_be_made(w, o, caller) ? exchange_new_shadow(w, &sink_ops, facts) : NULL;
    if (!x) {
        w->stats->worker->calls_refused++;
        return NULL;
    }
    w->stats->worker->calls++;
    struct shadow *sh = make(x, o, facts);
    sh->module = caller;
    x->plan.cluster = &w->clusters[o->cluster];
    return sh;
}

struct shadow *shadow_new_check(struct worker *w, struct endpoint *ep,
                                const struct weir_call_options *o, const struct client_facts *facts)
{
    must(o->timeout_ms);
    struct exchange *x = call_fields_ok(o) ? exchange_new_shadow(w, &sink_ops, facts) : NULL;
    if (!x)
        return NULL;
    struct shadow *sh = make(x, o, facts);
    x->plan.cluster = ep->cluster;
    x->plan.only = ep;
    return sh;
}

void shadow_begin(struct shadow *sh)
{
    struct exchange *x = sh->x;
    const struct plan *p = &x->plan;
    x->request = (struct request_head){
        .method = p->method,
        .target = p->target,
        .method_id = method_of(p->method),
        .major = 1,
        .minor = 1,
        .keep_alive = true,
        .body = p->body,
        .content_length = p->content_length,
        .fields = p->fields,
    };
    if (method_is_idempotent(x->request.method_id) || p->cluster->conf->protocol != PROTOCOL_H1)
        exchange_keep(x); /* as in STEP_PLAN */
    x->plan.chosen_by = sh->module;
    if (!p->only)
        plan_use_cluster(x);
    timer_start(x->w->loop, &x->deadline, p->timeout_ms);
}

/* -- copying ----------------------------------------------------------------------------------- */

/* Names and values in one piece of memory. */
static void copy_fields(struct fields *to, const struct fields *from, struct arena *a,
                        uint16_t spare)
{
    size_t n = 0;
    for (uint16_t i = 0; i < from->n; i++)
        n += from->v[i].name.n + from->v[i].value.n;
    char *at = arena_alloc(a, n);
    fields_init(to, a, (uint16_t)(from->n + spare));
    to->absent = from->absent;
    for (uint16_t i = 0; i < from->n; i++) {
        const struct field *f = &from->v[i];
        char *value = at + f->name.n;
        memcpy(at, f->name.p, f->name.n);
        if (f->value.n)
            memcpy(value, f->value.p, f->value.n);
        to->v[to->n++] = (struct field){
            .name = slice_of(at, f->name.n),
            .value = slice_of(value, f->value.n),
            .token = f->token,
        };
        at = value + f->value.n;
    }
}

/* Expect is between the client and who answers it. */
static void copy_head(struct shadow *sh, const struct exchange *from,
                      const struct weir_call_options *o)
{
    struct arena *a = &sh->x->arena;
    struct plan *p = &sh->x->plan;
    p->method = arena_dup(a, from->plan.method);
    p->target = arena_dup(a, from->plan.target);
    p->body = from->plan.body;
    p->content_length = from->plan.content_length;
    p->te_trailers = from->plan.te_trailers;
    copy_fields(&p->fields, &from->plan.fields, a, (uint16_t)(o->fields_n + 1));
    fields_remove_token(&p->fields, TOKEN_EXPECT);
    if (o->host.n)
        fields_set(&p->fields, a, token_name(TOKEN_HOST), arena_dup(a, slice_in(o->host)));
    call_fields_apply(o, &p->fields, a);
}

/* What its client told may end before the copy does; certificates and PROXY headers of clients
 * aren't copied. */
static void copy_facts(struct shadow *sh, const struct client_facts *from)
{
    struct addr *local = ARENA_NEW(&sh->x->arena, struct addr);
    *local = *from->local;
    sh->facts.tls = NULL;
    sh->facts.proxy = NULL;
    sh->facts.local = local;
}

/* Gives up and lets go of what is held, at once. */
static void end(struct shadow *sh, enum why why, const char *detail)
{
    struct exchange *x = sh->x;
    sh->fed = false;
    list_remove(&sh->node);
    exchange_blame(x, why, detail);
    x->kept_all = false;
    bytes_clear(&x->inward);
    bytes_clear(&x->kept);
    exchange_wake(x);
}

/* Could requests soon be held up for lack of blocks? Copies end before that. */
static bool is_crowded(const struct worker *w)
{
    const struct slab *blocks = &w->loop->stock.blocks.slab;
    return blocks->used >= blocks->limit - blocks->limit / 4;
}

static void copy_content(struct shadow *sh, struct exchange *from)
{
    struct exchange *x = sh->x;
    const bool known = from->plan.body == BODY_LENGTH;
    x->bytes_in = from->inward.n;
    x->request_done = from->request_done;
    if (from->inward.n > sh->request_limit ||
        (known && from->plan.content_length > sh->request_limit))
        end(sh, WHY_BODY_TOO_LARGE, NULL);
    else if (from->inward.n && is_crowded(x->w))
        end(sh, WHY_OVERLOAD, "blocks");
    else if (!bytes_share(&x->inward, &from->inward))
        end(sh, WHY_OVERLOAD, "pieces");
    else if (from->request_done)
        copy_fields(&x->trailers, &from->trailers, &x->arena, 0);
    else
        sh->fed = true;
}

struct shadow *shadow_copy(struct exchange *x, const struct weir_call_options *o,
                           const struct module *caller)
{
    struct shadow *sh = NULL;
    if (x->plan.upgrade.n)
        x->w->stats->worker->calls_refused++;
    else
        sh = shadow_new(x->w, o, caller, x->facts);
    if (!sh)
        return NULL;
    sh->request_limit = o->request_limit;
    copy_facts(sh, x->facts);
    sh->x->source = x->source;
    copy_head(sh, x, o);
    copy_content(sh, x);
    if (sh->fed)
        list_push(&x->followers, &sh->node);
    shadow_begin(sh);
    return sh;
}

/* -- while the exchange goes on ---------------------------------------------------------------- */

void shadow_feed(struct exchange *x, struct block *b, struct slice s)
{
    list_each_safe (node, &x->followers) {
        struct shadow *sh = list_entry(node, struct shadow, node);
        if (!sh->fed)
            continue;
        if (sh->x->bytes_in + s.n > sh->request_limit)
            end(sh, WHY_BODY_TOO_LARGE, NULL);
        else if (is_crowded(x->w))
            end(sh, WHY_OVERLOAD, "blocks");
        else
            exchange_on_body(sh->x, b, s);
    }
}

void shadow_feed_end(struct exchange *x, const struct fields *trailers)
{
    list_each_safe (node, &x->followers) {
        struct shadow *sh = list_entry(node, struct shadow, node);
        struct fields own = {0};
        if (!sh->fed)
            continue;
        sh->fed = false;
        list_remove(&sh->node);
        if (trailers)
            copy_fields(&own, trailers, &sh->x->arena, 0);
        exchange_on_body_end(sh->x, &own);
    }
}

void shadow_leave(struct exchange *x)
{
    list_each_safe (node, &x->followers) {
        struct shadow *sh = list_entry(node, struct shadow, node);
        if (sh->fed)
            end(sh, WHY_CLIENT_GONE, NULL);
        else
            shadow_cancel(sh);
    }
}

void shadow_cancel(struct shadow *sh)
{
    sh->done = NULL;
    end(sh, WHY_CLIENT_GONE, NULL);
}

void shadow_cancel_all(struct worker *w)
{
    list_each (node, &w->active) {
        struct exchange *x = list_entry(node, struct exchange, node);
        if (x->shadow)
            end(x->shadow, WHY_DRAIN, NULL);
    }
}

/* -- the sink ---------------------------------------------------------------------------------- */

static void sink_interim(struct exchange *x, uint16_t status, const struct fields *f)
{
    (void)x, (void)status, (void)f;
}

static void sink_nothing(struct exchange *x)
{
    (void)x;
}

static void sink_head(struct exchange *x, const struct reply *r)
{
    (void)r;
    x->shadow->head = &x->attempt->head;
    x->shadow->head_us = x->w->loop->clock.mono_us - x->created_us;
}

/* Appended piece by piece and not moved: small ones are copied together then, else an origin that
 * drips could make each byte hold a block. */
static void keep_piece(struct shadow *sh, struct block *b, struct slice s)
{
    const size_t room = sh->response_limit - sh->content.n;
    const struct slice part = slice_of(s.p, s.n < room ? s.n : room);
    sh->dropped |= part.n < s.n;
    if (part.n && !bytes_append(&sh->content, b, part)) {
        sh->dropped = true;
        sh->response_limit = sh->content.n; /* no holes */
    }
}

static void sink_body(struct exchange *x, struct bytes *from)
{
    while (from->n) {
        const struct slice s = bytes_front(from);
        keep_piece(x->shadow, bytes_front_block(from), s);
        bytes_consume(from, s.n);
    }
}

static void sink_end(struct exchange *x, const struct fields *trailers)
{
    (void)trailers;
    x->shadow->ended = true;
}

/* The content in one piece: copied only when it lies in several. */
static struct slice joined(struct shadow *sh)
{
    const struct slice front = bytes_front(&sh->content);
    if (front.n == sh->content.n)
        return front;
    const size_t n = sh->content.n;
    char *p = arena_alloc(&sh->x->arena, n);
    for (size_t at = 0; at < n;) {
        const struct slice s = bytes_front(&sh->content);
        memcpy(p + at, s.p, s.n);
        at += s.n;
        bytes_consume(&sh->content, s.n);
    }
    return slice_of(p, n);
}

static void tell(struct shadow *sh)
{
    struct exchange *x = sh->x;
    struct worker *w = x->w;
    const struct module *before = w->acting;
    const struct weir_result r = {
        .status = sh->head ? sh->head->status : 0,
        .failure = why_facts(x->why)->failure,
        .why = x->why ? why_facts(x->why)->word : NULL,
        .body = slice_out(joined(sh)),
        .whole = sh->ended && !sh->dropped,
        .took_us = w->loop->clock.mono_us - x->created_us,
        .head_us = sh->head_us,
        .call = (const struct weir_call *)sh,
    };
    w->acting = sh->module;
    sh->done(sh->ctx, &r);
    w->acting = before;
}

/* From STEP_FINISH, so from the later queue; the attempt, whose head this points to, goes after. */
static void on_finished(struct exchange *x)
{
    struct shadow *sh = x->shadow;
    list_remove(&sh->node);
    if (sh->done)
        tell(sh);
    bytes_clear(&sh->content);
}
