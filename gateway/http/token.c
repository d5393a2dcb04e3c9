/* SPDX-License-Identifier: Apache-2.0 */
/* Names as small integers. A field name is recognised without hashing it: its length and one of
 * its letters leave a single candidate (a table of 640 bytes), and the candidate is compared eight
 * bytes at a time. The comparison folds case only where the known name has a letter, so that a
 * control byte, which would become '-' or a digit under a blind "| 0x20", stays different.
 *
 * Who adds a name to TOKEN_LIST adds its candidate here; test_token fails until both agree. */

#include "http/token.h"

#include "base/check.h"

/* -- bytes ------------------------------------------------------------------------------------ */
#define T BYTE_TCHAR
#define V BYTE_VALUE
#define U BYTE_TARGET

const uint8_t byte_class[256] = {
    ['\t'] = V,
    [' '] = V,
    ['!'] = T | V | U,
    ['"'] = V,
    ['#'] = T | V,
    ['$' ... '\''] = T | V | U,
    ['(' ... ')'] = V | U,
    ['*' ... '+'] = T | V | U,
    [','] = V | U,
    ['-' ... '.'] = T | V | U,
    ['/'] = V | U,
    ['0' ... '9'] = T | V | U,
    [':' ... ';'] = V | U,
    ['<'] = V,
    ['='] = V | U,
    ['>'] = V,
    ['?' ... '@'] = V | U,
    ['A' ... 'Z'] = T | V | U,
    ['['] = V | U,
    ['\\'] = V | U,
    [']'] = V | U,
    ['^'] = T | V | U,
    ['_'] = T | V | U,
    ['`'] = T | V | U,
    ['a' ... 'z'] = T | V | U,
    ['{'] = V | U,
    ['|'] = T | V | U,
    ['}'] = V | U,
    ['~'] = T | V | U,
    [0x80 ... 0xff] = V,
};
#undef T
#undef V
#undef U

bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(byte_class[(uint8_t)s.p[i]] & BYTE_TCHAR))
            return false;
    return s.n > 0;
}

/* -- methods ---------------------------------------------------------------------------------- */
static const struct slice methods[METHOD_N] = {SLICE_INIT("OTHER"),
#define M(name) SLICE_INIT(#name),
                                               METHOD_LIST(M)
#undef M
};

static enum method if_method(enum method m, struct slice name)
{
    return slice_eq(methods[m], name) ? m : METHOD_OTHER;
}

enum method method_of(struct slice name)
{
    switch (name.n) {
    case 3:
        return if_method(name.p[0] == 'G' ? METHOD_GET : METHOD_PUT, name);
    case 4:
        return if_method(name.p[0] == 'P' ? METHOD_POST : METHOD_HEAD, name);
    case 5:
        return if_method(name.p[0] == 'P' ? METHOD_PATCH : METHOD_TRACE, name);
    case 6:
        return if_method(METHOD_DELETE, name);
    case 7:
        return if_method(name.p[0] == 'O' ? METHOD_OPTIONS : METHOD_CONNECT, name);
    default:
        return METHOD_OTHER;
    }
}

const char *method_name(enum method m)
{
    must(m < METHOD_N);
    return methods[m].p;
}

bool method_is_safe(enum method m)
{
    return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_OPTIONS || m == METHOD_TRACE;
}

bool method_is_idempotent(enum method m)
{
    return method_is_safe(m) || m == METHOD_PUT || m == METHOD_DELETE;
}

/* -- field names ------------------------------------------------------------------------------ */
enum { NAME_MAX_N = 19 }; /* proxy-authorization */

static const struct slice names[TOKEN_N] = {{"", 0},
#define T(id, name) SLICE_INIT(name),
                                            TOKEN_LIST(T)
#undef T
};

