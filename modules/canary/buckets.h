/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_BUCKETS_H
#define WEIR_CANARY_BUCKETS_H

/* Where a user stays. A keyed hash puts each user into one of 10,000 buckets, for good; a table
 * made from the variants' names and weights alone says whose a bucket is. So all instances agree
 * with nothing shared, and nobody has to remember who was placed where.
 *
 * What a change of weights does to the table, the list of names being the same:
 *   - a weight that grows only moves buckets into that variant, one that shrinks only out of it,
 * and going back restores exactly what was. It is the ratio of the weights that counts: 95 and 5
 *     becoming 90 and 10 moves only into the second;
 *   - a variant that is added, anywhere but in front, only takes buckets for itself;
 *   - a variant with weight 0 has no bucket.
 * With two variants that have a weight, the list's first being one of them, each has its share to
 * within half a bucket. Three and more are off by up to 40 buckets (0.4 %) as a rule, and by 10
 * when the first has most of the weight; in 20,000 random sets none was off by 100, and BUCKETS_OFF
 * is what tests hold them to. Exact counts are not to be had: buckets.c says why.
 *
 * Any process. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/module.h>

enum {
    BUCKETS = 10000,   /* steps of 0.01 % */
    BUCKETS_OFF = 150, /* 1.5 %: what more than two variants are held to */
};

/* The variant of each bucket, by its index in the list. Names are all different, 1 <= n <= 255, and
 * one weight is above 0: schedule_check() has seen to the latter two. About half a millisecond, and
 * a fifth of one for each variant. */
void buckets_build(uint8_t of[BUCKETS], const struct weir_slice *names, const uint32_t *weights,
                   size_t n);

/* The hash that finds a user's bucket: HMAC-SHA-256 under a key made from `seed`, a text of the
 * configuration. The same seed gives the same buckets with every version of OpenSSL. One object
 * serves one thread. NULL: OpenSSL refuses. The caller frees it. */
struct bucket_hash;
struct bucket_hash *bucket_hash_new(struct weir_slice seed) __attribute__((warn_unused_result));
void bucket_hash_free(struct bucket_hash *h); /* NULL is fine */

/* The bucket of a user's key, whatever bytes it has; less than half a microsecond. *mark (may be
 * NULL) gets 64 further bits, which tell users apart (users.h) and say nothing about the bucket.
 * False: OpenSSL refuses, and the user has no place. */
bool bucket_of(struct bucket_hash *h, struct weir_slice key, unsigned *bucket, uint64_t *mark)
    __attribute__((warn_unused_result));

#endif
