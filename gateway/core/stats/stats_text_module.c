/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and gauges of modules on the metrics page. The format wants all lines of one metric together, and
 * the same metric comes from every use of a module; so the rows are gathered by name first, in the
 * order in which names are met. */

#include "base/map.h"
#include "core/generation.h"
#include "core/stats/stats_module.h"
#include "core/stats/stats_page.h"

/* One counter or gauge of one use: a line. */
struct row {
    struct row *next; /* of the same metric */
    struct slice labels;
    uint64_t value;
};

struct family {
    struct family *next;
    struct metric metric;
    struct row *rows, **end;
};

struct families {
    struct page *page;
    struct map by_name;
    struct family *first, **end;
};

static struct family *find_family(struct families *all, const char *name, enum metric_type type,
                                  const char *help);

static void add_row(struct families *all, struct family *m, struct slice labels, uint64_t value)
{
    struct row *r = ARENA_NEW(&all->page->arena, struct row);

    r->labels = labels;
    r->value = value;
    *m->end = r;
    m->end = &r->next;
}

static void gather_counters(struct families *all)
{
    struct page *p = all->page;

    for (size_t k = 0; k < p->modules.n; k++) {
        const struct weir_counters *c = p->g->modules->counters[k];
        for (uint32_t i = 0; i < c->n; i++) {
            const char *name =
                arena_printf(&p->arena, "weir_%s_%s", c->module->name, c->rows[i].name);
            add_row(all, find_family(all, name, METRIC_COUNTER, c->rows[i].help),
                    p->modules.v[k].labels, p->modules.v[k].sum[i]);
        }
    }
}

static void gather_gauges(struct families *all)
{
    struct page *p = all->page;
    const struct module_gauge *g = p->g->modules ? p->g->modules->gauges : NULL;

    for (; g; g = g->next) {
        const char *name = arena_printf(&p->arena, "weir_%s_%s", g->module->name, g->gauge.name);
        add_row(all, find_family(all, name, METRIC_GAUGE, g->gauge.help), g->labels,
                g->gauge.read(g->gauge.ctx));
    }
}

void page_modules(struct page *p)
{
    struct families all = {.page = p, .end = &all.first};

    map_init(&all.by_name);
    gather_counters(&all);
    gather_gauges(&all);
    for (const struct family *f = all.first; f; f = f->next) {
        expose_head(p->e, &f->metric);
        for (const struct row *r = f->rows; r; r = r->next)
            expose_sample(p->e, &f->metric, r->labels, (struct slice){0}, (int64_t)r->value);
    }
    map_fini(&all.by_name);
}

static struct family *find_family(struct families *all, const char *name, enum metric_type type,
                                  const char *help)
{
    struct family *f = map_find(&all->by_name, slice_str(name));

    if (f)
        return f;
    f = ARENA_NEW(&all->page->arena, struct family);
    f->metric = (struct metric){.name = name, .type = type, .help = help};
    f->end = &f->rows;
    map_set(&all->by_name, slice_str(name), f);
    *all->end = f;
    all->end = &f->next;
    return f;
}
