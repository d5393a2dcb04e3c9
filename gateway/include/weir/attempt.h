/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_ATTEMPT_H
#define WEIR_ATTEMPT_H

/* A part of <weir/module.h>: attempts, each one try of an exchange on one endpoint: how they ended,
 * whether there is to be another one, and faults that are injected into them. In on_attempt,
 * on_result, on_end and on_done. */

#include <weir/exchange.h>

#pragma GCC visibility push(default)

/* Why an attempt, an exchange or a call failed, as far as modules tell reasons apart; the log has
 * more words. Each is one bit, so a number can be a set of them. */
enum weir_failure {
    WEIR_FAILURE_NONE = 0,                 /* it didn't */
    WEIR_FAILURE_CONNECT = 1 << 0,         /* there was no connection, or no TLS on it */
    WEIR_FAILURE_TIMEOUT_CONNECT = 1 << 1, /* ... in time */
    WEIR_FAILURE_REFUSED = 1 << 2,         /* the origin says that it has processed nothing */
    WEIR_FAILURE_RESET = 1 << 3,           /* the origin has reset or closed the connection */
    WEIR_FAILURE_TRUNCATED = 1 << 4,       /* ... or ended its response too early */
    WEIR_FAILURE_BAD_RESPONSE = 1 << 5,    /* no response that could be understood */
    WEIR_FAILURE_TIMEOUT_HEAD = 1 << 6,    /* no head in the cluster's time, or the attempt's */
    WEIR_FAILURE_TIMEOUT_BODY = 1 << 7,    /* a response stopped in the middle */
    WEIR_FAILURE_TIMEOUT_REQUEST = 1 << 8, /* the time for the whole request was up */
    WEIR_FAILURE_NO_ENDPOINT = 1 << 9,     /* no attempt could start */
    WEIR_FAILURE_HEDGE_LOST = 1 << 10,     /* another attempt was faster */
    WEIR_FAILURE_CLIENT = 1 << 11,         /* the client has gone, or taken nothing for too long */
    WEIR_FAILURE_TOO_LARGE = 1 << 12,      /* the request's content was over a limit */
    WEIR_FAILURE_OVERLOAD = 1 << 13,       /* the gateway was out of memory or connections */
    WEIR_FAILURE_DRAIN = 1 << 14,          /* the gateway was about to go */
    WEIR_FAILURE_OTHER = 1 << 15,          /* the request was refused, and the like */
};
/* Of the exchange; what weir_why() has a word for. [hook] */
enum weir_failure weir_failure(const struct weir_exchange *x);

/* All [hook]. */
unsigned weir_attempt_number(const struct weir_attempt *at); /* 1: the first */
int weir_attempt_status(const struct weir_attempt *at);      /* 0: it gave no head */
/* NONE: it didn't fail. In on_end and on_done: how it broke off; NONE: whole, or cut short. */
enum weir_failure weir_attempt_failure(const struct weir_attempt *at);
/* The log's word for that; NULL: none. */
const char *weir_attempt_why(const struct weir_attempt *at);
/* In on_result: it has given a head, and on_end will tell how its content ended. A use that hears
 * of this one only because of a word (weir_load_results_while) isn't told when that is 0 by then
 * and the end was good. */
bool weir_attempt_goes_on(const struct weir_attempt *at);
/* In on_end: has all of it come, trailers included? Not: it broke off, or was cut short. */
bool weir_attempt_whole(const struct weir_attempt *at);
/* In on_end: is it the one whose response the client got? */
bool weir_attempt_served(const struct weir_attempt *at);
/* May any of the request have reached the origin? */
bool weir_attempt_sent(const struct weir_attempt *at);
/* Did it fail by the gateway's or the client's doing, so that the origin isn't to blame? An
 * injected fault is the gateway's; what came of itself of an attempt that was only delayed or
 * slowed isn't. The end of the request's time is the origin's, if it had at least as much of it as
 * went before. In on_end: or was it cut short, by a client that went away, by a limit of the
 * gateway's or of the client's, or because it was of no more use? So is one that broke off after
 * nothing had been read from it for a second or more, since the client took nothing, or after the
 * client had sent nothing of its content for so long; and one that the time for the whole request
 * has ended when most of it was spent before. */
bool weir_attempt_blameless(const struct weir_attempt *at);
/* The gateway goes on with another one by itself, whatever hooks say: a kept connection was stale,
 * or the origin has said that it processed nothing. */
