/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_DNS_SERVER_H
#define WEIR_TESTS_UNIT_DNS_SERVER_H

/* A scripted DNS server in a thread of the test: UDP and TCP on one loopback port of the kernel's
 * choice. Tests give it records and change them under way; it counts what it is asked.
 *
 *     server_start();  ... server.port ...
 *     SERVE(.name = "a.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
 *     server_stop();
 */

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/slice.h"

enum { A = 1, CNAME = 5, AAAA = 28 };
enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3 };
enum { RECORDS = 16, PER_RECORD = 32 };

struct record {
    const char *name;
    int type;
    uint32_t ttl;
    const char *addrs[PER_RECORD]; /* up to the first NULL */
    int rcode;
    bool silent;       /* no answer at all */
    bool truncated;    /* over UDP nothing but a hint to ask over TCP */
    const char *cname; /* "x.y": one more record before the addresses */
    uint32_t cname_ttl;
};

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int udp, tcp, stop[2];
    uint16_t port;
    struct record records[RECORDS];
    size_t n;
    unsigned asked[2], over_tcp; /* A, AAAA */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* A name without a record does not exist; a name with a record of the other type has no data. */
static void serve(struct record r)
{
    pthread_mutex_lock(&server.lock);
    size_t i = 0;
    while (i < server.n &&
           (strcmp(server.records[i].name, r.name) || server.records[i].type != r.type))
        i++;
    cr_assert_lt(i, RECORDS);
    server.records[i] = r;
    server.n += i == server.n;
    pthread_mutex_unlock(&server.lock);
}
#define SERVE(...) serve((struct record){__VA_ARGS__})

static unsigned asked(int type)
{
    pthread_mutex_lock(&server.lock);
    unsigned n = server.asked[type == AAAA];
    pthread_mutex_unlock(&server.lock);
    return n;
}

static size_t put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
    return 2;
}

static size_t put_labels(uint8_t *p, const char *name)
{
    size_t n = 0;
    for (struct slice rest = slice_str(name); rest.p;) {
        struct slice label = slice_cut(&rest, '.');
        p[n++] = (uint8_t)label.n;
        memcpy(p + n, label.p, label.n);
        n += label.n;
    }
    p[n++] = 0;
    return n;
}

static size_t put_record(uint8_t *p, size_t name_at, int type, uint32_t ttl)
{
    size_t n = put16(p, 0xc000 | (unsigned)name_at);
    n += put16(p + n, (unsigned)type);
    n += put16(p + n, 1);
    n += put16(p + n, ttl >> 16);
    return n + put16(p + n, ttl & 0xffff);
}

static size_t put_address(uint8_t *p, const char *text, int type)
{
    size_t n = type == A ? 4 : 16;
    put16(p, (unsigned)n);
    inet_pton(type == A ? AF_INET : AF_INET6, text, p + 2);
    return n + 2;
}

/* The question's name as text, and its end. */
static size_t get_question(const uint8_t *q, size_t n, char *name, int *type)
{
    size_t at = 12, len = 0;
    while (at < n && q[at]) {
        if (len)
            name[len++] = '.';
        memcpy(name + len, q + at + 1, q[at]);
        len += q[at];
        at += q[at] + 1u;
    }
    name[len] = '\0';
    *type = q[at + 1] << 8 | q[at + 2];
    return at + 5;
}

static const struct record *find_record(const char *name, int type, int *rcode)
{
    *rcode = NXDOMAIN;
    for (size_t i = 0; i < server.n; i++) {
        const struct record *r = &server.records[i];
        if (strcasecmp(r->name, name))
            continue;
        if (r->type == type) {
            *rcode = r->rcode;
            return r;
        }
        *rcode = NOERROR;
    }
    return NULL;
}

