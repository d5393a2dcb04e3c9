/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_REGEX_H
#define WEIR_CORE_ROUTE_REGEX_H

/* The regular expressions of routes, by PCRE2. An expression matches a value as a whole: "v[12]"
 * matches "v1" and not "v10" or "xv1", with or without ^ and $ of its own. Bytes, not characters:
 * there is no UTF mode, and an expression can't switch it on.
 *
 * The master compiles, with JIT where the machine has it; each text once, however many routes have
 * it. Workers bring their own match data and JIT stack. Three limits keep one request from holding
 * a worker up; an expression that hits one counts as not matching, and is counted. */

#include "base/arena.h"
#include "base/fault.h"
#include "base/map.h"
#include "config/option.h"

struct regex;

/* All expressions of one router. */
struct regex_set {
    struct map by_text; /* owned; the values own their PCRE2 code */
};

/* What a worker needs to match: owned by struct route_scratch. */
struct regex_scratch {
    struct pcre2_real_match_data_8 *data;   /* without groups: usual matching */
    struct pcre2_real_match_data_8 *groups; /* with REGEX_GROUPS of them */
    struct pcre2_real_match_context_8 *context;
    struct pcre2_real_jit_stack_8 *stack; /* NULL: no JIT here */
    uint64_t limit_hits;
};

/* The setting regex_steps is PCRE2's match limit. Its default is 100,000: ordinary expressions took
 * 1 to 2,000 steps on paths of 8,000 bytes. 100,000 steps of eight of the (a|a)*b kind, which would
 * take 2^n on n bytes, took 0.1 to 0.4 ms with JIT and 1 to 1.8 ms without. */
enum {
    REGEX_STEPS_DEFAULT = 100000,
    REGEX_DEPTH_MAX = 5000,     /* nested steps; interpreter only */
    REGEX_HEAP_MAX = 1024,      /* KiB; interpreter only */
    REGEX_STACK_MIN = 32 << 10, /* JIT stack: bytes at once, and at most */
    REGEX_STACK_MAX = 256 << 10,
    REGEX_GROUPS = 9, /* groups that are given out: those with one digit */
};

void regex_set_init(struct regex_set *set);
void regex_set_fini(struct regex_set *set);
/* The compiled expression, borrowed from the set; `text` must outlive it. NULL, with a fault at
 * `at` that begins with `what`, when it doesn't compile. */
const struct regex *regex_get(struct regex_set *set, struct slice text, const char *what,
                              const struct place *at, struct arena *a,
                              struct faults *faults) nodiscard;

void regex_scratch_init(struct regex_scratch *s, uint32_t steps);
void regex_scratch_fini(struct regex_scratch *s);
bool regex_match(const struct regex *re, struct regex_scratch *s, struct slice value);

/* How many groups an expression has, which may be more than REGEX_GROUPS. */
unsigned regex_groups(const struct regex *re);
/* The number of the group of that name, a C string; 0: there is none. */
unsigned regex_group_named(const struct regex *re, const char *name);
/* Matches, and gives the groups 1, 2, ... as slices of `value`; p == NULL for those that there are
 * not, or that took no part. All are that when it doesn't match. */
bool regex_captures(const struct regex *re, struct regex_scratch *s, struct slice value,
                    struct slice groups[static REGEX_GROUPS]);

#endif
