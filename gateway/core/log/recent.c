/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the last requests. Writing one costs each request, so it is copying and nothing else:
 * names lie ready in the size that a record has for them, texts of a request are mostly short. */
#include "core/log/recent.h"

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "core/exchange.h"
#include "core/hedge.h"
#include "core/module/module.h"
#include "core/module/module_log.h"
#include "core/retry.h"
#include "core/route/route.h"
#include "io/shm.h"

/* -- the rings --------------------------------------------------------------------------------- */

/* What the numbers in a record mean is a part of its layout. */
static struct slice key_of(unsigned slot, uint64_t n, char room[static 64])
{
    const int len = snprintf(room, 64, "log/recent/%u/%llu/%zu.%d", slot, (unsigned long long)n,
                             sizeof(struct recent_record), WHY_N);
    return slice_of(room, (size_t)len);
}

size_t recent_ring_size(uint64_t n)
{
    return sizeof(struct recent_ring) + n * sizeof(struct recent_record);
}

struct recent_ring *recent_ring_make(struct shm *shm, unsigned slot, uint64_t n)
{
    char room[64];
    return shm_cell(shm, key_of(slot, n, room), recent_ring_size(n));
}

const struct recent_ring *recent_ring_find(const struct shm *shm, unsigned slot, uint64_t n)
{
    char room[64];
    size_t size;
    const void *ring = shm_find(shm, key_of(slot, n, room), &size);
    return ring && size == recent_ring_size(n) ? ring : NULL;
}

void recent_keep(struct shm *shm, unsigned slots_n, uint64_t n)
{
    for (unsigned slot = 0; n && slot < slots_n; slot++)
        if (recent_ring_find(shm, slot, n))
            must(recent_ring_make(shm, slot, n));
}

/* -- names ------------------------------------------------------------------------------------- */

static void put_name(struct recent_name *to, struct slice name)
{
    if (name.n)
        memcpy(to->text, name.p, name.n < sizeof to->text ? name.n : sizeof to->text);
}

const struct recent_names *recent_names_make(const struct config *c, struct arena *a)
{
    struct recent_names *names = ARENA_NEW(a, struct recent_names);
    struct recent_name *listeners = ARENA_ARRAY(a, struct recent_name, c->listeners_n);
    struct recent_name *routes = ARENA_ARRAY(a, struct recent_name, c->routes_n);
    struct recent_name *clusters = ARENA_ARRAY(a, struct recent_name, c->clusters_n);
    for (size_t i = 0; i < c->listeners_n; i++)
        put_name(&listeners[i], c->listeners[i].name);
    for (size_t i = 0; i < c->routes_n; i++)
        put_name(&routes[i], c->routes[i].name);
    for (size_t i = 0; i < c->clusters_n; i++) {
        put_name(&clusters[i], c->clusters[i].place.name);
        clusters[i].balance = (uint8_t)c->clusters[i].balance;
    }
    *names = (struct recent_names){.listeners = listeners, .routes = routes, .clusters = clusters};
    return names;
}

/* -- writing ----------------------------------------------------------------------------------- */

static bool has_traces(const struct module_plan *m)
{
    for (size_t i = 0; m && i < m->n; i++)
        if (!strcmp(m->modules[i].module->desc->name, "tracing"))
            return true;
    return false;
}

void recent_begin(struct recent *r, struct recent_ring *ring, const struct worker *w)
{
    const uint64_t n = (uint64_t)w->g->config->log.recent;
    const uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    *r = (struct recent){.ring = ring,
                         .next = &ring->records[written % n],
                         .end = &ring->records[n],
                         .names = *w->g->names,
                         .by = {.generation = w->g->number, .worker = w->index},
                         .traces = has_traces(w->g->modules)};
}

/* Texts of a usual length, from 8 bytes to `most`, are copied by moves that overlap, where memcpy
 * is a call. */
