/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_LOG_H
#define WEIR_CORE_MODULE_LOG_H

/* What modules have to say about an exchange in the access log: the fields that their descriptor
 * lists, by MODULE.NAME. The texts lie beside the states of their chain (chain_run.log); a field
 * that nobody set is absent. Where a module has several uses, the last one in the order in which
 * they run that has set it is the one that shows. */

#include <stdbool.h>

#include "base/slice.h"
#include "base/text.h"

struct exchange;
struct module_use;

/* From a hook of this use; the value is copied. Nothing happens when the use has no such field, or
 * isn't of a chain of this exchange. */
void module_log_set(struct exchange *x, const struct module_use *use, unsigned index,
                    struct slice value);
/* `name`: "MODULE.NAME". False: there is no such value. */
bool module_log_get(const struct exchange *x, struct slice name, struct slice *value);
/* Adds ,"MODULE.NAME":"value" for each field that was set. */
void module_log_json(const struct exchange *x, struct text *out);

#endif
