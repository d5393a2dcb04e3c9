/* SPDX-License-Identifier: Apache-2.0 */
/* The life of modules in one process, and whose code runs.
 *
 * What a module may do can depend on who it is (reserved clusters). In a hook that is x->hook;
 * every other way into a module's code (start, tick, stop, timers, jobs, ends of calls, commands)
 * notes the module in w->acting for as long as it is there. Code that came in by neither is
 * nobody's, and gets nothing that is reserved. */
#include "core/exchange.h"
#include "core/module/module.h"
#include "core/worker.h"

#include <stdlib.h>

const struct module *module_caller(const struct worker *w)
{
    const struct exchange *x = w->current;
    return x && x->hook ? x->hook->module : w->acting;
}

void modules_start(struct worker *w)
{
    const struct module_plan *plan = w->g->modules;
    if (!plan)
        return;
    w->locals = calloc(plan->n + 1, sizeof *w->locals); /* calloc may give NULL for nothing */
    must(w->locals);
    for (size_t i = 0; i < plan->n; i++) {
        const struct loaded_module *m = &plan->modules[i];
        w->acting = m->module;
        if (m->module->desc->start)
            w->locals[i] = m->module->desc->start(process_of(w), m->global);
    }
    w->acting = NULL;
}

bool modules_want_ticks(const struct worker *w)
{
    const struct module_plan *plan = w->g->modules;
    for (size_t i = 0; plan && i < plan->n; i++)
        if (plan->modules[i].module->desc->tick)
            return true;
    return false;
}

void modules_tick(struct worker *w)
{
    const struct module_plan *plan = w->g->modules;
    for (size_t i = 0; plan && i < plan->n; i++) {
        const struct module *m = plan->modules[i].module;
        w->acting = m;
        if (m->desc->tick)
            m->desc->tick(process_of(w), w->locals[i]);
    }
    w->acting = NULL;
}

void modules_stop(struct worker *w)
{
    const struct module_plan *plan = w->g->modules;
    if (!w->locals)
        return;
    for (size_t i = plan->n; i-- > 0;) {
        const struct module *m = plan->modules[i].module;
        w->acting = m;
        if (m->desc->stop)
            m->desc->stop(process_of(w), w->locals[i]);
    }
    w->acting = NULL;
    free(w->locals);
    w->locals = NULL;
}
