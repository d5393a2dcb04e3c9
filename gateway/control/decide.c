/* SPDX-License-Identifier: Apache-2.0 */
/* From a request to a decision for the fleet, and from a decision to a request. A key is made of
 * values that operators write, so a slash in one of them is written as %2F: no two things have the
 * same key. */
#include "control/decide.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "config/option.h"
#include "control/overrides/overrides.h"

enum { SECONDS_MAX = 1000000000 }; /* longer is for good */
#define EXPIRES "expires"          /* the member, of those that have no other one that says it */

static bool may_tell(struct deciding *d, struct admin_answer *out);
static bool read_beside(struct deciding *d, struct admin_answer *out);
static bool has_room(const struct deciding *d, struct admin_answer *out);

/* -- keys -------------------------------------------------------------------------------------- */

static void add_value(struct text *t, const json_t *value)
{
    const char *s = json_string_value(value);
    const size_t n = json_string_length(value);
    for (size_t i = 0; i < n; i++) {
        const unsigned char c = (unsigned char)s[i];
        if (c == '/' || c == '%' || c <= ' ' || c == 0x7f)
            text_printf(t, "%%%02X", c);
        else
            text_char(t, s[i]);
    }
}

/* Members that aren't there leave nothing between two slashes, and behind the last one that is
 * there, nothing at all. False: it is too long. */
static bool write_key(char to[DECISION_KEY_MAX + 1], const struct decide_what *what,
                      const json_t *asked)
{
    struct text t;
    text_init_fixed(&t, to, DECISION_KEY_MAX);
    text_str(&t, what->module);
    text_char(&t, '/');
    text_str(&t, what->sets);
    for (size_t i = 0; what->of && what->of[i]; i++) {
        text_char(&t, '/');
        add_value(&t, json_object_get(asked, what->of[i]));
    }
    while (t.n && to[t.n - 1] == '/')
        t.n--;
    to[t.n] = '\0';
    return !t.cut;
}

/* -- what is asked for ------------------------------------------------------------------------- */

static char *dump(const json_t *j)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(15));
    must(text);
    return text;
}

/* What comes from another instance was checked there, but by a Weir or a configuration that may
 * differ, and Redis may hold anything. */
static bool fits(const struct deciding *d, struct slice key, struct admin_answer *out)
{
    const bool ok = d->what->sets && slice_eq(key, slice_str(d->key));
    if (!ok)
        admin_error(out, 409, NULL, "it isn't what its key says");
    return ok;
}

bool decide_begin(struct deciding *d, const struct decider *to, const struct decide_what *what,
                  const struct admin_request *rq, const json_t *asked, struct admin_answer *out)
{
    const json_t *fleet = json_object_get(asked, "fleet");
    *d =
        (struct deciding){.to = to, .what = what, .rq = rq, .asked = asked, .said = rq->said.n > 0};
    if (!what->sets || !write_key(d->key, what, asked))
        d->key[0] = '\0';
    if (!read_beside(d, out))
        return false;
    if (d->said)
        return fits(d, rq->said, out) && has_room(d, out);
    if (fleet && !json_is_boolean(fleet)) {
        admin_error(out, 400, "fleet",
                    "\"fleet\" is true (on all instances) or false (on this one)");
        return false;
    }
    d->fleet = json_is_true(fleet);
    return (!d->fleet || may_tell(d, out)) && has_room(d, out);
}

static bool is_short_enough(const struct deciding *d, struct admin_answer *out)
{
    char *text = dump(d->asked);
    const size_t n = strlen(text);
    free(text);
    if (n > DECISION_JSON_MAX)
        admin_error(out, 400, "fleet",
                    "the fleet takes decisions of up to %d bytes, this one has %zu",
                    DECISION_JSON_MAX, n);
    return n <= DECISION_JSON_MAX;
}

/* All that could stand against it is found before anything is done. */
static bool may_tell(struct deciding *d, struct admin_answer *out)
{
    const char *why = NULL;
    if (!d->what->sets || d->what->alone)
        admin_error(out, 409, "fleet",
                    "this can't be said to the fleet, as it holds for one instance only");
    else if (!d->to)
        admin_error(out, 409, "fleet",
                    "there is no fleet: this instance is on its own, as its configuration has no "
                    "group \"fleet\"");
    else if (!d->key[0])
        admin_error(out, 400, "fleet", "the names of what it is about are too long for the fleet");
    else if (!is_short_enough(d, out))
        return false;
    else if ((why = d->to->refuse(d->to->ctx, slice_str(d->key))))
        admin_error(out, 409, "fleet", "%s", why);
    else
        return true;
    return false;
}

/* -- what stands beside it --------------------------------------------------------------------- */

bool decide_expires(const json_t *value, uint64_t *seconds)
{
    uint64_t ms = 0;
    if (json_is_number(value)) {
        const double s = json_number_value(value);
        *seconds = s >= 1 && s < SECONDS_MAX ? (uint64_t)s : 0;
        return *seconds;
    }
    const struct slice text = slice_of(json_string_value(value), json_string_length(value));
    if (!text.n || !option_parse_ms(text, &ms) || ms < 1000 || ms / 1000 >= SECONDS_MAX)
        return false;
    *seconds = ms / 1000;
    return true;
}