enum { SHORT_MOST = 39, TARGET_MOST = 71 };
static inline void put_usual(char *restrict to, struct slice s, size_t most)
{
    if (s.n < 16) {
        memcpy(to, s.p, 8);
        memcpy(to + s.n - 8, s.p + s.n - 8, 8);
        return;
    }
    memcpy(to, s.p, 16);
    memcpy(to + s.n - 16, s.p + s.n - 16, 16);
    if (s.n > 32)
        memcpy(to + 16, s.p + 16, 16);
    if (most > 48 && s.n > 48)
        memcpy(to + s.n - 32, s.p + s.n - 32, 16);
    if (most > 64 && s.n > 64)
        memcpy(to + 32, s.p + 32, 16);
}

/* Returns the length of the whole. */
static uint32_t put_any(char *to, struct slice s, size_t room)
{
    if (s.n)
        memcpy(to, s.p, s.n < room ? s.n : room);
    return (uint32_t)s.n;
}

/* Members that lie beside each other in both are copied as one. */
#define SAME_ORDER(ours, theirs, first, last)                                                      \
    _Static_assert(offsetof(theirs, last) - offsetof(theirs, first) ==                             \
                           offsetof(ours, last) - offsetof(ours, first) &&                         \
                       offsetof(ours, last) + sizeof(((ours *)0)->last) == sizeof(ours),           \
                   "a record has these members in the order in which they were")
SAME_ORDER(struct recent_times, struct exchange, bytes_in, created_wall_us);
SAME_ORDER(struct recent_flags, struct exchange, client_gone, grpc_code);
SAME_ORDER(struct recent_attempt_times, struct attempt, started_us, done_us);

static inline void put_attempt(const struct attempt *restrict at,
                               struct recent_attempt *restrict to)
{
    memcpy(&to->t, (const char *)at + offsetof(struct attempt, started_us), sizeof to->t);
    to->endpoint_n = (uint32_t)at->endpoint_name.n;
    to->status = at->head.status;
    to->why = (uint8_t)at->why;
    to->reused = at->reused;
    to->injected = at->injected;
    memset(&to->more, 0, sizeof to->more);
}

static enum recent_how how_of(const struct exchange *x, const struct attempt *at)
{
    const struct attempt *before = list_entry(at->node.prev, const struct attempt, node);
    if (at->number == 1)
        return RECENT_FIRST;
    if (x->hedge && x->hedge->second == at)
        return RECENT_HEDGE;
    if (before->repeated)
        return before->why == WHY_REFUSED ? RECENT_REFUSED : RECENT_STALE;
    return RECENT_RETRY;
}

/* The last one takes the place of those that there is no room for. */
static void put_attempts(const struct recent *r, const struct exchange *x, struct recent_record *to)
{
    unsigned n = 0;
    list_each (node, &x->attempts) {
        const struct attempt *at = list_entry(node, const struct attempt, node);
        struct recent_attempt *a = &to->attempts[n];
        put_attempt(at, a);
        put_any(a->endpoint, at->endpoint_name, RECENT_ENDPOINT);
        a->status = at->headed ? at->head.status : 0;
        a->why = (uint8_t)attempt_why(at);
        a->more.how = (uint8_t)how_of(x, at);
        a->more.lost = at->lost;
        a->more.given = at == x->attempt && x->head_sent && !x->answering;
        a->more.elsewhere = at->cluster != x->plan.cluster;
        a->cluster = r->names.clusters[at->cluster->conf->place.index];
        if (n < RECENT_ATTEMPTS - 1)
            n++;
    }
}

/* A C string; NULL: the empty one. */
static void put_word(char *to, size_t room, const char *word)
{
    to[0] = '\0';
    if (!word)
        return;
    to[room - 1] = '\0';
    (void)!memccpy(to, word, '\0', room - 1);
}

