/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_REASONS_H
#define WEIR_AUTH_REASONS_H

/* Why nobody is known although the request carried something: static words, for the log and the
 * counters, each with a text for the client. Those of tokens and claims stand in jwt.h and
 * claims.h; these are the others. */

#include <weir/module.h>

/*         name                  word                      text */
#define AUTH_REASONS(REASON)                                                                       \
    REASON(TWICE, "credentials_twice", "credentials come in several lines")                        \
    REASON(MALFORMED, "credentials_malformed", "the credentials are malformed")                    \
    REASON(NOBODY, "token_nobody", "the token doesn't say who it is for")                          \
    REASON(API_KEY, "api_key_unknown", "the API key isn't known")                                  \
    REASON(PASSWORD, "password_wrong", "user or password is wrong")                                \
    REASON(CERTIFICATE_NOBODY, "certificate_nobody", "the certificate has no such name")           \
    REASON(CERTIFICATE_MANY, "certificate_ambiguous", "the certificate has several names")         \
    REASON(NO_KEYS, "keys_missing", "the issuer's keys aren't known yet")                          \
    REASON(BUSY, "busy", "too many are being checked")

/* The words; compared by value. */
#define REASON(name, word, text) extern const char AUTH_REASON_##name[];
AUTH_REASONS(REASON)
#undef REASON

/* All words there are, of tokens and claims included, each once. */
size_t reasons_n(void);
const char *reason_word(size_t i);
/* reasons_n(): not one of them. */
size_t reason_index(const char *word);
/* For error_description; NULL: not one of them. */
const char *reason_text(const char *word);
/* Is it the gateway that couldn't tell? Then the credentials may be good. */
bool reason_is_ours(const char *word);
/* Is it the request that is wrong, and not the token (RFC 6750 3.1)? */
bool reason_is_request(const char *word);
/* Is it a token that was wrong? */
bool reason_is_token(const char *word);

#endif
