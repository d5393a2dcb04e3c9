/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_EXCHANGE_H
#define WEIR_EXCHANGE_H

/* A part of <weir/module.h>: what a hook may ask of an exchange, one request with its response, and
 * do to it. */

#include <weir/value.h>

#pragma GCC visibility push(default)

/* -- hooks ------------------------------------------------------------------------------------- */

/* What a hook answers. Each hook says which of them it may give. */
enum weir_verdict {
    WEIR_NEXT,     /* go on */
    WEIR_WAIT,     /* not known yet: weir_resume() will be called, and then this hook again. Until
                      then the request's time runs on; when it ends, on_done is called all the same */
    WEIR_ANSWERED, /* weir_answer() or weir_refuse() has said what the client gets */
    WEIR_VETO,     /* not this endpoint: weir_veto() */
    WEIR_RETRY,    /* weir_retry() has said where; the attempt's outcome isn't passed on */
};

/* What a hook works with. */
struct weir_use {
    const void *conf;   /* the settings of this use: of the route or cluster */
    const void *global; /* those under `modules`, with defaults when there are none; NULL: no such
                           settings */
    void *local;        /* what start() gave in this process */
    void *state;        /* state_size bytes for this use and exchange, zeroed at its begin. Of
                           on_identify its own, not that of a use on the route */
};

/* -- the request ------------------------------------------------------------------------------- */

/* All [hook]. What is absent is an absent slice. */
struct weir_slice weir_method(const struct weir_exchange *x);
bool weir_idempotent(const struct weir_exchange *x); /* RFC 9110 9.2.2 */
struct weir_slice weir_scheme(const struct weir_exchange *x);
struct weir_slice weir_host(const struct weir_exchange *x);  /* lower case, no port */
struct weir_slice weir_path(const struct weir_exchange *x);  /* normalised */
struct weir_slice weir_query(const struct weir_exchange *x); /* without "?" */
struct weir_slice weir_request_id(const struct weir_exchange *x);
struct weir_slice weir_source(struct weir_exchange *x); /* address, after trusted proxies */
struct weir_slice weir_route_name(const struct weir_exchange *x);
weir_route weir_route_of(const struct weir_exchange *x); /* WEIR_NO_ROUTE: it has none */
/* The version of HTTP that the client speaks: 10, 11, 20. */
unsigned weir_http_version(const struct weir_exchange *x);
/* Is the connection's other end one of the listener's forwarding.trusted_proxies? What it says of
 * others (their address, their request's id, their trace) may be believed then. */
bool weir_peer_trusted(const struct weir_exchange *x);
/* The first cookie of that name; the first parameter of that name, decoded. */
struct weir_slice weir_cookie(struct weir_exchange *x, struct weir_slice name);
struct weir_slice weir_query_param(struct weir_exchange *x, struct weir_slice name);

/* The client's verified certificate; NULL: none. */
struct weir_peer {
    struct weir_slice subject;     /* RFC 2253 */
    struct weir_slice fingerprint; /* SHA-256, hexadecimal */
    const struct weir_slice *dns_names, *uris, *emails;
    size_t dns_names_n, uris_n, emails_n;
};
const struct weir_peer *weir_peer(struct weir_exchange *x);

/* Memory until the exchange ends; aligned for anything, not zeroed. */
void *weir_alloc(struct weir_exchange *x, size_t n);
struct weir_slice weir_dup(struct weir_exchange *x, struct weir_slice s);
struct weir_slice weir_printf(struct weir_exchange *x, const char *fmt, ...) WEIR_PRINTF(2, 3);
/* Absent when the result is over 8 KiB or could not stand in a header field. */
struct weir_slice weir_render(struct weir_exchange *x, const struct weir_template *t);

/* -- header fields ----------------------------------------------------------------------------- */

enum weir_head {
    WEIR_REQUEST,  /* as received; can't be changed */
    WEIR_INWARD,   /* as it goes to the origin; from on_forward on */
    WEIR_RESPONSE, /* as it goes to the client; in on_response */
};

/* A name that is looked up once, so that comparing well-known ones is comparing numbers. Any case;
 * an invalid one has an absent text. [any] */
struct weir_name {
    struct weir_slice text; /* lower case where it is well known, else as given */
    unsigned id;            /* 0: not well known */
};
struct weir_name weir_name(struct weir_slice name);
/* Would this field be taken? Names of framing and of the connection never are. [any] */
bool weir_field_settable(struct weir_slice name);
bool weir_value_ok(struct weir_slice value);

