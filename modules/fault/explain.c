/* SPDX-License-Identifier: Apache-2.0 */
/* Which faults a request that an operator describes may meet. */
#include "fault/process.h"

#include "common/slice.h"

void fault_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct fault *f = u->conf;
    const struct faults *all = u->global;
    const enum fault_state state = fault_state_now(f, all, weir_explain_process(e));
    if (f->match.methods.n && !slice_among(&f->match.methods, weir_explain_method(e)))
        weir_explain_say(e, "the fault \"%.*s\" isn't for %.*s", SLICE_ARG(f->name),
                         SLICE_ARG(weir_explain_method(e)));
    else
        weir_explain_say(e, "the fault \"%.*s\" is %s, for %g%% of %s at the %s",
                         SLICE_ARG(f->name), fault_state_word(state),
                         fault_share(f->cell, f->percent) / 1e4,
                         f->each == EACH_REQUEST ? "requests" : "attempts",
                         f->at == AT_EDGE ? "edge" : "backend");
}
