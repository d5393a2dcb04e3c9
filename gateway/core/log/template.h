/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_TEMPLATE_H
#define WEIR_CORE_TEMPLATE_H

/* A text with variables in it, as settings have them: "user %{claim.sub|nobody}".
 *
 *     %{NAME}       the value of a variable (core/log/variables.h)
 *     %{NAME|ELSE}  ELSE where there is no value, or an empty one
 *     %%            a percent sign; any other % stands for itself
 *
 * The master compiles at load, workers render. The format strings of the access log are such texts,
 * too, which it writes by itself (core/log/access_log_format.c). */

#include "base/arena.h"
#include "base/fault.h"
#include "base/place.h"
#include "core/log/variables.h"

struct exchange;

/* Bytes of a rendered text: as large as a target may be by default, and half of a head. What stands
 * in it comes from requests, and a few variables could make many kilobytes of each. */
enum { TEMPLATE_MAX = 8192 };

/* Where a text stands, and when it is rendered. */
struct template_use {
    const char *what;          /* the setting, which messages begin with; static or lasting */
    const struct place *place; /* NULL: none */
    enum known_when when;      /* a variable that is known only later is an error */
    int groups;                /* of the path_regex of its route (router_groups); -1: not known */
    struct slice absent;       /* stands for a value that isn't there, where no ELSE does */
};

struct template_piece {
    struct slice before; /* literal text */
    struct variable_ref ref;
    struct slice absent;
};

struct template
{
    struct template_piece *pieces;
    size_t n;
    struct slice tail; /* behind the last, or all of a text without variables */
};

/* In `a`; `text` is borrowed for as long. NULL with a fault for each thing that is wrong. */
struct template *template_compile(struct slice text, const struct template_use *use,
                                  struct arena *a, struct faults *faults) nodiscard;
/* A variable by its name alone, as template_compile() takes it. False with a fault. */
bool template_find(struct slice name, const struct template_use *use, struct arena *a,
                   struct faults *faults, struct variable_ref *ref) nodiscard;

/* Does it name who asks (claims and the like)? */
bool template_wants_identity(const struct template *t);

enum rendered {
    RENDERED_TOO_LONG, /* over TEMPLATE_MAX; *out is untouched. The only one that is false */
    RENDERED_TEXT,     /* it has bytes that no field value may have (field_value_ok) */
    RENDERED_VALUE,
};

/* The result lies in `a`; that of a text without variables where it was compiled. */
enum rendered template_render(const struct template *t, struct exchange *x, struct arena *a,
                              struct slice *out) nodiscard;

#endif
