/* SPDX-License-Identifier: Apache-2.0 */
#include "http/h2_guard.h"

#include <string.h>

enum { CREDIT_MAX = 1 << 20 };

const char *h2_event_name(enum h2_event e)
{
    static const char *const names[] = {
#define E(id, name) #name,
        H2_EVENT_LIST(E)
#undef E
    };
    must(e < H2_EVENT_N);
    return names[e];
}

void h2_guard_init(struct h2_guard *g, uint64_t now_ms)
{
    *g = (struct h2_guard){.since_ms = now_ms};
}

/* The number of CONTINUATION frames belongs to a block, however long that takes. */
static void begin_interval(struct h2_guard *g, uint64_t now_ms)
{
    const uint32_t continuations = g->n[H2_EVENT_CONTINUATION];
    memset(g->n, 0, sizeof g->n);
    g->n[H2_EVENT_CONTINUATION] = continuations;
    g->since_ms = now_ms;
}

bool h2_guard_count(struct h2_guard *g, const struct h2_guard_limits *l, enum h2_event e,
                    uint64_t now_ms)
{
    if (now_ms - g->since_ms >= l->interval_ms)
        begin_interval(g, now_ms);
    if (e == H2_EVENT_WINDOW && g->window_credit) {
        g->window_credit--;
        return true;
    }
    if (g->n[e] < UINT32_MAX)
        g->n[e]++;
    return !l->most[e] || g->n[e] <= l->most[e];
}

void h2_guard_block(struct h2_guard *g)
{
    g->n[H2_EVENT_CONTINUATION] = 0;
}

void h2_guard_data_sent(struct h2_guard *g)
{
    if (g->window_credit < CREDIT_MAX)
        g->window_credit += H2_WINDOW_CREDIT;
}
