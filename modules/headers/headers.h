/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HEADERS_HEADERS_H
#define WEIR_HEADERS_HEADERS_H

/* The settings of a use. */

#include <weir/module.h>

struct edit {
    struct weir_place place;
    struct weir_slice text;
    struct weir_name name;
    const struct weir_template *value;
};

struct renaming {
    struct weir_place place;
    struct weir_slice from_text, to_text;
    struct weir_name from, to;
};

/* Of one direction. */
struct edits {
    struct weir_texts remove;
    struct weir_name *removed;           /* the same, looked up */
    struct weir_groups rename;           /* of struct renaming */
    struct weir_groups set, append, add; /* of struct edit */
};

struct headers {
    struct edits request, response;
    struct weir_counters *counters;
};

/* explain.c [control] */
void headers_explain(struct weir_explain *e, const struct weir_use *u);

#endif