/* A grant that another instance tells of has another "expires" than ours. */
static bool read_beside(struct deciding *d, struct admin_answer *out)
{
    const json_t *reason = json_object_get(d->asked, "reason"),
                 *expires = json_object_get(d->asked, EXPIRES);
    d->reason = json_string_value(reason);
    if (reason && !json_is_null(reason) && json_string_length(reason) > OVERRIDE_REASON_MAX)
        d->reason = NULL;
    if (reason && !json_is_null(reason) && !d->reason) {
        admin_error(out, 400, "reason", "\"reason\" is a text of up to %d bytes",
                    OVERRIDE_REASON_MAX);
        return false;
    }
    if (!expires || json_is_null(expires) || d->what->lasts)
        return true;
    if (d->what->overrides && !d->what->settings)
        admin_error(out, 400, EXPIRES,
                    "this brings back what the configuration says, and that has no end; leave "
                    "\"expires\" out");
    else if (!decide_expires(expires, &d->expires_s))
        admin_error(out, 400, EXPIRES,
                    "\"expires\" says how long it lasts: seconds, from 1 on, or a text such as "
                    "\"2h\"");
    return d->expires_s;
}

/* What overrides nothing needs none. */
static bool has_room(const struct deciding *d, struct admin_answer *out)
{
    if (!d->what->overrides || !d->what->settings || !d->key[0] ||
        overrides_have_room(d->what->overrides, slice_str(d->key)))
        return true;
    admin_error(out, 409, NULL,
                "as many settings are overridden as admin.overrides allows; weirctl overrides "
                "shows them, weirctl overrides drop ends one");
    return false;
}

/* -- what was done ----------------------------------------------------------------------------- */

/* The answer is an object already. */
static void add_member(struct text *body, const char *value)
{
    while (body->n && body->p[body->n - 1] != '}')
        body->n--;
    must(body->n);
    body->n--;
    body->comma = body->n && body->p[body->n - 1] != '{';
    json_key(body, "fleet");
    json_str(body, value);
    json_close(body, '}');
    text_char(body, '\n');
}

/* In milliseconds; 0: until another decision. */
static uint64_t time_of(const struct deciding *d, const json_t *said)
{
    const double s = d->what->lasts ? json_number_value(json_object_get(said, d->what->lasts))
                                    : (double)d->expires_s;
    return s > 0 && s < SECONDS_MAX ? (uint64_t)(s * 1000) : 0;
}

static void add_time(const struct deciding *d, const json_t *said, struct decision *to)
{
    to->left_ms = time_of(d, said);
    if (to->left_ms)
        to->lasts = slice_str(d->what->lasts ? d->what->lasts : EXPIRES);
}

/* What became of it; NULL: that isn't known yet. The key is that of the whole: a module may have
 * given a name to something. */
static const char *tell(struct deciding *d, const json_t *said)
{
    char *text = dump(said);
    const char *result = "not told: all of it together is too long";
    struct decision decision = {.path = d->what->path, .json = slice_str(text)};
    add_time(d, said, &decision);
    if (write_key(d->key, d->what, said) && decision.json.n <= DECISION_JSON_MAX) {
        decision.key = slice_str(d->key);
        result = d->to->tell(d->to->ctx, &decision);
    }
    free(text);
    return result;
}

void decide_told(struct admin_pending *asked, const char *result)
{
    add_member(&asked->answer.body, result);
    admin_complete(asked);
}

static void answer_later(const struct deciding *d, const struct admin_answer *out)
{
    struct admin_pending *asked = admin_pend(d->rq);
    asked->answer.type = out->type;
    text_add(&asked->answer.body, text_slice(&out->body));
    d->to->wait(d->to->ctx, slice_str(d->key), asked);
}

/* All that counts now, and nothing of how it was asked for; owned by the caller. */
static json_t *thing_of(const struct deciding *d, const json_t *whole)
{
    json_t *thing = whole ? json_copy((json_t *)whole) : json_copy((json_t *)d->asked);
    must(thing);
    json_object_del(thing, "fleet");
    json_object_del(thing, "reason");
    if (!d->what->lasts)
        json_object_del(thing, EXPIRES);
    return thing;
}

static void copy_to(char *to, size_t size, struct slice s)
{
    snprintf(to, size, "%.*s", s.n < size ? (int)s.n : (int)size - 1, s.n ? s.p : "");
}

static const char *setting_of(const struct deciding *d, const json_t *thing,
                              char to[SETTING_MAX + 1])
{
    for (size_t i = 0; d->what->settings[i]; i++)
        if (setting_fill(d->what->settings[i], thing, to))
            return to;
    to[0] = '\0';
    return to;
}

