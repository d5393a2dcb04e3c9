/* SPDX-License-Identifier: Apache-2.0 */
/* Variables about what was decided on a request, the attempts that were made, and the response. */

#include <inttypes.h>

#include "base/text.h"
#include "core/route/route.h"
#include "core/log/variables_parts.h"

/* -- what was decided -------------------------------------------------------------------------- */

VARIABLE(route)
{
    UNUSED;
    return x->route && give_text(v, x->route->name);
}

VARIABLE(variant)
{
    UNUSED;
    return give_text(v, x->plan.variant);
}

VARIABLE(cluster)
{
    UNUSED;
    return x->plan.cluster && give_text(v, x->plan.cluster->conf->place.name);
}

VARIABLE(endpoint)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_text(v, at->endpoint_name);
}

VARIABLE(attempts)
{
    UNUSED;
    return give_number(v, x->attempts_n);
}

static void put_try(struct text *t, const struct attempt *at)
{
    if (t->n)
        text_char(t, ',');
    const enum why why = attempt_why(at);
    if (why)
        text_str(t, why_facts(why)->word);
    else
        text_printf(t, "%u", at->headed ? at->head.status : 0);
    if (at->injected)
        text_char(t, '!');
    text_char(t, '@');
    text_add(t, at->endpoint_name);
    text_printf(t, "+%" PRIu64, at->done_us ? at->done_us - at->started_us : 0);
}

/* "closed@10.0.0.7:80+210,200@10.0.0.8:80+5021"; what has no room is left out as a whole. */
VARIABLE(tries)
{
    enum { ROOM = 1024 };
    static const char more[] = ",...";
    struct text t;
    size_t whole = 0;
    const struct attempt *last = last_attempt(x);

    UNUSED;
    if (!last || (x->attempts_n == 1 && !last->why && !last->injected))
        return false;
    char *const room = arena_alloc(&x->arena, ROOM + sizeof more);
    text_init_fixed(&t, room, ROOM);
    list_each (node, &x->attempts) {
        put_try(&t, list_entry(node, const struct attempt, node));
        if (t.cut)
            break;
        whole = t.n;
    }
    if (t.cut)
        memcpy(room + whole, more, sizeof more);
    return give_text(v, slice_of(room, whole + (t.cut ? sizeof more - 1 : 0)));
}

VARIABLE(reused)
{
    UNUSED;
    const struct attempt *at = last_attempt(x);
    return at && give_number(v, at->reused);
}

VARIABLE(outcome)
{
    UNUSED;
    return give_text(v, x->why == WHY_NONE ? SLICE("ok") : slice_str(why_facts(x->why)->word));
}

VARIABLE(detail)
{
    UNUSED;
    return give_text(v, slice_str(x->detail));
}

/* -- the response ------------------------------------------------------------------------------ */

/* A client that went before it was answered is logged as 499, as is usual, though nothing was
 * sent; the list of reasons says which those are. */
VARIABLE(status)
{
    UNUSED;
    const uint16_t of_why = why_facts(x->why)->status;

    if (has_reply(x) && x->reply.status)
        return give_number(v, x->reply.status);
    return of_why == 499 && give_number(v, of_why);
}

VARIABLE(grpc_status)
{
    UNUSED;
    v->number = x->grpc_code == GRPC_MISSING ? GRPC_UNKNOWN : x->grpc_code;
    return x->grpc;
}

VARIABLE(bytes_out)
{
    UNUSED;
    return give_number(v, x->bytes_out);
}

VARIABLE(tunnel)
{
    UNUSED;
    return x->tunnel && give_number(v, true);
}
