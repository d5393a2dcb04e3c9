/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/call.h>: requests of the module's own. */
#include "core/call.h"
#include "core/module/module_api.h"

static struct weir_call *call_of(struct shadow *sh)
{
    return (struct weir_call *)sh;
}

static const struct module *caller_of(const struct exchange *x)
{
    return x->hook ? x->hook->module : module_caller(x->w);
}

struct weir_call *weir_call(struct weir_process *p, const struct weir_call_options *o)
{
    struct worker *w = worker_of(p);
    return call_of(call_start(w, NULL, o, module_caller(w)));
}

struct weir_call *weir_call_for(struct weir_exchange *wx, const struct weir_call_options *o)
{
    struct exchange *x = exchange_of(wx);
    return call_of(call_start(x->w, x, o, caller_of(x)));
}

struct weir_call *weir_shadow(struct weir_exchange *wx, const struct weir_call_options *o)
{
    struct exchange *x = exchange_of(wx);
    return call_of(shadow_copy(x, o, caller_of(x)));
}

void weir_call_cancel(struct weir_call *c)
{
    shadow_cancel((struct shadow *)c);
}

struct weir_slice weir_call_field(const struct weir_call *c, const struct weir_name *name)
{
    return slice_out(call_field((const struct shadow *)c, slice_in(name->text)));
}
