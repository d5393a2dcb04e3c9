/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_OUTLIER_VOTES_H
#define WEIR_OUTLIER_VOTES_H

/* Verdicts of other instances on the endpoints of one cluster, as their notes have them:
 *
 *     {"out": {"10.0.0.4:80": {"why": "5xx", "n": 3}}}
 *
 * has ejected that endpoint, by what it has seen itself, and it was its third ejection there. `n`
 * tells one verdict from the next, so a verdict has an age here: since when it is known. One from
 * before the endpoint came back here says nothing of how it is now, or the same verdict would
 * eject it again and again. Pure; the control process. */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum { VOTES_WHY_MAX = 31, VOTES_NAMES_MAX = 256 };

struct vote {
    char *endpoint; /* owned */
    char why[VOTES_WHY_MAX + 1];
    uint64_t n;
    uint64_t heard_ms; /* 0: before this instance listened */
    bool acted;        /* votes_act() has had it */
};

/* What one instance says. */
struct ballot {
    char *instance; /* owned */
    struct vote *votes;
    size_t n;
    bool known; /* false: what it said before this instance was apart, kept to know it again */
};

struct votes {
    struct ballot *ballots; /* owned, n of them; all zeros: nobody has said anything */
    size_t n;
};

/* The note of an instance; without a text it has none any more. False: there is no sense in it, and
 * it counts as none. `now_ms` 0: this is no news, but was there before this instance listened. */
bool votes_hear(struct votes *v, struct weir_slice instance, struct weir_slice text,
                uint64_t now_ms);
/* Nobody knows what others say. */
void votes_blank(struct votes *v);
void votes_free(struct votes *v);

/* Who says that the endpoint is to be out, since `since_ms` or later. */
struct votes_found {
    size_t n;
    bool fresh;                  /* one of them wasn't there the last time (votes_act) */
    char names[VOTES_NAMES_MAX]; /* "edge-a (5xx), edge-b (failures) and 3 more" */
};
void votes_find(const struct votes *v, struct weir_slice endpoint, uint64_t since_ms,
                struct votes_found *f);
void votes_act(struct votes *v, struct weir_slice endpoint);
/* All that are known, for who looks: [{"instance": "edge-a", "why": "5xx"}]. */
json_t *votes_json(const struct votes *v, struct weir_slice endpoint);

/* -- this instance's note ---------------------------------------------------------------------- */

/* As many endpoints as find room, in their order; the others are only counted. */
struct votes_note {
    json_t *out; /* NULL: no memory */
    size_t size, used, left_out;
};
void votes_note_begin(struct votes_note *note, size_t size);
void votes_note_add(struct votes_note *note, struct weir_slice endpoint, const char *why,
                    uint64_t n);
/* Writes it down, and frees what it was made of: its length; 0: no memory, or names that JSON needs
 * more room for than they have bytes. `to` has the size that it began with. */
size_t votes_note_end(struct votes_note *note, char *to);

#endif
