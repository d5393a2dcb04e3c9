/* SPDX-License-Identifier: Apache-2.0 */
/* A small backend to look at: answers every request, over kept-alive connections, with its name,
 * its port, the request line, the fields in which a gateway tells who the client is, and how many
 * requests it has had. From SIGUSR1 on it answers with 500, from SIGUSR2 on with 200 again, and
 * says so on stderr, as Weir writes its log.
 *
 *     demo_origin NAME   listens on a free port of 127.0.0.1, prints it, serves until it is killed
 *     demo_origin -p N   prints N ports that are free now, all different
 *
 * One thread, one poll(); requests are read with the gateway's own HTTP/1 codec. It is made for
 * a handful of connections: beyond CONNECTIONS it accepts no more until one has ended, and an
 * answer that a client doesn't take within a second ends that connection. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"
#include "http/h1_body.h"

enum { CONNECTIONS = 256, ROOM = 16384, FIELDS = 100, ANSWER_ROOM = 8192 };

struct conn {
    int fd; /* -1: free */
    char in[ROOM];
    size_t n;
    bool in_content; /* the head was read, `body` is under way */
    bool keep_alive;
    struct h1_body body;
    struct arena arena; /* of the request under way */
    struct text answer;
    char answer_memory[ANSWER_ROOM];
};

static const struct h1_limits limits = {
    .head_size = ROOM, .target_size = ROOM, .field_count = FIELDS};
static struct conn conns[CONNECTIONS];
static const char *name;
static unsigned port, requests;
static volatile sig_atomic_t fails; /* changes while turn() waits, and never else */

static bool is_shown(const struct field *f)
{
    static const uint8_t shown[] = {
        TOKEN_HOST,
        TOKEN_VIA,
        TOKEN_FORWARDED,
        TOKEN_X_FORWARDED_FOR,
        TOKEN_X_FORWARDED_HOST,
        TOKEN_X_FORWARDED_PORT,
        TOKEN_X_FORWARDED_PROTO,
        TOKEN_X_REQUEST_ID,
    };
    return memchr(shown, f->token, sizeof shown) != NULL;
}

static void write_answer(struct conn *c, const struct request_head *h)
{
    char memory[ANSWER_ROOM - 256];
    struct text content;
    text_init_fixed(&content, memory, sizeof memory);
    text_printf(&content, "%s on port %u\n%.*s %.*s HTTP/1.%u\n", name, port, SLICE_ARG(h->method),
                SLICE_ARG(h->target), h->minor);
    for (size_t i = 0; i < h->fields.n; i++) {
        const struct field *f = &h->fields.v[i];
        if (is_shown(f))
            text_printf(&content, "%.*s: %.*s\n", SLICE_ARG(f->name), SLICE_ARG(f->value));
    }
    text_printf(&content, "request %u of this backend\n", ++requests);
    text_init_fixed(&c->answer, c->answer_memory, sizeof c->answer_memory);
    text_printf(&c->answer,
                "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n",
                fails ? "500 Internal Server Error" : "200 OK", content.n,
                c->keep_alive ? "" : "Connection: close\r\n");
    if (h->method_id != METHOD_HEAD)
        text_add(&c->answer, text_slice(&content));
}

static bool send_all(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        s = slice_from(s, (size_t)n);
    }
    return true;
}

/* Reads a head from the front of *in. Returns 1 when there was one, 0 when more is needed, -1 when
 * it is none. */
static int read_head(struct conn *c, struct slice *in)
{
    struct field room[FIELDS];
    struct h1_parser p = {.limits = &limits, .fields = room};
    struct request_head h;
    ssize_t n = h1_parse_request(&p, *in, &h);
    if (n <= 0)
        return (int)n;
    c->keep_alive = h.keep_alive;
    c->in_content = true;
    arena_init(&c->arena, NULL, 0);
    h1_body_init(&c->body, h.body, h.content_length, &limits, &c->arena);
    write_answer(c, &h);
    *in = slice_from(*in, (size_t)n);
    if (h.expect_continue && !send_all(c->fd, SLICE("HTTP/1.1 100 Continue\r\n\r\n")))
        return -1;
    return 1;
}

