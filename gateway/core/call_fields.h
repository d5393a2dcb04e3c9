/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_CALL_FIELDS_H
#define WEIR_CORE_CALL_FIELDS_H

/* What a module wants to stand in the head of a request of its own: checked, so that nothing of it
 * can end a line or change how the message is framed. */

#include <weir/module.h>

#include "http/fields.h"

enum { CALL_FIELDS_MAX = 100 };

/* Are o->fields and o->host such that they can be sent? Framing, Connection, Expect and Host are not
 * a module's to set; values are checked as those of clients are, and there is a limit of
 * CALL_FIELDS_MAX. */
bool call_fields_ok(const struct weir_call_options *o);
bool call_host_ok(struct slice host);
/* Puts copies of o->fields into `f`: the first of a name replaces the lines of that name, further
 * ones are added; an absent value takes them away. */
void call_fields_apply(const struct weir_call_options *o, struct fields *f, struct arena *a);

#endif
