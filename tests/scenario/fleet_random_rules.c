/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of all that was seen, each rule with its sentence. Where something can't be seen
 * well enough (a process was killed, Redis was killed with its last words, looks are too far apart)
 * a rule says nothing: it errs on the side of silence, never of blame. docs/fleet.md and
 * tests/model say what is promised. */
#include "fleet_random.h"

#include <criterion/criterion.h>
#include <string.h>

#define ULL(n) ((unsigned long long)(n))

enum {
    SLACK_US = 20000,       /* between a clock and the other */
    ANSWER_US = 1500000,    /* an answer of Redis's is worth nothing after that */
    UNSETTLED_US = 1500000, /* after a process has died nobody leads for so long at most */
    CLOCK_MS = 250,         /* Redis's clock is known to half a delay */
    HOLD_US = 1000000,      /* fleet.hold: a lead lapses if it isn't renewed for so long */
    TICK_US = 200000,       /* a tick or two, and some time */
    CALL_US = 8000000,
};

static struct {
    int status; /* of the backend's answers */
    uint64_t lost_us;
    unsigned told; /* modes that --fleet has said since all were the same; bits */
    struct rule_edge {
        struct look last;
        uint64_t led_us, version; /* of the last look that found it led */
        unsigned may;             /* modes; bits */
        enum mode local;
        uint64_t local_us;
    } edges[EDGES];
    struct {
        bool there, unsure;
        enum mode mode;
        unsigned edge;
        uint64_t us;
    } decided;
    struct known {
        uint64_t version;
        enum state state;
        char by[16];
    } known[8192];
    size_t known_n;
} is;

/* -- versions ---------------------------------------------------------------------------------- */

static const char once[] = "each version is one record, for all instances";

static void know(uint64_t version, enum state state, const char *by)
{
    size_t k = 0;
    while (k < is.known_n && is.known[k].version != version)
        k++;
    if (k == is.known_n) {
        cr_assert_lt(is.known_n, sizeof is.known / sizeof is.known[0]);
        struct known *new = &is.known[is.known_n++];
        *new = (struct known){.version = version, .state = state};
        memcpy(new->by, by, sizeof new->by);
    }
    const struct known *was = &is.known[k];
    if (was->state != state || strcmp(was->by, by) != 0)
        tale_broken(once, "version %llu is %s by %s, and %s by %s", ULL(version),
                    state_word(was->state), was->by, state_word(state), by);
}

/* What an operator has said takes a tick to end, or begin, the lead. */
static bool was_forced_since(unsigned i, uint64_t us)
{
    for (size_t k = turns_n(); k > 0; k--) {
        const struct turn *t = turn_at(k - 1);
        if (t->edge == i && t->operator_ && t->us + TICK_US > us)
            return true;
    }
    return false;
}

/* Whoever is led shows the version's state, and nobody else's version of it; and what a control
 * process shows never goes back. */
static void versions_agree(unsigned i, const struct look *l)
{
    struct rule_edge *e = &is.edges[i];
    if (!l->led || l->mode != MODE_AUTO || was_forced_since(i, l->asked_us))
        return;
    know(l->version, l->state, l->by);
    if (edge_touched_us(i) + UNSETTLED_US < e->led_us && l->version < e->version)
        tale_broken("older versions are no news", "edge-%u goes back from %llu to %llu", i,
                    ULL(e->version), ULL(l->version));
    e->led_us = l->asked_us;
    e->version = l->version;
}

/* A circuit goes from closed to open, from open to half-open, and from there either way. */
static bool may_follow(enum state from, enum state to)
{
    static const bool may[STATES][STATES] = {
        [STATE_CLOSED] = {[STATE_OPEN] = true},
        [STATE_OPEN] = {[STATE_HALF_OPEN] = true},
        [STATE_HALF_OPEN] = {[STATE_OPEN] = true, [STATE_CLOSED] = true},
    };
    return may[from][to];
}

/* A call whose line was lost with its worker may have been one. */
static bool is_good_probe(const struct call *c, uint64_t from_us, uint64_t to_us)
{
    if (c->status != 200)
        return false;
    if (!c->labelled)
        return c->end_us >= from_us && c->begin_us <= to_us;
    return c->probe && c->done_us + SLACK_US >= from_us && c->done_us <= to_us + SLACK_US;
}

/* On one edge, or on all of them. */
static unsigned good_probes(unsigned edge, uint64_t from_us, uint64_t to_us)
{
    unsigned n = 0;
    for (size_t k = 0; k < calls_n(); k++) {
        const struct call *c = call_at(k);
        n += (edge == EDGES || c->edge == edge) && is_good_probe(c, from_us, to_us);
    }
    return n;
}

