/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted origin. A thread accepts; each connection has a thread of its own that reads a
 * request, does what the script says, and goes on until one side closes. Nothing here asserts:
 * that is for the thread of the test alone. What a request asks for in words that nobody knows is
 * answered with 599, which no test expects.
 *
 * The parser of requests is as simple as can be, and not the gateway's, so that the two don't make
 * the same mistakes. */
#include "tests/lib/origin.h"

#include "tests/lib/origin_script.h"
#include "tests/lib/pattern.h"
#include "tests/lib/rig.h"
#include "tests/lib/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ORIGINS = 8, CONNECTIONS = 4096, HEAD_MAX = 64 * 1024, ECHO_MAX = 64 * 1024, CLOGS = 8 };

struct origin {
    char name[32];
    char address[16];
    uint16_t port;
    int fd; /* listening; -1 */
    pthread_t thread;
    bool accepting;       /* the thread runs */
    pthread_mutex_t lock; /* for everything below */
    struct script script;
    char *raw, *last_head;
    size_t raw_n;
    int fds[CONNECTIONS]; /* open ones, by connection number; -1 */
    unsigned connections, open, threads, requests;
    uint64_t bytes;
    int clogs[CLOGS];
    unsigned clogs_n;
};

/* One connection and the request that is being read from it. */
struct conn {
    struct origin *o;
    unsigned number;
    int fd;
    char *in; /* HEAD_MAX bytes: read and not used yet */
    size_t in_n;
    char *head; /* of this request, with a NUL */
    char *echo;
    size_t echo_n;
    uint64_t content_n, left; /* so far; of this length or chunk */
    bool chunked, broken;     /* broken: the content was not the pattern */
    struct script s;
};

static struct origin *origins[ORIGINS];
static unsigned origins_n;

/* -- bytes --------------------------------------------------------------------------------------
 */

static bool fill(struct conn *c)
{
    if (c->in_n == HEAD_MAX)
        return false;
    const ssize_t n = recv(c->fd, c->in + c->in_n, HEAD_MAX - c->in_n, 0);
    if (n <= 0)
        return false;
    c->in_n += (size_t)n;
    pthread_mutex_lock(&c->o->lock);
    c->o->bytes += (uint64_t)n;
    pthread_mutex_unlock(&c->o->lock);
    return true;
}

static void drop(struct conn *c, size_t n)
{
    memmove(c->in, c->in + n, c->in_n - n);
    c->in_n -= n;
}

static bool put(struct conn *c, const void *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        const ssize_t k = send(c->fd, (const char *)p + at, n - at, MSG_NOSIGNAL);
        if (k <= 0)
            return false;
        at += (size_t)k;
    }
    return true;
}

static bool say(struct conn *c, const char *text)
{
    return put(c, text, strlen(text));
}

static void reset(struct conn *c)
{
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
}

/* Waits, but not when the other side goes away. */
static bool rest(struct conn *c, unsigned ms)
{
    const uint64_t end = now_ms() + ms;
    while (now_ms() < end) {
        struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
        if (poll(&p, 1, (int)(end - now_ms())) > 0 && p.revents & (POLLHUP | POLLERR | POLLRDHUP))
            return false;
    }
    return true;
}

/* -- the request --------------------------------------------------------------------------------
 */

