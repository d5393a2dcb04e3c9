/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_CREDENTIALS_H
#define WEIR_AUTH_CREDENTIALS_H

/* What a client shows, out of the values of header fields; and what it is told when that wasn't
 * enough (RFC 9110 11). Whether there was exactly one Authorization line is its caller's affair.
 * Pure; any process. */

#include <weir/module.h>

enum {
    CREDENTIALS_USER_MAX = 255,      /* bytes */
    CREDENTIALS_PASSWORD_MAX = 1024, /* bytes */
    CREDENTIALS_API_KEY_MAX = 512,   /* bytes */
    CREDENTIALS_REALM_MAX = 128,     /* bytes */
};

enum credentials_kind {
    CREDENTIALS_NONE,      /* nothing, or a scheme that is somebody else's */
    CREDENTIALS_BEARER,    /* token */
    CREDENTIALS_BASIC,     /* token, for credentials_basic() */
    CREDENTIALS_MALFORMED, /* one of these schemes, but not as it has to be written */
    CREDENTIALS_API_KEY,   /* of challenges only: keys come in a field of their own. No registered
                              scheme, but a 401 has to name one (RFC 9110 15.5.2) */
};

struct credentials {
    enum credentials_kind kind;
    struct weir_slice token; /* of the value */
};

/* Of an Authorization line: the scheme in any case (RFC 9110 11.1), one or more spaces, and a token
 * of the characters that RFC 6750 2.1 allows. An absent value gives CREDENTIALS_NONE. */
struct credentials credentials_read(struct weir_slice authorization);
/* A bearer token as a cookie's value, with or without quotes around it (RFC 6265 4.1.1). */
struct credentials credentials_cookie(struct weir_slice value);
/* An API key in a field of its own: visible ASCII, up to CREDENTIALS_API_KEY_MAX. Its token is
 * absent when it isn't that. */
struct weir_slice credentials_api_key(struct weir_slice value);

/* User and password. Holds a secret: wipe it. */
struct credentials_basic {
    struct weir_slice user, password; /* of text; neither has NULs or control characters */
    char text[CREDENTIALS_USER_MAX + 1 + CREDENTIALS_PASSWORD_MAX + 4]; /* the decoder's room */
};
/* Decodes the token of CREDENTIALS_BASIC (RFC 7617 2). False when it is no base64, has no colon, or
 * is over a limit. The user isn't empty; the password may be. */
bool credentials_basic(struct weir_slice token, struct credentials_basic *out);
void credentials_basic_wipe(struct credentials_basic *b);

/* -- challenges, in WWW-Authenticate ----------------------------------------------------------- */

/* RFC 6750 3.1. */
enum credentials_error {
    CREDENTIALS_NO_ERROR,           /* there was nothing to be wrong: 401 */
    CREDENTIALS_INVALID_REQUEST,    /* 400 */
    CREDENTIALS_INVALID_TOKEN,      /* 401 */
    CREDENTIALS_INSUFFICIENT_SCOPE, /* 403 */
};

struct credentials_challenge {
    enum credentials_kind scheme; /* CREDENTIALS_BEARER, _BASIC or _API_KEY */
    struct weir_slice realm;      /* credentials_realm_ok() */
    enum credentials_error error; /* of Bearer */
    const char *description;      /* of Bearer with an error; NULL: none */
};

/* Can it stand in a quoted string: not too long, and no control characters? */
bool credentials_realm_ok(struct weir_slice realm);

/* Writes the value of one WWW-Authenticate line (RFC 9110 11.6.1) with all challenges, the first
 * one the preferred. Gives its length; 0, when it doesn't fit in `room` bytes or a text can't be
 * written. */
size_t credentials_challenge_write(const struct credentials_challenge *v, size_t n, char *to,
                                   size_t room);

#endif
