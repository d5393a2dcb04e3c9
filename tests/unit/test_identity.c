/* SPDX-License-Identifier: Apache-2.0 */
/* Claims of who a request comes from. */

#include "core/identity.h"

#include <criterion/criterion.h>

#include "base/check.h"

static const struct claim claims[] = {
    {SLICE_INIT("groups"), SLICE_INIT("testers")}, {SLICE_INIT("sub"), SLICE_INIT("forged")},
    {SLICE_INIT("groups"), SLICE_INIT("")},        {SLICE_INIT("empty"), {NULL, 0}},
    {SLICE_INIT("groups"), SLICE_INIT("staff")},
};
static const struct identity id = {.subject = SLICE_INIT("u1"),
                                   .method = SLICE_INIT("jwt"),
                                   .claims = claims,
                                   .claims_n = array_n(claims)};
static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, NULL, 0);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

TestSuite(identity, .init = set_up, .fini = tear_down);

#define IS(got, want) cr_assert(slice_eq((got), SLICE(want)))

Test(identity, gives_the_values_of_a_claim_one_by_one)
{
    IS(identity_claim(&id, SLICE("groups"), 0), "testers");
    const struct slice empty = identity_claim(&id, SLICE("groups"), 1);
    cr_assert(empty.p && empty.n == 0);
    IS(identity_claim(&id, SLICE("groups"), 2), "staff");
    cr_assert(!identity_claim(&id, SLICE("groups"), 3).p);
    cr_assert(!identity_claim(&id, SLICE("group"), 0).p);
    cr_assert(!identity_claim(NULL, SLICE("groups"), 0).p);
}

Test(identity, tells_an_empty_value_from_none)
{
    const struct slice value = identity_claim(&id, SLICE("empty"), 0);
    cr_assert(value.p && value.n == 0);
}

Test(identity, has_subject_and_issuer_as_claims_whatever_the_claims_say)
{
    IS(identity_claim(&id, SLICE("sub"), 0), "u1");
    cr_assert(!identity_claim(&id, SLICE("sub"), 1).p);
    cr_assert(!identity_claim(&id, SLICE("iss"), 0).p);
}

Test(identity, joins_values_with_commas_and_copies_only_then)
{
    IS(identity_claim_all(&id, SLICE("groups"), &arena), "testers,,staff");
    cr_assert(identity_claim_all(&id, SLICE("sub"), &arena).p == id.subject.p);
    cr_assert(!identity_claim_all(&id, SLICE("none"), &arena).p);
    cr_assert(!identity_claim_all(NULL, SLICE("groups"), &arena).p);
    const struct identity two = {.claims = claims + 2, .claims_n = 3};
    IS(identity_claim_all(&two, SLICE("groups"), &arena), ",staff");
    const struct identity one = {.claims = claims, .claims_n = 1};
    cr_assert(identity_claim_all(&one, SLICE("groups"), &arena).p == claims[0].value.p);
}
