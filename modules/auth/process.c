/* SPDX-License-Identifier: Apache-2.0 */
/* Beginning and end of the module in a process, and the slow side of it: the control process looks
 * at files that changed, so that what is wrong with one is said once, and has keys fetched. */
#include "auth/process.h"

#include <stdlib.h>

#include "auth/fetch.h"
#include "common/slice.h"

enum { POLL_MS = 10 }; /* who waits for keys looks for them: a hundredth of a fetch, about */

/* -- routes ------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    return slice_cmp(((const struct route_methods *)a)->route,
                     ((const struct route_methods *)b)->route);
}

/* A route may have several uses, by settings within those of another module: what one of them
 * takes, all let be tried; each refuses by itself what it doesn't take. */
static bool make_routes(struct auth_local *a)
{
    size_t n = 0;
    for (const struct auth_route *r = a->g->routes; r; r = r->next)
        n++;
    a->routes = calloc(n + 1, sizeof *a->routes);
    if (!a->routes)
        return false;
    n = 0;
    for (const struct auth_route *r = a->g->routes; r; r = r->next)
        a->routes[n++] = (struct route_methods){r->route, r->allowed};
    qsort(a->routes, n, sizeof *a->routes, compare);
    for (size_t i = 0; i < n; i++) {
        struct route_methods *last = a->routes_n ? &a->routes[a->routes_n - 1] : NULL;
        if (last && slice_eq(last->route, a->routes[i].route))
            last->allowed |= a->routes[i].allowed;
        else
            a->routes[a->routes_n++] = a->routes[i];
    }
    return true;
}

unsigned auth_methods_of(const struct auth_local *a, struct weir_slice route)
{
    const struct route_methods key = {.route = route};
    const struct route_methods *r =
        route.n ? bsearch(&key, a->routes, a->routes_n, sizeof key, compare) : NULL;
    return r ? r->allowed : a->g->methods;
}

/* -- life -------------------------------------------------------------------------------------- */

static void free_grant(void *grant)
{
    free(grant);
}

static void free_local(struct auth_local *a)
{
    for (size_t i = 0; a->keys && i < a->g->jwt.n; i++)
        source_free(&a->keys[i]);
    source_free(&a->users);
    source_free(&a->api_keys);
    token_cache_free(a->cache);
    fetches_free(a->fetches, a->g);
    free(a->keys);
    free(a->routes);
    free(a);
}

static bool make_sources(struct auth_local *a)
{
    const struct auth_global *g = a->g;
    const struct auth_jwt *j = auth_issuers(g);
    a->keys = calloc(g->jwt.n + 1, sizeof *a->keys);
    for (size_t i = 0; a->keys && i < g->jwt.n; i++)
        a->keys[i] = (struct source){.kind = j[i].cell ? SOURCE_FETCHED_KEYS : SOURCE_KEYS,
                                     .blob = j[i].blob,
                                     .capacity = j[i].jwks_max_size};
    a->users =
        (struct source){.kind = SOURCE_USERS, .blob = g->basic.blob, .capacity = g->basic.max_size};
    a->api_keys = (struct source){
        .kind = SOURCE_API_KEYS, .blob = g->api_keys.blob, .capacity = g->api_keys.max_size};
    return a->keys;
}

/* Before a file can be spoilt: what was read once stays. */
static void read_sources(struct auth_local *a)
{
    struct auth_fault fault; /* load has said what is wrong */
    for (size_t i = 0; i < a->g->jwt.n; i++)
        (void)source_update(&a->keys[i], &fault);
    (void)source_update(&a->users, &fault);
    (void)source_update(&a->api_keys, &fault);
}

/* The skew of tokens is each issuer's own, so it is in what the cache is told of their end. The
 * control process answers no requests, and needs no cache. */
static bool make_cache(struct auth_local *a)
{
    const struct auth_cache_settings *c = &a->g->cache;
    a->cache = token_cache_new(&(struct token_cache_options){
        .entries = weir_is_control(a->p) ? 1 : (size_t)c->entries,
        .ttl_s = c->ttl_ms / 1000,
        .free = free_grant,
    });
    return a->cache;
}

