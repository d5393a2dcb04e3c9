/* SPDX-License-Identifier: Apache-2.0 */
/* What TLS links cost beside the cryptography: writes, and memory while they are idle. */

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/wait.h>

#include "io/tls_kind.h"
#include "tests/lib/tls_side.h"

TestSuite(link_tls_cost, .init = set_up_tls, .fini = tear_down_tls, .timeout = 60);

/* -- writes: on a socket that keeps the borders of each --------------------------------------- */

static size_t packets(int fd, size_t *bytes)
{
    static char page[300000];
    size_t n = 0;
    *bytes = 0;
    for (ssize_t got; (got = read(fd, page, sizeof page)) > 0; n++) {
        *bytes += (size_t)got;
        if (bare.open) /* it is read by the peer below */
            continue;
        BIO_write(bare.in, page, (int)got);
    }
    return n;
}

static void push_to(int fd)
{
    char page[4096];
    for (int n; (n = BIO_read(bare.out, page, sizeof page)) > 0;)
        cr_assert_eq(write(fd, page, (size_t)n), n);
}

Test(link_tls_cost, what_is_sent_in_one_turn_leaves_in_one_write)
{
    int fds[2];
    size_t bytes;
    const int large = 1 << 20;
    struct link *x, *y;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    start_b(link_plain(&lp, fds[0]));
    link_memory_pair(&lp, 0, &x, &y);
    bare_begin(x, false);
    for (int i = 0; i < 10 && !bare.open; i++) {
        bare.open = SSL_do_handshake(bare.ssl) == 1;
        push_to(fds[1]);
        loop_turn(&lp);
        const size_t n = packets(fds[1], &bytes);
        cr_assert_leq(n, 1, "each flight leaves in one, too");
    }
    cr_assert_str_eq(b.seen, "o");
    static const size_t sizes[] = {1, 1000, 16000, 30000, 60000};
    for (unsigned i = 0; i < array_n(sizes); i++) {
        send_many(&b, sizes[i]);
        loop_turn(&lp);
        cr_assert_eq(packets(fds[1], &bytes), 1, "%zu bytes", sizes[i]);
        cr_assert_gt(bytes, sizes[i]);
    }
    send_text(&b, "end");
    link_end(b.link);
    loop_turn(&lp);
    cr_assert_eq(packets(fds[1], &bytes), 1, "close_notify goes with what was before it");
    link_close(b.link);
    link_close(y);
    bare_end();
    close(fds[1]);
}

/* -- memory --------------------------------------------------------------------------------- */

enum { WARM = 20, IDLE = 200 };

/* Clients that shake hands, say one thing, get one answer, and then stay. */
static _Noreturn void be_clients(const int *fds, int done, int go)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    char c[64];
    for (int i = 0; i < WARM + IDLE; i++) {
        SSL *ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fds[i]);
        if (SSL_connect(ssl) != 1 || SSL_write(ssl, "hello", 5) != 5 ||
            SSL_read(ssl, c, sizeof c) != 5)
            _exit(1);
        if ((i == WARM - 1 || i == WARM + IDLE - 1) &&
            (write(done, "x", 1) != 1 || read(go, c, 1) != 1))
            _exit(2);
    }
    _exit(0);
}

static size_t memory_in_use(void)
{
    malloc_trim(0);
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void turn_until_done(int done)
{
    char c;
    while (read(done, &c, 1) != 1) {
        loop_turn(&lp);
        sched_yield();
    }
    loop_turn(&lp);
}

static struct side sides[WARM + IDLE];
static SSL *bares[WARM + IDLE];

static void add_link(int i, int fd)
{
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    sides[i].link = NULL;
    side_start(&sides[i], link_tls_accept(link_plain(&lp, fd), server));
    sides[i].relay_to = &sides[i];
}

static void remove_link(int i)
{
    cr_assert_str_eq(sides[i].seen, "o.d");
    link_close(sides[i].link);
}

/* OpenSSL alone, by the same context, on the socket itself. */
static void add_bare(int i, int fd)
{
    char c[64];
    bares[i] = tls_server_ssl(server);
    cr_assert(bares[i] && SSL_set_fd(bares[i], fd));
    cr_assert_eq(SSL_accept(bares[i]), 1);
    cr_assert_eq(SSL_read(bares[i], c, sizeof c), 5);
    cr_assert_eq(SSL_write(bares[i], c, 5), 5);
}

static void remove_bare(int i)
{
    close(SSL_get_fd(bares[i]));
    SSL_free(bares[i]);
}

/* Bytes of memory of each connection that has served and is idle. */
static size_t memory_of_each(void (*add)(int i, int fd), void (*remove)(int i))
{
    static int theirs[WARM + IDLE], ours[WARM + IDLE];
    int done[2], go[2], status;
    size_t before = 0, after = 0;
    cr_assert(pipe(done) == 0 && pipe(go) == 0);
    for (int i = 0; i < WARM + IDLE; i++) {
        int fds[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        ours[i] = fds[0];
        theirs[i] = fds[1];
    }
    const pid_t child = fork();
    if (child == 0)
        be_clients(theirs, done[1], go[0]);
    cr_assert_eq(fcntl(done[0], F_SETFL, O_NONBLOCK), 0);
    for (int part = 0; part < 2; part++) {
        for (int i = part ? WARM : 0; i < (part ? WARM + IDLE : WARM); i++)
            add(i, ours[i]);
        turn_until_done(done[0]);
        *(part ? &after : &before) = memory_in_use();
        cr_assert_eq(write(go[1], "x", 1), 1);
    }
    cr_assert_eq(lp.stock.blocks.slab.used, 0, "no block is held");
    for (int i = 0; i < WARM + IDLE; i++) {
        remove(i);
        close(theirs[i]);
    }
    loop_turn(&lp);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    return (after - before) / IDLE;
}

Test(link_tls_cost, an_idle_connection_takes_little_beside_openssls_own)
{
    const size_t bare_n = memory_of_each(add_bare, remove_bare);
    const size_t n = memory_of_each(add_link, remove_link);
    fprintf(stderr, "an idle TLS connection takes %zu bytes, of which OpenSSL %zu\n", n, bare_n);
#ifndef WEIR_MALLOC_ARENA
    cr_assert_lt(n, bare_n + 1024);
#endif
}
