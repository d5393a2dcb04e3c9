/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_EXCHANGE_H
#define WEIR_CORE_EXCHANGE_H

/* One request and its response: the noun in the middle. Edge code makes it when a head is
 * complete, upstream code serves its attempts, core/exchange_steps.c decides what happens. It
 * knows no socket and no protocol.
 *
 *     client ── exchange_new, _on_body, _on_body_end, _on_room, _on_gone ──► exchange ──► steps
 *     client ◄── client_ops: send_head, send_body, send_end, ... ──────────────┘
 *
 * The on_* functions write down what happened and wake the exchange; it is run from the loop's
 * later queue, once, however often it was woken. Everything it needs lies in its arena, most of it
 * in the same 4 KiB object, so that a usual request needs no malloc. */

#include "base/addr.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "core/attempt.h"
#include "core/plan.h"
#include "core/steps.h"
#include "core/why.h"
#include "core/worker.h"
#include "http/head.h"
#include "http/target.h"

enum { EXCHANGE_SIZE = 4096, EXCHANGE_TRAIL = 16 };

struct chain;
struct content;
struct exchange;
struct hook_wait;
struct identity;
struct module_answer;
struct module_use;
struct proxy_header;
struct retry;
struct shadow;
struct tls_facts;
struct weir_variant;

/* The head of what the client gets, with its framing already decided. */
struct reply {
    uint16_t status;
    struct slice reason;
    enum body_kind body;
    bool has_length;
    uint64_t content_length;
    struct slice upgrade;       /* for 101: the protocol */
    struct fields fields;       /* end-to-end only */
};

/* What a client's protocol offers to the core. None of these calls an exchange_on_*() from inside,
 * except that `finished` ends the client's interest in x. */
struct client_ops {
    void (*send_interim)(struct exchange *x, uint16_t status, const struct fields *f);
    void (*send_head)(struct exchange *x, const struct reply *r);
    /* Takes content from the front of `from`, as much as there is room for. */
    void (*send_body)(struct exchange *x, struct bytes *from);
    /* The response is complete (trailers may be NULL); in a tunnel: half-close. */
    void (*send_end)(struct exchange *x, const struct fields *trailers);
    /* The request's content may be read on. */
    void (*resume)(struct exchange *x);
    /* The response can't be completed: let the client see that (close, or reset the stream). */
    void (*abort)(struct exchange *x);
    /* The exchange is about to be freed. When the request's content was not read to its end, the
     * connection can't be used for another one. */
    void (*finished)(struct exchange *x);
};

/* Where the uses of modules come from that an exchange runs, in the order in which they run. */
enum { CHAIN_IDENTIFY, CHAIN_ROUTE, CHAIN_CHOICE /* weir_chain_use() */, CHAIN_CLUSTER, CHAIN_N };

struct chain_run {
    const struct chain *chain; /* NULL: none */
    unsigned since;            /* attempts that there were when it was set: it hears of later ones */
    char *state;               /* of its uses, in the arena; NULL: they have none */
    struct slice *log;         /* their log fields; NULL: they have none */
};

/* A chain that another one has taken the place of: its uses are still owed their on_done, and the
 * on_end of attempts that they have heard of. */
struct chain_past {
    struct chain_past *next;
    struct chain_run run;
    unsigned until; /* the last of these attempts */
};

/* What a client tells about itself when it makes an exchange. */
struct client_facts {
    uint32_t listener;          /* index */
    uint64_t connection;        /* number of the connection, for logs */
    struct ip peer;             /* who connected: of a PROXY header, else the link's other end */
    uint16_t peer_port;         /* 0: a unix socket */
    struct ip direct;           /* the link's other end */
    struct slice scheme;        /* "http", "https"; static */
    const struct tls_facts *tls; /* NULL: not TLS */
    const struct proxy_header *proxy; /* what a trusted peer said in front; NULL: nothing */
    const struct addr *local;   /* where the client connected to: as peer */
};

