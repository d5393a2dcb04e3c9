/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/exchange.h>, "identity": one module vouches for who asks, all others may look. */
#include "core/module/module_api.h"

#include "core/identity.h"

_Static_assert(sizeof(struct weir_claim) == sizeof(struct claim) &&
                   offsetof(struct weir_claim, value) == offsetof(struct claim, value),
               "claims are kept as they are given");
_Static_assert(offsetof(struct weir_identity, method) == offsetof(struct identity, method) &&
                   offsetof(struct weir_identity, issuer) == offsetof(struct identity, issuer),
               "an identity begins as modules see it");

void weir_identity_set(struct weir_exchange *wx, const struct weir_identity *id,
                       const struct weir_claim *claims, size_t n)
{
    struct exchange *x = exchange_of(wx);
    if (!is_moment(x, MOMENT_IDENTIFY))
        return;
    if (x->identity) {
        hooks_mistake(x, "the identity is known already, and stays");
        return;
    }
    struct identity *own = ARENA_NEW(&x->arena, struct identity);
    *own = (struct identity){
        .subject = slice_in(id->subject),
        .issuer = slice_in(id->issuer),
        .method = slice_in(id->method),
        .claims = (const struct claim *)claims,
        .claims_n = n,
    };
    x->identity = own;
}

void weir_identity_wrong(struct weir_exchange *wx, const char *reason)
{
    struct exchange *x = exchange_of(wx);
    if (is_moment(x, MOMENT_IDENTIFY) && !x->identity_fault)
        x->identity_fault = reason;
}

const struct weir_identity *weir_identity(const struct weir_exchange *x)
{
    return (const struct weir_identity *)exchange_of(x)->identity;
}

const char *weir_identity_fault(const struct weir_exchange *x)
{
    return exchange_of(x)->identity_fault;
}

struct weir_slice weir_claim(const struct weir_exchange *x, struct weir_slice name, size_t nth)
{
    return slice_out(identity_claim(exchange_of(x)->identity, slice_in(name), nth));
}
