/* SPDX-License-Identifier: Apache-2.0 */
#include "mirror/delta.h"

/* Of 1 and more: from 0, four to a doubling by the two bits below the highest one. */
static int bucket_of(uint64_t us)
{
    const int high = 63 - __builtin_clzll(us);
    const int low = high >= 2 ? (int)(us >> (high - 2) & 3) : (int)(us << (2 - high) & 3);
    const int bucket = 4 * high + low;
    return bucket < DELTA_SIDE ? bucket : DELTA_SIDE - 1;
}

/* Half-way between its bounds. */
static int64_t middle_of(int bucket)
{
    const int high = bucket / 4;
    const double low = (double)(UINT64_C(1) << high) * (4 + bucket % 4) / 4;
    return (int64_t)(low + (double)(UINT64_C(1) << high) / 8);
}

void delta_add(struct delta *d, int64_t us)
{
    int at = DELTA_SIDE;
    if (us > 0)
        at += 1 + bucket_of((uint64_t)us);
    else if (us < 0)
        at -= 1 + bucket_of(-(uint64_t)us);
    atomic_fetch_add_explicit(&d->v[at], 1, memory_order_relaxed);
}

int64_t delta_median(const struct delta *d)
{
    uint64_t v[DELTA_BUCKETS], n = 0, below = 0;
    for (int i = 0; i < DELTA_BUCKETS; i++)
        n += v[i] = atomic_load_explicit(&d->v[i], memory_order_relaxed);
    for (int i = 0; i < DELTA_BUCKETS; i++) {
        below += v[i];
        if (n == 0 || below * 2 < n)
            continue;
        if (i == DELTA_SIDE)
            return 0;
        return i > DELTA_SIDE ? middle_of(i - DELTA_SIDE - 1) : -middle_of(DELTA_SIDE - i - 1);
    }
    return 0;
}