static void add_override(const struct deciding *d, const json_t *thing, const char *text)
{
    static struct override is; /* large; and zeros behind each text */
    const uint64_t ms = time_of(d, thing);
    is = (struct override){0};
    copy_to(is.key, sizeof is.key, slice_str(d->key));
    copy_to(is.path, sizeof is.path, d->what->path);
    copy_to(is.json, sizeof is.json, slice_str(text));
    copy_to(is.who, sizeof is.who, d->rq->who);
    copy_to(is.reason, sizeof is.reason, slice_str(d->reason ? d->reason : ""));
    copy_to(is.says, sizeof is.says, d->says.n > OVERRIDE_SAYS_MAX ? SLICE("\n") : d->says);
    setting_of(d, thing, is.setting);
    is.until_s = ms ? overrides_now_s(d->what->overrides) + (ms + 999) / 1000 : 0;
    overrides_add(d->what->overrides, &is);
}

static void mark(struct deciding *d, const json_t *whole)
{
    json_t *thing = thing_of(d, whole);
    char *text = dump(thing);
    const bool named = write_key(d->key, d->what, thing);
    if (named && (d->filed || !d->what->settings))
        overrides_returned(d->what->overrides, slice_str(d->key), d->rq->who);
    else if (named && strlen(text) <= DECISION_JSON_MAX)
        add_override(d, thing, text);
    else
        event_error("override_unmarked", KV("sets", d->what->sets), KV_SLICE("who", d->rq->who));
    free(text);
    json_decref(thing);
}

/* What the others are to be told, with what stood beside it here. */
static const char *tell_all(struct deciding *d, const json_t *whole)
{
    json_t *said = json_copy((json_t *)(whole ? whole : d->asked));
    must(said);
    json_object_set_new(said, "fleet", json_true());
    if (d->reason && whole)
        json_object_set_new(said, "reason", json_string(d->reason));
    if (d->expires_s && whole)
        json_object_set_new(said, EXPIRES, json_integer((json_int_t)d->expires_s));
    const char *result = tell(d, said);
    json_decref(said);
    return result;
}

void decide_end(struct deciding *d, struct slice whole, struct admin_answer *out)
{
    json_t *all = whole.n ? json_loadb(whole.p, whole.n, JSON_ALLOW_NUL, NULL) : NULL;
    const json_t *said = json_is_object(all) ? all : NULL;
    if (d->to && !d->said && !d->fleet && d->key[0])
        d->to->changed(d->to->ctx, slice_str(d->key));
    if (d->what->overrides && d->what->sets)
        mark(d, said);
    const char *result = d->fleet ? tell_all(d, said) : NULL;
    json_decref(all);
    if (!d->fleet)
        return;
    if (!result && d->rq->client)
        answer_later(d, out);
    else
        add_member(&out->body, result ? result : "being told");
}

/* -- what another instance has decided --------------------------------------------------------- */

static const struct admin_row *find_row(const struct admin_row *rows, size_t n, struct slice path)
{
    for (size_t i = 0; i < n; i++)
        if (slice_starts(path, slice_str(rows[i].path)))
            return &rows[i];
    return NULL;
}

static void read_error(const struct admin_answer *out, char why[DECISION_WHY_MAX])
{
    json_t *j = json_loadb(out->body.p ? out->body.p : "", out->body.n, 0, NULL);
    const char *error = json_string_value(json_object_get(j, "error"));
    snprintf(why, DECISION_WHY_MAX, "%s", error ? error : "it was refused");
    json_decref(j);
}

/* Time has passed since it was decided. Whole seconds, as some times are only that. */
static char *content_of(const struct decision *d)
{
    char lasts[DECISION_KEY_MAX + 1];
    json_t *j = json_loadb(d->json.p, d->json.n, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(j)) {
        json_decref(j);
        return NULL;
    }
    if (d->lasts.n) {
        snprintf(lasts, sizeof lasts, "%.*s", SLICE_ARG(d->lasts));
        json_object_set_new(j, lasts, json_integer((json_int_t)((d->left_ms + 999) / 1000)));
    }
    char *text = dump(j);
    json_decref(j);
    return text;
}

static bool run(const struct admin_row *row, const struct decision *d, const char *content,
                char why[DECISION_WHY_MAX])
{
    const struct admin_request rq = {.method = METHOD_POST,
                                     .path = d->path,
                                     .rest = slice_from(d->path, strlen(row->path)),
                                     .content = slice_str(content),
                                     .may_change = true,
                                     .who = d->by.n ? d->by : SLICE("the fleet"),
                                     .said = d->key};
    struct admin_answer out = {.status = 200};
    text_init(&out.body);
    row->answer(row->ctx, &rq, &out);
    if (out.status != 200)
        read_error(&out, why);
    text_fini(&out.body);
    return out.status == 200;
}

bool decide_run(const struct admin_row *rows, size_t n, const struct decision *d,
                char why[DECISION_WHY_MAX])
{
    const struct admin_row *row = find_row(rows, n, d->path);
    char *content = content_of(d);
    bool ok = false;
    if (!row)
        snprintf(why, DECISION_WHY_MAX, "nothing here takes decisions of that kind");
    else if (!content)
        snprintf(why, DECISION_WHY_MAX, "what it says is no JSON object");
    else
        ok = run(row, d, content, why);
    free(content);
    return ok;
}
