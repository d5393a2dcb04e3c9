/* SPDX-License-Identifier: Apache-2.0 */
/* The decision, from the top down: the first line that fits counts. */
#include "auth/decide.h"

#include "auth/reasons.h"
#include "common/slice.h"

const char *const auth_method_words[AUTH_METHODS_N + 1] = {"certificate", "jwt", "api_key",
                                                           "basic"};
const char *const auth_mode_words[] = {"off", "optional", "required", NULL};

unsigned auth_method_bit(struct weir_slice word)
{
    for (unsigned i = 0; i < AUTH_METHODS_N; i++)
        if (slice_eq(word, slice_str(auth_method_words[i])))
            return 1u << i;
    return 0;
}

static enum decision say(enum decision d, const char *word, const char **detail)
{
    *detail = word;
    return d;
}

enum decision decide(const struct decide_case *c, const char **detail)
{
    *detail = NULL;
    if (c->mode == AUTH_OFF)
        return DECIDE_PASS;
    if (c->fault && reason_is_ours(c->fault))
        return say(DECIDE_UNAVAILABLE, c->fault, detail);
    if (c->identified && !(c->method & c->allowed))
        return say(DECIDE_CHALLENGE, "method_excluded", detail);
    if (c->identified)
        return c->fulfilled ? DECIDE_PASS : say(DECIDE_FORBID, "claim_missing", detail);
    if (c->mode == AUTH_REQUIRED)
        return say(DECIDE_CHALLENGE, c->fault ? c->fault : "credentials_missing", detail);
    return c->fault && !c->wrong_is_anonymous ? say(DECIDE_CHALLENGE, c->fault, detail)
                                              : DECIDE_PASS;
}