/* Skips content and answers at its end; as read_head(). */
static int read_content(struct conn *c, struct slice *in)
{
    struct slice data;
    enum h1_body_event e;
    do
        e = h1_body_next(&c->body, in, &data);
    while (e == H1_BODY_DATA);
    if (e == H1_BODY_MORE)
        return 0;
    c->in_content = false;
    arena_fini(&c->arena);
    bool sent = e == H1_BODY_END && send_all(c->fd, text_slice(&c->answer));
    return sent && c->keep_alive ? 1 : -1;
}

/* Takes everything that has come; false when the connection shall end. */
static bool serve(struct conn *c)
{
    ssize_t n = recv(c->fd, c->in + c->n, sizeof c->in - c->n, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    c->n += (size_t)n;
    struct slice in = slice_of(c->in, c->n);
    int took = 1;
    while (took == 1)
        took = c->in_content ? read_content(c, &in) : read_head(c, &in);
    memmove(c->in, in.p, in.n);
    c->n = in.n;
    return took == 0 && c->n < sizeof c->in;
}

static void conn_end(struct conn *c)
{
    if (c->in_content)
        arena_fini(&c->arena);
    close(c->fd);
    c->fd = -1;
}

static void accept_into(int listener, struct conn *c)
{
    const struct timeval patience = {.tv_sec = 1};
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    c->fd = fd;
    c->n = 0;
    c->in_content = false;
}

static int listen_anywhere(unsigned *out)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, len) < 0 || listen(fd, 64) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0) {
        perror("demo_origin");
        exit(1);
    }
    *out = ntohs(at.sin_port);
    return fd;
}

static int print_free_ports(int n)
{
    for (int i = 0; i < n; i++) { /* each stays taken until the end, so that they differ */
        unsigned free_port;
        listen_anywhere(&free_port);
        printf("%u\n", free_port);
    }
    return 0;
}

static void on_signal(int number)
{
    fails = number == SIGUSR1;
}

/* Both stay blocked, but for the time in which turn() waits. */
static void take_signals(sigset_t *while_waiting)
{
    const struct sigaction action = {.sa_handler = on_signal};
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigprocmask(SIG_BLOCK, &both, while_waiting);
    log_set_process(name);
}

static void say_whether_it_fails(void)
{
    static bool said;
    if (said == fails)
        return;
    said = fails;
    if (said)
        log_warn("fails");
    else
        log_info("works");
}

static void turn(int listener, const sigset_t *while_waiting)
{
    struct pollfd fds[CONNECTIONS + 1] = {{.fd = -1, .events = POLLIN}};
    struct conn *room = NULL;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        fds[i + 1] = (struct pollfd){.fd = conns[i].fd, .events = POLLIN};
        if (conns[i].fd < 0)
            room = &conns[i];
    }
    fds[0].fd = room ? listener : -1;
    const int n = ppoll(fds, CONNECTIONS + 1, NULL, while_waiting);
    say_whether_it_fails();
    if (n < 0)
        return;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (fds[i + 1].revents && !serve(&conns[i]))
            conn_end(&conns[i]);
    }
    if (fds[0].revents)
        accept_into(listener, room);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "-p") == 0)
        return print_free_ports(atoi(argv[2]));
    if (argc != 2) {
        fprintf(stderr, "usage: demo_origin NAME | demo_origin -p N\n");
        return 2;
    }
    name = argv[1];
    sigset_t while_waiting;
    take_signals(&while_waiting);
    int listener = listen_anywhere(&port);
    for (size_t i = 0; i < CONNECTIONS; i++)
        conns[i].fd = -1;
    printf("%u\n", port);
    fflush(stdout);
    for (;;)
        turn(listener, &while_waiting);
}
