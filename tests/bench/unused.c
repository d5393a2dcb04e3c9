/* SPDX-License-Identifier: Apache-2.0 */
/* A module with every hook that a request could meet, for measuring what one costs that is loaded
 * and that the request's route doesn't use. Built by sections_modules.sh, under several names. */
#include <weir/module.h>

struct unused {
    int64_t depth;
};

static const struct weir_setting rows[] = {
    WEIR_ROW_INT("depth", struct unused, depth, "3", 1, 9, "how deep"),
    WEIR_ROW_END,
};

static enum weir_verdict next(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
    return WEIR_NEXT;
}

static enum weir_verdict on_pick(struct weir_exchange *x, const struct weir_use *u,
                                 const struct weir_endpoint *ep)
{
    (void)ep;
    return next(x, u);
}

static enum weir_verdict on_result(struct weir_exchange *x, const struct weir_use *u,
                                   const struct weir_attempt *at)
{
    (void)at;
    return next(x, u);
}

static void on_end(struct weir_exchange *x, const struct weir_use *u, const struct weir_attempt *at)
{
    (void)x, (void)u, (void)at;
}

static void nothing(struct weir_exchange *x, const struct weir_use *u)
{
    (void)x, (void)u;
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = UNUSED_NAME,
    .summary = "has every hook",
    .global = {.rows = rows, .size = sizeof(struct unused)},
    .route = {.rows = rows, .size = sizeof(struct unused)},
    .state_size = 64,
    .wants_identity = true,
    .on_identify = next,
    .on_request = next,
    .on_plan = next,
    .on_forward = next,
    .on_pick = on_pick,
    .on_result = on_result,
    .on_response = nothing,
    .on_end = on_end,
    .on_done = nothing,
};
