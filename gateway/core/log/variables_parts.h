/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_VARIABLES_PARTS_H
#define WEIR_CORE_VARIABLES_PARTS_H

/* Private to the variables: how the functions behind the table look, and how they give values.
 *
 *     VARIABLE(worker)
 *     {
 *         UNUSED;
 *         return give_number(v, x->w->index);
 *     } */

#include "core/exchange.h"
#include "core/log/variables.h"
#include "core/log/variables_list.h"

#define VARIABLE(id)                                                                               \
    bool variable_get_##id(struct exchange *x, const struct variable_ref *ref,                     \
                           struct variable_value *v)
#define UNUSED (void)x, (void)ref, (void)v

#define V(id, name, kind, preset, known, help) VARIABLE(id);
#define F(id, prefix, part, known, help) VARIABLE(id##_named);
VARIABLE_LIST(V, F)
#undef V
#undef F

static inline bool give_text(struct variable_value *v, struct slice s)
{
    v->text = s;
    return s.n != 0;
}

static inline bool give_number(struct variable_value *v, uint64_t n)
{
    v->number = n;
    return true;
}

/* The response's head is made: it went out, or is about to. */
static inline bool has_reply(const struct exchange *x)
{
    return x->head_sent || x->step == STEP_REPLY || x->step == STEP_ANSWER;
}

static inline const struct attempt *last_attempt(const struct exchange *x)
{
    return list_empty(&x->attempts) ? NULL
                                    : list_entry(x->attempts.prev, const struct attempt, node);
}

#endif
