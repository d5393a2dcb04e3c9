/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_EVENT_RING_H
#define WEIR_BASE_EVENT_RING_H

/* The last notable events of all processes, in shared memory: what operators look back at.
 *
 *     number = event_ring_put(ring, &e);                         any process
 *
 *     struct event_cursor c = event_ring_newest(ring, 100);      who reads
 *     while (event_ring_next(ring, &c, now_us, &e)) ...          c.lost says what was missed
 *
 * Writers wait for nobody, and nobody waits for them: who dies in the middle of an event costs that
 * one. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum {
    EVENT_RING_SIZE = 512, /* events */
    EVENT_NAME_MAX = 48,   /* bytes of its name, with a NUL */
    EVENT_PROCESS_MAX = 32,
    EVENT_TEXT_MAX = 896, /* bytes of what else is told of it */
};

struct event {
    uint64_t sum;              /* the ring's: of the rest */
    uint64_t number;           /* from 1, in the order in which they began to be written */
    uint64_t wall_us, mono_us; /* when */
    uint16_t level;            /* enum log_level */
    uint16_t text_n;
    char process[EVENT_PROCESS_MAX], name[EVENT_NAME_MAX]; /* NUL-terminated */
    char text[EVENT_TEXT_MAX]; /* members of a JSON object: "fields":{...}, see base/event.h */
};

enum { EVENT_WORDS = sizeof(struct event) / sizeof(uint64_t) };
_Static_assert(sizeof(struct event) % sizeof(uint64_t) == 0, "it is copied by words");

struct event_place {
    _Atomic uint64_t state; /* of event N: 2N + 1 while it is written, then 2N */
    _Atomic uint64_t words[EVENT_WORDS];
};

struct event_ring {
    _Atomic uint64_t given; /* the number that was given last */
    struct event_place places[EVENT_RING_SIZE];
};

/* Copies it in, and gives it its number, which is returned. */
uint64_t event_ring_put(struct event_ring *r, struct event *e);

/* How far somebody has read. */
struct event_cursor {
    uint64_t after; /* the number of the last one */
    uint64_t lost;  /* how many were left out because they weren't there any more */
};

/* Before the last n. */
struct event_cursor event_ring_newest(const struct event_ring *r, uint64_t n);
/* The next one. False: there is none, or it is being written. A cursor of another ring, which has
 * had more events than this one, begins anew. `now_us` is CLOCK_MONOTONIC. */
bool event_ring_next(const struct event_ring *r, struct event_cursor *c, uint64_t now_us,
                     struct event *out) nodiscard;

#endif
