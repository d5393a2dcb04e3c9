/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask and say (docs/fault.md), in the control process:
 *
 *     list     {"route": "reviews"}                                 without a route: all faults
 *     set      {"route": "reviews", "fault": "slow", "enabled": false, "percent": 2.5}
 *     stop_all {}                                                   none acts any more
 *     resume   {}                                                   those that are on act again
 *
 * What was said holds in all workers from the next request on, and over reloads. */

#include <math.h>

#include "fault/process.h"
#include "fault/ticket.h"
#include "common/command.h"

enum { PLACE_TEXT = 256 };

static void set_count(json_t *o, const char *key, uint64_t n)
{
    json_object_set_new(o, key, json_integer((json_int_t)n));
}

/* -- showing ---------------------------------------------------------------------------------- */

static void set_window(json_t *o, const struct weir_process *p, const struct fault *f)
{
    if (!f->stop.error_rate)
        return;
    const struct real_errors_sum sum =
        real_errors_sum(&f->cell->window, f->stop.window_ms * 1000, weir_now_us(p));
    set_count(o, "recent_requests", sum.requests);
    set_count(o, "recent_errors", sum.errors);
    json_object_set_new(o, "stops_above", json_real(f->stop.error_rate / 1e4));
}

static json_t *fault_json(struct weir_process *p, const struct faults *all, const struct fault *f)
{
    json_t *o = json_object();
    json_object_set_new(o, "route", json_slice(f->route));
    json_object_set_new(o, "fault", json_slice(f->name));
    json_object_set_new(o, "state", json_string(fault_state_word(fault_state_now(f, all, p))));
    json_object_set_new(o, "percent", json_real(fault_share(f->cell, f->percent) / 1e4));
    json_object_set_new(o, "at", json_string(f->at == AT_EDGE ? "edge" : "upstream"));
    set_count(o, "active", places_sum(&f->cell->places));
    for (unsigned i = 0; i < COUNT_N; i++)
        set_count(o, fault_counters[i].name, weir_count_sum(p, f->counters, i));
    set_window(o, p, f);
    if (f->owner.n)
        json_object_set_new(o, "owner", json_slice(f->owner));
    if (f->ends_s)
        json_object_set_new(o, "ends", json_slice(f->ends_text));
    return o;
}

/* Of a route; absent: of all. */
static void reply_list(struct weir_process *p, const struct faults *all, struct weir_slice route,
                       struct weir_reply *reply)
{
    json_t *list = json_array(), *o = json_object();
    const bool stopped = !all->enabled || atomic_load(&all->all->stopped);
    for (const struct fault *f = all->first; f; f = f->next)
        if (!route.p || slice_eq(route, f->route))
            json_array_append_new(list, fault_json(p, all, f));
    json_object_set_new(o, "stopped", json_boolean(stopped));
    json_object_set_new(o, "faults", list);
    command_answer(reply, o);
}

/* -- asking ----------------------------------------------------------------------------------- */

static struct weir_slice slice_of(const json_t *text)
{
    return (struct weir_slice){json_string_value(text), json_string_length(text)};
}

static bool has_route(const struct faults *all, struct weir_slice route)
{
    for (const struct fault *f = all->first; f; f = f->next)
        if (slice_eq(route, f->route))
            return true;
    return false;
}

static void list(struct weir_process *p, const struct faults *all, const json_t *asked,
                 struct weir_reply *reply)
{
    const struct weir_slice route = slice_of(json_object_get(asked, "route"));
    if (route.p && !has_route(all, route))
        weir_reply_error(reply, 404, "route", "no route called \"%.128s\" has a fault", route.p);
    else
        reply_list(p, all, route, reply);
}

/* -- saying ----------------------------------------------------------------------------------- */

