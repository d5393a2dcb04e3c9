/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_RETRY_CONDITIONS_H
#define WEIR_RETRY_CONDITIONS_H

/* `on` of the settings, read: after which outcomes of an attempt another one is worth its load, and
 * for which methods. Pure; any process. */

#include "common/outcome.h"

struct conditions {
    struct statuses statuses;
    uint32_t kinds; /* a bit for each row of the table in conditions.c */
    uint32_t grpc;  /* a bit for each gRPC status */
};

/* How an attempt ended. */
struct outcome {
    enum weir_failure failure; /* NONE: it gave a head */
    bool sent;                 /* some byte of the request may have reached the origin */
    int status;                /* of the head; 0: none */
    int grpc;                  /* the head's grpc-status; -1: none */
    bool field; /* a field of the head is one of those that ask for a retry (on_headers) */
};

/* Which requests a condition holds for. */
enum worth {
    WORTH_NOTHING,
    WORTH_METHOD, /* those whose method may be repeated: it may have been processed */
    WORTH_ANY,    /* all: nothing can have been processed, or the route has named it */
};

/* A word of `on`. False: it is none. */
bool conditions_add(struct conditions *c, struct weir_slice word);
/* What holds where `on` isn't set: what can't have been processed, and resets. */
void conditions_preset(struct conditions *c);
extern const char conditions_preset_words[];
extern const char conditions_form[]; /* what is allowed */

/* Is another attempt worth it, and for whom? *word is the condition that says so, static; NULL when
 * none does. */
enum worth conditions_match(const struct conditions *c, const struct outcome *o, const char **word);

/* May this stand in `methods`? */
bool conditions_method_ok(struct weir_slice name);

#endif
