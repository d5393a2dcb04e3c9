/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares on the loop. It says through a call-back which descriptors it wants to have watched, and
 * when asked how long it may sleep; the rest is its own.
 *
 *     on_sock_state ─► ev_io on each of its sockets ─► ares_process_fd ─► on_answer ─► later queue
 *     ares_timeout  ─► one timer                    ─► ares_process_fd ─► ...
 *
 * c-ares answers from inside the question when it knows at once (a malformed name); the later queue
 * keeps that from whoever asked.
 *
 * /etc/hosts is looked at here and not by c-ares, which would take one family from the file and go
 * on to ask DNS for the other: who writes a name there means that address, and none besides.
 *
 * A watch is kept when its socket closes, and used for another: c-ares closes sockets from inside
 * ares_process_fd, which the watch itself may have called. */

#include "control/dns/dns.h"

#include <ares.h>
#include <netdb.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"

struct watch {
    struct list node;
    struct ev_io io; /* fd -1: unused */
};

/* What c-ares knows of a query, which may end before the answer comes. */
struct dns_question {
    struct dns_query *query; /* NULL: nobody waits any more */
};

struct dns {
    struct loop *loop; /* borrowed */
    ares_channel channel;
    struct timer timeout;
    struct list watches; /* owned */
};

static bool set_servers(struct dns *d, const struct config *c);
static void on_sock_state(void *arg, ares_socket_t fd, int readable, int writable);
static struct watch *watch_of(struct dns *d, int fd);
static void on_io(struct ev_loop *ev, struct ev_io *io, int revents);
static void on_timeout(struct timer *t);
static void process(struct dns *d, ares_socket_t readable, ares_socket_t writable);
static void rearm(struct dns *d);
static bool ask_file(struct dns_query *q, const char *host, int family);
static bool ask_nobody(struct dns_query *q, const char *host, int family);
static struct addr addr_make(int family, const void *bytes, uint16_t port);
static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found);
static void take_answer(struct dns_query *q, const struct ares_addrinfo *found);
static void on_later(struct later *l);

struct dns *dns_start(struct loop *lp, const struct config *c)
{
    static char dns_only[] = "b";
    struct dns *d = calloc(1, sizeof *d);
    must(d);
    d->loop = lp;
    list_init(&d->watches);
    timer_init(&d->timeout, on_timeout);
    struct ares_options o = {
        .timeout = (int)c->resolver.timeout,
        .tries = (int)c->resolver.tries,
        .lookups = dns_only,
        .sock_state_cb = on_sock_state,
        .sock_state_cb_data = d,
    };
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; /* of size 0: an answer isn't asked for again before its time */
#endif
    int err = ares_library_init(ARES_LIB_INIT_ALL);
    if (!err) {
        err = ares_init_options(&d->channel, &o, mask);
        if (!err && set_servers(d, c))
            return d;
        if (!err)
            ares_destroy(d->channel);
        ares_library_cleanup();
    }
    if (err)
        log_error("dns_setup_failed", KV("reason", ares_strerror(err)));
    free(d);
    return NULL;
}

static bool set_servers(struct dns *d, const struct config *c)
{
    if (!c->resolver.servers.n)
        return true;
    struct text list;
    text_init(&list);
    for (size_t i = 0; i < c->resolver.servers.n; i++) {
        struct slice server = c->resolver.servers.v[i];
        struct addr a;
        char printed[ADDR_TEXT_MAX];
        if (!addr_from_ip(server, 53, &a) && !addr_parse(server, &a))
            continue;
        addr_print(&a, printed);
        text_printf(&list, "%s%s", list.n ? "," : "", printed);
    }
    text_char(&list, '\0');
    int err = ares_set_servers_ports_csv(d->channel, list.p);
    if (err)
        log_error("dns_setup_failed", KV("servers", list.p), KV("reason", ares_strerror(err)));
    text_fini(&list);
    return !err;
}

