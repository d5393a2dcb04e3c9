/* SPDX-License-Identifier: Apache-2.0 */
/* Would whoever sends such a request get in? By the claims that the operator says it has; what
 * certificates, lists and grants say can't be told without them. */
#include "dark_launch/settings.h"

#include "common/slice.h"

static bool has_claim(const struct weir_explain *e, const struct who *w)
{
    struct weir_slice value;
    for (size_t i = 0; w->claim.n && (value = weir_explain_claim(e, w->claim.p, i)).p; i++)
        if (who_has_value(w, value))
            return true;
    return false;
}

/* Some of those who count by the claim alone, whoever says so. */
static bool is_tester(const struct weir_explain *e, const struct who *w)
{
    return who_has_subject(w, weir_explain_claim(e, "sub", 0)) || has_claim(e, w);
}

void dark_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct dark *d = u->conf;
    if (!is_tester(e, &d->testers.who)) {
        weir_explain_say(e,
                         "no tester by the claims of this identity; certificates%s%s are not "
                         "looked at here",
                         d->list_file.n ? ", the list" : "", d->grants ? " and grants" : "");
        return;
    }
    if (d->testers.who.issuers.n || d->testers.who.methods.n)
        weir_explain_say(e, "provided that the identity comes from an issuer, and in a way, that "
                            "counts here");
    if (d->opt_in || d->versions.n) {
        weir_explain_say(e, "a tester, who may choose the version by %.*s%s%.*s",
                         SLICE_ARG(d->choose_header), d->choose_cookie.n ? " or cookie " : "",
                         SLICE_ARG(d->choose_cookie));
        if (d->opt_in)
            return;
    }
    weir_explain_say(e, "a tester: gets the dark version");
    weir_explain_choice(e, d->cluster, WEIR_SLICE("dark"), 1000000);
}
