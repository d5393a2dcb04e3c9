/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a module's own request. Everything that a module gives is checked before anything is
 * made: a value that came from a client (a claim, a header) and ended up in a target or a field
 * can't begin a second line or a second request. */
#include "core/call.h"

#include "core/call_fields.h"
#include "core/module/module_slice.h"
#include "core/stats/stats.h"

/* Fields that a call has besides the module's. */
enum { FIELDS_OWN = 2 };

static const struct addr nowhere;

/* A call is nobody's: it comes from where no client can; its limits are those of listener 0. */
static const struct client_facts call_facts = {
    .scheme = SLICE_INIT("http"),
    .local = &nowhere,
};

static struct slice method_of_call(const struct weir_call_options *o)
{
    return o->method.n ? slice_in(o->method) : SLICE("GET");
}

/* CONNECT and TRACE are refused to clients, too. */
static bool method_ok(struct slice method)
{
    const enum method m = method_of(method);
    return is_token(method) && m != METHOD_CONNECT && m != METHOD_TRACE;
}

/* RFC 9112 3.2: origin form, or "*" for OPTIONS. Visible ASCII only, and no fragment. */
static bool target_ok(struct slice target, struct slice method)
{
    if (slice_eq(target, SLICE("*")))
        return slice_eq(method, SLICE("OPTIONS"));
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= 0x20 || target.p[i] >= 0x7f || target.p[i] == '#')
            return false;
    return target.n && target.p[0] == '/';
}

/* As the first endpoint is written in the configuration. */
static struct slice default_host(const struct cluster_conf *conf)
{
    const struct slice address = conf->endpoints_n ? conf->endpoints[0].address : SLICE("");
    return address.n && !slice_starts(address, SLICE("unix:")) ? address : SLICE("localhost");
}

static void make_head(struct shadow *sh, const struct weir_call_options *o)
{
    struct arena *a = &sh->x->arena;
    struct plan *p = &sh->x->plan;
    p->method = arena_dup(a, method_of_call(o));
    p->target = arena_dup(a, slice_in(o->target));
    p->body = o->body.n ? BODY_LENGTH : BODY_NONE;
    p->content_length = o->body.n;
    fields_init(&p->fields, a, (uint16_t)(o->fields_n + FIELDS_OWN));
    fields_add_token(&p->fields, a, TOKEN_HOST,
                     o->host.n ? arena_dup(a, slice_in(o->host))
                               : default_host(p->cluster->conf));
    fields_add_token(&p->fields, a, TOKEN_USER_AGENT, SLICE("weir/" PACKAGE_VERSION));
    call_fields_apply(o, &p->fields, a);
}

static void give_content(struct exchange *x, struct slice body)
{
    x->request_done = true;
    x->bytes_in = body.n;
    if (!bytes_copy(&x->inward, body))
        exchange_blame(x, WHY_OVERLOAD, "blocks");
}

struct shadow *call_start(struct worker *w, struct exchange *owner,
                          const struct weir_call_options *o, const struct module *caller)
{
    const struct slice method = method_of_call(o);
    struct shadow *sh = NULL;
    if (!method_ok(method) || !target_ok(slice_in(o->target), method))
        w->stats->worker->calls_refused++;
    else
        sh = shadow_new(w, o, caller, &call_facts);
    if (!sh)
        return NULL;
    make_head(sh, o);
    give_content(sh->x, slice_in(o->body));
    if (owner)
        list_push(&owner->followers, &sh->node);
    shadow_begin(sh);
    return sh;
}

struct shadow *call_endpoint(struct worker *w, struct endpoint *ep,
                             const struct weir_call_options *o)
{
    const struct slice method = method_of_call(o);
    if (!method_ok(method) || !target_ok(slice_in(o->target), method))
        return NULL;
    struct shadow *sh = shadow_new_check(w, ep, o, &call_facts);
    if (!sh)
        return NULL;
    make_head(sh, o);
    give_content(sh->x, slice_in(o->body));
    shadow_begin(sh);
    return sh;
}

struct slice call_field(const struct shadow *sh, struct slice name)
{
    const struct field *f = sh->head ? fields_find(&sh->head->fields, name) : NULL;
    return f ? f->value : slice_of(NULL, 0);
}
