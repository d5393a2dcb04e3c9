/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_UPSTREAM_ORIGIN_H
#define WEIR_UPSTREAM_ORIGIN_H

/* One connection to an endpoint: a link and HTTP/1.1 on it (origin_h1.c). It serves one attempt at
 * a time and lies in its endpoint's pool (pool.c) between two of them.
 *
 *     connecting ──► busy ◄──► idle
 *          │           │ └─────────┤
 *          │           └─► leaving ┤    a tunnel that has ended on both sides: its last bytes go out
 *          └───────────────────────┴──► closed
 */

#include "core/attempt.h"
#include "core/cluster.h"
#include "http/h1_body.h"
#include "io/link.h"
#include "upstream/proxy_out.h"

struct origin_pools;

enum origin_state { ORIGIN_CONNECTING, ORIGIN_BUSY, ORIGIN_IDLE, ORIGIN_LEAVING, ORIGIN_CLOSED };

struct origin {
    struct list node;               /* in endpoint.idle while idle; in pools.busy otherwise */
    struct origin_pools *pools;     /* borrowed */
    struct endpoint *endpoint;      /* borrowed; counts in endpoint.open_n */
    struct link *link;              /* owned */
    struct attempt *at;             /* borrowed; NULL: idle, or nobody waits any more */
    struct timer timer;             /* idle, leaving */
    struct grave grave;
    struct bytes in;                /* an incomplete head */
    size_t scanned;
    struct h1_limits limits;        /* of the endpoint's cluster; `body` keeps a pointer to it */
    struct h1_body body;            /* of the response being read */
    uint8_t state;                  /* enum origin_state */
    bool chunked_out;               /* the request's content goes out in chunks */
    bool request_done;              /* the whole request is queued */
    bool head_done;                 /* the response's head came */
    bool keep_alive;                /* the origin would let us use it again */
    bool tunnel;
    uint8_t interims;               /* 1xx responses to this request so far */
    uint32_t requests;              /* so far */
    struct proxy_client client;     /* for whom it was made; counts where PROXY headers are sent */
};

/* Where connections come from; tests give memory links. NULL with errno as link_connect. */
typedef struct link *origin_dial(void *ctx, struct loop *lp, const struct addr *to);

struct origin_pools {
    struct worker *w;               /* borrowed */
    origin_dial *dial;
    void *dial_ctx;
    struct list busy;               /* connecting or serving */
    struct slab slab;               /* of struct origin */
    struct field *fields;           /* owned: what a parser fills, for one head at a time */
};

extern const struct origin_ops origin_h1_ops;

/* -- pool.c ------------------------------------------------------------------------------------- */
void pools_init(struct origin_pools *p, struct worker *w, origin_dial *dial, void *dial_ctx);
/* Closes everything; the graveyard must run before pools_free_memory. */
void pools_fini(struct origin_pools *p);
void pools_free_memory(struct origin_pools *p);
/* Closes the idle connections of an endpoint (cluster.on_retire). */
void pool_drop_idle(struct endpoint *ep);
/* The most recently used idle connection that may serve x, now busy; NULL when there is none. */
struct origin *pool_take(struct endpoint *ep, const struct exchange *x) nodiscard;
/* Back among the idle ones, or closed when there are enough. */
void pool_give(struct origin *o);

/* -- origin_h1.c ----------------------------------------------------------------------------------- */
/* Closes the connection and forgets it; tells nobody. */
void origin_close(struct origin *o);

#endif