/* All [hook]. The value of the first line of that name. */
struct weir_slice weir_field(const struct weir_exchange *x, enum weir_head head,
                             const struct weir_name *name);
/* The lines one after the other: *at begins as 0. False at the end. */
bool weir_field_each(const struct weir_exchange *x, enum weir_head head, size_t *at,
                     struct weir_slice *name, struct weir_slice *value);
/* False, with nothing changed, when the name or the value may not be set. The value is borrowed
 * until the exchange ends, the name likewise. */
bool weir_field_set(struct weir_exchange *x, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value); /* instead of all lines of that name */
bool weir_field_add(struct weir_exchange *x, enum weir_head head, const struct weir_name *name,
                    struct weir_slice value); /* one more line */
bool weir_field_remove(struct weir_exchange *x, enum weir_head head, const struct weir_name *name);
/* All lines of one name get another one, whose own lines go; how many there were. */
unsigned weir_field_rename(struct weir_exchange *x, enum weir_head head,
                           const struct weir_name *from, const struct weir_name *to);

/* -- identity ---------------------------------------------------------------------------------- */

struct weir_identity {
    struct weir_slice subject; /* who it is, in the issuer's words */
    struct weir_slice issuer;  /* who says so */
    struct weir_slice method;  /* "jwt", "certificate", ... */
};
struct weir_claim {
    struct weir_slice name, value; /* one with several values stands there several times */
};

/* Only from on_identify, once; texts and claims are borrowed until the exchange ends. */
void weir_identity_set(struct weir_exchange *x, const struct weir_identity *id,
                       const struct weir_claim *claims, size_t n);
/* The request carried something, and it was wrong: a static word, for logs and refusals. */
void weir_identity_wrong(struct weir_exchange *x, const char *reason);
/* NULL: nobody in particular, or not known yet (see wants_identity). [hook] */
const struct weir_identity *weir_identity(const struct weir_exchange *x);
/* What weir_identity_wrong() said; NULL: nothing was wrong. [hook] */
const char *weir_identity_fault(const struct weir_exchange *x);
/* The nth value of a claim, from 0; absent when there are not so many. [hook] */
struct weir_slice weir_claim(const struct weir_exchange *x, struct weir_slice name, size_t nth);

/* -- answering --------------------------------------------------------------------------------- */

/* The gateway's own refusals: status and word of each stand in the log, the body as the client
 * accepts it. `detail` is static text for the log, or NULL. [hook] */
enum weir_refusal {
    WEIR_UNAUTHENTICATED, /* 401: add WWW-Authenticate with weir_answer_field() */
    WEIR_FORBIDDEN,       /* 403 */
    WEIR_NOT_FOUND,       /* 404, as when there is no route */
    WEIR_LIMITED,         /* 429 */
    WEIR_UNAVAILABLE,     /* 503 */
    WEIR_BREAKER_OPEN,    /* 503: a circuit is open */
    WEIR_BREAKER_LIMIT,   /* 503: a limit of concurrency is reached */
};
enum weir_verdict weir_refuse(struct weir_exchange *x, enum weir_refusal refusal,
                              const char *detail);
/* An answer of the module's own, with a status from 200 to 599. `type` and `body` are borrowed
 * until the exchange ends. [hook] */
enum weir_verdict weir_answer(struct weir_exchange *x, int status, struct weir_slice type,
                              struct weir_slice body);
/* No answer at all: an HTTP/1.1 connection is reset, a stream of HTTP/2 with INTERNAL_ERROR. [hook]
 */
enum weir_verdict weir_abort(struct weir_exchange *x, const char *detail);
/* A field of the answer that comes; before WEIR_ANSWERED is returned. Name and value are borrowed
 * until the exchange ends. [hook] */
void weir_answer_field(struct weir_exchange *x, const struct weir_name *name,
                       struct weir_slice value);
/* In on_response: is this one of the gateway's own? [hook] */
bool weir_own_answer(const struct weir_exchange *x);
int weir_status(const struct weir_exchange *x); /* of the response; 0: none yet */
/* Of a gRPC request that has ended: its grpc-status, or the code that the client makes of what it
 * got; -1: it is none. In on_done. [hook] */
int weir_grpc_status(const struct weir_exchange *x);
/* Why the gateway answers itself, or how the exchange broke: the log's word; NULL: it did not. */
const char *weir_why(const struct weir_exchange *x);
/* Is no origin to blame for that? What weir_attempt_blameless() says of the last attempt; true when
 * there was none. [hook] */
