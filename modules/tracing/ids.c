/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/ids.h"

#include <errno.h>
#include <sys/random.h>

/* getrandom(2) gives what it is asked for, or less when a signal comes; it can't fail otherwise, as
 * the gateway has taken its seeds by it before. */
static void fill(struct id_pool *p)
{
    size_t n = 0;
    while (n < sizeof p->v) {
        const ssize_t got = getrandom((char *)p->v + n, sizeof p->v - n, 0);
        if (got < 0 && errno != EINTR)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    p->left = (unsigned)(n / sizeof p->v[0]);
}

uint64_t id_next(struct id_pool *p)
{
    if (!p->left)
        fill(p);
    const uint64_t v = p->left ? p->v[--p->left] : 0;
    return v ? v : 1;
}
