/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_MODULE_SLICE_H
#define WEIR_CORE_MODULE_SLICE_H

/* The slices of the module interface and those of the core are the same bytes under two names, so
 * that the public header needs no other. */

#include <weir/module.h>

#include "base/slice.h"

static inline struct slice slice_in(struct weir_slice s)
{
    return (struct slice){s.p, s.n};
}

static inline struct weir_slice slice_out(struct slice s)
{
    return (struct weir_slice){s.p, s.n};
}

#endif
