/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_CLAIMS_H
#define WEIR_AUTH_CLAIMS_H

/* Verified claims, made flat: pairs of a name and a text, which conditions compare and header
 * fields carry.
 *
 *     {"sub": "anna", "realm": {"roles": ["dev", "ops"]}, "vip": true}
 *         sub = anna, realm.roles = dev, realm.roles = ops, vip = true
 *
 * Texts are as they are, numbers as JSON writes them (15 digits of what has a fraction). null is
 * nothing. Objects and lists within a list have no name to go by: they are left out and counted.
 * Over a limit nothing is cut: it is an error, since half of somebody's groups may say the opposite
 * of all. The limits are settings, up to what is collected on the stack. */

#include <jansson.h>

#include <weir/module.h>

enum {
    CLAIMS_PAIRS_PRESET = 64,
    CLAIMS_PAIRS_MAX = 512,
    CLAIMS_DEPTH_MAX = 4,          /* objects within objects, the outermost counted */
    CLAIMS_TEXT_PRESET = 8 * 1024, /* bytes of all names and values */
    CLAIMS_TEXT_MAX = 32 * 1024,
};

/* Each at most the MAX of its name. */
struct claims_limits {
    size_t pairs, text;
};

#define CLAIMS_FAULTS(FAULT)                                                                       \
    FAULT(OK, "ok", "the claims are good")                                                         \
    FAULT(TOO_MANY, "claims_too_many", "the token has too many claims")                            \
    FAULT(TOO_DEEP, "claims_too_deep", "the claims of the token are nested too deeply")            \
    FAULT(TOO_LONG, "claims_too_long", "the claims of the token are too long")                     \
    FAULT(AMBIGUOUS, "claims_ambiguous", "two claims of the token have the same name")             \
    FAULT(MEMORY, "memory", "the token couldn't be checked")

enum claims_fault {
#define FAULT(name, word, text) CLAIMS_##name,
    CLAIMS_FAULTS(FAULT)
#undef FAULT
};

struct claims {
    const struct weir_claim *v;
    size_t n;
    unsigned left_out;
};

/* One block of memory with all texts in it, for claims_free(); NULL with a fault. Names that a dot
 * makes equal ({"a.b": 1, "a": {"b": 2}}) are ambiguous. */
struct claims *claims_new(const json_t *object, const struct claims_limits *limits,
                          enum claims_fault *fault);
void claims_free(struct claims *c);

/* A word for the log; a text for the client (RFC 6750 3, error_description). */
const char *claims_fault_word(enum claims_fault f);
const char *claims_fault_text(enum claims_fault f);

#endif