struct exchange {
    /* identity */
    struct worker *w;
    const struct client_ops *client_ops;
    void *client;                       /* borrowed; NULL when the client is gone */
    const struct client_facts *facts;   /* borrowed from the client; copied when it goes */
    struct list node;                   /* in worker.active */
    uint64_t id;
    /* state */
    enum step step;
    uint8_t trail[EXCHANGE_TRAIL];      /* the last steps, for logs and crash reports */
    uint8_t trail_n;
    enum why why;                       /* why the gateway answers itself, or how it broke */
    const char *detail;                 /* static text: which fault exactly; NULL */
    struct later run;
    bool request_done;                  /* the whole content has come */
    bool head_sent, reply_done;         /* to the client */
    bool client_gone;
    bool answering;                     /* the head that was sent is the gateway's own */
    bool body_paused;                   /* the client was told to stop reading */
    bool tunnel;                        /* bytes both ways */
    bool grpc;                          /* a gRPC request: answers of our own are in gRPC */
    bool injected;                      /* a fault was: into an attempt, or by a module itself */
    bool to_https;                      /* answered by the listener's redirect_to_https */
    uint8_t grpc_code;                  /* enum grpc_code: of an answer of our own; at the end of all */
    /* the request */
    struct arena arena;
    struct request_head request;        /* as received, in the arena */
    struct target target;
    struct host host;
    struct ip source;                   /* the client, after trusted proxies */
    struct slice scheme;                /* the client's: facts.scheme, or what a trusted proxy says */
    struct slice request_id;
    struct bytes inward;                /* content that came and was not passed on yet */
    struct bytes kept;                  /* all content so far, for a second attempt */
    bool kept_all;                      /* ... and nothing of it is missing */
    uint8_t refusals;                   /* attempts that were refused (WHY_REFUSED) and repeated */
    struct fields trailers;
    const struct route *route;
    const struct slice *captures;       /* groups of its path_regex, once a variable has asked */
    const struct identity *identity;    /* who it comes from; NULL: nobody, or not known yet */
    struct plan plan;
    /* modules */
    uint32_t moments;                   /* bits: which moments have hooks in one of the chains */
    struct chain_run chains[CHAIN_N];
    struct chain_past *past;            /* oldest first */
    const struct module_use *hook;      /* the one that runs now: for the crash report; NULL */
    void *hook_state;                   /* its state */
    uint8_t moment;                     /* its enum moment */
    bool awake;                         /* hooks of uses that come late are called, too */
    bool waiting;                       /* the hook at hooks_at has answered WAIT */
    bool resumed;                       /* ... and weir_resume() was called since */
    bool identified;                    /* it is known who asks, if anybody */
    struct hooks_at {
        uint32_t chain, use;
    } hooks_at;                         /* where the hooks of a moment stand; zero: at their begin */
    struct hook_wait *waits;            /* how long hooks have waited, oldest first; NULL: none has */
    const char *veto;                   /* what the last hook that vetoed said; static; NULL */
    const char *identity_fault;         /* what was wrong with what the request carried; static */
    struct module_answer *answer;       /* what a hook says to the client; NULL */
    struct slice answered_by;           /* the module that answered; empty: none */
    bool retried;                       /* endpoints that were tried come last */
    struct hedge *hedge;                /* a second attempt beside the first; NULL: not asked for */
    struct retry *retry;                /* what a hook arranged; NULL: never */
    const char *retry_refused;          /* why not, the last time one was asked for; NULL */
    struct content *content;            /* filters and what is kept; NULL: none (core/filter.h) */
    const struct weir_variant *variant; /* counts this exchange, too; NULL: none */
    struct shadow *shadow;              /* this is a request of the gateway's own; NULL: a client's */
    struct list followers;              /* of struct shadow: calls and copies that depend on this */
    /* the response */
    struct list attempts;               /* oldest first */
    struct attempt *attempt;            /* the one under way; NULL: none */
    unsigned attempts_n;
    struct reply reply;
    struct bytes own;                   /* content of an answer of our own */
    struct timer deadline;
    /* counts and times in microseconds on the loop's clock; 0: not reached */
    uint64_t bytes_in, bytes_out;       /* content */
    uint64_t created_us, routed_us, head_sent_us;
    uint64_t body_us;                   /* content came last */
    uint64_t created_wall_us;
};

/* -- what clients tell ------------------------------------------------------------------------- */

/* `h` is borrowed and kept (head_keep_request). NULL when there is no memory: the client sheds. */
struct exchange *exchange_new(struct worker *w, const struct client_ops *ops, void *client,
                              const struct client_facts *facts, const struct request_head *h,
                              struct slice raw) nodiscard;
/* A request that could not even be parsed: the exchange goes straight to ANSWER, so that it is
 * answered, counted and logged like any other. The head may be empty. */
struct exchange *exchange_new_bad(struct worker *w, const struct client_ops *ops, void *client,
                                  const struct client_facts *facts, enum why why,
                                  const char *detail) nodiscard;
/* A request of the gateway's own, which begins at STEP_PICK: core/shadow.c fills request and plan,
 * and is its client. */
struct exchange *exchange_new_shadow(struct worker *w, const struct client_ops *ops,
                                     const struct client_facts *facts) nodiscard;
/* Content; `s` lies in `b`. Whether it is too much is the relay's to say. */
void exchange_on_body(struct exchange *x, struct block *b, struct slice s);
void exchange_on_body_end(struct exchange *x, const struct fields *trailers);
/* Asked after exchange_on_body: is enough queued that the client should stop reading? The core
 * calls client_ops.resume when there is room again. */
bool exchange_wants_pause(struct exchange *x);
/* Asks for client_ops.resume as soon as at most half of limits.queue waits: for a client that
 * bounds what comes by other means. */
void exchange_tell_room(struct exchange *x);
/* There is room for content of the response again. */
void exchange_on_room(struct exchange *x);
/* The client broke the protocol or the limits, or a timeout of its own passed, in the middle of
 * the request: answer with `why` if that is still possible. */
void exchange_on_fault(struct exchange *x, enum why why, const char *detail);
/* The client is gone; nothing more can be sent. */
void exchange_on_gone(struct exchange *x, enum why why);

/* -- for the core ------------------------------------------------------------------------------ */

void exchange_wake(struct exchange *x);
/* The gateway's decision that x fails: keeps the first reason. */
void exchange_blame(struct exchange *x, enum why why, const char *detail);
/* Content goes on, from the client or from the filters: to x->inward, and to x->kept while another
 * attempt may need it. `from` is empty afterwards. */
void exchange_pass_body(struct exchange *x, struct bytes *from);
/* Keeps the content that has come, by reference, and what comes, as long as it is not more than
 * limits.queue. Before the first attempt; for methods that aren't kept anyway. */
void exchange_keep(struct exchange *x);
/* Frees everything; only from STEP_FINISH. */
void exchange_free(struct exchange *x);

static inline const struct timeouts *exchange_timeouts(const struct exchange *x)
{
    return &x->w->g->config->listeners[x->facts->listener].timeouts;
}
static inline const struct limits *exchange_limits(const struct exchange *x)
{
    return &x->w->g->config->listeners[x->facts->listener].limits;
}

/* What a step answers: go on with another one, or stay until something wakes the exchange. */
enum verdict { VERDICT_STAY = -1, VERDICT_END = -2 };
/* One function a step (exchange_steps.c): a step to go to, or a verdict. */
int exchange_step(struct exchange *x, enum step s);

#endif
