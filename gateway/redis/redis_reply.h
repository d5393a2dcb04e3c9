/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_REPLY_H
#define WEIR_REDIS_REDIS_REPLY_H

/* From bytes to replies: hiredis's reader, bounded. */

#include "redis/redis.h"

#include <hiredis/hiredis.h>

/* Of one reply, those of lists in lists included. hiredis makes room for as many as the peer
 * announces, before there is any, and for each of them for much more than it takes to say it. */
enum { REDIS_ITEMS_MAX = 65536 };
/* Lists in lists. hiredis frees them by recursion, and since 1.0 has no limit of its own. */
enum { REDIS_DEPTH_MAX = 8 };

/* `items` counts those of the reply that is being read, and has to be 0 before each; beyond
 * REDIS_ITEMS_MAX reading fails. NULL: no memory. Freed by redisReaderFree(). */
struct redisReader *redis_reader_new(size_t *items) nodiscard;
/* What is no reply in RESP2 is REDIS_NIL. Borrows `raw`. */
struct redis_reply redis_reply_of(const struct redisReply *raw);

/* Is it an error of this kind, such as "NOPERM"? */
bool redis_error_is(const struct redis_reply *r, const char *kind);

#endif
