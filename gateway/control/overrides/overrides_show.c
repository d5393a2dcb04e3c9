/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see of overrides, and say:
 *
 *     POST /v1/overrides                        all of them; {"config": true}: and what is
 *                                               configured
 *     POST /v1/overrides/drop {"key": "..."}    undoes one
 *     POST /v1/overrides/fragment               as settings of a configuration, as text */
#include <jansson.h>
#include <string.h>
#include <time.h>

#include "control/overrides/overrides.h"
#include "core/stats/exposition.h"

/* -- the list ---------------------------------------------------------------------------------- */

static void write_seconds(struct text *t, const char *key, uint64_t s)
{
    json_key(t, key);
    if (s)
        json_uint(t, s);
    else
        json_str(t, NULL);
}

static void write_setting(struct text *t, const char *setting)
{
    struct text shown;
    text_init(&shown);
    setting_show(setting, &shown);
    json_key(t, "setting");
    json_slice(t, text_slice(&shown));
    json_key(t, "where");
    json_str(t, setting);
    text_fini(&shown);
}

static void write_one(struct text *t, const struct override *is)
{
    json_open(t, '{');
    json_key(t, "id");
    json_uint(t, is->id);
    json_key(t, "key");
    json_str(t, is->key);
    write_setting(t, is->setting);
    json_key(t, "path");
    json_str(t, is->path);
    json_key(t, "value");
    json_raw(t, slice_str(is->json));
    write_seconds(t, "at", is->at_s);
    write_seconds(t, "until", is->until_s);
    json_key(t, "who");
    json_str(t, is->who);
    json_key(t, "reason");
    json_str(t, is->reason[0] ? is->reason : NULL);
    json_close(t, '}');
}

void overrides_write(const struct overrides *o, struct text *t)
{
    struct override is;
    json_open(t, '[');
    for (size_t at = 0; o && override_next(o->cell, false, &at, &is);)
        write_one(t, &is);
    json_close(t, ']');
}

static bool wants_config(const struct admin_request *rq)
{
    json_t *asked = admin_asked(rq);
    const bool wants = json_is_true(json_object_get(asked, "config"));
    json_decref(asked);
    return wants;
}

void overrides_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct overrides *o = ctx;
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "overrides");
    overrides_write(o, &out->body);
    if (wants_config(rq)) {
        json_key(&out->body, "config");
        json_raw(&out->body, o->effective);
    }
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

/* -- dropping ---------------------------------------------------------------------------------- */

static void drop(struct overrides *o, const char *key, const struct admin_request *rq,
                 struct admin_answer *out)
{
    struct override is;
    const struct slice of = slice_str(key);
    if (!override_find(o->cell, of, &is) || !overrides_undo(o, &is, "dropped", rq->who)) {
        admin_error(out, 404, "key",
                    "nothing is overridden under that key; weirctl overrides shows what is");
        return;
    }
    if (o->decider)
        o->decider->changed(o->decider->ctx, of);
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "dropped");
    write_one(&out->body, &is);
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
}

void overrides_drop_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    json_t *asked = admin_asked(rq);
    const char *key = json_string_value(json_object_get(asked, "key"));
    if (!admin_may_change(rq, out)) {
        json_decref(asked);
        return;
    }
    if (key)
        drop(ctx, key, rq, out);
    else
        admin_error(out, 400, "key",
                    "\"key\" is the key of an override, as weirctl overrides "
                    "shows it");
    json_decref(asked);
}

/* -- as settings ------------------------------------------------------------------------------- */

static void add_time(struct text *t, uint64_t s)
{
    const time_t at = (time_t)s;
    struct tm tm;
    char shown[32];
    gmtime_r(&at, &tm);
    strftime(shown, sizeof shown, "%Y-%m-%d %H:%M:%S UTC", &tm);
    text_str(t, shown);
}

/* What operators wrote must not end the comment. */
static void add_plain(struct text *t, const char *s)
{
    for (; *s; s++)
        text_char(t, (unsigned char)*s < ' ' || *s == 0x7f ? ' ' : *s);
}

static void add_head(struct text *t, const struct override *is)
{
    text_str(t, "\n# ");
    add_plain(t, is->key);
    text_str(t, ", by ");
    add_plain(t, is->who[0] ? is->who : "somebody");
    text_str(t, " at ");
    add_time(t, is->at_s);
    if (is->until_s) {
        text_str(t, ", until ");
        add_time(t, is->until_s);
    }
    if (is->reason[0]) {
        text_str(t, ": ");
        add_plain(t, is->reason);
    }
    text_char(t, '\n');
}

/* Lines of "PLACE\tNAME = VALUE": one place after the other. */
static void add_settings(struct text *t, const char *says)
{
    struct slice last = {0};
    for (struct slice rest = slice_str(says); rest.n;) {
        struct slice line = slice_cut(&rest, '\n');
        const struct slice place = slice_cut(&line, '\t');
        if (!slice_eq(place, last))
            text_printf(t, "# in %.*s:\n", SLICE_ARG(place));
        text_printf(t, "%.*s;\n", SLICE_ARG(line));
        last = place;
    }
}

static void add_one(struct text *t, const struct override *is)
{
    add_head(t, is);
    if (is->says[0] && is->says[0] != '\n') {
        add_settings(t, is->says);
        return;
    }
    text_str(t, is->says[0] ? "# Too long to be written here: " : "# No file can say that: ");
    add_plain(t, is->json);
    text_char(t, '\n');
}

void overrides_fragment_answer(void *ctx, const struct admin_request *rq, struct admin_answer *out)
{
    const struct overrides *o = ctx;
    struct override is;
    struct text t;
    (void)rq;
    text_init(&t);
    text_str(&t, "# Overrides in force at ");
    add_time(&t, o->loop->clock.wall_us / 1000000);
    text_str(&t, ". Each setting belongs into the place\n"
                 "# that stands above it, instead of the one of its name that is there.\n");
    for (size_t at = 0; override_next(o->cell, false, &at, &is);)
        add_one(&t, &is);
    out->type = SLICE("application/json");
    json_open(&out->body, '{');
    json_key(&out->body, "fragment");
    json_slice(&out->body, text_slice(&t));
    json_close(&out->body, '}');
    text_char(&out->body, '\n');
    text_fini(&t);
}

/* -- metrics ----------------------------------------------------------------------------------- */

static const struct metric rows[] = {
    {"weir_overrides", METRIC_GAUGE, NULL,
     "Settings that are overridden at run time (weirctl overrides)", 0},
    {"weir_overrides_refused", METRIC_COUNTER, NULL,
     "Changes at run time that were refused because admin.overrides were in force", 0},
};

void metrics_of_overrides(void *overrides, struct exposition *e)
{
    const struct overrides *o = overrides;
    if (!o->cell)
        return;
    expose_value(e, &rows[0], override_count(o->cell));
    expose_value(e, &rows[1], atomic_load(&o->cell->refused));
}

void overrides_metrics_reference(struct text *out)
{
    metrics_table(out, "Overrides", "See docs/overrides.md.", rows, array_n(rows));
}
