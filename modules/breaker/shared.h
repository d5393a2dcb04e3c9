/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_SHARED_H
#define WEIR_BREAKER_SHARED_H

/* Circuits that instances share (circuit = { shared = true; }), in the control process. Each has a
 * cell, which says what state the fleet has agreed on, a window that sums what all count, and a
 * counter of probes that went well. shared_plan.h decides, shared_circuit.c does it with each tick
 * and each answer, shared.c opens and closes them as endpoints come and go. All [control]. */

#include <weir/fleet.h>

#include "breaker/breaker.h"
#include "breaker/shared_plan.h"

struct shared_circuit {
    struct shared_circuit *next;
    struct weir_process *process;
    const struct breaker *b;
    weir_slot slot;             /* WEIR_NO_SLOT: it is the whole's */
    struct weir_slice endpoint; /* behind the struct; empty: the same */
    struct circuit circuit;
    /* NULL: could not be opened; the instance decides alone then. */
    struct weir_fleet_cell *cell;
    struct weir_fleet_window *window;
    struct weir_fleet_counter *goods;
    struct window_seen seen;
    /* What the fleet has. */
    struct shared_record record;
    bool heard, led, holding;
    bool unreadable; /* the record makes no sense here */
    /* Of its version alone. */
    enum circuit_reason reason; /* what its window says */
    struct window_sums sums;
    uint64_t good, spent_ms, patience_ms; /* as in struct shared_facts */
    struct circuit_event offered;         /* what is to be said when the offer is taken */
};

/* -- life (shared.c) --------------------------------------------------------------------------- */

/* All circuits that are shared now, and one tick of each. */
void shared_tick(struct breaker_local *local);
void shared_end(struct breaker_local *local);
/* NULL: it isn't shared, or not yet. */
const struct shared_circuit *shared_find(const struct breaker_local *local, const struct breaker *b,
                                         weir_slot slot);

/* -- one of them (shared_circuit.c) ------------------------------------------------------------ */

void shared_circuit_open(struct shared_circuit *s, struct weir_slice name);
void shared_circuit_close(struct shared_circuit *s);
void shared_circuit_tick(struct shared_circuit *s);

#endif
