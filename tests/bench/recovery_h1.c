/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 of recovery_load: a connection has one request at a time; those that are idle are used
 * again, the last one first. Whatever isn't a complete 200 is a failure and ends the connection. */
#include "tests/bench/recovery_load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum { ROOM = 4096 };

struct h1 {
    struct watched watched;
    struct h1 *next; /* in `idle` */
    struct ask *ask; /* NULL: idle */
    int fd;
    size_t n;
    char in[ROOM];
};

static struct h1 *idle;

static struct h1 **place_of(const struct h1 *c)
{
    struct h1 **at = &idle;
    while (*at && *at != c)
        at = &(*at)->next;
    return at;
}

static void h1_close(struct h1 *c)
{
    struct h1 **at = place_of(c);
    if (*at)
        *at = c->next;
    if (c->ask)
        c->ask->by = NULL;
    close(c->fd);
    free(c);
}

static void fail(struct h1 *c)
{
    if (c->ask)
        ask_end(c->ask, false);
    h1_close(c);
}

/* How long the whole answer is; 0: its head isn't complete; SIZE_MAX: it isn't to be read on. */
static size_t length_of(struct h1 *c)
{
    c->in[c->n] = '\0';
    const char *end = strstr(c->in, "\r\n\r\n");
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    if (!end)
        return c->n < ROOM - 1 ? 0 : SIZE_MAX;
    if (strncmp(c->in, "HTTP/1.1 200 ", 13) != 0 || !length || length > end)
        return SIZE_MAX;
    return (size_t)(end + 4 - c->in) + strtoul(length + 17, NULL, 10);
}

static void finish(struct h1 *c)
{
    ask_end(c->ask, true);
    c->ask->by = NULL;
    c->ask = NULL;
    if (strcasestr(c->in, "\r\nconnection: close\r\n")) {
        h1_close(c);
        return;
    }
    c->n = 0;
    c->next = idle;
    idle = c;
}

static void on_readable(struct watched *w)
{
    struct h1 *c = (struct h1 *)w;
    const ssize_t n = recv(c->fd, c->in + c->n, ROOM - 1 - c->n, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 || !c->ask) {
        fail(c);
        return;
    }
    c->n += (size_t)n;
    const size_t length = length_of(c);
    if (length == SIZE_MAX || (length && c->n > length))
        fail(c);
    else if (c->n == length)
        finish(c);
}

static struct h1 *h1_open(unsigned port)
{
    const int fd = net_connect(port);
    struct h1 *c = fd < 0 ? NULL : calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct h1){.watched = {on_readable}, .fd = fd};
    watch(fd, &c->watched);
    return c;
}

/* An idle connection that was closed meanwhile loses nothing: the next one is taken. */
static struct h1 *take(unsigned port)
{
    char one;
    for (struct h1 *c; (c = idle);) {
        if (recv(c->fd, &one, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN) {
            idle = c->next;
            return c;
        }
        h1_close(c);
    }
    return h1_open(port);
}

void h1_send(unsigned port, struct ask *a)
{
    static const char request[] = "GET /item HTTP/1.1\r\nHost: bench.example.com\r\n\r\n";
    const ssize_t n = sizeof request - 1;
    struct h1 *c = take(port);
    if (!c) {
        ask_end(a, false);
        return;
    }
    c->ask = a;
    a->by = &c->watched;
    if (send(c->fd, request, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
        fail(c);
}

void h1_give_up(struct ask *a)
{
    if (a->by)
        h1_close((struct h1 *)a->by);
}
