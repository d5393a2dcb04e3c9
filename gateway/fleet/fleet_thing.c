/* SPDX-License-Identifier: Apache-2.0 */
/* What cells, windows, counters and boards have in common: a key, an owner, an end. */
#include "fleet/fleet_parts.h"

#include "base/log.h"
#include "core/module/module.h"

#include <stdlib.h>

enum { NAME_MAX_LEN = 200 };

struct fleet *fleet_of(const struct weir_process *p)
{
    return ((const struct worker *)p)->fleet;
}

static struct slice key_of(const struct fleet *f, char kind, const char *module, struct slice name)
{
    struct text t;
    text_init(&t);
    text_printf(&t, "%.*s%c:%s:%.*s", SLICE_ARG(f->conf->prefix), kind, module, SLICE_ARG(name));
    return text_slice(&t);
}

static void mistake(const char *module, struct slice name, const char *what)
{
    log_error("fleet_name_refused", KV("module", module), KV_SLICE("name", name), KV("why", what));
}

void *fleet_thing_new(struct fleet *f, size_t size, char kind, struct slice name, struct list *list)
{
    const struct module *m = module_caller(f->w);
    const char *module = m ? m->desc->name : "";
    if (name.n == 0 || name.n > NAME_MAX_LEN) {
        mistake(module, name, "a name has 1 to 200 bytes");
        return NULL;
    }
    const struct slice key = key_of(f, kind, module, name);
    struct fleet_thing *t = map_find(&f->things, key) ? NULL : calloc(1, size);
    if (!t) {
        mistake(module, name, map_find(&f->things, key) ? "it is open already" : "no memory");
        free((char *)key.p);
        return NULL;
    }
    t->fleet = f;
    t->kind = kind;
    t->module = m;
    t->key = key;
    list_init(&t->node);
    list_push(list, &t->node);
    map_set(&f->things, key, t);
    return t;
}

void fleet_thing_close(struct fleet_thing *t)
{
    if (t->closed)
        return;
    t->closed = true;
    map_remove(&t->fleet->things, t->key);
    loop_later(t->fleet->loop, &t->fleet->sweep);
}

static void sweep_list(struct list *all)
{
    list_each_safe (pos, all) {
        struct fleet_thing *t = container_of(pos, struct fleet_thing, node);
        if (!t->closed || t->asked)
            continue;
        list_remove(&t->node);
        if (t->drop)
            t->drop(t);
        free((char *)t->key.p);
        free(t);
    }
}

void fleet_sweep(struct fleet *f)
{
    sweep_list(&f->cells);
    sweep_list(&f->windows);
    sweep_list(&f->counters);
    sweep_list(&f->boards);
}

const struct module *fleet_enter(const struct fleet_thing *t)
{
    const struct module *before = t->fleet->w->acting;
    t->fleet->w->acting = t->module;
    return before;
}

void fleet_leave(const struct fleet_thing *t, const struct module *before)
{
    t->fleet->w->acting = before;
}
