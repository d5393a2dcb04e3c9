/* SPDX-License-Identifier: Apache-2.0 */
/* The scripted origin speaks HTTP/1.1. The parser of requests is as simple as can be, and not the
 * gateway's, so that the two don't make the same mistakes. */
#include "tests/lib/origin_parts.h"
#include "tests/lib/pattern.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The request that is being read from a connection. */
struct request_h1 {
    struct origin *o;
    struct conn *conn;
    char *in; /* ORIGIN_HEAD_MAX bytes: read and not used yet */
    size_t in_n;
    char *head; /* of this request, with a NUL */
    char *echo;
    size_t echo_n;
    uint64_t content_n, left; /* so far; of this length or chunk */
    uint64_t sipped;          /* content_n at the last rest */
    bool chunked, broken;     /* broken: the content was not the pattern */
    bool busy;                /* the response isn't through, and will be */
    struct script s;
};

/* -- bytes ------------------------------------------------------------------------------------- */

static bool fill(struct request_h1 *c)
{
    if (c->in_n == ORIGIN_HEAD_MAX)
        return false;
    const ssize_t n =
        wire_read(&c->conn->wire, c->in + c->in_n, ORIGIN_HEAD_MAX - c->in_n, WIRE_FOREVER);
    if (n <= 0)
        return false;
    c->in_n += (size_t)n;
    origin_note_bytes(c->o, (size_t)n);
    return true;
}

static void drop(struct request_h1 *c, size_t n)
{
    memmove(c->in, c->in + n, c->in_n - n);
    c->in_n -= n;
}

static bool put(struct request_h1 *c, const void *p, size_t n)
{
    return wire_write(&c->conn->wire, p, n, WIRE_FOREVER);
}

static bool say(struct request_h1 *c, const char *text)
{
    return put(c, text, strlen(text));
}

/* Waits, but not when the other side goes away. */
static bool rest(struct request_h1 *c, unsigned ms)
{
    return wire_rest(&c->conn->wire, ms);
}

/* -- the request ------------------------------------------------------------------------------- */

/* A field's value in c->head, up to its line's end; NULL: there is none. */
static const char *find_field(const struct request_h1 *c, const char *name)
{
    const size_t n = strlen(name);
    for (const char *p = strstr(c->head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (!strncasecmp(p + 2, name, n) && p[2 + n] == ':')
            return p + 3 + n + strspn(p + 3 + n, " ");
    return NULL;
}

static bool read_head(struct request_h1 *c)
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
    c->content_n = c->sipped = c->echo_n = 0;
    c->broken = false;
    origin_note_head(c->o, c->head);
    return true;
}

static void take_content(struct request_h1 *c, size_t n)
{
    if (!pattern_holds(c->in, c->content_n, n))
        c->broken = true;
    if (c->s.echo && c->echo_n + n <= ORIGIN_ECHO_MAX) {
        memcpy(c->echo + c->echo_n, c->in, n);
        c->echo_n += n;
    }
    c->content_n += n;
    c->left -= n;
    drop(c, n);
}

static bool read_length(struct request_h1 *c)
{
    while (c->left) {
        if (!c->in_n && !fill(c))
            return false;
        take_content(c, c->in_n < c->left ? c->in_n : (size_t)c->left);
        if (c->s.sip_ms && c->content_n >= c->sipped + ORIGIN_SIP) {
            c->sipped = c->content_n;
            if (!rest(c, c->s.sip_ms))
                return false;
        }
    }
    return true;
}

/* One line in `out`, without its end. */
static bool read_line(struct request_h1 *c, char *out, size_t room)
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
static bool read_chunks(struct request_h1 *c)
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
        if (c->s.echo && c->echo_n + strlen(line) < ORIGIN_ECHO_MAX)
            c->echo_n += (size_t)sprintf(c->echo + c->echo_n, "\ntrailer %s", line);
    }
}

static void read_script(struct request_h1 *c)
{
    const char *target = c->head + strcspn(c->head, " \r");
    target += *target == ' ';
    origin_read_script(c->o, &c->s, target, strcspn(target, " \r"));
}

