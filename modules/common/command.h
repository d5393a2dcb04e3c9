/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_COMMON_COMMAND_H
#define WEIR_COMMON_COMMAND_H

/* Commands of modules: JSON in, JSON out. The control process. */

#include <stdlib.h>

#include <jansson.h>

#include "common/slice.h"

/* What was asked, an object as a rule (the gateway has checked that); owned by the caller. NULL when
 * memory is lacking: members of that are absent, too. */
static inline json_t *command_asked(const struct weir_request *rq)
{
    const struct weir_slice json = weir_request_json(rq);
    return json_loadb(json.p, json.n, JSON_ALLOW_NUL, NULL);
}

/* A text as JSON has it: what isn't UTF-8 is "?". */
static inline json_t *json_slice(struct weir_slice s)
{
    json_t *t = json_stringn(s.p ? s.p : "", s.n);
    return t ? t : json_string("?");
}

/* Says all that counts now to the fleet, if what was asked is for it; an object, which is taken
 * over. */
static inline void command_tell(struct weir_reply *reply, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(j);
    if (text)
        weir_reply_fleet(reply, slice_str(text));
    free(text);
}

/* Answers with an object, which is taken over. Without memory nothing is answered, and who asked gets
 * 500. Numbers have as many digits as tell two weights, rates or times apart. */
static inline void command_answer(struct weir_reply *reply, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(j);
    if (text)
        weir_reply_json(reply, slice_str(text));
    free(text);
}

#endif