void *auth_start(struct weir_process *p, const void *global)
{
    struct auth_local *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->p = p;
    a->g = global;
    bool good = make_sources(a) && make_cache(a) && make_routes(a);
    if (good && weir_is_control(p)) {
        a->fetches = fetches_new(p, a->g);
        good = a->fetches;
    }
    if (good) {
        read_sources(a);
        return a;
    }
    weir_log(WEIR_LOG_ERROR, "auth_not_started", "no memory: nobody can be identified");
    free_local(a);
    return NULL;
}

void auth_stop(struct weir_process *p, void *local)
{
    struct auth_local *a = local;
    (void)p;
    if (!a)
        return;
    weir_timer_stop(&a->waits.timer);
    free_local(a);
}

/* -- the control process ----------------------------------------------------------------------- */

static void look(struct auth_local *a, struct source *s, struct weir_slice path)
{
    struct auth_fault fault;
    const uint64_t changes = s->changes;
    if (!source_update(s, &fault)) {
        count(a->p, &a->g->counts, COUNT_FILES_WRONG);
        weir_log(WEIR_LOG_ERROR, "auth_file_wrong", "%.*s:%d: %s; what it held before counts",
                 (int)path.n, path.p, fault.line ? fault.line : 1, fault.text);
    } else if (changes && s->changes != changes) {
        weir_event(WEIR_LOG_INFO, "auth_file_read", WEIR_FACTS(WEIR_FACT("path", path)), "%.*s",
                   (int)path.n, path.p);
    }
}

void auth_tick(struct weir_process *p, void *local)
{
    struct auth_local *a = local;
    (void)p;
    if (!a)
        return;
    const struct auth_jwt *j = auth_issuers(a->g);
    for (size_t i = 0; i < a->g->jwt.n; i++)
        if (!j[i].cell)
            look(a, &a->keys[i], j[i].jwks_file);
    look(a, &a->users, a->g->basic.file);
    look(a, &a->api_keys, a->g->api_keys.file);
    fetches_tick(a->fetches, a->g);
}

/* -- keys -------------------------------------------------------------------------------------- */

const struct jwks *auth_keys(struct auth_local *a, size_t issuer)
{
    const struct auth_jwt *j = &auth_issuers(a->g)[issuer];
    struct source *s = &a->keys[issuer];
    struct auth_fault fault; /* the control process says what is wrong */
    (void)source_update(s, &fault);
    if (j->cell) {
        const uint64_t fetched_s = atomic_load(&j->cell->fetched_s);
        if (!fetched_s || auth_now_s(a) >= fetched_s + j->keep_ms / 1000)
            return NULL;
    }
    return s->changes ? &s->keys : NULL;
}

static uint64_t versions(const struct auth_local *a)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < a->g->jwt.n; i++)
        sum += weir_blob_version(a->keys[i].blob);
    return sum;
}

static bool is_over(const struct auth_local *a, const struct key_wait *w, uint64_t now_us)
{
    const struct auth_jwt *j = auth_issuers(a->g);
    for (size_t i = 0; i < a->g->jwt.n; i++)
        if (w->wish[i] && atomic_load(&j[i].cell->served) >= w->wish[i])
            return true;
    return now_us >= w->deadline_us || versions(a) != w->versions;
}

static void on_poll(struct weir_timer *t)
{
    struct key_waits *waits = (struct key_waits *)((char *)t - offsetof(struct key_waits, timer));
    struct auth_local *a =
        (struct auth_local *)((char *)waits - offsetof(struct auth_local, waits));
    const uint64_t now_us = weir_now_us(a->p);
    for (struct key_wait *w = waits->first, *next; w; w = next) {
        next = w->next;
        if (!is_over(a, w, now_us))
            continue;
        key_wait_end(a, w);
        weir_resume(w->x);
    }
    if (waits->first)
        weir_timer_start(a->p, t, POLL_MS);
}

bool key_wait_begin(struct auth_local *a, struct key_wait *w)
{
    struct key_waits *waits = &a->waits;
    if (waits->n >= (uint64_t)a->g->waiting)
        return false;
    if (!waits->first) {
        waits->timer.fn = on_poll;
        weir_timer_start(a->p, &waits->timer, POLL_MS);
    }
    w->versions = versions(a);
    waits->n++;
    w->next = waits->first;
    w->at = &waits->first;
    if (w->next)
        w->next->at = &w->next;
    waits->first = w;
    return true;
}

void key_wait_end(struct auth_local *a, struct key_wait *w)
{
    if (!w->at)
        return;
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    w->at = NULL;
    a->waits.n--;
}
