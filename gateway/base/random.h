/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_RANDOM_H
#define WEIR_BASE_RANDOM_H

/* xoshiro256** (Blackman, Vigna 2018) for load balancing, jitter and ids: fast, not secret. The
 * seed comes from getrandom(2); tests give their own. Nothing here is for cryptography. */

#include <stdint.h>

struct random {
    uint64_t s[4];
};

/* From the kernel's entropy. Call it again after fork. */
void random_init(struct random *r);
/* A fixed sequence. */
void random_seed(struct random *r, uint64_t seed);
uint64_t random_u64(struct random *r);
/* Uniform in [0, n); n > 0. Without modulo bias (Lemire 2019). */
uint64_t random_below(struct random *r, uint64_t n);
/* 32 lower-case hexadecimal digits, no NUL: a request id. */
void random_hex32(struct random *r, char out[32]);

#endif
