/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_PROCESS_ROLLBACK_H
#define WEIR_PROCESS_ROLLBACK_H

/* The texts of configurations, for operators: those in force, and those that a rollback would
 * bring. */

#include "control/admin/admin.h"
#include "process/child.h"

/* Are the files on the disk these texts? A file that can't be read isn't. */
bool rollback_is_on_disk(const struct conf_texts *texts, const char *file) nodiscard;

/* POST /v1/config/text {"which": "in force"}, or "previous": {"files": [{"file", "text"}]}, the
 * main file first. They have secrets in them, so only who may change may ask. For the table of the
 * admin server; ctx is the struct birth. */
void rollback_texts_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);

#endif
