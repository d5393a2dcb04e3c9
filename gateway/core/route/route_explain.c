/* SPDX-License-Identifier: Apache-2.0 */
/* Routes one by one. Conditions are asked of the code that matching asks, one at a time. */
#include "core/route/route_explain.h"

#include <string.h>

#include "core/identity.h"
#include "core/route/route_table.h"

static const char *const forms[] = {
    [MATCH_EXACT] = "exact", [MATCH_PREFIX] = "prefix",   [MATCH_SUFFIX] = "suffix",
    [MATCH_REGEX] = "regex", [MATCH_PRESENT] = "present", [MATCH_ABSENT] = "absent"};

/* -- hosts and paths --------------------------------------------------------------------------- */

static bool host_fits(struct slice pattern, struct slice host)
{
    if (slice_eq(pattern, SLICE("*")))
        return true;
    if (!slice_starts(pattern, SLICE("*.")))
        return slice_eq(pattern, host);
    const struct slice suffix = slice_from(pattern, 1); /* its dot included: at least one label */
    return host.n > suffix.n && slice_ends(host, suffix);
}

/* Exact before "*.", longer before shorter, "*" last. */
static size_t host_rank(struct slice pattern)
{
    if (slice_eq(pattern, SLICE("*")))
        return 0;
    return slice_starts(pattern, SLICE("*.")) ? pattern.n : SIZE_MAX;
}

/* p == NULL: none fits. */
static struct slice narrowest_host(const struct texts *hosts, struct slice host)
{
    struct slice best = {0};
    if (!hosts->n)
        return SLICE("*");
    for (size_t i = 0; i < hosts->n; i++)
        if (host_fits(hosts->v[i], host) && (!best.p || host_rank(hosts->v[i]) > host_rank(best)))
            best = hosts->v[i];
    return best;
}

static bool is_prefix(struct slice prefix, struct slice path)
{
    if (slice_eq(prefix, SLICE("/")))
        return true;
    return slice_starts(path, prefix) && (path.n == prefix.n || path.p[prefix.n] == '/');
}

static bool path_fits(const struct route_entry *e, struct route_scratch *s, struct slice path)
{
    const struct slice wanted = e->route.conf->match.path;
    switch ((enum path_form)e->route.conf->match.path_form) {
    case PATH_EXACT:
        return slice_eq(wanted, path);
    case PATH_PREFIX:
        return is_prefix(wanted, path);
    case PATH_REGEX:
        return regex_match(e->path, &s->regex, path);
    case PATH_ANY:
        break;
    }
    return true;
}

static const char *path_form(const struct route_conf *rc)
{
    static const char *const words[] = {[PATH_EXACT] = "exact",
                                        [PATH_PREFIX] = "prefix",
                                        [PATH_REGEX] = "regex",
                                        [PATH_ANY] = NULL};
    return words[rc->match.path_form];
}

/* -- the other conditions ---------------------------------------------------------------------- */

static bool holds(const struct router *r, struct route_scratch *s, const struct route_query *q,
                  struct conditions one)
{
    return conditions_hold(&one, &r->lookups, s, q);
}

static struct slice join_texts(const struct texts *t, struct arena *a)
{
    struct slice all = {0};
    for (size_t i = 0; i < t->n; i++)
        all = slice_str(
            arena_printf(a, "%.*s%s%.*s", SLICE_ARG(all), i ? ", " : "", SLICE_ARG(t->v[i])));
    return all;
}

static struct slice source_text(const struct route_query *q)
{
    char text[ADDR_TEXT_MAX];
    const size_t n = ip_print(q->source, text);
    return slice_of(arena_dup(q->arena, slice_of(text, n)).p, n);
}

/* Of a header, a parameter or a cookie; what the request has there was looked up by the test. */
static bool miss_value(const struct router *r, struct route_scratch *s, const struct route_query *q,
                       const struct conditions *cs, struct route_miss *miss)
{
    static const char *const whats[] = {"header", "query", "cookie"};
    for (uint32_t i = 0; i < cs->values_n; i++) {
        const struct condition *c = &cs->values[i];
        if (holds(r, s, q, (struct conditions){.values = c, .values_n = 1}))
            continue;
        const struct lookup *l = &r->lookups.v[c->lookup];
        const struct found *f = &s->found[c->lookup];
        *miss = (struct route_miss){.what = whats[l->kind],
                                    .name = l->name,
                                    .form = forms[c->form],
                                    .wanted = c->value,
                                    .present = f->present,
                                    .found = f->value};
        return true;
    }
    return false;
}

