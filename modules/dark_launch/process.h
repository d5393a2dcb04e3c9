/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_DARK_LAUNCH_PROCESS_H
#define WEIR_DARK_LAUNCH_PROCESS_H

/* What a worker, or the control process, holds: the settings, and in a worker the list files as it
 * has read them last. */

#include "dark_launch/list.h"
#include "dark_launch/settings.h"

struct held_list {
    struct tester_list list;
    uint64_t version; /* of the file's text; 0: none yet */
};

struct dark_process {
    struct dark_global *global;
    struct held_list *lists; /* by number of the use */
};

void *dark_start(struct weir_process *p, const void *global);
void dark_stop(struct weir_process *p, void *local);

/* Is the subject in the file of this use, as it is now? [hook] */
bool dark_listed(struct dark_process *dp, struct weir_process *p, const struct dark *d,
                 struct weir_slice subject);

#endif
