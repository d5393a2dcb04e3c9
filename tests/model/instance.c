/* SPDX-License-Identifier: Apache-2.0 */
/* What an instance does. Led, it follows the fleet's record and makes transitions by offers alone;
 * apart, it moves by itself and leaves versions alone; to be led again it reads what is stored.
 * Every record that comes to it, by whatever way, goes through instance_consider(). */
#include "model.h"

/* The circuit's state here. A circuit may close only when some probe has gone well since it opened;
 * what the fleet's record opened, opened when the record was made. */
static void become(struct step *s, unsigned i, unsigned state, bool earned)
{
    struct instance *at = &s->w.at[i];
    if (state == CLOSED && at->here != CLOSED && !at->earned)
        s->wrong = "a circuit has closed, and no probe has gone well since it opened";
    if (state == CLOSED)
        at->earned = false;
    else if (at->here == CLOSED || state == OPEN)
        at->earned = earned;
    else
        at->earned |= earned;
    at->here = state;
}

/* A probe has gone well, somewhere. */
static void went_well(struct step *s)
{
    struct world *w = &s->w;
    for (unsigned i = 0; i < s->rules->instances; i++)
        w->at[i].earned = w->at[i].here != CLOSED;
    w->since |= w->made;
}

void instance_slot_clear(struct instance *at)
{
    at->slot = IDLE;
    at->slot_version = at->slot_state = at->slot_expect = 0;
    at->slot_again = at->slot_lost = at->slot_moved = 0;
}

/* Apart: no answer will count any more. Redis may still have the offer before it. */
void instance_leave(struct step *s, unsigned i)
{
    struct instance *at = &s->w.at[i];
    if (at->slot == OFFER && !at->cut)
        s->w.late = (struct sent){.version = at->slot_version,
                                  .state = at->slot_state,
                                  .expect = at->slot_expect,
                                  .again = at->slot_again,
                                  .begins = !at->slot_version};
    instance_slot_clear(at);
    at->led = at->cut = 0;
    at->probe = 0;
}

static void send_offer(struct instance *at, struct sent what)
{
    instance_slot_clear(at);
    at->slot = OFFER;
    at->slot_version = what.version;
    at->slot_state = what.state;
    at->slot_expect = what.expect;
    at->slot_again = what.again;
}

/* A record of the fleet's that is in force from now on, or the instance stays alone. */
void instance_consider(struct step *s, unsigned i, unsigned version, unsigned state)
{
    struct instance *at = &s->w.at[i];
    bool foreign = version_lineage(version) != version_lineage(at->version);
    bool holds = state == CLOSED && at->here != CLOSED &&
                 ((at->alone && s->rules->hold_alone) || (foreign && s->rules->hold_foreign));
    at->version = version;
    at->known = state;
    at->probe = 0;
    if (holds) {
        instance_leave(s, i);
        at->alone = 1;
        return;
    }
    at->led = 1;
    at->alone = 0;
    become(s, i, state, s->w.since >> version & 1);
}

/* -- alone
 * ----------------------------------------------------------------------------------------- */

/* Open and half-open are one here (tidy()): all that matters is how it came about, and that it
 * closes by good probes. A probe that goes badly opens it again. */
static bool trips_alone(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if (at->led || (at->here != CLOSED && at->alone && !at->earned))
        return false;
    at->alone = 1;
    become(s, i, OPEN, false);
    return true;
}

static bool closes_alone(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if (at->led || at->here == CLOSED)
        return false;
    went_well(s);
    become(s, i, CLOSED, false);
    return true;
}

static bool joins(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if (at->led || at->slot != IDLE)
        return false;
    if (!s->rules->reread && at->version) {
        at->led = 1;
        return true;
    }
    at->slot = READ;
    at->slot_version = s->w.stored.version;
    at->slot_state = s->w.stored.state;
    at->slot_lost = s->w.stored.version < at->version;
    at->slot_moved = s->w.moved;
    return true;
}

/* -- led
 * ------------------------------------------------------------------------------------------- */

static bool can_command(const struct instance *at)
{
    return at->led && !at->cut && at->slot == IDLE;
}

