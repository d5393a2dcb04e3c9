/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_REDIS_REDIS_LOGIN_H
#define WEIR_REDIS_REDIS_LOGIN_H

/* What is said first on each connection: who Weir is, which database it means; and whether the
 * server is one that can be worked with. */

#include "redis/redis_conn.h"

struct redis_login {
    const struct redis_account *account;
    int64_t database; /* 0 isn't asked for: sentinels have none */
    /* What it has to be: whatever answers; a server that isn't known to be a replica; a master, as
     * a sentinel said so. */
    enum { REDIS_ANY, REDIS_NO_REPLICA, REDIS_MASTER } role;
};

/* To be called when it has been opened; then comes events.ready, or events.ended. */
void redis_login(struct redis_conn *c, const struct redis_login *l);

#endif
