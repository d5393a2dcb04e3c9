/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "common/slice.h"
#include "dark_launch/testers.h"

static struct weir_slice of(const char *s)
{
    return (struct weir_slice){s, strlen(s)};
}

#define T(s)                                                                                       \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

static struct weir_slice dns[] = {T("alice.test"), T("a@b.test"), T("*.wild.test")},
                         uris[] = {T("spiffe://x.test/alice"), T("urn:uuid:7")},
                         emails[] = {T("Alice@Example.com")};
static const struct weir_peer peer = {
    .dns_names = dns, .dns_names_n = 3, .uris = uris, .uris_n = 2, .emails = emails, .emails_n = 1};

static bool lets_in(const char *san)
{
    struct weir_slice one = of(san);
    const struct testers t = {.sans = {&one, 1}};
    cr_assert(!testers_san_fault(one), "%s", san);
    const struct weir_slice got = testers_certificate(&t, &peer);
    cr_assert(!got.p || slice_eq(got, one));
    return got.p != NULL;
}

Test(dark_testers, are_known_by_names_of_their_certificate)
{
    cr_assert(lets_in("alice.test") && lets_in("ALICE.test") && lets_in("dns:alice.test"));
    cr_assert(lets_in("spiffe://x.test/alice") && lets_in("uri:urn:uuid:7"));
    cr_assert(lets_in("Alice@example.COM") && lets_in("email:Alice@example.com"));
}

Test(dark_testers, are_not_known_by_a_name_of_another_kind)
{
    cr_assert(!lets_in("uri:alice.test") && !lets_in("dns:urn:uuid:7"));
    cr_assert(!lets_in("a@b.test"), "a host name is no address");
    cr_assert(!lets_in("uri:Alice@Example.com"));
}

Test(dark_testers, are_not_known_by_half_a_name)
{
    cr_assert(!lets_in("alice.tes") && !lets_in("xalice.test") && !lets_in("test"));
    cr_assert(!lets_in("spiffe://x.test/alic") && !lets_in("spiffe://x.test/Alice"));
    cr_assert(!lets_in("alice@example.com"), "the local part has its case");
    cr_assert(!lets_in("x.wild.test"), "a wildcard says nothing about one host");
    cr_assert(!lets_in("email:@example.com"));
}

Test(dark_testers, have_no_name_without_a_certificate)
{
    struct weir_slice one = of("alice.test");
    const struct testers t = {.sans = {&one, 1}};
    cr_assert(!testers_certificate(&t, NULL).p);
    cr_assert(!testers_certificate(&t, &(struct weir_peer){0}).p);
}

Test(dark_testers, names_that_cant_be_are_refused)
{
    static const char *const wrong[] = {"",        "dns:", "uri:", "*.test", "a b", "email:alice",
                                        "dns:a@b", "a/b",  "a\tb"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert(testers_san_fault(of(wrong[i])), "%s", wrong[i]);
}