/* The next version, while there are numbers for it; where there was none, a lineage begins. */
static bool offers(struct step *s, unsigned i, unsigned state)
{
    struct instance *at = &s->w.at[i];
    if (version_number(at->version) >= s->rules->numbers)
        return false;
    bool first = at->version == 0 && s->rules->lineage;
    send_offer(at, (struct sent){.version = first ? 0 : at->version + 1U,
                                 .state = state,
                                 .expect = at->version});
    return true;
}

/* The fleet's window says so. */
static bool offers_open(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    const struct instance *at = &s->w.at[i];
    return can_command(at) && at->here == CLOSED && offers(s, i, OPEN);
}

/* A probe has gone badly, or too long nothing has come of probes. */
static bool offers_open_again(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    const struct instance *at = &s->w.at[i];
    return can_command(at) && at->here == HALF && offers(s, i, OPEN);
}

static bool offers_half(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    const struct instance *at = &s->w.at[i];
    return can_command(at) && at->here == OPEN && offers(s, i, HALF);
}

static bool offers_closed_by_time(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    const struct instance *at = &s->w.at[i];
    return !s->rules->half_counts && can_command(at) && at->here == HALF && offers(s, i, CLOSED);
}

static void send_probe(struct step *s, unsigned i)
{
    struct instance *at = &s->w.at[i];
    at->probe = 1;
    if (tally_get(s->w.probes, at->version) >= s->rules->probes)
        s->wrong = "more probes than are allowed in one half-open version";
    tally_add(&s->w.probes, at->version);
}

/* INCR of the epoch's counter. What comes of an answer that is too late is nothing; so answers come
 * at once, or never (arg 1), unless it is to be seen what comes of late ones. */
static bool takes_number(struct step *s, unsigned i, unsigned arg)
{
    struct instance *at = &s->w.at[i];
    if (!can_command(at) || at->here != HALF || at->probe)
        return false;
    if (!s->rules->fleet_permits) {
        send_probe(s, i);
        return true;
    }
    if (s->rules->in_cell && s->w.stored.version != at->version)
        return false;
    if (tally_get(s->w.taken, at->version) >= s->rules->probes)
        return false;
    tally_add(&s->w.taken, at->version);
    if (!s->rules->own_epoch) {
        at->slot = TOOK;
        at->slot_version = at->version;
    } else if (arg == 0) {
        send_probe(s, i);
    }
    return true;
}

/* INCR of the epoch's good probes; its answer comes at once, or never. */
static void count_good(struct step *s, unsigned i, bool answered)
{
    struct instance *at = &s->w.at[i];
    tally_add(&s->w.good, at->version);
    if (tally_get(s->w.good, at->version) < s->rules->successes)
        return;
    if (!s->rules->own_epoch) {
        at->slot = COUNTED;
        at->slot_version = at->version;
    } else if (answered) {
        offers(s, i, CLOSED);
    }
}

/* It is counted, if nothing is under way. */
static bool probe_goes_well(struct step *s, unsigned i, unsigned arg)
{
    struct instance *at = &s->w.at[i];
    if (!at->probe)
        return false;
    at->probe = 0;
    went_well(s);
    if (can_command(at))
        count_good(s, i, arg == 0);
    return true;
}

/* Goes badly or gets lost: an offer of open may follow, as it may at any time. */
static bool probe_ends(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    bool was = s->w.at[i].probe;
    s->w.at[i].probe = 0;
    return was;
}

/* One that joins hears nothing but what spares it to offer a lost record again. */
static bool hears(struct step *s, unsigned i, unsigned k)
{
    struct instance *at = &s->w.at[i];
    struct sent r = s->w.air[k];
    bool spared = at->slot == OFFER && at->slot_again && r.version > at->slot_expect;
    if ((!at->led && !spared) || at->cut || !r.version || r.version == at->version)
        return false;
    if (r.version < at->version && (s->rules->newer || !at->led))
        return false;
    if (spared)
        instance_slot_clear(at);
    instance_consider(s, i, r.version, r.state);
    return true;
}

/* From time to time, in case that something published was lost. Answers come at once (a late one is
 * like what is published, heard late), but for those that show a loss. */
