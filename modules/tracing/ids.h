/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TRACING_IDS_H
#define WEIR_TRACING_IDS_H

/* Ids from the kernel's random numbers, which nobody can foresee or meet by accident. A process
 * takes many at a time: one system call for some 128 requests. Each process has a pool of its own,
 * made after the fork; all zeros is an empty one. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_pool {
    uint64_t v[512];
    unsigned left; /* from the end on, these were given out */
};

/* Never 0. */
uint64_t id_next(struct id_pool *p);

/* Further ids that belong to one: the same for the same number, different for others; never 0. The
 * mix is that of SplitMix64 (Steele, Lea, Flood 2014), which maps no two numbers to one. */
static inline uint64_t id_of(uint64_t seed, uint64_t number)
{
    uint64_t z = seed + number * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return z ? z : 1;
}

#endif
