/* SPDX-License-Identifier: Apache-2.0 */
/* The field list: an array in an arena, searched from its start. A head has some ten fields, so
 * a walk over small integers is faster than any index would be, and order is kept for free.
 *
 * Invariant: v[i].token == token_of(v[i].name), and its bit in `absent` is not set. A name that is
 * known is only ever compared by its token, an unknown one by its bytes without regard to case. */

#include "http/fields.h"

enum { FIRST_CAP = 8 };
_Static_assert(TOKEN_N <= 64, "a token is a bit of fields.absent");

void fields_init(struct fields *f, struct arena *a, uint16_t cap)
{
    *f = (struct fields){.v = cap ? arena_alloc(a, cap * sizeof *f->v) : NULL, .cap = cap};
}

struct fields fields_copy(const struct fields *f, struct arena *a)
{
    struct fields copy = *f;
    copy.v = f->cap ? arena_alloc(a, f->cap * sizeof *f->v) : NULL;
    if (f->n)
        memcpy(copy.v, f->v, f->n * sizeof *f->v);
    return copy;
}

static void grow(struct fields *f, struct arena *a)
{
    must(f->cap < UINT16_MAX); /* limits.field_count keeps peers far below */
    uint32_t cap = f->cap < FIRST_CAP ? FIRST_CAP : f->cap * 2u;
    if (cap > UINT16_MAX)
        cap = UINT16_MAX;
    struct field *v = arena_alloc(a, cap * sizeof *v);
    if (f->n)
        memcpy(v, f->v, f->n * sizeof *v);
    f->v = v;
    f->cap = (uint16_t)cap;
}

static void append(struct fields *f, struct arena *a, struct field one)
{
    if (f->n == f->cap)
        grow(f, a);
    f->absent &= ~(UINT64_C(1) << one.token);
    f->v[f->n++] = one;
}

void fields_add(struct fields *f, struct arena *a, struct slice name, struct slice value)
{
    append(f, a, (struct field){.name = name, .value = value, .token = (uint8_t)token_of(name)});
}

void fields_add_token(struct fields *f, struct arena *a, enum token name, struct slice value)
{
    must(name != TOKEN_OTHER);
    append(f, a, (struct field){.name = token_name(name), .value = value, .token = (uint8_t)name});
}

static inline bool same_name(const struct field *f, enum token t, struct slice name)
{
    return f->token == t && (t != TOKEN_OTHER || slice_ieq(f->name, name));
}

/* The first field of that name at or behind v[from]. */
static const struct field *find_from(const struct fields *f, uint16_t from, enum token t,
                                     struct slice name)
{
    if ((f->absent >> t) & 1)
        return NULL;
    for (uint16_t i = from; i < f->n; i++)
        if (same_name(&f->v[i], t, name))
            return &f->v[i];
    return NULL;
}

/* Drops the fields of that name at and behind v[from]; the others move up. */
static unsigned remove_from(struct fields *f, uint16_t from, enum token t, struct slice name)
{
    uint16_t kept = from;
    if ((f->absent >> t) & 1)
        return 0;
    for (uint16_t i = from; i < f->n; i++)
        if (!same_name(&f->v[i], t, name)) {
            if (kept != i)
                f->v[kept] = f->v[i];
            kept++;
        }
    unsigned dropped = f->n - kept;
    f->n = kept;
    return dropped;
}

void fields_set(struct fields *f, struct arena *a, struct slice name, struct slice value)
{
    enum token t = token_of(name);
    const struct field *old = find_from(f, 0, t, name);
    if (!old) {
        append(f, a, (struct field){.name = name, .value = value, .token = (uint8_t)t});
        return;
    }
    uint16_t i = (uint16_t)(old - f->v);
    f->v[i].name = name;
    f->v[i].value = value;
    remove_from(f, i + 1, t, name);
}

unsigned fields_remove(struct fields *f, struct slice name)
{
    return remove_from(f, 0, token_of(name), name);
}

unsigned fields_remove_token(struct fields *f, enum token t)
{
    must(t != TOKEN_OTHER);
    return remove_from(f, 0, t, slice_of(NULL, 0));
}

unsigned fields_rename(struct fields *f, struct slice from, struct slice to)
{
    const enum token was = token_of(from), is = token_of(to);
    unsigned renamed = 0;
    if (slice_ieq(from, to) || !find_from(f, 0, was, from))
        return 0;
    remove_from(f, 0, is, to);
    for (uint16_t i = 0; i < f->n; i++)
        if (same_name(&f->v[i], was, from)) {
            f->v[i].name = to;
            f->v[i].token = (uint8_t)is;
            renamed++;
        }
    f->absent &= ~(UINT64_C(1) << is);
    return renamed;
}

const struct field *fields_find(const struct fields *f, struct slice name)
{
    return find_from(f, 0, token_of(name), name);
}

const struct field *fields_find_token(const struct fields *f, enum token t)
{
    must(t != TOKEN_OTHER);
    return find_from(f, 0, t, slice_of(NULL, 0));
}

const struct field *fields_next(const struct fields *f, const struct field *prev)
{
    return find_from(f, (uint16_t)(prev - f->v + 1), prev->token, prev->name);
}

struct slice fields_get_token(const struct fields *f, enum token t)
{
    const struct field *one = fields_find_token(f, t);
    return one ? one->value : slice_of(NULL, 0);
}

bool field_name_ok(struct slice name)
{
    return is_token(name);
}

/* Are these eight bytes all from 0x20 to 0x7e? A borrow or a carry into the next byte only comes from
 * one that isn't. */
static inline bool is_plain8(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return !((v | (v - 0x20 * ones) | (v + ones)) & 0x80 * ones);
}

bool field_value_ok(struct slice value)
{
    size_t i = 0;
    while (value.n - i >= 8 && is_plain8(value.p + i))
        i += 8;
    for (; i < value.n; i++)
        if (!(byte_class[(uint8_t)value.p[i]] & BYTE_VALUE))
            return false;
    return true;
}
