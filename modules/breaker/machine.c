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

enum {
    VERSION_AT = 48,
    STATE_AT = 45,
    MODE_AT = 43,
    OPENINGS_AT = 38,
    OPENINGS_MAX = 31,
    USED_AT = 24,
    PERCENT = 100,
    MILLION = 1000000,
};
static const uint64_t TIME = ((uint64_t)1 << OPENINGS_AT) - 1; /* 8 years of milliseconds */
static const uint64_t COUNT = ((uint64_t)1 << USED_AT) - 1;

/* The word, taken apart. */
struct parts {
    uint16_t version;
    enum machine_state state;
    enum machine_mode mode;
    unsigned openings;
    uint64_t time_ms; /* closed: since when; else until when */
};

static struct parts parts_of(uint64_t word)
{
    return (struct parts){
        .version = (uint16_t)(word >> VERSION_AT),
        .state = (enum machine_state)(word >> STATE_AT & 7),
        .mode = (enum machine_mode)(word >> MODE_AT & 3),
        .openings = (unsigned)(word >> OPENINGS_AT & OPENINGS_MAX),
        .time_ms = word & TIME,
    };
}

static uint64_t word_of(struct parts p)
{
    return (uint64_t)p.version << VERSION_AT | (uint64_t)p.state << STATE_AT |
           (uint64_t)p.mode << MODE_AT | (uint64_t)p.openings << OPENINGS_AT | (p.time_ms & TIME);
}

/* -- transitions ----------------------------------------------------------------------------- */

/* `to` has everything but the version. False: another process was faster. */
static bool change_to(struct machine *m, uint64_t word, struct parts to, enum machine_cause cause,
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

static bool open_it(struct machine *m, uint64_t word, const struct machine_conf *conf,
                    struct machine_clock clock, enum machine_cause cause,
                    struct machine_change *change)
{
    const struct parts from = parts_of(word);
    const unsigned n = openings_before(&from, conf, clock.now_ms);
    /* Lost probes say nothing about the other side: they don't make the time longer. */
    const unsigned more = cause == MACHINE_PROBES_LOST && n ? 0 : 1;
    const uint64_t lasts = open_ms(conf, n + more - 1, clock.random);
    const struct parts to = {
        .state = MACHINE_OPEN,
        .openings = n + more > OPENINGS_MAX ? OPENINGS_MAX : n + more,
        .time_ms = clock.now_ms + lasts,
    };
    if (!change_to(m, word, to, cause, change))
        return false;
    change->lasts_ms = lasts;
    return true;
}

static bool half_open_it(struct machine *m, uint64_t word, const struct machine_conf *conf,
                         uint64_t now_ms, struct machine_change *change)
{
    const struct parts to = {
        .state = MACHINE_HALF_OPEN,
        .openings = parts_of(word).openings,
        .time_ms = now_ms + conf->probe_ms,
    };
    return change_to(m, word, to, MACHINE_TIME, change);
}

/* From half-open, or a step of the ramp, to what comes next. */
static bool close_further(struct machine *m, uint64_t word, const struct machine_conf *conf,
                          uint64_t now_ms, enum machine_cause cause, struct machine_change *change)
{
    const struct parts from = parts_of(word);
    struct parts to = {.state = MACHINE_CLOSED, .openings = from.openings, .time_ms = now_ms};
    if (conf->slow_close && from.state != MACHINE_RAMP_50) {
        to.state = from.state == MACHINE_HALF_OPEN ? MACHINE_RAMP_10 : from.state + 1;
        to.time_ms = now_ms + conf->step_ms;
    }
    return change_to(m, word, to, cause, change);
}

/* -- permits --------------------------------------------------------------------------------- */

static uint16_t version_of(uint64_t permits)
{
    return (uint16_t)(permits >> VERSION_AT);
}

static uint64_t used_of(uint64_t permits)
{
    return permits >> USED_AT & COUNT;
}

static uint64_t permits_word(uint16_t version, uint64_t used, uint64_t good)
{
    return (uint64_t)version << VERSION_AT | (used & COUNT) << USED_AT | (good & COUNT);
}

static bool is_newer(uint16_t a, uint16_t than)
{
    return (int16_t)(uint16_t)(a - than) > 0;
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

/* True: the state has come to its end, and this call has tried to make the next one. Half-open ends
 * only with probes that are lost: as long as nobody asks, there are none. */
static bool move_on(struct machine *m, uint64_t word, const struct machine_conf *conf,
                    struct machine_clock clock, struct machine_change *change)
{
    const struct parts p = parts_of(word);
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
    if (p.state != MACHINE_HALF_OPEN || p.mode != MACHINE_AUTO ||
        !is_waiting(m, p.version, conf->probes))
        return;
    p.time_ms = now_ms + conf->probe_ms;
    atomic_compare_exchange_strong(&m->word, &word, word_of(p));
}

static enum machine_says ask(struct machine *m, const struct parts *p,
                             const struct machine_conf *conf)
{
    if (p->mode != MACHINE_AUTO)
        return p->mode == MACHINE_FORCED_OPEN ? MACHINE_NO : MACHINE_IGNORED;
    switch (p->state) {
    case MACHINE_CLOSED:
        return MACHINE_YES;
    case MACHINE_HALF_OPEN:
        return take_probe(m, p->version, conf->probes) ? MACHINE_PROBE : MACHINE_NO_PROBE;
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
    const enum machine_says says = ask(m, &p, conf);
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
    if (is_current(m, ticket, &word) && ticket.says == MACHINE_YES)
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
        count_good(m, ticket.version) < conf->successes)
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
    while (parts_of(word).mode != mode && !change_to(m, word, to, MACHINE_OPERATOR, change))
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
