/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_COMPARE_H
#define WEIR_MIRROR_COMPARE_H

/* Do two responses say the same? Of the primary, which the client got, and of the mirror. */

#include <jansson.h>

#include "mirror/json_path.h"

enum { COMPARE_FIELDS = 16 }; /* header fields that can be chosen */

/* What is compared. */
struct compare_rules {
    bool status, json, content;
    bool show_values;
    const struct weir_name *fields; /* at most COMPARE_FIELDS */
    size_t fields_n;
    const struct json_pattern *ignored;
    size_t ignored_n;
};

/* One response. */
struct outcome {
    int status;
    bool whole;                               /* nothing of the content is missing */
    bool json;                                /* its head says that the content is JSON */
    uint64_t head_us;                         /* from the copy's begin until this head came */
    struct weir_slice fields[COMPARE_FIELDS]; /* values of the chosen ones; absent: not there */
    struct weir_slice content;
};

enum differs {
    DIFFERS_STATUS = 1,
    DIFFERS_FIELD = 2,
    DIFFERS_CONTENT = 4,
};

struct verdict {
    unsigned differs; /* of enum differs */
    bool unread;      /* content could not be compared: too long, or cut off */
    json_t *list;     /* [{"what", "primary", "mirror"}], the caller's; NULL: no difference */
};

/* Does the content of either have to be kept for this? */
static inline bool compare_wants_content(const struct compare_rules *r)
{
    return r->json || r->content;
}

/* Is this the head of JSON in clear: application/json or something+json, in no content coding? */
bool compare_is_json(struct weir_slice content_type, struct weir_slice content_encoding);

/* Takes up to some milliseconds for content. When memory is short differences are left out. */
void compare(const struct compare_rules *r, const struct outcome *primary,
             const struct outcome *mirror, struct verdict *out);

#endif
