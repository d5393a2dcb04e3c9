/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_GRANT_H
#define WEIR_AUTH_GRANT_H

/* Who somebody has turned out to be, in one block of memory: so it can be cached as a whole, and
 * copied into an exchange as a whole, whatever becomes of the token or file that it came from.
 *
 *     block:  struct grant | claims | texts */

#include <weir/module.h>

struct grant {
    struct weir_identity id;
    const struct weir_claim *claims;
    size_t claims_n;
    unsigned issuer; /* of tokens: which of the configured ones has vouched for it */
};

/* Bytes of the block for what `from` points to. */
size_t grant_size(const struct grant *from);
/* Writes the block: `to` has grant_size() bytes, aligned for anything. Gives `to`. */
struct grant *grant_pack(const struct grant *from, void *to);
/* For free(); NULL: no memory. */
struct grant *grant_new(const struct grant *from);

#endif
