/* SPDX-License-Identifier: Apache-2.0 */
/* Random lives. Clients send numbered requests in pieces; origins answer each with its number, in
 * pieces, in every framing there is, early, late, broken or not at all; both stall, half-close,
 * close and reset at any moment; time passes, dials fail, the worker drains. Everything follows
 * from the seed.
 *
 * What must hold whatever happens:
 *   - a client's i-th response is the gateway's own or bears the number of its i-th request, and
 *     its content is a prefix of what the origin said for that number, all of it when it is whole;
 *   - a response that isn't whole never ends as if it were;
 *   - what an origin gets for a number is a prefix of what the client said for it;
 *   - an origin that has said something in doubt gets no further request;
 *   - in the end nothing is left, neither objects nor counts. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "core/exchange.h"
#include "core/stats/stats.h"
#include "io/link.h"
#include "tests/lib/stack.h"

enum { CLIENTS = 6, ORIGINS = 64, REQUESTS = 12, STEPS = 260, SEEDS = 40 };

struct script {
    char *p;
    size_t n, at;
};

struct request {
    unsigned number;
    bool head, old; /* HEAD; HTTP/1.0 */
};

struct caller {
    struct peer *p; /* NULL: free */
    struct script says;
    struct request requests[REQUESTS];
    unsigned n;
    bool left; /* has closed, ended or sent nonsense itself: anything may be cut short */
};

struct server {
    struct peer *p;
    struct script says;
    size_t read;     /* of what was heard: heads that were answered and their content */
    unsigned number; /* of the request being answered */
    bool doubt;      /* no further request may come */
    bool early;      /* the request was answered before it was whole */
    bool bare;       /* only the end of the connection ends this response */
    bool gone, tunnel;
};

static const char confs[][256] = {
    "timeouts = { request = \"0s\"; ",
    "timeouts = { request = \"1s\"; ",
    "memory = { blocks = \"1m\"; }; limits = { queue = \"16k\"; }; timeouts = { request = \"0s\"; ",
};
static const char conf_rest[] =
    "head = \"400ms\"; keep_alive = \"500ms\"; body_idle = \"300ms\"; write_idle = \"400ms\";\n"
    "  connect = \"200ms\"; response_head = \"300ms\"; tunnel_idle = \"400ms\"; };\n"
    "clusters = { one = { endpoints = [ \"10.0.0.1:80\", \"10.0.0.2:80\" ]; };\n"
    "             two = { endpoints = [ \"10.0.0.3:80\" ]; limits = { field_count = 12; }; }; };\n"
    "routes = ( { match = { path_prefix = \"/one\"; }; cluster = \"one\"; },\n"
    "           { match = { path_prefix = \"/two\"; }; cluster = \"two\"; },\n"
    "           { match = { path = \"/own\"; }; respond = { status = 200; body = \"own\"; }; } "
    ");\n";

static struct stack *stack;
static uint64_t state;
static struct caller callers[CLIENTS];
static struct server servers[ORIGINS];
static size_t servers_n;
static unsigned numbers;
static unsigned whole, cut; /* responses seen, to know that the test tests something */

static unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static bool once_in(unsigned n)
{
    return below(n) == 0;
}

/* The i-th byte of content for a number; the two directions differ. */
static char content_byte(unsigned number, size_t i, bool response)
{
    return (char)((response ? 'a' : 'A') + (number * 7 + i * 3 + i / 26) % 26);
}

static bool content_ok(const char *p, size_t n, unsigned number, size_t from, bool response)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != content_byte(number, from + i, response))
            return false;
    return true;
}

static size_t some_length(void)
{
    return once_in(4) ? 0 : once_in(6) ? below(150000) : below(400);
}

/* -- scripts ----------------------------------------------------------------------------------- */

static void add(struct script *t, const char *p, size_t n)
{
    t->p = realloc(t->p, t->n + n);
    if (n)
        memcpy(t->p + t->n, p, n);
    t->n += n;
}

#define ADD(t, ...)                                                                                \
    do {                                                                                           \
        char text[512];                                                                            \
        add(t, text, (size_t)snprintf(text, sizeof text, __VA_ARGS__));                            \
    } while (0)

static void add_content(struct script *t, unsigned number, size_t from, size_t n, bool response)
{
    t->p = realloc(t->p, t->n + n + 1);
    for (size_t i = 0; i < n; i++)
        t->p[t->n++] = content_byte(number, from + i, response);
}

static void add_chunks(struct script *t, unsigned number, size_t n, bool response)
{
    for (size_t at = 0; at < n;) {
        const size_t part = 1 + below((unsigned)(n - at));
        ADD(t, "%zx%s\r\n", part, once_in(5) ? ";x=\"y\"" : "");
        add_content(t, number, at, part, response);
        ADD(t, "\r\n");
        at += part;
    }
    ADD(t, "0\r\n");
    for (unsigned i = once_in(3) ? below(20) : 0; i; i--)
        ADD(t, "T-%u: %u\r\n", i, number);
    ADD(t, "\r\n");
}

