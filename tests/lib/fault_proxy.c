/* SPDX-License-Identifier: Apache-2.0 */
/* One thread per proxy, around poll(). Bytes wait in pieces that know when they may go on, which is
 * the delay and, for a side that takes nothing, the queue. The test's calls change the proxy under
 * its lock, wake the thread, and wait until it has been around once. */
#include "tests/lib/fault_proxy.h"

#include "base/addr.h"
#include "base/random.h"
#include "io/sock.h"
#include "tests/lib/wait.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROXIES = 8, PAIRS = 128, PIECE = 16 * 1024, QUEUE_MAX = 64 };

struct piece {
    struct piece *next;
    uint64_t due_ms;
    size_t at, n;
    char bytes[];
};

/* From fd to the other half's fd. */
struct half {
    int fd;
    bool eof;
    struct piece *first, **last;
    unsigned n;
};

struct pair {
    bool used, lost, torn; /* lost: it has been half-open */
    struct half client, server;
};

static struct fault_proxy {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t around;
    uint64_t rounds;
    int listener, wake[2];
    char address[32];
    struct addr to;
    enum proxy_fault fault;
    unsigned delay_ms, taken;
    struct random random;
    const char *garbage;
    size_t garbage_n;
    bool cut, stop;
    struct pair pairs[PAIRS];
} proxies[PROXIES];
static size_t proxies_n;

/* -- pairs ------------------------------------------------------------------------------------- */

static void half_start(struct half *h, int fd)
{
    *h = (struct half){.fd = fd, .last = &h->first};
}

static void half_end(struct half *h, bool reset)
{
    if (reset)
        sock_linger_zero(h->fd);
    close(h->fd);
    for (struct piece *p; (p = h->first); free(p))
        h->first = p->next;
}

static void pair_end(struct pair *p, bool reset)
{
    half_end(&p->client, reset);
    half_end(&p->server, reset);
    p->used = false;
}

static void piece_add(struct half *h, const char *bytes, size_t n, uint64_t due_ms)
{
    struct piece *p = malloc(sizeof *p + n);
    cr_assert(p);
    *p = (struct piece){.due_ms = due_ms, .n = n};
    memcpy(p->bytes, bytes, n);
    *h->last = p;
    h->last = &p->next;
    h->n++;
}

static void take_client(struct fault_proxy *p)
{
    struct pair *pair = p->pairs;
    struct addr peer;
    bool pending;
    const int client = sock_accept(p->listener, &peer);
    if (client < 0)
        return;
    p->taken++;
    while (pair < p->pairs + PAIRS && pair->used)
        pair++;
    const int server = p->fault != FAULT_REFUSE && pair < p->pairs + PAIRS
                           ? sock_connect(&p->to, NULL, &pending)
                           : -1;
    if (server < 0) {
        sock_linger_zero(client);
        close(client);
        return;
    }
    *pair = (struct pair){.used = true};
    half_start(&pair->client, client);
    half_start(&pair->server, server);
}

/* -- bytes ------------------------------------------------------------------------------------- */

static void tear(struct pair *pair, const char *bytes, size_t n)
{
    if (!pair->torn)
        piece_add(&pair->server, bytes, n / 2, 0);
    pair->torn = true;
}

/* Letters become letters, and digits digits: most of it can still be read, and means something
 * else.
 */
static void lie(struct fault_proxy *p, char *bytes, size_t n)
{
    enum { ONE_OF = 150 };
    for (size_t i = 0; i < n; i++) {
        if (random_below(&p->random, ONE_OF))
            continue;
        if (isdigit((unsigned char)bytes[i]))
            bytes[i] = (char)('0' + random_below(&p->random, 10));
        else if (isalpha((unsigned char)bytes[i]))
            bytes[i] = (char)('a' + random_below(&p->random, 26));
    }
}

