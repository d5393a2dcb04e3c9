/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of recovery_load share: requests, each of which is sent at its own time by one of
 * two clients, and what there is to do when something is readable. */
#ifndef BENCH_RECOVERY_LOAD_H
#define BENCH_RECOVERY_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* What epoll gives back: the first member of every connection. */
struct watched {
    void (*on_readable)(struct watched *w);
};

struct ask {
    uint64_t due_us;  /* when it is to leave; its latency counts from here, also if it is late */
    uint64_t over_us; /* when it ended; 0: it hasn't */
    bool failed;
    struct watched *by; /* the connection that it is on; NULL: none, or none any more */
    int32_t stream;     /* HTTP/2 */
};

/* An ask ends once; later words are ignored. */
void ask_end(struct ask *a, bool well);
/* The connection has gone: all asks that it has have failed. */
void asks_lost(const struct watched *by);

/* Watches a connection. */
void watch(int fd, struct watched *w);

/* Sends it: on an idle connection or a new one; on one of a few that are shared.
 * Failing to is the ask's failure. */
void h1_send(unsigned port, struct ask *a);
void h2_send(unsigned port, struct ask *a);
/* It took too long, and has ended: the connection is closed, the stream reset. */
void h1_give_up(struct ask *a);
void h2_give_up(struct ask *a);

#endif