/* Fills `out` with the answer; 0 for none. */
static size_t answer(const uint8_t *q, size_t q_n, uint8_t *out, bool tcp)
{
    char name[256];
    int type, rcode;
    size_t n = get_question(q, q_n, name, &type);
    server.asked[type == AAAA]++;
    server.over_tcp += tcp;
    const struct record *r = find_record(name, type, &rcode);
    if (r && r->silent)
        return 0;
    bool cut = r && r->truncated && !tcp;
    memset(out, 0, 12);
    memcpy(out, q, 2);
    memcpy(out + 12, q + 12, n - 12);
    out[2] = 0x81 | (cut ? 2 : 0);
    out[3] = (uint8_t)(0x80 | rcode);
    out[5] = 1;
    size_t owner = 12;
    unsigned answers = 0;
    if (r && r->cname) {
        n += put_record(out + n, owner, CNAME, r->cname_ttl);
        owner = n + 2;
        size_t len = put_labels(out + n + 2, r->cname);
        n += put16(out + n, (unsigned)len) + len;
        answers++;
    }
    for (size_t i = 0; r && !cut && i < PER_RECORD && r->addrs[i]; i++) {
        n += put_record(out + n, owner, type, r->ttl);
        n += put_address(out + n, r->addrs[i], type);
        answers++;
    }
    put16(out + 6, answers);
    return n;
}

static void serve_udp(void)
{
    uint8_t q[1500], out[4096];
    struct sockaddr_in from;
    socklen_t from_n = sizeof from;
    ssize_t n = recvfrom(server.udp, q, sizeof q, 0, (struct sockaddr *)&from, &from_n);
    if (n < 17)
        return;
    size_t len = answer(q, (size_t)n, out, false);
    if (len)
        sendto(server.udp, out, len, 0, (struct sockaddr *)&from, from_n);
}

static void serve_tcp(void)
{
    uint8_t q[1500], out[4096];
    int fd = accept(server.tcp, NULL, NULL);
    ssize_t n = recv(fd, q, 2, MSG_WAITALL);
    size_t want = (size_t)(q[0] << 8 | q[1]);
    if (n == 2 && want < sizeof q && recv(fd, q, want, MSG_WAITALL) == (ssize_t)want) {
        size_t len = answer(q, want, out + 2, true);
        put16(out, (unsigned)len);
        if (write(fd, out, len + 2) < 0)
            server.over_tcp = 0; /* whoever asserts that it was asked notices */
    }
    close(fd);
}

static void *server_run(void *arg)
{
    (void)arg;
    struct pollfd fds[] = {{.fd = server.stop[0], .events = POLLIN},
                           {.fd = server.udp, .events = POLLIN},
                           {.fd = server.tcp, .events = POLLIN}};
    for (;;) {
        poll(fds, 3, -1);
        if (fds[0].revents)
            return NULL;
        pthread_mutex_lock(&server.lock);
        if (fds[1].revents)
            serve_udp();
        if (fds[2].revents)
            serve_tcp();
        pthread_mutex_unlock(&server.lock);
    }
}

/* Both sockets on one port; the kernel chooses it for one of them and it may be taken for the
 * other. */
static bool server_bind(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    server.tcp = socket(AF_INET, SOCK_STREAM, 0);
    server.udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(server.tcp, (struct sockaddr *)&a, n) == 0 && listen(server.tcp, 8) == 0 &&
        getsockname(server.tcp, (struct sockaddr *)&a, &n) == 0 &&
        bind(server.udp, (struct sockaddr *)&a, n) == 0) {
        server.port = ntohs(a.sin_port);
        return true;
    }
    close(server.tcp);
    close(server.udp);
    return false;
}

static void server_start(void)
{
    for (int tries = 20; !server_bind(); tries--)
        cr_assert(tries);
    cr_assert_eq(pipe(server.stop), 0);
    cr_assert_eq(pthread_create(&server.thread, NULL, server_run, NULL), 0);
}

static void server_stop(void)
{
    if (!server.port)
        return;
    cr_assert_eq(write(server.stop[1], "x", 1), 1);
    pthread_join(server.thread, NULL);
    close(server.udp);
    close(server.tcp);
    server.port = 0;
}

#endif
