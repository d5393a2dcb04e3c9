/* SPDX-License-Identifier: Apache-2.0 */
/* A record says how long something lasts, and Redis's clock how old it is; so what is left of it
 * needs no clock that two instances share. What is left is at least nothing and at most all,
 * whatever happens to Redis's clock. */
#include "breaker/shared_record.h"

#include <stdio.h>

#include "common/slice.h"

enum { OPENINGS_MOST = 31 };

static const char *const causes[] = {
    [MACHINE_TRIPPED] = "tripped",         [MACHINE_TIME] = "time",
    [MACHINE_PROBES_GOOD] = "probes_good", [MACHINE_PROBE_BAD] = "probe_bad",
    [MACHINE_PROBES_LOST] = "probes_lost", [MACHINE_OPERATOR] = "operator",
};

/* -- reading ---------------------------------------------------------------------------------- */

static struct weir_slice field_of(const struct weir_fleet_record *r, const char *name)
{
    for (size_t i = 0; i < r->fields_n; i++)
        if (slice_eq(r->fields[i].name, slice_str(name)))
            return r->fields[i].value;
    return (struct weir_slice){0};
}

/* False: it isn't there, or no number up to `most`. */
static bool read_number(struct weir_slice s, uint64_t most, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
        *out = *out * 10 + (uint64_t)(s.p[i] - '0');
        if (*out > most)
            return false;
    }
    return s.n > 0;
}

static bool read_state(struct weir_slice s, enum machine_state *out)
{
    for (unsigned i = 0; i < MACHINE_STATES; i++)
        if (slice_eq(s, slice_str(machine_state_name((enum machine_state)i)))) {
            *out = (enum machine_state)i;
            return true;
        }
    return false;
}

/* One that this version doesn't know changes nothing but what is said of it. */
static enum machine_cause read_cause(struct weir_slice s)
{
    for (unsigned i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (slice_eq(s, slice_str(causes[i])))
            return (enum machine_cause)i;
    return MACHINE_OPERATOR;
}

static void copy(char to[WEIR_FLEET_FIELD_MAX + 1], struct weir_slice s)
{
    size_t n = 0;
    for (; n < s.n && n < WEIR_FLEET_FIELD_MAX; n++)
        to[n] = (unsigned char)s.p[n] < ' ' ? ' ' : s.p[n];
    to[n] = '\0';
}

static uint64_t time_of(const struct machine_target *t, uint64_t age_ms,
                        const struct machine_conf *conf, uint64_t now_ms)
{
    if (t->state == MACHINE_CLOSED)
        return age_ms < now_ms ? now_ms - age_ms : 0;
    if (t->state == MACHINE_HALF_OPEN)
        return now_ms + conf->probe_ms;
    return now_ms + (age_ms < t->lasts_ms ? t->lasts_ms - age_ms : 0);
}

bool shared_record_read(struct shared_record *to, const struct weir_fleet_record *r,
                        const struct machine_conf *conf, uint64_t now_ms)
{
    uint64_t openings = 0, lasts = 0;
    *to = (struct shared_record){.fleet = {r->version, r->lineage}};
    if (!r->version)
        return true;
    struct machine_target *t = &to->state;
    copy(to->by, r->by);
    copy(to->figures, field_of(r, "figures"));
    t->cause = read_cause(field_of(r, "cause"));
    if (!read_state(field_of(r, "state"), &t->state) ||
        !read_number(field_of(r, "openings"), OPENINGS_MOST, &openings) ||
        !read_number(field_of(r, "lasts_ms"), SHARED_LASTS_MAX_MS, &lasts))
        return false;
    t->openings = (unsigned)openings;
    t->lasts_ms = lasts;
    t->time_ms = time_of(t, r->age_ms, conf, now_ms);
    return true;
}

/* -- writing ---------------------------------------------------------------------------------- */

void shared_record_write(struct shared_fields *to, const struct machine_target *state,
                         struct weir_slice figures)
{
    snprintf(to->openings, sizeof to->openings, "%u", state->openings);
    snprintf(to->lasts, sizeof to->lasts, "%llu", (unsigned long long)state->lasts_ms);
    if (figures.n > WEIR_FLEET_FIELD_MAX)
        figures.n = WEIR_FLEET_FIELD_MAX;
    to->v[0] = (struct weir_claim){slice_str("state"), slice_str(machine_state_name(state->state))};
    to->v[1] = (struct weir_claim){slice_str("openings"), slice_str(to->openings)};
    to->v[2] = (struct weir_claim){slice_str("lasts_ms"), slice_str(to->lasts)};
    to->v[3] = (struct weir_claim){slice_str("cause"), slice_str(causes[state->cause])};
    to->v[4] = (struct weir_claim){slice_str("figures"), figures};
}
