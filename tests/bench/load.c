/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the benchmark: kept-alive connections, on each of which the next request leaves
 * when the answer to the last one is complete. Every answer is checked: 200, and exactly the length
 * that was expected. A request whose answer isn't like that, or that finds its connection closed,
 * is an error; its connection is replaced and the run goes on.
 *
 *     load [-c CONNECTIONS] [-n REQUESTS] [-s SECONDS] [-l LENGTH] [-r PATHS] [-w] [-i] PORT
 *
 * The run ends after so many requests or seconds, whichever comes first.
 *
 * First every connection is opened and serves one request. Then, with -w, "ready" is printed and a
 * line read from stdin, so that somebody can begin to measure. Then the run, and one line with what
 * came of it. With -w another line is awaited before the connections are closed. With -i there is
 * no run: the connections are held until the line comes, and those that are still open counted.
 *
 * -r N asks for /r00000/item to /r<N-1>/item in a fixed, scattered order; else it is /r00000/item
 * always, so that requests have one length. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/net.h"

enum {
    EVENTS = 256,
    HEAD_ROOM = 4096,
    READ_ROOM = 65536,
    OPENING = 64,         /* connections that are opened at the same time */
    SLOWEST_US = 1000000, /* latencies are counted to the microsecond up to this */
    TIMEOUT_MS = 5000,    /* then a request failed */
    SWEEP_MS = 100,       /* how often that is looked for */
    PATH_STEP = 7919,     /* prime: a walk over all paths that no cache foresees */
};

enum failure {
    FAIL_CONNECT,
    FAIL_STATUS,
    FAIL_HEAD,
    FAIL_LENGTH,
    FAIL_CLOSED,
    FAIL_TIMEOUT,
    FAIL_N
};

static const char *const failure_names[FAIL_N] = {"connect", "status", "head",
                                                  "length",  "closed", "timeout"};

struct conn {
    int fd; /* -1: none */
    bool is_busy, is_head_done, is_last;
    uint64_t since_us; /* when the request left */
    size_t body_left;
    size_t head_n;
    char head[HEAD_ROOM];
};

static struct {
    unsigned port, connections, paths;
    uint64_t requests;
    unsigned seconds;
    size_t length;
    bool waits, only_idle;
} options = {.connections = 64, .length = 1024, .paths = 1};

/* One phase: requests still to start, and what became of those that did. */
static struct {
    uint64_t to_start, under_way, done, until_us;
    uint64_t failed[FAIL_N], opened;
} run;

static struct conn *conns;
static unsigned opened_n; /* conns[0 .. opened_n) have been opened once */
static uint32_t latency_n[SLOWEST_US + 1];
static int epoll;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* -- one request ------------------------------------------------------------------------------- */

