/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

/* A slice is a pointer and a length, by value: bytes that somebody else owns. It is never
 * NUL-terminated on purpose and never freed. An empty slice has n == 0 (p may be NULL).
 *
 *     struct slice s = slice_trim(SLICE("  a=1 "));
 *     if (slice_ieq(s, SLICE("A=1"))) ...
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *p;
    size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_of(const char *p, size_t n)
{
    return (struct slice){p, n};
}

/* The slice of a C string; NULL gives the empty slice. */
static inline struct slice slice_str(const char *s)
{
    return (struct slice){s, s ? strlen(s) : 0};
}

/* The bytes from `from` up to, not including, `to`. */
static inline struct slice slice_between(const char *from, const char *to)
{
    return (struct slice){from, (size_t)(to - from)};
}

static inline struct slice slice_from(struct slice s, size_t skip)
{
    if (skip > s.n)
        skip = s.n;
    return (struct slice){skip ? s.p + skip : s.p, s.n - skip}; /* NULL + 0 is undefined in C */
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n &&
           (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* ASCII lower case of one byte; bytes above 127 stay as they are. */
static inline char ascii_lower(char c)
{
    return (c >= 'A' && c <= 'Z') ? (char)(c | 0x20) : c;
}

bool slice_ieq_same(const char *a, const char *b, size_t n);

/* Equal without regard to ASCII case. */
static inline bool slice_ieq(struct slice a, struct slice b)
{
    return a.n == b.n && slice_ieq_same(a.p, b.p, a.n);
}

/* memcmp order, shorter first among equals: for sorting and bsearch. */
int slice_cmp(struct slice a, struct slice b);

/* Position of the first `c`, or s.n when there is none. */
size_t slice_find(struct slice s, char c);

/* Without leading and trailing SP and HTAB (RFC 9110 5.6.3, OWS). */
struct slice slice_trim(struct slice s);

/* Cuts the part before the first `sep` off the front of *rest and returns it; *rest is what
 * follows the separator. Without a separator the whole is returned and *rest becomes empty
 * with p == NULL, which ends the usual loop:
 *     for (struct slice rest = list; rest.p;) { struct slice one = slice_cut(&rest, ','); ... } */
struct slice slice_cut(struct slice *rest, char sep);

/* Decimal digits only, at least one, no sign, no white space; false on anything else and on
 * overflow of 64 bits. *out is untouched on failure. */
bool slice_to_u64(struct slice s, uint64_t *out);

/* Is `word` one of the comma-separated members of `list`, without regard to case
 * (RFC 9110 5.6.1: empty members and white space around members are ignored)? */
bool slice_list_has(struct slice list, struct slice word);

/* Seed for slice_hash, drawn once per process before the first map is made; without it the
 * hash is the same in every run, which tests like and attackers like too. */
void slice_hash_seed(uint64_t k0, uint64_t k1);

/* SipHash-1-3 of the bytes under the process's seed (Aumasson, Bernstein 2012). */
uint64_t slice_hash(struct slice s);

#endif
