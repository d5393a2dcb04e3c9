/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CANARY_EXPLAIN_H
#define WEIR_CANARY_EXPLAIN_H

#include <weir/module.h>

/* [control] */
void canary_explain(struct weir_explain *e, const struct weir_use *u);

#endif
