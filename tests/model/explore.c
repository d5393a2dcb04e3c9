/* SPDX-License-Identifier: Apache-2.0 */
/* Every state that can be reached, breadth first, so that what is wrong is found by the shortest
 * way. States that differ in nothing but what nobody can ever see again, or in which instance is
 * which, are one: tidy() makes them the same bytes. Then, backwards from where all instances agree:
 * a state from which no way leads there without something failing again is wrong, too. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 1 << 23, NO_STATE = 0 };

struct edge {
    uint32_t from, to;
};

/* Indexes count from 1; states[1] is the first one. */
struct space {
    const struct rules *rules;
    struct world *states;
    uint32_t *parents, *table; /* table: open addressing, twice as large as states */
    struct edge *edges;        /* of steps that don't fail */
    size_t n, cap, steps, edges_n, edges_cap, wrong_at;
    struct world wrong_world;
    const char *wrong;
};

typedef bool visit_fn(void *ctx, const struct action *a, unsigned instance, unsigned arg,
                      const struct step *next);

static void *must_alloc(void *p, size_t n, size_t size)
{
    p = reallocarray(p, n, size);
    if (!p) {
        fprintf(stderr, "model: no memory\n");
        exit(1);
    }
    return p;
}

/* -- what nobody can see again
 * ---------------------------------------------------------------------- */

/* What is stored, or may come to somebody as a record, or be stored again. */
static uint64_t coming_versions(const struct world *w)
{
    uint64_t coming = 1ULL << w->stored.version | 1ULL << w->behind.version;
    for (unsigned k = 0; k < AIR; k++)
        coming |= 1ULL << w->air[k].version;
    for (unsigned i = 0; i < INSTANCES; i++)
        coming |= 1ULL << w->at[i].slot_version;
    return coming;
}

static tally counts_of(uint64_t versions)
{
    tally all = 0;
    for (unsigned v = 0; v < VERSIONS; v++)
        if (versions >> v & 1)
            all |= (tally)3 << 2 * v;
    return all;
}

/* Counts matter to those who are in their epoch, or may come to be. */
static void forget_counts(struct world *w, bool reread)
{
    uint64_t coming = coming_versions(w), counting = coming;
    for (unsigned i = 0; i < INSTANCES; i++)
        if (w->at[i].led || !reread)
            counting |= 1ULL << w->at[i].version;
    tally counts = counts_of(counting);
    w->taken &= counts;
    w->good &= counts;
    w->probes &= counts;
    w->since &= coming;
}

static unsigned note_lineage(void *ctx, unsigned version)
{
    uint32_t *used = ctx;
    *used |= 1U << version_lineage(version);
    return version;
}

struct renaming {
    unsigned to[VERSIONS >> NUMBER_BITS];
};

static unsigned rename_version(void *ctx, unsigned version)
{
    const struct renaming *r = ctx;
    return r->to[version_lineage(version)] << NUMBER_BITS | version_number(version);
}

/* Lineages differ by their order alone, so their names may be small; 0 keeps its name. Bits and
 * counts of a lineage move with it; those of one that nobody knows any more go. */
static void rename_lineages(struct world *w)
{
    const unsigned numbers = 1 << NUMBER_BITS;
    const uint64_t bits = (1U << numbers) - 1;
    const tally counts = (1U << 2 * numbers) - 1;
    uint32_t used = 1;
    struct renaming r = {{0}};
    struct world old = *w;
    each_version(w, note_lineage, &used);
    w->taken = w->good = w->probes = 0;
    w->since = w->made = 0;
    for (unsigned from = 0, to = 0; from < VERSIONS >> NUMBER_BITS; from++) {
        if (!(used >> from & 1))
            continue;
        r.to[from] = to;
        w->taken |= (old.taken >> 2 * numbers * from & counts) << 2 * numbers * to;
        w->good |= (old.good >> 2 * numbers * from & counts) << 2 * numbers * to;
        w->probes |= (old.probes >> 2 * numbers * from & counts) << 2 * numbers * to;
        w->since |= (old.since >> numbers * from & bits) << numbers * to;
        w->made |= (old.made >> numbers * from & bits) << numbers * to;
        to++;
    }
    each_version(w, rename_version, &r);
}

