/* SPDX-License-Identifier: Apache-2.0 */
/* The schedule of fetches, as arithmetic. */
#include "auth/refresh.h"

#include "common/slice.h"

/* -- Cache-Control ----------------------------------------------------------------------------- */

/* Digits, perhaps in quotes (RFC 9111 5.2 wants both taken). What is over ten years is as good as
 * ten years. */
static bool read_seconds(struct weir_slice s, uint64_t *out)
{
    const uint64_t most = 10ull * 366 * 86400;
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        s = (struct weir_slice){s.p + 1, s.n - 2};
    uint64_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s.p[i] - '0');
        n = n < most ? n : most;
    }
    *out = n;
    return s.n > 0;
}

/* No directive that matters has a comma within quotes. */
bool refresh_max_age(struct weir_slice cache_control, uint64_t *seconds)
{
    bool found = false;
    while (cache_control.n) {
        uint64_t one;
        struct weir_slice value = slice_trim(slice_cut(&cache_control, ','));
        const struct weir_slice name = slice_cut(&value, '=');
        if (!slice_ieq(name, WEIR_SLICE("max-age")) || !read_seconds(value, &one))
            continue;
        *seconds = found && *seconds < one ? *seconds : one;
        found = true;
    }
    return found;
}

/* -- times ------------------------------------------------------------------------------------- */

uint64_t refresh_after_ms(const struct refresh_rules *r, const uint64_t *max_age_s, uint64_t random)
{
    uint64_t ms = r->refresh_ms;
    if (max_age_s && *max_age_s * 1000 < ms)
        ms = *max_age_s * 1000;
    const uint64_t least = r->refetch_ms < r->refresh_ms ? r->refetch_ms : r->refresh_ms;
    ms = ms > least ? ms : least;
    return ms - random % (ms / 10 + 1);
}

uint64_t refresh_again_ms(const struct refresh_rules *r, unsigned failures, uint64_t random)
{
    const uint64_t most = r->refresh_ms < REFRESH_SLOWEST_MS ? r->refresh_ms : REFRESH_SLOWEST_MS;
    uint64_t ms = REFRESH_FIRST_MS;
    for (unsigned i = 1; i < failures && ms < most; i++)
        ms *= 2;
    ms = ms < most ? ms : most;
    return ms - random % (ms / 2 + 1);
}
