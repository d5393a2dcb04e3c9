/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets on loopback and in a temporary directory; the ports are the kernel's choice. */

#include "io/sock.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct sock_listen_opts plain_opts = {
    .backlog = 16,
    .unix_uid = (unsigned)-1,
    .unix_gid = (unsigned)-1,
};
static char dir[64];
static char path[128];
static struct addr unix_at;

static void set_up_dir(void)
{
    char text[160];
    strcpy(dir, "/tmp/weir-sock-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(text, sizeof text, "unix:%s", path);
    cr_assert(addr_parse(slice_str(text), &unix_at));
}

static void tear_down_dir(void)
{
    unlink(path);
    rmdir(dir);
}

static int listen_at(const char *text, struct addr *at, struct sock_listen_opts o)
{
    cr_assert(addr_parse(slice_str(text), at));
    int fd = sock_listen(at, &o);
    if (fd >= 0)
        cr_assert(sock_local(fd, at));
    return fd;
}

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t n = sizeof value;
    cr_assert_eq(getsockopt(fd, level, name, &value, &n), 0);
    return value;
}

Test(sock, tells_whether_an_address_is_free)
{
    const struct sock_listen_opts shared = {.reuse_port = true};
    struct addr at;
    const int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    cr_assert(fd >= 0);
    cr_assert(!sock_is_free(&at, &plain_opts));
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert(!sock_is_free(&at, &shared));
    close(fd);
    cr_assert(sock_is_free(&at, &plain_opts));
    const int open_to_others =
        listen_at("127.0.0.1:0", &at, (struct sock_listen_opts){.backlog = 16, .reuse_port = true});
    cr_assert(open_to_others >= 0);
    cr_assert(sock_is_free(&at, &shared));
    cr_assert(!sock_is_free(&at, &plain_opts));
    close(open_to_others);
}

static void check_flags(int fd)
{
    cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static int accept_soon(int fd, struct addr *peer)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 1000), 1);
    return sock_accept(fd, peer);
}

static int connect_done(const struct addr *to, const struct addr *source)
{
    bool pending;
    int fd = sock_connect(to, source, &pending);
    cr_assert_geq(fd, 0);
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    if (pending)
        cr_assert_eq(poll(&p, 1, 1000), 1);
    cr_assert_eq(sock_error(fd), 0);
    return fd;
}

