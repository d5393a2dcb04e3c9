/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_VARIABLES_H
#define WEIR_CORE_VARIABLES_H

/* What can be said about an exchange, by name: one table (variables_list.h) from which the access
 * log, journald's fields, texts with variables in them (core/log/template.h) and the reference manual
 * are made. A variable that is added there is in all of them.
 *
 *     struct variable_ref ref;  struct variable_value v;
 *     if (variable_find(SLICE("request.accept"), a, &ref) == NULL && ref.of->get(x, &ref, &v)) ...
 *
 * A name that ends in a dot is a family: "request." stands for the header fields of any name.
 *
 * Names are looked up at load, by the master. Values are read by workers, for every request and
 * variable: nothing there formats with printf, and texts are handed on where they lie. */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "http/token.h"

struct exchange;
struct text;
struct variable_ref;

enum variable_kind {
    VARIABLE_TEXT,  /* may hold anything */
    VARIABLE_PLAIN, /* of our own making: needs no escape */
    VARIABLE_NUMBER,
    VARIABLE_BOOL,
};

/* What stands behind the dot of a family. */
enum variable_part {
    PART_NONE, /* it is no family */
    PART_FIELD,
    PART_COOKIE,
    PART_TEXT,  /* anything */
    PART_GROUP, /* of a regex: a number from 1 to 9, or a name */
};

/* From when on an exchange has its value, if it ever has one. */
enum known_when {
    KNOWN_REQUEST,  /* the request's head is here, and its route is found */
    KNOWN_ATTEMPT,  /* the head for the backend is made: the cluster is chosen, no endpoint yet */
    KNOWN_RESPONSE, /* the response's head is made */
    KNOWN_END,      /* the exchange has ended */
};

/* Where a variable puts its value. */
struct variable_value {
    struct slice text;
    uint64_t number;
    char memory[512]; /* for short texts that are made here; longer ones lie in x->arena */
};

struct variable {
    const char *name;
    enum variable_kind kind;
    bool preset; /* among those that `format = "json"` of the access log writes */
    enum variable_part part;
    enum known_when known;
    /* False: the exchange has no such value. */
    bool (*get)(struct exchange *x, const struct variable_ref *ref, struct variable_value *v);
    const char *help;
};

/* A variable that some text asks for. */
struct variable_ref {
    const struct variable *of;
    struct slice name; /* of a family: what stands behind its dot, with a NUL behind it */
    enum token token;  /* ... as the name of a header field */
    unsigned group;    /* ... as the number of a group; 0: it has a name */
};

/* In the order in which a JSON line has them; ends with a row without a name. */
extern const struct variable variables[];

/* NULL when there is such a variable; else what is wrong with its name, in words that lie in `a`:
 * "there is no variable "statsu", did you mean "status"?; ...". Master, at load. */
const char *variable_find(struct slice name, struct arena *a, struct variable_ref *ref) nodiscard;

/* "request", "attempt", "response", "end". */
const char *known_when_name(enum known_when when);

#endif
