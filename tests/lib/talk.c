/* SPDX-License-Identifier: Apache-2.0 */
/* The scenarios' client. Everything that waits does so with poll() and the talk's deadline. */
#include "tests/lib/talk.h"

#include "tests/lib/rig.h"
#include "tests/lib/wait.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct talk *talks;

/* -- connections ------------------------------------------------------------------------------- */

static struct talk *open_to(const void *addr, socklen_t n, int family)
{
    struct talk *t = calloc(1, sizeof *t);
    t->deadline_ms = DEADLINE_MS;
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, addr, n) != 0) {
        const int err = errno;
        close(fd);
        free(t);
        errno = err;
        return NULL;
    }
    if (family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    wire_init(&t->wire, fd);
    text_init(&t->in);
    text_init(&t->r.head);
    text_init(&t->r.body);
    text_init(&t->r.trailers);
    return t;
}

/* Only the thread of the test has its talks in the list. */
struct talk *talk_keep(struct talk *t)
{
    cr_assert(t, "can't connect: %s", strerror(errno));
    t->quiet = false;
    t->next = talks;
    talks = t;
    return t;
}

struct talk *talk_try(uint16_t port)
{
    const struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct talk *t = open_to(&a, sizeof a, AF_INET);
    if (t)
        t->quiet = true;
    return t;
}

struct talk *talk_open_port(uint16_t port)
{
    return talk_keep(talk_try(port));
}

struct talk *talk_open(void)
{
    return talk_open_port(rig_port("port"));
}

struct talk *talk_open_v6(uint16_t port)
{
    const struct sockaddr_in6 a = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return talk_keep(open_to(&a, sizeof a, AF_INET6));
}

struct talk *talk_open_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    return talk_keep(open_to(&a, sizeof a, AF_UNIX));
}

struct talk *talk_open_tls(uint16_t port, const char *ca, const char *sni)
{
    struct talk *t = talk_open_port(port);
    SSL_CTX *tls = wire_client_tls(ca, NULL);
    cr_assert(wire_connect(&t->wire, tls, sni ? sni : "site.test"), "no TLS");
    SSL_CTX_free(tls);
    return t;
}

void talk_close(struct talk *t)
{
    for (struct talk **at = &talks; !t->quiet && *at; at = &(*at)->next)
        if (*at == t) {
            *at = t->next;
            break;
        }
    wire_close(&t->wire);
    text_fini(&t->in);
    text_fini(&t->r.head);
    text_fini(&t->r.body);
    text_fini(&t->r.trailers);
    free(t);
}

void talks_end(void)
{
    while (talks)
        talk_close(talks);
}

/* -- sending ----------------------------------------------------------------------------------- */

bool talk_send_n(struct talk *t, const void *p, size_t n)
{
    return wire_write(&t->wire, p, n, (int)t->deadline_ms);
}

bool talk_send(struct talk *t, const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    const int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    const bool ok = talk_send_n(t, text, (size_t)n);
    free(text);
    return ok;
}

void talk_end(struct talk *t)
{
    wire_end(&t->wire);
}

void talk_reset(struct talk *t)
{
    wire_resets(&t->wire);
    talk_close(t);
}

/* -- receiving --------------------------------------------------------------------------------- */

struct slice talk_rest(const struct talk *t)
{
    return slice_of(t->in.p + t->at, t->in.n - t->at);
}

void talk_skip(struct talk *t, size_t n)
{
    cr_assert_leq(n, t->in.n - t->at);
    t->at += n;
}

int talk_pull(struct talk *t, int wait_ms)
{
    if (t->at == t->in.n)
        t->at = t->in.n = 0;
    text_need(&t->in, 64 * 1024);
    const ssize_t n = wire_read(&t->wire, t->in.p + t->in.n, 64 * 1024, wait_ms);
    t->in.n += n > 0 ? (size_t)n : 0;
    return n > 0 ? 1 : (int)n;
}

bool talk_await_bytes(struct talk *t, size_t n)
{
    const uint64_t end = now_ms() + t->deadline_ms;
    while (t->in.n - t->at < n) {
        const uint64_t now = now_ms();
        if (now >= end || talk_pull(t, (int)(end - now)) <= 0)
            return false;
    }
    return true;
}

/* The first line that waits, without CRLF, in *out. */
static bool read_line(struct talk *t, struct slice *out)
{
    for (size_t seen = 0;;) {
        const struct slice rest = talk_rest(t);
        const char *end = rest.n ? memmem(rest.p, rest.n, "\r\n", 2) : NULL;
        if (end) {
            *out = slice_of(rest.p, (size_t)(end - rest.p));
            t->at += out->n + 2;
            return true;
        }
        seen = rest.n;
        if (!talk_await_bytes(t, seen + 1))
            return false;
    }
}

static bool fail(struct response *r, const char *fault)
{
    r->fault = fault;
    return false;
}

/* Lines up to an empty one. */
static bool read_lines(struct talk *t, struct text *to)
{
    struct slice line;
    while (read_line(t, &line)) {
        if (!line.n) {
            text_char(to, 0);
            to->n--;
            return true;
        }
        if (memchr(line.p, '\n', line.n) || memchr(line.p, '\r', line.n))
            return fail(&t->r, "a bare CR or LF in a line");
        text_add(to, line);
        text_str(to, "\r\n");
    }
    return fail(&t->r, "no end of the lines");
}