/* Each transition succeeds the record that is there, by one number of the same lineage. */
static void succeeds(const struct made *m, const struct made *before)
{
    if (m->version != before->version + 1 || m->lineage != before->lineage)
        tale_broken("each version comes after the one that is there", "%llu after %llu",
                    ULL(m->version), ULL(before->version));
    if (!may_follow(before->state, m->state))
        tale_broken("one transition is made of each state", "version %llu is %s, the one before %s",
                    ULL(m->version), state_word(m->state), state_word(before->state));
}

/* The fleet closes a circuit when so many probes have gone well, since it is half-open; and makes
 * it half-open when its time is over. */
static void has_reason(const struct made *m, const struct made *before)
{
    const unsigned good = m->state == STATE_CLOSED ? good_probes(EDGES, before->us, m->us) : 0;
    if (m->state == STATE_CLOSED && good < SUCCESSES)
        tale_broken("no circuit closes without successes", "version %llu, %u good probes",
                    ULL(m->version), good);
    if (m->state == STATE_HALF_OPEN && before->original_us &&
        m->us + CLOCK_MS * 1000ULL < before->original_us + before->lasts_ms * 1000)
        tale_broken("what is open stays so for its time", "version %llu", ULL(m->version));
}

/* What is put back was made before, and what begins is a circuit that opens. */
static void begins_well(const struct made *m)
{
    if (m->back && !m->original_us && !redis_watch_has_gap())
        tale_broken("what is put back was there before", "version %llu", ULL(m->version));
    if (!m->back && m->state != STATE_OPEN)
        tale_broken("the first transition opens", "version %llu is %s", ULL(m->version),
                    state_word(m->state));
}

static void judge_made(struct made *m)
{
    const struct made *before = m->after_known && m->after ? made_version(m->after) : NULL;
    m->judged = true;
    know(m->version, m->state, m->by);
    if (m->lineage == m->version) {
        begins_well(m);
    } else if (before) {
        succeeds(m, before);
        has_reason(m, before);
    } else if (m->after_known && !m->after) {
        tale_broken("each version comes after the one that is there", "%llu after nothing",
                    ULL(m->version));
    }
}

/* -- transitions of instances ------------------------------------------------------------------ */

static struct made *made_by(const struct turn *t, bool unclaimed)
{
    for (size_t k = made_n(); k > 0; k--) {
        struct made *m = made_at(k - 1);
        if (m->us <= t->us + SLACK_US && m->state == t->to && strcmp(m->by, t->by) == 0 &&
            !(unclaimed && (m->claimed || m->back || m->us + ANSWER_US < t->us)))
            return m;
    }
    return NULL;
}

static uint64_t lineage_of(uint64_t version)
{
    const struct made *m = made_version(version);
    return m ? m->lineage : 0;
}

/* Was it led all the time between the two looks, and the turn came between them? */
static bool was_led(const struct turn *t, const struct look *then, const struct look *now)
{
    if (!then->led || !now->led || then->mode || now->mode || t->us <= then->us ||
        t->us >= now->asked_us || edge_touched_us(t->edge) + UNSETTLED_US > then->asked_us ||
        stalled_since(then->asked_us - HOLD_US) ||
        lineage_of(then->version) != lineage_of(now->version) ||
        was_forced_since(t->edge, then->asked_us))
        return false;
    return now->joined_ms * 1000 > now->us - then->asked_us + SLACK_US;
}

/* An instance that is led makes no transition but those that Redis has taken from it. Returns
 * whether it is the fleet's. */
static bool is_the_fleets(struct turn *t, const struct look *now)
{
    struct made *m = made_by(t, true);
    if (m)
        m->claimed = true;
    else if (was_led(t, &is.edges[t->edge].last, now))
        tale_broken("one transition per version, made by one instance",
                    "edge-%u has made itself %s, and Redis has not taken that from it", t->edge,
                    state_word(t->to));
    return m;
}

/* When the circuit that this turn closes was opened: by the record, if it was the fleet's. */
static uint64_t opened_us(const struct turn *closing)
{
    const struct turn *opening = NULL;
    for (size_t k = 0; k < turns_n() && turn_at(k) != closing; k++) {
        const struct turn *t = turn_at(k);
        if (t->edge == closing->edge && t->from == STATE_CLOSED)
            opening = t;
    }
    if (!opening || opening->operator_)
        return 0;
    const struct made *m = made_by(opening, false);
    const bool fleets = m && (opening->adopted || m->us + ANSWER_US > opening->us);
    return !fleets ? opening->us : m->original_us;
}

static uint64_t half_opened_us(const struct turn *closing)
{
    uint64_t us = 0;
    for (size_t k = 0; k < turns_n() && turn_at(k) != closing; k++) {
        const struct turn *t = turn_at(k);
        if (t->edge == closing->edge && t->to == STATE_HALF_OPEN && t->from == STATE_OPEN)
            us = t->us;
    }
    return us;
}

