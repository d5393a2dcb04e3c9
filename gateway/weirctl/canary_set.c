/* SPDX-License-Identifier: Apache-2.0 */
/* weirctl canary set: new weights for a route's split, as written on the command line. */

#include "weirctl/canary_splits.h"
#include "weirctl/command.h"

#include <stdlib.h>
#include <string.h>

/* So many digits survive the way through a double as they are. */
enum { WEIGHT_DIGITS = 15, WEIGHT_TEXT_MAX = WEIGHT_DIGITS + 1 };

/* Digits, with a point between some of them at most: 90, 0.01, 33.34. */
static bool is_weight(struct slice s)
{
    struct slice rest = s;
    const struct slice whole = slice_cut(&rest, '.'), part = rest;
    uint64_t v;

    return whole.n + part.n <= WEIGHT_DIGITS && slice_to_u64(whole, &v) &&
           (!part.p || slice_to_u64(part, &v));
}

static json_t *weight_of(struct slice s)
{
    char text[WEIGHT_TEXT_MAX + 1];

    if (slice_ends(s, SLICE("%")))
        s.n--;
    if (!is_weight(s))
        return NULL;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return strchr(text, '.') ? json_real(strtod(text, NULL))
                             : json_integer((json_int_t)strtoll(text, NULL, 10));
}

/* VARIANT=WEIGHT; a name may have '=' in it, a weight can't. */
static bool add_weight(json_t *weights, const char *arg, struct text *fault)
{
    const char *sign = strrchr(arg, '=');

    if (!sign || sign == arg) {
        text_printf(fault, "\"%s\" is not VARIANT=WEIGHT, such as reviews-v2=10", arg);
        return false;
    }
    json_t *weight = weight_of(slice_str(sign + 1));
    if (!weight) {
        text_printf(fault,
                    "\"%s\" is not a weight: a number such as 90, 10%% or 0.01, of up to %d digits",
                    sign + 1, WEIGHT_DIGITS);
        return false;
    }
    char *name = strndup(arg, (size_t)(sign - arg));
    must(name);
    const bool twice = json_object_get(weights, name);
    if (twice)
        text_printf(fault, "\"%s\" is given twice", name);
    json_object_set_new(weights, name, weight);
    free(name);
    return !twice;
}

static bool ask(const struct command_args *args, json_t *content, struct text *fault)
{
    json_t *weights = json_object();

    json_object_set_new(content, "weights", weights);
    json_object_set_new(content, "route", json_string(args->operands[0]));
    for (size_t i = 1; i < args->operands_n; i++)
        if (!add_weight(weights, args->operands[i], fault))
            return false;
    return true;
}

extern const struct command canary_set;
const struct command canary_set = {
    .name = "canary set",
    .operands = "ROUTE VARIANT=WEIGHT...",
    .summary = "change the weights of a split, at once",
    .help = "No reload is needed. Weights are relative: 90 and 10 are the same as 9 and 1. "
            "Variants that are not named\n"
            "keep theirs; 0 drains one.\n"
            "\n"
            "    weirctl canary set reviews reviews-v1=90% reviews-v2=10%\n",
    .operands_min = 2,
    .operands_max = 256,
    .path = "/v1/modules/canary/set",
    .decides = true,
    .ask = ask,
    .show = canary_splits_show,
};
