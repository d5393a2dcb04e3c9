/* SPDX-License-Identifier: Apache-2.0 */
/* Packs an identity. The name of a claim that has several values is written once for each. */
#include "auth/grant.h"

#include <stdlib.h>
#include <string.h>

size_t grant_size(const struct grant *from)
{
    size_t n = sizeof *from + from->claims_n * sizeof *from->claims + from->id.subject.n +
               from->id.issuer.n + from->id.method.n;
    for (size_t i = 0; i < from->claims_n; i++)
        n += from->claims[i].name.n + from->claims[i].value.n;
    return n;
}

/* Copies a text to *at, behind which the next one goes. What is empty stays what it was: there. */
static struct weir_slice put(char **at, struct weir_slice s)
{
    const struct weir_slice copy = {s.p ? *at : NULL, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return copy;
}

struct grant *grant_pack(const struct grant *from, void *to)
{
    struct grant *g = to;
    struct weir_claim *claims = (struct weir_claim *)(g + 1);
    char *at = (char *)(claims + from->claims_n);
    *g = *from;
    g->claims = claims;
    g->id.subject = put(&at, from->id.subject);
    g->id.issuer = put(&at, from->id.issuer);
    g->id.method = put(&at, from->id.method);
    for (size_t i = 0; i < from->claims_n; i++) {
        claims[i].name = put(&at, from->claims[i].name);
        claims[i].value = put(&at, from->claims[i].value);
    }
    return g;
}

struct grant *grant_new(const struct grant *from)
{
    void *to = malloc(grant_size(from));
    return to ? grant_pack(from, to) : NULL;
}