static bool read_content(struct talk *t, uint64_t n)
{
    while (n) {
        const struct slice rest = talk_rest(t);
        const size_t k = rest.n < n ? rest.n : (size_t)n;
        text_add(&t->r.body, slice_of(rest.p, k));
        t->at += k;
        n -= k;
        if (n && !talk_await_bytes(t, 1))
            return fail(&t->r, "the content was cut off");
    }
    return true;
}

static bool read_chunks(struct talk *t)
{
    for (;;) {
        struct slice line;
        char text[32], *end;
        if (!read_line(t, &line))
            return fail(&t->r, "no chunk");
        snprintf(text, sizeof text, "%.*s", SLICE_ARG(line));
        const uint64_t n = strtoull(text, &end, 16);
        if (end == text || *end)
            return fail(&t->r, "a bad size of a chunk");
        if (!n)
            return read_lines(t, &t->r.trailers);
        if (!read_content(t, n) || !read_line(t, &line) || line.n)
            return fail(&t->r, "no end of a chunk");
    }
}

static bool read_until_close(struct talk *t)
{
    do {
        const struct slice rest = talk_rest(t);
        text_add(&t->r.body, rest);
        t->at += rest.n;
    } while (talk_await_bytes(t, 1));
    return true;
}

/* A head that is not an interim one. */
static bool read_head(struct talk *t)
{
    struct response *r = &t->r;
    for (;;) {
        r->head.n = 0;
        r->status = 0;
        if (!talk_await_bytes(t, 1))
            return fail(r, "no response");
        if (!read_lines(t, &r->head))
            return false;
        if (sscanf(r->head.p, "HTTP/1.%*1[01] %3d", &r->status) != 1)
            return fail(r, "a bad status line");
        if (r->status >= 200 || r->status == 101)
            return true;
        if (r->interims_n < TALK_INTERIMS)
            r->interims[r->interims_n++] = r->status;
    }
}

static bool read_response(struct talk *t, bool to_head, bool head_only)
{
    struct response *r = &t->r;
    *r = (struct response){.head = r->head, .body = r->body, .trailers = r->trailers};
    r->head.n = r->body.n = r->trailers.n = 0;
    if (!read_head(t))
        return false;
    const char *length = field_of(r, "content-length");
    r->chunked = !strcasecmp(field_of(r, "transfer-encoding"), "chunked");
    r->has_length = *length != 0;
    r->closes = !strcasecmp(field_of(r, "connection"), "close");
    if (r->chunked && r->has_length)
        return fail(r, "both a length and chunks");
    if (head_only || to_head || r->status == 204 || r->status == 304 || r->status == 101)
        return true;
    if (r->chunked)
        return read_chunks(t);
    return r->has_length ? read_content(t, strtoull(length, NULL, 10)) : read_until_close(t);
}

static const struct response *response(struct talk *t, bool to_head, bool head_only)
{
    struct response *r = &t->r;
    r->whole = read_response(t, to_head, head_only);
    text_char(&r->body, 0);
    r->body.n--;
    return r;
}

const struct response *talk_response(struct talk *t)
{
    return response(t, false, false);
}

const struct response *talk_response_to_head(struct talk *t)
{
    return response(t, true, false);
}

const struct response *talk_head(struct talk *t)
{
    return response(t, false, true);
}

bool talk_ended(struct talk *t)
{
    return t->at == t->in.n && talk_pull(t, (int)t->deadline_ms) == 0;
}

bool talk_is_over(struct talk *t)
{
    return t->at == t->in.n && talk_pull(t, 0) == 0;
}

/* -- in one go --------------------------------------------------------------------------------- */

const struct response *ask(const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    const int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    struct talk *t = talk_open();
    cr_assert(talk_send_n(t, text, (size_t)n));
    const struct response *r = response(t, !strncmp(text, "HEAD ", 5), false);
    free(text);
    return r;
}

const struct response *get(const char *target)
{
    return ask("GET %s HTTP/1.1\r\nHost: test\r\n\r\n", target);
}

static const char *find(const struct text *lines, const char *name, unsigned *count)
{
    static _Thread_local char values[4][8192];
    static _Thread_local unsigned turn;
    char *value = values[turn++ % 4];
    const size_t n = strlen(name);
    *count = 0;
    *value = 0;
    for (const char *p = lines->n ? lines->p : ""; *p; p = strstr(p, "\r\n") + 2) {
        if (strncasecmp(p, name, n) || p[n] != ':')
            continue;
        const char *from = p + n + 1 + strspn(p + n + 1, " ");
        if (!(*count)++)
            snprintf(value, sizeof values[0], "%.*s", (int)strcspn(from, "\r"), from);
    }
    return value;
}

const char *field_of(const struct response *r, const char *name)
{
    unsigned count;
    return find(&r->head, name, &count);
}

const char *trailer_of(const struct response *r, const char *name)
{
    unsigned count;
    return find(&r->trailers, name, &count);
}

unsigned field_count(const struct response *r, const char *name)
{
    unsigned count;
    find(&r->head, name, &count);
    return count;
}

bool body_is(const struct response *r, const char *text)
{
    return r->whole && slice_eq(text_slice(&r->body), slice_str(text));
}

bool body_has(const struct response *r, const char *text)
{
    return strstr(r->body.p, text) != NULL;
}
