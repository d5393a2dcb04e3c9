/* SPDX-License-Identifier: Apache-2.0 */
/* The retry policy of a route in words, for an operator who describes a request. */
#include "retry/retry.h"

#include <stdio.h>

#include "common/slice.h"

/* "connect, 5xx" */
static void join(char *to, size_t room, const struct weir_texts *texts)
{
    size_t at = 0;
    to[0] = '\0';
    for (size_t i = 0; i < texts->n && at < room; i++) {
        const int n = snprintf(to + at, room - at, "%s%.*s", i ? ", " : "", SLICE_ARG(texts->v[i]));
        at += n > 0 ? (size_t)n : 0;
    }
}

void retry_explain(struct weir_explain *e, const struct weir_use *u)
{
    const struct retry *r = u->conf;
    const struct retry_global *g = u->global;
    char on[256];
    if (!r->enabled || (g && !g->enabled)) {
        weir_explain_say(e, "it is switched off");
        return;
    }
    join(on, sizeof on, &r->on_texts);
    const char *preset =
        r->on_texts.v ? "nothing but what on_headers names" : conditions_preset_words;
    weir_explain_say(e, "up to %lld attempts, on: %s", (long long)r->attempts, on[0] ? on : preset);
    if (r->methods.n && !slice_among(&r->methods, weir_explain_method(e)))
        weir_explain_say(e, "... but not once %.*s may have reached a backend",
                         SLICE_ARG(weir_explain_method(e)));
    if (r->per_try_timeout_ms)
        weir_explain_say(e, "each attempt has %llu ms", (unsigned long long)r->per_try_timeout_ms);
    if (r->hedge.delay_text.n)
        weir_explain_say(e, "a second one starts beside it after %.*s",
                         SLICE_ARG(r->hedge.delay_text));
    if (r->then.cluster_name.n)
        weir_explain_say(e, "the last ones go to %.*s", SLICE_ARG(r->then.cluster_name));
}