/* -- the response ------------------------------------------------------------------------------ */

static bool is_head_only(const struct request_h1 *c)
{
    return !strncmp(c->head, "HEAD ", 5) || c->s.status == 204 || c->s.status == 304;
}

/* The content, when it isn't the pattern; the caller frees it. */
static char *own_content(struct request_h1 *c, size_t *n)
{
    char *p = malloc(ORIGIN_HEAD_MAX + ORIGIN_ECHO_MAX + 64);
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

static bool send_head(struct request_h1 *c, uint64_t n)
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
static bool send_content(struct request_h1 *c, const char *own, uint64_t n)
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

static bool send_response(struct request_h1 *c)
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
        wire_resets(&c->conn->wire);
    return ok && !c->s.close && !c->s.until_close && !c->s.bye;
}

/* RFC 6455 4.2.2: the proof that the key has been seen; "" when there is none. */
static void accept_key(const struct request_h1 *c, char *line, size_t room)
{
    char text[128];
    unsigned char sum[SHA_DIGEST_LENGTH], base64[64];
    const char *key = find_field(c, "sec-websocket-key");
    *line = 0;
    if (!key)
        return;
    snprintf(text, sizeof text, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r"),
             key);
    SHA1((const unsigned char *)text, strlen(text), sum);
    EVP_EncodeBlock(base64, sum, sizeof sum);
    snprintf(line, room, "Sec-WebSocket-Accept: %s\r\n", (char *)base64);
}

/* What comes goes back, until the other side ends; then ours ends too. */
static void tunnel(struct request_h1 *c)
{
    char line[3072], accept[128];
    const char *asked = find_field(c, "upgrade");
    accept_key(c, accept, sizeof accept);
    snprintf(line, sizeof line,
             "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: %.*s\r\n%s%s\r\n",
             asked ? (int)strcspn(asked, "\r") : 4, asked ? asked : "echo", accept, c->s.fields);
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
    wire_end(&c->conn->wire);
    while (fill(c))
        c->in_n = 0;
}

static void send_raw(struct request_h1 *c)
{
    pthread_mutex_lock(&c->o->lock);
    const size_t n = c->o->raw_n;
    char *raw = malloc(n + 1);
    memcpy(raw, c->o->raw, n);
    pthread_mutex_unlock(&c->o->lock);
    put(c, raw, n);
    free(raw);
    wire_end(&c->conn->wire);
    while (fill(c)) /* else what is unread would reset it, and the response with it */
        c->in_n = 0;
}

/* Does the script itself end the connection? */
static bool ends_early(const struct script *s)
{
    return s->cuts || s->resets || s->abort || s->raw || s->close || s->bye || s->until_close ||
           s->upgrade || s->flood;
}

static bool serve(struct request_h1 *c)
{
    if (!read_head(c))
        return false;
    read_script(c);
    c->busy = !ends_early(&c->s);
    if (c->s.proceed && find_field(c, "expect") && !say(c, "HTTP/1.1 100 Continue\r\n\r\n"))
        return false;
    if (!c->s.early && !(c->chunked ? read_chunks(c) : read_length(c)))
        return false;
    if (c->s.delay_ms && !rest(c, c->s.delay_ms))
        return false;
    if (c->s.hang)
        return rest(c, 3600 * 1000) && false;
    if (c->s.abort)
        return wire_resets(&c->conn->wire), false;
    if (c->s.raw)
        return send_raw(c), false;
    for (unsigned i = 0; i < c->s.interims; i++)
        if (!say(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"))
            return false;
    if (c->s.upgrade || c->s.flood)
        return tunnel(c), false;
    const bool goes_on = send_response(c);
    c->busy = c->busy && !goes_on;
    return goes_on;
}

void origin_serve_h1(struct conn *conn)
{
    struct request_h1 c = {.o = conn->o, .conn = conn};
    c.in = malloc(ORIGIN_HEAD_MAX);
    c.echo = malloc(ORIGIN_ECHO_MAX);
    while (serve(&c))
        ;
    if (c.busy)
        origin_note_abort(c.o);
    free(c.in);
    free(c.head);
    free(c.echo);
}