static bool miss_claim(const struct router *r, struct route_scratch *s, const struct route_query *q,
                       const struct conditions *cs, struct route_miss *miss)
{
    for (uint32_t i = 0; i < cs->claims_n; i++) {
        const struct condition *c = &cs->claims[i];
        const struct conditions one = {.claims = c, .claims_n = 1};
        if (claims_hold(&one, &r->lookups, s, q->identity))
            continue;
        const struct slice name = r->lookups.v[c->lookup].name;
        *miss = (struct route_miss){.what = "identity",
                                    .name = name,
                                    .form = forms[c->form],
                                    .wanted = c->value,
                                    .found = identity_claim_all(q->identity, name, q->arena)};
        miss->present = miss->found.p != NULL;
        return true;
    }
    return false;
}

static bool miss_rest(const struct router *r, struct route_scratch *s, const struct route_query *q,
                      const struct route_entry *e, struct route_miss *miss)
{
    const struct conditions *cs = &e->conditions;
    const struct route_conf *rc = e->route.conf;
    if (!holds(r, s, q,
               (struct conditions){
                   .methods = cs->methods, .other = cs->other, .other_n = cs->other_n}))
        *miss = (struct route_miss){.what = "method",
                                    .wanted = join_texts(&rc->match.methods, q->arena),
                                    .present = true,
                                    .found = q->method};
    else if (!holds(r, s, q,
                    (struct conditions){.sources = cs->sources, .sources_n = cs->sources_n}))
        *miss = (struct route_miss){.what = "source", .present = true, .found = source_text(q)};
    else if (!miss_value(r, s, q, cs, miss))
        return miss_claim(r, s, q, cs, miss);
    return true;
}

void route_look(const struct router *r, struct route_scratch *s, const struct route_query *q,
                size_t index, struct route_look *out)
{
    must(index < r->entries_n);
    const struct route_entry *e = &r->entries[index];
    const struct route_conf *rc = e->route.conf;
    s->turn++; /* nothing is remembered of another request */
    *out =
        (struct route_look){.route = &e->route, .host = narrowest_host(&rc->match.hosts, q->host)};
    if (!holds(r, s, q, (struct conditions){.listeners = e->conditions.listeners}))
        out->miss = (struct route_miss){.what = "listener",
                                        .wanted = join_texts(&rc->match.listeners, q->arena)};
    else if (!out->host.p)
        out->miss = (struct route_miss){.what = "host",
                                        .wanted = join_texts(&rc->match.hosts, q->arena),
                                        .present = q->host.n > 0,
                                        .found = q->host};
    else if (!path_fits(e, s, q->path))
        out->miss = (struct route_miss){.what = "path",
                                        .form = path_form(rc),
                                        .wanted = rc->match.path,
                                        .present = true,
                                        .found = q->path};
    else
        miss_rest(r, s, q, e, &out->miss);
}

/* -- what is not known ------------------------------------------------------------------------- */

static bool is_known(const struct route_query *q, const struct lookup *l)
{
    switch (l->kind) {
    case LOOKUP_HEADER:
        return fields_find(q->fields, l->name) != NULL;
    case LOOKUP_COOKIE:
        return fields_find(q->fields, SLICE("cookie")) != NULL;
    case LOOKUP_CLAIM:
        return q->identity != NULL;
    case LOOKUP_QUERY:
        break;
    }
    return true;
}

/* Of headers, parameters and cookies, then of claims: those that are known hold. */
static bool known_hold(const struct router *r, struct route_scratch *s,
                       const struct route_query *q, const struct conditions *cs,
                       struct route_miss *open)
{
    static const char *const whats[] = {"header", "query", "cookie", "identity"};
    for (uint32_t i = 0; i < cs->values_n + cs->claims_n; i++) {
        const bool claim = i >= cs->values_n;
        const struct condition *c = claim ? &cs->claims[i - cs->values_n] : &cs->values[i];
        const struct conditions one = {
            .values = claim ? NULL : c, .values_n = !claim, .claims = c, .claims_n = claim};
        const struct lookup *l = &r->lookups.v[c->lookup];
        if (!is_known(q, l)) {
            if (!open->what)
                *open = (struct route_miss){.what = whats[l->kind],
                                            .name = l->name,
                                            .form = forms[c->form],
                                            .wanted = c->value};
        } else if (claim ? !claims_hold(&one, &r->lookups, s, q->identity)
                         : !holds(r, s, q, one)) {
            return false;
        }
    }
    return true;
}

