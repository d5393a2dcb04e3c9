/* SPDX-License-Identifier: Apache-2.0 */
/* POST /v1/modules/mirror/diffs {"route": "reviews"} */
#include "mirror/diffs.h"

#include "mirror/flight.h"
#include "common/command.h"

static json_int_t sum(struct weir_process *p, const struct mirror *m, enum mirror_count what)
{
    return (json_int_t)weir_count_sum(p, m->counters, what);
}

/* The newest first. A text that was spoiled is no JSON and is left out. */
static json_t *samples_of(const struct mirror *m)
{
    json_t *list = json_array();
    char text[RING_TEXT];
    for (unsigned back = 0; m->ring && back < m->compare.samples; back++) {
        const size_t n = ring_read(m->ring, (unsigned)m->compare.samples, back, text);
        json_t *sample = n ? json_loadb(text, n, 0, NULL) : NULL;
        if (sample)
            json_array_append_new(list, sample);
    }
    return list;
}

static json_t *dropped_of(struct weir_process *p, const struct mirror *m)
{
    return json_pack("{s:I, s:I, s:I}", "concurrency", sum(p, m, COUNT_DROPPED_CONCURRENCY), "body",
                     sum(p, m, COUNT_DROPPED_BODY), "memory", sum(p, m, COUNT_DROPPED_MEMORY));
}

static json_t *mirror_of(struct weir_process *p, const struct mirror *m)
{
    const json_int_t dropped = sum(p, m, COUNT_DROPPED_CONCURRENCY) +
                               sum(p, m, COUNT_DROPPED_BODY) + sum(p, m, COUNT_DROPPED_MEMORY);
    const double p50 = m->delta ? (double)delta_median(m->delta) / 1000 : 0;
    return json_pack(
        "{s:s%, s:s%, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:f, s:o}", "route",
        m->route.p, m->route.n, "cluster", m->cluster_name.p, m->cluster_name.n, "nth",
        (int)m->nth, "drawn", sum(p, m, COUNT_DRAWN), "sent", sum(p, m, COUNT_SENT), "answered",
        sum(p, m, COUNT_ANSWERED), "failed", sum(p, m, COUNT_FAILED), "dropped", dropped,
        "dropped_by", dropped_of(p, m), "under_way", (json_int_t)seats_sum(m->seats), "compared",
        sum(p, m, COUNT_COMPARED), "mismatched", sum(p, m, COUNT_MISMATCHED), "skipped",
        sum(p, m, COUNT_SKIPPED), "latency_delta_ms_p50", p50, "samples", samples_of(m));
}

/* All of that route, or simply all when there is no name; in the order of the file. False: none. */
static bool add_mirrors(struct weir_process *p, const struct mirrors *all, const char *route,
                        json_t *list)
{
    bool found = !route;
    for (const struct mirror *m = all->first; m; m = m->next) {
        if (route && !slice_eq(m->route, slice_str(route)))
            continue;
        found = true;
        json_array_insert_new(list, 0, mirror_of(p, m));
    }
    return found;
}

static void answer(struct weir_process *p, const struct mirrors *all, const char *route,
                   struct weir_reply *reply)
{
    json_t *list = json_array();
    if (!add_mirrors(p, all, route, list)) {
        weir_reply_error(reply, 404, "route",
                         "no route of this name has a mirror; leave it out to see all");
        json_decref(list);
        return;
    }
    json_t *out = json_pack("{s:o}", "mirrors", list);
    command_answer(reply, out);
}

void mirror_diffs(struct weir_process *p, void *local, const struct weir_request *rq,
                  struct weir_reply *reply)
{
    const struct mirror_process *mp = local;
    json_t *in = command_asked(rq);
    const json_t *route = json_object_get(in, "route");
    if (!mp)
        weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
    else if (route && !json_is_string(route))
        weir_reply_error(reply, 400, "route", "the route is given by its name, as a text");
    else
        answer(p, mp->all, json_string_value(route), reply);
    json_decref(in);
}
