/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_PRIVILEGE_H
#define WEIR_PROCESS_PRIVILEGE_H

/* Who the children are: the master may be root, workers and control are not when a user is
 * configured. */

#include <stdbool.h>

#include "base/fault.h"
#include "config/config.h"

struct identity {
    bool set;             /* a user or group is configured and we are root */
    unsigned uid, gid;    /* (unsigned)-1 when not set */
    const char *user;     /* for initgroups; NULL when only a group is given */
};

/* Looks up `user` and `group`; a name that doesn't exist is a fault. When the process isn't root,
 * a user other than its own is a warning: nothing is changed then. */
bool identity_find(const struct config *c, struct identity *id, struct faults *faults) nodiscard;
/* In a child: groups, group, user, no new privileges. False with errno. */
bool identity_take(const struct identity *id) nodiscard;
/* As many descriptors as allowed (`want` 0), or `want`. Returns what is in force. */
long descriptors_raise(int64_t want);

#endif
