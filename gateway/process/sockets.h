/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_SOCKETS_H
#define WEIR_PROCESS_SOCKETS_H

/* Listening sockets: opened by the master, inherited by workers, kept over reloads. One
 * SO_REUSEPORT socket per worker and address, so that the kernel spreads connections; a unix
 * socket is one for all. Because the master holds every socket, an accept queue outlives the
 * worker that served it: its successor finds the connections waiting.
 *
 * When there are fewer workers than before, socket i goes to worker i modulo their number, so what
 * waits in the queues that are left over is accepted all the same. */

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "base/fault.h"
#include "config/config.h"

struct socket_group {
    struct addr at;     /* as configured: the key */
    struct addr bound;  /* with the port that the kernel chose when it was 0 */
    int *fds;           /* owned */
    size_t n;
    size_t in_force;    /* of them, served by the configuration in force */
    bool admin;         /* the control process's, not a listener */
    bool wanted;        /* by the configuration being loaded */
    bool fresh;         /* opened for it */
};

struct sockets {
    struct socket_group *groups; /* owned */
    size_t n;
};

/* Opens what `c` needs beyond what is there, for `workers` workers. False with faults; then call
 * sockets_abandon. */
bool sockets_prepare(struct sockets *s, const struct config *c, unsigned workers,
                     struct faults *faults) nodiscard;
/* The configuration failed: closes what was opened for it. */
void sockets_abandon(struct sockets *s);
/* The configuration is in force: closes what it doesn't want. */
void sockets_commit(struct sockets *s);
void sockets_close(struct sockets *s);

/* The group of this address; it exists. */
const struct socket_group *sockets_group(const struct sockets *s, const struct addr *at);
/* In a worker: closes all but what worker `index` of `workers` serves of the listeners of `c` (NULL:
 * all). During a reload the master still has those of another configuration. The groups keep what
 * is left, in fds[0..n). */
void sockets_keep_mine(struct sockets *s, const struct config *c, unsigned index, unsigned workers);
/* In the control process: closes all but the admin socket; returns that, or -1. */
int sockets_keep_admin(struct sockets *s);

#endif
