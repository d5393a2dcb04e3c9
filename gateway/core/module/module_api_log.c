/* SPDX-License-Identifier: Apache-2.0 */
/* <weir/report.h>: what modules write to the logs. */

#include <stdio.h>

#include "base/event.h"
#include "core/exchange.h"
#include "core/module/module.h"
#include "core/module/module_log.h"
#include "core/module/module_slice.h"

enum { FACTS_MAX = 12 };
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

/* The text, and how many bytes of it had no room. */
struct said {
    char text[TEXT_MAX];
    int cut;
};

static void say(struct said *s, const char *fmt, va_list ap)
{
    const int n = vsnprintf(s->text, sizeof s->text, fmt, ap);
    if (n < 0)
        s->text[0] = '\0';
    s->cut = n >= (int)sizeof s->text ? n - (int)sizeof s->text + 1 : 0;
}

static void write_line(enum log_level level, const char *event, const struct said *s)
{
    log_event(level, event, (struct kv[]){KV("text", s->text), KV_INT("cut", s->cut)},
              s->cut ? 2 : 1);
}

void weir_log(enum weir_log_level level, const char *event, const char *fmt, ...)
{
    const enum log_level at = (enum log_level)level;
    struct said said;
    va_list ap;

    if (!log_enabled(at))
        return;
    va_start(ap, fmt);
    say(&said, fmt, ap);
    va_end(ap);
    write_line(at, event, &said);
}

static struct kv kv_of(const struct weir_fact *f)
{
    return f->is_number ? KV_INT(f->name, f->number) : KV_SLICE(f->name, slice_in(f->text));
}

void weir_event(enum weir_log_level level, const char *event, const struct weir_fact *facts,
                size_t n, const char *fmt, ...)
{
    struct kv kvs[FACTS_MAX + 1];
    struct said said;
    size_t kvs_n = 0;
    va_list ap;

    va_start(ap, fmt);
    say(&said, fmt, ap);
    va_end(ap);
    write_line((enum log_level)level, event, &said);
    for (size_t i = 0; i < n && kvs_n < FACTS_MAX; i++)
        if (facts[i].is_number || facts[i].text.n)
            kvs[kvs_n++] = kv_of(&facts[i]);
    kvs[kvs_n++] = KV("text", said.text);
    event_tell((enum log_level)level, event, kvs, kvs_n);
}
