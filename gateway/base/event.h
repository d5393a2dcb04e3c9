/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_EVENT_H
#define WEIR_BASE_EVENT_H

/* Notable events: the state of something has changed, or an operator has changed something. One
 * call writes the line of the error log, a line of the audit log, and an entry in the ring of the
 * last ones:
 *
 *     event_warn("endpoint_down", KV_SLICE("cluster", cluster), KV("endpoint", name));
 *
 * They are rare: never is one made per request, nor by whatever a stranger may do as often as he
 * likes. Neither level nor rate limit of the error log keep them from the other two.
 *
 * Who did it is "who"; then "reason" is what he said about it, and both stand beside the fields:
 *
 *     {"n":17,"at_ms":1764158400123,"level":"warn","process":"worker/0","event":"endpoint_down",
 *      "who":"uid 0","reason":"...","fields":{"cluster":"reviews","endpoint":"10.0.0.7:80"}}
 */

#include "base/audit.h"
#include "base/event_ring.h"
#include "base/log.h"

/* In shared memory: what all processes write to. */
struct event_shared {
    struct audit_state audit;
    struct event_ring ring;
};
#define EVENTS_CELL SLICE("process/events")

/* Borrowed, also by children. NULL: there is no ring. */
void event_share(struct event_shared *s);

/* All three. */
void event_note(enum log_level level, const char *event, const struct kv *kvs, size_t n);
/* Without the line of the error log. */
void event_tell(enum log_level level, const char *event, const struct kv *kvs, size_t n);

#define event_at(level, event, ...)                                                                \
    do {                                                                                           \
        const struct kv kvs_[] = {{0}, ##__VA_ARGS__};                                             \
        event_note(level, event, kvs_ + 1, sizeof(kvs_) / sizeof(kvs_[0]) - 1);                    \
    } while (0)
#define event_error(event, ...) event_at(LEVEL_ERROR, event, ##__VA_ARGS__)
#define event_warn(event, ...) event_at(LEVEL_WARN, event, ##__VA_ARGS__)
#define event_info(event, ...) event_at(LEVEL_INFO, event, ##__VA_ARGS__)

/* As a JSON object. */
void event_json(const struct event *e, struct text *out);

#endif
