/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted origin: its life. A thread accepts; each connection has a thread of its own that
 * reads requests and does what the script says until one side closes (origin_h1.c, origin_h2.c).
 * Nothing there asserts: that is for the thread of the test alone. What a request asks for in words
 * that nobody knows is answered with 599, which no test expects. */
#include "tests/lib/origin.h"

#include "tests/lib/certs.h"
#include "tests/lib/origin_parts.h"
#include "tests/lib/rig.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ORIGINS = 32 };

static struct origin *origins[ORIGINS];
static unsigned origins_n;

/* -- for connections --------------------------------------------------------------------------- */

void origin_note_head(struct origin *o, const char *head)
{
    pthread_mutex_lock(&o->lock);
    o->requests++;
    free(o->last_head);
    o->last_head = strdup(head);
    pthread_mutex_unlock(&o->lock);
}

void origin_note_abort(struct origin *o)
{
    pthread_mutex_lock(&o->lock);
    o->aborts++;
    pthread_mutex_unlock(&o->lock);
}

void origin_note_bytes(struct origin *o, size_t n)
{
    pthread_mutex_lock(&o->lock);
    o->bytes += n;
    pthread_mutex_unlock(&o->lock);
}

void origin_read_script(struct origin *o, struct script *s, const char *target, size_t n)
{
    char query[2048] = "";
    const char *mark = memchr(target, '?', n);
    if (mark)
        snprintf(query, sizeof query, "%.*s", (int)(target + n - mark - 1), mark + 1);
    pthread_mutex_lock(&o->lock);
    *s = o->script;
    pthread_mutex_unlock(&o->lock);
    if (!s->status)
        s->status = 200;
    if (!script_read(s, query))
        s->status = 599;
}

static bool speaks_h2(struct conn *c)
{
    char first[3] = "";
    if (c->o->protocol != ORIGIN_ALPN)
        return c->o->protocol == ORIGIN_H2;
    if (c->wire.ssl)
        return !strcmp(wire_alpn(&c->wire), "h2");
    struct pollfd p = {.fd = c->wire.fd, .events = POLLIN};
    poll(&p, 1, WIRE_FOREVER);
    return recv(c->wire.fd, first, 3, MSG_PEEK) == 3 && !memcmp(first, "PRI", 3);
}

static void *on_connection(void *arg)
{
    struct conn *c = arg;
    struct origin *o = c->o;
    if (!o->tls || wire_accept(&c->wire, o->tls)) {
        if (speaks_h2(c))
            origin_serve_h2(c);
        else
            origin_serve_h1(c);
    }
    pthread_mutex_lock(&o->lock);
    o->fds[c->number % ORIGIN_CONNECTIONS] = -1;
    o->open--;
    wire_close(&c->wire);
    free(c);
    o->threads--;
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* -- listening --------------------------------------------------------------------------------- */

static void start_thread(pthread_t *t, void *(*run)(void *), void *arg)
{
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 256 * 1024);
    if (!t)
        pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    pthread_t unused;
    if (pthread_create(t ? t : &unused, &a, run, arg) != 0)
        abort();
    pthread_attr_destroy(&a);
}

static void accepted(struct origin *o, int fd)
{
    struct conn *c = malloc(sizeof *c);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_mutex_lock(&o->lock);
    *c = (struct conn){.o = o, .number = o->connections++};
    o->fds[c->number % ORIGIN_CONNECTIONS] = fd;
    o->open++;
    o->threads++;
    pthread_mutex_unlock(&o->lock);
    wire_init(&c->wire, fd);
    start_thread(NULL, on_connection, c);
}

static void *on_listen(void *arg)
{
    struct origin *o = arg;
    for (;;) {
        const int fd = accept4(o->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            accepted(o, fd);
        else if (errno == EINVAL || errno == EBADF) /* origin_stop: shutdown() */
            return NULL;
    }
}

static struct sockaddr_in address(const struct origin *o)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons(o->port),
                                .sin_addr.s_addr = inet_addr(o->address)};
}

