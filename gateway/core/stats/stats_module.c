/* SPDX-License-Identifier: Apache-2.0 */
/* Registering what modules count, and adding it up for them. Nothing here makes a cell: that
 * stats_bind() does, as for every kind, when a process gets its slot.
 *
 * Invariant: no two objects of a plan have the same key, and a metric's name belongs to one module:
 * the page would show two series of one name otherwise, which a scraper refuses as a whole. */

#include "core/stats/stats_module.h"

#include "base/map.h"
#include "core/generation.h"

enum { SLOTS_ALL = STATS_SLOTS_MAX };

static void *registered(struct module_plan *p, struct slice key);
static void register_key(struct weir_load *l, struct slice key, void *object);
static bool counters_ok(struct weir_load *l, const struct weir_counter *rows,
                        const struct weir_label *labels, size_t labels_n);
static struct slice print_labels(const struct weir_load *l, const struct weir_label *labels,
                                 size_t labels_n);
static struct slice counters_key(const struct weir_load *l, const struct weir_counter *rows,
                                 struct slice labels);

/* Room for one more at the end of an array that grows by doubling. What it grows out of stays in
 * the arena: less than the array itself. */
static void *grow(struct arena *a, void *v, uint32_t n, size_t size)
{
    if (n & (n - 1))
        return v;
    void *larger = arena_zalloc(a, arena_size(size, n ? 2 * (size_t)n : 1));
    if (n)
        memcpy(larger, v, n * size);
    return larger;
}

static void fault(struct weir_load *l, const char *what, struct slice name, const char *allowed)
{
    const struct place *at = l->conf ? &l->conf->place : NULL;
    faults_add(l->faults, at ? at->file : NULL, at ? at->line : 0,
               "module %s: %s \"%.*s\" can't be used: %s", l->module->desc->name, what,
               SLICE_ARG(name), allowed);
}

/* -- variants ---------------------------------------------------------------------------------- */

/* A name holds no "/", so a key is of one route and one name. */
static bool variant_name_ok(struct slice name)
{
    return name.n && name.n <= VARIANT_NAME_MAX && slice_find(name, '/') == name.n;
}

struct weir_variant *variant_add(struct weir_load *l, struct slice name)
{
    struct module_plan *p = l->g->modules;

    if (!l->route || !variant_name_ok(name)) {
        fault(l, "the variant", name,
              l->route ? "a name has 1 to 128 bytes and no \"/\"" : "only a route has variants");
        return NULL;
    }
    const char *key = arena_printf(l->arena, "stats/variant/%.*s/%.*s", SLICE_ARG(l->route->name),
                                   SLICE_ARG(name));
    struct weir_variant *v = registered(p, slice_str(key));
    if (v)
        return v;
    v = ARENA_NEW(l->arena, struct weir_variant);
    v->index = p->variants_n;
    v->route = l->route->name;
    v->name = arena_dup(l->arena, name);
    v->key = slice_from(slice_str(key), SLICE("stats/variant/").n);
    p->variants = grow(l->arena, p->variants, p->variants_n, sizeof(void *));
    p->variants[p->variants_n++] = v;
    register_key(l, slice_str(key), v);
    return v;
}

struct stats_cell variant_cell(const struct weir_variant *v)
{
    return stats_cell_of(STATS_VARIANT, v->index, "stats/variant/", v->key,
                         sizeof(struct traffic_stats));
}

/* -- counters ---------------------------------------------------------------------------------- */

struct weir_counters *counters_add(struct weir_load *l, const struct weir_counter *rows,
                                   const struct weir_label *labels, size_t labels_n)
{
    struct module_plan *p = l->g->modules;

    if (!counters_ok(l, rows, labels, labels_n))
        return NULL;
    const struct slice printed = print_labels(l, labels, labels_n);
    const struct slice key = counters_key(l, rows, printed);
    struct weir_counters *c = registered(p, key);
    if (c)
        return c;
    c = ARENA_NEW(l->arena, struct weir_counters);
    c->index = p->counters_n;
    c->rows = rows;
    while (rows[c->n].name)
        c->n++;
    c->module = l->module->desc;
    c->labels = printed;
    c->key = slice_from(key, SLICE("stats/module/").n);
    p->counters = grow(l->arena, p->counters, p->counters_n, sizeof(void *));
    p->counters[p->counters_n++] = c;
    register_key(l, key, c);
    return c;
}

struct stats_cell counters_cell(const struct weir_counters *c)
{
    return stats_cell_of(STATS_MODULE, c->index, "stats/module/", c->key, c->n * sizeof(uint64_t));
}

