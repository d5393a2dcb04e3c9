/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions on requests: the master brings them from the configuration's words to numbers, bits
 * and compiled expressions; a worker asks them in the order of what they cost.
 *
 * Nothing here is written after the build but the worker's scratch, in which the values of the
 * request at hand are remembered. They are valid while their turn is the scratch's: a new request
 * forgets them all by counting the turn up. */

#include "core/route/route_match.h"

#include "core/identity.h"
#include "http/query.h"

static bool build_values(struct conditions_builder *b, const struct route_conf *rc,
                         struct conditions *out);
static bool build_claims(struct conditions_builder *b, const struct route_conf *rc,
                         struct conditions *out);

/* -- building ---------------------------------------------------------------------------------- */

void conditions_builder_init(struct conditions_builder *b, const struct config *c,
                             struct regex_set *regexes, struct arena *a, struct faults *faults)
{
    *b = (struct conditions_builder){.config = c, .regexes = regexes, .arena = a, .faults = faults};
    map_init(&b->numbers);
}

struct lookup_table conditions_builder_fini(struct conditions_builder *b)
{
    map_fini(&b->numbers);
    return (struct lookup_table){.v = b->lookups, .n = b->lookups_n};
}

static void build_methods(struct conditions_builder *b, const struct texts *methods,
                          struct conditions *out)
{
    struct slice *other = ARENA_ARRAY(b->arena, struct slice, methods->n);
    for (size_t i = 0; i < methods->n; i++) {
        const enum method m = method_of(methods->v[i]);
        if (m == METHOD_OTHER)
            other[out->other_n++] = methods->v[i];
        else
            out->methods |= 1u << m;
    }
    out->other = other;
}

static size_t find_listener(const struct config *c, struct slice name)
{
    size_t i = 0;
    while (i < c->listeners_n && !slice_eq(c->listeners[i].name, name))
        i++;
    return i;
}

static bool build_listeners(struct conditions_builder *b, const struct route_conf *rc,
                            struct conditions *out)
{
    const struct config *c = b->config;
    if (rc->match.listeners.n == 0)
        return true;
    uint64_t *bits = ARENA_ARRAY(b->arena, uint64_t, c->listeners_n / 64 + 1);
    for (size_t i = 0; i < rc->match.listeners.n; i++) {
        const struct slice name = rc->match.listeners.v[i];
        const size_t at = find_listener(c, name);
        if (at == c->listeners_n) {
            faults_add(b->faults, rc->place.file, rc->place.line,
                       "match.listener: there is no listener \"%.*s\"", SLICE_ARG(name));
            return false;
        }
        bits[at / 64] |= UINT64_C(1) << at % 64;
    }
    out->listeners = bits;
    return true;
}

bool conditions_build(struct conditions_builder *b, const struct route_conf *rc,
                      struct conditions *out)
{
    *out = (struct conditions){.sources = rc->match.sources, .sources_n = rc->match.sources_n};
    build_methods(b, &rc->match.methods, out);
    const bool listeners = build_listeners(b, rc, out), values = build_values(b, rc, out),
               claims = build_claims(b, rc, out);
    out->none = !out->methods && !out->other_n && !out->listeners && !out->sources_n &&
                !out->values_n && !out->claims_n;
    return listeners && values && claims;
}

/* A key that is the same for the same lookup only: kind, then the name, of headers in lower case.
 */
static struct slice lookup_key(struct arena *a, enum lookup_kind kind, struct slice name)
{
    char *key = arena_alloc(a, name.n + 1);
    key[0] = (char)kind;
    for (size_t i = 0; i < name.n; i++)
        key[i + 1] = kind == LOOKUP_HEADER ? ascii_lower(name.p[i]) : name.p[i];
    return slice_of(key, name.n + 1);
}