/* What one side has said. False: that is the end of the pair. */
static bool half_read(struct fault_proxy *p, struct pair *pair, struct half *from)
{
    char bytes[PIECE];
    const bool client = from == &pair->client;
    const ssize_t n = read(from->fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EAGAIN || pair->lost;
    if (n == 0)
        from->eof = true;
    else if (pair->lost)
        return true;
    else if (p->fault == FAULT_GARBAGE && client)
        piece_add(&pair->server, p->garbage, p->garbage_n, 0);
    else if (p->fault == FAULT_TEAR && !client)
        tear(pair, bytes, (size_t)n);
    else if (p->fault != FAULT_GARBAGE) {
        if (p->fault == FAULT_LIE && !client)
            lie(p, bytes, (size_t)n);
        piece_add(from, bytes, (size_t)n, now_ms() + (client ? 0 : p->delay_ms));
    }
    return true;
}

static bool half_write(struct half *from, int to)
{
    while (from->first && from->first->due_ms <= now_ms()) {
        struct piece *p = from->first;
        const ssize_t n = send(to, p->bytes + p->at, p->n - p->at, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN;
        p->at += (size_t)n;
        if (p->at < p->n)
            return true;
        from->first = p->next;
        if (!from->first)
            from->last = &from->first;
        from->n--;
        free(p);
    }
    return true;
}

static bool is_held(const struct fault_proxy *p, const struct pair *pair)
{
    return p->fault == FAULT_HANG && !pair->lost;
}

/* False: it has ended. An end comes after what was said before it. */
static bool pair_run(struct fault_proxy *p, struct pair *pair, const struct pollfd fds[2])
{
    pair->lost = pair->lost || p->fault == FAULT_HALF_OPEN;
    if (is_held(p, pair))
        return true;
    if (fds[0].revents & ~POLLOUT && !half_read(p, pair, &pair->client))
        return false;
    if (fds[1].revents & ~POLLOUT && !half_read(p, pair, &pair->server))
        return false;
    if (pair->lost)
        return !pair->client.eof;
    if (!half_write(&pair->client, pair->server.fd) || !half_write(&pair->server, pair->client.fd))
        return false;
    if (pair->torn)
        return pair->server.first;
    return (!pair->client.eof || pair->client.first) && (!pair->server.eof || pair->server.first);
}

/* What to wait for, and until when. */
static void pair_watch(const struct fault_proxy *p, const struct pair *pair, struct pollfd fds[2],
                       uint64_t *due_ms)
{
    const struct half *halves[] = {&pair->client, &pair->server};
    fds[0] = (struct pollfd){.fd = pair->used ? pair->client.fd : -1};
    fds[1] = (struct pollfd){.fd = pair->used ? pair->server.fd : -1};
    for (size_t i = 0; pair->used && i < 2; i++) {
        const struct half *h = halves[i];
        if (is_held(p, pair) || h->eof)
            fds[i].fd = -1;
        if (h->n < QUEUE_MAX)
            fds[i].events |= POLLIN;
        if (h->first && h->first->due_ms <= now_ms())
            fds[!i].events |= POLLOUT;
        else if (h->first && h->first->due_ms < *due_ms)
            *due_ms = h->first->due_ms;
    }
}

/* -- the thread -------------------------------------------------------------------------------- */

static void run_pairs(struct fault_proxy *p, const struct pollfd *fds)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct pair *pair = &p->pairs[i];
        if (pair->used && (p->cut || !pair_run(p, pair, fds + 2 * i)))
            pair_end(pair, p->cut || pair->torn);
    }
    p->cut = false;
}

static void around(struct fault_proxy *p, struct pollfd *fds)
{
    char woken[64];
    uint64_t due_ms = UINT64_MAX;
    for (size_t i = 0; i < PAIRS; i++)
        pair_watch(p, &p->pairs[i], fds + 2 * i, &due_ms);
    fds[2 * PAIRS] = (struct pollfd){.fd = p->wake[0], .events = POLLIN};
    fds[2 * PAIRS + 1] = (struct pollfd){.fd = p->listener, .events = POLLIN};
    const uint64_t now = now_ms();
    const int wait = due_ms == UINT64_MAX ? -1 : due_ms > now ? (int)(due_ms - now) : 0;
    pthread_mutex_unlock(&p->lock);
    poll(fds, 2 * PAIRS + 2, wait);
    pthread_mutex_lock(&p->lock);
    if (fds[2 * PAIRS].revents)
        (void)!read(p->wake[0], woken, sizeof woken);
    run_pairs(p, fds);
    if (fds[2 * PAIRS + 1].revents)
        take_client(p);
    p->rounds++;
    pthread_cond_broadcast(&p->around);
}