/* A circuit that has opened closes by no record that is older than that. */
static void closes_by_news(const struct turn *t)
{
    const struct made *m = *t->by ? made_by(t, false) : NULL;
    const uint64_t opened = opened_us(t);
    if (!*t->by || (m && m->original_us && m->original_us + SLACK_US < opened))
        tale_broken("no open circuit closes by joining",
                    "edge-%u has closed by version %llu, which is older than its opening", t->edge,
                    ULL(m ? m->version : 0));
}

/* Alone, a circuit closes by its own probes. */
static void closes_alone(const struct turn *t)
{
    const unsigned good = good_probes(t->edge, half_opened_us(t), t->us);
    if (good < SUCCESSES)
        tale_broken("no circuit closes without successes", "edge-%u, alone, %u good probes",
                    t->edge, good);
}

static void judge_turn(struct turn *t, const struct look *now)
{
    t->judged = true;
    if (t->operator_)
        return;
    const bool fleets = t->adopted || is_the_fleets(t, now);
    if (t->to == STATE_CLOSED && t->adopted)
        closes_by_news(t);
    else if (t->to == STATE_CLOSED && !fleets)
        closes_alone(t);
}

/* -- requests ---------------------------------------------------------------------------------- */

/* No request waits for Redis, or fails for it: each has the backend's answer or a refusal, soon. */
static void is_answered(const struct call *c)
{
    const bool excused =
        edge_touched_us(c->edge) + UNSETTLED_US > c->begin_us || stalled_since(c->begin_us);
    if (c->status != is.status && c->status != 503 && (c->status || !excused))
        tale_broken("no request fails for Redis", "edge-%u has answered %d", c->edge, c->status);
    if (c->end_us - c->begin_us > CALL_US && !stalled_since(c->begin_us))
        tale_broken("no request waits for Redis", "edge-%u has taken %llu ms", c->edge,
                    ULL(c->end_us - c->begin_us) / 1000);
}

static bool got_through(const struct call *c)
{
    return c->status && c->status != 503;
}

static bool led_throughout(unsigned i, const struct look *before, const struct look *after)
{
    return before->led && after->led && !before->mode && !after->mode &&
           !stalled_since(before->asked_us - HOLD_US) && !was_forced_since(i, before->asked_us) &&
           after->joined_ms * 1000 > after->us - before->asked_us + SLACK_US;
}

static bool forced(const struct look *before, const struct look *after, enum mode mode)
{
    return before->mode == mode && after->mode == mode && before->joined == after->joined;
}

/* What is open lets nothing through, half-open only probes; what an operator says stands. */
static void is_let_rightly(const struct call *c, const struct look *before,
                           const struct look *after)
{
    const bool same = led_throughout(c->edge, before, after) && before->version == after->version;
    if (got_through(c) &&
        ((same && before->state == STATE_OPEN) || forced(before, after, MODE_OPEN)))
        tale_broken("what is open lets nothing through", "edge-%u, call of status %d", c->edge,
                    c->status);
    if (got_through(c) && c->labelled && same && before->state == STATE_HALF_OPEN && !c->probe)
        tale_broken("half-open lets only probes through", "edge-%u, call of status %d", c->edge,
                    c->status);
    if (c->status == 503 && forced(before, after, MODE_CLOSED))
        tale_broken("what is forced closed lets everything through", "edge-%u", c->edge);
}

/* Is a probe that was sent after one look, and before the other, surely of this version? Not if
 * another half-open one may have followed it. */
static bool is_of_version(uint64_t version, uint64_t until_us)
{
    unsigned later = 0;
    for (size_t k = made_n(); k > 0 && made_at(k - 1)->version != version; k--) {
        const struct made *m = made_at(k - 1);
        if (m->us > until_us + SLACK_US)
            continue;
        later++;
        if (m->back || later > 1)
            return false;
    }
    return made_version(version);
}

/* Over all instances no more probes go out in one half-open version than are permitted. */
static void count_probe(struct call *c, const struct look *before, const struct look *after)
{
    unsigned n = 0;
    if (!c->probe || !led_throughout(c->edge, before, after) || before->state != STATE_HALF_OPEN ||
        !is_of_version(before->version, after->us))
        return;
    c->version = before->version;
    for (size_t k = calls_n(); k > 0; k--)
        n += call_at(k - 1)->version == c->version;
    if (n > PROBES)
        tale_broken("probes never go over the permits", "%u in version %llu", n, ULL(c->version));
}

static bool apart_throughout(unsigned i, const struct look *before, const struct look *after)
{
    return !before->led && !after->led && !before->joined && !after->joined && !before->mode &&
           !after->mode && !stalled_since(before->asked_us - HOLD_US) &&
           edge_touched_us(i) + UNSETTLED_US < before->asked_us;
}