static uint32_t number_of(struct conditions_builder *b, enum lookup_kind kind, struct slice name)
{
    const struct slice key = lookup_key(b->arena, kind, name);
    const uintptr_t known = (uintptr_t)map_find(&b->numbers, key);
    if (known)
        return (uint32_t)(known - 1);

    if (b->lookups_n == b->lookups_cap) {
        b->lookups_cap = b->lookups_cap ? b->lookups_cap * 2 : 16;
        struct lookup *more = ARENA_ARRAY(b->arena, struct lookup, b->lookups_cap);
        if (b->lookups_n)
            memcpy(more, b->lookups, b->lookups_n * sizeof *more);
        b->lookups = more;
    }
    b->lookups[b->lookups_n] = (struct lookup){
        .kind = kind,
        .token = kind == LOOKUP_HEADER ? token_of(name) : TOKEN_OTHER,
        .name = slice_from(key, 1),
    };
    map_set(&b->numbers, key, (void *)(uintptr_t)(b->lookups_n + 1));
    return b->lookups_n++;
}

/* Appends the conditions of one kind: the regexes among them, or the others. */
static bool add_values(struct conditions_builder *b, enum lookup_kind kind,
                       const struct matches_conf *from, bool regexes, struct condition *to,
                       uint32_t *n)
{
    static const char *const whats[] = {"match.headers", "match.query", "match.cookies",
                                        "match.identity"};
    bool ok = true;
    for (size_t i = 0; i < from->n; i++) {
        const struct match_conf *m = &from->v[i];
        if ((m->form == MATCH_REGEX) != regexes)
            continue;
        struct condition *one = &to[(*n)++];
        *one = (struct condition){
            .form = (enum match_form)m->form,
            .lookup = number_of(b, kind, m->name),
            .value = m->value,
        };
        if (!regexes)
            continue;
        one->regex = regex_get(b->regexes, m->value, whats[kind], &m->place, b->arena, b->faults);
        ok = ok && one->regex;
    }
    return ok;
}

static size_t texts_length(const struct matches_conf *from)
{
    size_t n = 0;
    for (size_t i = 0; i < from->n; i++)
        n += from->v[i].value.n;
    return n;
}

static bool build_values(struct conditions_builder *b, const struct route_conf *rc,
                         struct conditions *out)
{
    const struct matches_conf *kinds[] = {&rc->match.headers, &rc->match.query, &rc->match.cookies};
    size_t n = 0, texts = 0;
    bool ok = true;
    for (size_t k = 0; k < array_n(kinds); k++) {
        n += kinds[k]->n;
        texts += texts_length(kinds[k]);
    }
    struct condition *v = arena_zalloc(b->arena, n * sizeof *v + texts);
    for (int regexes = 0; regexes <= 1; regexes++)
        for (size_t k = 0; k < array_n(kinds); k++)
            ok = add_values(b, (enum lookup_kind)k, kinds[k], regexes, v, &out->values_n) && ok;

    char *text = (char *)&v[n]; /* so that one look finds both in the cache */
    for (size_t i = 0; i < n; i++) {
        if (v[i].value.n == 0)
            continue;
        memcpy(text, v[i].value.p, v[i].value.n);
        v[i].value.p = text;
        text += v[i].value.n;
    }
    out->values = v;
    return ok;
}

static bool build_claims(struct conditions_builder *b, const struct route_conf *rc,
                         struct conditions *out)
{
    struct condition *v = ARENA_ARRAY(b->arena, struct condition, rc->match.identity.n);
    bool ok = true;
    for (int regexes = 0; regexes <= 1; regexes++)
        ok = add_values(b, LOOKUP_CLAIM, &rc->match.identity, regexes, v, &out->claims_n) && ok;
    out->claims = v;
    return ok;
}

/* -- asking ------------------------------------------------------------------------------------ */

static bool method_holds(const struct conditions *cs, const struct route_query *q)
{
    if (q->method_id != METHOD_OTHER)
        return cs->methods >> q->method_id & 1;
    for (uint32_t i = 0; i < cs->other_n; i++)
        if (slice_eq(cs->other[i], q->method))
            return true;
    return false;
}

