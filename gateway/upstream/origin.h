/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UPSTREAM_ORIGIN_H
#define WEIR_UPSTREAM_ORIGIN_H

/* One connection to an endpoint: a link, and what is spoken on it. How it is made, told apart and
 * closed stands in origin.c. HTTP/1.1 serves one attempt at a time (origin_h1.c); between two of
 * them the connection lies in its endpoint's pool (pool.c). HTTP/2 serves many (origin_h2.h), and
 * is never idle in that sense.
 *
 *     connecting ──► busy ◄──► idle
 *          │           │ └─────────┤
 *          │           └─► leaving ┤    nobody needs it any more, but its last bytes go out
 *          └───────────────────────┴──► closed
 *
 * A connection is made for one attempt, or, when the endpoint speaks HTTP/2 or may do so, for
 * whoever waits (endpoint.shared, endpoint.waiting; pool_h2.c). */

#include "core/attempt.h"
#include "core/cluster/cluster.h"
#include "http/h1_body.h"
#include "http/h2_memory.h"
#include "io/link.h"
#include "upstream/proxy_out.h"

struct origin_h2;
struct origin_pools;

enum origin_state { ORIGIN_CONNECTING, ORIGIN_BUSY, ORIGIN_IDLE, ORIGIN_LEAVING, ORIGIN_CLOSED };

/* What HTTP/1.1 keeps of a connection. */
struct origin_h1 {
    struct bytes in;                /* an incomplete head */
    size_t scanned;
    struct h1_limits limits;        /* of the endpoint's cluster; `body` keeps a pointer to it */
    struct h1_body body;            /* of the response being read */
    bool chunked_out;               /* the request's content goes out in chunks */
    bool request_done;              /* the whole request is queued */
    bool head_done;                 /* the response's head came */
    bool keep_alive;                /* the origin would let us use it again */
    bool tunnel;
    uint8_t interims;               /* 1xx responses to this request so far */
};

struct origin {
    struct list node;               /* in endpoint.idle, endpoint.shared, or else pools.busy */
    struct origin_pools *pools;     /* borrowed */
    struct endpoint *endpoint;      /* borrowed; counts in endpoint.open_n */
    struct link *link;              /* owned */
    struct attempt *at;             /* borrowed; NULL: idle, or nobody waits any more */
    struct timer timer;             /* connecting for all, idle, leaving */
    struct grave grave;
    struct origin_h2 *h2;           /* owned; NULL: HTTP/1.1, or not known yet */
    struct origin_h1 h1;
    struct proxy_client client;     /* for whom it was made; counts where PROXY headers are sent */
    uint32_t requests;              /* so far */
    uint8_t state;                  /* enum origin_state */
    bool shared;                    /* in endpoint.shared: counts in shared_n */
};

/* A misbehaving origin could send interim responses for ever. */
enum { INTERIMS_MAX = 32 };

/* Where connections come from; tests give memory links. NULL with errno as link_connect. */
typedef struct link *origin_dial(void *ctx, struct loop *lp, const struct addr *to);

struct origin_pools {
    struct worker *w;               /* borrowed */
    origin_dial *dial;
    void *dial_ctx;
    struct list busy;               /* connecting, serving or leaving */
    struct slab slab;               /* of struct origin */
    enum why refused;               /* why origin_connect() gave NULL last */
    struct field *fields;           /* owned: what a parser fills, for one head at a time */
    /* HTTP/2 */
    struct slab sessions;           /* of struct origin_h2 */
    struct slab streams;            /* of struct origin_stream */
    struct block *scratch;          /* owned: where frame heads and small frames are written; NULL
                                       without sessions */
    struct h2_memory memory;        /* of the sessions' own things */
    struct nghttp2_session_callbacks *callbacks; /* owned */
    struct nghttp2_option *option;  /* owned */
    void *nv;                       /* owned: room for one head, made larger as needed */
    size_t nv_cap;
};

static inline const struct cluster_conf *origin_conf(const struct origin *o)
{
    return o->endpoint->cluster->conf;
}

/* -- origin.c ---------------------------------------------------------------------------------- */
/* Of an attempt for which origin_connect() gave NULL. */
static inline enum origin_opened pool_refusal(const struct origin_pools *p)
{
    return p->refused == WHY_CONNECTIONS ? ORIGIN_FULL : ORIGIN_REFUSED;
}

/* What the core is given: it only opens. From then on the attempt's ops are those of the protocol
 * that it is served by. */
extern const struct origin_ops upstream_ops;

/* Where connections to it go, and what its certificate must be for: the name as configured, not the
 * address that DNS gave for it. `text` may be where that lies. */
struct addr origin_address(const struct endpoint *ep);
struct slice origin_host(const struct endpoint *ep, char text[ADDR_TEXT_MAX]);

/* A connection to `ep`, for `at`, or for whoever waits when that is NULL. NULL: no descriptor, port
 * or memory was to be had, or the cluster has all the connections it may have (pools.refused). */
struct origin *origin_connect(struct origin_pools *p, struct endpoint *ep,
                              struct attempt *at) nodiscard;
/* Closes the connection and forgets it; tells nobody. Harmless when it is closed. */
void origin_close(struct origin *o);
/* Nobody needs it any more: it closes when what is queued has left, as long as the other side takes
 * some of it now and then. What still comes in is dropped. */
void origin_leave(struct origin *o);

/* -- origin_h1.c ------------------------------------------------------------------------------- */
extern const struct origin_ops origin_h1_ops;
/* The connection is there and speaks HTTP/1.1: sends the request of o->at on it, and tells. */
void origin_h1_begin(struct origin *o);
/* Sends the request of `at` on a kept connection. */
enum origin_opened origin_h1_reuse(struct origin *o, struct attempt *at);

/* -- pool.c ------------------------------------------------------------------------------------ */
void pools_init(struct origin_pools *p, struct worker *w, origin_dial *dial, void *dial_ctx);
/* Closes everything; the graveyard must run before pools_free_memory. */
void pools_fini(struct origin_pools *p);
/* Closes the connections of a cluster that are idle or shared. */
void pools_close_cluster(struct cluster *cl);
void pools_free_memory(struct origin_pools *p);
/* Closes the idle connections of an endpoint, and has those go that others still use, when they
 * are done (cluster.on_retire). */
void pool_drop_idle(struct endpoint *ep);
/* The most recently used idle connection that may serve x, now busy; NULL when there is none. */
struct origin *pool_take(struct endpoint *ep, const struct exchange *x) nodiscard;
/* A connection to `ep` begins, which counts over all processes. False: the cluster may have no
 * other one, and none of its idle ones could go for it. */
bool pool_enter(struct origin_pools *p, struct endpoint *ep) nodiscard;
/* It ends. */
void pool_leave(struct origin_pools *p, struct endpoint *ep);
/* Back among the idle ones, or closed when there are enough. */
void pool_give(struct origin *o);

#endif
