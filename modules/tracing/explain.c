/* SPDX-License-Identifier: Apache-2.0 */
/* Would a request that an operator describes be recorded, and by which rule? */
#include "tracing/process.h"

#include "common/slice.h"

static void say_ratio(struct weir_explain *e, const struct sampling *s, const char *why)
{
    weir_explain_say(e, "%s: %g%% of such traces are recorded, by their ids", why, s->ratio / 1e4);
}

/* Nobody can tell by a description whether its sender is trusted. */
static void say_parent(struct weir_explain *e, const struct tracing *t, const struct sampling *s,
                       const struct trace_context *c)
{
    const char *when = t->trust == TRUST_PROXIES ? " (if a trusted proxy sends it)" : "";
    if (s->parent && c->decided)
        weir_explain_say(e, "its parent has decided%s: it is %s", when,
                         c->flags & TRACE_SAMPLED ? "recorded" : "not recorded");
    else
        weir_explain_say(e, "its trace goes on%s: by its id it is %s", when,
                         sampling_takes(s, c) ? "recorded" : "not recorded");
}

void tracing_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct tracing_route *r = u->conf;
    const struct tracing *t = u->global;
    const struct sampling *s = &r->sampling;
    const struct weir_slice parent = weir_explain_field(e, "traceparent");
    struct trace_context c = {0};
    if (!r->enabled) {
        weir_explain_say(e, "off on this route");
        return;
    }
    if (parent.p && t->trust == TRUST_NEVER)
        say_ratio(e, s, "traceparent of clients is not believed");
    else if (parent.p && !traceparent_read(parent, &c))
        say_ratio(e, s, "traceparent is invalid");
    else if (parent.p)
        say_parent(e, t, s, &c);
    else
        say_ratio(e, s, "a trace begins here");
    if (s->errors)
        weir_explain_say(e, "... and those that fail in any case");
    if (!t->queue)
        weir_explain_say(e, "there is no collector: spans go nowhere");
}
