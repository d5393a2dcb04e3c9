/* SPDX-License-Identifier: Apache-2.0 */
#include "control/logs/events.h"

#include <jansson.h>

#include "http/query.h"

uint64_t events_next(const struct events *e)
{
    return atomic_load(&e->ring->given);
}

void events_write(const struct events *e, const struct events_wanted *wanted, struct text *out)
{
    struct event_cursor c = {.after = wanted->after};
    struct event event;
    if (wanted->newest)
        c = event_ring_newest(e->ring, wanted->limit);
    json_open(out, '{');
    json_key(out, "events");
    json_open(out, '[');
    for (uint64_t n = 0; n < wanted->limit; n++) {
        if (!event_ring_next(e->ring, &c, e->loop->clock.mono_us, &event))
            break;
        event_json(&event, out);
    }
    json_close(out, ']');
    json_key(out, "next");
    json_uint(out, c.after);
    json_key(out, "lost");
    json_uint(out, c.lost);
    json_close(out, '}');
}

/* -- what is asked for ------------------------------------------------------------------------- */

static bool take(struct events_wanted *w, bool is_after, uint64_t v)
{
    if (is_after) {
        w->after = v;
        w->newest = false;
        return true;
    }
    w->limit = v;
    return v >= 1 && v <= EVENT_RING_SIZE;
}

static void refuse(struct admin_answer *out, bool is_after)
{
    if (is_after)
        admin_error(out, 400, "after", "\"after\" is the number of an event, or 0 for all");
    else
        admin_error(out, 400, "limit", "\"limit\" is a number from 1 to %d", EVENT_RING_SIZE);
}

static bool read_member(const json_t *o, bool is_after, struct events_wanted *w,
                        struct admin_answer *out)
{
    const json_t *v = json_object_get(o, is_after ? "after" : "limit");
    if (!v)
        return true;
    const bool number = json_is_integer(v) && json_integer_value(v) >= 0;
    if (number && take(w, is_after, (uint64_t)json_integer_value(v)))
        return true;
    refuse(out, is_after);
    return false;
}

static bool read_content(struct slice content, struct events_wanted *w, struct admin_answer *out)
{
    if (!content.n)
        return true;
    json_t *o = json_loadb(content.p, content.n, JSON_REJECT_DUPLICATES, NULL);
    bool good = json_is_object(o);
    if (!good)
        admin_error(out, 400, NULL, "the content is no JSON object, such as {\"after\": 0}");
    good = good && read_member(o, true, w, out) && read_member(o, false, w, out);
    json_decref(o);
    return good;
}

static bool read_pair(struct slice query, bool is_after, struct events_wanted *w,
                      struct admin_answer *out)
{
    struct slice text;
    struct arena a;
    uint64_t v = 0;
    arena_init(&a, NULL, 0);
    const bool is_there = query_find(query, is_after ? SLICE("after") : SLICE("limit"), &a, &text);
    const bool good = !is_there || (slice_to_u64(text, &v) && take(w, is_after, v));
    arena_fini(&a);
    if (!good)
        refuse(out, is_after);
    return good;
}

void events_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct events_wanted w = {.newest = true, .limit = EVENTS_LIMIT};
    const bool good = rq->method == METHOD_POST ? read_content(rq->content, &w, out)
                                                : read_pair(rq->query, true, &w, out) &&
                                                      read_pair(rq->query, false, &w, out);
    if (!good)
        return;
    out->type = SLICE("application/json");
    events_write(ctx, &w, &out->body);
    text_char(&out->body, '\n');
}
