/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_AUTH_FETCH_H
#define WEIR_AUTH_FETCH_H

/* Fetching the keys of issuers, in the control process: at the start, before they are old, and when
 * a worker wishes for newer ones. What is good is published; what isn't leaves what was there. */

#include "auth/settings.h"

struct fetch;

/* One for each issuer, also those whose keys come from a file. NULL: no memory. */
struct fetch *fetches_new(struct weir_process *p, const struct auth_global *g);
void fetches_free(struct fetch *v, const struct auth_global *g);
void fetches_tick(struct fetch *v, const struct auth_global *g);

#endif
