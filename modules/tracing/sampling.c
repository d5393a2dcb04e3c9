/* SPDX-License-Identifier: Apache-2.0 */
#include "tracing/sampling.h"

/* In 63 bits and by doubles, so that it is the very same bound. */
uint64_t sampling_bound(uint32_t millionths)
{
    return (uint64_t)((double)millionths / 1e6 * (double)(UINT64_C(1) << 63));
}

bool sampling_takes(const struct sampling *s, const struct trace_context *parent)
{
    if (s->parent && parent->decided)
        return parent->flags & TRACE_SAMPLED;
    return parent->low >> 1 < s->bound;
}
