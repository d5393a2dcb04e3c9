/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_IO_SOCK_H
#define WEIR_IO_SOCK_H

/* Stream sockets, listening, accepted and connecting: whatever carries a link is made here. (The
 * log's socket is in base/syslog.c, below us; c-ares makes its own.) All descriptors are
 * non-blocking and close-on-exec. */

#include <stdbool.h>

#include "base/addr.h"
#include "base/check.h"

struct sock_listen_opts {
    int backlog;
    bool reuse_port;      /* one socket per worker (not for unix sockets) */
    bool v6_only;
    unsigned unix_mode;   /* permission bits of a unix socket; 0 keeps 0666 & ~umask */
    unsigned unix_uid, unix_gid; /* (unsigned)-1: leave */
};

/* The listening descriptor, or -1 with errno. A stale unix socket (nobody answers on it) is
 * removed first; a live one gives EADDRINUSE. */
int sock_listen(const struct addr *at, const struct sock_listen_opts *o) nodiscard;
/* Could an address of the network be listened on? It is bound for a moment, without listening: where a
 * gateway shares it (reuse_port), no connection goes astray. False with errno. */
bool sock_is_free(const struct addr *at, const struct sock_listen_opts *o) nodiscard;
/* Makes a listening socket that somebody else has opened (a service manager) like one of ours, as far
 * as that is still possible: its options but reuse_port, v6_only and the rights of its path. False
 * with errno; the descriptor stays open. */
bool sock_adopt(int fd, const struct sock_listen_opts *o) nodiscard;
/* Gives the path of a unix socket that listens already the mode and owners of `o`. False with
 * errno. */
bool sock_set_rights(const struct addr *at, const struct sock_listen_opts *o) nodiscard;
/* Whose process has connected by this unix socket (SO_PEERCRED, as it was then). False: not known. */
bool sock_peer_uid(int fd, unsigned *uid) nodiscard;
/* Is it a listening stream socket? And may others be bound to its address (SO_REUSEPORT)? */
bool sock_is_listening(int fd);
bool sock_reuses_port(int fd);
/* The address it is bound to (the port the kernel chose). */
bool sock_local(int fd, struct addr *out) nodiscard;
/* The next connection, or -1 with errno (EAGAIN: none). *peer is set. TCP_NODELAY is inherited
 * from the listening socket, which sock_listen set, so an accept is one system call. */
int sock_accept(int fd, struct addr *peer) nodiscard;
/* Starts to connect: the descriptor, *pending says whether it isn't done yet; -1 with errno. */
int sock_connect(const struct addr *to, const struct addr *source, bool *pending) nodiscard;
/* The pending error of a socket (SO_ERROR), 0 for none. */
int sock_error(int fd);
/* close() then sends RST. */
void sock_linger_zero(int fd);

#endif
