/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_CHECK_H
#define WEIR_BASE_CHECK_H

/* Invariants. must() is for what only a mistake of ours can break, never for anything a peer
 * can cause. It is always on: it prints, calls the crash hook (process/crash.c) and aborts the
 * process; the master starts another worker. */

#include <stddef.h>

#define must(cond)                                                                                 \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            must_failed(#cond, __FILE__, __LINE__);                                                \
    } while (0)

_Noreturn void must_failed(const char *cond, const char *file, int line);

/* Called by must_failed() before abort(); NULL (the default) for none. */
extern void (*must_hook)(const char *cond, const char *file, int line);

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define array_n(a) (sizeof(a) / sizeof((a)[0]))

#define nodiscard __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#endif
