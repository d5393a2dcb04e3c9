/* SPDX-License-Identifier: Apache-2.0 */
/* Thresholds and intervals of health checks. */
#include "control/health/health_state.h"

enum { MILLION = 1000000 };

static uint32_t one_more(uint32_t n)
{
    return n < UINT32_MAX ? n + 1 : n;
}

bool health_note(struct health_state *s, const struct health_conf *conf, bool passed)
{
    const enum endpoint_health before = s->health;
    s->passed = passed ? one_more(s->passed) : 0;
    s->failed = passed ? 0 : one_more(s->failed);
    if (!health_is_known(before))
        s->health = passed ? HEALTH_UP : HEALTH_DOWN;
    else if (before == HEALTH_DOWN && s->passed >= conf->rise)
        s->health = HEALTH_UP;
    else if (before == HEALTH_UP && s->failed >= conf->fall)
        s->health = HEALTH_DOWN;
    return s->health != before;
}

/* Trouble comes before silence: an endpoint that fails is looked at closely, whoever uses it; and
 * so is one for which a check is all that is missing. */
static uint64_t interval_of(const struct health_state *s, const struct health_conf *conf,
                            bool quiet)
{
    if (s->health == HEALTH_DOWN || s->health == HEALTH_PENDING || s->failed)
        return conf->unhealthy_interval;
    if (quiet && conf->no_traffic_interval)
        return conf->no_traffic_interval;
    return conf->interval;
}

uint64_t health_pause(const struct health_state *s, const struct health_conf *conf, bool quiet,
                      struct random *r)
{
    const uint64_t ms = interval_of(s, conf, quiet);
    const uint64_t off = ms * conf->jitter / MILLION; /* an hour of milliseconds fits by far */
    const uint64_t pause = ms - off + random_below(r, 2 * off + 1);
    return pause ? pause : 1;
}

uint64_t health_first(const struct health_state *s, const struct health_conf *conf,
                      struct random *r)
{
    if (!health_is_known(s->health))
        return 1;
    return 1 + random_below(r, interval_of(s, conf, false));
}