/* What most requests don't have. */
static void put_more(const struct recent *r, const struct exchange *x, struct recent_more *to)
{
    const struct module *chosen_by = x->plan.chosen_by;
    const struct module *retry_by = x->retry ? x->retry->by : NULL;
    struct slice trace;
    put_word(to->chosen_by, RECENT_WORD, chosen_by ? chosen_by->desc->name : NULL);
    put_word(to->retry_by, RECENT_WORD, retry_by ? retry_by->desc->name : NULL);
    put_word(to->detail, RECENT_DETAIL, x->detail);
    put_word(to->retry_refused, RECENT_WORD, x->retry_refused);
    to->answered_by_n = put_any(to->answered_by, x->answered_by, RECENT_WORD);
    to->method_n = put_any(to->method, x->request.method, RECENT_WORD);
    to->trace[0] = '\0';
    if (r->traces && module_log_get(x, SLICE("tracing.trace_id"), &trace) &&
        trace.n == sizeof to->trace)
        memcpy(to->trace, trace.p, sizeof to->trace);
}

/* Path, "?" and query lie beside each other unless the path was normalised: then there is no such
 * slice, which is one of an impossible length. */
static inline struct slice whole_target(const struct exchange *x)
{
    const struct slice path = x->target.path, query = x->target.query;
    if (likely(!query.n))
        return path;
    return slice_of(path.p, query.p == path.p + path.n + 1 ? path.n + 1 + query.n : SIZE_MAX);
}

static void put_target(const struct exchange *x, struct recent_record *to)
{
    const struct slice whole = whole_target(x), query = x->target.query;
    if (whole.n != SIZE_MAX) {
        to->target_n = put_any(to->target, whole, RECENT_TARGET);
        return;
    }
    const size_t n = put_any(to->target, x->target.path, RECENT_TARGET);
    if (n < RECENT_TARGET) {
        to->target[n] = '?';
        put_any(to->target + n + 1, query, RECENT_TARGET - n - 1);
    }
    to->target_n = (uint32_t)(n + 1 + query.n);
}

/* What all records have. */
static inline void put_common(const struct recent *restrict r, const struct exchange *restrict x,
                              struct recent_record *restrict to)
{
    memcpy(&to->t, (const char *)x + offsetof(struct exchange, bytes_in), sizeof to->t);
    memcpy(&to->line, (const char *)x + offsetof(struct exchange, request.method_id),
           sizeof to->line);
    memcpy(&to->flags, (const char *)x + offsetof(struct exchange, client_gone), sizeof to->flags);
    to->by = r->by;
    to->source = x->source;
    to->listener = r->names.listeners[x->facts->listener];
    to->https = x->scheme.n == 5;
    to->id_n = (uint32_t)x->request_id.n;
    to->host_n = (uint32_t)x->host.name.n;
    to->variant_n = (uint32_t)x->plan.variant.n;
    to->attempts_n = x->attempts_n;
    to->status = x->reply.status;
    to->why = (uint8_t)x->why;
    to->identity = x->identity;
}

/* Is there something that few requests have? */
static inline uintptr_t has_more(const struct recent *r, const struct exchange *x)
{
    return (uintptr_t)x->detail | (uintptr_t)x->plan.chosen_by | (uintptr_t)x->retry |
           (uintptr_t)x->retry_refused | x->answered_by.n | r->traces | !x->request.method_id;
}

/* A request that was answered by its only attempt, and has nothing that is rare or unhandy: as it
 * is asked of each, without branches. */
static inline bool is_usual_request(const struct recent *r, const struct exchange *x,
                                    const struct attempt *at, struct slice target)
{
    if (x->attempts_n != 1)
        return false;
    const uintptr_t lengths = (x->request_id.n - 8) | (x->host.name.n - 8) |
                              (at->endpoint_name.n - 8) | (target.n - 8) >> 1;
    return !(has_more(r, x) | (lengths & ~(uintptr_t)(SHORT_MOST - 8))) && at->headed;
}

static void put_rare_request(const struct recent *r, const struct exchange *x,
                             struct recent_record *to)
{
    const struct cluster *cl = x->plan.cluster;
    put_common(r, x, to);
    put_any(to->id, x->request_id, RECENT_ID);
    put_any(to->host, x->host.name, RECENT_HOST);
    put_any(to->variant, x->plan.variant, RECENT_NAME);
    put_target(x, to);
    to->route = x->route ? r->names.routes[x->route->index] : (struct recent_name){0};
    to->cluster = cl ? r->names.clusters[cl->conf->place.index] : (struct recent_name){0};
    put_attempts(r, x, to);
    to->more = has_more(r, x);
    if (to->more)
        put_more(r, x, &to->rest);
}

