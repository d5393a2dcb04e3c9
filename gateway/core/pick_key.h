/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_PICK_KEY_H
#define WEIR_CORE_PICK_KEY_H

/* The key by which a hashing balancer picks the endpoint of a request: the value of a header field, a
 * cookie or a parameter, the client's address, or who it is (cluster.hash). It is made once per
 * exchange and cluster, so that retries walk on from the same place. */

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

struct exchange;

/* False: the cluster's balancer has no use for one, or the request has none. A client without the
 * cookie may get one, whose value is the key. */
bool pick_key(struct exchange *x, uint64_t *hash) nodiscard;
/* A cookie that was made goes out with the response. */
void pick_key_tell(struct exchange *x);

#endif
