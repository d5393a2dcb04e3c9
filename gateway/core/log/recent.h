/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_RECENT_H
#define WEIR_CORE_RECENT_H

/* The last requests of each worker, for an operator who has the id of one and asks what happened to
 * it (`weirctl explain ID`): who, where to, what was decided, every attempt. A worker writes a
 * record at the end of each request into a ring in the shared region, over the oldest one; nobody
 * is waited for and nothing is allocated. The ring belongs to the slot and not to the process: it
 * outlives reload, upgrade and the death of its worker.
 *
 * A record says everything by itself, with names and not by numbers: the configuration of that time
 * may be gone. Texts are cut. Neither header fields nor cookies nor who asked are kept; the query
 * is, as in the access log's default.
 *
 * A reader copies, and looks at the number before and afterwards: a record that was written over
 * meanwhile has another one, one whose writer has died in it has none. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/check.h"

struct config;
struct exchange;
struct shm;
struct worker;

enum {
    RECENT_NAME = 32, /* bytes of a name */
    RECENT_WORD = 16, /* of a module's or a method's */
    RECENT_DETAIL = 24,
    RECENT_ID = 64,
    RECENT_HOST = 48,
    RECENT_TARGET = 144, /* path, and query behind "?" */
    RECENT_ENDPOINT = 40,
    RECENT_ATTEMPTS = 4, /* the first three and the last */
};

/* With NULs behind it. */
struct recent_name {
    char text[RECENT_NAME - 1];
    uint8_t balance; /* of a cluster: its enum balance */
};

/* Why an attempt was made. */
enum recent_how {
    RECENT_FIRST,
    RECENT_STALE,   /* the kept connection of the one before was closed */
    RECENT_REFUSED, /* the backend of the one before had processed nothing */
    RECENT_RETRY,   /* a module asked for it */
    RECENT_HEDGE,   /* beside the first, which took long */
};

/* Times are the loop's, in microseconds; 0: not reached. In the order of struct attempt. */
struct recent_attempt_times {
    uint64_t started_us, opened_us, headed_us, ended_us, sent_us, done_us;
};

struct recent_attempt {
    struct recent_attempt_times t;
    char endpoint[RECENT_ENDPOINT];
    uint32_t endpoint_n; /* of the whole name, here as below: it may be longer than what is kept */
    uint16_t status;     /* of its head; 0: it gave none */
    uint8_t why;         /* enum why */
    bool reused, injected;
    struct {
        uint8_t how; /* enum recent_how */
        bool lost;
        bool given;     /* the client got this one's answer; of an only one see `answering` */
        bool elsewhere; /* in another cluster than the record's: */
    } more;
    struct recent_name cluster;
};

/* This and the flags in the order of struct exchange. */
struct recent_times {
    uint64_t bytes_in, bytes_out, created_us, routed_us, head_sent_us, body_us, created_wall_us;
};

struct recent_record {
    _Atomic uint64_t number; /* 1 for the first of the ring; 0: none, or it is being written */
    struct recent_times t;
    uint64_t took_us;
    struct recent_writer {
        uint64_t generation, worker;
    } by;
    struct ip source;
    struct recent_name listener, route, cluster; /* empty: none */
    uint32_t id_n, host_n, target_n, variant_n, attempts_n;
    uint16_t status; /* was sent if there is a t.head_sent_us */
    uint8_t why;
    struct recent_line {
        uint32_t method; /* enum method */
        uint8_t major, minor;
    } line;
    struct recent_flags {
        bool client_gone, answering, body_paused, tunnel, grpc, injected, to_https;
        uint8_t grpc_code;
    } flags;
    bool identity, https;
    bool more; /* what stands behind `attempts` counts */
    char variant[RECENT_NAME], id[RECENT_ID], host[RECENT_HOST], target[RECENT_TARGET];
    struct recent_attempt attempts[RECENT_ATTEMPTS]; /* the last ones where there were more: see
                                                        recent_attempt_number() */
    struct recent_more {
        uint32_t answered_by_n, method_n;
        char chosen_by[RECENT_WORD], answered_by[RECENT_WORD], retry_by[RECENT_WORD];
        char method[RECENT_WORD], retry_refused[RECENT_WORD], detail[RECENT_DETAIL], trace[32];
    } rest;
};

/* How many attempts a record has, and which number the one at `i` had. */
static inline unsigned recent_attempts(const struct recent_record *r)
{
    return r->attempts_n < RECENT_ATTEMPTS ? r->attempts_n : RECENT_ATTEMPTS;
}
static inline unsigned recent_attempt_number(const struct recent_record *r, unsigned i)
{
    return i == RECENT_ATTEMPTS - 1 ? r->attempts_n : i + 1;
}

/* The shared cell "log/recent/SLOT/RECORDS/LAYOUT": a ring of another size, or of a binary whose
 * records look otherwise, is another cell. */
struct recent_ring {
    _Atomic uint64_t written; /* records, since ever */
    char pad[56];
    struct recent_record records[];
};

size_t recent_ring_size(uint64_t n);
/* `n` records; more than 0. NULL when the region is full. Master. */
struct recent_ring *recent_ring_make(struct shm *shm, unsigned slot, uint64_t n) nodiscard;
/* NULL: there is none. */
const struct recent_ring *recent_ring_find(const struct shm *shm, unsigned slot, uint64_t n);
/* Rings of slots that no process of this generation gets must not be forgotten. Master. */
void recent_keep(struct shm *shm, unsigned slots_n, uint64_t n);

/* -- the writer -- */

/* Names as records have them, by index in the configuration: made at load, in `a`. */
struct recent_names {
    const struct recent_name *listeners, *routes, *clusters;
};
const struct recent_names *recent_names_make(const struct config *c, struct arena *a);

struct recent {
    struct recent_ring *ring;
    struct recent_record *next, *end;
    struct recent_names names;
    struct recent_writer by;
    bool traces; /* requests may have a trace that a module knows */
};
/* Goes on where the slot's last process has stopped. All is borrowed. */
void recent_begin(struct recent *r, struct recent_ring *ring, const struct worker *w);
void recent_put(struct recent *r, const struct exchange *x, uint64_t took_us);

/* -- a reader -- */

/* How much a ring holds. */
struct recent_kept {
    uint64_t records;
    uint64_t since_us; /* when the oldest request began, of the wall clock; 0: there is none */
    uint64_t torn;     /* records whose writer has died in them, or that were being written */
};
/* Adds up. `out` becomes the record with this id (of the request, or of its trace) that began last,
 * if that began after what it holds: it begins as zero. True: it was changed. */
bool recent_find(const struct recent_ring *ring, uint64_t n, struct slice id,
                 struct recent_record *out, struct recent_kept *kept);

#endif
