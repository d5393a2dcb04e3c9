/* SPDX-License-Identifier: Apache-2.0 */
/* Regular expressions of routes: compiled once by the master, matched by the workers.
 *
 * Code that JIT made lies in memory of its own, which a fork shares like the rest. Where there is
 * no JIT (an architecture without it, or a kernel that forbids writable code) the interpreter does
 * the work under the same step limit, and two more for the memory it takes.
 *
 * Matching doesn't allocate with JIT. The interpreter keeps its frames in the match data and grows
 * them up to REGEX_HEAP_MAX, once per worker. */

#include "core/route/route_regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Whole values only; $ means the very end; values are bytes. */
#define COMPILE_OPTIONS                                                                            \
    (PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF |                 \
     PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C)

struct regex {
    pcre2_code *code; /* owned */
};

void regex_set_init(struct regex_set *set)
{
    map_init(&set->by_text);
}

void regex_set_fini(struct regex_set *set)
{
    const struct map_entry *e;
    for (size_t at = 0; (e = map_next(&set->by_text, &at));)
        pcre2_code_free(((struct regex *)e->value)->code);
    map_fini(&set->by_text);
}

/* PCRE2 wants a pointer even where there are no bytes. */
static PCRE2_SPTR bytes_of(struct slice s)
{
    return (PCRE2_SPTR)(s.p ? s.p : "");
}

const struct regex *regex_get(struct regex_set *set, struct slice text, const char *what,
                              const struct place *at, struct arena *a, struct faults *faults)
{
    struct regex *re = map_find(&set->by_text, text);
    if (re)
        return re;

    int error;
    size_t offset;
    pcre2_code *code =
        pcre2_compile(bytes_of(text), text.n, COMPILE_OPTIONS, &error, &offset, NULL);
    if (!code) {
        char why[128];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
        faults_add(faults, at->file, at->line,
                   "%s: \"%.*s\" is no regular expression: %s, at offset %zu", what,
                   SLICE_ARG(text), why, offset);
        return NULL;
    }
    /* Without JIT the expression is as good, only slower. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    re = ARENA_NEW(a, struct regex);
    re->code = code;
    map_set(&set->by_text, text, re);
    return re;
}

/* -- matching --------------------------------------------------------------------------------- */

void regex_scratch_init(struct regex_scratch *s, uint32_t steps)
{
    *s = (struct regex_scratch){
        .data = pcre2_match_data_create(1, NULL),
        .groups = pcre2_match_data_create(REGEX_GROUPS + 1, NULL),
        .context = pcre2_match_context_create(NULL),
        .stack = pcre2_jit_stack_create(REGEX_STACK_MIN, REGEX_STACK_MAX, NULL),
    };
    must(s->data && s->groups && s->context);
    pcre2_set_match_limit(s->context, steps);
    pcre2_set_depth_limit(s->context, REGEX_DEPTH_MAX);
    pcre2_set_heap_limit(s->context, REGEX_HEAP_MAX);
    if (s->stack)
        pcre2_jit_stack_assign(s->context, NULL, s->stack);
}

void regex_scratch_fini(struct regex_scratch *s)
{
    pcre2_match_data_free(s->data);
    pcre2_match_data_free(s->groups);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
}

/* The number of pairs that were set, 0 when there was room for the first ones only; negative when
 * it doesn't match. */
static int match(const struct regex *re, struct regex_scratch *s, struct slice value,
                 pcre2_match_data *data)
{
    const int rc = pcre2_match(re->code, bytes_of(value), value.n, 0, 0, data, s->context);
    if (unlikely(rc < 0))
        s->limit_hits += rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_DEPTHLIMIT ||
                         rc == PCRE2_ERROR_HEAPLIMIT || rc == PCRE2_ERROR_JIT_STACKLIMIT;
    return rc;
}

bool regex_match(const struct regex *re, struct regex_scratch *s, struct slice value)
{
    return match(re, s, value, s->data) >= 0;
}

/* -- groups ------------------------------------------------------------------------------------ */

unsigned regex_groups(const struct regex *re)
{
    uint32_t n = 0;
    must(pcre2_pattern_info(re->code, PCRE2_INFO_CAPTURECOUNT, &n) == 0);
    return n;
}

/* A name that several groups share has no number of its own. */
unsigned regex_group_named(const struct regex *re, const char *name)
{
    const int number = pcre2_substring_number_from_name(re->code, (PCRE2_SPTR)name);
    return number > 0 ? (unsigned)number : 0;
}

bool regex_captures(const struct regex *re, struct regex_scratch *s, struct slice value,
                    struct slice groups[static REGEX_GROUPS])
{
    const int rc = match(re, s, value, s->groups);
    const int pairs = rc == 0 ? REGEX_GROUPS + 1 : rc;
    const size_t *ends = pcre2_get_ovector_pointer(s->groups);
    const char *text = (const char *)bytes_of(value);

    memset(groups, 0, REGEX_GROUPS * sizeof groups[0]);
    for (int i = 1; i < pairs; i++) {
        const size_t from = ends[2 * (size_t)i], to = ends[2 * (size_t)i + 1];
        if (from != PCRE2_UNSET)
            groups[i - 1] = slice_of(text + from, to - from);
    }
    return rc >= 0;
}
