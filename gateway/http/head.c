/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a head: its bytes lie in a block that goes back to the stock, so they are copied into
 * the exchange's arena, all at once, and every slice is moved by the same distance. Copying the
 * slices one by one would cost twenty small copies for a head of ten fields. */

#include "http/head.h"

/* `s` points into `from`, or is empty without bytes. */
static inline void move(struct slice *s, const char *from, const char *to)
{
    if (s->p)
        s->p = to + (s->p - from);
}

static void keep_fields(struct fields *f, const char *from, const char *to, struct arena *a,
                        uint16_t spare)
{
    uint32_t cap = (uint32_t)f->n + spare;
    must(cap <= UINT16_MAX);
    struct field *v = cap ? arena_alloc(a, cap * sizeof *v) : NULL;
    for (uint16_t i = 0; i < f->n; i++) {
        v[i] = f->v[i];
        move(&v[i].name, from, to);
        move(&v[i].value, from, to);
    }
    f->v = v;
    f->cap = (uint16_t)cap;
}

void head_keep_request(struct request_head *h, struct slice raw, struct arena *a, uint16_t spare)
{
    const char *to = arena_dup(a, raw).p;
    move(&h->method, raw.p, to);
    move(&h->target, raw.p, to);
    keep_fields(&h->fields, raw.p, to, a, spare);
}

void head_keep_response(struct response_head *h, struct slice raw, struct arena *a, uint16_t spare)
{
    const char *to = arena_dup(a, raw).p;
    move(&h->reason, raw.p, to);
    keep_fields(&h->fields, raw.p, to, a, spare);
}
