/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/tracestate.h"

#include "common/slice.h"

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Level 2 lets a key begin with a digit, and have an @ anywhere; level 1 has less. */
static bool is_key(struct weir_slice s)
{
    if (!s.n || s.n > TRACESTATE_KEY || !(is_lower(s.p[0]) || is_digit(s.p[0])))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_lower(s.p[i]) && !is_digit(s.p[i]) && !(s.p[i] && strchr("_-*/@", s.p[i])))
            return false;
    return true;
}

/* Printable ASCII but "," and "="; the end is no space, since that was trimmed. */
static bool is_value(struct weir_slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '=')
            return false;
    return s.n && s.n <= TRACESTATE_VALUE;
}

static bool is_member(struct weir_slice s)
{
    const char *equals = s.n ? memchr(s.p, '=', s.n) : NULL;
    if (!equals)
        return s.n == 0;
    const size_t key = (size_t)(equals - s.p);
    return is_key((struct weir_slice){s.p, key}) && is_value(slice_from(s, key + 1));
}

bool tracestate_count(struct weir_slice line, unsigned *members)
{
    while (line.p) {
        if (!is_member(slice_trim(slice_cut(&line, ','))) || ++*members > TRACESTATE_MEMBERS)
            return false;
    }
    return true;
}