/* What a label may be called, and a part of a metric's name (Prometheus, data model). */
static bool name_fits(const char *name)
{
    bool ok = name && *name && !(*name >= '0' && *name <= '9') && strncmp(name, "__", 2) != 0;

    for (const char *p = name; ok && *p; p++)
        ok = *p == '_' || (ascii_lower(*p) >= 'a' && ascii_lower(*p) <= 'z') ||
             (*p >= '0' && *p <= '9');
    return ok;
}

static struct slice family_of(const struct weir_load *l, const char *name)
{
    return slice_str(arena_printf(l->arena, "weir_%s_%s", l->module->desc->name, name));
}

/* What samples of other families end with (OpenMetrics 1.0, 4.3). */
static bool has_suffix(const char *name)
{
    static const char *const suffixes[] = {"_total",  "_created", "_count",  "_sum",
                                           "_bucket", "_info",    "_gcount", "_gsum"};

    for (size_t i = 0; i < array_n(suffixes); i++)
        if (slice_ends(slice_str(name), slice_str(suffixes[i])))
            return true;
    return false;
}

/* The gateway's own metrics begin with these words; a module of such a name has no counters. */
static bool is_ours(const char *module)
{
    static const char *const ours[] = {
        "route",  "cluster", "listener", "endpoint", "variant", "process",  "resolver", "files",
        "health", "fleet",   "metrics",  "shared",   "config",  "exchange", "h1",       "h2"};

    for (size_t i = 0; i < array_n(ours); i++)
        if (!strcmp(module, ours[i]))
            return true;
    return false;
}

static bool label_ok(const struct weir_load *l, const struct weir_label *labels, size_t i)
{
    const char *name = labels[i].name;
    bool ok = name_fits(name) && !(l->route && !strcmp(name, "route")) &&
              !(l->cluster && !strcmp(name, "cluster"));

    for (size_t k = 0; ok && k < i; k++)
        ok = strcmp(name, labels[k].name) != 0;
    return ok;
}

/* A metric is one module's, and of one type; its name becomes this one's. */
struct claim {
    const struct weir_module *owner;
    const char *what;
};

/* Where the manual of a module names what it counts, it names all. */
static bool is_told(const struct weir_counter *told, const char *name)
{
    const bool none = !told;

    for (; told && told->name; told++)
        if (!strcmp(told->name, name))
            return true;
    return none;
}

static void claim_metric(struct weir_load *l, const char *what, const char *name,
                         const struct weir_counter *told)
{
    const struct slice family = family_of(l, name);
    struct claim *c = registered(l->g->modules, family);

    if (name_fits(name) && !is_told(told, name))
        fault(l, what, slice_str(name), "it is not among those that the module names");
    if (!name_fits(name) || has_suffix(name)) {
        fault(
            l, what, slice_str(name),
            "a name has letters, digits and \"_\", and doesn't end as samples do: _total, _count");
    } else if (c && (c->owner != l->module->desc || c->what != what)) {
        fault(l, what, slice_str(name),
              c->owner != l->module->desc ? "another module has that metric"
                                          : "a counter and a gauge can't have the same name");
    } else if (!c) {
        c = ARENA_NEW(l->arena, struct claim);
        *c = (struct claim){l->module->desc, what};
        register_key(l, family, c);
    }
}

static const char a_counter[] = "the counter", a_gauge[] = "the gauge";

static void check_labels(struct weir_load *l, const struct weir_label *labels, size_t labels_n)
{
    if (is_ours(l->module->desc->name))
        fault(l, "counters of", slice_str(l->module->desc->name),
              "the gateway's own metrics begin with that word");
    for (size_t i = 0; i < labels_n; i++)
        if (!label_ok(l, labels, i))
            fault(l, "the label", slice_str(labels[i].name),
                  "a name has letters, digits and \"_\", and stands once");
}

static bool counters_ok(struct weir_load *l, const struct weir_counter *rows,
                        const struct weir_label *labels, size_t labels_n)
{
    const size_t before = l->faults->errors;

    if (!rows->name)
        fault(l, "the list of counters", SLICE(""), "there is none in it");
    check_labels(l, labels, labels_n);
    for (const struct weir_counter *r = rows; r->name; r++)
        claim_metric(l, a_counter, r->name, l->module->desc->counters);
    return l->faults->errors == before;
}

static void print_label(struct text *t, const char *name, struct slice value)
{
    if (t->n)
        text_char(t, ',');
    text_str(t, name);
    text_str(t, "=\"");
    text_label_escaped(t, value);
    text_char(t, '"');
}

static struct slice print_labels(const struct weir_load *l, const struct weir_label *labels,
                                 size_t labels_n)
{
    struct text t;

    text_init(&t);
    if (l->route)
        print_label(&t, "route", l->route->name);
    if (l->cluster)
        print_label(&t, "cluster", l->cluster->place.name);
    for (size_t i = 0; i < labels_n; i++)
        print_label(&t, labels[i].name, slice_of(labels[i].value.p, labels[i].value.n));
    const struct slice out = arena_dup(l->arena, text_slice(&t));
    text_fini(&t);
    return out;
}