/* All lines of that name as one value. */
static struct slice join(const struct fields *fields, const struct field *first, struct slice comma,
                         struct arena *a)
{
    size_t n = 0;
    for (const struct field *f = first; f; f = fields_next(fields, f))
        n += comma.n + f->value.n;
    char *all = arena_alloc(a, n), *end = all;
    for (const struct field *f = first; f; f = fields_next(fields, f)) {
        if (f != first)
            end = mempcpy(end, comma.p, comma.n);
        if (f->value.n)
            end = mempcpy(end, f->value.p, f->value.n);
    }
    return slice_between(all, end);
}

static bool find_header(const struct lookup *l, const struct route_query *q, struct slice *value)
{
    const struct field *f = l->token == TOKEN_OTHER ? fields_find(q->fields, l->name)
                                                    : fields_find_token(q->fields, l->token);
    if (!f)
        return false;
    *value = f->value;
    if (fields_next(q->fields, f))
        *value = join(q->fields, f, l->token == TOKEN_COOKIE ? SLICE("; ") : SLICE(", "), q->arena);
    return true;
}

static const struct found *look_up(const struct lookup_table *lookups, uint32_t at,
                                   struct route_scratch *s, const struct route_query *q)
{
    struct found *f = &s->found[at];
    if (f->turn == s->turn)
        return f;
    const struct lookup *l = &lookups->v[at];
    f->turn = s->turn;
    if (l->kind == LOOKUP_HEADER)
        f->present = find_header(l, q, &f->value);
    else if (l->kind == LOOKUP_QUERY)
        f->present = query_find(q->query, l->name, q->arena, &f->value);
    else
        f->present = cookie_find(q->fields, l->name, &f->value);
    return f;
}

static bool value_holds(const struct condition *c, const struct found *f, struct route_scratch *s)
{
    if (!f->present)
        return c->form == MATCH_ABSENT;
    switch (c->form) {
    case MATCH_EXACT:
        return slice_eq(f->value, c->value);
    case MATCH_PREFIX:
        return slice_starts(f->value, c->value);
    case MATCH_SUFFIX:
        return slice_ends(f->value, c->value);
    case MATCH_REGEX:
        return regex_match(c->regex, &s->regex, f->value);
    case MATCH_PRESENT:
        return true;
    case MATCH_ABSENT:
        break;
    }
    return false;
}

static bool claim_holds(const struct condition *c, struct slice name, struct route_scratch *s,
                        const struct identity *id)
{
    struct found f = {.value = identity_claim(id, name, 0)};
    f.present = f.value.p != NULL;
    if (!f.present || c->form == MATCH_ABSENT || c->form == MATCH_PRESENT)
        return value_holds(c, &f, s);
    for (size_t nth = 1; f.value.p; nth++) {
        if (value_holds(c, &f, s))
            return true;
        f.value = identity_claim(id, name, nth);
    }
    return false;
}

bool claims_hold(const struct conditions *cs, const struct lookup_table *lookups,
                 struct route_scratch *s, const struct identity *id)
{
    for (uint32_t i = 0; i < cs->claims_n; i++) {
        const struct condition *c = &cs->claims[i];
        if (!claim_holds(c, lookups->v[c->lookup].name, s, id))
            return false;
    }
    return true;
}

bool conditions_hold(const struct conditions *cs, const struct lookup_table *lookups,
                     struct route_scratch *s, const struct route_query *q)
{
    if ((cs->methods || cs->other_n) && !method_holds(cs, q))
        return false;
    if (cs->listeners && !(cs->listeners[q->listener / 64] >> q->listener % 64 & 1))
        return false;
    if (cs->sources_n && !cidr_any(cs->sources, cs->sources_n, q->source))
        return false;
    for (uint32_t i = 0; i < cs->values_n; i++) {
        const struct condition *c = &cs->values[i];
        if (!value_holds(c, look_up(lookups, c->lookup, s, q), s))
            return false;
    }
    return true;
}
