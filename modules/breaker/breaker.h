/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_BREAKER_H
#define WEIR_BREAKER_BREAKER_H

/* What the files of the module share: its settings, as settings.c reads and completes them.
 *
 *     breaker.c    the descriptor, and the life of processes
 *     cluster.c    hooks of a cluster's uses: its circuits, and its limits
 *     queue.c      requests that wait for room
 *     route.c      hooks of a route's uses: the route's circuit
 *     judge.c      what an attempt's head and its end say
 *     shared.c     circuits that instances share: shared.h
 *     report.c     what is logged and counted about transitions and refusals
 *     commands.c   what operators ask and force
 *
 * and the decisions: circuit.h (machine.h, window.h, outcomes.h), limits.h, and for shared circuits
 * shared_plan.h. */

#include <stdatomic.h>

#include "breaker/circuit.h"
#include "breaker/limits.h"

enum breaker_reject {
    REJECT_OPEN,      /* the circuit is open */
    REJECT_HALF_OPEN, /* half-open: all probes are out */
    REJECT_RAMP,      /* closing slowly: not this one */
    REJECT_REQUESTS,  /* max_requests, and no queue */
    REJECT_PENDING,   /* the queue is full */
    REJECT_TIMEOUT,   /* queue_timeout */
    REJECT_RETRIES,   /* max_retries */
    REJECT_N
};

enum breaker_counter { COUNT_PROBES, COUNT_FELL_BACK, COUNT_PASSED_OVER, COUNT_QUEUED, COUNT_N };
extern const struct weir_counter breaker_counters[], breaker_transitions[], breaker_adoptions[],
    breaker_rejects[], breaker_all_counters[];
enum breaker_gauge { GAUGE_STATE, GAUGE_SHARED_LED, GAUGE_LIMITS /* + enum limits_gauge */ };
extern const struct weir_counter breaker_gauges[];

enum breaker_log { LOG_DECISION, LOG_STATE, LOG_WAITED };

enum { SCOPE_CLUSTER, SCOPE_ENDPOINT };
enum { OVER_503, OVER_429 };
enum { CLASS_USUAL, CLASS_HIGH };

struct open_conf {
    uint32_t error_rate, slow_rate; /* millionths */
    uint64_t slow_after, window;    /* ms */
    int64_t consecutive, window_calls, min_requests;
    struct weir_texts outcomes;
};

struct circuit_group {
    struct weir_place place; /* file NULL: the group isn't there */
    int scope;
    struct open_conf open_on;
    uint64_t open_for, max_open, slow_step, probe_timeout, calm; /* ms */
    int64_t factor, probes, successes;
    uint32_t jitter; /* millionths */
    bool slow_close, shared;
};

struct limits_group {
    struct weir_place place;                                         /* as above */
    int64_t max_connections, max_pending, max_requests, max_retries; /* 0: no limit; none wait */
    uint64_t queue_timeout, retry_after;                             /* ms */
    int over;
};

struct fallback_group {
    struct weir_place place; /* as above */
    weir_cluster cluster;
    int64_t status; /* 0: none */
    struct weir_slice body, type;
};

/* One use: of a cluster, or of a route. */
struct breaker {
    int priority;                               /* of a route: the class of its requests */
    struct limits_group limits[LIMITS_CLASSES]; /* of a cluster */
    struct circuit_group circuit_group;
    struct fallback_group fallback;
    /* made at load */
    struct breaker *next; /* of breaker_global.first */
    bool is_route, has_circuit, per_endpoint, has_limits;
    unsigned index;
    weir_cluster cluster;    /* of a cluster */
    struct weir_slice owner; /* its name, or the route's */
    struct circuit_conf circuit;
    struct weir_name grpc_status;
    _Atomic uint32_t *off; /* cell: an operator has disabled it */
    struct machine *machine;
    struct window *window;
    struct weir_endpoint_cells *machines, *windows; /* of SCOPE_ENDPOINT instead */
    _Atomic uint32_t *worst; /* cell: of SCOPE_ENDPOINT, what the state gauge shows */
    struct limits *gauges;   /* cell; NULL: there are no limits */
    _Atomic uint32_t *led;   /* cell: how many of its circuits the fleet leads; NULL: not shared */
    struct weir_counters *counters, *transitions[MACHINE_STATES], *adopted[MACHINE_STATES],
        *rejects[REJECT_N];
};

