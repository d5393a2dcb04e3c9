/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "answering": what a hook says is gathered in x->answer and counts when it has
 * answered ANSWERED; who goes on has said nothing. */
#include "core/module/module_api.h"

#include "core/answer.h"

static bool may_answer(const struct exchange *x)
{
    if (x->hook && (x->moment == MOMENT_REQUEST || x->moment == MOMENT_PLAN ||
                    x->moment == MOMENT_ENTER ||
                    x->moment == MOMENT_FORWARD || x->moment == MOMENT_UNAVAILABLE))
        return true;
    hooks_mistake(x, "this hook can't answer");
    return false;
}

enum weir_verdict weir_refuse(struct weir_exchange *wx, enum weir_refusal refusal,
                              const char *detail)
{
    static const uint8_t whys[] = {
        [WEIR_UNAUTHENTICATED] = WHY_UNAUTHENTICATED,
        [WEIR_FORBIDDEN] = WHY_FORBIDDEN,
        [WEIR_NOT_FOUND] = WHY_NO_ROUTE,
        [WEIR_LIMITED] = WHY_LIMITED,
        [WEIR_UNAVAILABLE] = WHY_MODULE_UNAVAILABLE,
        [WEIR_BREAKER_OPEN] = WHY_BREAKER_OPEN,
        [WEIR_BREAKER_LIMIT] = WHY_BREAKER_LIMIT,
    };
    struct exchange *x = exchange_of(wx);
    if (!may_answer(x))
        return WEIR_NEXT;
    struct module_answer *a = answer_of_module(x);
    a->why = (unsigned)refusal < array_n(whys) ? (enum why)whys[refusal] : WHY_MODULE_UNAVAILABLE;
    a->detail = detail;
    return WEIR_ANSWERED;
}

enum weir_verdict weir_abort(struct weir_exchange *wx, const char *detail)
{
    struct exchange *x = exchange_of(wx);
    if (!may_answer(x))
        return WEIR_NEXT;
    struct module_answer *a = answer_of_module(x);
    a->why = WHY_ABORTED;
    a->detail = detail;
    return WEIR_ANSWERED;
}

enum weir_verdict weir_answer(struct weir_exchange *wx, int status, struct weir_slice type,
                              struct weir_slice body)
{
    struct exchange *x = exchange_of(wx);
    if (!may_answer(x))
        return WEIR_NEXT;
    if (status < 200 || status > 599 || !weir_value_ok(type)) {
        hooks_mistake(x, "an answer has a status from 200 to 599, and a type that fits a field");
        return weir_refuse(wx, WEIR_UNAVAILABLE, "bad_answer");
    }
    struct module_answer *a = answer_of_module(x);
    a->why = WHY_NONE;
    a->status = (uint16_t)status;
    a->type = slice_in(type);
    a->body = slice_in(body);
    return WEIR_ANSWERED;
}

void weir_answer_field(struct weir_exchange *wx, const struct weir_name *name,
                       struct weir_slice value)
{
    struct exchange *x = exchange_of(wx);
    if (!may_answer(x))
        return;
    if (!weir_field_settable(name->text) || !weir_value_ok(value)) {
        hooks_mistake(x, "this field can't be set");
        return;
    }
    fields_add(&answer_of_module(x)->fields, &x->arena, slice_in(name->text), slice_in(value));
}

bool weir_own_answer(const struct weir_exchange *x)
{
    return exchange_of(x)->answering;
}

int weir_status(const struct weir_exchange *x)
{
    return exchange_of(x)->reply.status;
}

int weir_grpc_status(const struct weir_exchange *x)
{
    const struct exchange *inner = exchange_of(x);
    const int code = inner->grpc ? (int)grpc_outcome(inner) : -1;
    return code < GRPC_CODES ? code : GRPC_UNKNOWN;
}

enum weir_failure weir_failure(const struct weir_exchange *x)
{
    return why_facts(exchange_of(x)->why)->failure;
}

const char *weir_why(const struct weir_exchange *x)
{
    const enum why why = exchange_of(x)->why;
    return why ? why_facts(why)->word : NULL;
}

uint64_t weir_took_us(const struct weir_exchange *wx)
{
    const struct exchange *x = exchange_of(wx);
    return x->w->loop->clock.mono_us - x->created_us;
}
