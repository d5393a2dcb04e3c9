/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_ADMIN_ACCESS_H
#define WEIR_CONTROL_ADMIN_ACCESS_H

/* Who may do what on an admin socket. No I/O: who has connected and what he says come in, what he
 * may do comes out.
 *
 *     connection ──► admin_visitor_init ──► (TLS) admin_visitor_certify     his role without a word
 *     request    ──► admin_judge            ──► role, name, and why not
 *
 * A wrong token is answered late, the later the more of them came lately; a right one is always
 * taken at once. So nobody is locked out by somebody else's guesses, which on one machine all come
 * from one address. */

#include <stdatomic.h>

#include "config/admin_conf.h"
#include "http/head.h"

struct shm;
struct faults;
struct text;
struct exposition;
struct tls_peer;

/* name, word in logs and metrics, what it means */
#define ADMIN_DENIALS(D)                                                                           \
    D(NONE, "", "it is not denied")                                                                \
    D(CREDENTIAL, "credential", "something has to be shown, and nothing was")                      \
    D(TOKEN, "token", "a token that isn't known, or no token where one was announced")             \
    D(ROLE, "role", "who it is is known, and may not do that")                                     \
    D(HOST, "host", "called by a name that is not ours: a page of somebody else's asks")           \
    D(ORIGIN, "origin", "a page of somebody else's asks for a change")                             \
    D(HANDSHAKE, "handshake", "TLS failed: no certificate, or one that isn't taken")

enum admin_denial {
#define DENIAL(name, word, meaning) ADMIN_DENIED_##name,
    ADMIN_DENIALS(DENIAL)
#undef DENIAL
        ADMIN_DENIALS_N
};

/* In shared memory, so that they outlive control processes. */
struct admin_counts {
    _Atomic uint64_t denied[ADMIN_DENIALS_N];
};
/* Master, before it forks: makes the cell. False with a fault. */
bool admin_counts_prepare(struct shm *shm, struct faults *faults) nodiscard;
/* Any process; NULL when there is none. */
struct admin_counts *admin_counts_find(const struct shm *shm);
/* A part of the metrics page; ctx is the struct admin_counts. */
void metrics_of_admin(void *counts, struct exposition *e);
/* Its rows of the manual. */
void admin_metrics_reference(struct text *out);

/* The rules of one socket, and how many have guessed there. */
struct admin_access {
    const struct admin_listener_conf *conf; /* borrowed */
    struct admin_counts *counts;            /* borrowed; NULL: nobody counts */
    uint64_t told_us[ADMIN_DENIALS_N];      /* when a denial of the kind was an event */
    uint64_t guesses_until_us;              /* by the monotonic clock: see admin_guess_delay() */
};

enum {
    ADMIN_WHO_MAX = 256,
    ADMIN_DELAY_MIN_MS =
        100, /* of the answer to a wrong token; doubled by each that came lately, */
    ADMIN_DELAY_MAX_MS = 2000, /* up to this */
};

/* Who has connected, as far as the connection says. */
struct admin_visitor {
    struct admin_access *access; /* borrowed; NULL: the role is all there is */
    enum admin_role role;
    bool certified;
    char source[ADDR_TEXT_MAX]; /* "uid 1000", "127.0.0.1" */
    char who[ADMIN_WHO_MAX];    /* and as what: "certificate CN=ops at 10.0.0.5" */
};
/* `source` is copied. */
void admin_visitor_init(struct admin_visitor *v, struct admin_access *a, const char *source);
/* By a certificate that was verified. */
void admin_visitor_certify(struct admin_visitor *v, const struct tls_peer *peer);

/* What becomes of one request. */
struct admin_judgement {
    enum admin_denial denied; /* NONE: go on, with this role */
    enum admin_role role;
    bool shown; /* something was shown that is known: a token, a certificate */
    char who[ADMIN_WHO_MAX];
};
/* By the fields of its head, whatever it asks for. */
void admin_judge(const struct admin_visitor *v, const struct request_head *h, struct arena *a,
                 struct admin_judgement *out);
/* Why somebody of this role has to do without what needs more. */
enum admin_denial admin_lacks(const struct admin_visitor *v, const struct admin_judgement *j);
/* The status and the text of the answer; with ROLE it is what follows "WHO may not do that: ". */
uint16_t admin_denial_status(enum admin_denial d);
const char *admin_denial_text(const struct admin_visitor *v, enum admin_denial d);

/* Counts and logs; `a` may be NULL. */
void admin_deny(const struct admin_judgement *j, struct admin_access *a, enum admin_denial d);
/* A wrong token was shown: how long its answer waits (ms). */
unsigned admin_guess_delay(struct admin_access *a, uint64_t now_us);

#endif