static void start_to_listen(struct origin *o, int backlog)
{
    struct sockaddr_in a = address(o);
    socklen_t n = sizeof a;
    o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(o->fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    cr_assert_eq(bind(o->fd, (struct sockaddr *)&a, n), 0, "bind: %s", strerror(errno));
    cr_assert_eq(listen(o->fd, backlog), 0);
    getsockname(o->fd, (struct sockaddr *)&a, &n);
    o->port = ntohs(a.sin_port);
}

static SSL_CTX *tls_of(const struct origin_spec *spec)
{
    static const char *const alpn[] = {"http/1.1", "h2", "h2,http/1.1"};
    const char *certificate = spec->certificate ? spec->certificate : "origin";
    char crt[64], key[64];
    snprintf(crt, sizeof crt, "%s.crt", certificate);
    snprintf(key, sizeof key, "%s.key", certificate);
    return wire_server_tls(certs_path(crt), certs_path(key), alpn[spec->protocol],
                           spec->client_ca ? certs_path(spec->client_ca) : NULL);
}

struct origin *origin_start_with(struct origin_spec spec)
{
    struct origin *o = calloc(1, sizeof *o);
    cr_assert_lt(origins_n, ORIGINS);
    origins[origins_n++] = o;
    snprintf(o->name, sizeof o->name, "%s", spec.name);
    snprintf(o->address, sizeof o->address, "%s", spec.at ? spec.at : "127.0.0.1");
    o->port = spec.port;
    o->protocol = spec.protocol;
    o->tls = spec.tls ? tls_of(&spec) : NULL;
    pthread_mutex_init(&o->lock, NULL);
    memset(o->fds, -1, sizeof o->fds);
    origin_again(o);
    rig_name(spec.name, "%s:%u", o->address, o->port);
    return o;
}

struct origin *origin_start(const char *name)
{
    return origin_start_with((struct origin_spec){.name = name});
}

struct origin *origin_start_at(const char *name, const char *at, uint16_t port)
{
    return origin_start_with((struct origin_spec){.name = name, .at = at, .port = port});
}

void origin_stop(struct origin *o)
{
    if (o->fd < 0)
        return;
    shutdown(o->fd, SHUT_RDWR);
    if (o->accepting)
        pthread_join(o->thread, NULL);
    o->accepting = false;
    close(o->fd);
    o->fd = -1;
    pthread_mutex_lock(&o->lock);
    for (size_t i = 0; i < ORIGIN_CONNECTIONS; i++)
        if (o->fds[i] >= 0)
            shutdown(o->fds[i], SHUT_RDWR);
    for (unsigned i = 0; i < o->clogs_n; i++)
        close(o->clogs[i]);
    o->clogs_n = 0;
    while (o->threads) {
        pthread_mutex_unlock(&o->lock);
        sleep_ms(1);
        pthread_mutex_lock(&o->lock);
    }
    pthread_mutex_unlock(&o->lock);
}

void origin_again(struct origin *o)
{
    start_to_listen(o, 1024);
    o->accepting = true;
    start_thread(&o->thread, on_listen, o);
}

/* The kernel drops the SYN of whoever comes when the queue is full: it holds one more than it was
 * asked for. */
void origin_clog(struct origin *o)
{
    struct sockaddr_in a = address(o);
    origin_stop(o);
    start_to_listen(o, 0);
    for (; o->clogs_n < ORIGIN_CLOGS; o->clogs_n++) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(fd, (struct sockaddr *)&a, sizeof a);
        o->clogs[o->clogs_n] = fd;
    }
}

void origins_end(void)
{
    for (unsigned i = 0; i < origins_n; i++) {
        struct origin *o = origins[i];
        origin_stop(o);
        free(o->raw);
        free(o->last_head);
        SSL_CTX_free(o->tls);
        free(o);
    }
    origins_n = 0;
}

/* -- for the test ------------------------------------------------------------------------------ */

void origin_script(struct origin *o, const char *words)
{
    struct script s = {0};
    cr_assert(script_read(&s, words), "unknown words: %s", words);
    pthread_mutex_lock(&o->lock);
    o->script = s;
    pthread_mutex_unlock(&o->lock);
}

void origin_raw(struct origin *o, const void *bytes, size_t n)
{
    pthread_mutex_lock(&o->lock);
    free(o->raw);
    o->raw = malloc(n + 1);
    memcpy(o->raw, bytes, n);
    o->raw_n = n;
    pthread_mutex_unlock(&o->lock);
}

uint16_t origin_port(const struct origin *o)
{
    return o->port;
}

#define LOCKED(type, member)                                                                       \
    pthread_mutex_lock(&o->lock);                                                                  \
    const type value = o->member;                                                                  \
    pthread_mutex_unlock(&o->lock);                                                                \
    return value

unsigned origin_connections(struct origin *o)
{
    LOCKED(unsigned, connections);
}

unsigned origin_open(struct origin *o)
{
    LOCKED(unsigned, open);
}

unsigned origin_requests(struct origin *o)
{
    LOCKED(unsigned, requests);
}

unsigned origin_aborts(struct origin *o)
{
    LOCKED(unsigned, aborts);
}

uint64_t origin_bytes(struct origin *o)
{
    LOCKED(uint64_t, bytes);
}

char *origin_last_head(struct origin *o)
{
    pthread_mutex_lock(&o->lock);
    char *head = strdup(o->last_head ? o->last_head : "");
    pthread_mutex_unlock(&o->lock);
    return head;
}