/* Says the next piece; often without a turn of the loop, so that things meet in one turn. */
static void say_some(struct script *t, struct peer *p)
{
    const size_t left = t->n - t->at;
    size_t n = once_in(2) ? left : 1 + below((unsigned)left);
    if (n > 40000)
        n = 40000;
    if (p->link && !p->link->failed && bytes_copy(&p->link->out, slice_of(t->p + t->at, n))) {
        link_send(p->link);
        t->at += n;
    }
    if (t->at == t->n)
        t->at = t->n = 0;
}

/* Ends, closes or resets. */
static void leave(struct peer *p)
{
    if (!p->link)
        return;
    if (once_in(3)) {
        link_end(p->link);
        return;
    }
    if (once_in(2))
        link_reset(p->link);
    else
        link_close(p->link);
    p->link = NULL;
}

static void stall(struct peer *p)
{
    if (!p->link)
        return;
    if (p->stalled)
        peer_reads(p);
    else
        peer_stalls(p);
}

/* -- clients ----------------------------------------------------------------------------------- */

static void add_request(struct caller *c)
{
    static const char *const methods[] = {"GET", "GET", "HEAD", "PUT", "POST", "DELETE"};
    static const char *const paths[] = {"one", "one", "two", "none"};
    struct request *r = &c->requests[c->n++];
    const char *method = methods[below(array_n(methods))];
    const size_t n = method[0] == 'P' ? some_length() : 0;
    const bool chunked = method[0] == 'P' && once_in(2);
    struct script *t = &c->says;
    *r = (struct request){++numbers, method[0] == 'H', !chunked && once_in(10)};
    if (once_in(40)) {
        ADD(t, "GET / HTTP/1.1\r\nHo st: h\r\n\r\n");
        r->head = false;
        c->left = true;
        return;
    }
    if (once_in(12))
        ADD(t, "%s /own HTTP/1.%d\r\nHost: h\r\n", method, !r->old);
    else
        ADD(t, "%s /%s/%u HTTP/1.%d\r\nHost: h\r\n", method, paths[below(array_n(paths))],
            r->number, !r->old);
    if (once_in(10))
        ADD(t, "Connection: close\r\n");
    else if (method[0] == 'G' && once_in(5))
        ADD(t, "Connection: upgrade\r\nUpgrade: tunnel\r\n");
    if (n && once_in(6))
        ADD(t, "Expect: 100-continue\r\n");
    if (chunked) {
        ADD(t, "Transfer-Encoding: chunked\r\n\r\n");
        add_chunks(t, r->number, n, false);
    } else {
        if (n)
            ADD(t, "Content-Length: %zu\r\n", n);
        ADD(t, "\r\n");
        add_content(t, r->number, 0, n, false);
    }
}

static const char *field(const char *head, const char *end, const char *name)
{
    const size_t n = strlen(name);
    for (const char *p = head; p + n < end; p++)
        if (!strncasecmp(p, name, n))
            return p + n;
    return NULL;
}

/* Checks chunked content from p on: what follows it, or NULL when it is incomplete. */
static const char *check_chunks(const char *p, const char *end, unsigned number, bool response,
                                bool own)
{
    for (size_t at = 0;;) {
        char *after;
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl)
            return NULL;
        const size_t n = strtoul(p, &after, 16), left = (size_t)(end - nl - 1);
        cr_assert(after > p);
        p = nl + 1;
        if (n == 0)
            break;
        cr_assert(own || content_ok(p, n < left ? n : left, number, at, response),
                  "content of another message, %u at %zu", number, at);
        if (left < n + 2)
            return NULL;
        at += n;
        p += n + 2;
    }
    for (;;) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl)
            return NULL;
        if (nl == p + 1)
            return nl + 1;
        p = nl + 1;
    }
}

