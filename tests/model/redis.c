/* SPDX-License-Identifier: Apache-2.0 */
/* What Redis does with offers, and what befalls it: it is restarted empty, a replica that is behind
 * takes its place, or keys vanish while connections stay. Published records stay in the air: they
 * may be heard late, often, in another order or never. */
#include "model.h"

#include <string.h>

static void publish(struct world *w, struct sent r)
{
    memmove(w->air + 1, w->air, (AIR - 1) * sizeof(*w->air));
    w->air[0] = (struct sent){.version = r.version, .state = r.state};
}

static unsigned later(void *ctx, unsigned version)
{
    unsigned *last = ctx;
    if (version > *last)
        *last = version;
    return version;
}

/* The first version of a lineage that nobody has seen: by Redis's clock, it is after all others. */
static unsigned new_lineage(struct step *s)
{
    unsigned last = 0;
    each_version(&s->w, later, &last);
    unsigned lineage = version_lineage(last) + 1;
    if (lineage >= VERSIONS >> NUMBER_BITS)
        s->wrong = "the model has too few lineages";
    return (lineage << NUMBER_BITS | 1) % VERSIONS;
}

/* The script of a cell. */
static bool store(struct step *s, struct sent offer)
{
    struct world *w = &s->w;
    if (offer.begins)
        offer.version = new_lineage(s);
    bool fits =
        s->rules->exact ? w->stored.version == offer.expect : offer.version > w->stored.version;
    if (!fits && s->rules->compare)
        return false;
    if (!offer.again && w->made >> offer.version & 1)
        s->wrong = "a version is made twice";
    w->made |= 1ULL << offer.version;
    w->since &= ~(1ULL << offer.version);
    w->behind = w->stored;
    w->stored = (struct sent){.version = offer.version, .state = offer.state};
    w->moved = 0;
    publish(w, w->stored);
    return true;
}

/* One that is led gets the answer at once; or so late (arg 1) that it may as well hear what was
 * published, or read it. One that joins may decide something before it gets it. */
static bool executes(struct step *s, unsigned i, unsigned arg)
{
    struct instance *at = &s->w.at[i];
    if (at->slot != OFFER || at->cut || (arg && !at->led))
        return false;
    struct sent offer = {.version = at->slot_version,
                         .state = at->slot_state,
                         .expect = at->slot_expect,
                         .again = at->slot_again,
                         .begins = !at->slot_version};
    bool taken = store(s, offer);
    at->slot = taken ? TAKEN : REFUSED;
    at->slot_version = s->w.stored.version;
    at->slot_state = s->w.stored.state;
    unsigned known = at->led ? offer.expect : at->version;
    at->slot_lost = !taken && s->w.stored.version < known;
    at->slot_moved = !taken && !at->led && s->w.moved;
    at->slot_expect = at->slot_again = 0;
    if (!at->led || (at->slot_lost && !arg))
        return true;
    instance_slot_clear(at);
    if (!arg && s->w.stored.version > at->version)
        instance_consider(s, i, s->w.stored.version, s->w.stored.state);
    return true;
}

static bool executes_late(struct step *s, unsigned i, unsigned arg)
{
    (void)i;
    if (!s->w.late.version && !s->w.late.begins)
        return false;
    struct sent offer = s->w.late;
    s->w.late = (struct sent){0};
    if (arg == 0)
        store(s, offer);
    return true;
}

/* To be never heard is to be late for ever; it matters only to agreement. */
static bool loses_messages(struct step *s, unsigned i, unsigned arg)
{
    (void)i;
    (void)arg;
    memset(s->w.air, 0, sizeof(s->w.air));
    return s->rules->lossy;
}

/* Connections end, and what was on its way with them. Instances may not see it at once, and have
 * their answers already. */
static void cut_all(struct world *w)
{
    memset(w->air, 0, sizeof(w->air));
    w->late = (struct sent){0};
    for (unsigned i = 0; i < INSTANCES; i++)
        if (w->at[i].led || w->at[i].slot != IDLE)
            w->at[i].cut = 1;
}

static bool may_lose(struct step *s)
{
    if (s->w.losses >= s->rules->losses || !s->w.stored.version)
        return false;
    s->w.losses++;
    return true;
}

static void empty(struct world *w)
{
    w->stored = w->behind = (struct sent){0};
    w->taken = w->good = 0;
    w->moved = 0;
}

static bool restarts(struct step *s, unsigned i, unsigned arg)
{
    (void)i;
    (void)arg;
    if (!s->rules->restart || !may_lose(s))
        return false;
    empty(&s->w);
    cut_all(&s->w);
    return true;
}

static bool is_flushed(struct step *s, unsigned i, unsigned arg)
{
    (void)i;
    (void)arg;
    if (!s->rules->flush || !may_lose(s))
        return false;
    empty(&s->w);
    return true;
}

/* The replica lacks what was counted last (0), or the last record (1). */
static bool fails_over(struct step *s, unsigned i, unsigned arg)
{
    (void)i;
    struct world *w = &s->w;
    if (!s->rules->failover || !may_lose(s))
        return false;
    if (arg == 1)
        w->stored = w->behind;
    else
        w->taken = w->good = 0;
    w->behind = w->stored;
    w->moved = 1;
    cut_all(w);
    return true;
}

const struct action redis_actions[] = {
    {"Redis executes its offer", executes, 2, true, false},
    {"Redis executes an offer whose connection is gone, or never will", executes_late, 2, false,
     false},
    {"what was published is lost", loses_messages, 1, false, true},
    {"Redis is restarted, empty", restarts, 1, false, true},
    {"Redis loses its keys, connections stay", is_flushed, 1, false, true},
    {"a replica that is behind takes Redis's place", fails_over, 2, false, true},
};
const size_t redis_actions_n = sizeof(redis_actions) / sizeof(*redis_actions);
