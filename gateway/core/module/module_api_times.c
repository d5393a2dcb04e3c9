/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h> and <weir/attempt.h>: how an exchange's time was spent, for who looks back on it
 * at its end. */
#include "core/module/module_api.h"

uint64_t weir_began_us(const struct weir_exchange *x)
{
    return exchange_of(x)->created_us;
}

uint64_t weir_began_wall_us(const struct weir_exchange *x)
{
    return exchange_of(x)->created_wall_us;
}

bool weir_wait_each(const struct weir_exchange *wx, size_t *at, struct weir_wait *out)
{
    const struct exchange *x = exchange_of(wx);
    const struct hook_wait *wait = x->waits;
    for (size_t i = 0; wait && i < *at; i++)
        wait = wait->next;
    if (!wait)
        return false;
    ++*at;
    *out = (struct weir_wait){
        .module = slice_of_word(wait->use->module->desc->name),
        .hook = slice_of_word(moment_name(wait->moment)),
        .began_us = wait->began_us,
        .ended_us = wait->ended_us ? wait->ended_us : x->w->loop->clock.mono_us,
    };
    return true;
}

struct weir_attempt_times weir_attempt_times(const struct weir_attempt *wat)
{
    const struct attempt *at = (const struct attempt *)wat;
    return (struct weir_attempt_times){
        .began_us = at->started_us,
        .opened_us = at->opened_us,
        .headed_us = at->headed_us,
        .ended_us = at->done_us,
    };
}

const struct weir_attempt *weir_attempt_next(const struct weir_exchange *wx,
                                             const struct weir_attempt *wat)
{
    const struct exchange *x = exchange_of(wx);
    const struct list *from = wat ? &((const struct attempt *)wat)->node : &x->attempts;
    if (from->next == &x->attempts)
        return NULL;
    return (const struct weir_attempt *)list_entry(from->next, struct attempt, node);
}