struct breaker_global {
    struct breaker *first, **end;
    unsigned n;
    bool *high; /* by the route's number: CLASS_HIGH; NULL: of none */
    uint64_t poll;       /* ms */
};

extern const struct weir_setting breaker_global_rows[], breaker_route_rows[],
    breaker_cluster_rows[];
void breaker_load(struct weir_load *l, void *global);
void breaker_load_route(struct weir_load *l, void *conf, void *global);
void breaker_load_cluster(struct weir_load *l, void *conf, void *global);

extern const struct weir_command breaker_commands[];
/* [control] */
void breaker_explain(struct weir_explain *e, const struct weir_use *u);

/* What one process keeps: start(). */
struct waiter;
struct shared_circuit;
struct waiters {
    struct waiter *first, *last; /* oldest first */
};
struct breaker_local {
    const struct breaker_global *global;
    struct weir_process *process;
    int *columns;                  /* of each breaker's gauges, by its index */
    struct waiters *waiters;       /* by index and class */
    struct weir_timer timer;       /* runs while somebody waits */
    struct shared_circuit *shared; /* of the control process: shared.h */
};

static inline bool breaker_is_on(const struct breaker *b)
{
    return b->off && atomic_load_explicit(b->off, memory_order_relaxed) == 0;
}

/* For the gauge: the higher, the worse. */
static inline uint32_t breaker_state_number(enum machine_state s)
{
    return s == MACHINE_OPEN ? 3 : s == MACHINE_HALF_OPEN ? 2 : s != MACHINE_CLOSED;
}

static inline struct machine_clock breaker_clock(struct weir_process *p)
{
    return (struct machine_clock){.now_ms = weir_now_us(p) / 1000, .random = weir_random(p)};
}

/* The circuit of an endpoint, or (WEIR_NO_SLOT, or any where there is only one) of the whole.
 * False: it has none. [process] */
bool breaker_circuit_at(const struct breaker *b, weir_slot slot, struct circuit *out);

/* Makes the transition that is due by the time, if one is, and tells of it. A disabled breaker's
 * circuits stay as they are. [control] */
void breaker_pass_time(struct weir_process *p, const struct breaker *b, struct weir_slice endpoint,
                       const struct circuit *c);

/* A failure that isn't in the list says nothing: neither that it works, nor that it doesn't.
 * Injected faults count: breakers are what they are there to try. */
enum judgement { SAYS_NOTHING, WENT_WELL, HAS_FAILED };
/* By its head, or its failure before that; by its end, of one whose head went well. [hook] */
enum judgement breaker_judge_head(const struct breaker *b, const struct weir_attempt *at);
enum judgement breaker_judge_end(const struct breaker *b, const struct weir_attempt *at);

/* -- hooks ------------------------------------------------------------------------------------- */

/* Of an attempt under way. */
struct try_state {
    struct machine_ticket ticket;
    weir_slot slot;
    unsigned number;        /* of the attempt */
    bool asked;             /* by the circuit; it waits for the result */
    bool open;              /* ... it has heard of a good head, and waits for the end */
    uint64_t where;         /* the circuit has counted it */
    bool used, retry;       /* it has room among the requests, among the retries */
    bool headed;            /* its response has begun */
    struct try_state *from; /* whose room it has taken over; NULL: it has its own */
    bool from_retry;        /* ... among the retries, too */
};