/* The number goes first and comes last: between the two it is nobody's record. */
static inline struct recent_record *begin(struct recent *r)
{
    struct recent_record *const to = r->next;
    atomic_store_explicit(&to->number, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    return to;
}

static inline void end(struct recent *r, struct recent_record *to)
{
    struct recent_ring *const ring = r->ring;
    const uint64_t number = atomic_load_explicit(&ring->written, memory_order_relaxed) + 1;
    atomic_store_explicit(&to->number, number, memory_order_release);
    atomic_store_explicit(&ring->written, number, memory_order_release);
    r->next = to + 1 == r->end ? ring->records : to + 1;
}

static __attribute__((noinline)) void put_rare(struct recent *r, const struct exchange *x,
                                               uint64_t took_us)
{
    struct recent_record *const to = begin(r);
    to->took_us = took_us;
    put_rare_request(r, x, to);
    end(r, to);
}

/* Calls nothing on its usual way, so that nothing has to be saved for it. */
void recent_put(struct recent *restrict r, const struct exchange *restrict x, uint64_t took_us)
{
    const struct attempt *at = list_entry(x->attempts.next, const struct attempt, node);
    const struct slice target = whole_target(x);
    if (unlikely(!is_usual_request(r, x, at, target))) {
        put_rare(r, x, took_us);
        return;
    }
    struct recent_record *restrict const to = begin(r);
    to->took_us = took_us;
    put_common(r, x, to);
    put_usual(to->id, x->request_id, SHORT_MOST);
    put_usual(to->host, x->host.name, SHORT_MOST);
    to->target_n = (uint32_t)target.n;
    put_usual(to->target, target, TARGET_MOST);
    to->route = r->names.routes[x->route->index];
    to->cluster = r->names.clusters[at->cluster->conf->place.index];
    put_attempt(at, to->attempts);
    put_usual(to->attempts->endpoint, at->endpoint_name, SHORT_MOST);
    to->more = false;
    end(r, to);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* A record of some time; false: it was being written, or its writer has died. */
static bool copy(const struct recent_record *from, struct recent_record *to)
{
    const uint64_t number = atomic_load_explicit(&from->number, memory_order_acquire);
    if (!number)
        return false;
    memcpy(to, from, sizeof *to);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&from->number, memory_order_relaxed) == number;
}

static bool is_called(const struct recent_record *r, struct slice id)
{
    const size_t n = r->id_n < RECENT_ID ? r->id_n : RECENT_ID;
    if (r->id_n == id.n && n && slice_eq(slice_of(r->id, n), slice_of(id.p, n)))
        return true;
    return r->more && r->rest.trace[0] &&
           slice_eq(slice_of(r->rest.trace, sizeof r->rest.trace), id);
}

/* Numbers tell apart what began in the same turn of a worker. */
static bool is_later(const struct recent_record *r, const struct recent_record *than)
{
    if (r->t.created_wall_us != than->t.created_wall_us)
        return r->t.created_wall_us > than->t.created_wall_us;
    return r->number > than->number;
}

bool recent_find(const struct recent_ring *ring, uint64_t n, struct slice id,
                 struct recent_record *out, struct recent_kept *kept)
{
    const uint64_t written = atomic_load_explicit(&ring->written, memory_order_acquire);
    struct recent_record r;
    bool found = false;
    for (uint64_t i = 0; i < n && i <= written; i++) {
        if (!copy(&ring->records[i], &r)) {
            kept->torn += i < written;
            continue;
        }
        kept->records++;
        if (!kept->since_us || r.t.created_wall_us < kept->since_us)
            kept->since_us = r.t.created_wall_us;
        if (!is_called(&r, id) || !is_later(&r, out))
            continue;
        memcpy(out, &r, sizeof r);
        found = true;
    }
    return found;
}
