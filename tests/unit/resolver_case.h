/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_RESOLVER_CASE_H
#define WEIR_TESTS_UNIT_RESOLVER_CASE_H

/* The resolver and c-ares on the loop, against a DNS server in a thread of the test. */

#include "control/dns/resolver.h"

#include <ares.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/log.h"
#include "config/config.h"
#include "dns_server.h"

/* -- a generation made by hand, and a loop --------------------------------------------------- */

enum { ENDPOINTS = 128, WAIT_MS = 5000 /* what takes as long has failed */ };

static struct shm *shm;
static struct faults faults;
static struct loop lp;
static struct config conf;
static struct cluster_conf cluster;
static struct endpoint_conf endpoints[ENDPOINTS];
static char names[ENDPOINTS][32];
static struct cluster_table *table;
static struct generation g;
static struct resolver *resolver;
static struct slice server_text;
static struct {
    unsigned changed, failed, recovered, dropped;
} logged;

static inline void on_log(enum log_level level, struct slice line)
{
    (void)level;
    char text[1024];
    snprintf(text, sizeof text, "%.*s", SLICE_ARG(line));
    logged.changed += strstr(text, "dns_changed") != NULL;
    logged.failed += strstr(text, "dns_failed") != NULL;
    logged.recovered += strstr(text, "dns_recovered") != NULL;
    logged.dropped += strstr(text, "dns_addresses_dropped") != NULL;
}

/* Answers are asked for again after 20 ms at the earliest, failures after 30 ms. */
static inline void setup(void)
{
    static char text[64];
    server_start();
    log_set_sink(on_log);
    log_set_burst(0);
    shm = shm_create(8 << 20);
    shm_generation(shm, 1);
    faults_init(&faults);
    loop_init(&lp, 0);
    snprintf(text, sizeof text, "127.0.0.1:%u", server.port);
    server_text = slice_str(text);
    conf = (struct config){
        .resolver = {.servers = {&server_text, 1}, .timeout = 1500, .tries = 1},
        .clusters = &cluster,
        .clusters_n = 1,
    };
    cluster = (struct cluster_conf){
        .place.name = SLICE_INIT("web"),
        .endpoints = endpoints,
        .dns = {.capacity = 15, .min_ttl = 20, .max_ttl = 300000, .retry = 30, .family = 0},
    };
    g = (struct generation){.number = 1, .config = &conf, .tables = &table};
}

static inline void teardown(void)
{
    resolver_stop(resolver);
    loop_fini(&lp);
    faults_fini(&faults);
    shm_detach(shm);
    server_stop();
    log_set_sink(NULL);
}

/* Names of the server get a dot at their end, which keeps this machine's search list away. */
static inline void add_name(const char *host)
{
    static char absolute[ENDPOINTS][32];
    size_t i = cluster.endpoints_n++;
    snprintf(names[i], sizeof names[i], "%.24s:80", host);
    snprintf(absolute[i], sizeof absolute[i], "%.24s%s", host, strstr(host, ".test") ? "." : "");
    endpoints[i] = (struct endpoint_conf){
        .place = {.file = "t.conf", .line = (int)i + 10},
        .address = slice_str(names[i]),
        .host = slice_str(absolute[i]),
        .port = 80,
        .weight = 1,
    };
}

static inline void prepare(void)
{
    table = cluster_table_prepare(shm, &cluster, &faults);
    cr_assert(table);
}

static inline void start(const char *host)
{
    add_name(host);
    prepare();
    resolver = resolver_start(&lp, &g);
    cr_assert(resolver);
}

/* The addresses that are up, in the order of the rows. */
static inline const char *up(void)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < table->capacity; i++)
        if (table->rows[i].state == ROW_UP)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "",
                                  table->rows[i].name);
    return text;
}

static bool (*awaited)(void);
static bool reached;

static inline void on_look(struct ev_loop *ev, struct ev_timer *w, int revents)
{
    (void)ev, (void)w, (void)revents;
    reached = awaited();
    if (reached)
        loop_stop(&lp);
}

static inline void on_give_up(struct timer *t)
{
    (void)t;
    loop_stop(&lp);
}

/* Runs the loop until `done` says so; false after `limit_ms`. */
static inline bool run_until(bool (*done)(void), uint64_t limit_ms)
{
    struct ev_timer look;
    struct timer limit;
    awaited = done;
    reached = false;
    ev_timer_init(&look, on_look, 0.001, 0.001);
    ev_timer_start(lp.ev, &look);
    timer_init(&limit, on_give_up);
    timer_start(&lp, &limit, limit_ms);
    loop_run(&lp);
    timer_stop(&limit);
    ev_timer_stop(lp.ev, &look);
    return reached;
}

static unsigned lookups_wanted;
static struct resolver_name seen;

/* The facts at the moment the test waited for: on a slow machine more happens before the loop ends.
 */
static inline struct resolver_name facts(void)
{
    return seen;
}

static inline bool looked_up(void)
{
    seen = resolver_name(resolver, 0);
    return seen.lookups >= lookups_wanted && seen.next_ms;
}

/* Until the n-th look-up is done. */
static inline void run_lookups(unsigned n)
{
    lookups_wanted = n;
    cr_assert(run_until(looked_up, WAIT_MS), "%lu look-ups", facts().lookups);
}

/* How long after the last look-up the next one is due. */
static inline uint64_t next_in(void)
{
    return facts().next_ms - facts().ended_ms;
}

/* h0.test ... h127.test, of which only the last resolves. */
static inline void prepare_many(void)
{
    static char hosts[ENDPOINTS][24];
    cluster.dns.capacity = ENDPOINTS;
    cluster.dns.family = 1;
    for (int i = 0; i < ENDPOINTS; i++) {
        snprintf(hosts[i], sizeof hosts[i], "h%d.test", i);
        add_name(hosts[i]);
    }
    SERVE(.name = "h127.test", .type = A, .ttl = 60, .addrs = {"127.0.0.2"});
    prepare();
}

#endif