static void fail(struct conn *c, enum failure f)
{
    run.failed[f]++;
    if (c->is_busy) {
        c->is_busy = false;
        run.under_way--;
        run.done++;
    }
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static bool open_conn(struct conn *c)
{
    c->fd = net_connect(options.port);
    if (c->fd < 0) {
        run.failed[FAIL_CONNECT]++;
        return false;
    }
    run.opened++;
    net_watch(epoll, c->fd, EPOLLIN, c);
    return true;
}

static void start_request(struct conn *c)
{
    static uint64_t sequence;
    char request[256];
    if (run.to_start == 0 || (run.until_us && now_us() >= run.until_us)) {
        run.to_start = 0;
        return;
    }
    if (c->fd < 0 && !open_conn(c))
        return;
    run.to_start--;
    run.under_way++;
    int n = snprintf(request, sizeof request,
                     "GET /r%05u/item HTTP/1.1\r\nHost: bench.example.com\r\n"
                     "User-Agent: load/1.0\r\nAccept: */*\r\n\r\n",
                     (unsigned)(sequence++ * PATH_STEP % options.paths));
    c->is_busy = true;
    c->is_head_done = c->is_last = false;
    c->head_n = 0;
    c->since_us = now_us();
    if (send(c->fd, request, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n)
        fail(c, FAIL_CLOSED);
}

static void finish_request(struct conn *c)
{
    uint64_t us = now_us() - c->since_us;
    latency_n[us < SLOWEST_US ? us : SLOWEST_US]++;
    c->is_busy = false;
    run.under_way--;
    run.done++;
    if (c->is_last) {
        close(c->fd);
        c->fd = -1;
    }
    start_request(c);
}

/* The complete head of an answer, with a NUL behind it. FAIL_N: as it should be. */
static enum failure check_head(struct conn *c)
{
    if (strncmp(c->head, "HTTP/1.1 200 ", 13) != 0)
        return FAIL_STATUS;
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (!length || strtoul(length + 17, NULL, 10) != options.length)
        return FAIL_LENGTH;
    c->is_last = strcasestr(c->head, "\r\nconnection: close\r\n") != NULL;
    c->is_head_done = true;
    c->body_left = options.length;
    return FAIL_N;
}

/* Takes what belongs to the head; how much that was, or -1 when it is wrong. */
static ssize_t take_head(struct conn *c, const char *in, size_t n)
{
    size_t had = c->head_n, room = HEAD_ROOM - 1 - had, take = n < room ? n : room;
    memcpy(c->head + had, in, take);
    c->head_n += take;
    c->head[c->head_n] = '\0';
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (c->head_n < HEAD_ROOM - 1)
            return (ssize_t)take;
        fail(c, FAIL_HEAD);
        return -1;
    }
    end[2] = '\0'; /* the last field keeps its line end */
    enum failure f = check_head(c);
    if (f != FAIL_N) {
        fail(c, f);
        return -1;
    }
    return end + 4 - (c->head + had);
}

static void on_readable(struct conn *c)
{
    static char in[READ_ROOM];
    ssize_t n = recv(c->fd, in, sizeof in, MSG_DONTWAIT), used = 0;
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0 && !c->is_busy) { /* closed while idle: nothing was lost */
        close(c->fd);
        c->fd = -1;
        return;
    }
    if (n <= 0) {
        fail(c, FAIL_CLOSED);
        return;
    }
    if (!c->is_busy) {
        fail(c, FAIL_LENGTH);
        return;
    }
    if (!c->is_head_done && (used = take_head(c, in, (size_t)n)) < 0)
        return;
    size_t rest = (size_t)(n - used);
    if (!c->is_head_done)
        return;
    if (rest > c->body_left) {
        fail(c, FAIL_LENGTH);
        return;
    }
    c->body_left -= rest;
    if (c->body_left == 0)
        finish_request(c);
}

/* -- phases ------------------------------------------------------------------------------------ */

static void sweep(uint64_t now)
{
    for (unsigned i = 0; i < opened_n; i++) {
        if (conns[i].is_busy && now - conns[i].since_us > TIMEOUT_MS * 1000ULL)
            fail(&conns[i], FAIL_TIMEOUT);
        else if (!conns[i].is_busy && run.to_start > 0)
            start_request(&conns[i]);
    }
}

/* Handles events until everything that was to start is done. */
static void turn_until_done(void)
{
    uint64_t swept = now_us();
    while (run.to_start > 0 || run.under_way > 0) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, SWEEP_MS);
        for (int i = 0; i < n; i++)
            on_readable(events[i].data.ptr);
        uint64_t now = now_us();
        if (now - swept > SWEEP_MS * 1000ULL || n == 0) {
            sweep(now);
            swept = now;
        }
    }
}

/* One request on every connection, a few connections at a time. */
static void warm_up(void)
{
    while (opened_n < options.connections) {
        unsigned first = opened_n, n = options.connections - first;
        n = n < OPENING ? n : OPENING;
        opened_n += n;
        run.to_start = n;
        for (unsigned i = first; i < first + n; i++)
            start_request(&conns[i]);
        run.to_start = 0;
        turn_until_done();
    }
}