/* One response in what a client heard; what follows it, or NULL when there is no more. */
static const char *check_response(const struct caller *c, const struct request *r, const char *p,
                                  const char *end)
{
    const char *body = p;
    for (;;) {
        const char *head = body;
        body = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
        if (!body)
            return NULL;
        body += 4;
        cr_assert(!strncmp(head, "HTTP/1.1 ", 9), "not a head: %.40s", head);
        p = head;
        if (head[9] != '1' || !strncmp(head + 9, "101", 3))
            break;
    }
    const char *number = field(p, body, "\r\nX-N: "), *length = field(p, body, "ontent-Length: ");
    const bool own = !number;
    const size_t left = (size_t)(end - body);
    cr_assert(own || (unsigned)atoi(number) == r->number, "the response %s went to %u", number,
              r->number);
    whole++;
    if (!strncmp(p + 9, "101", 3)) {
        cr_assert(content_ok(body, left, r->number, 0, true), "another tunnel's bytes");
        return NULL;
    }
    if (r->head && own && field(p, body, "onnection: close"))
        return NULL; /* may have content: the gateway couldn't know that it was a HEAD */
    if (r->head || !strncmp(p + 9, "204", 3) || !strncmp(p + 9, "304", 3))
        return body;
    if (field(p, body, "ransfer-Encoding: chunked")) {
        p = check_chunks(body, end, r->number, true, own);
    } else if (length) {
        const size_t n = strtoul(length, NULL, 10);
        cr_assert(own || content_ok(body, n < left ? n : left, r->number, 0, true));
        p = left < n ? NULL : body + n;
    } else {
        cr_assert(own || content_ok(body, left, r->number, 0, true));
        const size_t said = strtoul(field(p, body, "\r\nX-Length: "), NULL, 10);
        cr_assert(left == said || c->left || c->p->failed, "%u: cut at %zu of %zu, and no reset",
                  r->number, left, said);
        return NULL;
    }
    if (!p) {
        whole--;
        cut++;
        cr_assert(c->left || c->p->failed, "%u: cut without a reset", r->number);
    }
    return p;
}

static void end_caller(struct caller *c)
{
    const char *p = c->p->heard, *end = p + c->p->heard_n;
    unsigned i = 0;
    for (; i < c->n && p && p < end; i++)
        p = check_response(c, &c->requests[i], p, end);
    cr_assert(!p || p == end, "more than was asked for: %.40s", p);
    if (c->p->link)
        link_close(c->p->link);
    c->p->link = NULL;
    free(c->says.p);
    *c = (struct caller){0};
}

static void act_caller(struct caller *c)
{
    if (!c->p) {
        c->p = stack_client(stack);
        return;
    }
    if (peer_closed(c->p) || !c->p->link) {
        end_caller(c);
    } else if (c->says.n && !once_in(10)) {
        say_some(&c->says, c->p);
    } else if (c->n < REQUESTS && !once_in(8)) {
        add_request(c);
    } else if (once_in(3)) {
        stall(c->p);
    } else if (once_in(2)) {
        c->left = true;
        leave(c->p);
    }
}

/* -- origins ----------------------------------------------------------------------------------- */

static void add_response(struct server *o, const char *head, const char *end)
{
    struct script *t = &o->says;
    const size_t n = some_length();
    const bool is_head = !strncmp(head, "HEAD ", 5);
    for (unsigned i = once_in(6) ? 1 + below(3) : 0; i; i--)
        ADD(t, once_in(2) ? "HTTP/1.1 100 Continue\r\n\r\n" : "HTTP/1.1 103 Early Hints\r\n\r\n");
    if (field(head, end, "pgrade: tunnel") && !once_in(3)) {
        ADD(t, "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: tunnel\r\nX-N: %u\r\n\r\n",
            o->number);
        add_content(t, o->number, 0, n, true);
        o->tunnel = o->doubt = true;
        return;
    }
    if (once_in(40)) {
        ADD(t, once_in(2) ? "HTTP/1.1 2oo\r\n\r\n"
                          : "HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nabc");
        o->doubt = true;
        return;
    }
    const bool none = once_in(10), close = once_in(8), old = once_in(20);
    ADD(t, "HTTP/1.%d %d Said\r\nX-N: %u\r\nX-Length: %zu\r\n%s", !old, none ? 304 : 200, o->number,
        n, close ? "Connection: close\r\n" : "");
    o->doubt |= close || old;
    if (none) {
        ADD(t, "\r\n");
    } else if (once_in(3)) {
        ADD(t, "Transfer-Encoding: chunked\r\n\r\n");
        if (!is_head)
            add_chunks(t, o->number, n, true);
    } else if (once_in(5)) {
        ADD(t, "\r\n");
        if (!is_head) {
            o->doubt = o->bare = true;
            add_content(t, o->number, 0, n, true);
            return;
        }
    } else {
        ADD(t, "Content-Length: %zu\r\n\r\n", n);
        if (!is_head)
            add_content(t, o->number, 0, n, true);
    }
    if (once_in(20)) {
        ADD(t, "HTTP/1.1 200 Unasked\r\nX-N: 0\r\nContent-Length: 0\r\n\r\n");
        o->doubt = true;
    }
}

/* Looks at the request that has come, if one has; answers it when it is whole, or sometimes
 * before. */