Test(sock, accepts_and_the_accepted_inherits_nodelay)
{
    struct addr at, peer, local;
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    cr_assert_geq(fd, 0);
    check_flags(fd);
    cr_assert_neq(addr_port(&at), 0);
    cr_assert_eq(sock_accept(fd, &peer), -1);
    cr_assert_eq(errno, EAGAIN);
    int c = connect_done(&at, NULL);
    check_flags(c);
    cr_assert_neq(option(c, IPPROTO_TCP, TCP_NODELAY), 0);
    int got = accept_soon(fd, &peer);
    check_flags(got);
    cr_assert_neq(option(got, IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert(sock_local(c, &local));
    cr_assert(addr_eq(&peer, &local));
    close(got);
    close(c);
    close(fd);
}

Test(sock, a_port_in_use_is_an_error_and_may_be_used_again_after)
{
    struct addr at, other;
    char text[ADDR_TEXT_MAX];
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    addr_print(&at, text);
    cr_assert_eq(listen_at(text, &other, plain_opts), -1);
    cr_assert_eq(errno, EADDRINUSE);
    close(fd);
    fd = listen_at(text, &other, plain_opts);
    cr_assert_geq(fd, 0);
    close(fd);
}

Test(sock, several_may_share_a_port_when_asked)
{
    struct addr at, other;
    char text[ADDR_TEXT_MAX];
    struct sock_listen_opts o = plain_opts;
    o.reuse_port = true;
    int first = listen_at("127.0.0.1:0", &at, o);
    addr_print(&at, text);
    int second = listen_at(text, &other, o);
    cr_assert_geq(second, 0);
    close(first);
    close(second);
}

Test(sock, v6_only_is_what_was_asked_for)
{
    struct addr at;
    struct sock_listen_opts o = plain_opts;
    int fd = listen_at("[::]:0", &at, o);
    if (fd < 0 && errno == EAFNOSUPPORT)
        cr_skip_test("no IPv6 here");
    cr_assert_geq(fd, 0);
    cr_assert_eq(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
    close(fd);
    o.v6_only = true;
    fd = listen_at("[::]:0", &at, o);
    cr_assert_eq(option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    close(fd);
}

Test(sock, connects_from_a_source_address_in_both_families)
{
    static const char *const pairs[][2] = {{"127.0.0.1:0", "127.0.0.3:0"}, {"[::1]:0", "[::1]:0"}};
    for (unsigned i = 0; i < array_n(pairs); i++) {
        struct addr at, source, peer;
        int fd = listen_at(pairs[i][0], &at, plain_opts);
        if (fd < 0) {
            cr_assert(i == 1, "IPv4 loopback must be there");
            continue;
        }
        cr_assert(addr_parse(slice_str(pairs[i][1]), &source));
        int c = connect_done(&at, &source);
        int got = accept_soon(fd, &peer);
        struct ip want = addr_ip(&source), is = addr_ip(&peer);
        cr_assert(memcmp(&want, &is, sizeof is) == 0);
        cr_assert_neq(addr_port(&peer), 0);
        close(got);
        close(c);
        close(fd);
    }
}

Test(sock, a_source_that_is_not_ours_is_an_error)
{
    struct addr at, source;
    bool pending;
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    cr_assert(addr_parse(SLICE("192.0.2.1:0"), &source));
    cr_assert_eq(sock_connect(&at, &source, &pending), -1);
    cr_assert_eq(errno, EADDRNOTAVAIL);
    close(fd);
}

Test(sock, linger_zero_sends_a_reset)
{
    struct addr at, peer;
    char c;
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    int near = connect_done(&at, NULL), got = accept_soon(fd, &peer);
    sock_linger_zero(got);
    close(got);
    struct pollfd p = {.fd = near, .events = POLLIN};
    cr_assert_eq(poll(&p, 1, 1000), 1);
    cr_assert_eq(read(near, &c, 1), -1);
    cr_assert_eq(errno, ECONNRESET);
    close(near);
    close(fd);
}

Test(sock, tells_the_pending_error)
{
    struct addr at;
    bool pending;
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    close(fd);
    int c = sock_connect(&at, NULL, &pending);
    if (c < 0) {
        cr_assert_eq(errno, ECONNREFUSED);
        return;
    }
    struct pollfd p = {.fd = c, .events = POLLOUT};
    cr_assert_eq(poll(&p, 1, 1000), 1);
    cr_assert_eq(sock_error(c), ECONNREFUSED);
    cr_assert_eq(sock_error(c), 0, "it is told once");
    close(c);
    cr_assert_eq(sock_error(c), EBADF);
}

Test(sock, without_descriptors_says_so)
{
    struct addr at, peer;
    bool pending;
    int fd = listen_at("127.0.0.1:0", &at, plain_opts);
    int c = connect_done(&at, NULL);
    struct rlimit old, none;
    getrlimit(RLIMIT_NOFILE, &old);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    errno = 0;
    int listening = sock_listen(&at, &plain_opts), listen_err = errno;
    int connected = sock_connect(&at, NULL, &pending), connect_err = errno;
    int accepted = sock_accept(fd, &peer), accept_err = errno;
    setrlimit(RLIMIT_NOFILE, &old);
    cr_assert(listening == -1 && listen_err == EMFILE);
    cr_assert(connected == -1 && connect_err == EMFILE);
    cr_assert(accepted == -1 && accept_err == EMFILE);
    accepted = accept_soon(fd, &peer);
    cr_assert_geq(accepted, 0, "it waited in the queue");
    close(accepted);
    close(c);
    close(fd);
}

TestSuite(sock_unix, .init = set_up_dir, .fini = tear_down_dir);

Test(sock_unix, takes_the_place_of_a_stale_socket)
{
    int fd = sock_listen(&unix_at, &plain_opts);
    cr_assert_geq(fd, 0);
    close(fd); /* the file stays */
    fd = sock_listen(&unix_at, &plain_opts);
    cr_assert_geq(fd, 0, "%s", strerror(errno));
    int c = connect_done(&unix_at, NULL);
    struct addr peer;
    int got = accept_soon(fd, &peer);
    cr_assert_geq(got, 0);
    cr_assert_eq(peer.sa.sa_family, AF_UNIX);
    close(got);
    close(c);
    close(fd);
}

Test(sock_unix, leaves_a_live_socket_alone)
{
    int fd = sock_listen(&unix_at, &plain_opts);
    cr_assert_eq(sock_listen(&unix_at, &plain_opts), -1);
    cr_assert_eq(errno, EADDRINUSE);
    int c = connect_done(&unix_at, NULL);
    close(c);
    close(fd);
}

Test(sock_unix, leaves_a_live_socket_with_a_full_backlog_alone)
{
    struct sock_listen_opts o = plain_opts;
    o.backlog = 1;
    int fd = sock_listen(&unix_at, &o), fds[8], n = 0;
    bool pending;
    while (n < 8 && (fds[n] = sock_connect(&unix_at, NULL, &pending)) >= 0)
        n++;
    cr_assert_lt(n, 8);
    cr_assert_eq(errno, EAGAIN);
    cr_assert_eq(sock_listen(&unix_at, &o), -1);
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert_eq(access(path, F_OK), 0);
    while (n > 0)
        close(fds[--n]);
    close(fd);
}

Test(sock_unix, never_removes_what_is_no_socket)
{
    FILE *f = fopen(path, "w");
    fclose(f);
    cr_assert_eq(sock_listen(&unix_at, &plain_opts), -1);
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert_eq(access(path, F_OK), 0);
}

Test(sock_unix, has_the_rights_that_were_asked_for)
{
    struct sock_listen_opts o = plain_opts;
    struct stat st;
    o.unix_mode = 0620;
    o.unix_uid = getuid();
    o.unix_gid = getgid();
    int fd = sock_listen(&unix_at, &o);
    cr_assert_geq(fd, 0);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0620);
    close(fd);
    unlink(path);
    umask(027);
    fd = sock_listen(&unix_at, &plain_opts);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_mode & 07777 & 0666, 0640);
    close(fd);
}

Test(sock_unix, abstract_names_need_no_file)
{
    struct addr at, peer;
    char text[64];
    snprintf(text, sizeof text, "unix:@weir-sock-%d", getpid());
    int fd = listen_at(text, &at, plain_opts);
    cr_assert_geq(fd, 0);
    struct addr other;
    cr_assert_eq(listen_at(text, &other, plain_opts), -1);
    cr_assert_eq(errno, EADDRINUSE);
    int c = connect_done(&at, NULL);
    int got = accept_soon(fd, &peer);
    cr_assert_geq(got, 0);
    close(got);
    close(c);
    close(fd);
}

Test(sock, knows_whose_process_has_connected_by_a_unix_socket)
{
    int pair[2];
    unsigned uid = 4242;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    cr_assert(sock_peer_uid(pair[0], &uid));
    cr_assert_eq(uid, getuid());
    close(pair[0]);
    close(pair[1]);
    cr_assert(!sock_peer_uid(pair[0], &uid));
}