/* One that waits for room, in its exchange's memory. */
struct waiter {
    struct waiter *next, *previous;
    struct weir_exchange *x;
    uint64_t since_us, until_us;
    bool queued, granted, late;
};

enum { TRIES = 8 }; /* attempts of one exchange that are under way at a time: two, with a hedge */

/* Of one exchange, in one use. */
struct breaker_state {
    struct waiter waiter;
    struct try_state tries[TRIES], picked;
    uint8_t class;
    bool reserved;    /* room was taken in on_enter, for the first attempt */
    bool started;     /* an attempt has: what comes next is a retry */
    bool has_head;    /* an attempt has given one: there is an answer already */
    uint8_t refused;  /* 1 + enum breaker_reject: why the last pick was vetoed */
    uint64_t open_ms; /* how long the circuit is still open */
    /* of a route */
    struct machine_ticket ticket;
    bool asked, open; /* as of an attempt */
    uint64_t where;
};

enum weir_verdict breaker_cluster_enter(struct weir_exchange *x, const struct weir_use *u);
enum weir_verdict breaker_cluster_pick(struct weir_exchange *x, const struct weir_use *u,
                                       const struct weir_endpoint *ep);
void breaker_cluster_unpick(const struct weir_use *u);
void breaker_cluster_attempt(struct weir_exchange *x, const struct weir_use *u,
                             const struct weir_attempt *at);
void breaker_cluster_result(struct weir_exchange *x, const struct weir_use *u,
                            const struct weir_attempt *at);
void breaker_cluster_end(struct weir_exchange *x, const struct weir_use *u,
                         const struct weir_attempt *at);
enum weir_verdict breaker_cluster_unavailable(struct weir_exchange *x, const struct weir_use *u);
void breaker_cluster_done(const struct weir_use *u);

enum weir_verdict breaker_route_plan(struct weir_exchange *x, const struct weir_use *u);
void breaker_route_response(struct weir_exchange *x, const struct weir_use *u);
void breaker_route_end(struct weir_exchange *x, const struct weir_use *u,
                       const struct weir_attempt *at);
void breaker_route_done(struct weir_exchange *x, const struct weir_use *u);

/* -- gauges and the queue (queue.c) ------------------------------------------------------------ */

/* One more of this gauge, if the limit of the class has room. No limit: it is counted all the same,
 * so that operators see it. */
bool breaker_take(const struct weir_use *u, unsigned class, enum limits_gauge g)
    __attribute__((warn_unused_result));
/* Room that is free now goes to who waits, if anybody does. */
void breaker_give(const struct weir_use *u, unsigned class, enum limits_gauge g);
bool breaker_anybody_waits(const struct weir_use *u, unsigned class);
/* False: the queue is full. Else the exchange is to wait: it is resumed with .granted, when it has
 * room, or with .late. */
bool breaker_wait(struct weir_exchange *x, const struct weir_use *u)
    __attribute__((warn_unused_result));
/* It waits no longer, whatever has come of it. */
void breaker_wait_end(const struct weir_use *u);
void breaker_on_timer(struct weir_timer *t);

/* -- telling (report.c) ------------------------------------------------------------------------ */

/* Logs and counts a transition that this process has made; does nothing for others. */
void breaker_report(struct weir_process *p, const struct breaker *b, struct weir_slice endpoint,
                    const struct circuit_event *event);
/* One that another instance has made, and that is in force here now. */
struct breaker_adopted {
    const struct machine_change *change;
    const char *by, *figures;
};
void breaker_report_adopted(struct weir_process *p, const struct breaker *b,
                            struct weir_slice endpoint, const struct breaker_adopted *a);
/* Counts it, and answers: what the settings say about it. */
enum weir_verdict breaker_refuse(struct weir_exchange *x, const struct weir_use *u,
                                 enum breaker_reject why);
enum breaker_reject breaker_reject_of(enum machine_says says);
const char *breaker_reject_name(enum breaker_reject r);

#endif
