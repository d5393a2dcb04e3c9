/* SPDX-License-Identifier: Apache-2.0 */
/* Would a route let somebody in who makes a request that an operator describes? By the claims that
 * the operator says it has: credentials are not looked at, so how it has shown who it is counts as
 * one of the ways that the route takes. */
#include "auth/settings.h"

#include <stdio.h>

#include "common/slice.h"

static bool fulfils(const struct weir_explain *e, const struct auth_require *q)
{
    struct weir_slice value;
    for (size_t n = 0; (value = weir_explain_claim(e, q->claim.p, n)).p; n++)
        if (slice_among(&q->any_of, value))
            return true;
    return false;
}

/* The first of them that isn't fulfilled; NULL: all are. */
static const struct auth_require *lacking(const struct weir_explain *e, const struct auth_route *r)
{
    const struct auth_require *q = r->require.v;
    for (size_t i = 0; i < r->require.n; i++)
        if (!fulfils(e, &q[i]))
            return &q[i];
    return NULL;
}

/* Whoever has any claim that is asked for is somebody, too. */
static bool is_somebody(const struct weir_explain *e, const struct auth_route *r)
{
    const struct auth_require *q = r->require.v;
    bool any = weir_explain_claim(e, "sub", 0).p;
    for (size_t i = 0; i < r->require.n; i++)
        any = any || weir_explain_claim(e, q[i].claim.p, 0).p;
    return any;
}

/* "jwt, basic" */
static void join_ways(unsigned allowed, char *to, size_t room)
{
    size_t n = 0;
    to[0] = '\0';
    for (unsigned i = 0; i < AUTH_METHODS_N && n < room; i++)
        if (allowed >> i & 1)
            n += (size_t)snprintf(to + n, room - n, "%s%s", n ? ", " : "", auth_method_words[i]);
}

static void say_verdict(struct weir_explain *e, const struct auth_route *r)
{
    const struct auth_require *missing = lacking(e, r);
    const char *detail;
    const struct decide_case c = {
        .mode = (enum auth_mode)r->mode,
        .wrong_is_anonymous = r->on_invalid,
        .allowed = r->allowed,
        .identified = is_somebody(e, r),
        .method = r->allowed,
        .fulfilled = !missing,
    };
    switch (decide(&c, &detail)) {
    case DECIDE_PASS:
        weir_explain_say(e, c.identified
                                ? "this identity passes, if it is shown in one of these ways"
                                : "whoever shows no credentials passes as nobody");
        break;
    case DECIDE_FORBID:
        weir_explain_say(e,
                         "this identity is refused (403, %s): its claim %.*s has none of the "
                         "values that are asked for",
                         detail, SLICE_ARG(missing->claim));
        break;
    default:
        weir_explain_say(e, "whoever shows no credentials is asked for them (401, %s)", detail);
        break;
    }
}

void auth_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct auth_route *r = u->conf;
    const struct auth_require *q;
    char ways[64];
    if (!r)
        return;
    if (r->mode == AUTH_OFF) {
        weir_explain_say(e, "off on this route");
        return;
    }
    join_ways(r->allowed, ways, sizeof ways);
    weir_explain_say(e, "an identity is %s, by: %s", auth_mode_words[r->mode], ways);
    q = r->require.v;
    for (size_t i = 0; i < r->require.n; i++)
        weir_explain_say(e, "its claim %.*s must have one of %zu values", SLICE_ARG(q[i].claim),
                         q[i].any_of.n);
    say_verdict(e, r);
}
