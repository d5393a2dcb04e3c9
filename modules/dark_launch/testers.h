/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_TESTERS_H
#define WEIR_DARK_LAUNCH_TESTERS_H

/* Who is a tester of a route, by what others have verified: the identity that a module has
 * established (common/who.h), and the certificate that the handshake has checked. Names of that are
 * compared as a whole; only host names, and the domain of an address, without regard to case. */

#include "common/who.h"

enum tester_by { BY_NOBODY, BY_GRANT, BY_SUBJECT, BY_CLAIM, BY_CERTIFICATE, BY_LIST };
/* The word for the log. */
struct weir_slice tester_by_word(enum tester_by by);

/* Of one route, as configured. */
struct testers {
    struct who who;
    struct weir_texts sans; /* checked by testers_san_fault() */
};

/* The name of the certificate that is listed, as the list has it; absent: none. */
struct weir_slice testers_certificate(const struct testers *t, const struct weir_peer *peer);

/* What is wrong with a name in `certificate_sans`; NULL: nothing. It is a URI ("spiffe://x/y", or
 * anything behind "uri:"), an address ("a@b", or behind "email:") or a host name (all else, or
 * behind "dns:"), and matches only names of that kind. */
const char *testers_san_fault(struct weir_slice san);

#endif