/* A field's value in c->head, up to its line's end; NULL: there is none. */
static const char *find_field(const struct conn *c, const char *name)
{
    const size_t n = strlen(name);
    for (const char *p = strstr(c->head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (!strncasecmp(p + 2, name, n) && p[2 + n] == ':')
            return p + 3 + n + strspn(p + 3 + n, " ");
    return NULL;
}

static bool read_head(struct conn *c)
{
    char *end;
    while (!(end = memmem(c->in, c->in_n, "\r\n\r\n", 4)))
        if (!fill(c))
            return false;
    const size_t n = (size_t)(end + 4 - c->in);
    free(c->head);
    c->head = strndup(c->in, n);
    drop(c, n);
    const char *length = find_field(c, "content-length");
    c->chunked = find_field(c, "transfer-encoding") != NULL;
    c->left = length ? strtoull(length, NULL, 10) : 0;
    c->content_n = c->echo_n = 0;
    c->broken = false;
    pthread_mutex_lock(&c->o->lock);
    c->o->requests++;
    free(c->o->last_head);
    c->o->last_head = strdup(c->head);
    pthread_mutex_unlock(&c->o->lock);
    return true;
}

static void take_content(struct conn *c, size_t n)
{
    if (!pattern_holds(c->in, c->content_n, n))
        c->broken = true;
    if (c->s.echo && c->echo_n + n <= ECHO_MAX) {
        memcpy(c->echo + c->echo_n, c->in, n);
        c->echo_n += n;
    }
    c->content_n += n;
    c->left -= n;
    drop(c, n);
}

static bool read_length(struct conn *c)
{
    while (c->left) {
        if (!c->in_n && !fill(c))
            return false;
        take_content(c, c->in_n < c->left ? c->in_n : (size_t)c->left);
    }
    return true;
}

/* One line in `out`, without its end. */
static bool read_line(struct conn *c, char *out, size_t room)
{
    char *end;
    while (!(end = memmem(c->in, c->in_n, "\r\n", 2)))
        if (!fill(c))
            return false;
    const size_t n = (size_t)(end - c->in);
    snprintf(out, room, "%.*s", (int)n, c->in);
    drop(c, n + 2);
    return true;
}

/* Trailers are put behind the content that is echoed. */
static bool read_chunks(struct conn *c)
{
    char line[1024];
    do {
        if (!read_line(c, line, sizeof line))
            return false;
        c->left = strtoull(line, NULL, 16);
        if (c->left && !(read_length(c) && read_line(c, line, sizeof line)))
            return false;
    } while (line[0] != '0' || line[1]);
    for (;;) {
        if (!read_line(c, line, sizeof line))
            return false;
        if (!*line)
            return true;
        if (c->s.echo && c->echo_n + strlen(line) < ECHO_MAX)
            c->echo_n += (size_t)sprintf(c->echo + c->echo_n, "\ntrailer %s", line);
    }
}

/* What the test says for all requests, and what the query adds. */
static void read_script(struct conn *c)
{
    char query[2048] = "";
    const char *mark = strchr(c->head, '?'), *end = strchr(c->head, '\r');
    if (mark && mark < end)
        snprintf(query, sizeof query, "%.*s", (int)strcspn(mark + 1, " \r"), mark + 1);
    pthread_mutex_lock(&c->o->lock);
    c->s = c->o->script;
    pthread_mutex_unlock(&c->o->lock);
    if (!c->s.status)
        c->s.status = 200;
    if (!script_read(&c->s, query))
        c->s.status = 599;
}

/* -- the response -------------------------------------------------------------------------------
 */

static bool is_head_only(const struct conn *c)
{
    return !strncmp(c->head, "HEAD ", 5) || c->s.status == 204 || c->s.status == 304;
}

/* The content, when it isn't the pattern; the caller frees it. */
static char *own_content(struct conn *c, size_t *n)
{
    char *p = malloc(HEAD_MAX + ECHO_MAX + 64);
    if (c->s.echo) {
        *n = strlen(c->head);
        memcpy(p, c->head, *n);
        memcpy(p + *n, c->echo, c->echo_n);
        *n += c->echo_n;
    } else if (c->s.count) {
        *n = (size_t)sprintf(p, "%llu of %s\n", (unsigned long long)c->content_n,
                             c->broken ? "rubbish" : "pattern");
    } else {
        *n = (size_t)sprintf(p, "%s\n", c->o->name);
    }
    return p;
}

static bool send_head(struct conn *c, uint64_t n)
{
    char text[4096];
    size_t at = (size_t)sprintf(text, "HTTP/1.1 %d Whatever\r\n%s", c->s.status, c->s.fields);
    if (c->s.close)
        at += (size_t)sprintf(text + at, "Connection: close\r\n");
    if (c->s.chunk) {
        at += (size_t)sprintf(text + at, "Transfer-Encoding: chunked\r\n");
        if (c->s.trailers)
            at += (size_t)sprintf(text + at, "Trailer: X-Sum\r\n");
    } else if (!c->s.until_close && !c->s.no_length && c->s.status != 204) {
        at += (size_t)sprintf(text + at, "Content-Length: %llu\r\n", (unsigned long long)n);
    }
    at += (size_t)sprintf(text + at, "\r\n");
    return put(c, text, at);
}

/* Content from `own`, or the pattern when that is NULL, in pieces. False: the connection ends. */
static bool send_content(struct conn *c, const char *own, uint64_t n)
{
    static const size_t most = 64 * 1024;
    char piece[64 * 1024], line[32];
    const uint64_t stop = c->s.cuts || c->s.resets ? c->s.cut : UINT64_MAX;
    for (uint64_t at = 0; at < n && at < stop;) {
        size_t k = c->s.piece ? c->s.piece : c->s.chunk ? (size_t)c->s.chunk : most;
        k = k < most ? k : most;
        k = k < n - at ? k : (size_t)(n - at);
        k = k < stop - at ? k : (size_t)(stop - at);
        if (own)
            memcpy(piece, own + at, k);
        else
            pattern_fill(piece, at, k);
        snprintf(line, sizeof line, "%zx\r\n", k);
        if (c->s.chunk && !say(c, line))
            return false;
        if (!put(c, piece, k) || (c->s.chunk && !say(c, "\r\n")))
            return false;
        at += k;
        if (c->s.pause_ms && !rest(c, c->s.pause_ms))
            return false;
    }
    return stop == UINT64_MAX;
}

static bool send_response(struct conn *c)
{
    size_t own_n = 0;
    char *own = c->s.sized ? NULL : own_content(c, &own_n);
    const uint64_t n = c->s.sized ? c->s.size : own_n;
    bool ok = send_head(c, n);
    if (ok && !is_head_only(c)) {
        ok = send_content(c, own, n);
        if (ok && c->s.chunk)
            ok = say(c, c->s.trailers ? "0\r\nX-Sum: 42\r\n\r\n" : "0\r\n\r\n");
    }
    free(own);
    if (!ok && c->s.resets)
        reset(c);
    return ok && !c->s.close && !c->s.until_close && !c->s.bye;
}

/* What comes goes back, until the other side ends; then ours ends too. */
static void tunnel(struct conn *c)
{
    char line[512];
    const char *asked = find_field(c, "upgrade");
    snprintf(line, sizeof line,
             "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: %.*s\r\n\r\n",
             asked ? (int)strcspn(asked, "\r") : 4, asked ? asked : "echo");
    bool ok = say(c, line);
    if (ok && c->s.flood)
        ok = send_content(c, NULL, c->s.flood);
    while (ok && !c->s.flood) {
        ok = put(c, c->in, c->in_n);
        c->in_n = 0;
        if (!ok || !fill(c))
            break;
    }
    if (ok && !c->s.flood)
        say(c, "bye\n");
    shutdown(c->fd, SHUT_WR);
    while (fill(c))
        c->in_n = 0;
}

static void send_raw(struct conn *c)
{
    pthread_mutex_lock(&c->o->lock);
    const size_t n = c->o->raw_n;
    char *raw = malloc(n + 1);
    memcpy(raw, c->o->raw, n);
    pthread_mutex_unlock(&c->o->lock);
    put(c, raw, n);
    free(raw);
    shutdown(c->fd, SHUT_WR);
    while (fill(c)) /* else what is unread would reset it, and the response with it */
        c->in_n = 0;
}

static bool serve(struct conn *c)
{
    if (!read_head(c))
        return false;
    read_script(c);
    if (c->s.proceed && find_field(c, "expect") && !say(c, "HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
    if (!c->s.early && !(c->chunked ? read_chunks(c) : read_length(c)))
        return false;
    if (c->s.delay_ms && !rest(c, c->s.delay_ms))
        return false;
    if (c->s.hang)
        return rest(c, 3600 * 1000) && false;
    if (c->s.raw)
        return send_raw(c), false;
    for (unsigned i = 0; i < c->s.interims; i++)
        if (!say(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"))
            return false;
    if (c->s.upgrade || c->s.flood)
        return tunnel(c), false;
    return send_response(c);
}

static void *on_connection(void *arg)
{
    struct conn *c = arg;
    struct origin *o = c->o;
    c->in = malloc(HEAD_MAX);
    c->echo = malloc(ECHO_MAX);
    while (serve(c))
        ;
    pthread_mutex_lock(&o->lock);
    o->fds[c->number % CONNECTIONS] = -1;
    o->open--;
    close(c->fd);
    free(c->in);
    free(c->head);
    free(c->echo);
    free(c);
    o->threads--;
    pthread_mutex_unlock(&o->lock);
    return NULL;
}

/* -- listening ----------------------------------------------------------------------------------
 */

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
    struct conn *c = calloc(1, sizeof *c);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    pthread_mutex_lock(&o->lock);
    *c = (struct conn){.o = o, .fd = fd, .number = o->connections++};
    o->fds[c->number % CONNECTIONS] = fd;
    o->open++;
    o->threads++;
    pthread_mutex_unlock(&o->lock);
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

struct origin *origin_start(const char *name)
{
    return origin_start_at(name, "127.0.0.1", 0);
}

struct origin *origin_start_at(const char *name, const char *at, uint16_t port)
{
    struct origin *o = calloc(1, sizeof *o);
    cr_assert_lt(origins_n, ORIGINS);
    origins[origins_n++] = o;
    snprintf(o->name, sizeof o->name, "%s", name);
    snprintf(o->address, sizeof o->address, "%s", at);
    o->port = port;
    pthread_mutex_init(&o->lock, NULL);
    memset(o->fds, -1, sizeof o->fds);
    origin_again(o);
    rig_name(name, "%s:%u", o->address, o->port);
    return o;
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
    for (size_t i = 0; i < CONNECTIONS; i++)
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
    for (; o->clogs_n < CLOGS; o->clogs_n++) {
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
        free(o);
    }
    origins_n = 0;
}

/* -- for the test -------------------------------------------------------------------------------
 */

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