static void *run(void *arg)
{
    struct fault_proxy *p = arg;
    struct pollfd fds[2 * PAIRS + 2];
    pthread_mutex_lock(&p->lock);
    while (!p->stop)
        around(p, fds);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct fault_proxy *fault_proxy_start(const char *to)
{
    struct addr local;
    cr_assert(proxies_n < PROXIES);
    struct fault_proxy *p = &proxies[proxies_n++];
    *p = (struct fault_proxy){.garbage = "HTTP/1.1 400 Bad Request\r\n\r\n"};
    p->garbage_n = strlen(p->garbage);
    cr_assert(addr_parse(slice_str(to), &p->to) && addr_parse(SLICE("127.0.0.1:0"), &local));
    p->listener = sock_listen(&local, &(struct sock_listen_opts){.backlog = 64});
    cr_assert(p->listener >= 0 && sock_local(p->listener, &local) && !pipe2(p->wake, O_CLOEXEC));
    snprintf(p->address, sizeof p->address, "127.0.0.1:%u", addr_port(&local));
    random_seed(&p->random, proxies_n);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->around, NULL);
    cr_assert(pthread_create(&p->thread, NULL, run, p) == 0);
    return p;
}

/* -- the test's side --------------------------------------------------------------------------- */

const char *fault_proxy_address(const struct fault_proxy *p)
{
    return p->address;
}

uint16_t fault_proxy_port(const struct fault_proxy *p)
{
    return (uint16_t)atoi(strchr(p->address, ':') + 1);
}

static void change(struct fault_proxy *p)
{
    pthread_mutex_lock(&p->lock);
}

/* The round that is under way may have begun before the change: two of them. */
static void in_force(struct fault_proxy *p)
{
    for (uint64_t end = p->rounds + 2; p->rounds < end;) {
        (void)!write(p->wake[1], "", 1);
        pthread_cond_wait(&p->around, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
}

void fault_proxy_set(struct fault_proxy *p, enum proxy_fault fault)
{
    change(p);
    p->fault = fault;
    in_force(p);
}

void fault_proxy_delay(struct fault_proxy *p, unsigned ms)
{
    change(p);
    p->delay_ms = ms;
    in_force(p);
}

void fault_proxy_garbage(struct fault_proxy *p, const char *bytes, size_t n)
{
    change(p);
    p->garbage = bytes;
    p->garbage_n = n;
    in_force(p);
}

void fault_proxy_cut(struct fault_proxy *p)
{
    change(p);
    p->cut = true;
    in_force(p);
}

void fault_proxy_to(struct fault_proxy *p, const char *to)
{
    change(p);
    cr_assert(addr_parse(slice_str(to), &p->to));
    in_force(p);
}

unsigned fault_proxy_open(struct fault_proxy *p)
{
    unsigned n = 0;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < PAIRS; i++)
        n += p->pairs[i].used;
    pthread_mutex_unlock(&p->lock);
    return n;
}

unsigned fault_proxy_taken(struct fault_proxy *p)
{
    pthread_mutex_lock(&p->lock);
    const unsigned n = p->taken;
    pthread_mutex_unlock(&p->lock);
    return n;
}

static void end(struct fault_proxy *p)
{
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    (void)!write(p->wake[1], "", 1);
    pthread_mutex_unlock(&p->lock);
    pthread_join(p->thread, NULL);
    for (size_t i = 0; i < PAIRS; i++)
        if (p->pairs[i].used)
            pair_end(&p->pairs[i], true);
    close(p->listener);
    close(p->wake[0]);
    close(p->wake[1]);
}

void fault_proxies_end(void)
{
    for (; proxies_n > 0; proxies_n--)
        end(&proxies[proxies_n - 1]);
}