bool route_may_be_open(const struct router *r, size_t index)
{
    const struct conditions *cs = &r->entries[index].conditions;
    return cs->values_n || cs->claims_n;
}

bool route_may(const struct router *r, struct route_scratch *s, const struct route_query *q,
               size_t index, struct route_look *out, struct route_miss *open)
{
    const struct conditions *cs = &r->entries[index].conditions;
    *open = (struct route_miss){0};
    route_look(r, s, q, index, out);
    const char *miss = out->miss.what;
    if (miss && strcmp(miss, "header") && strcmp(miss, "query") && strcmp(miss, "cookie") &&
        strcmp(miss, "identity"))
        return false;
    return known_hold(r, s, q, cs, open);
}

/* -- who comes first --------------------------------------------------------------------------- */

static int path_rank(const struct route_conf *rc)
{
    static const int ranks[] = {
        [PATH_EXACT] = 3, [PATH_PREFIX] = 2, [PATH_REGEX] = 1, [PATH_ANY] = 0};
    return ranks[rc->match.path_form];
}

static bool has_host(const struct route_conf *rc, struct slice pattern)
{
    for (size_t i = 0; i < rc->match.hosts.n; i++)
        if (slice_eq(rc->match.hosts.v[i], pattern))
            return true;
    return !rc->match.hosts.n && slice_eq(pattern, SLICE("*"));
}

/* Expressions are asked in the order of the first routes that have them, under one host pattern. */
static size_t expression_rank(const struct router *r, const struct route_look *look)
{
    for (size_t i = 0; i < r->entries_n; i++) {
        const struct route_conf *rc = r->entries[i].route.conf;
        if (rc->match.path_form == PATH_REGEX &&
            slice_eq(rc->match.path, look->route->conf->match.path) && has_host(rc, look->host))
            return i;
    }
    return r->entries_n;
}

static const char *by_path(const struct router *r, const struct route_look *a,
                           const struct route_look *b, bool *decided)
{
    const struct route_conf *ac = a->route->conf, *bc = b->route->conf;
    const size_t a_n = ac->match.path.n, b_n = bc->match.path.n;
    *decided = true;
    if (path_rank(ac) != path_rank(bc))
        return path_rank(ac) > path_rank(bc) ? "the more specific kind of path" : NULL;
    if (ac->match.path_form == PATH_PREFIX && a_n != b_n)
        return a_n > b_n ? "the longer path prefix" : NULL;
    if (ac->match.path_form == PATH_REGEX && !slice_eq(ac->match.path, bc->match.path))
        return expression_rank(r, a) < expression_rank(r, b) ? "the expression that comes first"
                                                             : NULL;
    *decided = false;
    return NULL;
}

static const char *by_number(size_t a, size_t b, const char *what, bool *decided)
{
    *decided = a != b;
    return a > b ? what : NULL;
}

const char *route_outranks(const struct router *r, const struct route_look *a,
                           const struct route_look *b)
{
    const struct route_conf *ac = a->route->conf, *bc = b->route->conf;
    bool decided;
    const char *why =
        by_number(host_rank(a->host), host_rank(b->host), "the narrower host", &decided);
    if (!decided)
        why = by_path(r, a, b, &decided);
    if (!decided)
        why = by_number(ac->match.methods.n > 0, bc->match.methods.n > 0,
                        "a condition on the method", &decided);
    if (!decided)
        why = by_number(ac->match.headers.n, bc->match.headers.n, "more conditions on headers",
                        &decided);
    if (!decided)
        why = by_number(ac->match.query.n, bc->match.query.n, "more conditions on the query",
                        &decided);
    if (!decided)
        why = a->route->index < b->route->index ? "the earlier place in the file" : NULL;
    return why;
}
