/* SPDX-License-Identifier: Apache-2.0 */
/* What load functions of modules call (<weir/load.h>): faults, places, memory of the generation,
 * what the configuration says about the use's place, and cells. Also called by the checks of groups
 * while settings are being read; then there is no generation yet, and memory is the
 * configuration's, which lives as long. */
#include <weir/fleet.h>

#include "core/module/module.h"

#include "core/generation.h"
#include "core/module/module_slice.h"
#include "http/fields.h"
#include "io/shm.h"

static const struct config *config_of(const struct weir_load *l)
{
    return l->g ? l->g->config : l->reader->root;
}

/* -- faults ------------------------------------------------------------------------------------ */

/* Without a line it is said of the module as a whole. */
static const char *message(struct weir_load *l, const struct weir_place *place, const char *fmt,
                           va_list ap)
{
    const char *text = arena_vprintf(&l->faults->arena, fmt, ap);
    const bool placed = place && place->line;
    return placed ? text
                  : arena_printf(&l->faults->arena, "module %s: %s", l->module->desc->name, text);
}

static const char *file_of(const struct weir_load *l, const struct weir_place *place)
{
    return place && place->file ? place->file : config_of(l)->file.p;
}

void weir_fault(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = message(l, place, fmt, ap);
    va_end(ap);
    faults_add(l->faults, file_of(l, place), place ? place->line : 0, "%s", text);
}

void weir_warn(struct weir_load *l, const struct weir_place *place, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = message(l, place, fmt, ap);
    va_end(ap);
    faults_warn(l->faults, file_of(l, place), place ? place->line : 0, "%s", text);
}

/* -- the place and what is around it ----------------------------------------------------------- */

const struct weir_place *weir_load_place(const struct weir_load *l)
{
    return (const struct weir_place *)&l->place;
}

struct weir_slice weir_load_route(const struct weir_load *l)
{
    return l->route ? slice_out(l->route->name) : (struct weir_slice){"", 0};
}

weir_route weir_load_route_of(const struct weir_load *l)
{
    return l->route ? (weir_route)(l->route - config_of(l)->routes) : WEIR_NO_ROUTE;
}

size_t weir_load_routes(const struct weir_load *l)
{
    return config_of(l)->routes_n;
}

weir_cluster weir_load_route_cluster(const struct weir_load *l)
{
    const bool has = l->route && l->route->action == ACTION_CLUSTER;
    return has ? (weir_cluster)l->route->cluster_index : WEIR_NO_CLUSTER;
}

bool weir_load_fleet(const struct weir_load *l)
{
    return config_of(l)->fleet.set;
}

bool weir_load_is_check(const struct weir_load *l)
{
    return !l->shm;
}

struct weir_slice weir_cluster_name(const struct weir_load *l, weir_cluster cluster)
{
    const struct config *c = config_of(l);
    return cluster < c->clusters_n ? slice_out(c->clusters[cluster].place.name)
                                   : (struct weir_slice){NULL, 0};
}

/* -- memory ------------------------------------------------------------------------------------ */

void *weir_load_alloc(struct weir_load *l, size_t n)
{
    return arena_zalloc(l->arena, n);
}

struct weir_slice weir_load_dup(struct weir_load *l, struct weir_slice s)
{
    return s.p ? slice_out(arena_dup(l->arena, slice_in(s))) : s;
}

struct slice module_cell_key(struct weir_load *l, const char *name)
{
    return slice_str(arena_printf(l->arena, "%s%s", l->key, name));
}

enum { CELL_ALIGNED = 64 };

void *weir_cell(struct weir_load *l, const char *name, size_t size)
{
    if (!l->shm) { /* aligned as it would be there */
        const uintptr_t p = (uintptr_t)arena_zalloc(l->arena, size + CELL_ALIGNED - 1);
        return (void *)((p + CELL_ALIGNED - 1) & ~(uintptr_t)(CELL_ALIGNED - 1));
    }
    void *cell = shm_cell(l->shm, module_cell_key(l, name), size);
    if (!cell)
        weir_fault(l, weir_load_place(l),
                   "no room in the shared region for %s of the module %s (%zu bytes), or an older "
                   "generation has it with another size; raise memory.shared and restart",
                   name, l->module->desc->name, size);
    return cell;
}

/* -- what a module keeps to itself ------------------------------------------------------------- */

void weir_load_reserve(struct weir_load *l, weir_cluster cluster)
{
    if (cluster >= l->g->config->clusters_n)
        return;
    struct module **owner = &l->g->modules->reserved[cluster];
    if (*owner && *owner != l->module) {
        const struct place *said = &l->reserved[cluster];
        weir_fault(l, weir_load_place(l),
                   "%s wants the cluster %.*s to itself, and so does %s (%s:%d)",
                   l->module->desc->name, SLICE_ARG(l->g->config->clusters[cluster].place.name),
                   (*owner)->desc->name, said->file, said->line);
        return;
    }
    if (!*owner)
        l->reserved[cluster] = l->place;
    *owner = (struct module *)l->module;
}

void weir_load_all_results(struct weir_load *l)
{
    if (l->conf)
        l->conf->all_results = true;
}

void weir_load_late(struct weir_load *l)
{
    if (l->conf)
        l->conf->late = true;
}

void weir_load_keep(struct weir_load *l)
{
    if (l->conf)
        l->conf->keeps = true;
}

void weir_load_results_while(struct weir_load *l, const _Atomic uint32_t *word)
{
    if (l->conf)
        l->conf->results_while = word;
}

void weir_load_wants_identity(struct weir_load *l)
{
    if (l->conf)
        l->conf->wants_identity = true;
}

static bool has_text(const struct texts *texts, struct slice s)
{
    for (size_t i = 0; i < texts->n; i++)
        if (slice_eq(texts->v[i], s))
            return true;
    return false;
}

void weir_load_strip(struct weir_load *l, struct weir_slice field)
{
    struct texts *strip = &l->g->modules->strip;
    char *name = arena_printf(l->arena, "%.*s", SLICE_ARG(field));
    for (size_t i = 0; i < field.n; i++)
        name[i] = ascii_lower(name[i]);
    const struct slice lower = slice_of(name, field.n);
    if (!is_token(lower)) {
        weir_fault(l, weir_load_place(l), "\"%.*s\" is no name of a header field",
                   SLICE_ARG(lower));
        return;
    }
    if (has_text(strip, lower))
        return;
    struct slice *all = ARENA_ARRAY(l->arena, struct slice, strip->n + 1);
    for (size_t i = 0; i < strip->n; i++)
        all[i] = strip->v[i];
    all[strip->n] = lower;
    *strip = (struct texts){.v = all, .n = strip->n + 1};
}
