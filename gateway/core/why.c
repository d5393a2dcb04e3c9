/* SPDX-License-Identifier: Apache-2.0 */
/* The list of reasons as a table: everything that is known about a reason stands in core/why.h,
 * in its one row. */

#include "core/why.h"

#include "base/check.h"

static const struct why_facts table[WHY_N] = {
#define WHY(id, log_word, reply, repeat, kind, fault, sentence)                                    \
    [WHY_##id] = {.word = (log_word),                                                              \
                  .status = (reply),                                                               \
                  .again = AGAIN_##repeat,                                                         \
                  .failure = WEIR_FAILURE_##kind,                                                  \
                  .blame = BLAME_##fault,                                                          \
                  .text = (sentence)},
    WHY_LIST(WHY)
#undef WHY
};

const struct why_facts *why_facts(enum why why)
{
    must((unsigned)why < WHY_N);
    return &table[why];
}
