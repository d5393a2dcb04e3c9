/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_TESTS_LIB_PAIRING_H
#define WEIR_TESTS_LIB_PAIRING_H

/* What a client and an origin speak on the two sides of a weir, and the rig of scenarios that run
 * over several such pairings:
 *
 *     pairing_begin();                          certificates: root, site, origin ($certs)
 *     struct origin *app = pairing_origin(&pairing);
 *     pairing_start(&pairing);                  a weir between
 *     struct browser *b = pairing_browser(&pairing);
 *     ...
 *     pairing_end();                            all of it
 *
 * Clients come to site.test, the origin's certificate says origin.test, both are of root. */

#include "tests/lib/browse.h"
#include "tests/lib/h2_talk.h"
#include "tests/lib/origin.h"
#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

struct pairing {
    const char *name;
    enum browse_protocol client;
    enum origin_protocol origin;
    bool tls; /* on both sides */
};

void pairing_begin(void);
void pairing_end(void);
/* As RIG_SKIP. */
#define PAIRING_SKIP(why)                                                                          \
    do {                                                                                           \
        pairing_end();                                                                             \
        cr_skip_test(why);                                                                         \
    } while (0)

struct origin *pairing_origin(const struct pairing *p);
/* Starts weir before the origin "app"; `listener` and `cluster` of the configuration are put behind
 * the pairing's own. */
#define pairing_start(p, ...) pairing_start_with(p, (struct rig_conf){__VA_ARGS__})
void pairing_start_with(const struct pairing *p, struct rig_conf c);

/* A cluster's settings for the origin's side; they stay until the next call. */
const char *pairing_cluster(const struct pairing *p);

/* The CA's file; NULL when the pairing is in cleartext. */
const char *pairing_ca(const struct pairing *p);
struct browser *pairing_browser(const struct pairing *p);
struct talk *pairing_talk(const struct pairing *p);       /* HTTP/1.1 */
struct h2_talk *pairing_h2_talk(const struct pairing *p); /* HTTP/2 */

#endif
