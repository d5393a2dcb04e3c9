/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** with a state of its own for each worker, so that no draw needs a lock or a system
 * call. Written after the public description by Blackman and Vigna.
 *
 * Invariant: the state is never all zero, which would stay zero for ever. */

#include "base/random.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/check.h"

static bool all_zero(const struct random *r)
{
    return !(r->s[0] | r->s[1] | r->s[2] | r->s[3]);
}

void random_init(struct random *r)
{
    do {
        const ssize_t n = getrandom(r->s, sizeof r->s, 0); /* up to 256 bytes come whole */
        must(n == (ssize_t)sizeof r->s || (n < 0 && errno == EINTR));
        if (n < 0)
            memset(r->s, 0, sizeof r->s);
    } while (all_zero(r));
}

/* splitmix64 spreads one word over the state; four of its outputs are never all zero. */
static uint64_t spread(uint64_t *x)
{
    uint64_t z = *x += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void random_seed(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = spread(&seed);
}

static inline uint64_t turn(uint64_t v, int bits)
{
    return v << bits | v >> (64 - bits);
}

uint64_t random_u64(struct random *r)
{
    uint64_t *const s = r->s;
    const uint64_t out = turn(s[1] * 5, 7) * 9;
    const uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turn(s[3], 45);
    return out;
}

uint64_t random_below(struct random *r, uint64_t n)
{
    must(n > 0);
    unsigned __int128 wide = (unsigned __int128)random_u64(r) * n;
    /* The upper half is the draw. The lower half says whether it came from the few values that
     * would make some draws more likely than others: only then is the division needed. */
    if ((uint64_t)wide < n) {
        const uint64_t least = -n % n;
        while ((uint64_t)wide < least)
            wide = (unsigned __int128)random_u64(r) * n;
    }
    return (uint64_t)(wide >> 64);
}

/* Eight digits at a time: each half-byte is moved into a byte of its own, and those above nine get
 * the distance from '9' + 1 to 'a' on top. */
static uint64_t hex8(uint32_t v)
{
    const uint64_t ones = 0x0101010101010101;
    uint64_t x = v;
    x = (x << 16 | x) & 0x0000ffff0000ffff;
    x = (x << 8 | x) & 0x00ff00ff00ff00ff;
    x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
    const uint64_t letters = ((x + 6 * ones) >> 4) & ones;
    return x + '0' * ones + letters * ('a' - '9' - 1);
}

void random_hex32(struct random *r, char out[32])
{
    for (int half = 0; half < 2; half++) {
        const uint64_t v = random_u64(r);
        const uint64_t text[2] = {hex8((uint32_t)v), hex8((uint32_t)(v >> 32))};
        memcpy(out + 16 * half, text, sizeof text);
    }
}