void dns_stop(struct dns *d)
{
    if (!d)
        return;
    ares_destroy(d->channel); /* answers all questions; fini takes them out of the later queue */
    ares_library_cleanup();
    timer_stop(&d->timeout);
    for (struct list *node; (node = list_take(&d->watches));) {
        struct watch *w = list_entry(node, struct watch, node);
        ev_io_stop(d->loop->ev, &w->io);
        free(w);
    }
    free(d);
}

/* -- descriptors and time ------------------------------------------------------------------- */

static void on_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct dns *d = arg;
    struct watch *w = watch_of(d, fd);
    ev_io_stop(d->loop->ev, &w->io);
    if (!readable && !writable) {
        w->io.fd = -1;
        return;
    }
    ev_io_set(&w->io, fd, (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0));
    ev_io_start(d->loop->ev, &w->io);
}

/* The watch of this socket, or one for it. */
static struct watch *watch_of(struct dns *d, int fd)
{
    struct watch *unused = NULL;
    list_each (node, &d->watches) {
        struct watch *w = list_entry(node, struct watch, node);
        if (w->io.fd == fd)
            return w;
        if (w->io.fd < 0)
            unused = w;
    }
    if (unused)
        return unused;
    struct watch *w = calloc(1, sizeof *w);
    must(w);
    ev_io_init(&w->io, on_io, -1, 0);
    w->io.data = d;
    list_push(&d->watches, &w->node);
    return w;
}

