/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_HTTP_QUERY_H
#define WEIR_HTTP_QUERY_H

/* Finding one value in a query string (application/x-www-form-urlencoded pairs) or in the Cookie
 * fields (RFC 6265 4.2.1), without building a table: conditions on routes look for one or two. */

#include "http/fields.h"

/* The first pair of that name: name and value are percent- and plus-decoded before comparing.
 * *value lies in the query where nothing was encoded, else in `a`. False when there is none. */
bool query_find(struct slice query, struct slice name, struct arena *a, struct slice *value);
/* The first cookie of that name over all Cookie lines; quotes around the value are taken off. */
bool cookie_find(const struct fields *f, struct slice name, struct slice *value);

#endif