static uint64_t percentile(double share)
{
    uint64_t all = 0, upto = 0;
    for (unsigned us = 0; us <= SLOWEST_US; us++)
        all += latency_n[us];
    for (unsigned us = 0; us <= SLOWEST_US; us++)
        if ((upto += latency_n[us]) >= (uint64_t)((double)all * share + 0.5) && upto > 0)
            return us;
    return 0;
}

static uint64_t failures(void)
{
    uint64_t n = 0;
    for (int f = 0; f < FAIL_N; f++)
        n += run.failed[f];
    return n;
}

static void print_result(double seconds)
{
    printf("requests=%" PRIu64 " errors=%" PRIu64 " seconds=%.3f rate=%.0f p50_us=%" PRIu64
           " p99_us=%" PRIu64 " opened=%" PRIu64,
           run.done, failures(), seconds, (double)run.done / seconds, percentile(0.5),
           percentile(0.99), run.opened);
    for (int f = 0; f < FAIL_N; f++)
        if (run.failed[f])
            printf(" %s=%" PRIu64, failure_names[f], run.failed[f]);
    putchar('\n');
    fflush(stdout);
}

static void load(void)
{
    memset(&run, 0, sizeof run);
    memset(latency_n, 0, sizeof latency_n);
    uint64_t from = now_us();
    run.to_start = options.requests ? options.requests : UINT64_MAX;
    run.until_us = options.seconds ? from + options.seconds * 1000000ULL : 0;
    for (unsigned i = 0; i < options.connections; i++)
        start_request(&conns[i]);
    turn_until_done();
    print_result((double)(now_us() - from) / 1e6);
}

static void await_line(void)
{
    for (int c; (c = getchar()) != EOF && c != '\n';)
        ;
}

static void hold(void)
{
    unsigned open = 0;
    await_line();
    for (unsigned i = 0; i < options.connections; i++) {
        char byte;
        if (conns[i].fd >= 0 && recv(conns[i].fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0)
            open += errno == EAGAIN;
    }
    printf("open=%u\n", open);
}

static bool read_options(int argc, char **argv)
{
    for (int o; (o = getopt(argc, argv, "c:n:s:l:r:wi")) != -1;) {
        unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 1;
        switch (o) {
        case 'c':
            options.connections = (unsigned)value;
            break;
        case 'n':
            options.requests = value;
            break;
        case 's':
            options.seconds = (unsigned)value;
            break;
        case 'l':
            options.length = value;
            break;
        case 'r':
            options.paths = (unsigned)value;
            break;
        case 'w':
            options.waits = true;
            break;
        case 'i':
            options.only_idle = true;
            break;
        default:
            return false;
        }
    }
    options.port = optind < argc ? (unsigned)strtoul(argv[optind], NULL, 10) : 0;
    return optind + 1 == argc && options.connections && options.paths && options.port &&
           (options.only_idle || options.requests || options.seconds);
}

int main(int argc, char **argv)
{
    if (!read_options(argc, argv)) {
        fprintf(stderr, "usage: load [-c CONNECTIONS] [-n REQUESTS] [-s SECONDS] [-l LENGTH] "
                        "[-r PATHS] [-w] [-i] PORT\n");
        return 2;
    }
    epoll = epoll_create1(EPOLL_CLOEXEC);
    conns = calloc(options.connections, sizeof *conns);
    if (!conns)
        net_die("no memory");
    for (unsigned i = 0; i < options.connections; i++)
        conns[i].fd = -1;
    warm_up();
    if (failures()) {
        fprintf(stderr, "load: %" PRIu64 " of the first %u requests failed\n", failures(),
                options.connections);
        return 1;
    }
    if (options.waits || options.only_idle)
        puts("ready");
    fflush(stdout);
    if (options.only_idle) {
        hold();
        return 0;
    }
    if (options.waits)
        await_line();
    load();
    if (options.waits)
        await_line();
    return failures() > 0;
}
