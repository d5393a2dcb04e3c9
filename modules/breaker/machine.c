/* SPDX-License-Identifier: Apache-2.0 */
/* Two words. `word` says everything that decides, and changes only in transitions. `permits` counts
 * what goes through within one version, and is tagged with it: whoever comes first with a newer
 * version begins it anew, and who comes with an older one gets nothing. So permits never need to be
 * reset, and no more than conf->probes are given out in one version whatever processes do, or
 * however long they stand still between looking at the one word and swapping the other.
 *
 * Within a version of half-open the time of `word` changes, and nothing else: it begins anew with a
 * probe that goes out when none is out. Who makes a transition then tries again. */
#include "breaker/machine.h"

#include "breaker/machine_lead.h"
#include "breaker/machine_word.h"

enum { PERCENT = 100, MILLION = 1000000 };

/* -- transitions ----------------------------------------------------------------------------- */

bool machine_change_to(struct machine *m, uint64_t word, struct parts to, enum machine_cause cause,
                       struct machine_change *change)
{
    const struct parts from = parts_of(word);
    to.version = (uint16_t)(from.version + 1);
    if (!atomic_compare_exchange_strong(&m->word, &word, word_of(to)))
        return false;
    change->changed = true;
    change->from = from.state;
    change->to = to.state;
    change->mode = to.mode;
    change->cause = cause;
    change->openings = to.openings;
    return true;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long it stays open the nth time in a row, n from 0. The jitter only shortens, so that the
 * maximum is one. */
static uint64_t open_ms(const struct machine_conf *conf, unsigned n, uint64_t random)
{
    uint64_t ms = min_u64(conf->open_for_ms, conf->max_open_ms);
    for (unsigned i = 0; i < n && conf->factor > 1 && ms < conf->max_open_ms; i++)
        ms = min_u64(ms * conf->factor, conf->max_open_ms);
    const uint64_t most = ms / MILLION * conf->jitter + ms % MILLION * conf->jitter / MILLION;
    return ms - (most ? random % (most + 1) : 0);
}

/* One that was closed for long forgets what was before. */
static unsigned openings_before(const struct parts *p, const struct machine_conf *conf,
                                uint64_t now_ms)
{
    const bool calm = p->state == MACHINE_CLOSED && now_ms >= p->time_ms + conf->calm_ms;
    return calm ? 0 : p->openings;
}

static struct parts opened(const struct parts *from, const struct machine_conf *conf,
                           struct machine_clock clock, enum machine_cause cause)
{
    const unsigned n = openings_before(from, conf, clock.now_ms);
    /* Lost probes say nothing about the other side: they don't make the time longer. */
    const unsigned more = cause == MACHINE_PROBES_LOST && n ? 0 : 1;
    return (struct parts){
        .state = MACHINE_OPEN,
        .openings = n + more > OPENINGS_MAX ? OPENINGS_MAX : n + more,
        .time_ms = clock.now_ms + open_ms(conf, n + more - 1, clock.random),
    };
}

static bool open_it(struct machine *m, uint64_t word, const struct machine_conf *conf,
                    struct machine_clock clock, enum machine_cause cause,
                    struct machine_change *change)
{
    const struct parts from = parts_of(word), to = opened(&from, conf, clock, cause);
    if (!machine_change_to(m, word, to, cause, change))
        return false;
    change->lasts_ms = to.time_ms - clock.now_ms;
    return true;
}

static struct parts half_opened(const struct parts *from, const struct machine_conf *conf,
                                uint64_t now_ms)
{
    return (struct parts){
        .state = MACHINE_HALF_OPEN,
        .openings = from->openings,
        .time_ms = now_ms + conf->probe_ms,
    };
}

static bool half_open_it(struct machine *m, uint64_t word, const struct machine_conf *conf,
                         uint64_t now_ms, struct machine_change *change)
{
    const struct parts from = parts_of(word);
    return machine_change_to(m, word, half_opened(&from, conf, now_ms), MACHINE_TIME, change);
}

/* From half-open, or a step of the ramp, to what comes next. */
static struct parts closed_further(const struct parts *from, const struct machine_conf *conf,
                                   uint64_t now_ms)
{
    struct parts to = {.state = MACHINE_CLOSED, .openings = from->openings, .time_ms = now_ms};
    if (conf->slow_close && from->state != MACHINE_RAMP_50) {
        to.state = from->state == MACHINE_HALF_OPEN ? MACHINE_RAMP_10 : from->state + 1;
        to.time_ms = now_ms + conf->step_ms;
    }
    return to;
}

static bool close_further(struct machine *m, uint64_t word, const struct machine_conf *conf,
                          uint64_t now_ms, enum machine_cause cause, struct machine_change *change)
{
    const struct parts from = parts_of(word);
    return machine_change_to(m, word, closed_further(&from, conf, now_ms), cause, change);
}

static struct parts next_of(const struct parts *from, const struct machine_conf *conf,
                            struct machine_clock clock, enum machine_cause cause)
{
    if (cause == MACHINE_PROBES_GOOD)
        return closed_further(from, conf, clock.now_ms);
    if (cause != MACHINE_TIME)
        return opened(from, conf, clock, cause);
    return from->state == MACHINE_OPEN ? half_opened(from, conf, clock.now_ms)
                                       : closed_further(from, conf, clock.now_ms);
}

struct machine_target machine_next(const struct machine_view *v, const struct machine_conf *conf,
                                   struct machine_clock clock, enum machine_cause cause)
{
    const struct parts from = {.state = v->state,
                               .openings = v->openings,
                               .time_ms = v->state == MACHINE_CLOSED ? v->since_ms : v->until_ms};
    const struct parts to = next_of(&from, conf, clock, cause);
    const bool lasts = to.state != MACHINE_CLOSED && to.state != MACHINE_HALF_OPEN;
    return (struct machine_target){
        .state = to.state,
        .openings = to.openings,
        .time_ms = to.time_ms,
        .lasts_ms = lasts ? to.time_ms - clock.now_ms : 0,
        .cause = cause,
    };
}

/* -- permits --------------------------------------------------------------------------------- */

static uint64_t used_of(uint64_t permits)
{
    return permits >> USED_AT & COUNT;
}

static uint64_t permits_word(uint16_t version, uint64_t used, uint64_t good)
{
    return (uint64_t)version << VERSION_AT | (used & COUNT) << USED_AT | (good & COUNT);
}

/* What has been used within this version; false: a newer one has begun. */
static bool read_permits(uint64_t word, uint16_t version, uint64_t *used, uint64_t *good)
{
    const bool current = version_of(word) == version;
    *used = current ? used_of(word) : 0;
    *good = current ? word & COUNT : 0;
    return current || is_newer(version, version_of(word));
}

/* Half-open: could a probe go out, and is none out of which nothing was heard yet? */
static bool is_waiting(const struct machine *m, uint16_t version, unsigned probes)
{
    uint64_t used, good;
    return read_permits(atomic_load(&m->permits), version, &used, &good) && used == good &&
           used < probes;
}

static bool take_probe(struct machine *m, uint16_t version, unsigned probes)
{
    uint64_t had = atomic_load(&m->permits), used, good;
    do {
        if (!read_permits(had, version, &used, &good) || used >= probes)
            return false;
    } while (
        !atomic_compare_exchange_weak(&m->permits, &had, permits_word(version, used + 1, good)));
    return true;
}

/* Tickets of the ramp, of which its share go through, evenly: the first is one of them. */
static bool take_share(struct machine *m, uint16_t version, unsigned percent)
{
    uint64_t had = atomic_load(&m->permits), used, good;
    do {
        if (!read_permits(had, version, &used, &good))
            return false;
    } while (
        !atomic_compare_exchange_weak(&m->permits, &had, permits_word(version, used + 1, good)));
    const uint64_t rest = used * percent % PERCENT;
    return rest == 0 || rest + percent > PERCENT;
}

/* -- what may go out ------------------------------------------------------------------------- */

/* How many probes may go out in this version: while the fleet leads, those that it has granted. */
static unsigned probes_of(const struct machine *m, uint16_t version,
                          const struct machine_conf *conf, bool led)
{
    const unsigned granted = led ? grants_of(atomic_load(&m->grants), version).granted : 0;
    return led && granted < conf->probes ? granted : conf->probes;
}

/* A request found no permit. As many are noted as could still be granted. */
static void note_wanted(struct machine *m, uint16_t version, const struct machine_conf *conf)
{
    const struct grants g = grants_of(atomic_load(&m->grants), version);
    if ((unsigned)g.granted + g.wanted < conf->probes)
        grants_add(m, (struct grants){.version = version, .wanted = 1});
}

/* What the probes have said, and nobody has acted on, because the fleet was leading when they came
 * back. True: as for move_on(). */
static bool catch_up(struct machine *m, uint64_t word, const struct machine_conf *conf,
                     struct machine_clock clock, struct machine_change *change)
{
    const struct parts p = parts_of(word);
    uint64_t used, good;
    if (!conf->shared || p.state != MACHINE_HALF_OPEN || p.mode != MACHINE_AUTO)
        return false;
    if (grants_of(atomic_load(&m->grants), p.version).bad)
        open_it(m, word, conf, clock, MACHINE_PROBE_BAD, change);
    else if (read_permits(atomic_load(&m->permits), p.version, &used, &good) &&
             good >= conf->successes)
        close_further(m, word, conf, clock.now_ms, MACHINE_PROBES_GOOD, change);
    else
        return false;
    return true;
}

/* True: the state has come to its end, and this call has tried to make the next one. Half-open ends
 * only with probes that are lost: as long as nobody asks, there are none. */
static bool move_on(struct machine *m, uint64_t word, const struct machine_conf *conf,
                    struct machine_clock clock, struct machine_change *change)
{
    const struct parts p = parts_of(word);
    if (machine_is_led(m, conf, clock.now_ms))
        return false;
    if (catch_up(m, word, conf, clock, change))
        return true;
    if (p.mode != MACHINE_AUTO || p.state == MACHINE_CLOSED || clock.now_ms < p.time_ms)
        return false;
    if (p.state == MACHINE_HALF_OPEN && is_waiting(m, p.version, conf->probes))
        return false;
    if (p.state == MACHINE_OPEN)
        half_open_it(m, word, conf, clock.now_ms, change);
    else if (p.state == MACHINE_HALF_OPEN)
        open_it(m, word, conf, clock, MACHINE_PROBES_LOST, change);
    else
        close_further(m, word, conf, clock.now_ms, MACHINE_TIME, change);
    return true;
}

/* The time for probes runs from the first of those that are out. No transition: who is slower finds
 * that it has been done. */
static void begin_probing(struct machine *m, uint64_t word, const struct machine_conf *conf,
                          uint64_t now_ms)
{
    struct parts p = parts_of(word);
    if (p.state != MACHINE_HALF_OPEN || p.mode != MACHINE_AUTO)
        return;
    const bool led = machine_is_led(m, conf, now_ms);
    if (!is_waiting(m, p.version, probes_of(m, p.version, conf, led)))
        return;
    p.time_ms = now_ms + conf->probe_ms;
    atomic_compare_exchange_strong(&m->word, &word, word_of(p));
}

static enum machine_says ask_probe(struct machine *m, uint16_t version,
                                   const struct machine_conf *conf, bool led)
{
    if (take_probe(m, version, probes_of(m, version, conf, led)))
        return MACHINE_PROBE;
    if (led)
        note_wanted(m, version, conf);
    return MACHINE_NO_PROBE;
}

static enum machine_says ask(struct machine *m, const struct parts *p,
                             const struct machine_conf *conf, uint64_t now_ms)
{
    if (p->mode != MACHINE_AUTO)
        return p->mode == MACHINE_FORCED_OPEN ? MACHINE_NO : MACHINE_IGNORED;
    switch (p->state) {
    case MACHINE_CLOSED:
        return MACHINE_YES;
    case MACHINE_HALF_OPEN:
        return ask_probe(m, p->version, conf, machine_is_led(m, conf, now_ms));
    case MACHINE_RAMP_10:
    case MACHINE_RAMP_25:
    case MACHINE_RAMP_50:
        return take_share(m, p->version, machine_share(p->state)) ? MACHINE_YES : MACHINE_NO_RAMP;
    default:
        return MACHINE_NO;
    }
}

enum machine_says machine_admit(struct machine *m, const struct machine_conf *conf,
                                struct machine_clock clock, struct machine_ticket *ticket,
                                struct machine_change *change)
{
    *change = (struct machine_change){0};
    uint64_t word = atomic_load(&m->word);
    /* Whoever was faster has made a state that isn't at its end. */
    if (move_on(m, word, conf, clock, change))
        word = atomic_load(&m->word);
    begin_probing(m, word, conf, clock.now_ms);
    const struct parts p = parts_of(word);
    const enum machine_says says = ask(m, &p, conf, clock.now_ms);
    *ticket = (struct machine_ticket){
        .version = p.version, .state = (uint8_t)p.state, .says = (uint8_t)says};
    return says;
}

void machine_tick(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_change *change)
{
    *change = (struct machine_change){0};
    move_on(m, atomic_load(&m->word), conf, clock, change);
}

/* -- what comes of it ------------------------------------------------------------------------ */

/* Is the circuit still where the ticket is from, and is nobody's hand on it? *word is what it is.
 */
static bool is_current(const struct machine *m, struct machine_ticket ticket, uint64_t *word)
{
    *word = atomic_load(&m->word);
    const struct parts p = parts_of(*word);
    return p.version == ticket.version && p.mode == MACHINE_AUTO;
}

void machine_trip(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_ticket ticket, struct machine_change *change)
{
    uint64_t word;
    *change = (struct machine_change){0};
    if (is_current(m, ticket, &word) && ticket.says == MACHINE_YES &&
        !machine_is_led(m, conf, clock.now_ms))
        open_it(m, word, conf, clock, MACHINE_TRIPPED, change);
}

/* Gives how many probes of the ticket's version have been good, this one included. */
static uint64_t count_good(struct machine *m, uint16_t version)
{
    uint64_t had = atomic_load(&m->permits), used, good;
    do {
        if (version_of(had) != version || !read_permits(had, version, &used, &good))
            return 0;
    } while (
        !atomic_compare_exchange_weak(&m->permits, &had, permits_word(version, used, good + 1)));
    return good + 1;
}

void machine_good(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                  struct machine_ticket ticket, struct machine_change *change)
{
    uint64_t word;
    *change = (struct machine_change){0};
    if (!is_current(m, ticket, &word) || ticket.says != MACHINE_PROBE ||
        count_good(m, ticket.version) < conf->successes || machine_is_led(m, conf, clock.now_ms))
        return;
    while (is_current(m, ticket, &word) &&
           !close_further(m, word, conf, clock.now_ms, MACHINE_PROBES_GOOD, change))
        ;
}

void machine_bad(struct machine *m, const struct machine_conf *conf, struct machine_clock clock,
                 struct machine_ticket ticket, struct machine_change *change)
{
    uint64_t word;
    *change = (struct machine_change){0};
    if (ticket.says == MACHINE_PROBE && machine_is_led(m, conf, clock.now_ms)) {
        if (is_current(m, ticket, &word))
            grants_add(m, (struct grants){.version = ticket.version, .bad = 1});
        return;
    }
    while (ticket.says == MACHINE_PROBE && is_current(m, ticket, &word) &&
           !open_it(m, word, conf, clock, MACHINE_PROBE_BAD, change))
        ;
}

void machine_back(struct machine *m, struct machine_ticket ticket)
{
    uint64_t had = atomic_load(&m->permits), used, good;
    do {
        if (ticket.says != MACHINE_PROBE || version_of(had) != ticket.version ||
            !read_permits(had, ticket.version, &used, &good) || used <= good)
            return;
    } while (!atomic_compare_exchange_weak(&m->permits, &had,
                                           permits_word(ticket.version, used - 1, good)));
}

/* How many transitions after being half-open it gets there, if nothing goes wrong; 0: never. */
static unsigned steps_to(enum machine_state s, const struct machine_conf *conf)
{
    if (s == MACHINE_CLOSED)
        return conf->slow_close ? 1 + MACHINE_RAMP_50 - MACHINE_RAMP_10 + 1 : 1;
    return s >= MACHINE_RAMP_10 ? 1 + s - MACHINE_RAMP_10 : 0;
}

bool machine_follow(const struct machine *m, const struct machine_conf *conf,
                    struct machine_ticket *ticket)
{
    const struct parts p = parts_of(atomic_load(&m->word));
    const unsigned steps = steps_to(p.state, conf);
    if (!steps || p.version != (uint16_t)(ticket->version + steps) || p.mode != MACHINE_AUTO)
        return false;
    *ticket = (struct machine_ticket){
        .version = p.version, .state = (uint8_t)p.state, .says = MACHINE_YES};
    return true;
}

void machine_force(struct machine *m, enum machine_mode mode, uint64_t now_ms,
                   struct machine_change *change)
{
    const struct parts to = {
        .state = mode == MACHINE_FORCED_OPEN ? MACHINE_OPEN : MACHINE_CLOSED,
        .mode = mode,
        .time_ms = mode == MACHINE_FORCED_OPEN ? 0 : now_ms,
    };
    *change = (struct machine_change){0};
    uint64_t word = atomic_load(&m->word);
    while (parts_of(word).mode != mode && !machine_change_to(m, word, to, MACHINE_OPERATOR, change))
        word = atomic_load(&m->word);
}

/* -- looking --------------------------------------------------------------------------------- */

struct machine_view machine_look(const struct machine *m)
{
    const struct parts p = parts_of(atomic_load(&m->word));
    const uint64_t permits = atomic_load(&m->permits);
    const bool probing = p.state == MACHINE_HALF_OPEN && version_of(permits) == p.version;
    const uint64_t used = probing ? used_of(permits) : 0, good = probing ? permits & COUNT : 0;
    const bool ends = p.state == MACHINE_HALF_OPEN ? used > good : p.state != MACHINE_CLOSED;
    return (struct machine_view){
        .state = p.state,
        .mode = p.mode,
        .version = p.version,
        .openings = p.openings,
        .since_ms = p.state == MACHINE_CLOSED ? p.time_ms : 0,
        .until_ms = ends ? p.time_ms : 0,
        .probes = (unsigned)used,
        .good = (unsigned)good,
    };
}

bool machine_is_open(const struct machine *m, uint64_t now_ms)
{
    const struct parts p = parts_of(atomic_load(&m->word));
    if (p.mode != MACHINE_AUTO)
        return p.mode == MACHINE_FORCED_OPEN;
    return p.state == MACHINE_OPEN && now_ms < p.time_ms;
}

const char *machine_state_name(enum machine_state s)
{
    static const char *const names[MACHINE_STATES] = {"closed",  "open",    "half_open",
                                                      "ramp_10", "ramp_25", "ramp_50"};
    return s < MACHINE_STATES ? names[s] : "?";
}

const char *machine_mode_name(enum machine_mode m)
{
    static const char *const names[] = {"auto", "forced_open", "forced_closed"};
    return m <= MACHINE_FORCED_CLOSED ? names[m] : "?";
}

const char *machine_cause_text(enum machine_cause c)
{
    static const char *const texts[] = {
        [MACHINE_TRIPPED] = "too much has failed",
        [MACHINE_TIME] = "its time is over",
        [MACHINE_PROBES_GOOD] = "the probes went well",
        [MACHINE_PROBE_BAD] = "a probe has failed",
        [MACHINE_PROBES_LOST] = "nothing was heard of the probes in time",
        [MACHINE_OPERATOR] = "an operator says so",
    };
    return c <= MACHINE_OPERATOR ? texts[c] : "?";
}

unsigned machine_share(enum machine_state s)
{
    static const uint8_t shares[MACHINE_STATES] = {[MACHINE_CLOSED] = 100,
                                                   [MACHINE_RAMP_10] = 10,
                                                   [MACHINE_RAMP_25] = 25,
                                                   [MACHINE_RAMP_50] = 50};
    return s < MACHINE_STATES ? shares[s] : 0;
}
