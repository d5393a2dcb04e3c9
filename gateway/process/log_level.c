/* SPDX-License-Identifier: Apache-2.0 */
/* Showing and setting the error log's level. */
#include "process/log_level.h"

#include <jansson.h>
#include <stdio.h>

#include "base/event.h"
#include "control/decide.h"
#include "control/overrides/overrides.h"

static void show(const struct log_levels *l, struct admin_answer *out)
{
    const uint64_t shared = atomic_load(&l->board->log_level);
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "level");
    json_str(&out->body,
             log_level_name(shared ? (enum log_level)(shared - 1) : (enum log_level)l->configured));
    json_key(&out->body, "configured");
    json_str(&out->body, log_level_name((enum log_level)l->configured));
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

/* Told at the more talkative of both levels, or nobody would see who silenced the log. */
static void set(struct log_levels *l, enum log_level level)
{
    event_warn("log_level_set", KV("level", log_level_name(level)));
    atomic_store(&l->board->log_level, (uint64_t)level + 1);
}

static void undo(struct log_levels *l)
{
    event_warn("log_level_set", KV("level", log_level_name((enum log_level)l->configured)));
    atomic_store(&l->board->log_level, 0);
}

/* What the configuration says needs no word of ours, so that it may say something else later. */
static void decide(struct log_levels *l, const struct admin_request *rq, const json_t *asked,
                   enum log_level level, struct admin_answer *out)
{
    static const char *const settings[] = {"log.level", NULL};
    const struct decide_what what = {.module = "log",
                                     .sets = "level",
                                     .path = SLICE("/v1/logs/level"),
                                     .alone = true,
                                     .settings = settings,
                                     .overrides = l->overrides};
    struct deciding d;
    char says[64];
    if (!decide_begin(&d, NULL, &what, rq, asked, out))
        return;
    d.filed = (int)level == l->configured;
    if (d.filed)
        undo(l);
    else
        set(l, level);
    show(l, out);
    snprintf(says, sizeof says, "log\tlevel = \"%s\"\n", log_level_name(level));
    d.says = slice_str(says);
    decide_end(&d, SLICE(""), out);
}

static void change(struct log_levels *l, const struct admin_request *rq, const json_t *asked,
                   enum log_level level, struct admin_answer *out)
{
    if (rq->how == ADMIN_ASKED) {
        decide(l, rq, asked, level, out);
        return;
    }
    if (rq->how == ADMIN_UNDO)
        undo(l);
    else
        set(l, level);
    show(l, out);
}

void log_level_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    struct log_levels *l = ctx;
    enum log_level level;
    if (rq->method != METHOD_POST) {
        show(l, out);
        return;
    }
    json_t *o = admin_asked(rq);
    const json_t *word = json_object_get(o, "level");
    if (json_is_object(o) && !word)
        show(l, out);
    else if (!json_is_string(word) || !log_level_from(slice_str(json_string_value(word)), &level))
        admin_error(out, 400, "level", "a level is \"error\", \"warn\", \"info\" or \"trace\"");
    else if (admin_may_change(rq, out))
        change(l, rq, o, level, out);
    json_decref(o);
}
