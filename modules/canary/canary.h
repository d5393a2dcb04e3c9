/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_CANARY_H
#define WEIR_CANARY_CANARY_H

/* What the files of the module share: its settings, as settings.c reads them and load_route()
 * completes them; choose.c decides by them, canary.c has the hooks, commands.c answers operators.
 */

#include <stdatomic.h>

#include "canary/buckets.h"
#include "canary/cell.h"
#include "canary/cookie.h"
#include "canary/failures.h"
#include "canary/lease.h"
#include "canary/sticky.h"

/* Of each variant, with its name as a label. */
enum canary_counter {
    COUNT_PLACED,
    COUNT_ERRORS,
    COUNT_FELL_BACK,
    COUNT_HIDDEN,
    COUNT_NOT_HIDDEN,
    COUNT_COOKIES,
    COUNT_BAD_COOKIES,
    COUNT_UNDECIDED,
    COUNT_UNLEASED,
    COUNT_N
};
extern const struct weir_counter canary_counters[COUNT_N + 1];

enum canary_log { LOG_BY, LOG_FELL_BACK, LOG_HIDDEN };

/* on_unavailable, on_failure */
enum { ANSWER_FAIL, ANSWER_PRIMARY };

/* One entry of `split`. */
struct variant {
    struct weir_place place;
    weir_cluster cluster;
    int64_t weight;
    struct weir_slice name; /* the cluster's, when none is given */
    struct weir_chain *chain;
    /* made at load */
    struct weir_slice cluster_name;
    struct weir_variant *stats;
    struct weir_counters *counters;
    unsigned number; /* among the variants of all splits */
};

struct cookie_conf {
    struct weir_place place; /* file NULL: the group isn't there */
    bool issue, is_signed;
    struct weir_slice key_file, path, domain;
    uint64_t max_age; /* ms */
    bool secure, http_only;
    int same_site;
};

/* One split: a route's. */
struct canary {
    struct weir_groups split; /* of struct variant */
    struct weir_slice primary_name, sticky_text, seed, response_header_text, variant_cookie;
    struct cookie_conf cookie;
    int on_unavailable, on_failure;
    struct weir_texts failure_texts;
    uint32_t max_hidden; /* millionths */
    int64_t fleet_block; /* positions; 0: none are leased */
    /* made at load */
    struct canary *next; /* of canary_global.first */
    struct weir_slice route;
    struct variant *variants; /* split.v */
    size_t n, primary;
    struct weir_slice names[SCHEDULE_VARIANTS];
    uint32_t weights[SCHEDULE_VARIANTS]; /* the file's */
    struct sticky sticky;
    struct weir_name sticky_field, response_header; /* absent text: none */
    struct failures failures;
    struct weir_slice key;                                /* of signed cookies */
    struct cookie_attributes attributes, name_attributes; /* of the id; of the variant's name */
    struct bucket_hash *hash; /* owned; each process has a copy of its own by the fork */
    struct split_cell *cell;
    struct split_lease *lease; /* cell; NULL: all tickets are this instance's own */
    _Atomic uint64_t *current; /* cell: the digest of the split that is in force on this route */
    uint64_t digest;           /* this one's */
};

struct canary_global {
    struct weir_slice key_file;
    struct canary *first, **end; /* all splits of the generation */
    unsigned variants_n, leases_n;
};

struct split_feed;

/* What one process keeps: start(). */
struct canary_local {
    const struct canary_global *global;
    uint64_t *told_us; /* by variant.number: when it was last said that it isn't available */
    struct split_feed **feeds; /* in the control process; owned; NULL: none */
    size_t feeds_n;
};

extern const struct weir_setting canary_global_rows[], canary_route_rows[];
void canary_load(struct weir_load *l, void *global);
void canary_load_route(struct weir_load *l, void *conf, void *global);
void canary_unload_use(void *conf);

extern const struct weir_command canary_commands[];

static inline const struct variant *canary_primary(const struct canary *c)
{
    return &c->variants[c->primary];
}

#endif
