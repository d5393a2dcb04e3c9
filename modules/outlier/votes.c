/* SPDX-License-Identifier: Apache-2.0 */
/* A ballot is read anew with each note of its instance, and what was in the last one keeps its age.
 * Notes have 4 kB at most, and a fleet has few instances: everything is looked for from the front.
 */
#include "outlier/votes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_text(const char *text, struct weir_slice s)
{
    return strlen(text) == s.n && memcmp(text, s.p, s.n) == 0;
}

/* -- ballots ----------------------------------------------------------------------------------- */

static void empty(struct ballot *b)
{
    for (size_t i = 0; i < b->n; i++)
        free(b->votes[i].endpoint);
    free(b->votes);
    b->votes = NULL;
    b->n = 0;
}

static void drop(struct votes *v, struct ballot *b)
{
    empty(b);
    free(b->instance);
    *b = v->ballots[--v->n];
}

static struct ballot *find(const struct votes *v, struct weir_slice instance)
{
    for (size_t i = 0; i < v->n; i++)
        if (is_text(v->ballots[i].instance, instance))
            return &v->ballots[i];
    return NULL;
}

/* NULL: no memory. */
static struct ballot *add(struct votes *v, struct weir_slice instance)
{
    struct ballot *more = realloc(v->ballots, (v->n + 1) * sizeof *more);
    char *name = strndup(instance.p, instance.n);
    if (more)
        v->ballots = more;
    if (!more || !name) {
        free(name);
        return NULL;
    }
    v->ballots[v->n] = (struct ballot){.instance = name};
    return &v->ballots[v->n++];
}

static struct vote *find_vote(const struct ballot *b, const char *endpoint, size_t n)
{
    for (size_t i = 0; i < b->n; i++)
        if (is_text(b->votes[i].endpoint, (struct weir_slice){endpoint, n}))
            return &b->votes[i];
    return NULL;
}

/* -- hearing ----------------------------------------------------------------------------------- */

/* What another version of Weir says more of it doesn't matter. */
static void read_vote(struct ballot *to, const struct ballot *before, const char *endpoint,
                      const json_t *said, uint64_t now_ms)
{
    const char *why = json_string_value(json_object_get(said, "why"));
    const json_int_t n = json_integer_value(json_object_get(said, "n"));
    const struct vote *had = find_vote(before, endpoint, strlen(endpoint));
    struct vote *vote = &to->votes[to->n];
    *vote = (struct vote){.n = n > 0 ? (uint64_t)n : 0, .heard_ms = now_ms};
    snprintf(vote->why, sizeof vote->why, "%s", why ? why : "?");
    if (had && had->n == vote->n) {
        vote->heard_ms = had->heard_ms;
        vote->acted = had->acted;
    }
    vote->endpoint = strdup(endpoint);
    to->n += vote->endpoint != NULL;
}

static bool read_ballot(struct ballot *b, struct weir_slice text, uint64_t now_ms)
{
    json_t *note = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
    json_t *out = json_object_get(note, "out"), *said;
    const char *endpoint;
    struct ballot before = *b;
    b->votes = calloc(json_object_size(out) + 1, sizeof *b->votes);
    b->n = 0;
    b->known = true;
    json_object_foreach(out, endpoint, said)
    {
        if (b->votes && json_is_object(said))
            read_vote(b, &before, endpoint, said, now_ms);
    }
    const bool good = json_is_object(out);
    empty(&before);
    json_decref(note);
    return good;
}

bool votes_hear(struct votes *v, struct weir_slice instance, struct weir_slice text,
                uint64_t now_ms)
{
    if (memchr(instance.p, '\0', instance.n))
        return false;
    struct ballot *b = find(v, instance);
    if (!text.p) {
        if (b)
            drop(v, b);
        return true;
    }
    if (!b)
        b = add(v, instance);
    return !b || read_ballot(b, text, now_ms);
}

