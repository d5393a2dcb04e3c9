/* SPDX-License-Identifier: Apache-2.0 */
/* A finding is a few words, of which unknown ones are skipped: "up" or "down", "failed" when the
 * last check has, and what the endpoint says of itself. */
#include "fleet/fleet_checkers.h"

#include <weir/fleet.h>

#include "core/cluster/endpoint_word.h"
#include "core/cluster/hash_table.h"

#include <jansson.h>
#include <stdlib.h>

enum { TURNS_MAX = 16 /* as health.fleet_checkers */ };

static struct slice copy(struct slice s)
{
    char *p = malloc(s.n + 1);
    must(p);
    if (s.n)
        memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

/* -- who takes part ---------------------------------------------------------------------------- */

void checkers_init(struct checkers *c, struct slice instance)
{
    *c = (struct checkers){.own = hash_key(instance)};
}

static void forget_findings(struct checker *one)
{
    for (size_t i = 0; i < one->n; i++)
        free((char *)one->findings[i].endpoint.p);
    free(one->findings);
    one->findings = NULL;
    one->n = 0;
}

static void leave(struct checkers *c, struct checker *one)
{
    forget_findings(one);
    free((char *)one->instance.p);
    *one = c->all[--c->n];
}

void checkers_blank(struct checkers *c)
{
    while (c->n)
        leave(c, c->all);
}

void checkers_fini(struct checkers *c)
{
    checkers_blank(c);
    free(c->all);
    c->all = NULL;
}

static struct checker *find(const struct checkers *c, struct slice instance)
{
    for (size_t i = 0; i < c->n; i++)
        if (slice_eq(c->all[i].instance, instance))
            return &c->all[i];
    return NULL;
}

static struct checker *join(struct checkers *c, struct slice instance)
{
    struct checker *more = realloc(c->all, (c->n + 1) * sizeof *more);
    must(more);
    c->all = more;
    c->all[c->n] = (struct checker){.instance = copy(instance), .hash = hash_key(instance)};
    return &c->all[c->n++];
}

/* -- notes ------------------------------------------------------------------------------------- */

/* UNKNOWN: it says nothing of the endpoint. */
static struct health_view read_view(struct slice words)
{
    struct health_view v = {HEALTH_UNKNOWN, true, -1};
    while (words.p) {
        const struct slice word = slice_cut(&words, ' ');
        if (slice_eq(word, SLICE("up")))
            v.health = HEALTH_UP;
        else if (slice_eq(word, SLICE("down")))
            v.health = HEALTH_DOWN;
        else if (slice_eq(word, SLICE("failed")))
            v.passed = false;
        for (int w = WORD_OK; w <= WORD_DRAIN; w++)
            if (slice_eq(word, slice_str(endpoint_word_name((enum endpoint_word)w))))
                v.word = w;
    }
    return v;
}

static void read_findings(struct checker *one, json_t *checks)
{
    const char *endpoint;
    json_t *said;
    one->findings = calloc(json_object_size(checks) + 1, sizeof *one->findings);
    must(one->findings);
    json_object_foreach(checks, endpoint, said)
    {
        const char *words = json_string_value(said);
        const struct health_view v = read_view(slice_str(words ? words : ""));
        if (v.health != HEALTH_UNKNOWN)
            one->findings[one->n++] = (struct checker_finding){copy(slice_str(endpoint)), v};
    }
}

bool checkers_hear(struct checkers *c, struct slice instance, struct slice text)
{
    struct checker *one = find(c, instance);
    if (!text.p) {
        if (one)
            leave(c, one);
        return true;
    }
    if (!one)
        one = join(c, instance);
    forget_findings(one);
    json_t *note = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *checks = json_object_get(note, "checks");
    const bool good = json_is_object(checks);
    if (good)
        read_findings(one, checks);
    json_decref(note);
    return good;
}

void checkers_note_begin(struct text *t)
{
    json_open(t, '{');
    json_key(t, "checks");
    json_open(t, '{');
}

/* A byte of a name may need six. */
bool checkers_note_add(struct text *t, struct slice endpoint, const struct health_view *v)
{
    enum { FRAME = 48 /* quotes, words, and what ends the note */ };
    char key[256], words[32];
    if (endpoint.n >= sizeof key || t->n + 6 * endpoint.n + FRAME > WEIR_FLEET_NOTE_MAX)
        return false;
    snprintf(key, sizeof key, "%.*s", SLICE_ARG(endpoint));
    snprintf(words, sizeof words, "%s%s%s%s", v->health == HEALTH_UP ? "up" : "down",
             v->passed ? "" : " failed", v->word >= 0 ? " " : "",
             v->word >= 0 ? endpoint_word_name((enum endpoint_word)v->word) : "");
    json_key(t, key);
    json_str(t, words);
    return true;
}

void checkers_note_end(struct text *t)
{
    json_close(t, '}');
    json_close(t, '}');
}

/* -- whose turn it is -------------------------------------------------------------------------- */

/* Of one endpoint: the highest numbers so far, from the highest on. */
struct turns {
    struct turn {
        uint64_t number;
        const struct checker *who; /* NULL: this instance */
    } best[TURNS_MAX];
    size_t n, m;
};

static void enter(struct turns *t, const struct checker *who, uint64_t number)
{
    size_t at = t->n;
    while (at > 0 && t->best[at - 1].number < number)
        at--;
    if (at >= t->m)
        return;
    t->n += t->n < t->m;
    memmove(&t->best[at + 1], &t->best[at], (t->n - at - 1) * sizeof t->best[0]);
    t->best[at] = (struct turn){number, who};
}

static const struct health_view *found(const struct checker *one, struct slice endpoint)
{
    for (size_t i = 0; i < one->n; i++)
        if (slice_eq(one->findings[i].endpoint, endpoint))
            return &one->findings[i].view;
    return NULL;
}

/* Up goes before down, and passed before failed. */
static bool is_better(const struct health_view *v, const struct health_view *best)
{
    if (best->health == HEALTH_UNKNOWN)
        return true;
    if (v->health != best->health)
        return v->health == HEALTH_UP;
    return v->passed && !best->passed;
}

static void count(struct health_views *all, const struct checker *who, struct slice endpoint)
{
    const struct health_view *v = who ? found(who, endpoint) : NULL;
    all->mine |= !who;
    if (!v)
        return;
    all->up += v->health == HEALTH_UP;
    all->down += v->health == HEALTH_DOWN;
    if (is_better(v, &all->best))
        all->best = *v;
}

struct health_views checkers_ask(const struct checkers *c, struct slice endpoint, size_t m)
{
    const uint64_t hash = hash_key(endpoint);
    struct turns t = {.m = m < TURNS_MAX ? m : TURNS_MAX};
    struct health_views all = {.best = {HEALTH_UNKNOWN, false, -1}};
    enter(&t, NULL, hash_mix(c->own, hash));
    for (size_t i = 0; i < c->n; i++)
        if (c->all[i].alive)
            enter(&t, &c->all[i], hash_mix(c->all[i].hash, hash));
    for (size_t i = 0; i < t.n; i++)
        count(&all, t.best[i].who, endpoint);
    return all;
}