static void hear(struct server *o)
{
    const char *head = o->p->heard + o->read, *end = o->p->heard + o->p->heard_n;
    const char *body = memmem(head, (size_t)(end - head), "\r\n\r\n", 4);
    if (!body || o->tunnel)
        return;
    cr_assert(!o->doubt || o->early, "a request on a connection in doubt: %.60s", head);
    body += 4;
    const char *slash = strchr(strchr(head, '/') + 1, '/'), *length;
    const unsigned number = (unsigned)atoi(slash + 1);
    const char *after = body;
    if (field(head, body, "ransfer-Encoding: chunked")) {
        after = check_chunks(body, end, number, false, false);
    } else if ((length = field(head, body, "ontent-Length: "))) {
        const size_t n = strtoul(length, NULL, 10), left = (size_t)(end - body);
        cr_assert(content_ok(body, n < left ? n : left, number, 0, false));
        after = left < n ? NULL : body + n;
    }
    const bool answered = o->early;
    if (!after && (answered || !once_in(30)))
        return;
    o->early = !after;
    if (after)
        o->read = (size_t)(after - o->p->heard);
    if (answered)
        return;
    o->number = number;
    add_response(o, head, body);
}

static void act_server(struct server *o)
{
    if (o->gone || !o->p->link)
        return;
    if (o->says.n)
        say_some(&o->says, o->p);
    else if (!o->tunnel)
        hear(o);
    if (once_in(25))
        stall(o->p);
    if (once_in(o->doubt && !o->says.n ? 3 : 60)) {
        if (o->bare && (o->says.n || o->p->link->out.n)) {
            link_reset(o->p->link); /* nobody could tell that something is missing */
            o->p->link = NULL;
        }
        leave(o->p);
        o->gone = true;
    }
}

/* -- the whole --------------------------------------------------------------------------------- */

static void act(void)
{
    while (servers_n < ORIGINS && stack_origin(stack, servers_n)) {
        servers[servers_n] = (struct server){.p = stack_origin(stack, servers_n)};
        servers_n++;
    }
    if (once_in(3))
        act_caller(&callers[below(CLIENTS)]);
    else if (servers_n && once_in(2))
        act_server(
            &servers[servers_n - 1 - below((unsigned)servers_n) % (servers_n < 8 ? servers_n : 8)]);
    else if (once_in(12))
        stack_sleep_ms(stack, once_in(4) ? 450 : 1 + below(60));
    else if (once_in(20))
        stack_refuse_dials(stack, 1, once_in(2) ? ECONNREFUSED : ETIMEDOUT);
    else if (once_in(20))
        stack_hang_dials(stack, once_in(3));
    if (!once_in(3))
        stack_settle(stack);
}

/* All timeouts have passed several times over: whatever waits now waits for ever. */
static void check_end(void)
{
    stack_hang_dials(stack, false);
    stack_sleep_ms(stack, 5000);
    const struct worker *w = stack_worker(stack);
    list_each (node, &w->active) {
        const struct exchange *x = list_entry(node, struct exchange, node);
        fprintf(stderr, "exchange %llu waits in step %s\n", (unsigned long long)x->id,
                step_name(x->step));
    }
    cr_assert(list_empty(&w->active), "an exchange waits for ever");
    cr_assert_eq(w->stats->worker->exchanges_active, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        if (callers[i].p) {
            if (callers[i].p->link)
                peer_reads(callers[i].p);
            end_caller(&callers[i]);
        }
    cr_assert_eq(w->stats->endpoints[0][0].active + w->stats->endpoints[0][1].active +
                     w->stats->endpoints[1][0].active,
                 0);
}

static void live(uint64_t seed)
{
    char *conf;
    state = seed * 0x9e3779b97f4a7c15 + 1;
    memset(servers, 0, sizeof servers);
    servers_n = numbers = 0;
    cr_assert(asprintf(&conf, "%s%s", confs[seed % array_n(confs)], conf_rest) > 0);
    stack = stack_new(conf);
    free(conf);
    const unsigned drain_at = once_in(3) ? below(STEPS) : STEPS;
    for (unsigned i = 0; i < STEPS && servers_n < ORIGINS; i++) {
        if (i == drain_at)
            stack_drain(stack);
        act();
    }
    check_end();
    stack_free(stack);
    for (size_t i = 0; i < servers_n; i++)
        free(servers[i].says.p);
}

/* WEIR_SEED=n tries that one; WEIR_SEEDS=n as many from WEIR_FROM on. */
Test(stack_random, nothing_that_peers_do_mixes_or_loses_anything)
{
    const char *one = getenv("WEIR_SEED"), *many = getenv("WEIR_SEEDS"),
               *from = getenv("WEIR_FROM");
    const uint64_t first = one ? strtoull(one, NULL, 10) : from ? strtoull(from, NULL, 10) : 1;
    const uint64_t n = one ? 1 : many ? strtoull(many, NULL, 10) : SEEDS;
    for (uint64_t seed = first; seed < first + n; seed++) {
        if (one || many)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        live(seed);
    }
    cr_assert(one || (whole > 3 * n && cut > 0), "%u whole, %u cut", whole, cut);
}
