/* SPDX-License-Identifier: Apache-2.0 */
/* The socket calls. Every descriptor is non-blocking and close-on-exec from the call that makes it;
 * options are set once, where the socket is made, and accepted sockets inherit them, so that an
 * accept is one system call. On any failure the descriptor is closed and errno says why. */

#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool set_listen_options(int fd, const struct addr *at, const struct sock_listen_opts *o);
static bool bind_unix(int fd, const struct addr *at, const struct sock_listen_opts *o);
static bool is_stale(const struct addr *at);
static bool set_unix_rights(const char *path, const struct sock_listen_opts *o);
static bool bind_source(int fd, const struct addr *source);

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool set_on(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static bool is_ip(const struct addr *a)
{
    return a->sa.sa_family == AF_INET || a->sa.sa_family == AF_INET6;
}

static int close_keeping_errno(int fd)
{
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

/* -- listening ------------------------------------------------------------------------------ */

int sock_listen(const struct addr *at, const struct sock_listen_opts *o)
{
    int fd = open_socket(at->sa.sa_family);
    if (fd < 0)
        return -1;
    bool bound;
    if (is_ip(at))
        bound = set_listen_options(fd, at, o) && bind(fd, &at->sa, at->len) == 0;
    else
        bound = bind_unix(fd, at, o);
    if (!bound || listen(fd, o->backlog > 0 ? o->backlog : SOMAXCONN) != 0)
        return close_keeping_errno(fd);
    return fd;
}

bool sock_is_free(const struct addr *at, const struct sock_listen_opts *o)
{
    const int fd = open_socket(at->sa.sa_family);
    if (fd < 0)
        return false;
    const bool free = set_listen_options(fd, at, o) && bind(fd, &at->sa, at->len) == 0;
    close_keeping_errno(fd);
    return free;
}

static bool set_listen_options(int fd, const struct addr *at, const struct sock_listen_opts *o)
{
    /* Without it a restart would wait for the old connections' TIME_WAIT. */
    if (!set_on(fd, SOL_SOCKET, SO_REUSEADDR, 1))
        return false;
    if (o->reuse_port && !set_on(fd, SOL_SOCKET, SO_REUSEPORT, 1))
        return false;
    /* The system's default may be either, so it is always said. */
    if (at->sa.sa_family == AF_INET6 && !set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6_only))
        return false;
    return set_on(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* accepted sockets inherit it */
}

/* The path of a unix socket in the file system; NULL for abstract ones. */
static const char *unix_path(const struct addr *a)
{
    return a->un.sun_path[0] ? a->un.sun_path : NULL;
}

static bool bind_unix(int fd, const struct addr *at, const struct sock_listen_opts *o)
{
    const char *path = unix_path(at);
    int r = bind(fd, &at->sa, at->len);
    if (r != 0 && errno == EADDRINUSE && path && is_stale(at)) {
        unlink(path);
        r = bind(fd, &at->sa, at->len);
    }
    if (r != 0)
        return false;
    if (!path || set_unix_rights(path, o))
        return true;
    int err = errno;
    unlink(path);
    errno = err;
    return false;
}

/* Is it a socket that nobody listens on? errno is EADDRINUSE afterwards. */
static bool is_stale(const struct addr *at)
{
    struct stat st;
    bool stale = false;
    int fd = -1;
    if (lstat(at->un.sun_path, &st) == 0 && S_ISSOCK(st.st_mode))
        fd = open_socket(AF_UNIX);
    if (fd >= 0) {
        stale = connect(fd, &at->sa, at->len) != 0 && errno == ECONNREFUSED;
        close(fd);
    }
    errno = EADDRINUSE;
    return stale;
}

/* Before listen(): until then nobody gets in, so there is no moment with other rights. */
static bool set_unix_rights(const char *path, const struct sock_listen_opts *o)
{
    if (o->unix_mode && chmod(path, o->unix_mode) != 0)
        return false;
    if (o->unix_uid == (unsigned)-1 && o->unix_gid == (unsigned)-1)
        return true;
    return lchown(path, o->unix_uid, o->unix_gid) == 0;
}

bool sock_adopt(int fd, const struct sock_listen_opts *o)
{
    struct addr at;
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || !sock_local(fd, &at))
        return false;
    if (is_ip(&at) && !set_on(fd, IPPROTO_TCP, TCP_NODELAY, 1))
        return false;
    return listen(fd, o->backlog > 0 ? o->backlog : SOMAXCONN) == 0;
}

bool sock_set_rights(const struct addr *at, const struct sock_listen_opts *o)
{
    return set_unix_rights(unix_path(at), o);
}

bool sock_peer_uid(int fd, unsigned *uid)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) != 0 || n != sizeof peer)
        return false;
    *uid = peer.uid;
    return true;
}

static int option_of(int fd, int name)
{
    int value = 0;
    socklen_t n = sizeof value;
    return getsockopt(fd, SOL_SOCKET, name, &value, &n) == 0 ? value : -1;
}

bool sock_is_listening(int fd)
{
    return option_of(fd, SO_TYPE) == SOCK_STREAM && option_of(fd, SO_ACCEPTCONN) == 1;
}

bool sock_reuses_port(int fd)
{
    return option_of(fd, SO_REUSEPORT) == 1;
}

bool sock_local(int fd, struct addr *out)
{
    *out = (struct addr){.len = sizeof out->un};
    return getsockname(fd, &out->sa, &out->len) == 0;
}

int sock_accept(int fd, struct addr *peer)
{
    for (;;) {
        peer->len = sizeof peer->un; /* the largest member */
        int got = accept4(fd, &peer->sa, &peer->len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        /* ECONNABORTED: that one left while it waited; there may be more behind it. */
        if (got >= 0 || (errno != EINTR && errno != ECONNABORTED))
            return got;
    }
}

/* -- connecting ----------------------------------------------------------------------------- */

int sock_connect(const struct addr *to, const struct addr *source, bool *pending)
{
    *pending = false;
    int fd = open_socket(to->sa.sa_family);
    if (fd < 0)
        return -1;
    if (is_ip(to) && !set_on(fd, IPPROTO_TCP, TCP_NODELAY, 1))
        return close_keeping_errno(fd);
    if (source && source->len && !bind_source(fd, source))
        return close_keeping_errno(fd);
    if (connect(fd, &to->sa, to->len) == 0)
        return fd;
    if (errno != EINPROGRESS && errno != EINTR)
        return close_keeping_errno(fd);
    *pending = true;
    return fd;
}

static bool bind_source(int fd, const struct addr *source)
{
    /* The port is chosen by connect(), which knows the other side: without this a source address
     * has only as many connections as it has ports. */
    if (is_ip(source) && addr_port(source) == 0 &&
        !set_on(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1))
        return false;
    return bind(fd, &source->sa, source->len) == 0;
}

int sock_error(int fd)
{
    int err = 0;
    socklen_t n = sizeof err;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) == 0 ? err : errno;
}

void sock_linger_zero(int fd)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* a unix socket has none */
}
