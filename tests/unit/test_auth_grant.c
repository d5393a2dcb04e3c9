/* SPDX-License-Identifier: Apache-2.0 */
/* Identities in one block: nothing of it points to where it came from. */
#include "auth/grant.h"
#include "tests/unit/auth_case.h"

TestSuite(auth_grant, .init = auth_begin, .fini = auth_end);

static bool is_in(const void *block, size_t n, struct weir_slice s)
{
    return s.p >= (const char *)block && s.p + s.n <= (const char *)block + n;
}

static void expect(struct weir_slice s, const char *want, const void *block, size_t n)
{
    cr_assert(is_in(block, n, s));
    cr_assert(s.n == strlen(want) && memcmp(s.p, want, s.n) == 0, "%.*s", (int)s.n, s.p);
}

Test(auth_grant, is_one_block_that_can_be_copied_anywhere)
{
    struct weir_claim claims[] = {
        {text("groups"), text("dev")}, {text("groups"), text("")}, {text("vip"), text("true")}};
    const struct grant from = {{text("anna"), text("https://id"), text("jwt")}, claims, 3, 7};
    const size_t n = grant_size(&from);
    struct grant *first = grant_new(&from);
    cr_assert(first);
    memset(claims, 0xff, sizeof claims);
    char *room = arena_alloc(&arena, n);
    cr_assert_eq(grant_size(first), n);
    const struct grant *g = grant_pack(first, room);
    memset(first, 0xff, n);
    free(first);
    expect(g->id.subject, "anna", room, n);
    expect(g->id.issuer, "https://id", room, n);
    expect(g->id.method, "jwt", room, n);
    cr_assert(g->claims_n == 3 && g->issuer == 7);
    expect(g->claims[0].name, "groups", room, n);
    expect(g->claims[0].value, "dev", room, n);
    expect(g->claims[1].value, "", room, n);
    expect(g->claims[2].value, "true", room, n);
}

Test(auth_grant, may_have_no_claims)
{
    const struct grant from = {.id = {.subject = text("anna")}};
    struct grant *g = grant_new(&from);
    cr_assert(g && g->claims_n == 0 && !g->id.issuer.p);
    expect(g->id.subject, "anna", g, grant_size(&from));
    free(g);
}
