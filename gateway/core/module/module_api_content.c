/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "content": filters, and content that is kept. */
#include "core/module/module_api.h"

#include "core/filter.h"

/* A direction's filters are gathered before its content moves. */
static bool is_time_for(const struct exchange *x, enum weir_direction d)
{
    return is_moment(x, d == WEIR_TO_ORIGIN ? MOMENT_FORWARD : MOMENT_RESPONSE);
}

void weir_filter(struct weir_exchange *wx, const struct weir_use *u, enum weir_direction d,
                 bool changes)
{
    struct exchange *x = exchange_of(wx);
    (void)u; /* that of the hook that runs */
    if (!is_time_for(x, d))
        return;
    if (x->hook->module->desc->on_content)
        filter_add(x, d, changes);
    else
        hooks_mistake(x, "a filter needs on_content");
}

void weir_pass(struct weir_exchange *wx, enum weir_direction d, struct weir_slice s)
{
    struct exchange *x = exchange_of(wx);
    if (!filter_pass(x, d, slice_in(s)))
        hooks_mistake(x, "weir_pass() belongs to on_content, for its direction");
}

void weir_keep(struct weir_exchange *wx, enum weir_direction d, size_t limit)
{
    struct exchange *x = exchange_of(wx);
    if (is_time_for(x, d))
        filter_keep(x, d, limit);
}

struct weir_slice weir_kept(struct weir_exchange *wx, enum weir_direction d, bool *whole)
{
    return slice_out(filter_kept(exchange_of(wx), d, whole));
}