/* FNV-1a, the same in every binary: the key outlives this one. */
static uint64_t digest_of(const struct weir_counter *rows)
{
    uint64_t h = 0xcbf29ce484222325;

    for (; rows->name; rows++)
        for (const char *p = rows->name;; p++) { /* with the NUL: "a","bc" isn't "ab","c" */
            h = (h ^ (unsigned char)*p) * 0x100000001b3;
            if (!*p)
                break;
        }
    return h;
}

/* Names of modules, routes and clusters hold no "/", and labels end with their quote. */
static struct slice counters_key(const struct weir_load *l, const struct weir_counter *rows,
                                 struct slice labels)
{
    const struct slice owner = l->route     ? l->route->name
                               : l->cluster ? l->cluster->place.name
                                            : SLICE("-");

    return slice_str(
        arena_printf(l->arena, "stats/module/%s/%s/%.*s/%.*s/%016llx", l->module->desc->name,
                     l->route     ? "route"
                     : l->cluster ? "cluster"
                                  : "module",
                     SLICE_ARG(owner), SLICE_ARG(labels), (unsigned long long)digest_of(rows)));
}

/* -- gauges ------------------------------------------------------------------------------------ */

void gauge_add(struct weir_load *l, const struct weir_gauge *gauge, const struct weir_label *labels,
               size_t labels_n)
{
    struct module_plan *p = l->g->modules;
    const size_t before = l->faults->errors;

    check_labels(l, labels, labels_n);
    claim_metric(l, a_gauge, gauge->name, l->module->desc->gauges);
    if (l->faults->errors != before)
        return;
    const struct slice printed = print_labels(l, labels, labels_n);
    const struct slice key = slice_str(arena_printf(
        l->arena, "gauge/%s/%s/%.*s", l->module->desc->name, gauge->name, SLICE_ARG(printed)));
    if (registered(p, key))
        return;
    struct module_gauge *g = ARENA_NEW(l->arena, struct module_gauge);
    g->gauge = *gauge;
    g->module = l->module->desc;
    g->labels = printed;
    register_key(l, key, g);
    *(p->gauges_last ? &p->gauges_last->next : &p->gauges) = g;
    p->gauges_last = g;
}

/* -- what is registered ------------------------------------------------------------------------ */

static void *registered(struct module_plan *p, struct slice key)
{
    return p->known ? map_find(p->known, key) : NULL;
}

static void free_map(void *map)
{
    map_fini(map);
}

static void register_key(struct weir_load *l, struct slice key, void *object)
{
    struct module_plan *p = l->g->modules;

    if (!p->known) {
        p->known = ARENA_NEW(l->arena, struct map);
        map_init(p->known);
        arena_on_end(l->arena, free_map, p->known);
    }
    map_set(p->known, key, object);
}

/* -- adding up --------------------------------------------------------------------------------- */

struct traffic_sum {
    struct traffic_stats *out;
    const struct latency_bounds *bounds;
};

static void add_traffic(void *to, const struct stats_cell *c, const void *column)
{
    const struct traffic_sum *s = to;

    stats_add_counted((uint64_t *)s->out, column, c->size, s->bounds);
}

void variant_sum(const struct weir_variant *v, const struct stats *s, struct traffic_stats *out)
{
    const struct stats_cell c = variant_cell(v);
    struct traffic_sum sum = {out, s->bounds};

    *out = (struct traffic_stats){0};
    stats_cell_each(&c, s->shm, SLOTS_ALL, &sum, add_traffic);
}

struct row_sum {
    unsigned row;
    uint64_t sum;
};

static void add_row(void *to, const struct stats_cell *c, const void *column)
{
    struct row_sum *s = to;
    (void)c;

    stats_add_up(&s->sum, (const uint64_t *)column + s->row, sizeof s->sum);
}

uint64_t counters_sum(const struct weir_counters *c, const struct shm *shm, unsigned row)
{
    const struct stats_cell cell = counters_cell(c);
    struct row_sum s = {.row = row};

    if (row < c->n)
        stats_cell_each(&cell, shm, SLOTS_ALL, &s, add_row);
    return s.sum;
}

uint64_t histogram_share_us(const struct histogram *h, const struct latency_bounds *b, double share)
{
    uint64_t all = 0, below = 0;

    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        all += h->bucket[i];
    for (size_t i = 0; all && i < b->n; i++) {
        below += h->bucket[i];
        if ((double)below >= share * (double)all)
            return b->us[i];
    }
    return all ? b->us[b->n - 1] : 0;
}
