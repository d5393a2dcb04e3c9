/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_API_H
#define WEIR_CORE_MODULE_API_H

/* Private to core/module/module_api_*.c, which are the functions of <weir/module.h>: thin accessors. What
 * modules hold as opaque pointers are the gateway's own structs, and their values have the same
 * layout as ours. */

#include "core/module/hooks.h"
#include "core/module/module_slice.h"

static inline struct exchange *exchange_of(const struct weir_exchange *x)
{
    return (struct exchange *)x;
}

/* Of something that is there, even if it is empty. */
static inline struct weir_slice slice_there(struct slice s)
{
    return (struct weir_slice){s.p ? s.p : "", s.n};
}

/* Of something whose emptiness says that there is none. */
static inline struct weir_slice slice_or_absent(struct slice s)
{
    return s.n ? slice_out(s) : (struct weir_slice){NULL, 0};
}

static inline struct weir_slice slice_of_word(const char *s)
{
    return slice_out(slice_str(s));
}

/* Does the hook that runs belong to this moment? Logs the module's mistake when it doesn't. */
static inline bool is_moment(const struct exchange *x, enum moment m)
{
    if (x->hook && x->moment == m)
        return true;
    hooks_mistake(x, "called something that belongs to another hook");
    return false;
}

#endif
