/* SPDX-License-Identifier: Apache-2.0 */
#include "io/link_kind.h"
#include "io/tls_kind.h"

struct link *link_tls_accept(struct link *under, const struct tls_server *s)
{
    (void)s;
    link_close(under);
    return NULL;
}

struct tls_facts *link_tls_take_facts(struct link *l)
{
    (void)l;
    return NULL;
}

const char *link_tls_fault(const struct link *l)
{
    (void)l;
    return "";
}

void tls_facts_free(struct tls_facts *f)
{
    (void)f;
}
