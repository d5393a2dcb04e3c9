/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_PEER_H
#define WEIR_AUTH_PEER_H

/* Who a client is by its verified certificate. */

#include <weir/module.h>

/* The names of modules.auth.certificate.subject, in the order of peer_names[]. */
enum peer_subject { PEER_OFF, PEER_DN, PEER_CN, PEER_SAN_URI, PEER_SAN_DNS, PEER_SAN_EMAIL };
extern const char *const peer_names[];

enum peer_fault {
    PEER_OK,
    PEER_NOBODY,    /* the certificate has no such name */
    PEER_AMBIGUOUS, /* it has several: who of them is it? */
};

/* `room` has peer->subject.n bytes; *out points there, or into `peer`. */
enum peer_fault peer_subject(const struct weir_peer *peer, enum peer_subject kind, char *room,
                             struct weir_slice *out);

#endif
