/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_STICKY_H
#define WEIR_CANARY_STICKY_H

/* What tells users apart: `sticky` of the settings, read. Pure; [load]. */

#include <weir/module.h>

enum sticky_kind {
    STICKY_NONE,
    STICKY_COOKIE,   /* name: the cookie's */
    STICKY_HEADER,   /* name: the field's */
    STICKY_QUERY,    /* name: the parameter's */
    STICKY_SOURCE,   /* the client's address */
    STICKY_IDENTITY, /* the verified subject, and who says so */
    STICKY_CLAIM,    /* name: the verified claim's; its first value */
    STICKY_KINDS
};

struct sticky {
    enum sticky_kind kind;
    struct weir_slice name;
};

/* "cookie:NAME", "header:NAME", "query:NAME", "source", "identity", "identity:CLAIM"; empty:
 * nothing does. False: what is wrong, and what is right, as the rest of a sentence. */
enum { STICKY_REASON = 200 };
bool sticky_parse(struct weir_slice text, struct sticky *out, char reason[STICKY_REASON]);
/* "cookie", as it shows in the access log. */
struct weir_slice sticky_word(enum sticky_kind kind);

#endif