/* Alone, an instance decides by itself: Redis gives no permission. */
static void decides_alone(unsigned i)
{
    enum { WINDOW_US = 1200000, ENOUGH = 6, SURE_PERCENT = 50 };
    const struct look *before = look_before(i), *after = look_after(i);
    unsigned now = 0, failed = 0, all = 0;
    for (size_t k = calls_n(); k > 0; k--) {
        const struct call *c = call_at(k - 1);
        if (c->edge != i || c->end_us + WINDOW_US < after->us)
            continue;
        all += c->status != 503;
        failed += c->status == 500;
        now += c->status == 500 && c->round == last_round();
    }
    if (apart_throughout(i, before, after) && before->state == STATE_CLOSED && now >= ENOUGH &&
        failed * 100 >= all * SURE_PERCENT && after->state == STATE_CLOSED)
        tale_broken("alone, an instance decides by itself", "edge-%u, %u of %u failed", i, failed,
                    all);
}

void rules_of_calls(unsigned mask)
{
    edges_read();
    redis_watch_read();
    for (size_t k = calls_n(); k > 0 && call_at(k - 1)->round == last_round(); k--) {
        struct call *c = call_at(k - 1);
        const struct look *before = look_before(c->edge), *after = look_after(c->edge);
        is_answered(c);
        is_let_rightly(c, before, after);
        count_probe(c, before, after);
    }
    for (unsigned i = 0; i < EDGES; i++)
        if (mask >> i & 1) {
            versions_agree(i, look_before(i));
            versions_agree(i, look_after(i));
            decides_alone(i);
        }
}

/* -- operators --------------------------------------------------------------------------------- */

static unsigned bit(enum mode mode)
{
    return 1U << mode;
}

static void decide(unsigned edge, enum mode mode)
{
    enum { SURE_US = 1500000 };
    const uint64_t now = wall_us();
    const bool close = is.decided.there && is.decided.edge != edge &&
                       now - is.decided.us < SURE_US && is.decided.mode != mode;
    is.decided.there = true;
    is.decided.unsure = close;
    is.decided.mode = mode;
    is.decided.edge = edge;
    is.decided.us = now;
    is.told |= bit(mode);
    for (unsigned i = 0; i < EDGES; i++)
        is.edges[i].may |= bit(mode);
}

void rules_operator(unsigned edge, enum mode mode, bool fleet)
{
    if (fleet)
        decide(edge, mode);
    is.edges[edge].may = bit(mode) | is.told;
    is.edges[edge].local = mode;
    is.edges[edge].local_us = wall_us();
}

/* Nobody forces a circuit but an operator, here or with --fleet. */
static void mode_is_said(unsigned i, const struct look *l)
{
    if (!(is.edges[i].may & bit(l->mode)))
        tale_broken("only operators force circuits", "edge-%u is in mode %d", i, (int)l->mode);
}

/* Could it have got lost: told to Redis alone, which has lost it, with who knew of it? */
static bool may_be_lost(void)
{
    uint64_t touched_us = 0;
    for (unsigned i = 0; i < EDGES; i++)
        if (edge_touched_us(i) > touched_us)
            touched_us = edge_touched_us(i);
    return is.lost_us >= is.decided.us && touched_us + UNSETTLED_US >= is.decided.us;
}

bool rules_last_decision_stands(void)
{
    if (!is.decided.there || is.decided.unsure || may_be_lost())
        return true;
    for (unsigned i = 0; i < EDGES; i++) {
        const struct look l = edge_look(i);
        const bool own = is.edges[i].local_us > is.decided.us && l.mode == is.edges[i].local;
        if (l.mode != is.decided.mode && !own)
            return false;
    }
    return true;
}

/* -- steps ------------------------------------------------------------------------------------- */

void rules_begin(void)
{
    memset(&is, 0, sizeof is);
    is.status = 200;
    rules_agreed(MODE_AUTO);
}

void rules_backend(int status)
{
    is.status = status;
}

void rules_redis_lost(void)
{
    is.lost_us = wall_us();
}

void rules_agreed(enum mode mode)
{
    is.told = bit(mode);
    for (unsigned i = 0; i < EDGES; i++)
        is.edges[i].may = bit(mode);
}

void rules_of_step(void)
{
    struct look now[EDGES];
    for (unsigned i = 0; i < EDGES; i++)
        now[i] = edge_look(i);
    edges_read();
    redis_watch_read();
    for (size_t k = 0; k < made_n(); k++)
        if (!made_at(k)->judged)
            judge_made(made_at(k));
    for (size_t k = 0; k < turns_n(); k++)
        if (!turn_at(k)->judged)
            judge_turn(turn_at(k), &now[turn_at(k)->edge]);
    for (unsigned i = 0; i < EDGES; i++) {
        versions_agree(i, &now[i]);
        mode_is_said(i, &now[i]);
        is.edges[i].last = now[i];
    }
}