/* An offer that can't be taken any more. */
static void forget_late(struct world *w, const struct rules *r)
{
    bool may_fit = r->exact ? w->late.expect == w->stored.version
                            : w->late.begins || w->late.version > w->stored.version;
    if (!may_fit && r->compare && w->losses == r->losses)
        w->late = (struct sent){0};
}

static void forget_air(struct world *w, unsigned instances)
{
    unsigned oldest = VERSIONS, n = 0;
    for (unsigned i = 0; i < instances; i++)
        if (w->at[i].version < oldest)
            oldest = w->at[i].version;
    struct sent kept[AIR] = {0};
    for (unsigned k = 0; k < AIR; k++)
        if (w->air[k].version > oldest && (n == 0 || memcmp(kept, w->air + k, sizeof(*kept)) != 0))
            kept[n++] = w->air[k];
    memcpy(w->air, kept, sizeof(kept));
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct instance));
}

static void tidy(struct world *w, const struct rules *r)
{
    for (unsigned i = 0; i < INSTANCES; i++) {
        struct instance *at = &w->at[i];
        if (!at->led && at->here == HALF)
            at->here = OPEN;
        at->alone &= at->here != CLOSED;
        at->cut &= at->led || at->slot != IDLE;
    }
    if (!r->failover)
        w->behind = (struct sent){0};
    if (r->newer)
        forget_air(w, r->instances);
    forget_late(w, r);
    forget_counts(w, r->reread);
    rename_lineages(w);
}

static struct world canonical(struct world w, const struct rules *r)
{
    qsort(w.at, r->instances, sizeof(*w.at), by_bytes);
    return w;
}

/* -- steps
 * ----------------------------------------------------------------------------------------- */

/* Two that know the same version know the same record. */
static const char *differs(const struct world *w, unsigned instances)
{
    for (unsigned i = 0; i < instances; i++) {
        const struct instance *a = &w->at[i], *b = &w->at[(i + 1) % instances];
        if (a->version == b->version && a->known != b->known)
            return "two instances know different records of one version";
    }
    return NULL;
}

static void try_action(const struct space *sp, const struct world *w, const struct action *a,
                       visit_fn *visit, void *ctx)
{
    unsigned instances = a->per_instance ? sp->rules->instances : 1;
    for (unsigned i = 0; i < instances; i++)
        for (unsigned arg = 0; arg < a->args; arg++) {
            struct step next = {.w = *w, .rules = sp->rules};
            if (!a->run(&next, i, arg))
                continue;
            tidy(&next.w, sp->rules);
            if (!next.wrong)
                next.wrong = differs(&next.w, sp->rules->instances);
            if (!visit(ctx, a, i, arg, &next))
                return;
        }
}

static void each_step(const struct space *sp, const struct world *w, visit_fn *visit, void *ctx)
{
    for (size_t k = 0; k < instance_actions_n; k++)
        try_action(sp, w, &instance_actions[k], visit, ctx);
    for (size_t k = 0; k < redis_actions_n; k++)
        try_action(sp, w, &redis_actions[k], visit, ctx);
}

/* -- the states
 * ------------------------------------------------------------------------------------ */

static uint64_t hash_of(const struct world *w)
{
    uint64_t words[sizeof(*w) / 8], h = 0;
    _Static_assert(sizeof(*w) % 8 == 0, "worlds are hashed by words");
    memcpy(words, w, sizeof(words));
    for (size_t k = 0; k < sizeof(words) / sizeof(*words); k++) {
        h = (h ^ words[k]) * 0x9e3779b97f4a7c15ULL;
        h ^= h >> 29;
    }
    return h ^ h >> 32;
}

static uint32_t *place_of(const struct space *sp, const struct world *w)
{
    size_t mask = 2 * sp->cap - 1;
    size_t at = hash_of(w) & mask;
    while (sp->table[at] != NO_STATE && memcmp(&sp->states[sp->table[at]], w, sizeof(*w)) != 0)
        at = (at + 1) & mask;
    return &sp->table[at];
}

