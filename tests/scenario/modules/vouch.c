/* SPDX-License-Identifier: Apache-2.0 */
/* A module for scenarios: it believes whatever a request says about who makes it,
 *
 *     X-Vouch: METHOD|ISSUER|SUBJECT|CLAIM=VALUE|CLAIM=VALUE
 *
 * so that tests of those who go by an identity don't need credentials. */
#include <weir/module.h>

#include <string.h>

enum { CLAIMS_MAX = 8 };

struct vouch {
    bool unused;
};

static const struct weir_setting rows[] = {
    WEIR_ROW_BOOL("unused", struct vouch, unused, "false", "nothing"),
    WEIR_ROW_END,
};

static struct weir_slice cut(struct weir_slice *rest, char sep)
{
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    struct weir_slice first = *rest;
    if (at)
        first.n = (size_t)(at - first.p);
    *rest = at ? (struct weir_slice){at + 1, rest->n - first.n - 1} : (struct weir_slice){0};
    return first;
}

static enum weir_verdict on_identify(struct weir_exchange *x, const struct weir_use *u)
{
    const struct weir_name name = weir_name(WEIR_SLICE("x-vouch"));
    struct weir_slice rest = weir_field(x, WEIR_REQUEST, &name);
    struct weir_claim *claims = weir_alloc(x, CLAIMS_MAX * sizeof *claims);
    struct weir_identity id;
    size_t n = 0;
    (void)u;
    if (!rest.p)
        return WEIR_NEXT;
    id.method = cut(&rest, '|');
    id.issuer = cut(&rest, '|');
    id.subject = cut(&rest, '|');
    for (; rest.p && n < CLAIMS_MAX; n++) {
        claims[n].value = cut(&rest, '|');
        claims[n].name = cut(&claims[n].value, '=');
    }
    weir_identity_set(x, &id, claims, n);
    return WEIR_NEXT;
}

const struct weir_module weir_module = {
    .abi = WEIR_ABI,
    .name = "vouch",
    .summary = "believes what it is told",
    .global = {.rows = rows, .size = sizeof(struct vouch)},
    .on_identify = on_identify,
};
