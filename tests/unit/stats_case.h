/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_STATS_CASE_H
#define WEIR_TESTS_STATS_CASE_H

/* What tests of counters begin with: a small generation made by hand, and a real region. */

#include "core/cluster/endpoint_cell.h"
#include "core/stats/exposition.h"
#include "core/stats/stats.h"
#include "core/stats/stats_sums.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fault.h"
#include "base/text.h"
#include "core/generation.h"
#include "io/shm.h"

enum { ROWS = 4, SLOTS = 20 };

static struct listener_conf listeners[2];
static struct route_conf routes[2];
static struct cluster_conf clusters[1];
static struct endpoint_conf backends[ROWS];
static struct config config;
static struct cluster_table *tables[1];
static struct listener_gauge gauges[2];
static struct source_table *sources[2];
static struct generation g;
static struct shm *shm;
static struct faults faults;
static struct text page;

static inline void set_row(uint32_t row, const char *name, enum row_state state)
{
    memset(tables[0]->rows[row].name, 0, ENDPOINT_NAME_MAX);
    memcpy(tables[0]->rows[row].name, name, strlen(name));
    tables[0]->rows[row].state = state;
}

static inline void begin(void)
{
    listeners[0].name = SLICE("public");
    listeners[1].name = SLICE("inner");
    routes[0].name = SLICE("shop");
    routes[1].name = SLICE("help");
    clusters[0].place.name = SLICE("cart");
    config.listeners = listeners;
    config.listeners_n = 2;
    config.routes = routes;
    config.routes_n = 2;
    for (int i = 0; i < ROWS; i++)
        backends[i].addr.len = 1;
    config.clusters = clusters;
    config.clusters_n = 1;
    config.metrics.endpoints = ROWS;
    config.metrics.flows = 6;
    clusters[0].endpoints = backends;
    clusters[0].endpoints_n = ROWS;
    tables[0] = calloc(1, sizeof(struct cluster_table) + ROWS * sizeof(struct table_row));
    tables[0]->capacity = ROWS;
    set_row(0, "10.0.0.1:80", ROW_UP);
    sources[0] = aligned_alloc(64, sizeof(struct source_table));
    memset(sources[0], 0, sizeof(struct source_table));
    g.number = 1;
    g.config = &config;
    g.tables = tables;
    static struct listener_gauge *gauge_list[2] = {&gauges[0], &gauges[1]};
    g.gauges = gauge_list;
    g.sources = sources;
    shm = shm_create(64 << 20);
    cr_assert(shm);
    shm_generation(shm, 1);
    faults_init(&faults);
    text_init(&page);
}

static inline void end(void)
{
    text_fini(&page);
    faults_fini(&faults);
    shm_detach(shm);
    free(tables[0]);
    free(sources[0]);
}

static inline struct stats *bind_slot(unsigned slot)
{
    struct stats *s = stats_bind(&g, shm, slot, &faults);
    cr_assert(s);
    return s;
}

/* The value of the line that begins with `series` and a space; -1 when there is none. */
static inline double shown(const char *series)
{
    page.n = 0;
    stats_show(&g, shm, SLOTS, &(struct exposition){.out = &page});
    text_char(&page, '\0');
    const size_t n = strlen(series);
    for (const char *at = page.p; (at = strstr(at, series)); at += n)
        if ((at == page.p || at[-1] == '\n') && at[n] == ' ')
            return strtod(at + n, NULL);
    return -1;
}

#endif