static void grow(struct space *sp)
{
    sp->cap = sp->cap ? 2 * sp->cap : 1 << 12;
    sp->states = must_alloc(sp->states, sp->cap + 1, sizeof(*sp->states));
    sp->parents = must_alloc(sp->parents, sp->cap + 1, sizeof(*sp->parents));
    free(sp->table);
    sp->table = must_alloc(NULL, 2 * sp->cap, sizeof(*sp->table));
    memset(sp->table, 0, 2 * sp->cap * sizeof(*sp->table));
    for (size_t k = 1; k <= sp->n; k++)
        *place_of(sp, &sp->states[k]) = (uint32_t)k;
}

static uint32_t add_state(struct space *sp, const struct world *w, uint32_t parent)
{
    if (sp->n == sp->cap)
        grow(sp);
    uint32_t *place = place_of(sp, w);
    if (*place == NO_STATE) {
        *place = (uint32_t)++sp->n;
        sp->states[sp->n] = *w;
        sp->parents[sp->n] = parent;
    }
    return *place;
}

static void add_edge(struct space *sp, uint32_t from, uint32_t to)
{
    if (from == to)
        return;
    if (sp->edges_n == sp->edges_cap) {
        sp->edges_cap = sp->edges_cap ? 2 * sp->edges_cap : 1 << 14;
        sp->edges = must_alloc(sp->edges, sp->edges_cap, sizeof(*sp->edges));
    }
    sp->edges[sp->edges_n++] = (struct edge){from, to};
}

struct expansion {
    struct space *sp;
    uint32_t from;
};

static bool on_step(void *ctx, const struct action *a, unsigned instance, unsigned arg,
                    const struct step *next)
{
    (void)instance;
    (void)arg;
    struct expansion *e = ctx;
    struct space *sp = e->sp;
    sp->steps++;
    struct world w = canonical(next->w, next->rules);
    if (next->wrong) {
        if (!sp->wrong) {
            sp->wrong = next->wrong;
            sp->wrong_at = e->from;
            sp->wrong_world = w;
        }
        return false;
    }
    uint32_t to = add_state(sp, &w, e->from);
    if (!a->fails)
        add_edge(sp, e->from, to);
    return true;
}

/* -- agreement
 * ------------------------------------------------------------------------------------- */

static bool agrees(const struct world *w, unsigned instances)
{
    bool all = !w->late.version && !w->late.begins;
    for (unsigned i = 0; i < instances; i++) {
        const struct instance *at = &w->at[i];
        all = all && at->led && !at->cut && at->slot == IDLE && at->version == w->stored.version &&
              at->here == w->stored.state;
    }
    return all;
}

/* Marks what leads to agreement; first[k] to first[k + 1] of `from` are the states before state k.
 */
static uint8_t *mark_back(const struct space *sp, const uint32_t *first, const uint32_t *from)
{
    uint8_t *marked = must_alloc(NULL, sp->n + 2, 1);
    uint32_t *queue = must_alloc(NULL, sp->n + 1, sizeof(*queue));
    size_t head = 0, tail = 0;
    memset(marked, 0, sp->n + 2);
    for (uint32_t k = 1; k <= sp->n; k++)
        if (agrees(&sp->states[k], sp->rules->instances)) {
            marked[k] = 1;
            queue[tail++] = k;
        }
    while (head < tail) {
        uint32_t k = queue[head++];
        for (uint32_t e = first[k]; e < first[k + 1]; e++)
            if (!marked[from[e]]) {
                marked[from[e]] = 1;
                queue[tail++] = from[e];
            }
    }
    free(queue);
    return marked;
}

