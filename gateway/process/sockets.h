/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_SOCKETS_H
#define WEIR_PROCESS_SOCKETS_H

/* Listening sockets: opened by the master, inherited by workers, kept over reloads. One
 * SO_REUSEPORT socket per worker and address, so that the kernel spreads connections; a unix
 * socket is one for all. Because the master holds every socket, an accept queue outlives the
 * worker that served it: its successor finds the connections waiting.
 *
 * When there are fewer workers than before, socket i goes to worker i modulo their number, so what
 * waits in the queues that are left over is accepted all the same.
 *
 * Sockets also come from outside: from the master before an upgrade, which had opened them the same
 * way, and from a service manager (socket activation). The latter opens one socket per address: unless
 * that lets others beside it (SO_REUSEPORT; ReusePort= of systemd), all workers accept from it. */

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
    unsigned unix_mode, unix_gid; /* of its path, as the configuration has them now */
    bool admin;         /* the control process's, not a listener */
    bool given;         /* by a service manager: its path stays when we let go of it */
    bool shared;        /* one socket for all workers */
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
/* The configuration is in force: closes what it doesn't want, and gives the paths of unix sockets
 * the rights that it says now. */
void sockets_commit(struct sockets *s);
/* The end of the service: closes everything and removes the paths of unix sockets. */
void sockets_close(struct sockets *s);
/* Another master goes on with them: closes ours, and nothing else. */
void sockets_leave(struct sockets *s);

/* Adds a group as another master had it, with its descriptors; they become close-on-exec. `group` is
 * copied, its fds taken over. Before the first sockets_prepare(). */
void sockets_inherit(struct sockets *s, const struct socket_group *group);
/* Takes a listening socket over from a service manager; only before the first sockets_prepare().
 * False with errno: it is none (EINVAL), or its address is there already (EADDRINUSE); then it stays
 * the caller's. */
bool sockets_give(struct sockets *s, int fd) nodiscard;

/* The group of this address; it exists. */
const struct socket_group *sockets_group(const struct sockets *s, const struct addr *at);
/* In a worker: closes all but what worker `index` of `workers` serves of the listeners of `c` (NULL:
 * all). During a reload the master still has those of another configuration. The groups keep what
 * is left, in fds[0..n). */
void sockets_keep_mine(struct sockets *s, const struct config *c, unsigned index, unsigned workers);
/* In the control process: closes all but the admin sockets of `c`. */
void sockets_keep_admin(struct sockets *s, const struct config *c);

#endif