bool weir_blameless(const struct weir_exchange *x);
/* How long it took so far, in microseconds. */
uint64_t weir_took_us(const struct weir_exchange *x);

/* When its head was complete: on the clock of weir_now_us(), and of weir_wall_us(). [hook] */
uint64_t weir_began_us(const struct weir_exchange *x);
uint64_t weir_began_wall_us(const struct weir_exchange *x);
/* The hooks that have answered WEIR_WAIT, one after the other; *at begins as 0. False at the end. A
 * hook that was asked and waited again at once has one wait. [hook] */
struct weir_wait {
    struct weir_slice module, hook; /* static: "auth", "on_identify" */
    uint64_t began_us, ended_us;    /* as weir_now_us() */
};
bool weir_wait_each(const struct weir_exchange *x, size_t *at, struct weir_wait *out);

/* After WEIR_WAIT, once; never from inside the hook that waits. [process] */
void weir_resume(struct weir_exchange *x);

/* -- where to ---------------------------------------------------------------------------------- */

/* The cluster that is intended; WEIR_NO_CLUSTER: none yet. [hook] */
weir_cluster weir_cluster_of(const struct weir_exchange *x);
/* In on_plan. False, with nothing changed, when the cluster is reserved for another module. */
bool weir_cluster_set(struct weir_exchange *x, weir_cluster cluster);
/* Has a module chosen already? Who only divides what is left should leave it then. [hook] */
bool weir_cluster_chosen(const struct weir_exchange *x);
/* Could an attempt start there now: is there an endpoint that may be used? [hook] */
bool weir_cluster_ready(const struct weir_exchange *x, weir_cluster cluster);
/* In on_pick: not this endpoint. `reason` is static: the log's detail when no other one will do,
 * too; NULL: none. */
enum weir_verdict weir_veto(struct weir_exchange *x, const char *reason);
/* What the last veto gave, since the pick began; NULL: nothing. [hook], in on_unavailable */
const char *weir_veto_reason(const struct weir_exchange *x);
/* Hooks of these settings run from now on, too, after those of the route. [hook], in on_plan */
void weir_chain_use(struct weir_exchange *x, struct weir_chain *chain);
/* Limits of each attempt until its head, in milliseconds; 0: none but the cluster's timeouts.
 * `idle`: while nothing moves, in the response's content, too. [hook], in on_plan or on_forward */
void weir_try_limits(struct weir_exchange *x, uint64_t timeout_ms, uint64_t idle_ms);
/* When an attempt has given no head after this many milliseconds, a second one starts beside it,
 * once for each exchange, on another endpoint: as long as the method is idempotent, all of the
 * request is there, the cluster's hedge_budget has room, and no breaker of it is open. The first
 * answer that no on_result wants to retry wins; the other attempt fails (why: hedge_lost). [hook],
 * in on_forward */
void weir_hedge(struct weir_exchange *x, uint64_t delay_ms);
/* Keeps the request's content, up to limits.queue, so that it can be sent again whatever its method
 * is. [hook], in on_plan or on_forward */
void weir_keep_request(struct weir_exchange *x);

/* -- content ----------------------------------------------------------------------------------- */

enum weir_direction { WEIR_TO_ORIGIN, WEIR_TO_CLIENT };

/* on_content is called for the use whose hook runs, and this direction, from now on. `changes`: the
 * length may become another one, so Content-Length goes (and with it ETag's strength, RFC
 * 9110 8.8.3). What has no content (HEAD, 204, 304, tunnels) has no filters. In on_forward for
 * WEIR_TO_ORIGIN, in on_response for WEIR_TO_CLIENT. [hook] */
void weir_filter(struct weir_exchange *x, const struct weir_use *u, enum weir_direction d,
                 bool changes);
/* In on_content: this goes on; copied unless it is the piece itself. */
void weir_pass(struct weir_exchange *x, enum weir_direction d, struct weir_slice s);
/* Keeps the first `limit` bytes of the content as it comes, before filters, by reference; of
 * several limits the largest counts. [hook], as weir_filter */
void weir_keep(struct weir_exchange *x, enum weir_direction d, size_t limit);
/* What was kept, joined; *whole: nothing is missing. [hook], in on_done */
struct weir_slice weir_kept(struct weir_exchange *x, enum weir_direction d, bool *whole);

#pragma GCC visibility pop

#endif
