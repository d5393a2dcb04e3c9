/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/report.h>: what modules write to the logs. */

#include <stdio.h>

#include "base/log.h"
#include "core/exchange.h"
#include "core/module/module.h"
#include "core/module/module_log.h"
#include "core/module/module_slice.h"

enum { TEXT_MAX = 1024 }; /* of an error log's line, whose bound is 4096 with everything in it */

_Static_assert((int)WEIR_LOG_ERROR == LEVEL_ERROR && (int)WEIR_LOG_WARN == LEVEL_WARN &&
                   (int)WEIR_LOG_INFO == LEVEL_INFO && (int)WEIR_LOG_TRACE == LEVEL_TRACE,
               "the same levels");

/* The use is the one whose hook runs: `u` is only how a module sees it. */
void weir_log_set(struct weir_exchange *exchange, const struct weir_use *u, unsigned index,
                  struct weir_slice value)
{
    struct exchange *x = (struct exchange *)exchange;
    (void)u;

    if (x->hook)
        module_log_set(x, x->hook, index, slice_in(value));
}

void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...)
{
    const enum log_level at = (enum log_level)level;
    char memory[TEXT_MAX];
    va_list ap;

    if (!log_enabled(at))
        return;
    va_start(ap, fmt);
    const int n = vsnprintf(memory, sizeof memory, fmt, ap);
    va_end(ap);
    if (n < 0)
        memory[0] = '\0';
    const bool cut = n >= (int)sizeof memory;
    log_event(at, event,
              (struct kv[]){KV("text", memory), KV_INT("cut", n - (int)sizeof memory + 1)},
              cut ? 2 : 1);
}
