/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_DECIDE_H
#define WEIR_AUTH_DECIDE_H

/* May this request go on? Pure: who it is has been found out, the route says what it asks for. */

#include <weir/module.h>

/* In the order in which they are tried. */
enum auth_method { AUTH_CERTIFICATE, AUTH_JWT, AUTH_API_KEY, AUTH_BASIC, AUTH_METHODS_N };
extern const char *const auth_method_words[AUTH_METHODS_N + 1];
/* The method of that word as a set of one; 0: there is none. */
unsigned auth_method_bit(struct weir_slice word);

enum auth_mode { AUTH_OFF, AUTH_OPTIONAL, AUTH_REQUIRED };
extern const char *const auth_mode_words[];

enum decision {
    DECIDE_PASS,
    DECIDE_CHALLENGE,   /* 401 */
    DECIDE_FORBID,      /* 403 */
    DECIDE_UNAVAILABLE, /* 503: it can't be told now */
};

struct decide_case {
    enum auth_mode mode;
    bool wrong_is_anonymous; /* optional: wrong credentials are none */
    unsigned allowed;        /* set of methods that the route takes */
    bool identified;
    unsigned method;   /* by which one, a set of one; 0: none of this module's */
    const char *fault; /* a word of reasons.h; NULL: nothing was wrong */
    bool fulfilled;    /* what the route requires of claims */
};

/* *detail: a static word for the log, unless it passes. A method that the route doesn't take never
 * lets anybody in, and isn't nobody either: who shows it is asked for another one. */
enum decision decide(const struct decide_case *c, const char **detail);

#endif
