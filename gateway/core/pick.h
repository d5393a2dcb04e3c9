/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_PICK_H
#define WEIR_CORE_PICK_H

/* Which endpoint of the plan's cluster gets the next attempt: the balancer's word, unless hooks veto
 * it. An exchange that has been retried goes to endpoints that it hasn't tried yet, as long as there
 * are any. */

#include <stdbool.h>

struct endpoint;
struct exchange;

/* NULL: none, and *vetoed says whether hooks had a part in that. */
struct endpoint *pick_endpoint(struct exchange *x, bool *vetoed);
/* One that this exchange has not tried; NULL: there is none. */
struct endpoint *pick_another(struct exchange *x);

#endif
