/* SPDX-License-Identifier: Apache-2.0 */
#include "dark_launch/testers.h"

#include "common/slice.h"

struct weir_slice tester_by_word(enum tester_by by)
{
    static const struct weir_slice words[] = {
        [BY_NOBODY] = {"nobody", 6},
        [BY_GRANT] = {"grant", 5},
        [BY_SUBJECT] = {"subject", 7},
        [BY_CLAIM] = {"claim", 5},
        [BY_CERTIFICATE] = {"certificate", 11},
        [BY_LIST] = {"list", 4},
    };
    return words[by];
}

/* -- names of certificates --------------------------------------------------------------------- */

enum san_kind { SAN_DNS, SAN_URI, SAN_EMAIL };

struct san {
    enum san_kind kind;
    struct weir_slice text;
};

static bool contains(struct weir_slice s, struct weir_slice what)
{
    for (size_t i = 0; i + what.n <= s.n; i++)
        if (memcmp(s.p + i, what.p, what.n) == 0)
            return true;
    return false;
}

static struct san san_of(struct weir_slice s)
{
    static const struct {
        struct weir_slice prefix;
        enum san_kind kind;
    } said[] = {{{"dns:", 4}, SAN_DNS}, {{"uri:", 4}, SAN_URI}, {{"email:", 6}, SAN_EMAIL}};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (slice_starts(s, said[i].prefix))
            return (struct san){said[i].kind, slice_from(s, said[i].prefix.n)};
    if (contains(s, WEIR_SLICE("://")))
        return (struct san){SAN_URI, s};
    return (struct san){contains(s, WEIR_SLICE("@")) ? SAN_EMAIL : SAN_DNS, s};
}

const char *testers_san_fault(struct weir_slice text)
{
    const struct san san = san_of(text);
    const bool at = contains(san.text, WEIR_SLICE("@"));
    if (!san.text.n || slice_has_control(san.text) || contains(san.text, WEIR_SLICE(" ")))
        return "is no name of a certificate";
    if (san.kind == SAN_DNS && contains(san.text, WEIR_SLICE("*")))
        return "has a wildcard; names are compared as a whole, so list each of them";
    if (san.kind == SAN_DNS && (at || contains(san.text, WEIR_SLICE("/"))))
        return "is no host name";
    if (san.kind == SAN_EMAIL && !at)
        return "is no address such as \"a@b.test\"";
    return NULL;
}

/* RFC 5280 7.5: the local part with its case, the domain without. */
static bool same_address(struct weir_slice a, struct weir_slice b)
{
    struct weir_slice domain_a = a, domain_b = b;
    const struct weir_slice local_a = slice_cut(&domain_a, '@'),
                            local_b = slice_cut(&domain_b, '@');
    return domain_a.p && domain_b.p && slice_eq(local_a, local_b) && slice_ieq(domain_a, domain_b);
}

static bool names_have(const struct weir_slice *v, size_t n, struct weir_slice text,
                       bool (*equal)(struct weir_slice, struct weir_slice))
{
    for (size_t i = 0; i < n; i++)
        if (equal(v[i], text))
            return true;
    return false;
}

static bool peer_has(const struct weir_peer *p, struct san san)
{
    switch (san.kind) {
    case SAN_DNS:
        return names_have(p->dns_names, p->dns_names_n, san.text, slice_ieq);
    case SAN_URI:
        return names_have(p->uris, p->uris_n, san.text, slice_eq);
    case SAN_EMAIL:
        return names_have(p->emails, p->emails_n, san.text, same_address);
    }
    return false;
}

struct weir_slice testers_certificate(const struct testers *t, const struct weir_peer *peer)
{
    for (size_t i = 0; peer && i < t->sans.n; i++)
        if (peer_has(peer, san_of(t->sans.v[i])))
            return t->sans.v[i];
    return (struct weir_slice){0};
}