/* By length, and by the first letter; names of 16 bytes differ in the thirteenth. */
#define C(length, letter, id) [length][(letter)&31] = TOKEN_##id
static const uint8_t candidates[NAME_MAX_N + 1][32] = {
    C(2, 'b', B3),
    C(2, 't', TE),
    C(3, 'a', AGE),
    C(3, 'v', VIA),
    C(4, 'd', DATE),
    C(4, 'e', ETAG),
    C(4, 'h', HOST),
    C(4, 'v', VARY),
    C(6, 'a', ACCEPT),
    C(6, 'c', COOKIE),
    C(6, 'e', EXPECT),
    C(6, 'o', ORIGIN),
    C(6, 's', SERVER),
    C(7, 'r', REFERER),
    C(7, 't', TRAILER),
    C(7, 'u', UPGRADE),
    C(8, 'l', LOCATION),
    C(8, 'p', PRIORITY),
    C(9, 'f', FORWARDED),
    C(10, 'c', CONNECTION),
    C(10, 'k', KEEP_ALIVE),
    C(10, 's', SET_COOKIE),
    C(10, 't', TRACESTATE),
    C(10, 'u', USER_AGENT),
    C(11, 'r', RETRY_AFTER),
    C(11, 't', TRACEPARENT),
    C(12, 'c', CONTENT_TYPE),
    C(12, 'm', MAX_FORWARDS),
    C(12, 'x', X_REQUEST_ID),
    C(13, 'a', AUTHORIZATION),
    C(13, 'c', CACHE_CONTROL),
    C(13, 'l', LAST_MODIFIED),
    C(14, 'c', CONTENT_LENGTH),
    C(14, 'h', HTTP2_SETTINGS),
    C(15, 'a', ACCEPT_ENCODING),
    C(15, 'x', X_FORWARDED_FOR),
    C(16, 'd', CONTENT_ENCODING),
    C(16, 't', PROXY_CONNECTION),
    C(16, 'h', X_FORWARDED_HOST),
    C(16, 'p', X_FORWARDED_PORT),
    C(17, 't', TRANSFER_ENCODING),
    C(17, 'x', X_FORWARDED_PROTO),
    C(18, 'p', PROXY_AUTHENTICATE),
    C(19, 'p', PROXY_AUTHORIZATION),
};
#undef C

/* 0 when the eight bytes are equal; `known` is lower case. Its letters, and only they among the
 * bytes of names, have bit 0x40: they are where case is folded. */
static inline uint64_t differ8(const char *any, const char *known)
{
    uint64_t a, k;
    memcpy(&a, any, 8);
    memcpy(&k, known, 8);
    return (a | ((k & 0x4040404040404040) >> 1)) ^ k;
}

static inline uint32_t differ4(const char *any, const char *known)
{
    uint32_t a, k;
    memcpy(&a, any, 4);
    memcpy(&k, known, 4);
    return (a | ((k & 0x40404040) >> 1)) ^ k;
}

/* Both have n bytes, 2 <= n <= 19. The loads overlap rather than reach over the end. */
static inline bool equal_folded(const char *any, const char *known, size_t n)
{
    if (n >= 8) {
        uint64_t d = differ8(any, known) | differ8(any + n - 8, known + n - 8);
        if (n > 16)
            d |= differ8(any + 8, known + 8);
        return d == 0;
    }
    if (n >= 4)
        return (differ4(any, known) | differ4(any + n - 4, known + n - 4)) == 0;
    for (size_t i = 0; i < n; i++)
        if (ascii_lower(any[i]) != known[i])
            return false;
    return true;
}

enum token token_of(struct slice name)
{
    if (name.n < 2 || name.n > NAME_MAX_N)
        return TOKEN_OTHER;
    enum token t = candidates[name.n][name.p[name.n == 16 ? 12 : 0] & 31];
    return t != TOKEN_OTHER && equal_folded(name.p, names[t].p, name.n) ? t : TOKEN_OTHER;
}

struct slice token_name(enum token t)
{
    must(t < TOKEN_N);
    return names[t];
}
