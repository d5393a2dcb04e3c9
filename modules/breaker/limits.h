/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BREAKER_LIMITS_H
#define WEIR_BREAKER_LIMITS_H

/* How much is under way in a cluster, over all workers of an instance: gauges in shared memory,
 * with a column for each process, where it alone counts its own. What counts against a limit is the
 * sum.
 *
 * Who has a column holds its lock, a robust mutex, for as long as it lives, and the kernel lets go
 * of it when the process ends, however it ends. So a column without an owner is known for certain,
 * and what it says is taken off: by the next process that looks for a column, or by limits_mend().
 *
 * Exactness: the sum never exceeds a limit. At the limit, two workers that take at the very same
 * moment may both be told that there is no room where one could have been let in. */

#include <stdbool.h>
#include <stdint.h>

/* Processes at a time: workers of this generation, and of older ones that still drain. */
enum { LIMITS_COLUMNS = 256, LIMITS_NONE = -1 };

enum limits_gauge { LIMITS_REQUESTS, LIMITS_PENDING, LIMITS_RETRIES, LIMITS_GAUGES };
enum { LIMITS_CLASSES = 2 }; /* usual, high */

struct limits;
/* About 16 kB; it wants the alignment of 64. */
uint64_t limits_size(void);
/* Makes it of zeros; one that was made before is left alone. False: this system can't. Master,
 * before anybody uses it. */
bool limits_init(struct limits *l) __attribute__((warn_unused_result));

/* A column for this process, until it ends or leaves; LIMITS_NONE: living processes have all. */
int limits_sit(struct limits *l) __attribute__((warn_unused_result));
void limits_leave(struct limits *l, int column);
/* Empties columns whose process has died; how many there were. Any process, also without one. */
unsigned limits_mend(struct limits *l);

/* One more; false, with nothing changed, when there are `limit` already. Without a column there is
 * no counting, and everything goes. */
bool limits_take(struct limits *l, int column, unsigned class, enum limits_gauge g, uint32_t limit)
    __attribute__((warn_unused_result));
void limits_give(struct limits *l, int column, unsigned class, enum limits_gauge g);
/* Any process. */
uint32_t limits_sum(const struct limits *l, unsigned class, enum limits_gauge g);

#endif
