/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ROUTE_MATCH_H
#define WEIR_CORE_ROUTE_MATCH_H

/* The conditions of a route besides host and path, compiled by the master and asked by workers:
 *
 *   methods    one of them, case-sensitive; GET doesn't stand for HEAD
 *   listeners  one of them
 *   sources    the client's address lies in one of the ranges
 *   headers    all of them; several lines of one name are one value, joined by ", " (Cookie by
 *              "; ": RFC 9113 8.2.3). The value is compared as it came, with case
 *   query      all of them; the first pair of that name, decoded
 *   cookies    all of them; the first cookie of that name
 *   identity   all of them; any value of the claim of that name. "absent": it has no value. Asked
 *              last and by itself, as who asks may have to be found out first
 *
 * Each of the last four is exact, prefix, suffix, regex (of the whole value), present or absent.
 * A name that isn't there fulfils nothing but absent; one without a value is there.
 *
 * Values are looked up by number: every distinct name of a header, parameter or cookie in the whole
 * configuration is one `struct lookup`, and the scratch remembers what the request at hand has
 * there. So however many routes ask for a value, the request is searched and decoded once. */

#include "core/route/route.h"
#include "core/route/route_regex.h"

enum lookup_kind { LOOKUP_HEADER, LOOKUP_QUERY, LOOKUP_COOKIE, LOOKUP_CLAIM };

struct lookup {
    enum lookup_kind kind;
    enum token token; /* headers only */
    struct slice name;
};

struct condition {
    struct slice value;
    const struct regex *regex; /* MATCH_REGEX only */
    uint32_t lookup;           /* index into lookup_table.v */
    enum match_form form;
};

struct conditions {
    bool none;        /* there are none at all: the route's path is enough */
    uint32_t methods; /* bits by enum method; 0 with other_n 0: any */
    uint32_t other_n, values_n;
    const struct slice *other; /* methods that have no number */
    const uint64_t *listeners; /* a bit per listener; NULL: any */
    const struct cidr *sources;
    size_t sources_n;
    const struct condition *values; /* regexes last: they cost most; their texts lie behind them */
    const struct condition *claims; /* on the identity */
    uint32_t claims_n;
};

/* Every name that some condition asks for. */
struct lookup_table {
    const struct lookup *v;
    uint32_t n;
};

/* What the master needs while it compiles conditions. */
struct conditions_builder {
    const struct config *config;
    struct regex_set *regexes;
    struct arena *arena; /* for what stays */
    struct faults *faults;
    struct map numbers;     /* owned: (number + 1) by kind and name */
    struct lookup *lookups; /* in the arena */
    uint32_t lookups_n, lookups_cap;
};

void conditions_builder_init(struct conditions_builder *b, const struct config *c,
                             struct regex_set *regexes, struct arena *a, struct faults *faults);
/* The lookups stay, in the arena. */
struct lookup_table conditions_builder_fini(struct conditions_builder *b);
/* False, with faults, when a regex or a listener is wrong. */
bool conditions_build(struct conditions_builder *b, const struct route_conf *rc,
                      struct conditions *out) nodiscard;

/* The value that a request has at one lookup, remembered for as long as the turn is the same. */
struct found {
    uint64_t turn;
    bool present;
    struct slice value;
};

struct route_scratch {
    struct regex_scratch regex;
    uint64_t turn; /* counts requests */
    struct found found[];
};

/* Do those on the identity hold? NULL: nobody in particular. */
bool claims_hold(const struct conditions *cs, const struct lookup_table *lookups,
                 struct route_scratch *s, const struct identity *id);
/* Do all other conditions hold? */
bool conditions_hold(const struct conditions *cs, const struct lookup_table *lookups,
                     struct route_scratch *s, const struct route_query *q);

#endif
