/* SPDX-License-Identifier: Apache-2.0 */
/* Priorities: a dictionary of structured fields (RFC 8941 3.2), of which two members count. The
 * members between the commas are cut without regard to strings and inner lists, since no member
 * that is known has them: a comma in one makes pieces that are unknown members, or none. */
#include "http/priority.h"

#include "http/token.h"

static bool key_ok(struct slice key)
{
    if (!key.n || !((key.p[0] >= 'a' && key.p[0] <= 'z') || key.p[0] == '*'))
        return false;
    return is_token(key);
}

/* One member without its parameters: "u=3", "i", "i=?0". */
static bool take_member(struct slice one, struct priority *p)
{
    struct slice value = one;
    const struct slice key = slice_cut(&value, '=');
    if (!key_ok(key))
        return false;
    if (slice_eq(key, SLICE("u")) && value.n == 1 && value.p[0] >= '0' && value.p[0] <= '7')
        p->urgency = (uint8_t)(value.p[0] - '0');
    else if (slice_eq(key, SLICE("i")) && (!value.p || slice_eq(value, SLICE("?1"))))
        p->incremental = true;
    else if (slice_eq(key, SLICE("i")) && slice_eq(value, SLICE("?0")))
        p->incremental = false;
    return true;
}

bool priority_parse(struct slice value, struct priority *p)
{
    struct priority new = *p;
    if (!slice_trim(value).n)
        return true;
    for (struct slice rest = value; rest.p;) {
        struct slice one = slice_trim(slice_cut(&rest, ','));
        if (!take_member(slice_trim(slice_cut(&one, ';')), &new))
            return false;
    }
    *p = new;
    return true;
}
