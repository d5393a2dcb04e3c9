/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_UNIT_H2_CASE_H
#define WEIR_TESTS_UNIT_H2_CASE_H

/* Header blocks as text: "name: value" lines; a name may begin with a colon. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "http/h2_head.h"

static const struct h2_limits h2_limits = {.head_size = 4096, .target_size = 64, .field_count = 20};
static struct h2_block block;
static struct arena arena;

static inline void h2_case_begin(void)
{
    arena_init(&arena, NULL, 0);
    h2_block_init(&block, &h2_limits);
}

static inline void h2_case_end(void)
{
    h2_block_fini(&block);
    arena_fini(&arena);
}

static inline void h2_fill(const char *lines)
{
    h2_block_begin(&block);
    for (struct slice rest = slice_str(lines); rest.p && rest.n;) {
        const struct slice line = slice_cut(&rest, '\n');
        const size_t colon = 1 + slice_find(slice_from(line, 1), ':');
        const struct slice value = slice_from(line, colon + 1);
        cr_assert(h2_block_add(&block, slice_of(line.p, colon),
                               slice_from(value, value.n && value.p[0] == ' ')));
    }
}

/* "name: value|name: value|" */
static inline const char *h2_lines(const struct fields *f)
{
    static char text[8192];
    text[0] = 0;
    for (uint16_t i = 0; i < f->n; i++) {
        cr_assert_eq(f->v[i].token, token_of(f->v[i].name));
        cr_assert(!((f->absent >> f->v[i].token) & 1));
        snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s: %.*s|",
                 SLICE_ARG(f->v[i].name), SLICE_ARG(f->v[i].value));
    }
    return text;
}

static inline bool h2_inside(struct slice s, struct slice raw)
{
    return !s.p || (s.p >= raw.p && s.p + s.n <= raw.p + raw.n);
}

#define EXPECT_SLICE(s, text)                                                                      \
    cr_assert(slice_eq(s, slice_str(text)), "\"%.*s\" is not \"%s\"", SLICE_ARG(s), text)

#endif
