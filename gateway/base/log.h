/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

/* The error log: lines for operators, about the life of the process and what is degraded. Each
 * line is a fixed event name and key=value pairs; sentences are not built by hand. Levels are by
 * audience: error (an operator must act), warn (something is degraded), info (life of process and
 * configuration), trace (per step, off by default). What happened to a request stands in the
 * access log, once.
 *
 *     log_warn("origin_connect_failed", KV("endpoint", name), KV_ERRNO(err));
 *     2026-11-24T10:00:00.123456Z warn worker/0[4711] origin_connect_failed endpoint=...
 * error="Connection refused"
 *
 * Rate limit per event name: after `burst` lines within a second the rest of that second is
 * counted, and the next line of that name carries suppressed=N. Lines that could not be
 * written are counted too; the next line that can be carries lost=N.
 *
 * One log per process. A line is written with one write(2) at once: errors are rare, and a line
 * that lies in a buffer when the process dies is the one that was needed. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "base/text.h"

enum log_level { LEVEL_ERROR, LEVEL_WARN, LEVEL_INFO, LEVEL_TRACE };

enum kv_kind { KV_KIND_SLICE, KV_KIND_INT, KV_KIND_ERRNO };
struct kv {
    const char *key;
    enum kv_kind kind;
    struct slice text;
    int64_t number;
};

#define KV(k, cstr) ((struct kv){.key = (k), .kind = KV_KIND_SLICE, .text = slice_str(cstr)})
#define KV_SLICE(k, s) ((struct kv){.key = (k), .kind = KV_KIND_SLICE, .text = (s)})
#define KV_INT(k, i) ((struct kv){.key = (k), .kind = KV_KIND_INT, .number = (int64_t)(i)})
#define KV_ERRNO(e) ((struct kv){.key = "error", .kind = KV_KIND_ERRNO, .number = (e)})

/* What the process calls itself in each line ("master", "worker/0", "control"); copied. */
void log_set_process(const char *name);
const char *log_process(void);
void log_set_level(enum log_level level);
bool log_level_from(struct slice word, enum log_level *out) nodiscard;
const char *log_level_name(enum log_level level);
/* A level in shared memory, plus 1, that counts instead of the process's own while it isn't 0;
 * borrowed, also by children. NULL: none. */
void log_share_level(const _Atomic uint64_t *level);
/* Whose time the lines carry and the seconds of the rate limit are; borrowed. NULL: the machine's,
 * read for each line. */
void log_set_clock(struct clock *c);
/* Lines per second and event name before suppression; 0 for no limit. */
void log_set_burst(unsigned lines);
/* NULL or "stderr": descriptor 2. A file is opened for appending (0640) and closed by the next
 * call; false with errno set, and the log as it was, when that fails. */
bool log_open(const char *path) nodiscard;
/* Opens the same path again, after rotation. */
bool log_reopen(void) nodiscard;
/* Where lines go instead, for tests and syslog; NULL to undo. The line has no newline. */
void log_set_sink(void (*sink)(enum log_level, struct slice line));
/* Gives the log file that is open to somebody (fchown; -1: as it is), so that workers that dropped
 * root may reopen it. To be called again after log_reopen(). */
bool log_chown(unsigned uid, unsigned gid) nodiscard;

bool log_enabled(enum log_level level);
void log_event(enum log_level level, const char *event, const struct kv *kvs, size_t n);

#define log_at(level, event, ...)                                                                  \
    do {                                                                                           \
        if (log_enabled(level)) {                                                                  \
            const struct kv kvs_[] = {{0}, ##__VA_ARGS__};                                         \
            log_event(level, event, kvs_ + 1, sizeof(kvs_) / sizeof(kvs_[0]) - 1);                 \
        }                                                                                          \
    } while (0)
#define log_error(event, ...) log_at(LEVEL_ERROR, event, ##__VA_ARGS__)
#define log_warn(event, ...) log_at(LEVEL_WARN, event, ##__VA_ARGS__)
#define log_info(event, ...) log_at(LEVEL_INFO, event, ##__VA_ARGS__)
#define log_trace(event, ...) log_at(LEVEL_TRACE, event, ##__VA_ARGS__)

#endif
