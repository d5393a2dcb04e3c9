/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of errors. An error inside a script stands in the middle of the text with Redis before 7
 * ("ERR Error running script (call to f_...): @user_script:1: OOM command not allowed ..."). */
#include "fleet/fleet_error.h"

#include "base/check.h"

static const struct kind {
    struct slice prefix;
    const char *word;
} kinds[FLEET_ERROR_N] = {
#define ERROR(id, prefix, word) {SLICE_INIT(prefix), word},
    FLEET_ERROR_LIST(ERROR)
#undef ERROR
        [FLEET_ERROR_ANSWER] = {SLICE_INIT(""), "answer"},
    [FLEET_ERROR_MESSAGE] = {SLICE_INIT(""), "message"},
    [FLEET_ERROR_LIMIT] = {SLICE_INIT(""), "limit"},
};

static enum fleet_error kind_of(struct slice text)
{
    for (int i = 0; i < FLEET_ERROR_OTHER; i++)
        if (slice_starts(text, kinds[i].prefix))
            return (enum fleet_error)i;
    return FLEET_ERROR_OTHER;
}

enum fleet_error fleet_error_kind(struct slice text)
{
    enum fleet_error kind = kind_of(text);
    if (!slice_starts(text, SLICE("ERR Error running script")))
        return kind;
    for (struct slice rest = text; rest.p && kind == FLEET_ERROR_OTHER;) {
        const struct slice word = slice_cut(&rest, ' ');
        kind = kind_of(slice_starts(word, SLICE("-")) ? slice_from(word, 1) : word);
    }
    return kind;
}

const char *fleet_error_word(enum fleet_error kind)
{
    return kinds[kind].word;
}