static bool reads(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    unsigned stored = s->w.stored.version;
    if (!s->rules->repair || !can_command(at) || stored == at->version)
        return false;
    if (stored > at->version) {
        instance_consider(s, i, stored, s->w.stored.state);
        return true;
    }
    at->slot = READ;
    at->slot_version = stored;
    at->slot_state = s->w.stored.state;
    at->slot_lost = 1;
    return true;
}

static bool leaves(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    const struct instance *at = &s->w.at[i];
    if (at->cut || (!at->led && at->slot == IDLE))
        return false;
    if (s->rules->few_leaves && s->w.leaves++ >= s->rules->leaves)
        return false;
    instance_leave(s, i);
    return true;
}

static bool notices(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    if (!s->w.at[i].cut)
        return false;
    instance_leave(s, i);
    return true;
}

/* -- answers
 * --------------------------------------------------------------------------------------- */

/* Redis has lost what was known, or may have: the newer of both is offered again, in the place of
 * what is stored. */
static void offers_again(struct step *s, unsigned i)
{
    struct instance *at = &s->w.at[i];
    bool own = at->version >= at->slot_version;
    struct sent what = {.version = own ? at->version : at->slot_version,
                        .state = own ? at->known : at->slot_state,
                        .expect = at->slot_version,
                        .again = 1};
    if (s->rules->lineage)
        what.version = 0;
    send_offer(at, what);
}

static bool is_lost(const struct step *s, const struct instance *at)
{
    if (at->slot != READ && at->slot != REFUSED)
        return false;
    if (at->slot_moved && s->rules->server)
        return true;
    return at->slot_lost && s->rules->offer_again;
}

static bool answer_is_lost(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    if (!is_lost(s, &s->w.at[i]))
        return false;
    offers_again(s, i);
    return true;
}

static bool answer_record(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if ((at->slot != READ && at->slot != REFUSED && at->slot != TAKEN) || is_lost(s, at))
        return false;
    unsigned version = at->slot_version, state = at->slot_state;
    instance_slot_clear(at);
    if (!at->led || version > at->version)
        instance_consider(s, i, version, state);
    return true;
}

static bool answer_number(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if (at->slot != TOOK)
        return false;
    bool own = at->slot_version == at->version || !s->rules->own_epoch;
    instance_slot_clear(at);
    if (own && at->here == HALF && !at->probe)
        send_probe(s, i);
    return true;
}

static bool answer_counted(struct step *s, unsigned i, unsigned arg)
{
    (void)arg;
    struct instance *at = &s->w.at[i];
    if (at->slot != COUNTED)
        return false;
    bool own = at->slot_version == at->version || !s->rules->own_epoch;
    instance_slot_clear(at);
    if (own && at->here != CLOSED && !at->cut)
        offers(s, i, CLOSED);
    return true;
}

const struct action instance_actions[] = {
    {"trips alone", trips_alone, 1, true, true},
    {"closes alone, by a good probe of its own", closes_alone, 1, true, false},
    {"is connected, and reads the record", joins, 1, true, false},
    {"offers open", offers_open, 1, true, true},
    {"offers open again", offers_open_again, 1, true, false},
    {"offers half-open", offers_half, 1, true, false},
    {"offers closed, for it is time", offers_closed_by_time, 1, true, false},
    {"takes a number for a probe", takes_number, 2, true, false},
    {"its probe goes well, and is counted", probe_goes_well, 2, true, false},
    {"its probe goes badly or gets lost", probe_ends, 1, true, false},
    {"hears what was published", hears, AIR, true, false},
    {"reads the record", reads, 1, true, false},
    {"gets an answer: the fleet's record was lost, and offers one again", answer_is_lost, 1, true,
     false},
    {"gets an answer: a record", answer_record, 1, true, false},
    {"gets an answer: a number", answer_number, 1, true, false},
    {"gets an answer: enough good probes; offers closed", answer_counted, 1, true, false},
    {"is apart", leaves, 1, true, true},
    {"notices that its connection is dead", notices, 1, true, false},
};
const size_t instance_actions_n = sizeof(instance_actions) / sizeof(*instance_actions);