static void on_io(struct ev_loop *ev, struct ev_io *io, int revents)
{
    (void)ev;
    process(io->data, revents & EV_READ ? io->fd : ARES_SOCKET_BAD,
            revents & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
}

static void on_timeout(struct timer *t)
{
    process(container_of(t, struct dns, timeout), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void process(struct dns *d, ares_socket_t readable, ares_socket_t writable)
{
    ares_process_fd(d->channel, readable, writable);
    rearm(d);
}

static void rearm(struct dns *d)
{
    struct timeval tv;
    if (!ares_timeout(d->channel, NULL, &tv)) {
        timer_stop(&d->timeout);
        return;
    }
    timer_start(d->loop, &d->timeout, (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1);
}

/* -- questions and answers ------------------------------------------------------------------ */

void dns_query_init(struct dns_query *q, void (*fn)(struct dns_query *q))
{
    *q = (struct dns_query){.fn = fn};
    later_init(&q->later, on_later);
}

void dns_query_fini(struct dns_query *q)
{
    if (q->question)
        q->question->query = NULL;
    q->question = NULL;
    later_cancel(&q->later);
    free(q->addrs);
    q->addrs = NULL;
    q->n = 0;
}

void dns_ask(struct dns *d, struct dns_query *q, const char *host, uint16_t port, int family)
{
    dns_query_fini(q);
    q->dns = d;
    q->port = port;
    q->outcome = DNS_FAILED;
    q->reason = NULL;
    q->ttl_ms = 0;
    if (ask_file(q, host, family) || ask_nobody(q, host, family)) {
        loop_later(d->loop, &q->later);
        return;
    }
    const struct ares_addrinfo_hints hints = {
        .ai_family = family,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = ARES_AI_NOSORT, /* sorting opens a socket per address */
    };
    struct dns_question *question = calloc(1, sizeof *question);
    must(question);
    question->query = q;
    q->question = question;
    ares_getaddrinfo(d->channel, host, NULL, &hints, on_answer, question);
    rearm(d);
}

/* Is the name in /etc/hosts? Then that is the answer, even if it has no address of this family. */
static bool ask_file(struct dns_query *q, const char *host, int family)
{
    struct dns *d = q->dns;
    struct hostent *found = NULL;
    if (ares_gethostbyname_file(d->channel, host, family, &found) != ARES_SUCCESS) {
        int other = family == AF_INET ? AF_INET6 : AF_INET;
        if (ares_gethostbyname_file(d->channel, host, other, &found) != ARES_SUCCESS)
            return false;
        ares_free_hostent(found);
        q->outcome = DNS_NONE;
        q->reason = ares_strerror(ARES_ENODATA);
        return true;
    }
    size_t n = 0;
    while (found->h_addr_list[n])
        n++;
    q->addrs = calloc(n + 1, sizeof *q->addrs);
    must(q->addrs);
    for (q->n = 0; q->n < n; q->n++)
        q->addrs[q->n] = addr_make(family, found->h_addr_list[q->n], q->port);
    ares_free_hostent(found);
    q->outcome = n ? DNS_FOUND : DNS_NONE;
    return true;
}

static bool is_localhost(struct slice name)
{
    const struct slice last = SLICE("localhost");
    if (name.n && name.p[name.n - 1] == '.')
        name.n--;
    if (name.n > last.n && name.p[name.n - last.n - 1] == '.')
        name = slice_from(name, name.n - last.n);
    return slice_ieq(name, last);
}

/* localhost, and names below it, are the loopback whatever a DNS server says (RFC 6761, 6.3). A
 * hosts file may say something else, but small containers have none. */
static bool ask_nobody(struct dns_query *q, const char *host, int family)
{
    if (!is_localhost(slice_str(host)))
        return false;
    q->addrs = calloc(1, sizeof *q->addrs);
    must(q->addrs);
    must(addr_from_ip(family == AF_INET ? SLICE("127.0.0.1") : SLICE("::1"), q->port, q->addrs));
    q->n = 1;
    q->outcome = DNS_FOUND;
    return true;
}

/* `bytes` is a struct in_addr or a struct in6_addr. */
static struct addr addr_make(int family, const void *bytes, uint16_t port)
{
    struct addr a = {.len = sizeof a.in4};
    if (family == AF_INET) {
        a.in4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
        memcpy(&a.in4.sin_addr, bytes, sizeof a.in4.sin_addr);
        return a;
    }
    a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
    memcpy(&a.in6.sin6_addr, bytes, sizeof a.in6.sin6_addr);
    a.len = sizeof a.in6;
    return a;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct dns_question *question = arg;
    struct dns_query *q = question->query;
    if (q && status == ARES_SUCCESS)
        take_answer(q, found);
    if (found)
        ares_freeaddrinfo(found);
    free(question);
    if (!q)
        return;
    q->question = NULL;
    if (status == ARES_SUCCESS)
        q->outcome = q->n ? DNS_FOUND : DNS_NONE;
    else if (status == ARES_ENODATA || status == ARES_ENOTFOUND)
        q->outcome = DNS_NONE;
    q->reason = ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
    loop_later(q->dns->loop, &q->later);
}

static void ttl_lower(uint64_t *ttl_ms, int ttl_s)
{
    uint64_t ms = ttl_s > 0 ? (uint64_t)ttl_s * 1000 : 0;
    if (ms < *ttl_ms)
        *ttl_ms = ms;
}

static const void *address_bytes(const struct ares_addrinfo_node *node)
{
    if (node->ai_family == AF_INET)
        return &((const struct sockaddr_in *)node->ai_addr)->sin_addr;
    if (node->ai_family == AF_INET6)
        return &((const struct sockaddr_in6 *)node->ai_addr)->sin6_addr;
    return NULL;
}

static void take_answer(struct dns_query *q, const struct ares_addrinfo *found)
{
    size_t n = 0;
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next)
        n++;
    q->addrs = calloc(n ? n : 1, sizeof *q->addrs);
    must(q->addrs);
    q->ttl_ms = UINT64_MAX;
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next) {
        const void *bytes = address_bytes(node);
        if (!bytes)
            continue;
        q->addrs[q->n++] = addr_make(node->ai_family, bytes, q->port);
        ttl_lower(&q->ttl_ms, node->ai_ttl);
    }
    for (const struct ares_addrinfo_cname *cname = found->cnames; cname; cname = cname->next)
        ttl_lower(&q->ttl_ms, cname->ttl);
}

static void on_later(struct later *l)
{
    struct dns_query *q = container_of(l, struct dns_query, later);
    q->fn(q);
}
