/* SPDX-License-Identifier: Apache-2.0 */
/* The client of the recovery section: RATE requests a second, whatever becomes of those before, one
 * half in HTTP/1.1 and one half in HTTP/2, while a backend goes through phases.
 *
 *     recovery_load RATE HTTP1_PORT HTTP2_PORT RECORDS NAME:MODE:SECONDS...
 *
 * As a phase begins "1 MODE" is printed, for recovery_origin. In the end the file RECORDS has a
 * line for each request: "PHASE SECOND PROTOCOL MICROSECONDS ok" (or "failed"), the second being
 * that of the run in which it was to leave. What isn't a complete 200 within TIMEOUT_S has failed.
 * Latency counts from when the request was to leave, so that a client that is held up hides
 * nothing. */
#include "tests/bench/recovery_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "tests/bench/net.h"

enum { EVENTS = 256, PHASES = 16, TIMEOUT_S = 5, SECOND_US = 1000000 };

struct phase {
    char name[32], mode[16];
    unsigned seconds;
};

static struct phase phases[PHASES];
static unsigned phases_n, rate, port[2];
static struct ask *asks;
static size_t asks_n, sent, oldest; /* all before `oldest` are over */
static int epoll;

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * SECOND_US + (uint64_t)t.tv_nsec / 1000;
}

static bool is_h2(const struct ask *a)
{
    return (a - asks) % 2;
}

void ask_end(struct ask *a, bool well)
{
    if (a->over_us)
        return;
    a->over_us = now_us();
    a->failed = !well;
}

void asks_lost(const struct watched *by)
{
    for (size_t i = oldest; i < sent; i++)
        if (asks[i].by == by) {
            ask_end(&asks[i], false);
            asks[i].by = NULL;
        }
}

void watch(int fd, struct watched *w)
{
    net_watch(epoll, fd, EPOLLIN, w);
}

/* -- the run ----------------------------------------------------------------------------------- */

static void send_due(uint64_t now)
{
    for (; sent < asks_n && asks[sent].due_us <= now;) {
        struct ask *a = &asks[sent++];
        (is_h2(a) ? h2_send : h1_send)(port[is_h2(a)], a);
    }
}

static void give_up_late(uint64_t now)
{
    for (; oldest < sent; oldest++) {
        struct ask *a = &asks[oldest];
        if (!a->over_us && now < a->due_us + (uint64_t)TIMEOUT_S * SECOND_US)
            return;
        if (a->over_us)
            continue;
        ask_end(a, false);
        (is_h2(a) ? h2_give_up : h1_give_up)(a);
    }
}

static void turn(void)
{
    struct epoll_event events[EVENTS];
    const int n = epoll_wait(epoll, events, EVENTS, 1);
    for (int i = 0; i < n; i++) {
        struct watched *w = events[i].data.ptr;
        w->on_readable(w);
    }
    const uint64_t now = now_us();
    send_due(now);
    give_up_late(now);
}

static void run(void)
{
    size_t ends = 0;
    for (unsigned i = 0; i < phases_n; i++) {
        ends += (size_t)phases[i].seconds * rate;
        printf("1 %s\n", phases[i].mode);
        fflush(stdout);
        while (sent < ends)
            turn();
    }
    while (oldest < asks_n)
        turn();
}

static void plan(void)
{
    for (unsigned i = 0; i < phases_n; i++)
        asks_n += (size_t)phases[i].seconds * rate;
    asks = calloc(asks_n, sizeof *asks);
    if (!asks)
        net_die("no memory");
    const uint64_t begin = now_us();
    for (size_t i = 0; i < asks_n; i++)
        asks[i].due_us = begin + i * SECOND_US / rate;
}

static void write_records(const char *path)
{
    FILE *f = fopen(path, "w");
    const struct ask *a = asks;
    if (!f)
        net_die(path);
    for (unsigned p = 0; p < phases_n; p++)
        for (size_t left = (size_t)phases[p].seconds * rate; left > 0; left--, a++)
            fprintf(f, "%s %zu %s %llu %s\n", phases[p].name, (size_t)(a - asks) / rate,
                    is_h2(a) ? "h2" : "h1", (unsigned long long)(a->over_us - a->due_us),
                    a->failed ? "failed" : "ok");
    if (fclose(f) != 0)
        net_die(path);
}

int main(int argc, char **argv)
{
    rate = argc > 5 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    phases_n = argc > 5 ? (unsigned)argc - 5 : 0;
    if (rate == 0 || phases_n > PHASES)
        goto usage;
    for (unsigned i = 0; i < 2; i++)
        port[i] = (unsigned)strtoul(argv[2 + i], NULL, 10);
    for (unsigned i = 0; i < phases_n; i++)
        if (sscanf(argv[5 + i], "%31[^:]:%15[^:]:%u", phases[i].name, phases[i].mode,
                   &phases[i].seconds) != 3)
            goto usage;
    epoll = epoll_create1(EPOLL_CLOEXEC);
    plan();
    run();
    write_records(argv[4]);
    return 0;
usage:
    fputs("usage: recovery_load RATE HTTP1_PORT HTTP2_PORT RECORDS NAME:MODE:SECONDS...\n", stderr);
    return 2;
}
