/* SPDX-License-Identifier: Apache-2.0 */
/* The sketch: the first bits of a mark choose a register, which keeps the greatest place at which
 * the first 1 of the other bits was ever found. A place k is met once in 2^k users, so the places
 * say how many there were; and adding a user once more changes nothing. */

#include "canary/users.h"

#include <math.h>

enum { REST = 64 - USERS_BITS }; /* bits behind the register's; places are 1 to REST + 1 */

void users_clear(struct users *u)
{
    for (unsigned i = 0; i < USERS_REGISTERS; i++)
        atomic_store_explicit(&u->registers[i], 0, memory_order_relaxed);
}

void users_add(struct users *u, uint64_t mark)
{
    const uint64_t rest = mark << USERS_BITS;
    const uint8_t place = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : REST + 1);
    _Atomic uint8_t *const r = &u->registers[mark >> REST];
    uint8_t was = atomic_load_explicit(r, memory_order_relaxed);
    while (was < place && !atomic_compare_exchange_weak_explicit(
                              r, &was, place, memory_order_relaxed, memory_order_relaxed))
        ;
}

/* x + the sum of x^(2^k) * 2^(k-1) over k from 1 on; infinite for 1, where no register was used. */
static double sigma(double x)
{
    double sum = x, weight = 1, before;
    if (x == 1)
        return INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * weight;
        weight += weight;
    } while (sum != before);
    return sum;
}

/* (1 - x - the sum of (1 - x^(2^-k))^2 * 2^-k over k from 1 on) / 3. */
static double tau(double x)
{
    double sum = 1 - x, weight = 1, before;
    if (x == 0 || x == 1)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        weight *= 0.5;
        sum -= (1 - x) * (1 - x) * weight;
    } while (sum != before);
    return sum / 3;
}

double users_count(const struct users *u)
{
    static const double m = USERS_REGISTERS;
    unsigned at[REST + 2] = {0}; /* registers by what they hold */
    for (unsigned i = 0; i < USERS_REGISTERS; i++) {
        const unsigned place = atomic_load_explicit(&u->registers[i], memory_order_relaxed);
        at[place < REST + 2 ? place : REST + 1]++;
    }
    double z = m * tau(1 - at[REST + 1] / m);
    for (unsigned k = REST; k >= 1; k--)
        z = 0.5 * (z + at[k]);
    z += m * sigma(at[0] / m);
    return m * m / (2 * log(2)) / z;
}