/* NULL with a refusal. */
static const struct fault *find(const struct faults *all, const json_t *asked,
                                struct weir_reply *reply)
{
    const struct weir_slice route = slice_of(json_object_get(asked, "route")),
                            name = slice_of(json_object_get(asked, "fault"));
    if (!route.p || !name.p) {
        weir_reply_error(reply, 400, route.p ? "fault" : "route",
                         "\"route\" and \"fault\" are the names of a route and of its fault");
        return NULL;
    }
    for (const struct fault *f = all->first; f; f = f->next)
        if (slice_eq(f->route, route) && slice_eq(f->name, name))
            return f;
    weir_reply_error(reply, 404, "fault", "no route \"%.128s\" has a fault called \"%.128s\"",
                     route.p, name.p);
    return NULL;
}

/* As it is written in the configuration, without the sign. False: it is no share. */
static bool share_of(const json_t *percent, uint32_t *share)
{
    const double v = json_number_value(percent), millionths = round(v * 1e4);
    if (!json_is_number(percent) || !(v >= 0 && v <= 100) || fabs(millionths - v * 1e4) > 1e-6)
        return false;
    *share = (uint32_t)millionths;
    return true;
}

static bool check_set(const json_t *enabled, const json_t *percent, uint32_t *share,
                      struct weir_reply *reply)
{
    const char *wrong = !enabled && !percent                   ? "enabled"
                        : enabled && !json_is_boolean(enabled) ? "enabled"
                                                               : NULL;
    if (!wrong && percent && !share_of(percent, share))
        wrong = "percent";
    if (wrong)
        weir_reply_error(reply, 400, wrong,
                         "\"enabled\" is true or false, \"percent\" a number from 0 to 100 with up "
                         "to 4 places behind the point; at least one of them is needed");
    return !wrong;
}

/* All that an operator has said of it. */
static void tell(struct weir_reply *reply, const struct fault *f)
{
    const uint32_t mode = atomic_load(&f->cell->mode);
    json_t *o = json_object();
    json_object_set_new(o, "route", json_slice(f->route));
    json_object_set_new(o, "fault", json_slice(f->name));
    json_object_set_new(o, "percent", json_real(fault_share(f->cell, f->percent) / 1e4));
    if (mode == MODE_ON || mode == MODE_OFF)
        json_object_set_new(o, "enabled", json_boolean(mode == MODE_ON));
    command_tell(reply, o);
}

/* ... and as a file would say it. */
static void say_settings(struct weir_reply *reply, const struct fault *f)
{
    char place[PLACE_TEXT], setting[64];
    const uint32_t mode = atomic_load(&f->cell->mode);
    if (!fault_is_said(f->cell))
        weir_reply_filed(reply);
    snprintf(place, sizeof place, "routes > %.*s > fault > %.*s", SLICE_ARG(f->route),
             SLICE_ARG(f->name));
    snprintf(setting, sizeof setting, "percent = \"%.7g%%\"",
             fault_share(f->cell, f->percent) / 1e4);
    weir_reply_setting(reply, place, setting);
    snprintf(setting, sizeof setting, "enabled = %s",
             mode == MODE_ON || (mode == MODE_FILE && f->enabled) ? "true" : "false");
    weir_reply_setting(reply, place, setting);
}

static void set(struct weir_process *p, const struct faults *all, const json_t *asked,
                struct weir_reply *reply)
{
    const json_t *enabled = json_object_get(asked, "enabled"),
                 *percent = json_object_get(asked, "percent");
    const struct fault *f = find(all, asked, reply);
    uint32_t share = 0;
    if (!f || !check_set(enabled, percent, &share, reply))
        return;
    if (percent)
        fault_share_set(f->cell, share);
    if (enabled)
        fault_turn(f->cell, json_is_true(enabled));
    const char *state = fault_state_word(fault_state_now(f, all, p));
    weir_event(WEIR_LOG_INFO, "fault_changed",
               WEIR_FACTS(WEIR_FACT("route", f->route), WEIR_FACT("fault", f->name),
                          WEIR_FACT("state", slice_str(state))),
               "route %.*s by an operator: the fault %.*s is %s, %g%%", SLICE_ARG(f->route),
               SLICE_ARG(f->name), state, fault_share(f->cell, f->percent) / 1e4);
    tell(reply, f);
    fault_agree(f->cell, f->enabled, f->percent);
    say_settings(reply, f);
    reply_list(p, all, f->route, reply);
}

