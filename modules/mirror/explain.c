/* SPDX-License-Identifier: Apache-2.0 */
/* Would a request that an operator describes be copied? */
#include "mirror/settings.h"

#include "common/slice.h"

void mirror_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct mirror *m = u->conf;
    const struct weir_slice to = weir_explain_field(e, "upgrade");
    if (m->methods.n && !slice_among(&m->methods, weir_explain_method(e))) {
        weir_explain_say(e, "not copied to %.*s: it isn't for %.*s", SLICE_ARG(m->cluster_name),
                         SLICE_ARG(weir_explain_method(e)));
        return;
    }
    if (to.n && !slice_ieq(to, WEIR_SLICE("h2c"))) {
        weir_explain_say(e, "not copied to %.*s: an upgrade can't be", SLICE_ARG(m->cluster_name));
        return;
    }
    weir_explain_say(e, "%g%% of such requests are copied to %.*s, at most %lld at a time",
                     m->percent / 1e4, SLICE_ARG(m->cluster_name), (long long)m->concurrency);
    if (m->compare.present)
        weir_explain_say(e, "... and what comes back is compared with the cluster's own answer");
}
