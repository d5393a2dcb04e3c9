/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_CELL_H
#define WEIR_FLEET_CELL_H

/* Private to fleet_cell*.c: a cell. fleet_cell.c asks, fleet_cell_hear.c understands the answers,
 * fleet_cell_lost.c finds what Redis has lost and puts it back, fleet_cell_take.c gives out
 * numbers.
 *
 *     unread ──read──► heard ◄──────┐            offer: idle ──► queued ──tick──► sent ──► idle
 *      │  ▲              │  ▲       │                               ▲              │
 *      │  └──it is apart─┘  └─► broken                              └──NOSCRIPT────┘
 *      └─lost─► put back, as a new lineage ─► heard
 *
 * Broken is a cell whose key holds what can't be read, or can't be written: it alone is apart. It
 * is looked at again in its turn. */

#include "fleet/fleet_parts.h"

enum asking { CELL_IDLE, CELL_QUEUED, CELL_SENT };

/* The record with the greatest version that has been heard of, also while it is apart: what is put
 * back when Redis has lost it. */
struct known {
    uint64_t version, lineage; /* version 0: none */
    uint64_t at_ms, made_ms;   /* by Redis's clock, and by this machine's */
    char by[FLEET_NAME_MAX];
    size_t by_n;
    struct fleet_fields fields;
};

struct offer {
    enum asking state;
    bool back;       /* what is known is put back; else it is the module's */
    uint64_t expect; /* the version that it comes after */
    struct fleet_fields fields;
};

struct take {
    enum asking state;
    uint64_t version, n;
};

struct weir_fleet_cell {
    struct fleet_thing thing;
    const struct weir_fleet_cell_ops *ops;
    void *ctx;
    struct known known;
    bool heard, broken;            /* the module has heard of what is known, since it was apart */
    bool read;                     /* with the next tick: something has changed */
    uint64_t looked_ms, expire_ms; /* when it was looked at; when it is to be kept from expiring */
    uint64_t said_ms;              /* when the log said that it is broken */
    struct offer offer;
    struct take take;
    json_t *held; /* owned; NULL: none */
};

static inline struct weir_fleet_cell *cell_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_cell, thing);
}

/* What is known is what the fleet has, as far as can be said: this cell isn't apart alone. */
static inline bool cell_led(const struct weir_fleet_cell *c)
{
    return c->heard && !c->broken;
}

/* -- hearing (fleet_cell_hear.c) --------------------------------------------------------------- */

/* What is under way ends without an answer: it is apart. */
void fleet_cell_end(struct weir_fleet_cell *c);
/* It alone is apart. */
void fleet_cell_broken(struct weir_fleet_cell *c, struct slice why);
void fleet_cell_unreadable(struct weir_fleet_cell *c, const char *why);
/* This is what is known from now on. */
void fleet_cell_know(struct weir_fleet_cell *c, const struct fleet_record *rec);
/* Nothing is under way any more: the message that waited for that. */
void fleet_cell_settled(struct fleet_thing *t);
/* Answers to HGETALL, to HMGET n at, and to the script. */
void fleet_cell_on_read(struct fleet_thing *t, const struct redis_reply *r);
void fleet_cell_on_look(struct fleet_thing *t, const struct redis_reply *r);
void fleet_cell_on_offered(struct fleet_thing *t, const struct redis_reply *r);

/* -- what Redis has lost (fleet_cell_lost.c) --------------------------------------------------- */

/* Of what an answer says is stored. True: Redis has lost something, or may have, and what is known
 * is queued to be put back. */
bool fleet_cell_lost(struct weir_fleet_cell *c, const struct fleet_record *stored);
/* Of what was published: what waits to be put back needn't be any more. */
bool fleet_cell_is_back(const struct weir_fleet_cell *c, const struct fleet_record *told);

/* -- numbers (fleet_cell_take.c) --------------------------------------------------------------- */

void fleet_cell_send_take(struct weir_fleet_cell *c);
void fleet_cell_took(struct weir_fleet_cell *c, uint64_t first, uint64_t n);

#endif
