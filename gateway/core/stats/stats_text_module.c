/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and gauges of modules on the metrics page. The format wants all lines of one metric together, and
 * the same metric comes from every use of a module; so the rows are gathered by name first, in the
 * order in which names are met. What a module says in its help is escaped: it is text of somebody
 * else's. */

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

struct metric {
    struct metric *next;
    struct slice name; /* "weir_canary_sent_total"; NUL-terminated */
    const char *type, *help;
    struct row *rows, **end;
};

struct metrics {
    struct page *page;
    struct map by_name;
    struct metric *first, **end;
};

static struct metric *find_metric(struct metrics *all, struct slice name, const char *type,
                                  const char *help);
static struct slice help_escaped(struct page *p, const char *help);

static void add_row(struct metrics *all, struct metric *m, struct slice labels, uint64_t value)
{
    struct row *r = ARENA_NEW(&all->page->arena, struct row);

    r->labels = labels;
    r->value = value;
    *m->end = r;
    m->end = &r->next;
}

static void gather_counters(struct metrics *all)
{
    struct page *p = all->page;

    for (size_t k = 0; k < p->modules.n; k++) {
        const struct weir_counters *c = p->g->modules->counters[k];
        for (uint32_t i = 0; i < c->n; i++) {
            const char *name =
                arena_printf(&p->arena, "weir_%s_%s_total", c->module->name, c->rows[i].name);
            add_row(all, find_metric(all, slice_str(name), "counter", c->rows[i].help),
                    p->modules.v[k].labels, p->modules.v[k].sum[i]);
        }
    }
}

static void gather_gauges(struct metrics *all)
{
    struct page *p = all->page;
    const struct module_gauge *g = p->g->modules ? p->g->modules->gauges : NULL;

    for (; g; g = g->next) {
        const char *name = arena_printf(&p->arena, "weir_%s_%s", g->module->name, g->gauge.name);
        add_row(all, find_metric(all, slice_str(name), "gauge", g->gauge.help), g->labels,
                g->gauge.read(g->gauge.ctx));
    }
}

void page_modules(struct page *p)
{
    struct metrics all = {.page = p, .end = &all.first};

    map_init(&all.by_name);
    gather_counters(&all);
    gather_gauges(&all);
    for (const struct metric *m = all.first; m; m = m->next) {
        page_head(p->out, "", m->name.p, "", m->type, help_escaped(p, m->help).p);
        for (const struct row *r = m->rows; r; r = r->next)
            page_line(p->out, m->name, r->labels, slice_of(NULL, 0), (int64_t)r->value);
    }
    map_fini(&all.by_name);
}

static struct metric *find_metric(struct metrics *all, struct slice name, const char *type,
                                  const char *help)
{
    struct metric *m = map_find(&all->by_name, name);

    if (m)
        return m;
    m = ARENA_NEW(&all->page->arena, struct metric);
    m->name = name;
    m->type = type;
    m->help = help;
    m->end = &m->rows;
    map_set(&all->by_name, name, m);
    *all->end = m;
    all->end = &m->next;
    return m;
}

/* Backslashes and line ends, as the format has it; NUL-terminated. */
static struct slice help_escaped(struct page *p, const char *help)
{
    p->key.n = 0;
    for (const char *at = help ? help : ""; *at; at++) {
        if (*at == '\\' || *at == '\n')
            text_char(&p->key, '\\');
        text_char(&p->key, *at == '\n' ? 'n' : *at);
    }
    return arena_dup(&p->arena, text_slice(&p->key));
}
