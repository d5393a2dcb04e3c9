/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_FIELDS_H
#define WEIR_HTTP_FIELDS_H

/* An ordered list of field lines. Names and values are slices that lie in the same arena as the
 * list (or in a block, while a parser's caller has it in hands). Several lines of one name stay
 * several lines, in their order. */

#include <stdint.h>

#include "base/arena.h"
#include "http/token.h"

struct field {
    struct slice name, value; /* as they came, case kept; value without outer white space */
    uint8_t token;            /* enum token */
};

struct fields {
    struct field *v;
    uint16_t n, cap;
    /* One bit for each token that is surely not in the list, so that most look-ups end before they
     * begin. A bit that isn't set says nothing: a list made by hand, with none set, works too. */
    uint64_t absent;
};

/* An empty list with room for `cap` lines. */
void fields_init(struct fields *f, struct arena *a, uint16_t cap);
/* The same lines in a list of its own; names and values are shared. */
struct fields fields_copy(const struct fields *f, struct arena *a);
/* Appends; name and value are borrowed and must live as long as the list. Grows in `a`. */
void fields_add(struct fields *f, struct arena *a, struct slice name, struct slice value);
void fields_add_token(struct fields *f, struct arena *a, enum token name, struct slice value);
/* Replaces the first line of that name, drops its others; appends when there is none. */
void fields_set(struct fields *f, struct arena *a, struct slice name, struct slice value);
/* How many lines were dropped. */
unsigned fields_remove(struct fields *f, struct slice name);
unsigned fields_remove_token(struct fields *f, enum token t);
/* Lines called `from` are called `to` from now on, in their places, and lines that were called so
 * before are dropped; nothing changes when there is no line called `from`. How many there were. */
unsigned fields_rename(struct fields *f, struct slice from, struct slice to);

/* The first line of that name, or NULL. */
const struct field *fields_find(const struct fields *f, struct slice name);
const struct field *fields_find_token(const struct fields *f, enum token t);
/* The next line of the same name after `prev` (one that find or next gave). */
const struct field *fields_next(const struct fields *f, const struct field *prev);
/* The value of the first line, or the empty slice with p == NULL. */
struct slice fields_get_token(const struct fields *f, enum token t);

/* A name is a token; a value has no byte below 0x20 but HTAB, and no 0x7f (RFC 9110 5.5). */
bool field_name_ok(struct slice name);
bool field_value_ok(struct slice value);

#endif
