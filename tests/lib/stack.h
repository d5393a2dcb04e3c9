/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_STACK_H
#define WEIR_TESTS_LIB_STACK_H

/* The whole gateway in one process, without a socket and without a sleep: a real worker, listener
 * and pools from a real configuration, with memory links for connections and a clock that the test
 * sets. Both ends that the gateway talks to are the test's:
 *
 *     struct stack *s = stack_new("routes = (...); clusters = {...};");
 *     struct peer *c = stack_client(s);
 *     peer_says(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
 *     struct peer *o = stack_origin(s, 0);                 the first connection that was dialled
 *     cr_assert(peer_heard(o, "GET / HTTP/1.1\r\n"));
 *     peer_says(o, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
 *     cr_assert_str_eq(peer_take(c), "...");
 *     stack_free(s);                                       checks that nothing is left over
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/worker.h"

struct stack;

/* One end of a connection, held by the test. */
struct peer {
    struct link *link;
    char *heard;    /* everything that has come and was not taken; NUL-terminated */
    size_t heard_n, heard_cap;
    char *taken;    /* what peer_take returned last */
    size_t pieces;  /* how often something came: the gateway's writes, up to 16 KiB each */
    bool eof;       /* the gateway has ended its direction */
    int failed;     /* errno of a reset; 0 */
    bool stalled;   /* the test's end reads nothing for now */
    struct addr to; /* of an origin: what was dialled */
};

/* `conf` is the text of a configuration without listeners: one named "test" is added. Fails the
 * test when it has errors. */
struct stack *stack_new(const char *conf);
/* The same with further settings of that listener. */
struct stack *stack_new_with(const char *listener, const char *conf);
/* The same with further settings of the listener, and HTTP/2 with prior knowledge beside HTTP/1.1. */
struct stack *stack_new_h2(const char *listener, const char *conf);
/* Closes everything, and asserts that no exchange, client, origin or block is left. */
void stack_free(struct stack *s);
struct worker *stack_worker(struct stack *s);
struct listener *stack_listener(struct stack *s);
/* The modules of the generation, which were made by hand; borrowed. */
void stack_modules(struct stack *s, struct module_plan *m);

/* A new client connection, from 192.0.2.1. NULL: the gateway refused it. */
struct peer *stack_client(struct stack *s);
struct peer *stack_client_from(struct stack *s, const char *ip);
/* The i-th connection that the gateway dialled, in order; NULL when there are fewer. */
struct peer *stack_origin(struct stack *s, size_t i);
size_t stack_origins(const struct stack *s);
/* The next `n` dials fail with this errno, later as connections do. */
void stack_refuse_dials(struct stack *s, unsigned n, int err);
/* Dials from now on hang: neither open nor fail. */
void stack_hang_dials(struct stack *s, bool on);

/* Turns of the loop until all is quiet. */
void stack_settle(struct stack *s);
/* Moves the clock, in steps no larger than a timer slot, and settles. */
void stack_sleep_ms(struct stack *s, uint64_t ms);
/* Begins to drain, as SIGQUIT does. */
void stack_drain(struct stack *s);
size_t stack_clients(const struct stack *s);

/* Each settles afterwards. */
void peer_says(struct peer *p, const char *text);
void peer_says_n(struct peer *p, const char *bytes, size_t n);
void peer_ends(struct peer *p);    /* half-close */
void peer_closes(struct peer *p);
void peer_resets(struct peer *p);
void peer_stalls(struct peer *p);  /* stops reading */
void peer_reads(struct peer *p);   /* goes on */
/* Everything heard so far, which is forgotten; valid until the next call. */
const char *peer_take(struct peer *p);
bool peer_heard(const struct peer *p, const char *text);
bool peer_closed(const struct peer *p);

#endif