/* Who hasn't said anything since the last time won't. */
void votes_blank(struct votes *v)
{
    for (size_t i = v->n; i > 0; i--) {
        struct ballot *b = &v->ballots[i - 1];
        if (b->known)
            b->known = false;
        else
            drop(v, b);
    }
}

void votes_free(struct votes *v)
{
    while (v->n)
        drop(v, v->ballots);
    free(v->ballots);
    *v = (struct votes){0};
}

/* -- counting ---------------------------------------------------------------------------------- */

static struct vote *vote_of(const struct ballot *b, struct weir_slice endpoint)
{
    return b->known ? find_vote(b, endpoint.p, endpoint.n) : NULL;
}

/* Names of which only a part finds room are left out. */
static bool write_name(struct votes_found *f, size_t *at, const struct ballot *b,
                       const struct vote *vote)
{
    enum { MORE = 24 /* " and 1000 more" */ };
    const size_t room = sizeof f->names - MORE - *at;
    const int n =
        snprintf(f->names + *at, room, "%s%s (%s)", *at ? ", " : "", b->instance, vote->why);
    if (n < 0 || (size_t)n >= room) {
        f->names[*at] = '\0';
        return false;
    }
    *at += (size_t)n;
    return true;
}

void votes_find(const struct votes *v, struct weir_slice endpoint, uint64_t since_ms,
                struct votes_found *f)
{
    size_t at = 0, unnamed = 0;
    *f = (struct votes_found){0};
    for (size_t i = 0; i < v->n; i++) {
        const struct vote *vote = vote_of(&v->ballots[i], endpoint);
        if (!vote || vote->heard_ms < since_ms)
            continue;
        f->n++;
        f->fresh |= !vote->acted;
        unnamed += unnamed || !write_name(f, &at, &v->ballots[i], vote);
    }
    if (unnamed)
        snprintf(f->names + at, sizeof f->names - at, "%s%zu more", at ? " and " : "", unnamed);
}

void votes_act(struct votes *v, struct weir_slice endpoint)
{
    for (size_t i = 0; i < v->n; i++) {
        struct vote *vote = vote_of(&v->ballots[i], endpoint);
        if (vote)
            vote->acted = true;
    }
}

json_t *votes_json(const struct votes *v, struct weir_slice endpoint)
{
    json_t *all = json_array();
    for (size_t i = 0; i < v->n; i++) {
        const struct vote *vote = vote_of(&v->ballots[i], endpoint);
        json_t *o = vote ? json_object() : NULL;
        if (!vote)
            continue;
        json_object_set_new(o, "instance", json_string(v->ballots[i].instance));
        json_object_set_new(o, "why", json_string(vote->why));
        json_array_append_new(all, o);
    }
    return all;
}

/* -- this instance's note ---------------------------------------------------------------------- */

void votes_note_begin(struct votes_note *note, size_t size)
{
    *note = (struct votes_note){.out = json_object(), .size = size, .used = sizeof "{'out':{}}"};
}

void votes_note_add(struct votes_note *note, struct weir_slice endpoint, const char *why,
                    uint64_t n)
{
    const size_t length =
        sizeof "'':{'why':'','n':18446744073709551615}," + endpoint.n + strlen(why);
    char *name = note->used + length <= note->size ? strndup(endpoint.p, endpoint.n) : NULL;
    if (!name) {
        note->left_out++;
        return;
    }
    json_t *said = json_object();
    json_object_set_new(said, "why", json_string(why));
    json_object_set_new(said, "n", json_integer((json_int_t)n));
    json_object_set_new(note->out, name, said);
    note->used += length;
    free(name);
}

size_t votes_note_end(struct votes_note *note, char *to)
{
    json_t *whole = json_object();
    json_object_set_new(whole, "out", note->out);
    const size_t n = json_dumpb(whole, to, note->size, JSON_COMPACT);
    json_decref(whole);
    note->out = NULL;
    return n <= note->size ? n : 0;
}
