/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FAULT_TICKET_H
#define WEIR_FAULT_TICKET_H

/* Which ones get a fault: an exact schedule instead of a dice. Ticket number n of a fault, from 0,
 * is drawn when floor((n + 1) p) > floor(n p), so that of the first n tickets floor(n p) are drawn,
 * whatever n is, and of any n in a row n p within one. Pure; any process. */

#include <stdbool.h>
#include <stdint.h>

enum { TICKET_WHOLE = 1000000 }; /* shares are counted in millionths */

/* `share` of TICKET_WHOLE, at most that. */
static inline bool ticket_drawn(uint64_t n, uint32_t share)
{
    /* The schedule begins again after so many: n p is whole there. */
    const uint64_t at = n % TICKET_WHOLE;
    return (at + 1) * share / TICKET_WHOLE > at * share / TICKET_WHOLE;
}

#endif
