/* SPDX-License-Identifier: Apache-2.0 */
/* Who a certificate names: exactly one, or nobody. */
#include "auth/peer.h"
#include "tests/unit/auth_case.h"

TestSuite(auth_peer, .init = auth_begin, .fini = auth_end);

static void expect(struct weir_peer peer, enum peer_subject kind, enum peer_fault fault,
                   const char *want)
{
    struct weir_slice who;
    char *room = arena_alloc(&arena, peer.subject.n + 1);
    cr_assert_eq(peer_subject(&peer, kind, room, &who), fault, "%.*s", (int)peer.subject.n,
                 peer.subject.p);
    if (fault == PEER_OK)
        cr_assert(who.n == strlen(want) && memcmp(who.p, want, who.n) == 0, "%.*s, not %s",
                  (int)who.n, who.p, want);
}

static void expect_cn(const char *dn, enum peer_fault fault, const char *want)
{
    expect((struct weir_peer){.subject = text(dn)}, PEER_CN, fault, want);
}

Test(auth_peer, finds_the_common_name_wherever_it_stands)
{
    expect_cn("CN=anna", PEER_OK, "anna");
    expect_cn("OU=Ops,cn=anna b,O=Acme", PEER_OK, "anna b");
    expect_cn("OU=Ops+CN=anna,O=Acme", PEER_OK, "anna");
}

Test(auth_peer, takes_escapes_for_what_they_mean)
{
    expect_cn("CN=Doe\\, John\\+\\\\\\\"x,O=A", PEER_OK, "Doe, John+\\\"x");
    expect_cn("CN=J\\C3\\B6rg", PEER_OK, "J\xc3\xb6rg");
    expect_cn("CN=a\\2Cb", PEER_OK, "a,b");
    expect_cn("CN=a\\", PEER_OK, "a\\");
}

Test(auth_peer, takes_no_name_out_of_the_middle_of_another)
{
    expect_cn("O=x\\,CN=root,OU=y", PEER_NOBODY, NULL);
    expect_cn("O=x\\2CCN=root", PEER_NOBODY, NULL);
    expect_cn("SCN=root", PEER_NOBODY, NULL);
    expect_cn("O=CN=root", PEER_NOBODY, NULL);
}

Test(auth_peer, has_nobody_without_a_name_and_with_several)
{
    expect_cn("", PEER_NOBODY, NULL);
    expect_cn("CN=,O=x", PEER_NOBODY, NULL);
    expect_cn("CN=#0403", PEER_NOBODY, NULL);
    expect_cn("CN=anna,CN=root", PEER_AMBIGUOUS, NULL);
    expect_cn("CN=anna+CN=root", PEER_AMBIGUOUS, NULL);
}

Test(auth_peer, takes_the_only_name_of_a_kind)
{
    const struct weir_slice names[] = {text("a"), text("b")};
    struct weir_peer p = {.subject = text("CN=x"), .uris = names, .uris_n = 1};
    expect(p, PEER_SAN_URI, PEER_OK, "a");
    expect(p, PEER_SAN_DNS, PEER_NOBODY, NULL);
    expect(p, PEER_SAN_EMAIL, PEER_NOBODY, NULL);
    expect(p, PEER_DN, PEER_OK, "CN=x");
    expect(p, PEER_OFF, PEER_NOBODY, NULL);
    p = (struct weir_peer){.dns_names = names, .dns_names_n = 2, .emails = names, .emails_n = 1};
    expect(p, PEER_SAN_DNS, PEER_AMBIGUOUS, NULL);
    expect(p, PEER_SAN_EMAIL, PEER_OK, "a");
    expect(p, PEER_DN, PEER_NOBODY, NULL);
}
