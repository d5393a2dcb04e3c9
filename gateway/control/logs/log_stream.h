/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_CONTROL_LOG_STREAM_H
#define WEIR_CONTROL_LOG_STREAM_H

/* The live access log on the admin socket:
 *
 *     POST /v1/logs/stream {"filter": "route=shop status>=500"}       "filter" may be left out
 *     GET  /v1/logs/stream?filter=status%3E%3D500
 *
 * answers with lines of JSON until whoever reads goes away, or this process does (a reload): each
 * request that ends from now on and that the filter takes (control/logs/log_filter.h). A line
 * {"lost": N} stands where N lines are missing, because the reader or this process is too slow. */

#include "control/admin/admin_stream.h"

struct log_stream;
struct shm;

/* `until_ms` is where workers see that somebody looks (core/log/live_log.h); slots says how many
 * rings there may be. */
struct log_stream *log_stream_new(struct loop *lp, const struct shm *shm,
                                  _Atomic uint64_t *until_ms, const _Atomic uint64_t *slots);
/* For the table of the admin server; ctx is the struct log_stream. */
void log_stream_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out);
/* Ends all of them. */
void log_stream_quiesce(struct log_stream *s);
/* When the server is gone. NULL is harmless. */
void log_stream_free(struct log_stream *s);

#endif