static void unset(struct weir_process *p, const struct faults *all, const json_t *asked,
                  struct weir_reply *reply)
{
    const struct fault *f = find(all, asked, reply);
    if (!f || !fault_is_said(f->cell))
        return;
    fault_unsay(f->cell);
    const char *state = fault_state_word(fault_state_now(f, all, p));
    weir_event(WEIR_LOG_INFO, "fault_changed",
               WEIR_FACTS(WEIR_FACT("route", f->route), WEIR_FACT("fault", f->name),
                          WEIR_FACT("state", slice_str(state))),
               "route %.*s as the file has it: the fault %.*s is %s, %g%%", SLICE_ARG(f->route),
               SLICE_ARG(f->name), state, f->percent / 1e4);
}

static void stop_all(struct weir_process *p, const struct faults *all, const json_t *asked,
                     struct weir_reply *reply)
{
    (void)asked;
    if (!atomic_exchange(&all->all->stopped, 1))
        weir_event(WEIR_LOG_WARN, "fault_all_stopped", NULL, 0,
                   "by an operator: no fault acts any more");
    weir_reply_setting(reply, "modules > fault", "enabled = false");
    reply_list(p, all, (struct weir_slice){0}, reply);
}

static void resume(struct weir_process *p, const struct faults *all, const json_t *asked,
                   struct weir_reply *reply)
{
    (void)asked;
    if (atomic_exchange(&all->all->stopped, 0))
        weir_event(WEIR_LOG_WARN, "fault_all_resumed", NULL, 0, "faults act again");
    reply_list(p, all, (struct weir_slice){0}, reply);
}

/* -- all of them ------------------------------------------------------------------------------ */

static void
run(struct weir_process *p, void *local, const struct weir_request *rq, struct weir_reply *reply,
    void (*fn)(struct weir_process *, const struct faults *, const json_t *, struct weir_reply *))
{
    const struct fault_process *fp = local;
    json_t *asked = command_asked(rq);
    if (fp)
        fn(p, fp->all, asked, reply);
    else
        weir_reply_error(reply, 409, NULL, "the control process has no memory for it");
    json_decref(asked);
}

static void run_list(struct weir_process *p, void *local, const struct weir_request *rq,
                     struct weir_reply *reply)
{
    run(p, local, rq, reply, list);
}

static void run_set(struct weir_process *p, void *local, const struct weir_request *rq,
                    struct weir_reply *reply)
{
    run(p, local, rq, reply, set);
}

static void run_unset(struct weir_process *p, void *local, const struct weir_request *rq,
                      struct weir_reply *reply)
{
    run(p, local, rq, reply, unset);
}

static void run_stop_all(struct weir_process *p, void *local, const struct weir_request *rq,
                         struct weir_reply *reply)
{
    run(p, local, rq, reply, stop_all);
}

static void run_resume(struct weir_process *p, void *local, const struct weir_request *rq,
                       struct weir_reply *reply)
{
    run(p, local, rq, reply, resume);
}

static const char *const of_fault[] = {"route", "fault", NULL};
static const char *const overrides_one[] = {"routes.{route}.fault.{fault}:percent,enabled", NULL};
static const char *const overrides_all[] = {"modules.fault:enabled=true", NULL};

const struct weir_command fault_commands[] = {
    {.name = "list", .run = run_list, .help = "faults, whether they act, and what they did"},
    {.name = "set",
     .changes = true,
     .run = run_set,
     .help = "turns a fault on or off, or changes "
             "its percent",
     .sets = "fault",
     .of = of_fault,
     .overrides = overrides_one,
     .undo = run_unset},
    {.name = "stop_all",
     .changes = true,
     .run = run_stop_all,
     .help = "stops all faults at once",
     .sets = "stopped",
     .overrides = overrides_all,
     .undo = run_resume},
    {.name = "resume",
     .changes = true,
     .run = run_resume,
     .help = "takes stop_all back",
     .sets = "stopped"},
    {0},
};
