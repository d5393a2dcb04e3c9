/* SPDX-License-Identifier: Apache-2.0 */
/* A module for the tests of the loader. Compiled several times: as it is, and in ways in which a
 * module can't be used. */
#include <weir/module.h>

#ifndef PLAIN_ABI
#define PLAIN_ABI WEIR_ABI
#endif
#ifndef PLAIN_NAME
#define PLAIN_NAME "plain"
#endif

struct plain {
    int64_t depth;
};

static const struct weir_setting rows[] = {
    WEIR_ROW_INT("depth", struct plain, depth, "3", 1, 9, "how deep"),
    WEIR_ROW_END,
};

#ifdef PLAIN_CALLS
void PLAIN_CALLS(struct weir_load *l);
#endif

static void load_route(struct weir_load *l, void *conf, void *global)
{
    (void)global;
    const struct plain *p = conf;
    if (p->depth == 9)
        weir_warn(l, weir_load_place(l), "plain is as deep as it can be");
#ifdef PLAIN_CALLS
    PLAIN_CALLS(l);
#endif
}

const struct weir_module weir_module = {
    .abi = PLAIN_ABI,
    .name = PLAIN_NAME,
    .summary = "does nothing",
    .route = {.rows = rows, .size = sizeof(struct plain)},
    .load_route = load_route,
};
