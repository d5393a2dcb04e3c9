/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_CELL_H
#define WEIR_FLEET_CELL_H

/* Private to fleet_cell*.c: a cell. fleet_cell.c asks, fleet_cell_hear.c understands the answers.
 *
 *     unread ──read──► heard ◄──────┐            offer: none ──► queued ──tick──► sent ──► none
 *        ▲               │  ▲       │                               ▲              │
 *        └──it is apart──┘  └─► broken                              └──NOSCRIPT────┘
 *
 * Broken is a cell whose key holds what can't be read, or can't be written: it alone is apart. It is
 * looked at again in its turn. */

#include "fleet/fleet_parts.h"

enum offer_state { OFFER_NONE, OFFER_QUEUED, OFFER_SENT };

struct offer {
    enum offer_state state;
    uint64_t version;
    struct weir_claim fields[WEIR_FLEET_FIELDS]; /* names begin behind their dot; in `text` */
    size_t n;
    struct text text; /* ".name" and "value", one behind the other */
};

struct weir_fleet_cell {
    struct fleet_thing thing;
    const struct weir_fleet_cell_ops *ops;
    void *ctx;
    /* what the module has heard of last */
    uint64_t version, at_ms, by_hash;
    bool heard, broken;
    bool read;                     /* with the next tick: something has changed */
    uint64_t looked_ms, expire_ms; /* when it was looked at; when it is to be kept from expiring */
    uint64_t said_ms;              /* when the log said that it is broken */
    struct offer offer;
    json_t *held; /* owned; NULL: none */
};

static inline struct weir_fleet_cell *cell_of(struct fleet_thing *t)
{
    return container_of(t, struct weir_fleet_cell, thing);
}

/* The offer has ended. */
void fleet_cell_offered(struct weir_fleet_cell *c, bool taken, const struct weir_fleet_record *r);
/* Nothing is under way any more: the message that waited for that. */
void fleet_cell_settled(struct fleet_thing *t);
/* Answers to HGETALL, to HMGET n at, and to the script. */
void fleet_cell_on_read(struct fleet_thing *t, const struct redis_reply *r);
void fleet_cell_on_look(struct fleet_thing *t, const struct redis_reply *r);
void fleet_cell_on_offered(struct fleet_thing *t, const struct redis_reply *r);

#endif
