/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_FLEET_RECORD_H
#define WEIR_FLEET_RECORD_H

/* What a cell is in Redis: a hash of
 *
 *     f     the format: 1. A reader of format 1 can't understand any other
 *     n     the version
 *     since the first version of its lineage
 *     by    the instance that made it
 *     at    when: milliseconds since 1970 by Redis's clock
 *     run   the server that it was given to: its run_id
 *     taken how many numbers of this version have been given out; not there: none
 *     .NAME the module's fields
 *
 * An empty hash is version 0. Other members are of later versions of Weir, and stay as they are. It
 * is put together member by member, as an answer or a message has them:
 *
 *     fleet_record_begin(&rec);
 *     fleet_record_add(&rec, name, value); ...
 *     why = fleet_record_end(&rec);         NULL: it is one
 *
 * Texts are borrowed from the answer. */

#include <weir/fleet.h>

#include "base/slice.h"
#include "base/text.h"
#include "redis/redis.h"

#include <jansson.h>

/* More than offers may have: those of another version may stand there, too. */
enum {
    FLEET_RECORD_FIELDS = 2 * WEIR_FLEET_FIELDS,
    FLEET_RUN_MAX = 64,                                /* bytes of a run_id */
    FLEET_RECORD_TEXT_MAX = 16 * WEIR_FLEET_FIELD_MAX, /* bytes of a name, and of a value */
};
#define FLEET_RECORD_VERSION_MAX ((1ull << 53) - 1) /* scripts count in doubles */

struct fleet_record {
    uint64_t version, lineage, at_ms;
    struct slice by, run;
    struct weir_claim fields[FLEET_RECORD_FIELDS];
    size_t fields_n, members_n;
    unsigned has; /* private: which of the members there were */
    const char *why;
};

void fleet_record_begin(struct fleet_record *rec);
void fleet_record_add(struct fleet_record *rec, struct slice name, struct slice value);
/* NULL: it can be used; else what is wrong with it, a static text. */
const char *fleet_record_end(struct fleet_record *rec) nodiscard;
/* The three of them for an answer to HGETALL, and for the object of a message. */
const char *fleet_record_of_list(struct fleet_record *rec,
                                 const struct redis_reply *list) nodiscard;
const char *fleet_record_of_json(struct fleet_record *rec, const json_t *object) nodiscard;

/* -- fields that are kept ---------------------------------------------------------------------- */

/* A copy of its own. */
struct fleet_fields {
    struct text text;                          /* ".name" and "value", one behind the other */
    struct weir_claim at[FLEET_RECORD_FIELDS]; /* in `text`; names begin behind their dot */
    size_t n;
};
/* At most FLEET_RECORD_FIELDS, and not this copy's own. */
void fleet_fields_set(struct fleet_fields *f, const struct weir_claim *fields, size_t n);

#endif
