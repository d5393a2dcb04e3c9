/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of modules on the metrics page. The format wants all lines of one metric together, and
 * the same metric comes from every use of a module; so the rows are gathered by name first, in the
 * order in which names are met. What a module says in its help is escaped: it is text of somebody
 * else's. */

#include "base/map.h"
#include "core/generation.h"
#include "core/stats_module.h"
#include "core/stats_page.h"

/* One counter of one use: a line. */
struct row {
    struct row *next; /* of the same metric */
    struct slice labels;
    uint64_t value;
};

struct metric {
    struct metric *next;
    struct slice name; /* "weir_canary_sent_total"; NUL-terminated */
    const char *help;
    struct row *rows, **end;
};

struct metrics {
    struct page *page;
    struct map by_name;
    struct metric *first, **end;
};

static struct metric *find_metric(struct metrics *all, const struct weir_counters *c, uint32_t i);
static struct slice help_escaped(struct page *p, const char *help);

static void gather(struct metrics *all)
{
    const struct page *p = all->page;

    for (size_t k = 0; k < p->modules.n; k++) {
        const struct weir_counters *c = p->g->modules->counters[k];
        for (uint32_t i = 0; i < c->n; i++) {
            struct metric *m = find_metric(all, c, i);
            struct row *r = ARENA_NEW(&all->page->arena, struct row);
            r->labels = p->modules.v[k].labels;
            r->value = p->modules.v[k].sum[i];
            *m->end = r;
            m->end = &r->next;
        }
    }
}

void page_modules(struct page *p)
{
    struct metrics all = {.page = p, .end = &all.first};

    map_init(&all.by_name);
    gather(&all);
    for (const struct metric *m = all.first; m; m = m->next) {
        page_head(p->out, "", m->name.p, "", "counter", help_escaped(p, m->help).p);
        for (const struct row *r = m->rows; r; r = r->next)
            page_line(p->out, m->name, r->labels, slice_of(NULL, 0), (int64_t)r->value);
    }
    map_fini(&all.by_name);
}

static struct metric *find_metric(struct metrics *all, const struct weir_counters *c, uint32_t i)
{
    struct arena *a = &all->page->arena;
    const struct slice name =
        slice_str(arena_printf(a, "weir_%s_%s_total", c->module->name, c->rows[i].name));
    struct metric *m = map_find(&all->by_name, name);

    if (m)
        return m;
    m = ARENA_NEW(a, struct metric);
    m->name = name;
    m->help = c->rows[i].help;
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
