/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_OUTCOME_H
#define WEIR_COMMON_OUTCOME_H

/* How operators name what can become of an attempt: statuses and classes of them, kinds of failure,
 * and the statuses of gRPC. Which of these a module takes, and what they mean to it, is its own
 * affair. Pure; any process. */

#include "common/slice.h"

/* -- statuses ---------------------------------------------------------------------------------- */

struct statuses {
    uint64_t bits[10]; /* one for each, up to 639 */
};

static inline void statuses_add(struct statuses *s, unsigned from, unsigned to)
{
    for (unsigned i = from; i <= to && i < 640; i++)
        s->bits[i / 64] |= (uint64_t)1 << i % 64;
}

static inline bool statuses_has(const struct statuses *s, int status)
{
    return status >= 0 && status < 640 && s->bits[status / 64] >> status % 64 & 1;
}

/* Adds "5xx", or "503"; False: it is neither. */
static inline bool statuses_add_word(struct statuses *s, struct weir_slice word)
{
    if (word.n != 3 || word.p[0] < '1' || word.p[0] > '5')
        return false;
    const unsigned class = (unsigned)(word.p[0] - '0') * 100;
    if (memcmp(word.p + 1, "xx", 2) == 0) {
        statuses_add(s, class, class + 99);
        return true;
    }
    if (!is_digit(word.p[1]) || !is_digit(word.p[2]))
        return false;
    const unsigned status =
        class + (unsigned)(word.p[1] - '0') * 10 + (unsigned)(word.p[2] - '0');
    statuses_add(s, status, status);
    return true;
}

/* -- kinds of failure -------------------------------------------------------------------------- */

/* There is more that can go wrong than an operator wants to write down; so each kind stands for a
 * few failures. */
struct outcome_kind {
    const char *name;
    uint32_t failures; /* of enum weir_failure */
};

/* The number of the kind of this name; n: there is none. */
static inline unsigned kind_named(const struct outcome_kind *kinds, unsigned n,
                                  struct weir_slice name)
{
    unsigned i = 0;
    while (i < n && !slice_eq(name, slice_str(kinds[i].name)))
        i++;
    return i;
}

/* -- gRPC -------------------------------------------------------------------------------------- */

enum { GRPC_CODES = 17 };

/* https://grpc.io/docs/guides/status-codes/; NULL: no such code. */
static inline const char *grpc_name(unsigned code)
{
    static const char *const names[GRPC_CODES] = {
        "grpc_ok",
        "grpc_cancelled",
        "grpc_unknown",
        "grpc_invalid_argument",
        "grpc_deadline_exceeded",
        "grpc_not_found",
        "grpc_already_exists",
        "grpc_permission_denied",
        "grpc_resource_exhausted",
        "grpc_failed_precondition",
        "grpc_aborted",
        "grpc_out_of_range",
        "grpc_unimplemented",
        "grpc_internal",
        "grpc_unavailable",
        "grpc_data_loss",
        "grpc_unauthenticated",
    };
    return code < GRPC_CODES ? names[code] : NULL;
}

/* GRPC_CODES: it is no such name. */
static inline unsigned grpc_named(struct weir_slice name)
{
    unsigned code = 0;
    while (code < GRPC_CODES && !slice_eq(name, slice_str(grpc_name(code))))
        code++;
    return code;
}

/* The value of a grpc-status; -1: it isn't one. */
static inline int grpc_code(struct weir_slice value)
{
    int n = 0;
    if (value.n == 0 || value.n > 2)
        return -1;
    for (size_t i = 0; i < value.n; i++) {
        if (!is_digit(value.p[i]))
            return -1;
        n = n * 10 + (value.p[i] - '0');
    }
    return n;
}

#endif