static void find_stuck(struct space *sp)
{
    uint32_t *first = must_alloc(NULL, sp->n + 3, sizeof(*first));
    uint32_t *from = must_alloc(NULL, sp->edges_n + 1, sizeof(*from));
    memset(first, 0, (sp->n + 3) * sizeof(*first));
    for (size_t e = 0; e < sp->edges_n; e++)
        first[sp->edges[e].to + 2]++;
    for (size_t k = 1; k <= sp->n + 2; k++)
        first[k] += first[k - 1];
    for (size_t e = 0; e < sp->edges_n; e++)
        from[first[sp->edges[e].to + 1]++] = sp->edges[e].from;
    uint8_t *marked = mark_back(sp, first, from);
    for (uint32_t k = 1; k <= sp->n && !sp->wrong; k++)
        if (!marked[k]) {
            sp->wrong = "instances will never agree again, though nothing fails any more";
            sp->wrong_at = sp->parents[k];
            sp->wrong_world = sp->states[k];
        }
    free(marked);
    free(from);
    free(first);
}

/* -- the way to it
 * --------------------------------------------------------------------------------- */

static const char *state_name(unsigned state)
{
    static const char *const names[] = {"closed", "open", "half"};
    return names[state];
}

static void print_version(FILE *f, unsigned version, unsigned state)
{
    fprintf(f, "%u.%u %s", version_lineage(version), version_number(version), state_name(state));
}

static void print_world(FILE *f, const struct world *w, unsigned instances)
{
    static const char *const slots[] = {"",       " offers ",    " offer taken ", " refused ",
                                        " read ", " number of ", " counted in "};
    for (unsigned i = 0; i < instances; i++) {
        const struct instance *at = &w->at[i];
        fprintf(f, "| %c %s%s%s knows ", 'A' + i, at->led ? "led " : "apart ",
                at->cut ? "(cut) " : "", state_name(at->here));
        print_version(f, at->version, at->known);
        fputs(slots[at->slot], f);
        if (at->slot)
            print_version(f, at->slot_version, at->slot_state);
        fputc(' ', f);
    }
    fprintf(f, "| Redis ");
    print_version(f, w->stored.version, w->stored.state);
    fputc('\n', f);
}

struct retrace {
    FILE *f;
    struct world w, wanted; /* wanted: canonical */
    bool found;
};

static bool on_retrace(void *ctx, const struct action *a, unsigned instance, unsigned arg,
                       const struct step *next)
{
    (void)arg;
    struct retrace *t = ctx;
    struct world w = canonical(next->w, next->rules);
    if (t->found || memcmp(&w, &t->wanted, sizeof(w)) != 0)
        return true;
    t->found = true;
    t->w = next->w;
    fprintf(t->f, "  %c: %s\n    ", a->per_instance ? (int)('A' + instance) : '-', a->name);
    print_world(t->f, &t->w, next->rules->instances);
    return false;
}

/* States are remembered without who is who: the way is walked again, to keep names apart. */
static char *trace_of(const struct space *sp)
{
    size_t n = 0, len;
    uint32_t *way = must_alloc(NULL, sp->n + 2, sizeof(*way));
    for (uint32_t k = (uint32_t)sp->wrong_at; k > 1; k = sp->parents[k])
        way[n++] = k;
    char *text = NULL;
    struct retrace t = {.f = open_memstream(&text, &len), .w = sp->states[1]};
    if (!t.f)
        exit(1);
    for (size_t k = n + 1; k-- > 0;) {
        t.wanted = k ? sp->states[way[k - 1]] : sp->wrong_world;
        t.found = false;
        each_step(sp, &t.w, on_retrace, &t);
    }
    fclose(t.f);
    free(way);
    return text;
}

struct explored explore(const struct rules *r)
{
    struct space sp = {.rules = r};
    struct world start;
    memset(&start, 0, sizeof(start));
    add_state(&sp, &start, NO_STATE);
    for (uint32_t k = 1; k <= sp.n && !sp.wrong && sp.n < STATES_MAX; k++) {
        struct world w = sp.states[k];
        each_step(&sp, &w, on_step, &(struct expansion){&sp, k});
    }
    bool unfinished = !sp.wrong && sp.n >= STATES_MAX;
    if (!sp.wrong && !unfinished)
        find_stuck(&sp);
    struct explored out = {.states = sp.n,
                           .steps = sp.steps,
                           .wrong = sp.wrong,
                           .trace = sp.wrong ? trace_of(&sp) : NULL,
                           .unfinished = unfinished};
    free(sp.states);
    free(sp.parents);
    free(sp.table);
    free(sp.edges);
    return out;
}
