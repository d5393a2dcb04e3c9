/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_SETTINGS_H
#define WEIR_DARK_LAUNCH_SETTINGS_H

/* What stands under `dark_launch`, on a route and under `modules`, and what load makes of it. */

#include <weir/module.h>

#include "dark_launch/grants.h"
#include "dark_launch/testers.h"

/* What is counted, for each route. */
enum dark_count {
    COUNT_SENT,
    COUNT_UNAVAILABLE,
    COUNT_FAILED,
    COUNT_GRANTS_USED,
    COUNT_GRANTS_REFUSED,
    COUNT_LISTS_WRONG,
};
extern const struct weir_counter dark_counters[];

enum dark_otherwise { OTHERWISE_FAIL, OTHERWISE_NORMAL };

struct dark_version {
    struct weir_place place;
    struct weir_slice name;
    weir_cluster cluster;
    struct weir_variant *variant;
};

/* On a route. */
struct dark {
    /* as written */
    weir_cluster cluster;
    struct weir_groups versions; /* struct dark_version */
    struct testers testers;
    struct weir_slice list_file;
    uint64_t list_limit;
    bool grants, opt_in;
    struct weir_slice choose_header, choose_cookie;
    int on_unavailable, on_failure; /* enum dark_otherwise */
    /* made at load */
    struct dark *next;
    unsigned number;
    struct weir_slice route;
    struct weir_name header; /* choose_header; an absent text: none */
    weir_cluster normal;     /* the route's own; WEIR_NO_CLUSTER: it has another end */
    struct weir_blob *list;  /* NULL: there is no file */
    struct weir_counters *counters;
};
static inline struct dark_version *dark_versions(const struct dark *d)
{
    return d->versions.v;
}

/* Under `modules`, and the list of all uses. */
struct dark_global {
    struct weir_slice key_file, grants_file;
    int64_t capacity;
    struct weir_slice grant_cookie, grant_header;
    uint64_t max_ttl_ms;
    struct weir_name header; /* grant_header */
    struct grants *table;    /* shared by all processes */
    uint8_t *key_text;       /* of key_file; NULL: the table's own key */
    struct grant_key key;
    struct dark *first;
    unsigned n;
};

extern const struct weir_setting dark_global_rows[];
extern const struct weir_setting dark_rows[];

void dark_load(struct weir_load *l, void *global);
void dark_load_route(struct weir_load *l, void *conf, void *global);
void dark_unload(void *global);

/* explain.c [control] */
void dark_explain(struct weir_explain *e, const struct weir_use *u);

#endif
