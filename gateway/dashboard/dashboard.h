/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DASHBOARD_DASHBOARD_H
#define WEIR_DASHBOARD_DASHBOARD_H

/* The dashboard: one page, whose files lie in the program. It holds no data and asks the admin API
 * for all that it shows, as whoever looks at it; so anybody who reaches an admin socket may have
 * it.
 *
 *     dashboard_init(&d);
 *     {"/", dashboard_page, &d, .blank = true}, and
 *     {"/ui/", dashboard_file, &d, .prefix = true, .blank = true} in the table of control/admin/admin.h
 *
 * A file is asked for anew by its ETag each time, which follows from what it contains. */

#include "control/admin/admin.h"
#include "dashboard/assets.h"

enum {
#define ASSET(id, file, kind) DASHBOARD_##id,
    DASHBOARD_ASSETS(ASSET)
#undef ASSET
        DASHBOARD_FILES
};

struct dashboard_file {
    struct slice name, type, content; /* static */
    char etag[20];
    struct field fields[ADMIN_ANSWER_FIELDS];
};

struct dashboard {
    struct dashboard_file files[DASHBOARD_FILES];
};

/* It stays where it is as long as the admin server runs. */
void dashboard_init(struct dashboard *d);
/* For the table; ctx is the struct dashboard. */
void dashboard_page(void *ctx, const struct admin_request *rq, struct admin_answer *out);
void dashboard_file(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
