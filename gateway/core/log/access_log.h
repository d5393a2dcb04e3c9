/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CORE_ACCESS_LOG_H
#define WEIR_CORE_ACCESS_LOG_H

/* One line per exchange, in JSON or by a format string compiled at load. Lines gather in the
 * worker's buffer and are written when it is full or log.flush has passed; a line is never split
 * between two writes to a file. The sink is a file, stdout, syslog or journald.
 *
 * Format string: text with %{field} in it; "%{field|-}" says what stands for an absent value
 * (default "-"). %{request.NAME}, %{response.NAME} are header fields. docs/access-log.md lists the
 * fields, which are the variables of core/log/variables.h. */

#include <stdbool.h>

#include "base/fault.h"
#include "config/config.h"

struct access_log;
struct access_format;
struct exchange;
struct loop;

/* The compiled format, in `a`; master, at load. NULL with a fault that names the nearest field. */
struct access_format *access_format_compile(const struct log_conf *lc, struct arena *a,
                                            struct faults *faults) nodiscard;
/* Appends the line of one exchange, with newline. Texts that have to be made lie in x->arena. */
struct text;
void access_format_write(const struct access_format *f, struct exchange *x, struct text *out);

/* Opens the sink. NULL with a fault. Works before privileges are dropped (then chown_uid/gid are
 * given to the file so that it can be reopened; -1: leave). */
struct access_log *access_log_open(const struct log_conf *lc, const struct access_format *f,
                                   int chown_uid, int chown_gid, struct faults *faults) nodiscard;
/* Starts to flush by time on this loop; call it in the process that writes. */
void access_log_start(struct access_log *l, struct loop *lp);
void access_log_exchange(struct access_log *l, struct exchange *x);
void access_log_flush(struct access_log *l);
/* SIGUSR1: flushes, then opens the path again. False with errno; the old file stays in use. */
bool access_log_reopen(struct access_log *l) nodiscard;
/* Flushes and closes. */
void access_log_close(struct access_log *l);
/* Lines lost because the sink failed. */
uint64_t access_log_dropped(const struct access_log *l);

/* Markdown list of all fields. */
void access_log_reference(struct text *out);

#endif
