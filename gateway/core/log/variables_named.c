/* SPDX-License-Identifier: Apache-2.0 */
/* Variables that the table can't name: what a request, its response or its sender has under a name
 * that the configuration chooses. */

#include "core/identity.h"
#include "core/module/module_log.h"
#include "core/route/route.h"
#include "core/log/variables_parts.h"
#include "http/query.h"

#define NAMED(id) VARIABLE(id##_named)

/* -- header fields, cookies, query ------------------------------------------------------------- */

static bool give_field(const struct fields *f, const struct variable_ref *ref,
                       struct variable_value *v)
{
    if (ref->token != TOKEN_OTHER)
        return give_text(v, fields_get_token(f, ref->token));
    const struct field *found = fields_find(f, ref->name);
    return found && give_text(v, found->value);
}

NAMED(request)
{
    return give_field(&x->request.fields, ref, v);
}

NAMED(response)
{
    return has_reply(x) && give_field(&x->reply.fields, ref, v);
}

NAMED(cookie)
{
    return cookie_find(&x->request.fields, ref->name, &v->text) && v->text.n;
}

NAMED(query)
{
    return query_find(x->target.query, ref->name, &x->arena, &v->text) && v->text.n;
}

/* -- groups of the route's regex --------------------------------------------------------------- */

/* Found when the first variable asks, and kept for the others. */
static const struct slice *captures_of(struct exchange *x)
{
    if (!x->captures) {
        struct slice *groups = ARENA_ARRAY(&x->arena, struct slice, ROUTE_GROUPS);
        router_captures(x->w->g->router, x->w->scratch, x->route->index, x->target.path, groups);
        x->captures = groups;
    }
    return x->captures;
}

NAMED(capture)
{
    if (!x->route || x->route->conf->match.path_form != PATH_REGEX)
        return false;
    const unsigned n =
        ref->group ? ref->group : router_group_named(x->w->g->router, x->route->index, ref->name.p);
    return n >= 1 && n <= ROUTE_GROUPS && give_text(v, captures_of(x)[n - 1]);
}

/* -- who it comes from ------------------------------------------------------------------------- */

VARIABLE(identity_subject)
{
    UNUSED;
    return x->identity && give_text(v, x->identity->subject);
}

VARIABLE(identity_issuer)
{
    UNUSED;
    return x->identity && give_text(v, x->identity->issuer);
}

VARIABLE(identity_method)
{
    UNUSED;
    return x->identity && give_text(v, x->identity->method);
}

NAMED(claim)
{
    return give_text(v, identity_claim_all(x->identity, ref->name, &x->arena));
}

NAMED(module)
{
    return module_log_get(x, ref->name, &v->text);
}