bool weir_attempt_repeated(const struct weir_attempt *at);
/* A fault was injected into it, whatever it did. */
bool weir_attempt_injected(const struct weir_attempt *at);
uint64_t weir_attempt_took_us(const struct weir_attempt *at); /* from its start until now */
weir_cluster weir_attempt_cluster(const struct weir_attempt *at);
struct weir_slice weir_attempt_endpoint(const struct weir_attempt *at);
/* On the clock of weir_now_us(); 0: not reached. */
struct weir_attempt_times {
    uint64_t began_us;
    uint64_t opened_us; /* the head began to go out */
    uint64_t headed_us; /* that of the response was there */
    uint64_t ended_us;  /* one way or another */
};
struct weir_attempt_times weir_attempt_times(const struct weir_attempt *at);
/* In on_done, where all have ended: the attempt after this one, in the order in which they began;
 * NULL: the first. NULL: there are no more. */
const struct weir_attempt *weir_attempt_next(const struct weir_exchange *x,
                                             const struct weir_attempt *at);
/* Of the head that it gave: the value of the first line of that name. */
struct weir_slice weir_attempt_field(const struct weir_attempt *at, const struct weir_name *name);
/* In on_end: the same of its trailers. */
struct weir_slice weir_attempt_trailer(const struct weir_attempt *at, const struct weir_name *name);
/* As configured, or the address that DNS gave; in on_pick, and borrowed for that call. */
struct weir_slice weir_endpoint_name(const struct weir_endpoint *ep);
/* Another attempt, on this cluster, after `delay_ms`: gives WEIR_RETRY; or WEIR_NEXT when that is
 * not possible: the request may not be sent twice (its method, unless `unsafe`, or its content is
 * gone), a retry is arranged already, the cluster's retry budget is used up, or the cluster isn't
 * ready or is reserved for another module. What weir_chain_use() has brought goes with the cluster,
 * and so do its changes of the head. In on_result and on_unavailable; there it has to be another
 * cluster, costs no budget and comes at once. At most four times in one exchange. */
struct weir_retry {
    weir_cluster cluster;
    uint64_t delay_ms;
    bool unsafe;              /* also for methods that aren't idempotent */
    struct weir_chain *chain; /* for another cluster: its hooks run from now on; NULL: none */
};
enum weir_verdict weir_retry(struct weir_exchange *x, const struct weir_retry *r);
/* Why the last weir_retry() in an on_result gave NEXT: "method", "content" (it is gone, or is
 * another one for another cluster), "time" (the request's would be up before), "no_endpoint",
 * "budget", "taken" (another hook has arranged one), "cluster" (there is none, or it is reserved),
 * "over". Static; NULL: it didn't. [hook] */
const char *weir_retry_refused(const struct weir_exchange *x);

/* A fault: from now on the attempt behaves as if its endpoint did so. It may be delayed as well as
 * aborted, and aborted as well as slowed. */
enum weir_abort {
    WEIR_ABORT_NONE,
    WEIR_ABORT_STATUS,   /* a response with this status and no content; no connection is made */
    WEIR_ABORT_GRPC,     /* the same, with this gRPC status (0 to 16) */
    WEIR_ABORT_RESET,    /* the connection is reset; none is made */
    WEIR_ABORT_TRUNCATE, /* the real response breaks off behind truncate_at bytes of content, if it
                            has more */
};
struct weir_attempt_fault {
    uint64_t delay_ms; /* before it is opened; counts against the limit for the response's head, not
                          against that for connecting */
    enum weir_abort abort;
    int status; /* 200 to 599; of a gRPC status 0 to 16 */
    uint64_t truncate_at;
    uint64_t bytes_per_second; /* of the real response's content, at most 2^32; 0: as it comes */
};
/* In on_attempt. Of several faults of one attempt delays add up, the first abort counts, and the
 * slowest pace. */
void weir_attempt_fault(struct weir_attempt *at, const struct weir_attempt_fault *fault);
/* Was a fault injected into this exchange: into one of its attempts, or by a module's own answer or
 * delay, which has said so? What became of it says nothing about origins then. [hook] */
bool weir_injected(const struct weir_exchange *x);
void weir_injected_set(struct weir_exchange *x);

#pragma GCC visibility pop

#endif
