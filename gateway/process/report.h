/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_REPORT_H
#define WEIR_PROCESS_REPORT_H

/* What came of reloads, upgrades and rollbacks: from the master, who writes, to the control
 * process, where operators ask. A shared cell with the last report of each kind. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/slice.h"
#include "base/text.h"

enum { REPORT_MAX = 16384 }; /* bytes of JSON; of many faults the first ones are shown */

struct report {
    _Atomic uint64_t begun, done; /* the number of the last one */
    _Atomic uint64_t writing;     /* odd: the rest is being changed */
    bool ok;
    uint32_t n;
    char json[REPORT_MAX]; /* an object */
};

struct reports {
    struct report reload, upgrade, rollback;
};
/* The number goes up with each kind: an older binary, whose cell is smaller, has one of its own. */
#define REPORTS_CELL SLICE("process/reports/2")

/* -- the master -- */

void report_begin(struct report *r);
/* It was the last one that began. `json` is an object. */
void report_end(struct report *r, bool ok, struct slice json);
/* The JSON of a failure: a sentence, and faults (NULL: none). */
void report_failure(struct report *r, const char *sentence, const struct faults *faults);
/* A member "warnings" or "errors" of the JSON that is being written. */
void report_faults(struct text *t, const char *member, const struct faults *faults, bool warnings);
/* Members that were written before; as many as fit. */
void report_part(struct text *t, struct slice members);

/* -- the control process -- */

/* The number of the first one that begins from now on. */
uint64_t report_next(const struct report *r);
/* False: it isn't over. Else a copy of its JSON, or of a later one's. */
bool report_read(const struct report *r, uint64_t number, struct text *json, bool *ok) nodiscard;

#endif
