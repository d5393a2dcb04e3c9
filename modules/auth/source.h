/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_SOURCE_H
#define WEIR_AUTH_SOURCE_H

/* A text that is shared by all processes (a file, fetched keys), and what one process has read out
 * of it. */

#include "auth/apikeys.h"
#include "auth/htpasswd.h"
#include "auth/jwks.h"

enum source_kind { SOURCE_KEYS, SOURCE_FETCHED_KEYS, SOURCE_USERS, SOURCE_API_KEYS };

struct source {
    enum source_kind kind;
    const struct weir_blob *blob; /* NULL: there is nothing, ever */
    size_t capacity;              /* of the blob */
    uint64_t seen;                /* its version that was looked at last */
    uint64_t changes;             /* how often what is below was replaced; 0: there is none yet */
    union {
        struct jwks keys;
        struct htpasswd users;
        struct apikeys api_keys;
    };
};

/* Looks whether the text has changed, which costs next to nothing, and reads it if so. What can't
 * be read leaves what was there: false with a fault, once for each such text. */
bool source_update(struct source *s, struct auth_fault *fault);
void source_free(struct source *s);

#endif
