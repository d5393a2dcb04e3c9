/* SPDX-License-Identifier: Apache-2.0 */
/* One value out of a query or out of cookies, without a table. Names are compared while they are
 * decoded, so a name that doesn't fit costs no memory; the value is decoded into the arena only
 * when something in it is encoded. A malformed escape stands for itself, as in every browser: the
 * query belongs to the application, which reads it that way too. */
#include "http/query.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The next decoded byte of s at *at, which moves behind it. */
static char decode_next(struct slice s, size_t *at)
{
    char c = s.p[(*at)++];
    if (c == '+')
        return ' ';
    if (c != '%' || s.n - *at < 2)
        return c;
    int high = hex_value(s.p[*at]), low = hex_value(s.p[*at + 1]);
    if (high < 0 || low < 0)
        return c;
    *at += 2;
    return (char)(high << 4 | low);
}

static bool decoded_eq(struct slice encoded, struct slice name)
{
    size_t at = 0, i = 0;
    while (at < encoded.n && i < name.n) {
        if (decode_next(encoded, &at) != name.p[i++])
            return false;
    }
    return at == encoded.n && i == name.n;
}

static struct slice decode(struct slice s, struct arena *a)
{
    if (slice_find(s, '%') == s.n && slice_find(s, '+') == s.n)
        return s;
    char *out = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t at = 0; at < s.n;)
        out[n++] = decode_next(s, &at);
    return slice_of(out, n);
}

bool query_find(struct slice query, struct slice name, struct arena *a, struct slice *value)
{
    for (struct slice rest = query; rest.p;) {
        struct slice pair = slice_cut(&rest, '&');
        size_t equals = slice_find(pair, '=');
        if (pair.n == 0 || !decoded_eq(slice_of(pair.p, equals), name))
            continue;
        *value = decode(slice_from(pair, equals + 1), a);
        return true;
    }
    return false;
}

/* -- cookies --------------------------------------------------------------------------------- */

static bool find_in_line(struct slice line, struct slice name, struct slice *value)
{
    for (struct slice rest = line; rest.p;) {
        struct slice pair = slice_trim(slice_cut(&rest, ';'));
        size_t equals = slice_find(pair, '=');
        if (equals == pair.n || !slice_eq(slice_trim(slice_of(pair.p, equals)), name))
            continue;
        struct slice v = slice_trim(slice_from(pair, equals + 1));
        if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
            v = slice_of(v.p + 1, v.n - 2);
        *value = v;
        return true;
    }
    return false;
}

bool cookie_find(const struct fields *f, struct slice name, struct slice *value)
{
    for (const struct field *line = fields_find_token(f, TOKEN_COOKIE); line;
         line = fields_next(f, line)) {
        if (find_in_line(line->value, name, value))
            return true;
    }
    return false;
}
