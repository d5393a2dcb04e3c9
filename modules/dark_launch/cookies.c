/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/cookies.h"

#include "common/slice.h"

/* A pair as it stands between semicolons; false: it has no "=", so it has no name. */
static bool split(struct weir_slice pair, struct weir_slice *name, struct weir_slice *value)
{
    struct weir_slice rest = pair;
    *name = slice_trim(slice_cut(&rest, '='));
    *value = rest.p ? slice_trim(rest) : rest;
    return rest.p != NULL;
}

unsigned cookies_find(struct weir_slice line, struct weir_slice name, struct weir_slice *value)
{
    unsigned found = 0;
    for (struct weir_slice rest = line; rest.p;) {
        struct weir_slice its, v;
        if (split(slice_cut(&rest, ';'), &its, &v) && slice_eq(its, name)) {
            *value = v;
            found++;
        }
    }
    return found;
}

static bool is_one_of(struct weir_slice pair, const struct weir_slice *names, size_t n)
{
    struct weir_slice its, v;
    if (!split(pair, &its, &v))
        return false;
    for (size_t i = 0; i < n; i++)
        if (names[i].n && slice_eq(its, names[i]))
            return true;
    return false;
}

/* A pair goes with the separator before it; so what is left begins with white space when the first
 * one goes, which is taken off. */
size_t cookies_without(struct weir_slice line, const struct weir_slice *names, size_t n, char *to)
{
    size_t used = 0;
    bool began = false;
    for (struct weir_slice rest = line; rest.p;) {
        struct weir_slice pair = slice_cut(&rest, ';');
        if (is_one_of(pair, names, n))
            continue;
        if (began)
            to[used++] = ';';
        else
            pair = slice_trim(pair);
        memcpy(to + used, pair.p, pair.n);
        used += pair.n;
        began = true;
    }
    return slice_trim((struct weir_slice){to, used}).n;
}
