/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_RELAY_H
#define WEIR_CORE_RELAY_H

/* Moving content between the client and an attempt, with back-pressure: what one side doesn't take
 * stays queued in the exchange, and when limits.queue bytes are queued the other side stops
 * reading until half of it is gone. */

#include <stdbool.h>

struct attempt;
struct exchange;

/* Content of the request, and its end; checks the limit of its size. */
void relay_inward(struct exchange *x, struct attempt *at);
/* Content of the response. */
void relay_outward(struct exchange *x, struct attempt *at);
/* Content of the gateway's own answer. */
void relay_own(struct exchange *x);
/* 1xx responses, to clients that know them. */
void relay_interims(struct exchange *x, struct attempt *at);
/* Nothing more can be done now: sees to it that it doesn't stay so for too long. */
void relay_watch(struct exchange *x, struct attempt *at);

#endif
