/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_MIRROR_DIFFS_H
#define WEIR_MIRROR_DIFFS_H

#include <weir/module.h>

/* The command "diffs": of each mirror, of one route or of all, how many copies there were, how many
 * differ, and the last of those. `local` is the control process's struct mirror_process. [control]
 */
void mirror_diffs(struct weir_process *p, void *local, const struct weir_request *rq,
                  struct weir_reply *reply);

#endif
