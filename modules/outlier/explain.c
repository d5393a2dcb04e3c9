/* SPDX-License-Identifier: Apache-2.0 */
/* Which endpoints of a cluster are out of use, why, and until when. Nothing is moved on: what is
 * due is done by the next tick. */
#include "outlier/outlier.h"

static void say_endpoint(struct weir_explain *e, struct weir_slice name,
                         const struct ejection_state *s)
{
    const uint64_t now = weir_now_us(weir_explain_process(e)) / 1000;
    const double left = s->at_ms > now ? (double)(s->at_ms - now) / 1000 : 0;
    const char *why = kind_word(s->cause);
    if (ejection_is_out(s->phase))
        weir_explain_say(e, "%.*s is ejected (%s), for %.1f s still, %u times of late%s",
                         SLICE_ARG(name), why, left, s->count,
                         s->phase == EJECTION_REFUSED ? "; it is the only one: requests are refused"
                                                      : "");
    else if (s->phase == EJECTION_HALF_OPEN)
        weir_explain_say(e, "%.*s was ejected (%s), and gets a few probes now", SLICE_ARG(name),
                         why);
    else
        weir_explain_say(e, "%.*s was ejected (%s), and has %g%% of its weight back",
                         SLICE_ARG(name), why, ejection_share(s->phase) / 1e4);
}

void outlier_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct outlier *o = u->conf;
    const struct outliers *all = u->global;
    struct weir_endpoint_info info;
    unsigned in = 0;
    if (!o->enabled || (all && !all->enabled)) {
        weir_explain_say(e, "it is switched off");
        return;
    }
    for (size_t at = 0;
         o->cells && weir_endpoint_each(weir_explain_process(e), o->cluster, &at, &info);) {
        const struct outlier_cell *cell = weir_endpoint_cell(o->cells, info.slot);
        if (!cell)
            continue;
        const struct ejection_state s = ejection_look(&cell->ejection);
        if (s.phase == EJECTION_IN)
            in++;
        else
            say_endpoint(e, info.name, &s);
    }
    weir_explain_say(e, "%u endpoints are in use", in);
}
